"""Renames (AP-21): `moved_from` on an upstream's entity changes the key of a tenant's copy, without delete and create.

The tenant's state is read as if the renames, links included, were already applied, so that the comparison needs no
special case. The renames themselves are differences that need no option.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from reconciler.core.desired.wanted import Upstream
from reconciler.core.schema import ReferenceNodes, fields_of, kinds_in, names_an_entity, reference_nodes, values_in
from reconciler.core.states import changed
from reconciler.model.plans.change import Obstacle, Rename
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId, noun
from reconciler.model.values.plain_values import Body, Path, Value, get, put

KEY: Path = ("key",)
FIELD = "moved_from"
RENAMED = "AP-21"


@dataclass(frozen=True, slots=True)
class RenamedState:
    """A tenant's state with its copies under their new keys, and ``before``: the state as it is.

    ``origins``: renamed entities, new identity to old. ``refused``: renames that are blocked because the new key is in
    use. ``among``: the only entities that were checked (``None``: all).
    """

    state: State
    before: State
    origins: Mapping[EntityId, EntityId] = field(default_factory=dict)
    refused: Mapping[EntityId, EntityId] = field(default_factory=dict)
    among: Collection[EntityId] | None = None

    def was(self, id: EntityId) -> Entity | None:
        """The entity as the tenant has it now."""
        return self.before.get(self.origins.get(id, id))

    def differences(self) -> Iterator[Rename]:
        """The differences in keys and links that the renames make, and those that are refused."""
        for new, old in self.refused.items():
            detail = (
                f'the tenant has a {noun(new.kind)} "{new.key}" of its own, so that "{old.key}" cannot get this key'
            )
            mend = "rename its own, or set adopt: true in its policy to take it over"
            refused = Obstacle(RENAMED, f"{detail}; {mend}")
            yield Rename(old, KEY, old.key, new.key, RENAMED, obstacles=(refused,))
        among = self.state if self.among is None else (id for id in self.among if id in self.state)
        for id in among if self.state is not self.before else ():
            after, before = self.state[id], self.was(id)
            if before is after or before is None:
                continue
            if before.id != id:
                yield Rename(id, KEY, before.id.key, id.key, RENAMED)
            for path, _, mine in values_in(before.body, _links(id.kind)):
                theirs = get(after.body, path)
                if mine != theirs:
                    yield Rename(id, path, mine, theirs, RENAMED)


def old_keys(state: State) -> dict[EntityId, tuple[EntityId, ...]]:
    """The former keys that an upstream's entities declare; all of them, since a tenant may have missed some renames."""
    found = {id: each.body.get(FIELD) for id, each in state.items()}
    return {id: tuple(EntityId(id.kind, old) for old in olds) for id, olds in found.items() if olds}


def with_renames(state: State, upstream: Upstream, blocks: Callable[[str], bool]) -> RenamedState:
    """A tenant's state after the renames. A copy is renamed if the new key is free and the upstream no longer has the
    old one.

    Links follow; links of copies also follow a rename upstream if the tenant lacks the target. ``blocks``: whether an
    own entity of a kind under the new key blocks the rename (or else is linked to).
    """
    origin = upstream.key
    origins: dict[EntityId, EntityId] = {}
    refused: dict[EntityId, EntityId] = {}
    for new, old in ((new, old) for new, olds in sorted(upstream.names.items()) for old in olds):
        have, there = state.get(old), state.get(new)
        due = have is not None and have.origin == origin and new in upstream.state and old not in upstream.state
        if due and there is None and new not in origins and old not in origins.values():
            origins[new] = old
        elif due and there is not None and there.origin != origin and blocks(new.kind):
            refused[new] = old
    links = LinkRenames(news={old: new for new, old in origins.items()}, lacked=_lacked(state, upstream))
    if not links.news and not links.lacked:
        return RenamedState(state, state, {}, refused)
    after = {links.news.get(id, id): _followed(each, links, upstream) for id, each in state.items()}
    return RenamedState(after, state, origins, refused)


def as_called_now(ids: Collection[EntityId], upstream: Upstream) -> frozenset[EntityId]:
    """The identities, and for those that the upstream renamed also their new identities (AP-21)."""
    names = upstream.names.items() if ids else ()
    renamed = {new for new, olds in names for old in olds if old in ids and old not in upstream.state}
    return frozenset({*ids, *renamed})


def relinked(state: State, upstream: Upstream, among: Collection[EntityId]) -> RenamedState:
    """Like `with_renames`, for a tenant without renames: only links of these entities may change."""
    links = LinkRenames(news={}, lacked=_lacked(state, upstream))
    there = [state[id] for id in among if id in state] if links.lacked else []
    after = {each.id: _followed(each, links, upstream) for each in there}
    news: dict[EntityId, Entity | None] = {each.id: after[each.id] for each in there if after[each.id] is not each}
    return RenamedState(changed(state, news) if news else state, state, among=among)


def _lacked(state: State, upstream: Upstream) -> Mapping[EntityId, EntityId]:
    """Renames of entities that the tenant lacks, old identity to new: its copies may still link to them
    (`add_on_of`).
    """
    return {old: new for new, olds in upstream.names.items() for old in olds if old not in state}


def _followed(entity: Entity, links: "LinkRenames", upstream: Upstream) -> Entity:
    """The entity under its new key, if it has one, with its links updated.

    An entity of another origin, such as a mirror, is left alone: it follows its own source.
    """
    if entity.origin not in (None, upstream.key):
        return entity
    id = links.news.get(entity.id, entity.id)
    body = entity.body
    nodes = _links(id.kind)
    if not links.kinds.isdisjoint(kinds_in(nodes)):
        original = upstream.state.get(id) if entity.origin == upstream.key else None
        body = links.followed(body, original.body if original else {}, nodes)
    return entity if id == entity.id and body == entity.body else Entity(id, body, entity.origin)


@cache
def _links(kind: str) -> ReferenceNodes:
    """The fields of a kind that link to entities that a tenant may have."""
    return reference_nodes(fields_of(kind), names_an_entity)


@dataclass(frozen=True)
class LinkRenames:
    """The renames that links follow, old identity to new.

    ``news``: renames in the tenant, which every link follows. ``lacked``: renames of entities that the tenant lacks; a
    copy's link follows if the original links to the new key.
    """

    news: Mapping[EntityId, EntityId]
    lacked: Mapping[EntityId, EntityId]

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(old.kind for old in (*self.news, *self.lacked))

    def followed(self, mine: Body, original: Body, nodes: ReferenceNodes) -> Body:
        """A body with its links updated. ``original``: the body that it is a copy of, or empty."""
        theirs = {path: value for path, _, value in values_in(original, nodes)} if self.lacked else {}
        for path, ref, value in values_in(mine, nodes):
            new = self._named(ref.kind, value, theirs.get(path, ()))
            if new != value:
                mine = put(mine, path, new)
        return mine

    def _named(self, kind: str, value: Value, theirs: Value) -> Value:
        known = {theirs} if isinstance(theirs, str) else set(theirs)
        if isinstance(value, str):
            return self._key(kind, value, known)
        return sorted({self._key(kind, key, known) for key in value})

    def _key(self, kind: str, key: str, theirs: set[str]) -> str:
        old = EntityId(kind, key)
        new = self.lacked.get(old)
        return new.key if new and new.key in theirs else self.news.get(old, old).key
