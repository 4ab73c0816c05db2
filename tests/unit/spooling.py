"""A scratch in memory, and plans that stand in one whatever their size."""

import gc
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from reconciler.core.savedplan.spool import Spool
from reconciler.model.plans.plan import Change, Plan, StoredTenants, TenantPlan


@dataclass(slots=True)
class MemoryScratch:
    """What is written stands in memory, as bytes. ``most``: of how many changes there were objects at a read."""

    data: bytearray = field(default_factory=bytearray)
    counting: bool = False
    most: int = 0

    def write(self, data: bytes) -> int:
        self.data += data
        return len(self.data) - len(data)

    def read(self, start: int, size: int) -> bytes:
        if self.counting:
            self.most = max(self.most, sum(isinstance(each, Change) for each in gc.get_objects()))
        return bytes(self.data[start : start + size])


def spool_of(plans: Iterable[TenantPlan], scratch: MemoryScratch | None = None) -> Spool:
    """A spool that keeps nothing in memory, with these plans in it."""
    kept = scratch or MemoryScratch()
    spool = Spool(lambda: kept, most=-1)
    for each in plans:
        spool[each.tenant] = each
    return spool


def spooled(plan: Plan, scratch: MemoryScratch | None = None) -> Plan:
    """The same plan, its tenants in a scratch."""
    order = [each.tenant for each in plan.tenants]
    tenants = spool_of(plan.tenants, scratch).tenants(order)
    assert isinstance(tenants, StoredTenants) or not order
    return replace(plan, tenants=tenants)
