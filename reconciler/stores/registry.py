"""Stores by the scheme of their URL: ours here, others by the entry-point group ``reconciler.stores``.

A plugin's entry point is named as its scheme and loads a function ``(url, root, token, writing) -> TenantStore``.
"""

from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

from reconciler.stores.base import StoreError, TenantReader, TenantStore

GROUP = "reconciler.stores"
BUILT_IN = frozenset({"memory", "sqlite"})

_memory: dict[str, TenantStore] = {}


def known_schemes() -> frozenset[str]:
    """Every scheme that a store's URL may have."""
    return BUILT_IN | {point.name for point in entry_points(group=GROUP)}


def open_reader(url: str, *, root: Path, token: str | None = None) -> TenantReader:
    """A store for planning. Nothing is created: a database that is not there yet has no tenants.

    ``root`` is the folder that relative paths start from. Raises `StoreError`.
    """
    if _scheme(url) == "sqlite":
        return _read_sqlite(_path(url, root))
    return _open(url, root, token, writing=False)


def open_store(url: str, *, root: Path, token: str | None = None) -> TenantStore:
    """A store to write to; a database that is not there yet is created. Raises `StoreError`."""
    if _scheme(url) == "sqlite":
        return _write_sqlite(_path(url, root))
    return _open(url, root, token, writing=True)


def _scheme(url: str) -> str:
    return url.partition(":")[0]


def _path(url: str, root: Path) -> Path:
    """``sqlite:///relative`` or ``sqlite:////absolute``."""
    path = unquote(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or not path:
        raise StoreError(f"{url}: write sqlite:///path (relative to the workspace) or sqlite:////absolute/path")
    return (root / path).absolute()


def _read_sqlite(path: Path) -> TenantReader:
    from reconciler.stores.engines import check_version, sqlite_reader  # noqa: PLC0415 - SQLAlchemy when it is used
    from reconciler.stores.memory import MemoryStore  # noqa: PLC0415
    from reconciler.stores.sql import SqlReader  # noqa: PLC0415

    if not path.exists():
        return MemoryStore()
    engine = sqlite_reader(path)
    return SqlReader(engine, str(path)) if check_version(engine, str(path)) else MemoryStore()


def _write_sqlite(path: Path) -> TenantStore:
    from reconciler.stores.engines import sqlite_writer  # noqa: PLC0415
    from reconciler.stores.sql import SqlStore  # noqa: PLC0415

    return SqlStore(sqlite_writer(path), str(path))


def _open(url: str, root: Path, token: str | None, *, writing: bool) -> TenantStore:
    scheme = _scheme(url)
    if scheme == "memory":
        from reconciler.stores.memory import MemoryStore  # noqa: PLC0415

        return _memory.setdefault(url, MemoryStore())
    found = entry_points(group=GROUP, name=scheme)
    for point in found:
        opener = cast(Callable[..., Any], point.load())
        return cast(TenantStore, opener(url, root=root, token=token, writing=writing))
    known = ", ".join(sorted(known_schemes()))
    raise StoreError(f'{url}: there is no store for "{scheme}" (there is: {known})')
