"""Entities, tenants' revisions, moves and the journal."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NAME = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "entities",
        sa.Column("tenant", _NAME, primary_key=True),
        sa.Column("kind", _NAME, primary_key=True),
        sa.Column("key", _NAME, primary_key=True),
        sa.Column("origin", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "tenants",
        sa.Column("tenant", _NAME, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "moves",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("tenant", _NAME, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("kind", _NAME, nullable=False),
        sa.Column("key", _NAME, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
    )
    op.create_index("moves_tenant_revision", "moves", ["tenant", "revision"])
    op.create_table(
        "journal",
        sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("tenant", _NAME, nullable=False),
        sa.Column("plan", _NAME, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("commit", sa.Text),
        sa.Column("changes", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.UniqueConstraint("tenant", "plan", name="journal_tenant_plan"),
    )
