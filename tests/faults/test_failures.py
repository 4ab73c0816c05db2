"""Each error of a driver has its kind, its words and its code: a busy store is no damaged one, nor is a bad disk."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.errors import lookup

from reconciler.core.schemadocs.result_schemas import RESULT_CODES
from reconciler.shell.runs.execute import Code, store_failure
from reconciler.stores import failures
from reconciler.stores.base import StoreError
from reconciler.stores.failures import ERRNOS, SQLITE, SQLSTATES, Failure, Finding, of_sqlite, of_sqlstate, of_system
from reconciler.stores.registry import open_reader, open_store
from reconciler.stores.sql import postgresql_databases
from tests.contract.samples import commit, plan, put, record

SAYS_NOTHING = {
    *("SQLITE_ABORT", "SQLITE_CONSTRAINT", "SQLITE_EMPTY", "SQLITE_ERROR", "SQLITE_INTERNAL", "SQLITE_INTERRUPT"),
    *("SQLITE_MISMATCH", "SQLITE_MISUSE", "SQLITE_NOLFS", "SQLITE_NOTFOUND", "SQLITE_NOTICE", "SQLITE_RANGE"),
    *("SQLITE_SCHEMA", "SQLITE_WARNING"),
}
"""Of these SQLite's own message says all that is known."""


def sqlite_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("as the driver says it")
    error.sqlite_errorcode = code
    return error


def primary_codes() -> dict[str, int]:
    """SQLite's error codes by their names. Of other constants, such as those of the authorizer, numbers repeat."""
    known = {
        *("ABORT", "AUTH", "BUSY", "CANTOPEN", "CONSTRAINT", "CORRUPT", "EMPTY", "ERROR", "FORMAT", "FULL", "INTERNAL"),
        *("INTERRUPT", "IOERR", "LOCKED", "MISMATCH", "MISUSE", "NOLFS", "NOMEM", "NOTADB", "NOTFOUND", "NOTICE"),
        *("PERM", "PROTOCOL", "RANGE", "READONLY", "SCHEMA", "TOOBIG", "WARNING"),
    }
    return {f"SQLITE_{name}": getattr(sqlite3, f"SQLITE_{name}") for name in sorted(known)}


@pytest.mark.parametrize("name", sorted({*primary_codes()} - SAYS_NOTHING))
def test_every_code_of_sqlite_has_a_finding(name: str) -> None:
    found = of_sqlite(sqlite_error(primary_codes()[name]))
    assert found.words and found == SQLITE[primary_codes()[name]]


@pytest.mark.parametrize("name", sorted(SAYS_NOTHING))
def test_what_says_nothing_is_told_as_the_driver_says_it(name: str) -> None:
    assert of_sqlite(sqlite_error(primary_codes()[name])) == Finding()
    assert Finding().said("as the driver says it", "; nothing was written") == (
        "as the driver says it; nothing was written"
    )


EXTENDED = {
    name: getattr(sqlite3, name)
    for name in sorted(vars(sqlite3))
    if name.startswith(("SQLITE_IOERR_", "SQLITE_BUSY_", "SQLITE_CORRUPT_", "SQLITE_READONLY_", "SQLITE_LOCKED_"))
}


@pytest.mark.parametrize("name", EXTENDED)
def test_an_extended_code_is_of_the_kind_of_its_primary_one(name: str) -> None:
    kinds = {
        "IOERR": Failure.DISK,
        "BUSY": Failure.BUSY,
        "LOCKED": Failure.BUSY,
        "CORRUPT": Failure.DAMAGED,
        "READONLY": Failure.READ_ONLY,
    }
    kind = Failure.ERROR if name == "SQLITE_IOERR_NOMEM" else kinds[name.split("_")[1]]
    assert of_sqlite(sqlite_error(EXTENDED[name])).failure is kind


def test_an_i_o_error_by_the_name_that_pythons_module_lacks() -> None:
    assert of_sqlite(sqlite_error(8458)).failure is Failure.DISK


@pytest.mark.parametrize("state", SQLSTATES)
def test_every_sqlstate_has_a_finding(state: str) -> None:
    found = of_sqlstate(state.ljust(5, "0"))
    assert found == SQLSTATES[state] and found.words


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08006", Failure.UNREACHABLE),
        ("57P01", Failure.UNREACHABLE),
        ("28P01", Failure.FORBIDDEN),
        ("42501", Failure.FORBIDDEN),
        ("25006", Failure.READ_ONLY),
        ("53100", Failure.FULL),
        ("53300", Failure.BUSY),
        ("55P03", Failure.BUSY),
        ("40001", Failure.BUSY),
        ("58030", Failure.DISK),
        ("XX001", Failure.DAMAGED),
        ("42P01", Failure.ERROR),
    ],
)
def test_kinds_of_errors_of_postgresql(state: str, kind: Failure) -> None:
    """By the driver's own exception for each."""
    assert postgresql_databases._finding(lookup(state)("as the server says it")).failure is kind
    assert postgresql_databases._finding(psycopg.OperationalError("the driver's own")).failure is Failure.UNREACHABLE


@pytest.mark.parametrize("number", ERRNOS)
def test_errors_of_the_system(number: int) -> None:
    assert of_system(OSError(number, "as the system says it")) is ERRNOS[number] is not Failure.ERROR
    assert of_system(OSError(errno.EINVAL, "anything else")) is Failure.ERROR


@pytest.mark.parametrize("kind", Failure)
def test_every_kind_has_a_code_of_its_own(kind: Failure) -> None:
    found = store_failure("contoso", StoreError("words", kind))
    assert found.code == f"store_{kind}" in RESULT_CODES


def test_the_codes_are_those_of_the_schema() -> None:
    assert {each.value for each in Code} == {*RESULT_CODES}


def test_words_tell_the_kinds_apart() -> None:
    """No two kinds are worded alike."""
    every = {*SQLITE.values(), *SQLSTATES.values(), failures.UNREACHABLE, failures.FLEETING}
    by_words = {each.words: each.failure for each in every}
    assert all(by_words[each.words] is each.failure for each in every)


# SQLite calls a file malformed as well where the disk fails to give a page of it


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(open_store("sqlite:///tenants.db", root=tmp_path)) as store:
        commit(store, record("contoso"), put(plan("basic")))
    return tmp_path / "tenants.db"


class Malformed(sqlite3.Connection):
    """Of the driver: as one whose disk fails while rows are read."""

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        if "BEGIN" in statement or "SELECT m.name" in statement:
            raise sqlite_error(sqlite3.SQLITE_CORRUPT)
        return super().execute(statement, *arguments)


def said_of(path: Path) -> StoreError:
    with closing(open_reader("sqlite:///tenants.db", root=path.parent)) as reader, pytest.raises(StoreError) as raised:
        reader.observe("contoso")
    return raised.value


def test_a_disk_that_fails_is_not_called_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Malformed))
    monkeypatch.setattr(Path, "open", fails)
    found = said_of(path)
    assert found.failure is Failure.DISK
    assert "the disk failed" in str(found) and "it is damaged" not in str(found)


def test_a_file_that_is_whole_is_not_called_damaged(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Malformed))
    found = said_of(path)
    assert found.failure is Failure.DISK
    assert "the disk failed while it was read, and the file is whole now" in str(found)


def test_a_file_that_is_damaged_is_called_so(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = said_of(path)
    assert found.failure is Failure.DAMAGED
    assert "tenants.db: it is damaged (" in str(found)
