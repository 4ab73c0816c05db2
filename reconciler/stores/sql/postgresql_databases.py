"""A PostgreSQL database through psycopg 3: connections, transactions and error messages.

A writer locks the tenant's row of ``tenants``, so writes to one tenant are serialized across machines, and writes to
different tenants are concurrent (docs/decisions/014).
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from reconciler.model.values.store_urls import VERIFY_FULL, canonical_host, hosts_of
from reconciler.stores.allowed import needs_tls
from reconciler.stores.base import OutcomeUnknown, StoreError
from reconciler.stores.failures import BUSY, LOST, UNREACHABLE, Failure, Finding, of_sqlstate
from reconciler.stores.sql.databases import BUSY_SECONDS
from reconciler.stores.sql.in_doubt import settled
from reconciler.stores.sql.kept_open import kept_open
from reconciler.stores.sql.upgraded import UpgradedCopy
from reconciler.stores.sql.versions import (
    VERSION_TABLE,
    Age,
    SchemaVersion,
    bring_up_to_date,
    is_current,
    not_allowed,
    version_of,
)

IDLE_SECONDS = 60
"""Idle timeout of a transaction; it frees the locks of a client that vanished."""
WAITS = (0.1, 0.4, 1.0, 2.0)
"""Seconds between attempts to connect to a server that is starting or out of connections."""
DOWN_SECONDS = 30.0
"""How long not to retry an unreachable server, which may hold thousands of tenants."""

_DEFAULTS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    "fallback_application_name": "reconcile",
}
"""Default connection settings; they detect a vanished server within a minute."""
_MIGRATING = 0x7265636F6E63  # "reconc": of the advisory lock that whoever migrates holds
_PASSES = (
    "Connection refused",
    "No such file or directory",
    "not yet accepting connections",
    "shutting down",
    "starting up",
    "connection slots",
    "too many clients",
)
"""Messages of a server that is restarting or full, in English. Any other error, such as a wrong password, is not
retried.
"""


@dataclass(slots=True)
class Server:
    """A database's URL, with the password that goes with it, if the driver is not to find one itself.

    ``where`` is the URL for messages. Raises `StoreError` for a URL that is none, or holds a password.
    """

    url: str
    where: str
    password: str | None = field(default=None, repr=False)
    _down_until: float = field(default=0.0, init=False)
    _trouble: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Parses the URL. The driver's message about an invalid URL may contain it, so it is not shown."""
        try:
            parts = conninfo_to_dict(self.url) if self.url.startswith("postgresql://") else None
        except psycopg.Error:
            parts = None
        if parts is None:
            raise StoreError(f"{self.where}: write postgresql://user@host:5432/database")
        if {"password", "sslpassword"} & {*parts}:
            raise StoreError(f"{self.where}: a store's URL holds no password; use token_env, or PGPASSWORD")
        if any(sign in str(parts.get("dbname", "")) for sign in "@/") or not self._names_what_was_judged(parts):
            raise StoreError(f"{self.where}: write postgresql://user@host:5432/database")

    def connect(self) -> psycopg.Connection:
        """A new connection outside a transaction. Raises `StoreError`; a failure is cached for `DOWN_SECONDS`."""
        if time.monotonic() < self._down_until:
            raise StoreError(self._trouble, UNREACHABLE.failure)
        for wait in (*WAITS, None):
            try:
                return psycopg.connect(self.url, **self._settings())
            except psycopg.Error as error:
                said = str(error)
                if wait is None or not any(words in said for words in _PASSES):
                    why = _first_line(error).removeprefix("connection failed: ").removeprefix("connection is bad: ")
                    why = why.replace(self.password, "***") if self.password else why
                    self._trouble = f"{self.where}: {UNREACHABLE.words}: {why}"
                    self._down_until = time.monotonic() + DOWN_SECONDS
                    raise StoreError(self._trouble, UNREACHABLE.failure) from error
                time.sleep(wait)
        raise AssertionError("the last try returns or raises")

    def _settings(self) -> Mapping[str, Any]:
        """The connection settings. Prepared statements are off: a migration or a pooler would invalidate them."""
        given = conninfo_to_dict(self.url)
        settings: dict[str, Any] = {name: value for name, value in _DEFAULTS.items() if name not in given}
        if "PGCONNECT_TIMEOUT" in os.environ:
            settings.pop("connect_timeout", None)
        if self.password is not None:
            settings["password"] = self.password
        settings |= self._place(given)
        return {**settings, "client_encoding": "utf8", "autocommit": True, "prepare_threshold": None}

    def _names_what_was_judged(self, parts: Mapping[str, Any]) -> bool:
        """Whether the driver reads the same hosts from the URL as `hosts_of`."""
        named = [each for name in ("host", "hostaddr") for each in str(parts.get(name) or "").split(",") if each]
        read = {each if each.startswith("/") else canonical_host(each) for each in named}
        try:
            return read == {each.name for each in hosts_of(self.url)}
        except ValueError:
            return False

    def _place(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings that restrict the connection to the checked hosts, over a network with TLS that verifies their
        names (``verify-full``).

        Where the URL names a host, nothing of another in the environment is added. ``PGSSLMODE`` and ``PGGSSENCMODE``
        are the operator's, who may weaken what the URL may not.
        """
        settings: dict[str, Any] = {}
        if {"host", "hostaddr"} & {*given}:
            settings |= {name: given.get(name, "") for name in ("host", "hostaddr")}
        if needs_tls(self.url, os.environ):
            if given.get("sslmode", VERIFY_FULL) != VERIFY_FULL:
                raise StoreError(f"{self.where}: TLS is sslmode={VERIFY_FULL}; only PGSSLMODE may say otherwise")
            settings |= {} if os.environ.get("PGSSLMODE") else {"sslmode": VERIFY_FULL}
            settings |= {} if os.environ.get("PGGSSENCMODE") else {"gssencmode": "disable"}
        return settings


class PostgresqlReading:
    """A read-only PostgreSQL database. Its tables may be created at any time, so each transaction checks."""

    def __init__(self, server: Server, busy_seconds: float = BUSY_SECONDS) -> None:
        self.where = server.where
        self._busy_seconds = busy_seconds
        self._engine = create_engine(
            "postgresql+psycopg://",
            creator=server.connect,
            pool_size=1,
            max_overflow=-1,
            pool_pre_ping=True,
            use_native_hstore=False,
        )
        self._copy = UpgradedCopy()

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        with self._transaction() as connection:
            found = version_of(connection, self.where)
            found.refuse_unknown(self.where)
            if found.id and found.age is Age.OLDER:
                mark = connection.exec_driver_sql(_SEEN).scalar()
                with self._copy.of(connection, found.id, mark, may_age=True) as upgraded:
                    yield upgraded
            else:
                self._copy.close()
                yield connection if found.id else None

    def version(self) -> SchemaVersion:
        with self._transaction() as connection:
            return version_of(connection, self.where)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with _errors_in_words(self.where), self._connected() as connection:
            connection.exec_driver_sql(self._begin("REPEATABLE READ READ ONLY"))
            yield connection

    def close(self) -> None:
        self._copy.close()
        kept_open().forget(self._engine)
        self._engine.dispose()

    def _begin(self, mode: str) -> str:
        """Begins a transaction in one round trip. The connection is in autocommit, so that the driver begins none."""
        return (
            f"BEGIN ISOLATION LEVEL {mode}; SET LOCAL lock_timeout = {int(self._busy_seconds * 1000)};"
            f" SET LOCAL idle_in_transaction_session_timeout = {int(IDLE_SECONDS * 1000)}"
        )

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """A connection; uncommitted changes are rolled back."""
        kept_open().used(self._engine, self._engine.dispose)
        with self._engine.connect() as connection:
            try:
                yield connection
            except psycopg.Error as error:
                # of a COPY, that SQLAlchemy does not know of
                if getattr(connection.connection.driver_connection, "closed", True):
                    connection.invalidate(error)
                raise


class PostgresqlWriting(PostgresqlReading):
    """A PostgreSQL database, whose tables are made by the first write. The database itself is there already.

    A write reads, checks and writes in one REPEATABLE READ transaction, so that of rows that someone else changes at
    the same moment without asking us nothing is written over.
    """

    def bring_up_to_date(self, *, make: bool = False) -> None:
        """Migrate the tables of an older version."""
        found = self.version()
        found.refuse_unknown(self.where)
        if found.age is Age.OLDER or (found.age is Age.NONE and make):
            self._migrate()

    @contextmanager
    def writing(self, *tenants: str) -> Iterator[Connection]:
        held = sorted({*tenants})
        with _errors_in_words(self.where, _NOTHING), self._in_doubt() as commit, self._holding(held) as connection:
            yield connection
            commit(connection)

    @contextmanager
    def _holding(self, tenants: list[str]) -> Iterator[Connection]:
        """A transaction that locks the tenants, and sees everything written before. A writer that waited for another
        has an earlier snapshot; the server then reports a conflict, and the writer begins again.
        """
        deadline = time.monotonic() + self._busy_seconds
        while time.monotonic() <= deadline:
            with self._connected() as connection:
                if self._begun(connection, tenants):
                    yield connection
                    return
        raise StoreError(f"{self.where}: {BUSY.words}", BUSY.failure)

    def _begun(self, connection: Connection, tenants: list[str]) -> bool:
        try:
            if not self._is_begun_on_current_tables(connection):
                connection.rollback()
                self._migrate()
                return False
            for tenant in tenants:
                if connection.execute(_HOLD, {"tenant": tenant}).first() is None:
                    connection.execute(_ENTER, {"tenant": tenant})
        except DBAPIError as error:
            if _state(error.orig) in _BEGIN_ANEW:
                return False
            raise
        return True

    def _is_begun_on_current_tables(self, connection: Connection) -> bool:
        """The lock of `VERSION_TABLE`, shared by all who write, keeps migrations away until the end. Taken like this,
        it is waited for before the transaction's snapshot is taken, not after.
        """
        begin = self._begin("REPEATABLE READ READ WRITE")
        try:
            connection.exec_driver_sql(f"{begin}; LOCK TABLE {VERSION_TABLE} IN ROW SHARE MODE")
        except DBAPIError as error:
            if _state(error.orig) == _NO_TABLE:
                return False
            raise
        return is_current(connection, self.where, locked=True)

    def _migrate(self) -> None:
        """Migrates under an exclusive lock: the first process that finds an old database, or none, does it."""
        with settled(self._is_migrated), _errors_in_words(self.where, _NOTHING), self._in_doubt() as commit:
            self._migrate_and(commit)

    def _is_migrated(self) -> bool:
        """Whether another process migrated meanwhile. Raises `StoreError`."""
        with _errors_in_words(self.where), self._connected() as connection:
            self._begin_migrating(connection)
            return version_of(connection, self.where).age is Age.CURRENT

    def _begin_migrating(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"{self._begin('READ COMMITTED')}; SELECT pg_advisory_xact_lock({_MIGRATING})")

    def _migrate_and(self, commit: Callable[[Connection], None]) -> None:
        with self._connected() as connection:
            self._begin_migrating(connection)
            found = version_of(connection, self.where)
            try:
                if inspect(connection).has_table(VERSION_TABLE):
                    connection.exec_driver_sql(f"LOCK TABLE {VERSION_TABLE} IN EXCLUSIVE MODE")
                bring_up_to_date(connection, self.where)
            except DBAPIError as error:
                if _state(error.orig) not in _MAY_NOT:
                    raise
                why = _finding(error.orig).said(_first_line(error.orig))
                raise not_allowed(self.where, found, why) from error
            commit(connection)

    @contextmanager
    def _in_doubt(self) -> Iterator[Callable[[Connection], None]]:
        """Commits. A failure then leaves the outcome unknown, unless the server refused the commit."""
        committing = False

        def commit(connection: Connection) -> None:
            nonlocal committing
            committing = True
            connection.commit()

        try:
            yield commit
        except (DBAPIError, psycopg.Error) as error:
            finding = _finding(_driver_error(error))
            if not committing or finding.failure is not Failure.UNREACHABLE:
                raise
            why = finding.said(_first_line(_driver_error(error)))
            raise OutcomeUnknown.of(self.where, why, finding.failure) from error


_HOLD = text("SELECT revision FROM tenants WHERE tenant = :tenant FOR UPDATE")
_ENTER = text("INSERT INTO tenants (tenant, revision) VALUES (:tenant, 0) ON CONFLICT (tenant) DO NOTHING")
_SEEN = "SELECT CAST(txid_current_snapshot() AS text)"
"""The transaction's snapshot; unchanged while nothing is written on the server."""
_MAY_NOT = ("42501", "25006")
_NO_TABLE = "42P01"
_BEGIN_ANEW = ("40001", "40P01")
_NOTHING = "; nothing was written"


@contextmanager
def _errors_in_words(where: str, consequence: str = "") -> Iterator[None]:
    """Convert database errors to `StoreError`, without statements and rows, which contain tenants' data."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        said = _driver_error(error)
        finding = _finding(said)
        raise StoreError(f"{where}: {finding.said(_first_line(said), consequence)}", finding.failure) from error


def _driver_error(error: BaseException) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _finding(error: BaseException | None) -> Finding:
    """The meaning of an error. One without SQLSTATE is the driver's own: the server did not respond."""
    state = _state(error)
    return LOST if isinstance(error, psycopg.OperationalError) and not state else of_sqlstate(state)


def _state(error: BaseException | None) -> str:
    return getattr(error, "sqlstate", None) or ""


def _first_line(error: BaseException | None) -> str:
    """The first line of the message; details and statement excerpts contain tenants' data."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or str(error).partition("\n")[0]
