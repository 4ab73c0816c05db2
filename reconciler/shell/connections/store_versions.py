"""Reads and migrates the schema versions of a workspace's stores (`store check|migrate`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from reconciler.model.documents.source import Catalog
from reconciler.model.values.urls import shown_url
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.stores.base import StoreError
from reconciler.stores.sql import schema
from reconciler.stores.sql.versions import Age, SchemaVersion

NO_VERSIONS = "unversioned"
UNREADABLE = "error"
STATUSES = (*(each.value for each in Age), NO_VERSIONS, UNREADABLE)
"""The possible statuses of a store. `NO_VERSIONS`: a plugin's store without versioned tables."""
FAILED = (Age.NEWER, Age.FOREIGN, UNREADABLE)


class Versioned(Protocol):
    """A store with versioned tables."""

    def version(self) -> SchemaVersion:
        """The version of its tables. Raises `StoreError`."""

    def migrate(self) -> SchemaVersion:
        """Migrate or create its tables and return the new version. Writers only. Raises `StoreError`."""


@dataclass(frozen=True, slots=True)
class StoreVersion:
    """One store: its URL without credentials, the version id of its tables (``None``: none), and this reconciler's.

    ``before``: the version before the migration. ``problem``: the error message, if checking or migrating failed.
    """

    store: str
    version: str | None
    ours: str | None
    status: str
    before: str | None = None
    problem: str | None = None


def places(catalog: Catalog) -> list[StoreLocation]:
    """The store locations of a workspace's tenants, each once; without tenants, the workspace's default store."""
    tenants = (*catalog.providers, *catalog.policies)
    found = {place_of(catalog, tenant) for tenant in tenants} or {StoreLocation(catalog.store)}
    return sorted(found, key=lambda place: (place.url, place.token_env or ""))


def check(catalog: Catalog, access: Access) -> Iterator[StoreVersion]:
    """The version of each store. Writes nothing."""
    for place in places(catalog):
        yield _looked_at(place, access)


def migrate(catalog: Catalog, access: Access) -> Iterator[StoreVersion]:
    """Migrate each store, or create its tables."""
    for place in places(catalog):
        found = _looked_at(place, access)
        if found.status not in (Age.OLDER, Age.NONE):
            yield _with_before(found, found.version)
            continue
        try:
            now = cast(Versioned, access.writer(place)).migrate()
        except StoreError as error:
            yield StoreVersion(found.store, found.version, found.ours, UNREADABLE, found.version, str(error))
        else:
            yield StoreVersion(found.store, now.id, schema.VERSION, now.age, found.version)


def _looked_at(place: StoreLocation, access: Access) -> StoreVersion:
    url = shown_url(place.url)
    try:
        reader = access.reader(place)
        if not hasattr(reader, "version"):
            return StoreVersion(url, None, None, NO_VERSIONS)
        found = cast(Versioned, reader).version()
    except StoreError as error:
        return StoreVersion(url, None, schema.VERSION, UNREADABLE, problem=str(error))
    try:
        found.refuse_unknown(url)
    except StoreError as error:
        return StoreVersion(url, found.id, schema.VERSION, found.age, problem=str(error))
    return StoreVersion(url, found.id, schema.VERSION, found.age)


def _with_before(found: StoreVersion, before: str | None) -> StoreVersion:
    return StoreVersion(found.store, found.version, found.ours, found.status, before, found.problem)
