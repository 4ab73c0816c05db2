"""Origins according to the journal: how records change the index, and how a state is read with it (ORIGIN-02,
ORIGIN-03).

A store keeps a `Lineage` as an index and changes it in the transaction of each journal record (`entered`). A plan gets
only the relevant part (`at_issue`): entities with another origin, and released ones. The state is then read as if every
origin were right (`Traced`), so that the comparison needs no special case; the origins are differences of their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from reconciler.core.records.change_records import entity_of
from reconciler.core.schema import FieldShape, fields_of, kind_shapes
from reconciler.core.states import corrected, fetched
from reconciler.model.documents.declarations import OWN_SHARED
from reconciler.model.plans.origins import RECLAIMED, RELEASED, Descent, Lineage
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, get, parse_path, put, render_path

ORIGIN: Path = ("origin",)
RESTORED, GIVEN_UP = "ORIGIN-02", "ORIGIN-03"
NOTHING: Lineage = {}
_NONE: frozenset[EntityId] = frozenset()


@cache
def _fields_with_origin(kind: str) -> tuple[FieldShape, ...]:
    """The maps of a kind whose items have an origin."""
    return tuple(each for each in fields_of(kind) if each.items and each.items.with_origin)


def item_origins(kind: str, body: Body) -> dict[Path, str | None]:
    """The origin of every item in a body that can have one, by its path."""
    return {
        (field.name, key): item.get("origin")
        for field in _fields_with_origin(kind)
        for key, item in (body.get(field.name) or {}).items()
    }


def entered(known: Lineage, changes: Iterable[Mapping[str, Any]], notes: Body) -> dict[EntityId, Descent | None]:
    """The changes of the index by a journal record: by entity, its new descent (``None``: none).

    ``known``: the index before, at least for the entities that the record names (`entities_named`). ``changes`` and
    ``notes``: the record's. An entry that is not a change of an entity is ignored.
    """
    found: dict[EntityId, Descent | None] = {}

    def now(id: EntityId) -> Descent | None:
        return found[id] if id in found else known.get(id)

    released, reclaimed = _marked(notes, RELEASED), _marked(notes, RECLAIMED)
    whole = {id for id, path in released if not path}
    for change in filter(_is_change, changes):
        id, was = _ids(change)
        if id in whole:
            found[id] = now(id) or Descent(change["change"]["before"]["origin"], _items(change["change"]["before"]))
            continue
        descent = _after(change, now(was))
        if was != id:
            found[was] = None
        found[id] = descent
    for id, path in (*released, *reclaimed):
        have = now(id)
        if have and path:
            found[id] = replace(have, items=have.items - {path})
        elif have:
            found[id] = replace(have, released=(id, path) in released)
    return {id: each for id, each in found.items() if each != known.get(id)}


def entities_named(changes: Iterable[Mapping[str, Any]], notes: Body) -> frozenset[EntityId]:
    """The entities that a journal record names, under their keys before and after."""
    marked = (id for note in (RELEASED, RECLAIMED) for id, _ in _marked(notes, note))
    return frozenset([*(id for change in filter(_is_change, changes) for id in _ids(change)), *marked])


def _is_change(change: Mapping[str, Any]) -> bool:
    return isinstance(change.get("change"), Mapping) and "type" in change and "name" in change


def _ids(change: Mapping[str, Any]) -> tuple[EntityId, EntityId]:
    """The identity of the entity after the change, and before it (AP-21)."""
    id, before = entity_of(change["type"], change["name"]), change["change"]["before"]
    return id, EntityId(before["kind"], before["key"]) if before else id


def _marked(notes: Body, name: str) -> list[tuple[EntityId, Path]]:
    marked = []
    for text in notes.get(name, ()):
        named, _, path = text.partition("#")
        kind, _, key = named.partition("/")
        marked.append((entity_of(kind, key), parse_path(path) if path else ()))
    return marked


def _items(document: Body) -> frozenset[Path]:
    """The items of a document with the document's origin."""
    origin = document.get("origin")
    found = item_origins(document["kind"], document)
    return frozenset(path for path, each in found.items() if each is not None and each == origin)


def _after(change: Mapping[str, Any], descent: Descent | None) -> Descent | None:
    """The descent of an entity after a change, from its origin and those of its items.

    Restoring an origin does not alter the descent, nor does undoing that (ORIGIN-02).
    """
    before, after = change["change"]["before"], change["change"]["after"]
    if after is None:
        return None
    restored = {parse_path(each["path"]) for each in change["fields"] if each["rule"] == RESTORED}
    origin = after.get("origin")
    if descent and ORIGIN in restored:
        origin = descent.origin
    elif origin is None:
        return descent if before and before.get("origin") is None else None
    kept = descent.items if descent and descent.origin == origin else frozenset()
    return Descent(origin, _items_after(before, after, kept, origin=origin, restored=restored))


def _items_after(
    before: Body | None, after: Body, kept: frozenset[Path], *, origin: str, restored: set[Path]
) -> frozenset[Path]:
    """Without items that the change removes or makes the tenant's own; with items that have the origin after it."""
    mine = item_origins(after["kind"], before) if before else {}
    theirs = item_origins(after["kind"], after)
    gone = {path for path in mine if path not in theirs}
    own = {path for path, each in theirs.items() if each != origin and mine.get(path) == origin}
    here = {path for path, each in theirs.items() if each == origin}
    undisputed = {path for path in own | here if (*path, *ORIGIN) not in restored}
    return frozenset((kept - gone - (own & undisputed)) | here)


def is_at_odds(have: Entity | None, descent: Descent) -> bool:
    """Whether an existing entity, or an item of it, has another origin than its descent."""
    if have is None:
        return False
    if have.origin != descent.origin:
        return True
    return any((item := get(have.body, path)) and item.get("origin") != descent.origin for path in descent.items)


def at_issue(lineage: Lineage, state: Mapping[EntityId, Entity]) -> dict[EntityId, Descent]:
    """The part of an index that a plan of this state depends on, sorted: entities at odds with it, and released
    ones.
    """
    found = (id for id, each in lineage.items() if each.released or is_at_odds(state.get(id), each))
    return {id: lineage[id] for id in sorted(found)}


def is_shared(id: EntityId) -> bool:
    """Whether the entity is the tenant's whatever its origin, but still compared: its own document."""
    shape = kind_shapes().get(id.kind)
    return shape is not None and shape.sync.own == OWN_SHARED


@dataclass(frozen=True, slots=True)
class Traced:
    """A tenant's state as it is compared with one upstream: every origin is the journal's.

    ``before``: the entities that this changes, as the tenant has them. ``released``: released entities (ORIGIN-03).
    """

    state: State
    before: Mapping[EntityId, Entity] = field(default_factory=dict)
    released: frozenset[EntityId] = _NONE


UNTRACED = Traced({})
"""For a state without a known journal."""


def traced(state: State, lineage: Lineage, upstream: str) -> Traced:
    """The state as it is compared with this upstream. Index entries of other upstreams are ignored."""
    if not lineage:
        return Traced(state)
    ids = [id for id, each in lineage.items() if each.origin == upstream and not each.released and id in state]
    state = fetched(state, ids)
    restored = {id: with_origin(state[id], lineage[id]) for id in ids}
    before = {id: state[id] for id in ids if restored[id] != state[id]}
    released = frozenset(id for id, each in lineage.items() if each.released and not is_shared(id))
    return Traced(corrected(state, [restored[id] for id in before]) if before else state, before, released)


def with_origin(have: Entity, descent: Descent) -> Entity:
    """The entity with its descent's origin, also on the existing items of the descent."""
    body = have.body
    for path in descent.items:
        if get(body, path) is not None:
            body = put(body, (*path, *ORIGIN), descent.origin)
    return Entity(have.id, body, descent.origin)


def given_up(have: Entity) -> Entity:
    """The entity as the tenant's own: without its origin and those of its items."""
    body = have.body
    for path, origin in item_origins(have.id.kind, body).items():
        if origin is not None:
            body = put(body, (*path, *ORIGIN), None)
    return Entity(have.id, body)


def origins_that_differ(before: Entity, after: Entity) -> Iterator[tuple[Path, str | None, str | None]]:
    """The origins that differ between two versions of an entity: its own, and those of items in both."""
    if before.origin != after.origin:
        yield ORIGIN, before.origin, after.origin
    theirs = item_origins(after.id.kind, after.body)
    for path, mine in sorted(item_origins(before.id.kind, before.body).items()):
        if path in theirs and mine != theirs[path]:
            yield (*path, *ORIGIN), mine, theirs[path]


def released_without_origin(lineage: Lineage, documents: Iterable[Entity]) -> Iterator[str]:
    """What importing a whole state releases, as a record notes it: entities and items with a descent, and no origin
    now.
    """
    for each in documents:
        descent = lineage.get(each.id)
        if descent is None or descent.released:
            continue
        if each.origin is None:
            yield str(each.id)
            continue
        here = item_origins(each.id.kind, each.body)
        own = sorted(path for path in descent.items if path in here and here[path] is None)
        yield from (f"{each.id}#{render_path(path)}" for path in own)
