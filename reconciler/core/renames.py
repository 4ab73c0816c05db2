"""Renames (AP-21): `moved_from` on an upstream's entity gives the tenant's copy its new key, without delete and create.

The tenant's state is read as if it had been renamed already, links included, so that everything else is compared as
ever; what was renamed and relinked is written down beside it, under no option.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core.desired import Upstream
from reconciler.core.shape import FieldShape, fields_of
from reconciler.core.workspace import Tree, words
from reconciler.model.change import Action, Difference
from reconciler.model.diagnostics import Diagnostic
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId, noun
from reconciler.model.source import SourceDocument
from reconciler.model.sync import Always
from reconciler.model.values import Body, Path, Value

KEY: Path = ("key",)
FIELD = "moved_from"
RENAMED = Always(rule="AP-21")
FIXED = {
    "Provider": "its key is the origin of what came down from it",
    "SyncPolicy": "its key is the tenant's",
    "Resource": "the rates of plans go by its key",
}
"""Kinds whose keys stand where no rename reaches, and where."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A tenant's state with its copies under their new keys, and ``before``: as it is.

    ``origins``: what was renamed, new identity to old; ``refused``: what was not, as its new key is taken.
    """

    state: State
    before: State
    origins: Mapping[EntityId, EntityId] = field(default_factory=dict)
    refused: Mapping[EntityId, EntityId] = field(default_factory=dict)

    def was(self, id: EntityId) -> Entity | None:
        """The entity as the tenant has it."""
        return self.before.get(self.origins.get(id, id))

    def differences(self) -> Iterator[Difference]:
        """The keys and links that a rename changes, or would."""
        for new, old in self.refused.items():
            detail = (
                f'the tenant has a {noun(new.kind)} "{new.key}" of its own, so that "{old.key}" cannot get this key'
            )
            note = f"{detail}; rename its own, or set adopt: true in its policy to take it over"
            yield replace(_difference(old, KEY, old.key, new.key), note=note)
        for id, after in self.state.items():
            before = self.was(id)
            if before is after or before is None:
                continue
            if before.id != id:
                yield _difference(id, KEY, before.id.key, id.key)
            for path in _differing(before.body, after.body, fields_of(id.kind), ()):
                yield _difference(id, path, _at(before.body, path), _at(after.body, path))


def _difference(id: EntityId, path: Path, before: Value, after: Value) -> Difference:
    return Difference(id, Action.UPDATE, path, before, after, RENAMED, RENAMED.rule)


def old_keys(state: State) -> dict[EntityId, tuple[EntityId, ...]]:
    """What the entities of an upstream say that they were called: by every key, for a tenant may have missed some."""
    found = {id: each.body.get(FIELD) for id, each in state.items()}
    return {id: tuple(EntityId(id.kind, old) for old in olds) for id, olds in found.items() if olds}


def moved(state: State, upstream: Upstream, blocks: Callable[[str], bool]) -> Moved:
    """A tenant's state after the renames: of copies, where the new key is free and the old one gone above.

    ``blocks``: whether an own entity of a kind, under the new key, is in the way rather than linked to.
    """
    origin = upstream.key
    origins: dict[EntityId, EntityId] = {}
    refused: dict[EntityId, EntityId] = {}
    for new, old in ((new, old) for new, olds in sorted(upstream.renames.items()) for old in olds):
        have, there = state.get(old), state.get(new)
        due = have is not None and have.origin == origin and new in upstream.state and old not in upstream.state
        if due and there is None and new not in origins and old not in origins.values():
            origins[new] = old
        elif due and there is not None and there.origin != origin and blocks(new.kind):
            refused[new] = old
    if not origins:
        return Moved(state, state, {}, refused)
    news = {old: new for new, old in origins.items()}
    # What came from elsewhere, such as a mirror, follows its own source.
    after = {
        news.get(id, id): _relinked(each, news) if each.origin in (None, origin) else each for id, each in state.items()
    }
    return Moved(after, state, origins, refused)


def _relinked(entity: Entity, news: Mapping[EntityId, EntityId]) -> Entity:
    id = news.get(entity.id, entity.id)
    body = _with_new_links(entity.body, fields_of(id.kind), news)
    return entity if id == entity.id and body == entity.body else Entity(id, body, entity.origin)


def _with_new_links(body: Body, fields: tuple[FieldShape, ...], news: Mapping[EntityId, EntityId]) -> dict[str, Value]:
    result = dict(body)
    for each in fields:
        value = body.get(each.name)
        if not value:
            continue
        if each.type == "struct":
            result[each.name] = _with_new_links(value, each.fields, news)
        elif each.type == "items":
            result[each.name] = {key: _with_new_links(item, each.fields, news) for key, item in value.items()}
        elif each.ref and each.ref.at == "value":
            kind = each.ref.kind
            if isinstance(value, str):
                result[each.name] = _new_key(kind, value, news)
            else:
                result[each.name] = sorted({_new_key(kind, key, news) for key in value})
    return result


def _new_key(kind: str, key: str, news: Mapping[EntityId, EntityId]) -> str:
    id = EntityId(kind, key)
    return news.get(id, id).key


def _differing(before: Body, after: Body, fields: tuple[FieldShape, ...], path: Path) -> Iterator[Path]:
    """The paths of the links that differ; a set of links is one."""
    for each in fields:
        mine, theirs, here = before.get(each.name), after.get(each.name), (*path, each.name)
        if mine == theirs or not mine or not theirs:
            continue
        if each.type == "struct":
            yield from _differing(mine, theirs, each.fields, here)
        elif each.type == "items":
            for key in mine:
                yield from _differing(mine[key], theirs[key], each.fields, (*here, key))
        else:
            yield here


def _at(body: Value, path: Path) -> Value:
    for step in path:
        body = body[step]
    return body


def rename_problems(tree: Tree) -> Iterator[Diagnostic]:
    """A rename of what cannot be renamed, from a key that is there, or from one that another document has too."""
    first: dict[EntityId, EntityId] = {}
    for document in (*([tree.provider] if tree.provider else []), *tree.documents):
        for index, old in enumerate(document.entity.body.get(FIELD) or ()):
            source = EntityId(document.kind, old)
            summary, hint = _rename_problem(document, source, first.setdefault(source, document.id), tree)
            if summary:
                yield Diagnostic(document.place_of((FIELD, index)), "bad-rename", summary, hint)


def _rename_problem(document: SourceDocument, source: EntityId, first: EntityId, tree: Tree) -> tuple[str, str]:
    """What is wrong with a document's having been called otherwise, and a hint. ``first``: which said so first."""
    what = f'{words(document.kind)} "{document.key}"'
    if document.kind in FIXED:
        return f"{what} cannot be renamed: {FIXED[document.kind]}", f"remove {FIELD}"
    if tree.has(*source):
        summary = f'{what} says that it was "{source.key}", which is there as well (AP-21)'
        return summary, f"remove {FIELD}, or the other {words(document.kind)}"
    if first != document.id:
        summary = f'{what} and "{first.key}" both say that they were "{source.key}" (AP-21)'
        return summary, f"remove one {FIELD}"
    return "", ""
