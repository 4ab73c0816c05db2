"""Compares the source values that a saved plan records in mirrors with the sources themselves (SUB-13).

A plan file may contain anything there, no shown field reveals it, and later plans would be made from it.
"""

from collections.abc import Callable, Iterable
from itertools import groupby

from reconciler.core.savedplan import SourceMemory, source_memory
from reconciler.core.states import fetched
from reconciler.model.plans.plan import Plan, TenantPlan
from reconciler.model.values.keys import address
from reconciler.stores.base import TenantStore


def mirrors_to_compare(tenant: TenantPlan, plan: Plan) -> list[SourceMemory]:
    """The source values to be recorded in the tenant's mirrors, for sources that this plan leaves unchanged.

    Those of other sources were compared when the plan was read (`plan_check`).
    """
    new = [found for each in tenant.changes if (found := source_memory(each))]
    below = {each.reseller for each in new}
    changed = {(each.tenant, one.entity) for each in plan.tenants if each.tenant in below for one in each.changes}
    return [each for each in new if (each.reseller, each.source) not in changed]


def source_mismatch(mirrors: Iterable[SourceMemory], store_of: Callable[[str], TenantStore]) -> str:
    """The message for the first mirror that does not match its source; empty if all match. Raises `StoreError`.

    Each reseller's state is read once.
    """
    for reseller, group in groupby(sorted(mirrors, key=lambda each: each.mirror), lambda each: each.reseller):
        store, listed = store_of(reseller), list(group)
        snapshot = store.sketch(reseller) or store.observe(reseller)
        there = fetched(snapshot.entities, [each.source for each in listed if each.source in snapshot.entities])
        for each in listed:
            if each.source not in there or not each.fits(there[each.source].body):
                said = address(reseller, each.source)
                return f"the plan's values of {said}, which is mirrored to it, differ from the current ones; plan again"
    return ""
