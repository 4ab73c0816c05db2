"""Reads and migrates the schema version of a database. Versions are four digits, in order."""

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import as_file, files
from threading import Lock

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError

from reconciler.stores.base import StoreError
from reconciler.stores.sql import schema

VERSION_TABLE = "alembic_version"
_one_at_a_time = Lock()
"""Alembic has module-level state, so a process migrates one database at a time."""


class Age(StrEnum):
    """The version of a database's tables relative to this reconciler's."""

    NONE = "none"
    """There are no tables; the first write creates them."""
    OLDER = "older"
    """An earlier version: readable, and migrated by writers."""
    CURRENT = "current"
    NEWER = "newer"
    """A later version than this reconciler supports."""
    FOREIGN = "foreign"
    """A version of another application."""


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """The version id of a database's tables; ``None`` if there are none."""

    id: str | None

    @property
    def age(self) -> Age:
        if self.id is None:
            return Age.NONE
        if self.id == schema.VERSION:
            return Age.CURRENT
        if not _OURS.fullmatch(self.id) or self.id < FIRST:
            return Age.FOREIGN
        return Age.OLDER if self.id < schema.VERSION else Age.NEWER

    def refuse_unknown(self, where: str) -> None:
        """Raises `StoreError` for tables that this reconciler cannot use."""
        if self.age is Age.NEWER:
            raise StoreError(
                f"{where}: its tables are of version {self.id}, this reconciler's of {schema.VERSION}; they are of a "
                "newer reconciler: upgrade this one"
            )
        if self.age is Age.FOREIGN:
            raise StoreError(
                f'{where}: its tables are of version "{self.id}", which is none of this reconciler\'s ({FIRST} to '
                f"{schema.VERSION}): {VERSION_TABLE} is another application's. Give the store a database, or a schema, "
                "of its own"
            )


FIRST = "0001"
_OURS = re.compile("[0-9]{4}")


def version_of(connection: Connection, where: str, *, locked: bool = False) -> SchemaVersion:
    """Of a database's tables. Raises `StoreError` where they are damaged.

    ``locked``: `VERSION_TABLE` is locked by who asks, and so is there.
    """
    return SchemaVersion(_version(connection, where, locked=locked))


def is_current(connection: Connection, where: str, *, locked: bool = False) -> bool:
    """Whether the tables are there, and as this reconciler writes them. Raises `StoreError` for those of a newer one,
    or of another application.
    """
    found = version_of(connection, where, locked=locked)
    found.refuse_unknown(where)
    return found.age is Age.CURRENT


def bring_up_to_date(connection: Connection, where: str) -> None:
    """Migrate within the connection's transaction. Imports Alembic only if a migration is needed."""
    if not is_current(connection, where):
        migrate(connection)


def not_allowed(where: str, found: SchemaVersion, why: str) -> StoreError:
    """The error for a user who lacks the right to migrate a database or create its tables."""
    to = schema.VERSION
    what = f"its tables are of version {found.id} and have to become {to}" if found.id else "it has no tables"
    return StoreError(f"{where}: {what}; {why}. `reconcile store migrate`, run by who owns it, does that")


def _version(connection: Connection, where: str, *, locked: bool = False) -> str | None:
    """The version id; ``None`` without our tables. Tables without a version are an error, not an empty database."""
    return _read_version(connection, there=locked) or _looked_for(connection, where)


def _read_version(connection: Connection, *, there: bool) -> str | None:
    """As each transaction asks; ``None`` where that does not tell. In PostgreSQL a question that fails ends the
    transaction, so whether there is a table is asked first.
    """
    ask = connection.dialect.name == "postgresql" and not there
    if ask and not connection.exec_driver_sql(_IS_THERE).scalar():
        return None
    try:
        found = connection.exec_driver_sql(_ASK).scalars().all()
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
            raise
        return None  # no such table
    return _one(found)


def _one(found: Sequence[str]) -> str | None:
    """Ours is one; several are what another application's branches have."""
    return ", ".join(sorted(map(str, found))) or None


_ASK = f"SELECT version_num FROM {VERSION_TABLE}"
_IS_THERE = f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL"


def _looked_for(connection: Connection, where: str) -> str | None:
    found = inspect(connection)
    version: str | None = None
    if found.has_table(VERSION_TABLE):
        version = _one(connection.exec_driver_sql(_ASK).scalars().all())
    if version is None and (strays := sorted({*schema.metadata.tables} & {*found.get_table_names()})):
        raise StoreError(f"{where}: it has tables of ours ({', '.join(strays)}), but not their version; it is damaged")
    return version


def migrate(connection: Connection, version: str = "head") -> None:
    """Migrate tables of an earlier version, or create them."""
    from alembic import command  # noqa: PLC0415 - a tenth of a second that a current database does not pay
    from alembic.config import Config  # noqa: PLC0415

    with _one_at_a_time, as_file(files("reconciler.stores.sql") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, version)
