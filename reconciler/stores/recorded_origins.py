"""The text form of a tenant's disputed origins, which stores keep beside the tenant's fingerprint.

It is part of the tenant's fingerprint, so a plan made before a release or its undoing is refused as stale,
although no entity changed.
"""

from collections.abc import Iterable

import orjson

from reconciler.core.records import disputed_origins, entities_named, is_disputed
from reconciler.model.plans.origins import RecordedOrigin, RecordedOrigins
from reconciler.model.values.digests import prefixed_digest
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import parse_path, render_path
from reconciler.stores.base import Record
from reconciler.stores.sql.row_digests import damage, loaded


def origins_text(recorded_origins: RecordedOrigins) -> str:
    """The canonical text of recorded origins; empty if there are none."""
    rows = [[*id, each.origin, item_paths(each), each.released] for id, each in sorted(recorded_origins.items())]
    return orjson.dumps(rows).decode() if rows else ""


def origins_from_text(text: str | None, tenant: str) -> dict[EntityId, RecordedOrigin]:
    """The inverse of `origins_text`. Raises `StoreError` for what that never wrote."""
    what = f"what is kept of {tenant}'s lineage"
    rows = loaded(text, list, what) if text else ()
    with damage(what):
        return {EntityId(kind, key): decode_origin(*rest) for kind, key, *rest in rows}


def fingerprint_with_origins(fingerprint: str, text: str | None) -> str:
    """The fingerprint of a tenant's state together with its disputed origins, if there are any."""
    return prefixed_digest((f"{fingerprint}\n{text}".encode(),)) if text else fingerprint


def item_paths(recorded: RecordedOrigin) -> list[str]:
    """The paths of the items with a recorded origin, as sorted texts."""
    return sorted(map(render_path, recorded.items))


def decode_origin(origin: str, items: Iterable[str], released: object) -> RecordedOrigin:
    """Decode a recorded origin. Raises `TypeError` or `ValueError` for invalid values."""
    if not isinstance(origin, str):
        raise TypeError("an origin is a text")
    return RecordedOrigin(origin, frozenset(map(parse_path, items)), bool(released))


def mentioned_entities(written: Iterable[EntityId], record: Record | None) -> frozenset[EntityId]:
    """The entities that a write or its journal record mentions. ``written``: those that are written."""
    return frozenset([*written, *(entities_named(record.changes, record.notes) if record else ())])


def disputed_after_write(
    before: RecordedOrigins, here: RecordedOrigins, entities: Iterable[tuple[EntityId, Entity | None]]
) -> dict[EntityId, RecordedOrigin]:
    """The disputed origins after a write. ``before``: the one before; ``here``: the index of the written entities.

    ``entities``: those that are written, as they are now; they are gone through once.
    """
    found = dict(before)
    for id, entity in entities:
        found.pop(id, None)
        recorded = here.get(id)
        if recorded and (recorded.released or is_disputed(entity, recorded)):
            found[id] = recorded
    return found


def disputed_origins_text(recorded_origins: RecordedOrigins, entities: Iterable[Entity]) -> str:
    """The text of the disputed origins of a state."""
    return (
        origins_text(disputed_origins(recorded_origins, {each.id: each for each in entities}))
        if recorded_origins
        else ""
    )
