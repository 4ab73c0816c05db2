"""Reads and writes tenants' states for `tenant list`, `show`, `export` and `import`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reconciler.core.reading import StatePatch, patched
from reconciler.core.records import released_without_origin
from reconciler.model.documents.source import Catalog
from reconciler.model.plans.origins import RELEASED
from reconciler.shell.connections.access import Access, place_of
from reconciler.shell.tenants.releasing import ACTION, journalled
from reconciler.stores.base import Current, Edit, EntityWrite, Snapshot, StoreError, TenantStore

IMPORT = "tenant import --replace"
ACTOR = "tenant"
"""The actor of writes by `tenant import`: the tenant itself."""


@dataclass(frozen=True, slots=True)
class TenantRow:
    """A tenant in a list. ``upstream`` is empty for a provider; ``store`` is its URL without credentials.

    ``problem``: why the store could not be read.
    """

    tenant: str
    upstream: str
    store: str
    entities: int
    problem: str = ""


def snapshot(catalog: Catalog, access: Access, tenant: str) -> Snapshot:
    """A tenant's complete state. Raises `StoreError`."""
    return access.reader(place_of(catalog, tenant)).observe(tenant)


def upstream_of(catalog: Catalog, tenant: str) -> str:
    """The upstream of a tenant; empty for a provider."""
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
            rows.append(TenantRow(tenant, upstream, place.shown, 0, str(error)))
            continue
        rows.append(TenantRow(tenant, upstream, place.shown, count))
    return rows


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The numbers of entities that an import added, changed and removed, and the addresses it released (ORIGIN-02)."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    released: tuple[str, ...] = ()


def write_state(
    store: TenantStore, tenant: str, patches: Sequence[StatePatch], *, replace: bool, at: str
) -> ImportResult:
    """Write patches to a tenant's state as the tenant itself would; ``replace``: they are the complete state.

    They are merged within the transaction, so concurrent writes are not lost. Patches without effect write nothing. A
    complete state that has a synced entity without its origin releases it, which is journalled (ORIGIN-02). Raises
    `StoreError`. The tenant may be a provider.
    """
    written = ImportResult()

    def merge(current: Current) -> Edit:
        nonlocal written
        edit, written = _merged(current, patches, replace=replace, at=at)
        return edit

    # patches without effect take no lock and create no database
    if merge(Current(store.observe(tenant), store.recorded_origins(tenant) if replace else {})):
        store.overwrite(tenant, merge, actor=ACTOR, at=at)
    return written


def _merged(current: Current, patches: Iterable[StatePatch], *, replace: bool, at: str) -> tuple[Edit, ImportResult]:
    """The edit that patches make to the current state, and its counts."""
    tenant, state = current.snapshot.tenant, current.snapshot.entities
    found = dict(patched(state, patches, replace=replace))
    writes = tuple(EntityWrite(id, state.get(id), after) for id, after in found.items() if state.get(id) != after)
    brought = [each for each in found.values() if each]
    released = tuple(released_without_origin(current.recorded_origins, brought)) if replace else ()
    record = None
    if released:
        notes = {ACTION: IMPORT, RELEASED: list(released)}
        record = journalled(tenant, (), notes, by=ACTOR, at=at, revision=current.snapshot.revision)
    added = sum(each.before is None for each in writes)
    removed = sum(each.after is None for each in writes)
    return Edit(writes, record), ImportResult(added, len(writes) - added - removed, removed, released)
