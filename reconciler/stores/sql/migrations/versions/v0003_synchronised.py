"""Digests of the synchronised parts of entities, and by which version of these parts a tenant's were taken.

Rows that an older reconciler left have none: their tenant is read whole until the next write to it, which takes them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; in SQLite, digests can be read without the bodies beside which they stand.

    PostgreSQL keeps long bodies elsewhere, and another index would cost each write more than it saves there.
    """
    op.add_column("entities", sa.Column("synced", sa.Text))
    op.add_column("tenants", sa.Column("shape", sa.Text))
    if op.get_bind().dialect.name == "sqlite":
        op.create_index("entities_digests", "entities", ["tenant", "kind", "key", "origin", "digest", "synced"])
