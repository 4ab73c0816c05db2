"""What a PostgreSQL database may be like: damaged, of another version, of another encoding, shut."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from reconciler.stores.base import Committed, Stale, StoreError
from reconciler.stores.registry import open_reader, open_store
from reconciler.stores.sql import kept_open, schema, versions
from tests.contract.samples import AT, commit, contents, plan, put, record, remove
from tests.faults.postgresql_states import SECOND, WRITES, fill, held, reader, start_and_wait_for_a_lock, writer
from tests.faults.wire import a_wire, before
from tests.postgresql import Server

MIGRATIONS = Path(versions.__file__).parent / "migrations"

# What is not what it should be


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE entities SET body = replace(body, '"6.00"', '"6.000"') WHERE key = 'p03'""",
        "UPDATE entities SET origin = NULL WHERE key = 'p03'",
        "UPDATE entities SET tenant = 'fabrikam' WHERE key = 'p03'",
        "DELETE FROM entities WHERE key = 'p03'",
        "INSERT INTO entities (tenant, kind, key, origin, body) VALUES ('contoso', 'Plan', 'smuggled', NULL, '{}')",
    ],
)
def test_a_row_that_was_changed_behind_our_back_is_found(postgresql: Server, filled: str, statement: str) -> None:
    url = postgresql.url(filled)
    read = reader(url).observe("contoso")
    postgresql.execute(statement, schema=filled)
    outcome = writer(url).commit(SECOND, WRITES, expected=read.fingerprint, revision=read.revision)
    assert outcome == Stale(reader(url).observe("contoso").fingerprint, ())
    assert outcome.fingerprint != read.fingerprint


def test_a_damaged_body_is_named_and_never_passed_over(postgresql: Server, filled: str) -> None:
    postgresql.execute("UPDATE entities SET body = '{' WHERE tenant = 'contoso' AND key = 'p03'", schema=filled)
    url = postgresql.url(filled)
    acts: list[Callable[[], object]] = [
        lambda: reader(url).observe("contoso"),
        lambda: writer(url).overwrite("contoso", WRITES, actor="tenant", at=AT),
    ]
    for act in acts:
        with pytest.raises(StoreError, match="the database: the body of contoso/Plan/p03 is damaged: it is not JSON"):
            act()


def test_a_missing_table(postgresql: Server, filled: str) -> None:
    was = held(postgresql, filled)
    for table in ("moves", "tenants"):
        postgresql.execute(f"ALTER TABLE {table} RENAME TO elsewhere", schema=filled)
        words = f'the database: relation "{table}" does not exist; nothing was written'
        with pytest.raises(StoreError, match=words):
            writer(postgresql.url(filled)).overwrite("contoso", WRITES, actor="tenant", at=AT)
        postgresql.execute(f"ALTER TABLE elsewhere RENAME TO {table}", schema=filled)
    assert held(postgresql, filled) == was


def test_text_that_postgresql_cannot_hold_writes_nothing(postgresql: Server, filled: str) -> None:
    """Within a body, JSON spells it out."""
    was = held(postgresql, filled)
    store = writer(postgresql.url(filled))
    words = r"the database: PostgreSQL text .*cannot contain NUL .*; nothing was written"
    by = record("contoso", "2", by="Ada\0")
    for each, writes in ((by, WRITES), (SECOND, put(plan("p\0"))), (SECOND, remove(plan("p\0")))):
        with pytest.raises(StoreError, match=words):
            commit(store, each, writes)
    assert held(postgresql, filled) == was
    assert isinstance(commit(store, SECOND, WRITES), Committed)


def test_a_database_of_another_encoding(postgresql: Server) -> None:
    postgresql.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    url = postgresql.url().replace("/postgres?", "/latin?")
    with closing(writer(url)) as store:
        assert isinstance(commit(store, record("contoso", "1"), put(plan("basic", "6.00"))), Committed)
        with pytest.raises(StoreError, match="its encoding cannot hold this text; make the database with ENCODING"):
            commit(store, record("contoso", "2", by="日本"), put(plan("basic", "6.60")))
    postgresql.execute("DROP DATABASE latin")


# Who may do what


def test_a_role_that_may_only_read(postgresql: Server, filled: str) -> None:
    was = held(postgresql, filled)
    for statement in (
        f"CREATE ROLE looker_{filled} LOGIN",
        f"GRANT USAGE ON SCHEMA {filled} TO looker_{filled}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {filled} TO looker_{filled}",
    ):
        postgresql.execute(statement)
    url = postgresql.url(filled).replace("postgres@", f"looker_{filled}@")
    assert contents(reader(url)) == was
    with pytest.raises(StoreError, match=r"the database: its user may not do that \(permission denied"):
        writer(url).overwrite("contoso", WRITES, actor="tenant", at=AT)
    assert held(postgresql, filled) == was


def test_a_role_that_may_write_but_owns_nothing(postgresql: Server, filled: str) -> None:
    for statement in (
        f"CREATE ROLE clerk_{filled} LOGIN",
        f"GRANT USAGE ON SCHEMA {filled} TO clerk_{filled}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {filled} TO clerk_{filled}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {filled} TO clerk_{filled}",
    ):
        postgresql.execute(statement)
    url = postgresql.url(filled).replace("postgres@", f"clerk_{filled}@")
    assert isinstance(commit(open_store(url, root=Path()), SECOND, WRITES), Committed)


def test_a_database_that_is_read_only(postgresql: Server, filled: str) -> None:
    url = postgresql.url(filled).replace("postgres@", f"idle_{filled}@")
    for statement in (
        f"CREATE ROLE idle_{filled} LOGIN SUPERUSER",
        f"ALTER ROLE idle_{filled} SET default_transaction_read_only = on",
    ):
        postgresql.execute(statement)
    assert len(contents(reader(url))["states"]) == 2  # type: ignore[arg-type]
    assert isinstance(commit(writer(url), SECOND, WRITES), Committed), "the default is not the transaction's own"


@pytest.fixture(scope="module")
def guarded(postgresql: Server) -> str:
    """The URL of a role that needs a password."""
    schema = fill(postgresql, postgresql.new_schema())
    for statement in (
        "CREATE ROLE guarded LOGIN PASSWORD 'op%en/s:es@me'",
        f"GRANT USAGE ON SCHEMA {schema} TO guarded",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO guarded",
    ):
        postgresql.execute(statement)
    return postgresql.url(schema).replace("postgres@", "guarded@")


def test_the_password_comes_from_the_variable_that_token_env_names(guarded: str, tmp_path: Path) -> None:
    store = open_reader(guarded, root=tmp_path, token="op%en/s:es@me")
    assert list(store.tenants()) == ["contoso", "fabrikam"]


def test_the_password_comes_from_the_drivers_own_places(
    guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "op%en/s:es@me")
    assert len(open_reader(guarded, root=tmp_path).tenants()) == 2
    monkeypatch.delenv("PGPASSWORD")
    kept = tmp_path / "pgpass"
    kept.write_text(r"*:*:*:guarded:op%en/s\:es@me")
    kept.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(kept))
    assert len(open_reader(guarded, root=tmp_path).tenants()) == 2
    monkeypatch.delenv("PGPASSFILE")
    services = tmp_path / "services"
    services.write_text("[ours]\nuser=guarded\npassword=op%en/s:es@me\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    with_service = guarded.replace("guarded@", "") + "&service=ours"
    assert len(open_reader(with_service, root=tmp_path).tenants()) == 2


@pytest.mark.parametrize("password", [None, "wr%ng/se:cret@"])
def test_a_wrong_password_is_not_told_and_not_tried_again(
    guarded: str, password: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    started = time.monotonic()
    with pytest.raises(StoreError, match=r"postgresql://\*\*\*@/postgres: it cannot be reached: .*password") as raised:
        open_reader(guarded, root=tmp_path, token=password).tenants()
    assert "wr%ng" not in str(raised.value)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:zq@host/db",
        "postgresql://host/db?password=zq",
        "postgresql://host/db?user=ada&sslpassword=zq",
        "postgresql://ada:1zq/x@host/db",
        "postgresql://ada:1/zq@host/db",
        "postgresql://host/db?nosuch=zq",
        "postgresql:zq",
    ],
)
def test_a_url_with_a_password_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    for opened in (open_reader, open_store):
        with pytest.raises(StoreError, match=r"password|write postgresql://") as raised:
            opened(url, root=tmp_path)
        assert "zq" not in str(raised.value).replace("postgresql:zq:", "")


def test_a_database_that_is_not_there(postgresql: Server, tmp_path: Path) -> None:
    url = postgresql.url().replace("/postgres?", "/nosuch?")
    for opened in (lambda: open_reader(url, root=tmp_path).tenants(), lambda: open_store(url, root=tmp_path)):
        with pytest.raises(StoreError, match=r'it cannot be reached: .* database "nosuch" does not exist'):
            opened()


def test_a_schema_that_is_not_there(postgresql: Server) -> None:
    store = writer(postgresql.url("nosuch"))
    assert store.observe("contoso").revision == 0
    with pytest.raises(StoreError, match=r"there is no schema to make the tables in \(search_path\)"):
        commit(store, SECOND, WRITES)


def test_connections_to_many_databases_are_not_all_kept(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_open, "MOST_CONNECTIONS", 2)
    opened = [reader(postgresql.url(postgresql.new_schema()) + f"&application_name=many-{n}") for n in range(5)]
    for each in opened * 2:
        assert each.tenants() == []
    ours = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'many-%' ORDER BY 1"
    for _ in range(100):
        if len(kept := postgresql.execute(ours)) == 2:
            break
        time.sleep(0.01)
    assert kept == [("many-3",), ("many-4",)]
    for each in opened:
        each.close()


# Versions of the tables


def _next_version(monkeypatch: pytest.MonkeyPatch, folder: Path, migration: str) -> None:
    """Make this a reconciler with one migration more."""
    shutil.copytree(MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    number = f"{int(schema.VERSION) + 1:04}"
    text = f'from alembic import op\nrevision = "{number}"\ndown_revision = "{schema.VERSION}"\n\n\ndef upgrade():\n'
    (folder / "migrations" / "versions" / f"v{number}_next.py").write_text(text + migration)
    monkeypatch.setattr(versions, "files", lambda _: folder)
    monkeypatch.setattr(schema, "VERSION", number)


def test_the_tables_are_those_of_the_newest_migration(postgresql: Server, filled: str) -> None:
    engine = create_engine(postgresql.url(filled).replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        ours = {"include_object": lambda _, name, *__: name != "entities_digests"}  # an index of SQLite's alone
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), schema.metadata) == []


def test_keys_are_compared_as_bytes_whatever_the_databases_own_order(postgresql: Server, filled: str) -> None:
    indexed = """
        SELECT DISTINCT a.attname, c.collname
        FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
        JOIN pg_collation c ON c.oid = a.attcollation JOIN pg_class t ON t.oid = i.indrelid
        WHERE t.relnamespace = %s::regnamespace AND t.relname <> 'alembic_version' ORDER BY 1
    """
    found = postgresql.execute(indexed, filled)
    assert found == [("key", "C"), ("kind", "C"), ("plan", "C"), ("tenant", "C")]


def test_tables_of_a_newer_reconciler_are_refused(postgresql: Server, filled: str) -> None:
    postgresql.execute("UPDATE alembic_version SET version_num = '9999'", schema=filled)
    url = postgresql.url(filled)
    for act in (
        lambda: open_reader(url, root=Path()).observe("contoso"),
        lambda: open_store(url, root=Path()),
        lambda: writer(url).overwrite("contoso", WRITES, actor="tenant", at=AT),
    ):
        with pytest.raises(StoreError, match=r"its tables are of version 9999, .*newer reconciler: upgrade this one"):
            act()


def test_tables_of_an_older_reconciler_are_upgraded_by_a_writer(
    postgresql: Server, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    was = held(postgresql, filled)
    _next_version(monkeypatch, tmp_path / "newer", '    op.execute("CREATE TABLE added (x TEXT)")\n')
    early = open_reader(postgresql.url(filled), root=tmp_path)
    assert contents(early) == was, "it is read as it will be"
    assert postgresql.execute("SELECT to_regclass('added')", schema=filled) == [(None,)]
    store = open_store(postgresql.url(filled), root=tmp_path)
    assert contents(store) == contents(early) == was
    assert postgresql.execute("SELECT * FROM added", schema=filled) == []
    assert isinstance(commit(store, SECOND, WRITES), Committed)


def test_an_upgrade_that_fails_changes_nothing(
    postgresql: Server, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = '    op.execute("CREATE TABLE added (x TEXT)")\n    op.execute("DROP TABLE not_there")\n'
    with monkeypatch.context() as newer:
        _next_version(newer, tmp_path / "newer", migration)
        with pytest.raises(StoreError, match='table "not_there" does not exist'):
            open_store(postgresql.url(filled), root=tmp_path)
    assert isinstance(commit(writer(postgresql.url(filled)), SECOND, WRITES), Committed)
    assert postgresql.execute("SELECT to_regclass('added')", schema=filled) == [(None,)]


def test_an_upgrade_waits_for_who_writes_and_who_writes_for_an_upgrade(
    postgresql: Server, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, trace = postgresql.url(filled), []

    def upgrade() -> None:
        _next_version(monkeypatch, tmp_path / "newer", '    op.execute("CREATE TABLE added (x TEXT)")\n')
        open_store(url, root=tmp_path).close()
        trace.append("upgraded")

    second = threading.Thread(target=upgrade)

    def meanwhile() -> None:
        start_and_wait_for_a_lock(second, postgresql)
        trace.append("commits")

    with a_wire(postgresql, filled) as wire:
        wire.fate = before("COMMIT", meanwhile)
        assert isinstance(commit(writer(wire.url), SECOND, WRITES), Committed)
        second.join()
    assert trace == ["commits", "upgraded"]
    assert isinstance(commit(writer(url), record("contoso", "3"), []), Committed)


def test_tables_without_their_version_are_not_an_empty_database(postgresql: Server, filled: str) -> None:
    url = postgresql.url(filled)
    for statement in ("DELETE FROM alembic_version", "DROP TABLE alembic_version"):
        postgresql.execute(statement, schema=filled)
        for act in (lambda: reader(url).observe("contoso"), lambda: commit(writer(url), SECOND, WRITES)):
            with pytest.raises(StoreError, match=r"it has tables of ours \(came_down, entities, .*not their version"):
                act()


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE entities SET body = replace(body, '"6.00"', '"6.000"') WHERE key = 'p03' AND tenant = 'contoso'""",
        "UPDATE entities SET origin = NULL WHERE key = 'p03'",
        "UPDATE entities SET key = 'p33' WHERE key = 'p03'",
        "UPDATE entities SET kind = 'Product' WHERE key = 'p03'",
        "UPDATE entities SET tenant = 'fabrikam' WHERE key = 'p03'",
        "DELETE FROM entities WHERE key = 'p03'",
        "INSERT INTO entities (tenant, kind, key, origin, body) VALUES ('contoso', 'Plan', 'smuggled', NULL, '{}')",
        "TRUNCATE entities",
    ],
)
def test_a_change_past_us_takes_away_what_the_state_is_known_by(
    postgresql: Server, filled: str, statement: str
) -> None:
    """By the triggers: what a tenant's state is known by goes with the change (v0002_digests)."""
    with closing(writer(postgresql.url(filled))) as store:
        read = store.observe("contoso")
        assert store.state_versions(["contoso"])["contoso"].fingerprint == read.fingerprint
        postgresql.execute(statement, schema=filled)
        assert "contoso" not in store.state_versions(["contoso"])
        now = store.observe("contoso")
        assert now == store.observe("contoso", verify=True)
        assert now.fingerprint != read.fingerprint
        outcome = store.commit(SECOND, WRITES, expected=read.fingerprint, revision=read.revision)
        assert outcome == Stale(now.fingerprint, ())
        again = store.commit(SECOND, WRITES, expected=now.fingerprint, revision=now.revision)
        assert isinstance(again, Committed)
        assert (
            store.state_versions(["contoso"])["contoso"].fingerprint
            == store.observe("contoso", verify=True).fingerprint
        )
