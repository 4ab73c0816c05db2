"""SQLite files: made whole, never taken over, and durable once a write returned."""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from reconciler.stores.base import StoreError
from reconciler.stores.registry import open_reader, open_store
from reconciler.stores.sql import databases, schema
from tests.contract.samples import AT, plan, put

URL = "sqlite:///tenants.db"
EXTRA = 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tenants.db"


def write(path: Path) -> None:
    with closing(open_store(URL, root=path.parent)) as store:
        store.overwrite("contoso", put(plan("basic")), actor="tenant", at=AT)


def files(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def nothing(path: Path) -> None:
    path.touch()


def another_applications(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")


def without_tables(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA application_id = 7")
        database.execute("VACUUM")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (nothing, r"it is empty \(0 bytes\), and no database of this reconciler\. Name another file"),
        (another_applications, "a database without this reconciler's tables, perhaps another application's"),
        (without_tables, "a database without this reconciler's tables"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_and_left(path: Path, make: Callable[[Path], None], words: str) -> None:
    make(path)
    before = path.read_bytes()
    for act in (
        lambda: open_reader(URL, root=path.parent).observe("contoso"),
        lambda: list(open_reader(URL, root=path.parent).tenants()),
        lambda: open_store(URL, root=path.parent),
        lambda: write(path),
    ):
        with pytest.raises(StoreError, match=rf"tenants\.db: .*{words}.*remove it: the next write makes a new one"):
            act()
    assert path.read_bytes() == before
    assert files(path) == ["tenants.db"]


def test_one_that_becomes_another_while_it_is_open_is_refused(path: Path) -> None:
    with closing(open_store(URL, root=path.parent)) as store:
        store.overwrite("contoso", put(plan("basic")), actor="tenant", at=AT)
        path.write_bytes(b"")
        with pytest.raises(StoreError, match="it is empty"):
            store.overwrite("contoso", put(plan("plus")), actor="tenant", at=AT)
        assert path.read_bytes() == b""


def test_a_new_file_is_ours_and_alone(path: Path) -> None:
    write(path)
    assert files(path) == ["tenants.db"]
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA application_id").fetchone() == (databases.APPLICATION_ID,)
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(schema.VERSION,)]


def test_a_file_of_an_earlier_release_is_known_by_its_tables(path: Path) -> None:
    write(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA application_id = 0")
    write(path)
    assert open_reader(URL, root=path.parent).observe("contoso").revision == 2


def test_one_that_another_made_meanwhile_stays(path: Path) -> None:
    write(path)
    before = path.read_bytes()
    databases.make_whole(path)
    assert (path.read_bytes(), files(path)) == (before, ["tenants.db"])


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("_fill", r"tenants\.db: it cannot be made \(Input/output error\)$"),
        ("_link", r"it could not be made \(Input/output error\), during the commit; nothing was written$"),
        ("_sync", None),
    ],
)
def test_a_disk_error_while_it_is_made_says_what_it_left(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str, said: str | None
) -> None:
    """Before it is filled nothing can be there; afterwards it is looked up, and what is there whole was made."""

    def failing(*_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(databases, step, failing)
    with pytest.raises(StoreError, match=said) if said else nullcontext():
        databases.make_whole(path)
    assert path.exists() == (said is None)


@pytest.mark.parametrize("step", ["_fill", "_link", "_sync"])
def test_a_writer_that_is_killed_while_it_makes_one_leaves_none_or_a_whole_one(
    path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """At each step: after it, before the next."""
    real = getattr(databases, step)

    def then_killed(*arguments: Path) -> None:
        real(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(databases, step, then_killed)
    process = multiprocessing.get_context("fork").Process(target=write, args=(path,))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL
    monkeypatch.undo()
    assert path.exists() is (step != "_fill")
    assert list(open_reader(URL, root=path.parent).tenants()) == []
    write(path)
    assert open_reader(URL, root=path.parent).observe("contoso").revision == 1


def test_a_write_is_durable_once_it_returned(path: Path) -> None:
    """The removal of the journal commits; only EXTRA syncs the folder after it."""
    with closing(open_store(URL, root=path.parent)) as store:
        store.overwrite("contoso", put(plan("basic")), actor="tenant", at=AT)
        with store._writable.writing("contoso") as connection:  # type: ignore[attr-defined]
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == EXTRA
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def refused(path: Path, companion: str) -> None:
    """A reader and a writer each refuse it, naming it."""
    words = rf"{re.escape(companion)}: it cannot be opened \(it is a pipe, a socket or a device, not a file\)"
    for act in (lambda: open_reader(URL, root=path.parent).observe("contoso"), lambda: write(path)):
        with pytest.raises(StoreError, match=words):
            act()


@pytest.mark.parametrize("linked", [False, True], ids=["", "linked"])
@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize("ending", ["-journal", "-wal", "-shm"])
def test_what_sqlite_opens_beside_it_is_a_file(
    path: Path, ending: str, make: Callable[[Path], None], linked: bool
) -> None:
    """SQLite would wait for a pipe for ever: in a process of its own, which is ended."""
    write(path)
    there = path
    if linked:
        there = path.with_name("elsewhere.db")
        path.rename(there)
        path.symlink_to(there.name)
    make(there.with_name(there.name + ending))
    process = multiprocessing.get_context("fork").Process(target=refused, args=(path, there.name + ending))
    process.start()
    process.join(timeout=20)
    process.kill()
    process.join()
    assert process.exitcode == 0


def test_a_pipe_that_comes_while_it_is_open_is_refused_too(path: Path) -> None:
    with closing(open_store(URL, root=path.parent)) as store:
        store.overwrite("contoso", put(plan("basic")), actor="tenant", at=AT)
        pipe(path.with_name(f"{path.name}-journal"))
        for act in (
            lambda: store.observe("contoso"),
            lambda: store.overwrite("contoso", put(plan("plus")), actor="tenant", at=AT),
        ):
            with pytest.raises(StoreError, match=r"tenants\.db-journal: it cannot be opened"):
                act()
