"""What can happen to a database, and to whoever writes it: a tenant is as it was before, or as it is after, whole."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event

from reconciler.core.states.lazy_state import LazyState
from reconciler.core.states.managed_digest import of_actual
from reconciler.model.values.entity import fingerprint
from reconciler.stores.base import Committed, EntityWrite, Record, Stale, StoreError, TenantStore
from reconciler.stores.registry import open_reader, open_store
from reconciler.stores.sql import schema, versions
from reconciler.stores.sql.databases import SqliteReading, SqliteWriting
from reconciler.stores.sql.store import SqlReader, SqlStore
from tests.contract.samples import AT, commit, contents, plan, put, record, remove

URL = "sqlite:///tenants.db"
NOBODY = 65534
MIGRATIONS = Path(versions.__file__).parent / "migrations"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tenants.db"


def writer(path: Path) -> TenantStore:
    return SqlStore(SqliteWriting(path, busy_seconds=0.1))


def reader(path: Path) -> SqlReader:
    return SqlReader(SqliteReading(path, busy_seconds=0.1))


def filled(path: Path) -> Mapping[str, object]:
    """A database with some tenants, and what it holds."""
    data, held = _filled()
    path.write_bytes(data)
    return held


@cache
def _filled() -> tuple[bytes, Mapping[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tenants.db")
        store = writer(path)
        commit(store, record("contoso", "1"), put(*(plan(f"p{number:02}") for number in range(20))))
        commit(store, record("fabrikam", "1"), put(plan("basic")))
        return path.read_bytes(), contents(store)


def tampered(path: Path, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, parameters)


# Killed: the process that writes is ended by kill -9 before its Nth statement, for every N, and at any moment

WRITES = [
    *put(*(plan(f"p{number:02}", "7.00") for number in range(10)), *(plan(f"new-{number}") for number in range(10))),
    *remove(*(plan(f"p{number:02}") for number in range(10, 15))),
]
SECOND = record("contoso", "2", changes=[{"address": "contoso/plan/p01"}])


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _commit_and_die(path: Path, last: int, *, spill: bool) -> None:
    """Die before statement number ``last`` reaches the database; a commit is one too. ``spill``: what is not
    committed is in the file already, so that whoever comes next has to undo it.
    """
    number = count(1)

    def before(*_: object) -> None:
        if next(number) == last:
            _die()

    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA cache_size = 1")

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "commit", before)
    if spill:
        event.listen(Engine, "connect", connected)
    store = writer(path)
    now = store.observe("contoso")
    event.remove(Engine, "commit", before)  # of the reading; from here on, that of the writing
    event.listen(Engine, "commit", before)
    store.commit(SECOND, WRITES, expected=now.fingerprint, revision=now.revision)


def _exit_of(path: Path, last: int, *, spill: bool) -> int:
    process = multiprocessing.get_context("fork").Process(
        target=_commit_and_die, args=(path, last), kwargs={"spill": spill}
    )
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode


def is_whole(path: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the write was made; it was made whole, with its record, or not at all. The next write works."""
    found = contents(reader(path))
    assert found in (before, after)
    again = commit(writer(path), SECOND, WRITES)
    assert isinstance(again, Committed) == (found == before)
    assert contents(reader(path)) == after
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return bool(found == after)


@pytest.fixture(params=[False, True], ids=["in-memory", "spilled-to-disk"])
def spill(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_writer_killed_at_any_statement_leaves_before_or_after(path: Path, spill: bool) -> None:
    before = filled(path)
    after_path = path.with_name("after.db")
    shutil.copy(path, after_path)
    commit(writer(after_path), SECOND, WRITES)
    after = contents(reader(after_path))
    saved = path.read_bytes()
    for last in count(1):
        path.write_bytes(saved)
        exit_status = _exit_of(path, last, spill=spill)
        made = is_whole(path, before, after)
        assert made == (exit_status == 0)
        if exit_status == 0:
            break
    assert last > 15, "fewer statements than a commit has: nothing was killed in the middle"


def test_a_writer_killed_while_it_makes_the_database_leaves_it_empty_or_made(path: Path) -> None:
    killed = 0
    for last in count(1):
        path.unlink(missing_ok=True)
        exit_status = _exit_of(path, last, spill=False)
        found = contents(reader(path))
        if exit_status == 0:
            assert found["states"]
            break
        killed += 1
        assert found == {"states": {}, "moves": {}, "history": []}
        if last % 8 == 0:
            assert isinstance(commit(writer(path), SECOND, WRITES), Committed)
    assert killed > 15


def _commit_much(path: Path, ready: Any) -> None:
    store = writer(path)
    now = store.observe("contoso")
    ready.set()
    store.commit(SECOND, MUCH, expected=now.fingerprint, revision=now.revision)


MUCH = put(*(plan(f"much-{number}", "7.00") for number in range(600)))


def test_a_writer_killed_at_any_moment_leaves_before_or_after(path: Path) -> None:
    before = filled(path)
    saved = path.read_bytes()
    started = time.perf_counter()
    commit(writer(path), SECOND, MUCH)
    took = time.perf_counter() - started
    after = contents(reader(path))
    context = multiprocessing.get_context("fork")
    found = []
    for number in range(12):
        path.with_name("tenants.db-journal").unlink(missing_ok=True)
        path.write_bytes(saved)
        ready = context.Event()
        process = context.Process(target=_commit_much, args=(path, ready))
        process.start()
        assert ready.wait(30)
        time.sleep(took * number / 10)
        process.kill()
        process.join()
        found.append(contents(reader(path)))
    assert all(each in (before, after) for each in found)
    assert before in found


def _interrupt(path: Path) -> None:
    """Leave a database that an interrupted write has to be undone in."""
    assert _exit_of(path, 16, spill=True) == -signal.SIGKILL
    journal = path.with_name("tenants.db-journal")
    assert journal.exists()
    read_only = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    with closing(read_only), pytest.raises(sqlite3.OperationalError, match="readonly"):
        read_only.execute("SELECT * FROM tenants").fetchall()


def test_a_plan_undoes_an_interrupted_write(path: Path) -> None:
    before = filled(path)
    saved = path.read_bytes()
    _interrupt(path)
    assert path.read_bytes() != saved
    assert contents(reader(path)) == before
    assert path.read_bytes() == saved
    assert not path.with_name("tenants.db-journal").exists()


def test_a_plan_finds_an_interrupted_write_through_a_link(path: Path) -> None:
    before = filled(path)
    _interrupt(path)
    link = path.with_name("elsewhere") / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)
    assert contents(reader(link)) == before


# What the system refuses


def test_a_full_disk_writes_nothing(path: Path) -> None:
    before = filled(path)
    store = writer(path)

    def connected(connection: sqlite3.Connection, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")

    event.listen(Engine, "connect", connected)
    try:
        with pytest.raises(StoreError, match=r"tenants\.db: there is no room left to write"):
            commit(store, SECOND, MUCH)
        with pytest.raises(StoreError, match="no room"):
            store.overwrite("contoso", MUCH, actor="tenant", at=AT)
    finally:
        event.remove(Engine, "connect", connected)
    assert contents(reader(path)) == contents(store) == before
    assert isinstance(commit(store, SECOND, MUCH), Committed)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of one's own, and none of the rights of the superuser, who may write to anything."""
    folder = Path(tempfile.mkdtemp())
    superuser = os.geteuid() == 0
    commit(writer(folder / "warm-up.db"), record("contoso"), [])  # imports what is imported when it is first used
    try:
        if superuser:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        yield folder
    finally:
        if superuser:
            os.seteuid(0)
        for each in (folder, *folder.rglob("*")):
            each.chmod(0o700)
        shutil.rmtree(folder)


def test_a_folder_that_may_not_be_written_to(unprivileged: Path) -> None:
    path = unprivileged / "shut" / "tenants.db"
    path.parent.mkdir()
    before = filled(path)
    path.parent.chmod(0o500)
    assert contents(reader(path)) == before
    with pytest.raises(StoreError, match=r"shut/tenants\.db: it may not be written to"):
        commit(writer(path), SECOND, WRITES)
    with pytest.raises(StoreError, match=r"shut/tenants2\.db: it cannot be made \(Permission denied\)"):
        commit(writer(path.with_name("tenants2.db")), SECOND, WRITES)
    with pytest.raises(StoreError, match=r"shut/deeper: it cannot be written to"):
        commit(writer(path.parent / "deeper" / "tenants.db"), SECOND, WRITES)
    assert contents(reader(path)) == before
    assert [each.name for each in path.parent.iterdir()] == ["tenants.db"]


def test_a_file_that_may_not_be_written_to(unprivileged: Path) -> None:
    path = unprivileged / "tenants.db"
    before = filled(path)
    path.chmod(0o400)
    with pytest.raises(StoreError, match=r"tenants\.db: it may not be written to"):
        commit(writer(path), SECOND, WRITES)
    assert contents(reader(path)) == before


def test_a_file_that_may_not_be_read_is_not_an_empty_tenant(unprivileged: Path) -> None:
    path = unprivileged / "tenants.db"
    filled(path)
    path.chmod(0o000)
    with pytest.raises(StoreError, match=r"tenants\.db: it cannot be opened"):
        reader(path).observe("contoso")


def test_a_file_that_may_not_be_read_any_more(unprivileged: Path) -> None:
    path = unprivileged / "tenants.db"
    filled(path)
    early = reader(path)
    early.observe("contoso")
    path.chmod(0o000)
    with pytest.raises(StoreError, match=r"tenants\.db: it cannot be opened"):
        early.observe("contoso")


def test_a_folder_that_may_not_be_entered_is_not_an_empty_tenant(unprivileged: Path) -> None:
    path = unprivileged / "shut" / "tenants.db"
    path.parent.mkdir()
    filled(path)
    path.parent.chmod(0o000)
    with pytest.raises(StoreError, match=r"tenants\.db: it cannot be opened \(Permission denied\)"):
        reader(path).observe("contoso")


def test_an_interrupted_write_that_the_reader_may_not_undo(unprivileged: Path) -> None:
    path = unprivileged / "tenants.db"
    filled(path)
    _interrupt(path)
    path.chmod(0o400)
    with pytest.raises(StoreError, match="an interrupted write has to be undone first"):
        reader(path).observe("contoso")


def test_a_locked_database(path: Path) -> None:
    before = filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for act in (lambda: commit(writer(path), SECOND, WRITES), lambda: reader(path).observe("contoso")):
            with pytest.raises(StoreError, match=r"tenants\.db: another process is using it"):
                act()
        other.execute("ROLLBACK")
    assert contents(reader(path)) == before


def test_a_reader_that_does_not_finish_holds_a_commit_up_but_breaks_nothing(path: Path) -> None:
    before = filled(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM tenants").fetchall()
        now = reader(path).observe("contoso")
        with pytest.raises(StoreError, match="another process is using it"):
            writer(path).commit(SECOND, WRITES, expected=now.fingerprint, revision=now.revision)
        other.execute("ROLLBACK")
    assert contents(reader(path)) == before
    assert isinstance(commit(writer(path), SECOND, WRITES), Committed)


# What is not what it should be


@pytest.mark.parametrize("content", [b"kind: Plan\n" * 500, b"not a database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_not_a_database_is_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"tenants\.db: it is not a database"):
        reader(path).observe("contoso")
    with pytest.raises(StoreError, match=r"tenants\.db: it is not a database"):
        writer(path).commit(SECOND, WRITES, expected=fingerprint(()), revision=0)
    assert path.read_bytes() == content


def test_a_folder_in_place_of_the_file(path: Path) -> None:
    path.mkdir()
    for act in (lambda: reader(path).tenants(), lambda: commit(writer(path), SECOND, WRITES)):
        with pytest.raises(StoreError, match=r"tenants\.db: it cannot be opened"):
            act()


def test_a_file_in_place_of_the_folder(path: Path) -> None:
    path.write_text("")
    for act in (lambda: reader(path / "x.db").tenants(), lambda: commit(writer(path / "x.db"), SECOND, WRITES)):
        with pytest.raises(StoreError, match=r"tenants\.db/x\.db: it cannot be opened"):
            act()


@pytest.mark.parametrize("link", ["tenants.db", "mounted"])
def test_a_link_to_nothing_is_not_an_empty_tenant(tmp_path: Path, link: str) -> None:
    (tmp_path / link).symlink_to(tmp_path / "unmounted")
    path = tmp_path / ("tenants.db" if link == "tenants.db" else "mounted/deep/tenants.db")
    for act in (lambda: reader(path).observe("contoso"), lambda: commit(writer(path), SECOND, WRITES)):
        with pytest.raises(StoreError, match=f"{link} is a link to what is not there"):
            act()
    assert not (tmp_path / "unmounted").exists()


def test_a_database_that_was_cut_short(path: Path) -> None:
    filled(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreError, match=r"tenants\.db: it is damaged"):
        contents(reader(path))


@pytest.mark.parametrize(
    ("body", "why"),
    [("{", "not JSON"), ("", "not JSON"), ('{"a": NaN}', "not JSON"), ("[]", "not a map"), ("1", "map")],
)
def test_a_damaged_body_is_named_and_never_passed_over(path: Path, body: str, why: str) -> None:
    filled(path)
    tampered(path, "UPDATE entities SET body = ? WHERE tenant = 'contoso' AND key = 'p03'", body)
    damaged = rf"tenants\.db: the body of contoso/Plan/p03 is damaged: .*{why}"
    with pytest.raises(StoreError, match=damaged):
        reader(path).observe("contoso")
    with pytest.raises(StoreError, match=damaged):
        writer(path).commit(SECOND, WRITES, expected="sha256:0", revision=1)
    with pytest.raises(StoreError, match=damaged):
        writer(path).overwrite("contoso", WRITES, actor="tenant", at=AT)
    assert reader(path).observe("fabrikam").revision == 1
    assert [each.plan for each in reader(path).history("contoso")] == ["1"]


def test_text_that_is_not_unicode(path: Path) -> None:
    filled(path)
    tampered(path, "UPDATE entities SET body = CAST(x'7B22FF227D' AS TEXT) WHERE tenant = 'contoso' AND key = 'p03'")
    for read in (reader(path).observe, reader(path).sketch):
        with pytest.raises(StoreError, match=r"tenants\.db: it is damaged .*not UTF-8"):
            read("contoso")


@pytest.mark.parametrize(("column", "text"), [("changes", "[{"), ("changes", "{}"), ("notes", "[]"), ("notes", "")])
def test_a_damaged_journal(path: Path, column: str, text: str) -> None:
    filled(path)
    tampered(path, f"UPDATE journal SET {column} = ? WHERE tenant = 'contoso'", text)
    with pytest.raises(StoreError, match=r"tenants\.db: the journal's record of contoso at .* is damaged"):
        list(reader(path).history())
    assert len(list(reader(path).history("fabrikam"))) == 1


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE entities SET body = replace(body, '"6.00"', '"6.000"') WHERE key = 'p03'""",
        "UPDATE entities SET origin = NULL WHERE key = 'p03'",
        "UPDATE entities SET origin = '' WHERE key = 'p03'",
        "UPDATE entities SET key = 'p33' WHERE key = 'p03'",
        "UPDATE entities SET kind = 'Product' WHERE key = 'p03'",
        "UPDATE entities SET tenant = 'fabrikam' WHERE key = 'p03'",
        "DELETE FROM entities WHERE key = 'p03'",
        "INSERT INTO entities (tenant, kind, key, origin, body) VALUES ('contoso', 'Plan', 'smuggled', NULL, '{}')",
    ],
)
def test_a_row_that_was_changed_behind_our_back_is_found(path: Path, statement: str) -> None:
    filled(path)
    read = reader(path).observe("contoso")
    tampered(path, statement)
    now = reader(path).observe("contoso")
    assert now.fingerprint != read.fingerprint
    assert now.revision == read.revision
    before = contents(reader(path))
    outcome = writer(path).commit(SECOND, WRITES, expected=read.fingerprint, revision=read.revision)
    assert outcome == Stale(now.fingerprint, ())
    assert contents(reader(path)) == before


def _behind_our_back(path: Path, *statements: str) -> str:
    """Past the triggers too; the fingerprint that is kept all the same."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for trigger in ("entities_inserted", "entities_deleted", "entities_updated"):
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)
    with closing(sqlite3.connect(path)) as connection:
        (kept,) = connection.execute("SELECT fingerprint FROM tenants WHERE tenant = 'contoso'").fetchone()
        return str(kept)


@pytest.mark.parametrize("column", ["digest", "synced"])
def test_digests_that_are_not_there_are_never_passed_over(path: Path, column: str) -> None:
    """Whatever is said of them: what is left of a text without them is no shorter state."""
    filled(path)
    kept = _behind_our_back(path, f"UPDATE entities SET {column} = NULL WHERE key IN ('p03', 'p19')")
    sketch = reader(path).sketch("contoso")
    assert sketch is not None and isinstance(sketch.entities, LazyState)
    assert len(sketch.entities) == 20
    assert sketch.entities.synced == {id: of_actual(each) for id, each in sketch.entities.whole().items()}
    outcome = writer(path).commit(SECOND, WRITES, expected=kept, revision=1)
    now = reader(path).observe("contoso", verify=True)
    assert outcome == Committed(now.fingerprint, 2)
    assert reader(path).observe("contoso") == now


def test_a_value_that_no_store_keeps_writes_nothing(path: Path) -> None:
    before = filled(path)
    bad = plan("bad")
    writes = [*WRITES, EntityWrite(bad.id, None, type(bad)(bad.id, {"amount": object()}))]
    with pytest.raises(TypeError):
        commit(writer(path), SECOND, writes)
    with pytest.raises(TypeError):
        commit(writer(path), Record("contoso", "3", AT, "Ada", None, ({"amount": object()},)), WRITES)
    assert contents(reader(path)) == before


# Versions of the tables


def test_the_tables_are_those_of_the_newest_migration(path: Path) -> None:
    filled(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), schema.metadata) == []
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == schema.VERSION


def test_tables_of_a_newer_reconciler_are_refused(path: Path) -> None:
    filled(path)
    tampered(path, "UPDATE alembic_version SET version_num = '9999'")
    saved = path.read_bytes()
    words = r"tenants\.db: its tables are of version 9999, .*newer reconciler: upgrade this one"
    for act in (
        lambda: open_reader(URL, root=path.parent).observe("contoso"),
        lambda: open_store(URL, root=path.parent),
        lambda: writer(path).overwrite("contoso", WRITES, actor="tenant", at=AT),
    ):
        with pytest.raises(StoreError, match=words):
            act()
    assert path.read_bytes() == saved


def test_a_database_that_is_upgraded_while_a_reader_has_it(path: Path) -> None:
    filled(path)
    early = open_reader(URL, root=path.parent)
    early.observe("contoso")
    tampered(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="version 9999"):
        early.observe("contoso")


def _next_version(monkeypatch: pytest.MonkeyPatch, folder: Path, migration: str) -> None:
    """Make this a reconciler with one migration more."""
    shutil.copytree(MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    head = f'from alembic import op\nrevision = "9999"\ndown_revision = "{schema.VERSION}"'
    text = f"{head}\n\n\ndef upgrade():\n{migration}"
    (folder / "migrations" / "versions" / "v9999_next.py").write_text(text)
    monkeypatch.setattr(versions, "files", lambda _: folder)
    monkeypatch.setattr(schema, "VERSION", "9999")


def test_tables_of_an_older_reconciler_are_upgraded_by_a_writer(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = filled(path)
    version = schema.VERSION
    _next_version(monkeypatch, tmp_path / "newer", '    op.execute("CREATE TABLE added (x TEXT)")\n')
    saved = path.read_bytes()
    early = open_reader(URL, root=path.parent)
    assert early.version() == versions.SchemaVersion(version)  # type: ignore[attr-defined]
    assert contents(early) == before, "it is read as it will be"
    assert path.read_bytes() == saved
    store = open_store(URL, root=path.parent)
    assert contents(store) == contents(early) == before
    tampered(path, "INSERT INTO added VALUES ('there')")
    assert isinstance(commit(store, SECOND, WRITES), Committed)


def test_an_upgrade_that_fails_changes_nothing(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    saved = path.read_bytes()
    migration = '    op.execute("CREATE TABLE added (x TEXT)")\n    op.execute("DROP TABLE not_there")\n'
    _next_version(monkeypatch, tmp_path / "newer", migration)
    with pytest.raises(StoreError, match=r"tenants\.db: no such table: not_there"):
        open_store(URL, root=path.parent)
    assert path.read_bytes() == saved


@pytest.mark.parametrize("statement", ["DELETE FROM alembic_version", "DROP TABLE alembic_version"])
def test_tables_without_their_version_are_not_an_empty_database(path: Path, statement: str) -> None:
    filled(path)
    tampered(path, statement)
    for act in (lambda: reader(path).observe("contoso"), lambda: commit(writer(path), SECOND, WRITES)):
        with pytest.raises(
            StoreError, match=r"tenants\.db: it has tables of ours \(came_down, entities, .*not their version"
        ):
            act()


def test_a_missing_table(path: Path) -> None:
    filled(path)
    tampered(path, "DROP TABLE moves")
    with pytest.raises(StoreError, match=r"tenants\.db: no such table: moves"):
        commit(writer(path), SECOND, WRITES)
    assert [each.plan for each in reader(path).history("contoso")] == ["1"]
