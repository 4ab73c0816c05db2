"""The text form of a tenant's disputed lineage, which stores keep beside the tenant's fingerprint.

It is part of the tenant's sealed fingerprint, so a plan made before a release or its undoing is refused as stale,
although no entity changed.
"""

from collections.abc import Iterable, Mapping

import orjson

from reconciler.core.records import at_issue, entities_named, is_at_odds
from reconciler.model.plans.origins import Descent, Lineage
from reconciler.model.values.digests import prefixed_digest
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import parse_path, render_path
from reconciler.stores.base import EntityWrite, Record
from reconciler.stores.sql.row_digests import damage, loaded


def lineage_text(lineage: Lineage) -> str:
    """The canonical text of a lineage; empty if there is none."""
    rows = [[*id, each.origin, item_paths(each), each.released] for id, each in sorted(lineage.items())]
    return orjson.dumps(rows).decode() if rows else ""


def read_back(text: str | None, tenant: str) -> dict[EntityId, Descent]:
    """The inverse of `lineage_text`. Raises `StoreError` for what that never wrote."""
    what = f"what is kept of {tenant}'s lineage"
    rows = loaded(text, list, what) if text else ()
    with damage(what):
        return {EntityId(kind, key): descent_of(*rest) for kind, key, *rest in rows}


def sealed(fingerprint: str, text: str | None) -> str:
    """The fingerprint of a tenant's state together with its disputed lineage, if there is any."""
    return prefixed_digest((f"{fingerprint}\n{text}".encode(),)) if text else fingerprint


def item_paths(descent: Descent) -> list[str]:
    """The paths of a descent's items as sorted texts."""
    return sorted(map(render_path, descent.items))


def descent_of(origin: str, items: Iterable[str], released: object) -> Descent:
    """Decode a descent. Raises `TypeError` or `ValueError` for invalid values."""
    if not isinstance(origin, str):
        raise TypeError("an origin is a text")
    return Descent(origin, frozenset(map(parse_path, items)), bool(released))


def touched(writes: Iterable[EntityWrite], record: Record | None) -> frozenset[EntityId]:
    """The entities that a write or its journal record mentions."""
    written = (each.entity for each in writes)
    return frozenset([*written, *(entities_named(record.changes, record.notes) if record else ())])


def after_write(before: Lineage, here: Lineage, entities: Mapping[EntityId, Entity | None]) -> dict[EntityId, Descent]:
    """The disputed lineage after a write. ``before``: the one before; ``here``: the index of the written entities."""
    rest = {id: each for id, each in before.items() if id not in entities}
    now = {id: here[id] for id in entities if id in here}
    return {**rest, **{id: each for id, each in now.items() if each.released or is_at_odds(entities[id], each)}}


def at_issue_in(lineage: Lineage, entities: Iterable[Entity]) -> str:
    """The text of the disputed lineage of a state."""
    return lineage_text(at_issue(lineage, {each.id: each for each in entities})) if lineage else ""
