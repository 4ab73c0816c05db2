"""Opens stores by the scheme of their URL: built-in ones, and plugins of the entry-point group ``reconciler.stores``.

A plugin's entry point has the name of its scheme and loads a function ``(url, root, token, writing) -> TenantStore``.
Each thread and process opens a store of its own.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from reconciler import optional_libraries
from reconciler.model.plans.origins import RecordedOrigins
from reconciler.model.values.urls import shown_url
from reconciler.stores import file_stamps
from reconciler.stores.base import (
    RecentRecords,
    Record,
    Snapshot,
    StateVersion,
    StoreError,
    TenantReader,
    TenantStore,
    WriteLogEntry,
)

GROUP = "reconciler.stores"
BUILT_IN = frozenset({"memory", "postgresql", "sqlite"})

_memory: dict[str, TenantStore] = {}


def known_schemes() -> frozenset[str]:
    """All schemes of store URLs."""
    return BUILT_IN | {point.name for point in entry_points(group=GROUP)}


def why_not_opened(scheme: str) -> tuple[str, str] | None:
    """Why a scheme cannot be used here, and a hint; ``None`` if it can. Loads its plugin or driver."""
    try:
        if scheme == "postgresql":
            import_module("psycopg")
        if scheme in BUILT_IN:
            return None
        for point in entry_points(group=GROUP, name=scheme):
            _loaded(scheme, point)
            return None
    except (ImportError, StoreError) as error:
        if scheme in BUILT_IN:
            return f"PostgreSQL takes a driver that is not installed ({error})", optional_libraries.POSTGRESQL
        return str(error), "mend the plugin, or install the version that fits"
    known = ", ".join(sorted(known_schemes()))
    return f'there is no store for "{scheme}:"', f"known: {known}; others come with plugins (entry points of {GROUP})"


def open_reader(url: str, *, root: Path, token: str | None = None) -> TenantReader:
    """Open a store for planning. Creates nothing: a database that does not exist yet has no tenants.

    ``root`` is the directory of relative paths. The caller has checked the URL and its hosts (`allowed`). Raises
    `StoreError`.
    """
    if _scheme(url) == "sqlite":
        return _read_sqlite(_path(url, root))
    if _scheme(url) == "postgresql":
        return _read_postgresql(url, token)
    return ReadOnly(_open(url, root, token, writing=False))


def open_store(url: str, *, root: Path, token: str | None = None) -> TenantStore:
    """Open a store for writing. An existing database is migrated; a missing one is created by the first write. Raises
    `StoreError`.
    """
    if _scheme(url) == "sqlite":
        return _write_sqlite(_path(url, root))
    if _scheme(url) == "postgresql":
        return _write_postgresql(url, token)
    return _open(url, root, token, writing=True)


def settled_stamp(url: str, *, root: Path) -> tuple[int, ...] | None:
    """Numbers that differ after every write to a store, found without opening it or loading its driver.

    ``None`` where a store has none (only SQLite files have), or they cannot be relied on: its
    `TenantReader.state_versions` tell then. Raises `StoreError`.
    """
    return file_stamps.settled_stamp(_path(url, root)) if _scheme(url) == "sqlite" else None


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """A view of a store with its reading methods only."""

    _store: TenantReader

    def tenants(self) -> Sequence[str]:
        return self._store.tenants()

    def observe(self, tenant: str, *, verify: bool = False) -> Snapshot:
        return self._store.observe(tenant, verify=verify)

    def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:
        return self._store.sketch(tenant, verify=verify)

    def state_versions(self, tenants: Iterable[str]) -> Mapping[str, StateVersion]:
        return self._store.state_versions(tenants)

    def moved_since(self, tenant: str, revision: int) -> Sequence[WriteLogEntry]:
        return self._store.moved_since(tenant, revision)

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        return self._store.history(tenant)

    def recent(self, tenant: str | None, *, since: str, limit: int | None) -> RecentRecords:
        read = getattr(self._store, "recent", None)  # a plugin that was made for an earlier release has none
        if read is None:
            return RecentRecords.of(self._store.history(tenant), since, limit)
        found: RecentRecords = read(tenant, since=since, limit=limit)
        return found

    def recorded_origins(self, tenant: str) -> RecordedOrigins:
        return self._store.recorded_origins(tenant)

    def close(self) -> None:
        self._store.close()


def _scheme(url: str) -> str:
    return url.partition(":")[0]


def _path(url: str, root: Path) -> Path:
    """The path of ``sqlite:///relative`` or ``sqlite:////absolute``."""
    path = unquote(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or not path or path == ":memory:" or "\0" in path or {"?", "#"} & {*url}:
        raise StoreError(
            f"{shown_url(url)}: write sqlite:///path (relative to the workspace) or sqlite:////absolute/path"
        )
    return (root / path).absolute()


def _read_sqlite(path: Path) -> TenantReader:
    from reconciler.stores.sql.databases import SqliteReading  # noqa: PLC0415 - SQLAlchemy when it is used
    from reconciler.stores.sql.store import SqlReader  # noqa: PLC0415

    return SqlReader(SqliteReading(path))


def _write_sqlite(path: Path) -> TenantStore:
    from reconciler.stores.sql.databases import SqliteWriting  # noqa: PLC0415
    from reconciler.stores.sql.store import SqlStore  # noqa: PLC0415

    database = SqliteWriting(path)
    database.bring_up_to_date()
    return SqlStore(database)


def _read_postgresql(url: str, password: str | None) -> TenantReader:
    _need_psycopg(url)
    from reconciler.stores.sql.postgresql_databases import PostgresqlReading, Server  # noqa: PLC0415
    from reconciler.stores.sql.store import SqlReader  # noqa: PLC0415

    return SqlReader(PostgresqlReading(Server(url, shown_url(url), password)))


def _write_postgresql(url: str, password: str | None) -> TenantStore:
    _need_psycopg(url)
    from reconciler.stores.sql.postgresql_databases import PostgresqlWriting, Server  # noqa: PLC0415
    from reconciler.stores.sql.store import SqlStore  # noqa: PLC0415

    database = PostgresqlWriting(Server(url, shown_url(url), password))
    database.bring_up_to_date()
    return SqlStore(database)


def _need_psycopg(url: str) -> None:
    try:
        import_module("psycopg")
    except ImportError as error:
        missing = f"PostgreSQL takes a driver that is not installed: {optional_libraries.POSTGRESQL} ({error})"
        raise StoreError(f"{shown_url(url)}: {missing}") from error


def _open(url: str, root: Path, token: str | None, *, writing: bool) -> TenantStore:
    scheme = _scheme(url)
    if scheme == "memory":
        from reconciler.stores.memory import MemoryStore  # noqa: PLC0415

        return _memory.setdefault(url, MemoryStore())
    for point in entry_points(group=GROUP, name=scheme):
        return cast(TenantStore, _loaded(url, point)(url, root=root, token=token, writing=writing))
    known = ", ".join(sorted(known_schemes()))
    raise StoreError(f'{shown_url(url)}: there is no store for "{scheme}" (there is: {known})')


def _loaded(url: str, point: EntryPoint) -> Callable[..., Any]:
    try:
        opens = point.load()
    except Exception as error:  # a plugin's module may raise anything
        raise StoreError(f"{shown_url(url)}: the plugin {point.value} cannot be loaded: {error}") from error
    if not callable(opens):
        raise StoreError(f"{shown_url(url)}: the plugin {point.value} cannot be loaded: it is no function")
    return cast(Callable[..., Any], opens)
