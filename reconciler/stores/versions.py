"""The version of a database's tables, and bringing them up to date. Versions are four digits, in order."""

import sqlite3
from importlib.resources import as_file, files
from threading import Lock

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import OperationalError

from reconciler.stores import schema
from reconciler.stores.base import StoreError

VERSION_TABLE = "alembic_version"
_one_at_a_time = Lock()
"""Alembic keeps what it is doing in its modules: two databases cannot be migrated at once in one process."""


def are_there(connection: Connection, where: str) -> bool:
    """Whether the tables are there, and as this reconciler reads them. Raises `StoreError` at another version."""
    version = _version(connection, where)
    if version is None:
        return False
    if version != schema.VERSION:
        older = "a command that writes to it, such as `reconcile tenant import`, brings them up to date"
        mend = older if version < schema.VERSION else _NEWER
        raise StoreError(
            f"{where}: its tables are of version {version}, this reconciler reads {schema.VERSION}; {mend}"
        )
    return True


def are_old(connection: Connection, where: str) -> bool:
    """Whether the tables are there, and an older reconciler's. Raises `StoreError` where they are a newer one's."""
    return not is_current(connection, where) and _version(connection, where) is not None


def is_current(connection: Connection, where: str, *, locked: bool = False) -> bool:
    """Whether the tables are there, and as this reconciler writes them. Raises `StoreError` at a newer version.

    ``locked``: `VERSION_TABLE` is locked by who asks, and so is there.
    """
    version = _version(connection, where, locked=locked)
    if version is not None and version > schema.VERSION:
        raise StoreError(f"{where}: its tables are of version {version}, this one writes {schema.VERSION}; {_NEWER}")
    return version == schema.VERSION


def bring_up_to_date(connection: Connection, where: str) -> None:
    """Migrate within the connection's transaction; nothing is imported or done where there is nothing to do."""
    if not is_current(connection, where):
        _upgrade(connection)


_NEWER = "they are of a newer reconciler: upgrade this one"


def _version(connection: Connection, where: str, *, locked: bool = False) -> str | None:
    """``None`` where there is nothing of ours. Tables that lost their version are not taken for an empty database."""
    return _told(connection, there=locked) or _looked_for(connection, where)


def _told(connection: Connection, *, there: bool) -> str | None:
    """As each transaction asks; ``None`` where that does not tell. In PostgreSQL a question that fails ends the
    transaction, so whether there is a table is asked first.
    """
    ask = connection.dialect.name == "postgresql" and not there
    if ask and not connection.exec_driver_sql(_IS_THERE).scalar():
        return None
    try:
        version: str | None = connection.exec_driver_sql(_ASK).scalar()
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
            raise
        return None  # no such table
    return version


_ASK = f"SELECT version_num FROM {VERSION_TABLE}"
_IS_THERE = f"SELECT to_regclass('{VERSION_TABLE}') IS NOT NULL"


def _looked_for(connection: Connection, where: str) -> str | None:
    found = inspect(connection)
    version: str | None = None
    if found.has_table(VERSION_TABLE):
        version = connection.exec_driver_sql(_ASK).scalar()
    if version is None and (strays := sorted({*schema.metadata.tables} & {*found.get_table_names()})):
        raise StoreError(f"{where}: it has tables of ours ({', '.join(strays)}), but not their version; it is damaged")
    return version


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a tenth of a second that a current database does not pay
    from alembic.config import Config  # noqa: PLC0415

    with _one_at_a_time, as_file(files("reconciler.stores") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
