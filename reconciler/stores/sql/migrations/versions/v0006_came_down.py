"""The index of what came down (ORIGIN-02), built from the journal; from then on each record changes it.

Items of an entity that have its origin in its present body came down with it, whatever older records say of them: they
may have been written when such items carried no origin yet.
"""

from collections.abc import Iterator
from dataclasses import replace

import orjson
import sqlalchemy as sa
from alembic import op

from reconciler.core.records import disputed_origins, index_changes, item_origins
from reconciler.model.plans.origins import RecordedOrigin
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.stores.recorded_origins import origins_text
from reconciler.stores.sql.origin_index import index_rows

revision = "0006"
down_revision = "0005"

_NAME = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the table, and fill it tenant by tenant."""
    table = op.create_table(
        "came_down",
        sa.Column("tenant", _NAME, primary_key=True),
        sa.Column("kind", _NAME, primary_key=True),
        sa.Column("key", _NAME, primary_key=True),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("items", sa.Text),
        sa.Column("released", _NUMBER, nullable=False),
    )
    op.add_column("tenants", sa.Column("lineage", sa.Text))
    connection = op.get_bind()
    tenants = connection.execute(sa.text("SELECT DISTINCT tenant FROM journal ORDER BY tenant")).scalars().all()
    for tenant in tenants:
        index = _index(connection, tenant)
        if index:
            connection.execute(sa.insert(table), [dict(row) for row in index_rows(tenant, index)])
            _note(connection, tenant, index)


def _index(connection: sa.Connection, tenant: str) -> dict[EntityId, RecordedOrigin]:
    index: dict[EntityId, RecordedOrigin] = {}
    of_tenant = {"tenant": tenant}
    journal = sa.text("SELECT changes, notes FROM journal WHERE tenant = :tenant ORDER BY id")
    for changes, notes in connection.execute(journal, of_tenant):
        for id, recorded in index_changes(index, orjson.loads(changes), orjson.loads(notes)).items():
            if recorded is None:
                del index[id]
            else:
                index[id] = recorded
    for have in _entities(connection, tenant):
        recorded = index.get(have.id)
        if recorded and have.origin == recorded.origin:
            here = {path for path, each in item_origins(have.id.kind, have.body).items() if each == recorded.origin}
            index[have.id] = replace(recorded, items=recorded.items | here)
    return index


def _note(connection: sa.Connection, tenant: str, index: dict[EntityId, RecordedOrigin]) -> None:
    text = origins_text(
        disputed_origins(index, {each.id: each for each in _entities(connection, tenant) if each.id in index})
    )
    note = sa.text("UPDATE tenants SET lineage = :lineage WHERE tenant = :tenant")
    connection.execute(note, {"tenant": tenant, "lineage": text or None})


def _entities(connection: sa.Connection, tenant: str) -> Iterator[Entity]:
    found = sa.text('SELECT kind, "key", origin, body FROM entities WHERE tenant = :tenant')
    for kind, key, origin, body in connection.execute(found, {"tenant": tenant}):
        yield Entity(EntityId(kind, key), orjson.loads(body), origin)
