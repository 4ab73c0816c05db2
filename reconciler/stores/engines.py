"""What the SQL store needs of a database, and SQLite: opening it to read or to write, and its errors in words.

PostgreSQL stands in `engines_postgresql`; how rows are written, in `rows`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from stat import S_ISDIR
from typing import Protocol

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from reconciler.stores.base import StoreError
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
        self._reader = self._engine("ro", begin="BEGIN")

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        if not _is_there(self._path):
            yield None
            return
        with _errors_in_words(self.where):
            self._undo_interrupted_write()
            with self._reader.begin() as connection:
                yield connection if are_there(connection, self.where) else None

    def close(self) -> None:
        self._reader.dispose()

    def _undo_interrupted_write(self) -> None:
        """What a writer that was killed left must be rolled back before anyone reads, and SQLite does not do that
        through a read-only connection. It writes nothing new: the file becomes what the last commit left.
        """
        file = self._path.resolve()
        if not file.with_name(f"{file.name}-journal").exists():
            return
        try:
            with closing(self._connect("rw")) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.where}: {_in_words(error)}") from error

    def _engine(self, mode: str, *, begin: str) -> Engine:
        engine = create_engine("sqlite://", creator=lambda: self._connect(mode), poolclass=NullPool)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"{self._path.as_uri()}?mode={mode}"
        return sqlite3.connect(uri, uri=True, timeout=self._busy_seconds, isolation_level=None)


class SqliteWriting(SqliteReading):
    """A SQLite file, created at the first write. A write locks at once, and one that returned is on the disk:
    a rollback journal is ``synchronous = FULL`` unless told otherwise, and is told so.

    Not WAL: even to read, that needs a writable shared-memory file beside the database.
    """

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        super().__init__(path, busy_seconds)
        self._writer = self._engine("rwc", begin="BEGIN IMMEDIATE")

        @event.listens_for(self._writer, "connect")
        def _connected(connection: sqlite3.Connection, _: object) -> None:
            connection.execute("PRAGMA synchronous = FULL")

    def bring_up_to_date(self) -> None:
        """Of a database that is there: so that a writer can read what an older reconciler wrote."""
        if _is_there(self._path):
            with self.writing():
                pass

    @contextmanager
    def writing(self, *_: str) -> Iterator[Connection]:
        """Whatever the tenants: the file has one lock."""
        if not _is_there(self._path):
            _make_folder(self._path.parent)
        with _errors_in_words(self.where), self._writer.begin() as connection:
            bring_up_to_date(connection, self.where)
            yield connection

    def close(self) -> None:
        super().close()
        self._writer.dispose()


def _is_there(path: Path) -> bool:
    """Whether a file is there. What cannot be told, or a link to nothing, is an error, never "no state yet"."""
    try:
        folder = S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        dangling = next((each for each in (path, *path.parents) if each.is_symlink() and not each.exists()), None)
        if dangling is None:
            return False
        raise StoreError(f"{path}: {dangling} is a link to what is not there") from None
    except OSError as error:
        raise StoreError(f"{path}: it cannot be opened ({error.strerror})") from error
    if folder:
        raise StoreError(f"{path}: it cannot be opened (it is a folder)")
    return True


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
