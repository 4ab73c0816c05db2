"""What differs between databases: opening them for reading or writing, and bringing their tables up to date."""

import sqlite3
from importlib.resources import as_file, files
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from reconciler.stores import schema
from reconciler.stores.base import StoreError

BUSY_SECONDS = 30
"""How long a writer waits for another before it gives up."""
PRIVATE_FOLDER = ".reconcile"


def sqlite_reader(path: Path) -> Engine:
    """An engine that cannot write: the file is opened read-only. The file is there."""
    return _sqlite(f"{path.as_uri()}?mode=ro", begin="BEGIN")


def sqlite_writer(path: Path) -> Engine:
    """An engine whose transactions lock at once, on a database whose tables are up to date; created where it is not.

    The rollback journal with ``synchronous = FULL`` is durable once a commit returned; WAL would need a writable
    shared-memory file beside the database even to read it.
    """
    _prepare_folder(path)
    engine = _sqlite(path.as_uri(), begin="BEGIN IMMEDIATE")
    try:
        migrate(engine)
    except DBAPIError as error:
        raise StoreError(f"{path}: {error.orig}") from error
    return engine


def _prepare_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ignore = path.parent / ".gitignore"
        if path.parent.name == PRIVATE_FOLDER and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path.parent}: {error.strerror}") from error


def _sqlite(uri: str, *, begin: str) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def version_of(connection: Connection) -> str | None:
    """The version of a database's tables; ``None`` where it has none of ours."""
    try:
        version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except DBAPIError as error:
        if "no such table" in str(error.orig) or "does not exist" in str(error.orig):
            return None
        raise
    return version


def check_version(engine: Engine, where: str) -> bool:
    """Whether a reader may read: ``False`` where there are no tables yet. Raises `StoreError` at another version."""
    try:
        with engine.begin() as connection:
            version = version_of(connection)
    except DBAPIError as error:
        raise StoreError(f"{where}: {error.orig}") from error
    if version not in (None, schema.VERSION):
        raise StoreError(f"{where} has tables of version {version}, not {schema.VERSION}: {_mend(version)}")
    return version is not None


def _mend(version: str) -> str:
    older = version < schema.VERSION
    return "apply brings it up to date" if older else "it was written by a newer reconciler; upgrade this one"


def migrate(engine: Engine) -> None:
    """Bring the tables up to date, in one transaction; nothing is imported or done where they are."""
    with engine.begin() as connection:
        version = version_of(connection)
        if version == schema.VERSION:
            return
        if version is not None and version > schema.VERSION:
            raise StoreError(f"the tables are of version {version}, not {schema.VERSION}: {_mend(version)}")
        _upgrade(connection)


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a tenth of a second that a current database does not pay
    from alembic.config import Config  # noqa: PLC0415

    with as_file(files("reconciler.stores") / "migrations") as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
