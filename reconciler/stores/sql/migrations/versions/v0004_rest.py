"""The fingerprint of all of a tenant's state but its own document: tenants that have the same are the same in the rest.

Tenants that an older reconciler left have none until the next write to them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column."""
    op.add_column("tenants", sa.Column("rest", sa.Text))
