"""Tenants' states as the outside world sees and writes them: `tenant list`, `show`, `export` and `import`."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.descent import released_without_origin
from reconciler.core.patch import patched
from reconciler.core.state import StatePatch
from reconciler.model.descent import RELEASED
from reconciler.model.source import Catalog
from reconciler.shell.access import Access, place_of
from reconciler.shell.releasing import ACTION, journalled
from reconciler.stores.base import EntityWrite, Snapshot, StoreError, TenantStore

IMPORT = "tenant import --replace"
ACTOR = "tenant"
"""Who writes by `tenant import`: the outside world."""


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant in a list. ``upstream`` is empty for a provider; ``problem`` says why a store could not be read."""

    tenant: str
    upstream: str
    store: str
    entities: int
    problem: str = ""


def snapshot(catalog: Catalog, access: Access, tenant: str) -> Snapshot:
    """A tenant's whole state. Raises `StoreError`."""
    return access.reader(place_of(catalog, tenant)).observe(tenant)


def upstream_of(catalog: Catalog, tenant: str) -> str:
    """The provider or reseller above a tenant; empty for a provider."""
    model = catalog.policies[tenant].model if tenant in catalog.policies else None
    return str(getattr(model, "upstream", ""))


def tenant_rows(catalog: Catalog, access: Access) -> list[TenantRow]:
    """Every tenant, providers first."""
    rows = []
    for tenant in [*sorted(catalog.providers), *sorted(catalog.policies)]:
        place, upstream = place_of(catalog, tenant), upstream_of(catalog, tenant)
        try:
            count = len(snapshot(catalog, access, tenant).entities)
        except StoreError as error:
            rows.append(TenantRow(tenant, upstream, place.url, 0, str(error)))
            continue
        rows.append(TenantRow(tenant, upstream, place.url, count))
    return rows


@dataclass(frozen=True, slots=True)
class Written:
    """How many entities an import added, changed and removed, and what it released (ORIGIN-02), as texts."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    released: tuple[str, ...] = ()


def write_state(store: TenantStore, tenant: str, patches: Iterable[StatePatch], *, replace: bool, at: str) -> Written:
    """Write patches over a tenant's state as the tenant itself would; ``replace``: they are the whole of it.

    Where they change nothing, nothing is written. A whole state that brings something without origin which came down
    releases it, and that is journalled (ORIGIN-02). Raises `StoreError`. A provider's state is a tenant's too.
    """
    snapshot = store.observe(tenant)
    state = snapshot.entities
    found = dict(patched(state, patches, replace=replace))
    writes = [EntityWrite(id, state.get(id), after) for id, after in found.items() if state.get(id) != after]
    brought = [each for each in found.values() if each]
    released = tuple(released_without_origin(store.came_down(tenant), brought)) if replace else ()
    record = None
    if released:
        notes = {ACTION: IMPORT, RELEASED: list(released)}
        record = journalled(tenant, (), notes, by=ACTOR, at=at, revision=snapshot.revision)
    if writes or record:
        store.overwrite(tenant, writes, actor=ACTOR, at=at, record=record)
    added = sum(each.before is None for each in writes)
    removed = sum(each.after is None for each in writes)
    return Written(added, len(writes) - added - removed, removed, released)
