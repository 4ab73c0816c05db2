"""The stamp of a SQLite file is relied on only where a later write has to give another one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.stores.base import StoreError
from reconciler.stores.file_stamps import SETTLED_NS, settled_stamp, stamp
from reconciler.stores.registry import settled_stamp as stamp_of_store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "tenants.db"
    path.write_bytes(b"SQLite format 3\0")
    return path


def at(monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: moment)


def test_a_file_that_changed_just_now_has_no_settled_stamp(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = stamp(database)
    assert found is not None
    for later, settled in ((-SETTLED_NS, None), (0, None), (SETTLED_NS, None), (SETTLED_NS + 1, found)):
        at(monkeypatch, found.changed + later)
        assert settled_stamp(database) == settled


def test_a_file_of_the_future_has_no_settled_stamp(database: Path) -> None:
    tomorrow = time.time() + 86_400
    os.utime(database, (tomorrow, tomorrow))
    assert settled_stamp(database) is None


@pytest.mark.parametrize("end", ["-journal", "-wal"])
def test_a_file_with_a_journal_has_no_settled_stamp(database: Path, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, time.time_ns() + 2 * SETTLED_NS)
    assert settled_stamp(database) is not None
    database.with_name(f"{database.name}{end}").touch()
    assert settled_stamp(database) is None


def rewritten(path: Path) -> None:
    path.write_bytes(b"SQLite format 4\0")


def replaced(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


def appended(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("change", [rewritten, replaced, appended])
def test_a_settled_file_that_changes_has_another_stamp_whatever_its_times_are_set_to(
    database: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, time.time_ns() + 2 * SETTLED_NS)
    before = settled_stamp(database)
    assert before is not None
    time.sleep(0.02)  # more than a tick of the file system's clock
    change(database)
    os.utime(database, ns=(before.modified, before.modified))
    assert settled_stamp(database) not in (None, before)


def test_only_sqlite_files_have_one(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, time.time_ns() + 2 * SETTLED_NS)
    assert stamp_of_store("sqlite:///tenants.db", root=database.parent) == stamp(database)
    assert stamp_of_store("sqlite:///other.db", root=database.parent) is None
    assert stamp_of_store("memory://tenants", root=database.parent) is None
    assert stamp_of_store("postgresql://ann@db.example/tenants", root=database.parent) is None
    with pytest.raises(StoreError, match="it is a folder"):
        stamp_of_store("sqlite:///.", root=database.parent)
