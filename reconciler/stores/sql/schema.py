"""The tables of the SQL store, as the newest migration leaves them."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, UniqueConstraint

VERSION = "0006"
"""The newest migration. Writers migrate older databases; readers read them in migrated form."""

metadata = MetaData()

_NAME = Text(collation="C").with_variant(Text(), "sqlite")
"""The type of lookup columns, compared as bytes as in SQLite, independent of locale and collation version."""
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

entities = Table(
    "entities",
    metadata,
    Column("tenant", _NAME, primary_key=True),
    Column("kind", _NAME, primary_key=True),
    Column("key", _NAME, primary_key=True),
    Column("origin", Text),
    Column("body", Text, nullable=False),
    Column("digest", Text),
    Column("synced", Text),
)
"""One row an entity; ``body`` is JSON with sorted keys, kept as text so that it comes back byte for byte.

``digest`` is `Entity.digest`; whoever changes a row by other means takes it away (`migrations/versions/v0002_digests`).
In SQLite an index has the digests without the bodies (`migrations/versions/v0003_synchronised`).
``synced`` is the digest of its synchronised part; it says nothing unless its tenant's ``shape`` and fingerprint do.
"""

Index(
    "entities_digests", *(entities.c[name] for name in ("tenant", "kind", "key", "origin", "digest", "synced"))
).ddl_if(dialect="sqlite")

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", _NAME, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("fingerprint", Text),
    Column("shape", Text),
    Column("rest", Text),
    Column("lineage", Text),
)
"""The number of writes per tenant, and the fingerprint after the last one; NULL once a row was changed by other means.

``rest``: of all but the tenant's own document; it says nothing unless the fingerprint and ``shape`` do. ``shape``:
which version of the synchronised part (`reconciler.core.states.managed_digest.version`) its rows' digests are of.
``lineage``: what of `origin_index` its entities say otherwise, or was released (`reconciler.stores.recorded_origins`);
it says nothing unless the fingerprint does.
"""

origin_index = Table(
    "came_down",
    metadata,
    Column("tenant", _NAME, primary_key=True),
    Column("kind", _NAME, primary_key=True),
    Column("key", _NAME, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("items", Text),
    Column("released", _NUMBER, nullable=False),
)
"""The origin of each entity, according to its last journal record, whether it exists or not (ORIGIN-02).

``items``: the paths of the items that have the same origin, as a JSON list. ``released``: 1 if the entity was released.
"""

moves = Table(
    "moves",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("tenant", _NAME, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("kind", _NAME, nullable=False),
    Column("key", _NAME, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Text, nullable=False),
    Index("moves_tenant_revision", "tenant", "revision"),
)
"""The write log, so that a refusal can name what changed."""

journal = Table(
    "journal",
    metadata,
    Column("id", _NUMBER, primary_key=True, autoincrement=True),
    Column("tenant", _NAME, nullable=False),
    Column("plan", _NAME, nullable=False),
    Column("at", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("commit", Text),
    Column("changes", Text, nullable=False),
    Column("notes", Text, nullable=False),
    UniqueConstraint("tenant", "plan", name="journal_tenant_plan"),
)
"""The journal; a plan occurs once per tenant."""
