"""The database interface of the SQL store, and its implementation for SQLite: connections and error messages.

PostgreSQL is in `postgresql_databases`; `rows` writes rows.
"""

import errno
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from reconciler.stores.base import OutcomeUnknown, StoreError
from reconciler.stores.failures import (
    DAMAGED,
    DISK,
    FLEETING,
    Failure,
    Finding,
    NotText,
    as_not_text,
    of_sqlite,
    of_system,
)
from reconciler.stores.file_stamps import Stamp, stamp, stamp_if_any
from reconciler.stores.sql.in_doubt import settled
from reconciler.stores.sql.sqlite_files import OpenFile, read_texts_only, refuse_odd_companions
from reconciler.stores.sql.upgraded import UpgradedCopy
from reconciler.stores.sql.versions import Age, SchemaVersion, bring_up_to_date, migrate, not_allowed, version_of

BUSY_SECONDS = 30.0
"""How long to wait for another process's lock."""
PRIVATE_FOLDER = ".reconcile"
APPLICATION_ID = 0x7265636F
"""Written to the header of each new file: "reco". Files of earlier releases are recognised by their tables."""

_WAY_OUT = "Name another file in `store`; or, if nothing in it is needed, remove it: the next write makes a new one"
_EMPTY = f"it is empty (0 bytes), and no database of this reconciler. {_WAY_OUT}"
_NOT_OURS = f"it is a database without this reconciler's tables, perhaps another application's. {_WAY_OUT}"


class Readable(Protocol):
    """A readable database. ``where`` is its name in messages."""

    where: str

    def reading(self) -> AbstractContextManager[Connection | None]:
        """A read-only snapshot transaction; ``None`` if there is no database yet."""

    def version(self) -> SchemaVersion:
        """The version of the tables. Raises `StoreError`."""

    def close(self) -> None:
        """Release connections."""


class Writable(Readable, Protocol):
    """A writable database."""

    def bring_up_to_date(self, *, make: bool = False) -> None:
        """Migrate older tables; if there are none, ``make`` them. Raises `StoreError`."""

    def writing(self, *tenants: str) -> AbstractContextManager[Connection]:
        """A snapshot transaction on current tables that excludes other writers to these tenants. Committed at the end
        unless an exception is raised.
        """


class SqliteReading:
    """A read-only SQLite file. It may appear or vanish at any time, so each transaction checks."""

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        self.where = str(path)
        self._path = path
        self._busy_seconds = busy_seconds
        self._known: tuple[Stamp, Path] | None = None
        self._reader = OpenFile(path, lambda: self._connect("ro"), begin="BEGIN")
        self._copy = UpgradedCopy()
        self._damaged: Stamp | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        with self._transaction() as (connection, now):
            found = self._version_of(connection) if connection else SchemaVersion(None)
            found.refuse_unknown(self.where)
            if connection is not None and found.id and found.age is Age.OLDER:
                with self._copy.of(connection, found.id, now) as upgraded:
                    yield upgraded
            else:
                self._copy.close()
                yield connection if found.id else None

    def version(self) -> SchemaVersion:
        with self._transaction() as (connection, _):
            return self._version_of(connection) if connection else SchemaVersion(None)

    def _version_of(self, connection: Connection) -> SchemaVersion:
        """The version of an existing file. Raises `StoreError` without our tables: the reconciler never creates a file
        without them, so it is another application's and must not count as "no state yet".
        """
        found = version_of(connection, self.where)
        if found.id is None:
            raise StoreError(f"{self.where}: {_EMPTY if self._path.stat().st_size == 0 else _NOT_OURS}")
        return found

    @contextmanager
    def _transaction(self) -> Iterator[tuple[Connection | None, Stamp | None]]:
        """A transaction on the file, if it exists."""
        now = stamp(self._path)
        if now is None:
            yield None, None
            return
        with self._errors_in_words():
            if self._undo_interrupted_write(self._resolved(now)):
                now = None
            with self._reader.transaction(now) as connection:
                yield connection, now

    def close(self) -> None:
        self._copy.close()
        self._reader.close()

    def _resolved(self, now: Stamp) -> Path:
        """The file with links resolved, which is where SQLite has its journal. Raises `StoreError` where what is there
        is none that SQLite could open.
        """
        if self._known is None or not now.is_same_file(self._known[0]):
            self._known = now, Path(os.path.realpath(self._path))
        refuse_odd_companions(self._known[1])
        return self._known[1]

    def _undo_interrupted_write(self, file: Path) -> bool:
        """Roll back a write that was killed, before reading; SQLite does not do so through a read-only connection. The
        file becomes what the last commit left.

        Returns whether there was a rollback journal, which may also belong to a running write.
        """
        if not os.path.exists(f"{file}-journal"):  # noqa: PTH110 - for each transaction: a Path costs more
            return False
        with closing(self._connect("rw")) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        return True

    @contextmanager
    def _errors_in_words(self) -> Iterator[None]:
        """Convert database errors to `StoreError`, without statement and parameters, which contain tenants' data."""
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:  # the latter of rows that are fetched past SQLAlchemy
            finding = self._finding(error)
            raise StoreError(f"{self.where}: {finding.said(str(_driver_error(error)))}", finding.failure) from error

    def _finding(self, error: BaseException) -> Finding:
        """The meaning of an error. A file reported as damaged is checked once until it changes."""
        said = _driver_error(error)
        found, now = of_sqlite(said), stamp_if_any(self._path)
        if found is not DAMAGED or isinstance(said, NotText) or now == self._damaged:
            return found
        found = _diagnose_malformed(self._path)
        self._damaged = now if found is DAMAGED else None
        return found

    def _connect(self, mode: str) -> sqlite3.Connection:
        """Open a connection usable by any thread, one at a time."""
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
    """A SQLite file, created by the first write. A write takes the lock at its start and is durable when it returns:
    with ``synchronous = EXTRA`` the directory is synced after the journal is removed, which commits.

    WAL is not used, because even readers need a writable shared-memory file beside the database.
    """

    def __init__(self, path: Path, busy_seconds: float = BUSY_SECONDS) -> None:
        super().__init__(path, busy_seconds)
        self._writer = OpenFile(path, self._connect_to_write, begin="BEGIN IMMEDIATE")

    def bring_up_to_date(self, *, make: bool = False) -> None:
        """Migrate the tables of an older version. A current file is not locked."""
        found = self.version()
        found.refuse_unknown(self.where)
        if found.age is Age.CURRENT or (found.age is Age.NONE and not make):
            return
        try:
            with settled(lambda: self.version().age is Age.CURRENT), self.writing():
                pass
        except StoreError as error:
            if error.failure is not Failure.READ_ONLY:
                raise
            raise not_allowed(self.where, found, "it may not be written to") from error

    @contextmanager
    def writing(self, *_: str) -> Iterator[Connection]:
        """A write transaction; the file has one lock for all tenants."""
        if stamp(self._path) is None:
            _make_folder(self._path.parent)
            with self._errors_in_words():
                make_whole(self._path)
        now, committing = stamp(self._path), False
        if now is not None:
            self._resolved(now)
        with self._errors_in_words():
            try:
                with self._writer.transaction(now) as connection:
                    self._version_of(connection)
                    bring_up_to_date(connection, self.where)
                    yield connection
                    committing = True
                self._writer.wrote()
            except (DBAPIError, sqlite3.Error) as error:
                if not committing:
                    raise
                finding = self._finding(error)
                why = finding.said(str(_driver_error(error)))
                raise OutcomeUnknown.of(self.where, why, finding.failure) from error

    def close(self) -> None:
        super().close()
        self._writer.close()

    def _connect_to_write(self) -> sqlite3.Connection:
        connection = self._connect("rw")
        connection.execute(_DURABLE)
        return connection


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if folder.name == PRIVATE_FOLDER and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{folder}: it cannot be written to ({error.strerror})", of_system(error)) from error


def make_whole(path: Path) -> None:
    """Create a database with its tables under another name and link it to its path, so that it appears complete. A file
    that another writer created meanwhile stays. Raises `StoreError` or SQLite's errors.
    """
    with settled(lambda: _is_whole(path)):
        filled = False
        try:
            with _temporary(path) as new:
                _fill(new)
                filled = True
                _link(new, path)
                _sync(path.parent)
        except OSError as error:
            failure = of_system(error)
            if filled:
                raise OutcomeUnknown.of(str(path), f"it could not be made ({error.strerror})", failure) from error
            raise StoreError(f"{path}: it cannot be made ({error.strerror})", failure) from error


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """An empty file beside a path, removed at the end."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}.new")
    try:
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        yield new
    finally:
        new.unlink(missing_ok=True)
        new.with_name(f"{new.name}-journal").unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    """Whether the database exists with its tables. Raises `StoreError`."""
    with closing(SqliteReading(path)) as found:
        return found.version().age is Age.CURRENT


def _fill(new: Path) -> None:
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(new, isolation_level=None), poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql(_DURABLE)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        migrate(connection)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql("COMMIT")


def _link(new: Path, path: Path) -> None:
    """Link the file to its path; never overwrites an existing file."""
    try:
        os.link(new, path)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if not path.exists():  # as good as a file system without hard links lets us
            new.rename(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_DURABLE = "PRAGMA synchronous = EXTRA"


def _driver_error(error: BaseException) -> BaseException:
    return as_not_text(error.orig if isinstance(error, DBAPIError) and error.orig else error)


def _diagnose_malformed(path: Path) -> Finding:
    """The meaning of SQLite's "malformed": it also reports so if the disk fails to read a page."""
    try:
        with path.open("rb") as file:
            while file.read(_PIECE):
                pass
    except OSError as error:
        return DISK if of_system(error) is Failure.DISK else DAMAGED
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            whole = connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
    except sqlite3.Error as error:
        found = of_sqlite(error)
        return found if found.failure is Failure.DISK else DAMAGED
    return FLEETING if whole else DAMAGED


_PIECE = 1 << 20
