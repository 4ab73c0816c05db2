"""The versions of a workspace's stores: what they are, and bringing them up to date (`store check|migrate`)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from reconciler.model.documents.source import Catalog
from reconciler.model.values.urls import shown_url
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.stores.base import StoreError
from reconciler.stores.sql import schema
from reconciler.stores.sql.versions import Age, Version

NO_VERSIONS = "unversioned"
UNREADABLE = "error"
STATUSES = (*(each.value for each in Age), NO_VERSIONS, UNREADABLE)
"""How a store stands to this reconciler; `NO_VERSIONS`: it has no tables of ours, as a plugin's."""
FAILED = (Age.NEWER, Age.FOREIGN, UNREADABLE)


class Versioned(Protocol):
    """A store that has tables of a version."""

    def version(self) -> Version:
        """Of its tables, whatever it is. Raises `StoreError`."""

    def migrate(self) -> Version:
        """Bring its tables up to date, or make them; the version then. Raises `StoreError`. Writers only."""


@dataclass(frozen=True, slots=True)
class StoreVersion:
    """One store: its URL as it may be printed, the version id of its tables (``None``: none), and this reconciler's.

    ``before``: the version before it was migrated. ``problem``: why that could not be told or done, in words.
    """

    store: str
    version: str | None
    ours: str | None
    status: str
    before: str | None = None
    problem: str | None = None


def places(catalog: Catalog) -> list[StoreLocation]:
    """Where the tenants of a workspace are, each store once; without tenants, the workspace's own."""
    tenants = (*catalog.providers, *catalog.policies)
    found = {place_of(catalog, tenant) for tenant in tenants} or {StoreLocation(catalog.store)}
    return sorted(found, key=lambda place: (place.url, place.token_env or ""))


def check(catalog: Catalog, access: Access) -> Iterator[StoreVersion]:
    """The version of each store. Nothing is written."""
    for place in places(catalog):
        yield _looked_at(place, access)


def migrate(catalog: Catalog, access: Access) -> Iterator[StoreVersion]:
    """Each store, brought up to date; where there are no tables yet, they are made."""
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
