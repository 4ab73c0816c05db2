"""The tables of the SQL store, as the newest migration leaves them."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

VERSION = "0001"
"""The newest migration. A database at another version is upgraded by a writer, and refused by a reader."""

metadata = MetaData()

entities = Table(
    "entities",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("origin", Text),
    Column("body", Text, nullable=False),
)
"""One row an entity; ``body`` is JSON with sorted keys."""

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""How many writes each tenant had."""

moves = Table(
    "moves",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("moves_tenant_revision", "tenant", "revision"),
)
"""What each write wrote, so that a refusal can name what moved."""

journal = Table(
    "journal",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("tenant", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("commit", Text),
    Column("changes", Text, nullable=False),
    Column("notes", Text, nullable=False),
    UniqueConstraint("tenant", "plan", name="journal_tenant_plan"),
)
"""What was applied; a plan once to a tenant."""
