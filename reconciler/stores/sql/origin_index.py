"""The index of entities' origins in a SQL store, updated in the transaction of each journal record."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select

from reconciler.core.records import index_changes
from reconciler.core.states import SINGLE_READS
from reconciler.model.plans.origins import RecordedOrigin, RecordedOrigins
from reconciler.model.values.keys import EntityId
from reconciler.stores.base import Record
from reconciler.stores.recorded_origins import decode_origin, item_paths
from reconciler.stores.sql import schema
from reconciler.stores.sql.row_digests import damage, loaded
from reconciler.stores.sql.rows import delete_rows, upsert_rows
from reconciler.stores.sql.statements import Row, Statement


def read_index(
    connection: Connection, tenant: str, ids: Collection[EntityId] | None = None
) -> dict[EntityId, RecordedOrigin]:
    """A tenant's index, at least for these entities (``None``: all). A few are read one by one."""
    if ids is not None and len(ids) <= SINGLE_READS:
        found = [row for kind, key in ids for row in _ONE.rows(connection, tenant=tenant, kind=kind, key=key)]
    else:
        found = list(_ALL.rows(connection, tenant=tenant))
    what = f"the index of what came down to {tenant}"
    with damage(what):
        return {
            EntityId(kind, key): decode_origin(origin, loaded(items, list, what) if items else (), released)
            for kind, key, origin, items, released in found
        }


def update_index(connection: Connection, record: Record, known: RecordedOrigins) -> dict[EntityId, RecordedOrigin]:
    """Update the index from a journal record. Returns it, at least for the record's entities."""
    changed = index_changes(known, record.changes, record.notes)
    gone = [_head(record.tenant, id) for id, each in changed.items() if each is None]
    delete_rows(connection, schema.origin_index, gone)
    upsert_rows(connection, schema.origin_index, list(index_rows(record.tenant, changed)))
    return {id: each for id, each in {**known, **changed}.items() if each is not None}


def index_rows(tenant: str, origins: Mapping[EntityId, RecordedOrigin | None]) -> Iterator[Row]:
    """The rows of the index for these entities."""
    for id, each in origins.items():
        if each is not None:
            items = orjson.dumps(item_paths(each)).decode() if each.items else None
            yield {**_head(tenant, id), "origin": each.origin, "items": items, "released": int(each.released)}


def _head(tenant: str, id: EntityId) -> dict[str, Any]:
    return {"tenant": tenant, "kind": id.kind, "key": id.key}


_COLUMNS = select(*(schema.origin_index.c[name] for name in ("kind", "key", "origin", "items", "released"))).where(
    schema.origin_index.c.tenant == bindparam("tenant")
)
_ALL = Statement(_COLUMNS)
_ONE = Statement(
    _COLUMNS.where(schema.origin_index.c.kind == bindparam("kind"), schema.origin_index.c.key == bindparam("key"))
)
