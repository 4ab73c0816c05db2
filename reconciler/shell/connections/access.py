"""Tenants' stores by their policies: opened once, closed together, credentials from the environment only."""

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
"""So many faults of a damaged state are named one by one."""


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """Where a tenant's state is: the store's URL, and the variable that holds its token."""

    url: str
    token_env: str | None = None

    @property
    def shown(self) -> str:
        """The URL as it may be printed."""
        return shown_url(self.url)


def place_of(catalog: Catalog, tenant: str) -> StoreLocation:
    """A tenant's store: its own, else the workspace's. A provider is a tenant too."""
    url, token_env = catalog.stores.get(tenant, (None, None))
    return StoreLocation(url or catalog.store, token_env)


@dataclass(frozen=True, slots=True)
class Access:
    """Opens the stores of one workspace: readers for planning, writers for what changes something.

    ``verify``: what is kept beside states is not believed, but taken from the states themselves. ``incremental``:
    whether tenants may be compared by digests, and by what was found out in others. ``seen``: the
    fingerprints of the states that were observed, and where. ``in_memory``: so many changes of a plan may be.
    ``executors``: who does what can be done side by side; nobody but this thread, by default. ``others``: the stores of
    other threads. ``operators_hosts``: in another process, the list of allowed hosts of whoever gave the command; a
    host has to be in that list and in this environment's.
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
        """The list of allowed hosts as it goes to other processes with their tasks: names, no values of variables."""
        return self.environment.get(ALLOWED_HOSTS, "")

    def of_this_thread(self) -> "Access":
        """Stores of the same workspace that no other thread uses; they are closed together with these."""
        mine: Access | None = getattr(self.here, "access", None)
        if mine is None:
            mine = replace(self, readers={}, writers={}, seen={}, others=[], here=local())
            self.here.access = mine
            self.others.append(mine)
        return mine

    def reader(self, place: StoreLocation) -> TenantReader:
        """A store that cannot be written through. Raises `StoreError`."""
        if place not in self.readers:
            self.readers[place] = open_reader(place.url, root=self.root, token=self._token(place))
        return self.readers[place]

    def writer(self, place: StoreLocation) -> TenantStore:
        """A store to write to. Raises `StoreError`."""
        if place not in self.writers:
            self.writers[place] = open_store(place.url, root=self.root, token=self._token(place))
        return self.writers[place]

    def settled_stamp(self, place: StoreLocation) -> tuple[int, ...] | None:
        """As `stores.registry.settled_stamp`, of a store that could be opened from here. Raises `StoreError`."""
        self._token(place)
        return settled_stamp(place.url, root=self.root)

    def observe(self, tenant: str, place: StoreLocation) -> Observed | Unreadable:
        """A tenant's state for planning; what cannot be read, or is no state of ours, is never taken for empty."""
        try:
            snapshot = self.reader(place).observe(tenant, verify=self.verify)
        except StoreError as error:
            return Unreadable(str(error))
        if damaged := list(faults(snapshot.entities)):
            return Unreadable(_damage(damaged))
        return self._observed(snapshot, place)

    def sketch(self, tenant: str, place: StoreLocation) -> Observed | Unreadable:
        """A tenant's state for planning, its bodies to be read when asked for, where its store can tell it so."""
        try:
            snapshot = self.reader(place).sketch(tenant, verify=self.verify)
        except StoreError as error:
            return Unreadable(str(error))
        if snapshot is None:
            return self.observe(tenant, place)
        return self._observed(snapshot, place)

    def _observed(self, snapshot: Snapshot, place: StoreLocation) -> Observed:
        self.seen[snapshot.tenant] = (place, snapshot.fingerprint)
        return Observed(snapshot.entities, snapshot.fingerprint, snapshot.revision, snapshot.lineage)

    def spool(self, prepare: Callable[[TenantPlan], TenantPlan] = lambda plan: plan) -> Spool:
        """Where to put tenants' plans as they are made. ``prepare``: what is still to be done to each."""
        return Spool(partial(scratch_outside, self.root), prepare, self.in_memory)

    def _token(self, place: StoreLocation) -> str | None:
        """The credential of a store whose hosts are allowed; nothing is opened, and no driver loaded, before."""
        token = self.environment.get(place.token_env) if place.token_env else None
        if place.token_env and not token:
            raise StoreError(f"the environment has no {place.token_env}, which {place.shown} needs (token_env)")
        self._check_allowed(place)
        return token

    def _check_allowed(self, place: StoreLocation) -> None:
        """Raises `StoreError` where either list lacks the host, or the host with the variable."""
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
    """Every fault of a damaged state; of very many, the first and how many more."""
    more = [f"and {len(found) - NAMED} more"] if len(found) > NAMED else []
    named = map(readable, found[:NAMED])
    return f"its state is damaged: {'; '.join([*named, *more])}. `reconcile tenant import` can put it right"
