"""Opens the stores that policies name, each once, with credentials from the environment only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import local
from types import TracebackType
from typing import Self

from reconciler.core.planning import Observed
from reconciler.core.savedplan import IN_MEMORY, Spool
from reconciler.core.schema import faults
from reconciler.core.tree import Unreadable
from reconciler.model.documents.source import Catalog
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.quotes import readable
from reconciler.model.values.urls import shown_url
from reconciler.shell.pools.executors import IN_TURN, Executors
from reconciler.shell.scratch import scratch_outside
from reconciler.stores.allowed import ALLOWED_HOSTS, check_allowed
from reconciler.stores.base import Snapshot, StoreError, TenantReader, TenantStore
from reconciler.stores.registry import open_reader, open_store, settled_stamp

NAMED = 10
"""Number of faults of a damaged state to list."""


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """Where a tenant's state is stored: the store's URL, and the environment variable with its token."""

    url: str
    token_env: str | None = None

    @property
    def shown(self) -> str:
        """The URL without credentials, for messages."""
        return shown_url(self.url)


def place_of(catalog: Catalog, tenant: str) -> StoreLocation:
    """The store of a tenant or provider: its own, or the workspace's default."""
    url, token_env = catalog.stores.get(tenant, (None, None))
    return StoreLocation(url or catalog.store, token_env)


@dataclass(frozen=True, slots=True)
class Access:
    """Opens the stores of one workspace: readers for planning, writers for commands that write.

    ``verify``: ignore cached digests and compute them from the states. ``incremental``: whether tenants may be compared
    by digests and with results of other tenants. ``seen``: the fingerprints of the states read so far, with their
    locations. ``in_memory``: the number of changes of a plan to hold in memory. ``executors``: where concurrent work
    runs; by default in this thread. ``others``: the stores of other threads. ``operators_hosts``: in a worker process,
    the allowed hosts of the process that runs the command; a host must be in that list and in this environment's.
    """

    root: Path
    environment: Mapping[str, str]
    readers: dict[StoreLocation, TenantReader] = field(default_factory=dict)
    writers: dict[StoreLocation, TenantStore] = field(default_factory=dict)
    verify: bool = False
    incremental: bool = True
    seen: dict[str, tuple[StoreLocation, str]] = field(default_factory=dict)
    in_memory: int = IN_MEMORY
    executors: Executors = field(default_factory=lambda: Executors(IN_TURN))
    others: list["Access"] = field(default_factory=list)
    here: local = field(default_factory=local)
    operators_hosts: str | None = None

    @property
    def allowed_hosts(self) -> str:
        """The list of allowed hosts to send to workers: host and variable names, without the variables' values."""
        return self.environment.get(ALLOWED_HOSTS, "")

    def of_this_thread(self) -> "Access":
        """Stores of the same workspace for one thread only; closed together with these."""
        mine: Access | None = getattr(self.here, "access", None)
        if mine is None:
            mine = replace(self, readers={}, writers={}, seen={}, others=[], here=local())
            self.here.access = mine
            self.others.append(mine)
        return mine

    def reader(self, place: StoreLocation) -> TenantReader:
        """A read-only store. Raises `StoreError`."""
        if place not in self.readers:
            self.readers[place] = open_reader(place.url, root=self.root, token=self._token(place))
        return self.readers[place]

    def writer(self, place: StoreLocation) -> TenantStore:
        """A writable store. Raises `StoreError`."""
        if place not in self.writers:
            self.writers[place] = open_store(place.url, root=self.root, token=self._token(place))
        return self.writers[place]

    def settled_stamp(self, place: StoreLocation) -> tuple[int, ...] | None:
        """As `stores.registry.settled_stamp`, of a store that could be opened from here. Raises `StoreError`."""
        self._token(place)
        return settled_stamp(place.url, root=self.root)

    def observe(self, tenant: str, place: StoreLocation) -> Observed | Unreadable:
        """Read a tenant's state for planning. An unreadable or foreign state is never treated as empty."""
        try:
            snapshot = self.reader(place).observe(tenant, verify=self.verify)
        except StoreError as error:
            return Unreadable(str(error))
        if damaged := list(faults(snapshot.entities)):
            return Unreadable(_damage(damaged))
        return self._observed(snapshot, place)

    def sketch(self, tenant: str, place: StoreLocation) -> Observed | Unreadable:
        """Read a tenant's state for planning, with bodies loaded on demand if its store supports digests."""
        try:
            snapshot = self.reader(place).sketch(tenant, verify=self.verify)
        except StoreError as error:
            return Unreadable(str(error))
        if snapshot is None:
            return self.observe(tenant, place)
        return self._observed(snapshot, place)

    def _observed(self, snapshot: Snapshot, place: StoreLocation) -> Observed:
        self.seen[snapshot.tenant] = (place, snapshot.fingerprint)
        return Observed(snapshot.entities, snapshot.fingerprint, snapshot.revision, snapshot.recorded_origins)

    def spool(self, prepare: Callable[[TenantPlan], TenantPlan] = lambda plan: plan) -> Spool:
        """A spool for tenants' plans. ``prepare``: applied to each plan before it is stored."""
        return Spool(partial(scratch_outside, self.root), prepare, self.in_memory)

    def _token(self, place: StoreLocation) -> str | None:
        """The token of a store. Checks the allowed hosts before any connection is opened or driver loaded."""
        token = self.environment.get(place.token_env) if place.token_env else None
        if place.token_env and not token:
            raise StoreError(
                f"the environment variable {place.token_env} (token_env) is not set, and {place.shown} needs it"
            )
        self._check_allowed(place)
        return token

    def _check_allowed(self, place: StoreLocation) -> None:
        """Raises `StoreError` unless both lists allow the host, and the host with the variable."""
        if self.operators_hosts is None:
            check_allowed(place.url, place.token_env, self.environment)
            return
        check_allowed(place.url, place.token_env, {**self.environment, ALLOWED_HOSTS: self.operators_hosts})
        try:
            check_allowed(place.url, place.token_env, self.environment)
        except StoreError as error:
            raise StoreError(f"{error} in the environment of the worker") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.executors.close(wait=error is None)
        for each in (self, *self.others):
            for store in (*each.readers.values(), *each.writers.values()):
                store.close()


def _damage(found: Sequence[str]) -> str:
    """The message for a damaged state: at most `NAMED` faults, and the number of others."""
    more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
    named = map(readable, found[:NAMED])
    return f"its state is damaged: {'; '.join([*named, *more])}. `reconcile tenant import` can put it right"
