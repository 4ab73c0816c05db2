"""Leftovers: what came down to a tenant, is wanted no more, and is removed by no option (RULES.md, `unmanaged`).

A category whose plans moved away, for instance. Something that an entity of the tenant still refers to is none, and
neither is a retired plan or product: that is as it should be.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from reconciler.core.delegation import has_needs
from reconciler.core.desired import Desired
from reconciler.core.shape import Branch, KindShape, RuleBook, named_in
from reconciler.core.sketch import came_down, fetched
from reconciler.model.documents import DISABLED
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId
from reconciler.model.values import Body, Value

LEFT_OVER = "nothing wants it any more, and no option removes it; remove it in the tenant, or leave it"
_RETIRED: Mapping[str, tuple[str, Value]] = {"Plan": ("status", DISABLED), "Product": ("active", False)}
"""By kind, the field and value of an entity that was taken off sale rather than removed (CB-08, IW-23)."""


@dataclass(frozen=True, slots=True)
class InSync:
    """What is known of a tenant without its bodies being read.

    ``besides``: what came down and is not what every tenant of its kind should have. ``copies``: entities that are in
    sync, unless they are among the ``differing``. ``naming``: by an entity that nobody wants, the copies that name it.
    ``wanted``: what every tenant of the kind should have, by kind.
    """

    besides: frozenset[EntityId]
    copies: Container[EntityId]
    differing: Container[EntityId]
    naming: Callable[[], Mapping[EntityId, frozenset[EntityId]]]
    wanted: Callable[[], Mapping[str, tuple[EntityId, ...]]]

    def has(self, id: EntityId) -> bool:
        """Whether an entity is in sync, and so names what its upstream's body names."""
        return id in self.copies and id not in self.differing

    def names(self, id: EntityId) -> bool:
        """Whether something that is in sync names the entity."""
        return any(map(self.has, self.naming().get(id, ())))


def leftovers(
    desired: Desired, actual: State, rules: RuleBook, *, spared: Iterable[EntityId], in_sync: InSync | None
) -> list[Entity]:
    """The leftovers of a tenant, by identity. ``spared``: what is wanted under another key (AP-21).

    ``in_sync``: what need not be looked at; ``None``: everything is.
    """
    origin = desired.upstream.key
    came = came_down(actual, origin) if in_sync is None else in_sync.besides
    left = {id for id in came if _may_be_left(rules.kinds.get(id.kind))} - desired.wanted.keys()
    left -= desired.upstream.held.keys() | set(spared)
    if left and in_sync:
        left = {id for id in left if not in_sync.names(id)}
    if left:
        left -= _wanted_by_what_is_held(desired, rules)
        left -= set(_referred_to(left, actual, rules, in_sync))
    state = fetched(actual, left)
    return [state[id] for id in sorted(left) if not _is_retired(state[id])]


def _may_be_left(shape: KindShape | None) -> bool:
    """Whether no option removes entities of a kind."""
    return shape is not None and shape.sync.removed is None


def _is_retired(entity: Entity) -> bool:
    field, value = _RETIRED.get(entity.id.kind, ("", None))
    return bool(field) and entity.body.get(field) == value


def named_by(id: EntityId, body: Body, rules: RuleBook) -> set[EntityId]:
    """The entities of a tenant that a body refers to, itself aside."""
    found: set[tuple[str, str]] = set()
    named_in(body, rules.branches(id.kind, "any"), found)
    return {EntityId(*each) for each in found} - {id}


def _wanted_by_what_is_held(desired: Desired, rules: RuleBook) -> set[EntityId]:
    """What is needed by entities that are wanted and do not come, withheld above or blocked: they want it all the same.

    It is not among what is wanted, so that it does not come without them.
    """
    upstream = desired.upstream
    queue = [(id, each.body) for id, each in desired.wanted.items() if each.covers is None and not has_needs(each)]
    found: set[EntityId] = set()
    while queue:
        id, body = queue.pop()
        for target in _needed_by(id, body, rules) - found:
            found.add(target)
            above = upstream.state.get(target) or upstream.held.get(target)
            if above is not None:
                queue.append((target, above.body))
    return found


def _needed_by(id: EntityId, body: Body, rules: RuleBook) -> set[EntityId]:
    found: set[tuple[str, str]] = set()
    named_in(body, rules.branches(id.kind) if id.kind in rules.kinds else (), found)
    return {EntityId(*each) for each in found}


def _referred_to(left: set[EntityId], actual: State, rules: RuleBook, in_sync: InSync | None) -> Iterator[EntityId]:
    """Which of these an entity of the tenant refers to, whosever it is; those in sync aside."""
    if not left:
        return
    kinds = {id.kind for id in left}
    naming = {kind for kind in rules.kinds if not kinds.isdisjoint(_kinds_in(rules.branches(kind, "any")))}
    ids = [id for id in actual if id.kind in naming and not (in_sync and in_sync.has(id))]
    state = fetched(actual, ids)
    for id in ids:
        yield from named_by(id, state[id].body, rules) & left


def _kinds_in(branches: tuple[Branch, ...]) -> Iterator[str]:
    for each in branches:
        if each.kind:
            yield each.kind
        yield from _kinds_in(each.inside)
