"""Origins according to the journal: how records change the index, and how a state is read with it (ORIGIN-02,
ORIGIN-03).

A store keeps a `RecordedOrigins` as an index and changes it in the transaction of each journal record
(`index_changes`). A plan gets only the relevant part (`disputed_origins`): entities with another origin, and released
ones. The state is then read as if every origin were right (`RestoredState`), so that the comparison needs no special
case; the origins are differences of their own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from reconciler.core.records.change_records import entity_of
from reconciler.core.schema import FieldShape, fields_of, kind_shapes
from reconciler.core.states import corrected, fetched
from reconciler.model.documents.declarations import OWN_SHARED
from reconciler.model.plans.origins import RECLAIMED, RELEASED, RecordedOrigin, RecordedOrigins
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, get, parse_path, put, render_path

ORIGIN: Path = ("origin",)
RESTORE_RULE, RELEASE_RULE = "ORIGIN-02", "ORIGIN-03"
NOTHING: RecordedOrigins = {}
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


def index_changes(
    known: RecordedOrigins, changes: Iterable[Mapping[str, Any]], notes: Body
) -> dict[EntityId, RecordedOrigin | None]:
    """The changes of the index by a journal record: by entity, its new recorded origin (``None``: none).

    ``known``: the index before, at least for the entities that the record names (`entities_named`). ``changes`` and
    ``notes``: the record's. An entry that is not a change of an entity is ignored.
    """
    found: dict[EntityId, RecordedOrigin | None] = {}

    def now(id: EntityId) -> RecordedOrigin | None:
        return found[id] if id in found else known.get(id)

    released, reclaimed = _marked(notes, RELEASED), _marked(notes, RECLAIMED)
    whole = {id for id, path in released if not path}
    for change in filter(_is_change, changes):
        id, was = _ids(change)
        if id in whole:
            found[id] = now(id) or RecordedOrigin(
                change["change"]["before"]["origin"], _items(change["change"]["before"])
            )
            continue
        recorded = _after(change, now(was))
        if was != id:
            found[was] = None
        found[id] = recorded
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


def _after(change: Mapping[str, Any], recorded: RecordedOrigin | None) -> RecordedOrigin | None:
    """The recorded origin of an entity after a change, from its origin and those of its items.

    Restoring an origin does not alter the recorded origin, nor does undoing that (ORIGIN-02).
    """
    before, after = change["change"]["before"], change["change"]["after"]
    if after is None:
        return None
    mended = {parse_path(each["path"]) for each in change["fields"] if each["rule"] == RESTORE_RULE}
    origin = after.get("origin")
    if recorded and ORIGIN in mended:
        origin = recorded.origin
    elif origin is None:
        return recorded if before and before.get("origin") is None else None
    kept = recorded.items if recorded and recorded.origin == origin else frozenset()
    return RecordedOrigin(origin, _items_after(before, after, kept, origin=origin, mended=mended))


def _items_after(
    before: Body | None, after: Body, kept: frozenset[Path], *, origin: str, mended: set[Path]
) -> frozenset[Path]:
    """Without items that the change removes or makes the tenant's own; with items that have the origin after it."""
    mine = item_origins(after["kind"], before) if before else {}
    theirs = item_origins(after["kind"], after)
    gone = {path for path in mine if path not in theirs}
    own = {path for path, each in theirs.items() if each != origin and mine.get(path) == origin}
    here = {path for path, each in theirs.items() if each == origin}
    undisputed = {path for path in own | here if (*path, *ORIGIN) not in mended}
    return frozenset((kept - gone - (own & undisputed)) | here)


def is_disputed(have: Entity | None, recorded: RecordedOrigin) -> bool:
    """Whether an existing entity, or an item of it, has another origin than the recorded one."""
    if have is None:
        return False
    if have.origin != recorded.origin:
        return True
    return any((item := get(have.body, path)) and item.get("origin") != recorded.origin for path in recorded.items)


def disputed_origins(
    recorded_origins: RecordedOrigins, state: Mapping[EntityId, Entity]
) -> dict[EntityId, RecordedOrigin]:
    """The part of an index that a plan of this state depends on, sorted: entities at odds with it, and released
    ones.
    """
    found = (id for id, each in recorded_origins.items() if each.released or is_disputed(state.get(id), each))
    return {id: recorded_origins[id] for id in sorted(found)}


def is_shared(id: EntityId) -> bool:
    """Whether the entity is the tenant's whatever its origin, but still compared: its own document."""
    shape = kind_shapes().get(id.kind)
    return shape is not None and shape.sync.own == OWN_SHARED


@dataclass(frozen=True, slots=True)
class RestoredState:
    """A tenant's state as it is compared with one upstream: every origin is the journal's.

    ``before``: the entities that this changes, as the tenant has them. ``released``: released entities (ORIGIN-03).
    """

    state: State
    before: Mapping[EntityId, Entity] = field(default_factory=dict)
    released: frozenset[EntityId] = _NONE


NOTHING_RESTORED = RestoredState({})
"""For a state without a known journal."""


def restored_state(state: State, recorded_origins: RecordedOrigins, upstream: str) -> RestoredState:
    """The state as it is compared with this upstream. Index entries of other upstreams are ignored."""
    if not recorded_origins:
        return RestoredState(state)
    ids = [id for id, each in recorded_origins.items() if each.origin == upstream and not each.released and id in state]
    state = fetched(state, ids)
    mended = {id: with_origin(state[id], recorded_origins[id]) for id in ids}
    before = {id: state[id] for id in ids if mended[id] != state[id]}
    released = frozenset(id for id, each in recorded_origins.items() if each.released and not is_shared(id))
    return RestoredState(corrected(state, [mended[id] for id in before]) if before else state, before, released)


def with_origin(have: Entity, recorded: RecordedOrigin) -> Entity:
    """The entity with its recorded origin, also on those of the recorded items that exist."""
    body = have.body
    for path in recorded.items:
        if get(body, path) is not None:
            body = put(body, (*path, *ORIGIN), recorded.origin)
    return Entity(have.id, body, recorded.origin)


def made_own(have: Entity) -> Entity:
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


def released_without_origin(recorded_origins: RecordedOrigins, documents: Iterable[Entity]) -> Iterator[str]:
    """What importing a whole state releases, as a record notes it: entities and items with a recorded origin, and none
    now.
    """
    for each in documents:
        recorded = recorded_origins.get(each.id)
        if recorded is None or recorded.released:
            continue
        if each.origin is None:
            yield str(each.id)
            continue
        here = item_origins(each.id.kind, each.body)
        own = sorted(path for path in recorded.items if path in here and here[path] is None)
        yield from (f"{each.id}#{render_path(path)}" for path in own)
