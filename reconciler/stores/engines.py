"""What the SQL store needs of a database, and SQLite: opening it to read or to write, and its errors in words.

PostgreSQL stands in `engines_postgresql`; how rows are written, in `rows`.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from reconciler.stores.base import StoreError
from reconciler.stores.files import Kept, Stamp, read_texts_only, stamp
from reconciler.stores.versions import are_there, bring_up_to_date

BUSY_SECONDS = 30.0
"""How long one waits for another before it gives up."""
PRIVATE_FOLDER = ".reconcile"


class Readable(Protocol):
    """A database that can be read. ``where`` names it in messages."""

    where: str

    def reading(self) -> AbstractContextManager[Connection | None]:
        """One transaction that sees one moment and cannot write; ``None`` where there is no database yet."""

    def close(self) -> None:
        """Release connections."""


class Writable(Readable, Protocol):
    """A database that can be written."""

    def writing(self, *tenants: str) -> AbstractContextManager[Connection]:
        """One transaction, on tables that are there and up to date, that sees one moment, and beside which nobody
        else writes to these tenants. It is committed at the end, unless something was raised.
        """


class SqliteReading:
    """A SQLite file, read-only. It may come to be, or go, at any time: each transaction looks anew."""

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self.where = str(path)
        self._path = path
        self._busy_seconds = busy_seconds
        self._journal: tuple[Stamp, Path] | None = None
        self._reader = Kept(path, lambda: self._connect("ro"), begin="BEGIN")

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        now = stamp(self._path)
        if now is None:
            yield None
            return
        with _errors_in_words(self.where):
            if self._undo_interrupted_write(now):
                now = None
            with self._reader.transaction(now) as connection:
                yield connection if are_there(connection, self.where) else None

    def close(self) -> None:
        self._reader.close()

    def _undo_interrupted_write(self, now: Stamp) -> bool:
        """What a writer that was killed left must be rolled back before anyone reads, and SQLite does not do that
        through a read-only connection. It writes nothing new: the file becomes what the last commit left.

        Whether there was anything to look at: the write of another may as well go on.
        """
        if self._journal is None or not now.is_same_file(self._journal[0]):
            self._journal = now, Path(f"{os.path.realpath(self._path)}-journal")
        if not self._journal[1].exists():
            return False
        try:
            with closing(self._connect("rw")) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.where}: {_in_words(error)}") from error
        return True

    def _connect(self, mode: str) -> sqlite3.Connection:
        """Of any thread, one at a time: a store may be made by one, and used by another."""
        uri = f"{self._path.as_uri()}?mode={mode}"
        waits = self._busy_seconds
        connection = sqlite3.connect(uri, uri=True, timeout=waits, isolation_level=None, check_same_thread=False)
        try:
            read_texts_only(connection)
        except BaseException:
            connection.close()
            raise
        return connection


class SqliteWriting(SqliteReading):
    """A SQLite file, created at the first write. A write locks at once, and one that returned is on the disk:
    a rollback journal is ``synchronous = FULL`` unless told otherwise, and is told so.

    Not WAL: even to read, that needs a writable shared-memory file beside the database.
    """

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        super().__init__(path, busy_seconds)
        self._writer = Kept(path, self._connect_to_write, begin="BEGIN IMMEDIATE")

    def bring_up_to_date(self) -> None:
        """Of a database that is there: so that a writer can read what an older reconciler wrote."""
        if stamp(self._path) is not None:
            with self.writing():
                pass

    @contextmanager
    def writing(self, *_: str) -> Iterator[Connection]:
        """Whatever the tenants: the file has one lock."""
        now = stamp(self._path)
        if now is None:
            _make_folder(self._path.parent)
        with _errors_in_words(self.where):
            with self._writer.transaction(now) as connection:
                bring_up_to_date(connection, self.where)
                yield connection
            self._writer.wrote()

    def close(self) -> None:
        super().close()
        self._writer.close()

    def _connect_to_write(self) -> sqlite3.Connection:
        connection = self._connect("rwc")
        connection.execute("PRAGMA synchronous = FULL")
        return connection


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if folder.name == PRIVATE_FOLDER and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{folder}: it cannot be written to ({error.strerror})") from error


@contextmanager
def _errors_in_words(where: str) -> Iterator[None]:
    """The database's errors as ours. The statement and its parameters are not repeated: they hold tenants' data."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"{where}: {_in_words(error.orig)}") from error
    except sqlite3.Error as error:  # of rows that the driver was asked for, past SQLAlchemy
        raise StoreError(f"{where}: {_in_words(error)}") from error


_WORDS = {
    sqlite3.SQLITE_BUSY: "another process is using it, and did not finish in time",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_FULL: "there is no room left to write",
    sqlite3.SQLITE_IOERR: "the disk failed",
    sqlite3.SQLITE_NOTADB: "it is not a database",
    sqlite3.SQLITE_READONLY: "it may not be written to",
    sqlite3.SQLITE_READONLY_ROLLBACK: "an interrupted write has to be undone first, by someone who may write to it",
}
"""By SQLite's extended code, else by its low byte, the primary one."""


def _in_words(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorcode", 0)
    words = _WORDS.get(code) or _WORDS.get(code & 0xFF)
    return f"{words} ({error})" if words else str(error)
