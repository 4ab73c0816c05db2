"""A private, migrated copy of a database of an older version, so that planning does not migrate the original.

The same migrations run on the copy, so a plan made from it, fingerprints included, can be applied after the migration.
"""

import os
import sqlite3
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, inspect
from sqlalchemy.pool import StaticPool

from reconciler.stores.sql.versions import VERSION_TABLE, migrate

AT_ONCE = 1_000
"""Most rows in memory at a time."""
TIMES = 20
"""A copy may be as old as this many times what it took to make, where a server says only that something was written."""


@dataclass(slots=True)
class UpgradedCopy:
    """The copy of one database, renewed when ``mark`` shows a write.

    It is a temporary SQLite database, on disk if large, which is deleted with its connection.
    """

    _engine: Engine | None = None
    _mark: Hashable = None
    _made: tuple[int, float, float] = (0, 0.0, 0.0)

    def of(self, source: Connection, version: str, mark: Hashable, *, may_age: bool = False) -> Connection:
        """A connection to the copy of what ``source`` reads in its transaction. ``version``: of its tables.

        ``mark``: changes whenever the database does; ``None``: not known. ``may_age``: it changes at other times too.
        """
        process, at, took = self._made
        now = time.monotonic()
        same = (mark is not None and mark == self._mark) or (may_age and now - at < TIMES * took)
        if self._engine is None or process != os.getpid() or not same:
            self.close()
            self._engine = _copied(source, version)
            self._mark, self._made = mark, (os.getpid(), now, time.monotonic() - now)
        return self._engine.connect()

    def close(self) -> None:
        """Close the copy; in a forked process, drop the parent's without closing it."""
        if self._engine is not None:
            self._engine.dispose(close=self._made[0] == os.getpid())
            self._engine = None


def _copied(source: Connection, version: str) -> Engine:
    """In no transaction of its own: nobody else sees it, and it is thrown away if anything fails."""
    engine = create_engine("sqlite://", creator=_temporary, poolclass=StaticPool)
    try:
        with engine.connect() as target:
            target.exec_driver_sql("BEGIN")
            migrate(target, version)
            for table, columns in _tables(target):
                _copy_rows(source, target, table, columns)
            migrate(target)
            target.exec_driver_sql("COMMIT")
            target.exec_driver_sql("PRAGMA query_only = ON")
    except BaseException:
        engine.dispose()
        raise
    return engine


def _temporary() -> sqlite3.Connection:
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _tables(target: Connection) -> Iterator[tuple[str, list[str]]]:
    """With their columns; entities first: to write them takes the fingerprints of their tenants away."""
    found = inspect(target)
    for table in sorted(found.get_table_names(), key=lambda name: (name != "entities", name)):
        if table != VERSION_TABLE:
            yield table, [column["name"] for column in found.get_columns(table)]


def _copy_rows(source: Connection, target: Connection, table: str, columns: list[str]) -> None:
    names = ", ".join(f'"{name}"' for name in columns)
    places = ", ".join("?" for _ in columns)
    rows = source.exec_driver_sql(f"SELECT {names} FROM {table}", execution_options={"yield_per": AT_ONCE})
    for some in rows.partitions():
        target.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({places})", [tuple(row) for row in some])
