"""The identity of a SQLite file on disk, and the connection that is kept between transactions.

Connecting and reading the schema costs more than reading a tenant.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from reconciler.stores.failures import NotText
from reconciler.stores.file_stamps import Stamp, refuse_other_than_files, stamp_if_any
from reconciler.stores.sql.kept_open import kept_open


def refuse_odd_companions(path: Path) -> None:
    """Raise `StoreError` where a file that SQLite opens beside a database is none. ``path``: with links resolved, as
    SQLite takes it. One that is not there is as it should be.
    """
    for ending in ("-journal", "-wal", "-shm"):
        companion = f"{path}{ending}"
        try:
            mode = os.stat(companion).st_mode  # noqa: PTH116 - three for each transaction: a Path costs more
        except OSError:  # SQLite has words for it
            continue
        refuse_other_than_files(companion, mode)


class OpenFile:
    """Access to a file that keeps one connection between transactions, as long as nobody else changes the file.

    What a connection remembers of the file is good only then: SQLite notices when another wrote to it, not when another
    file was copied over it. ``connect``: opens one. ``begin``: how a transaction begins. Threads take turns, or get a
    connection each; a forked process opens its own, and leaves its parent's alone.
    """

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection], *, begin: str) -> None:
        self._path = path
        self._connect = connect
        self._begin = begin
        self._open()

    def _open(self) -> None:
        self._process = os.getpid()
        self._as_left: Stamp | None = None
        settings = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": -1}
        self._engine = create_engine("sqlite://", creator=self._connect, **settings)
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql(self._begin))

    @contextmanager
    def transaction(self, now: Stamp | None) -> Iterator[Connection]:
        """``now``: the stamp of the file; ``None`` if it is unknown, or there is no file yet.

        After an error nothing is kept: what was being read may hold a lock.
        """
        self._take_up(now)
        kept_open().used(self, self._let_go)
        done = False
        try:
            with self._engine.begin() as connection:
                if self._as_left is None and now == stamp_if_any(self._path):
                    self._as_left = now
                yield connection
            done = True
        finally:
            if not done or self._as_left is None:
                self.close()

    def wrote(self) -> None:
        """Record that the last transaction wrote to the file."""
        now = stamp_if_any(self._path)
        if now is not None and self._as_left is not None and now.is_same_file(self._as_left):
            self._as_left = now
        else:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        kept_open().forget(self)
        self._let_go()

    def _let_go(self) -> None:
        if self._process == os.getpid():
            self._as_left = None
            self._engine.dispose()

    def _take_up(self, now: Stamp | None) -> None:
        if self._process != os.getpid():
            _of_the_parent.append(self._engine)
            self._open()
        elif now is None or now != self._as_left:
            self._let_go()


def read_texts_only(connection: sqlite3.Connection) -> None:
    """Let a connection read text and numbers only: whoever wrote bytes (a BLOB) into a column damaged the file.

    A tenant's name as bytes, or as text that is not UTF-8, equals no tenant's, so that its rows would count as absent:
    they are looked for here, by the indexes. Raises `NotText`.
    """
    for (table,) in connection.execute(_OF_TENANTS).fetchall():
        quoted = table.replace('"', '""')
        if connection.execute(f"SELECT EXISTS (SELECT 1 FROM \"{quoted}\" WHERE tenant >= x'')").fetchone()[0]:
            raise NotText(_BYTES.format(f"{table}.tenant"))
        for (name,) in connection.execute(_NOT_ASCII.format(quoted)):
            _expect_utf_8(f"{table}.tenant", name)
    connection.row_factory = _text_row


def _expect_utf_8(column: str, name: bytes) -> None:
    try:
        name.decode()
    except UnicodeDecodeError:
        raise NotText(f"{column} holds text that is not UTF-8") from None


def _text_row(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> tuple[Any, ...]:
    if bytes in map(type, row):
        column = next(named[0] for named, value in zip(cursor.description, row, strict=True) if type(value) is bytes)
        raise NotText(_BYTES.format(column))
    return row


_BYTES = "{} holds bytes (BLOB), not text"
_OF_TENANTS = (
    "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS p "
    "WHERE m.type = 'table' AND p.name = 'tenant' ORDER BY m.name"
)
_NOT_ASCII = """
WITH RECURSIVE names(name) AS (
    SELECT min(tenant) FROM "{0}"
    UNION ALL SELECT (SELECT min(tenant) FROM "{0}" WHERE tenant > name) FROM names WHERE name IS NOT NULL
)
SELECT CAST(name AS BLOB) FROM names
WHERE name GLOB '*[^' || char(1) || '-' || char(127) || ']*' OR length(name) <> length(CAST(name AS BLOB))
"""
"""The tenants of a table that are not ASCII: one search of an index for each tenant, not for each row. Both functions
look as far as the first NUL, behind which there are more bytes than characters.
"""

_of_the_parent: list[Engine] = []
"""The parent's connections in a forked process. They are never closed, which would affect the parent."""
