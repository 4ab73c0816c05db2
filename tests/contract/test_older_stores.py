"""Databases of every earlier version: read as they will be, migrated by writers, and said to be what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect, text

from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.stores.base import Committed, StoreError
from reconciler.stores.registry import open_reader, open_store
from reconciler.stores.sql import schema
from reconciler.stores.sql.versions import Age, SchemaVersion
from tests.contract.samples import AT, contents, plan, put, record
from tests.contract.test_migrations import at_version
from tests.postgresql import Server

EARLIER = tuple(f"{number:04}" for number in range(1, int(schema.VERSION)))
TENANTS = tuple(f"tenant-{number}" for number in range(3))
AFTER = {"kind": "Plan", "key": "basic", "name": "basic", "origin": "northwind"}
CREATED = {"address": "tenant-0/plan/basic", "actions": ["create"], "before": None, "after": AFTER, "fields": []}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tenants.db'}"
    server: Server = request.getfixturevalue("postgresql")
    return server.url(server.new_schema())


def connected(url: str) -> Iterator[Connection]:
    with create_engine(url.replace("postgresql://", "postgresql+psycopg://")).begin() as connection:
        yield connection


def fill(connection: Connection, version: str) -> None:
    """What a reconciler of that version left: rows in the columns that it had, and no digests."""
    at_version(connection, version)
    for number, tenant in enumerate(TENANTS):
        for each in (plan("basic"), plan("own", origin=None), Entity(EntityId("Customer", "bob"), {"name": "Bob"})):
            row = {"tenant": tenant, "kind": each.id.kind, "key": each.id.key, "origin": each.origin}
            add(connection, "entities", **row, body=json.dumps(each.body, sort_keys=True, separators=(",", ":")))
        add(connection, "tenants", tenant=tenant, revision=number + 1)
        add(connection, "moves", tenant=tenant, revision=1, kind="Plan", key="basic", actor="Ada", at=AT)
        changes, notes = json.dumps([CREATED] if number == 0 else []), "{}"
        row = {"tenant": tenant, "plan": f"sha256:{number}", "at": AT, "by": "Ada", "commit": None}
        add(connection, "journal", **row, changes=changes, notes=notes)


def add(connection: Connection, table: str, **row: Any) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    places = ", ".join(f":{name}" for name in row)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), row)


@pytest.mark.parametrize("version", EARLIER)
def test_an_older_store_is_read_as_its_migration_will_leave_it(url: str, version: str) -> None:
    for connection in connected(url):
        fill(connection, version)
    with closing(open_reader(url, root=Path())) as reader:
        assert reader.version() == SchemaVersion(version)  # type: ignore[attr-defined]
        assert reader.version().age is Age.OLDER  # type: ignore[attr-defined]
        before = contents(reader)
        index = {tenant: reader.recorded_origins(tenant) for tenant in TENANTS}
        sketched = {tenant: reader.sketch(tenant) for tenant in TENANTS}
        assert list(reader.tenants()) == list(TENANTS)
        for tenant in TENANTS:
            assert reader.observe(tenant) == reader.observe(tenant, verify=True)
            here = sketched[tenant]
            assert here is not None
            assert dict(here.entities.items()) == before["states"][tenant].entities  # type: ignore[index]
        for connection in connected(url):
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == version
            if version < "0006":
                assert not inspect(connection).has_table("came_down"), "nothing was migrated"
        read = reader.observe(TENANTS[0])
        with closing(open_store(url, root=Path())) as store:
            assert store.version() == SchemaVersion(schema.VERSION)  # type: ignore[attr-defined]
            assert contents(store) == contents(reader) == before
            assert {tenant: store.recorded_origins(tenant) for tenant in TENANTS} == index
            done = store.commit(
                record(TENANTS[0], "sha256:new"),
                put(plan("plus")),
                expected=read.fingerprint,
                revision=read.revision,
            )
            assert isinstance(done, Committed), "planned before the migration, applied after it"


def test_what_an_older_reconciler_writes_meanwhile_is_seen(url: str) -> None:
    for connection in connected(url):
        fill(connection, "0004")
    with closing(open_reader(url, root=Path())) as reader:
        first = reader.observe("tenant-0")
        assert reader.observe("tenant-0") == first
        for connection in connected(url):
            connection.execute(text("UPDATE entities SET body = replace(body, '6.00', '8.00')"))
            if url.startswith("postgresql"):
                reader._database._copy._made = (0, 0.0, 0.0)  # type: ignore[attr-defined] # however quick that was
        found = reader.observe("tenant-0")
        fees = found.entities[EntityId("Plan", "basic")].body["periods"]["P1M"]["fees"]
        assert fees == {"recurring": "8.00"}
        assert found.fingerprint != first.fingerprint


FOREIGN = ("1b2f0a9c77de", "v2", "00006", "0000", "main", "1.4.2")


@pytest.mark.parametrize("version", FOREIGN)
def test_a_foreign_version_is_said_to_be_one(url: str, version: str) -> None:
    for connection in connected(url):
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        add(connection, "alembic_version", version_num=version)
    words = f'its tables are of version "{version}", which is none of this reconciler\'s'
    for act in (
        lambda: open_reader(url, root=Path()).observe("contoso"),
        lambda: open_store(url, root=Path()),
    ):
        with pytest.raises(StoreError, match=words) as refused:
            act()
        assert "newer" not in str(refused.value)
    for connection in connected(url):
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_several_versions_are_another_applications(url: str) -> None:
    for connection in connected(url):
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        for version in ("0001", "0003"):
            add(connection, "alembic_version", version_num=version)
    with pytest.raises(StoreError, match='version "0001, 0003", which is none'):
        open_reader(url, root=Path()).observe("contoso")


def test_who_may_not_migrate_is_told_who_does(postgresql: Server) -> None:
    """They can still plan."""
    name = postgresql.new_schema()
    owner = postgresql.url(name)
    for connection in connected(owner):
        fill(connection, "0004")
        connection.execute(text(f"CREATE ROLE {name}_clerk LOGIN"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA {name} TO {name}_clerk"))
        connection.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {name}_clerk"))
    clerk = owner.replace("postgres@", f"{name}_clerk@").replace("user=postgres", f"user={name}_clerk")
    assert clerk != owner
    assert len(open_reader(clerk, root=Path()).observe("tenant-0").entities) == 3
    with pytest.raises(StoreError, match=r"of version 0004 and have to become \d{4}; .*`reconcile store migrate`"):
        open_store(clerk, root=Path())
