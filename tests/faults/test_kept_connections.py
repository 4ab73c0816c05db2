"""A connection to a SQLite file is kept between transactions, and yet nobody sees what is not there any more."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from reconciler.stores.base import Committed, StoreError, TenantReader, TenantStore
from reconciler.stores.sql.databases import SqliteReading, SqliteWriting
from reconciler.stores.sql.kept_open import MOST_CONNECTIONS
from reconciler.stores.sql.store import SqlReader, SqlStore
from tests.contract.samples import AT, commit, contents, plan, put, record


class Seen:
    """The connections that were opened, and those that are open still."""

    def __init__(self) -> None:
        self.opened = 0
        self.open = set[int]()

    def connected(self, connection: sqlite3.Connection, _: object) -> None:
        self.opened += 1
        self.open.add(id(connection))

    def closed(self, connection: sqlite3.Connection, _: object) -> None:
        self.open.discard(id(connection))


@pytest.fixture
def seen() -> Iterator[Seen]:
    seen = Seen()
    event.listen(Engine, "connect", seen.connected)
    event.listen(Engine, "close", seen.closed)
    yield seen
    event.remove(Engine, "connect", seen.connected)
    event.remove(Engine, "close", seen.closed)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.db"
    with closing(writer(path)) as store:
        commit(store, record("contoso", "1"), put(plan("basic"), plan("plus")))
    return path


def writer(path: Path) -> TenantStore:
    return SqlStore(SqliteWriting(path, busy_seconds=0.1))


def reader(path: Path) -> SqlReader:
    return SqlReader(SqliteReading(path, busy_seconds=0.1))


def fee(store: TenantReader) -> str:
    (found,) = (each for id, each in store.observe("contoso").entities.items() if id.key == "basic")
    return str(found.body["periods"]["P1M"]["fees"]["recurring"])


def nobody_holds(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("ROLLBACK")
    return True


def test_many_transactions_take_one_connection_to_read_and_one_to_write(path: Path, seen: Seen) -> None:
    with closing(writer(path)) as store:
        for number in range(5):
            done = store.overwrite("contoso", put(plan("basic", f"{number}.00")), actor="tenant", at=AT)
            assert isinstance(done, Committed)
        assert seen.opened == 1
        for _ in range(5):
            contents(store)
        assert seen.opened == 2 == len(seen.open)
    assert not seen.open, "closed is closed"
    assert fee(store) == "4.00", "and one that is used after all opens another"
    store.close()
    assert not seen.open


def test_of_many_files_few_are_kept_open(tmp_path: Path, seen: Seen) -> None:
    stores = [writer(tmp_path / f"{number}.db") for number in range(2 * MOST_CONNECTIONS)]
    for amount in ("6.00", "7.00"):
        for store in stores:
            store.overwrite("contoso", put(plan("basic", amount)), actor="tenant", at=AT)
            assert fee(store) == amount
            assert len(seen.open) <= MOST_CONNECTIONS
    for store in stores:
        store.close()
    assert not seen.open


def test_no_lock_is_held_between_transactions(path: Path) -> None:
    with closing(writer(path)) as store:
        read = store.observe("contoso")
        sketch = store.sketch("contoso")
        assert sketch is not None
        acts: list[Callable[[], object]] = [
            store.tenants,
            lambda: store.observe("contoso"),
            lambda: store.sketch("contoso"),
            lambda: store.sketch("contoso", verify=True),
            lambda: sketch.entities[plan("basic").id],
            lambda: store.state_versions(["contoso", "nobody"]),
            lambda: store.moved_since("contoso", 0),
            lambda: next(iter(store.history())),
            lambda: store.commit(record("contoso", "1"), [], expected=read.fingerprint, revision=1),
            lambda: store.commit(record("contoso", "2"), [], expected="sha256:0", revision=1),
            lambda: store.commit(record("contoso", "2"), put(plan("max")), expected=read.fingerprint, revision=1),
            lambda: store.overwrite("contoso", put(plan("max", "7.00")), actor="tenant", at=AT),
        ]
        for act in acts:
            act()
            assert nobody_holds(path)


def test_no_lock_is_held_after_an_error(path: Path, seen: Seen) -> None:
    with closing(writer(path)) as store, closing(reader(path)) as other:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE entities SET body = '{' WHERE key = 'basic'")
        errors: list[BaseException] = []
        for act in (
            lambda: other.observe("contoso"),
            lambda: store.overwrite("contoso", put(plan("max")), actor="tenant", at=AT),
        ):
            with pytest.raises(StoreError, match="not JSON") as raised:
                act()
            errors.append(raised.value)  # and with it every frame that was reading
            assert nobody_holds(path)
        assert not seen.open


@pytest.mark.parametrize("how", ["copied over", "renamed over", "removed first"])
@pytest.mark.parametrize("opened", [writer, reader])
def test_another_file_in_its_place_is_read(path: Path, how: str, opened: Callable[[Path], TenantReader]) -> None:
    """Of as many writes and the same size as the one that was read: by its header SQLite cannot tell them apart."""
    backup = path.with_name("backup.db")
    shutil.copy(path, backup)
    for each, amount in ((path, "7.00"), (backup, "8.00")):
        with closing(writer(each)) as store:
            store.overwrite("contoso", put(plan("basic", amount)), actor="tenant", at=AT)
    assert path.read_bytes()[24:28] == backup.read_bytes()[24:28], "the count of changes"
    with closing(opened(path)) as mine:
        assert fee(mine) == "7.00"
        if how == "removed first":
            path.unlink()
            assert mine.observe("contoso").entities == {}
        if how == "copied over":
            shutil.copyfile(backup, path)
        else:
            backup.rename(path)
        assert fee(mine) == "8.00"


def test_a_write_goes_to_the_file_that_is_there(path: Path) -> None:
    with closing(writer(path)) as store:
        store.overwrite("contoso", put(plan("basic", "7.00")), actor="tenant", at=AT)
        path.rename(path.with_name("gone.db"))
        shutil.copy(path.with_name("gone.db"), path)
        store.overwrite("contoso", put(plan("basic", "8.00")), actor="tenant", at=AT)
        path.unlink()
        store.overwrite("fabrikam", put(plan("basic", "9.00")), actor="tenant", at=AT)
        assert store.tenants() == reader(path).tenants() == ["fabrikam"]
    assert fee(reader(path.with_name("gone.db"))) == "7.00"


def test_what_others_write_is_seen(path: Path) -> None:
    with closing(writer(path)) as mine, closing(writer(path)) as other, closing(reader(path)) as looking:
        for number in range(6):
            store = other if number % 2 else mine
            store.overwrite("contoso", put(plan("basic", f"{number}.00")), actor="tenant", at=AT)
            assert fee(looking) == fee(mine) == fee(other) == f"{number}.00"


def _in_a_child(stores: list[TenantStore], results: Any) -> None:
    (store,) = stores
    before = store.observe("contoso")
    done = store.commit(record("contoso", "child"), put(plan("child")), expected=before.fingerprint, revision=1)
    store.close()
    results.put((os.getpid(), done.revision if isinstance(done, Committed) else done, nobody_holds_in(store)))


def nobody_holds_in(store: TenantStore) -> bool:
    return nobody_holds(Path(store._database.where))  # type: ignore[attr-defined]


def test_a_forked_process_opens_its_own(path: Path, seen: Seen) -> None:
    with closing(writer(path)) as store:
        read = store.observe("contoso")
        store.overwrite("contoso", put(*read.entities.values()), actor="tenant", at=AT)
        context = multiprocessing.get_context("fork")
        results = context.Queue()
        child = context.Process(target=_in_a_child, args=([store], results))
        child.start()
        pid, revision, free = results.get(timeout=30)
        child.join()
        assert (pid, revision, free) == (child.pid, 3, True)
        assert len(seen.open) == 2, "the child left the parent's alone"
        late = store.overwrite("contoso", put(plan("parent")), actor="tenant", at=AT)
        assert late.revision == 4
        assert [id.key for id in store.observe("contoso").entities] == ["basic", "child", "parent", "plus"]


def test_a_store_goes_from_one_thread_to_another(path: Path) -> None:
    with closing(writer(path)) as store:
        store.overwrite("contoso", put(plan("basic", "7.00")), actor="tenant", at=AT)
        found = list[str]()

        def run() -> None:
            store.overwrite("contoso", put(plan("basic", "8.00")), actor="tenant", at=AT)
            found.append(fee(store))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        assert found == ["8.00"] == [fee(store)]
