"""The desired state of a tenant, from all of its sources: delegation and the price list, each entity once."""

from dataclasses import replace
from datetime import date

from reconciler.core.desired.delegation import Closure, delegation
from reconciler.core.desired.price_list import CYCLES, PRODUCT, PriceList, retired, units
from reconciler.core.desired.wanted import Desired, Upstream, Wanted
from reconciler.core.schema import RuleBook
from reconciler.model.documents.settings import Policy
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId


def resolve(policy: Policy, upstream: Upstream, actual: State, rules: RuleBook, on: date) -> Desired:
    """What the tenant should have, and what of it needs what. ``on``: the day whose amounts hold.

    A product that comes by a plan and by the price list is one: wanted for itself, with all that either says of it.
    """
    roots, listed = wanted_for_themselves(policy, upstream, actual, on)
    closure = Closure(upstream, actual, rules, roots, {})
    closure.close()
    wanted = {id: without_cycles(each) for id, each in closure.wanted.items()}
    if listed:
        wanted |= {each.id: each for each in retired(listed, wanted)}
        tenant = EntityId("Tenant", policy.reseller)
        wanted[tenant] = units(listed, wanted[tenant])
    return Desired(upstream, wanted, closure.needs)


def wanted_for_themselves(
    policy: Policy, upstream: Upstream, actual: State, on: date
) -> tuple[dict[EntityId, Wanted], PriceList | None]:
    """What each source says that the tenant should have, without what that needs, and the assigned price list."""
    roots = dict(delegation(policy, upstream, actual))
    listed = PriceList.of(policy, upstream, actual, on)
    if listed:
        roots |= {each.id: each for each in listed.products()}
    return roots, listed


def without_cycles(wanted: Wanted) -> Wanted:
    """Of a product that comes by a plan alone nothing is said of its billing cycles, be it a reseller's product."""
    if wanted.id.kind != PRODUCT or wanted.requested:
        return wanted
    body = {name: value for name, value in wanted.body.items() if name != CYCLES}
    return replace(wanted, body=body, ignored_fields=frozenset({CYCLES}))
