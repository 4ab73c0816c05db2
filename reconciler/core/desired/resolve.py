"""Resolves a tenant's desired state from all of its sources: delegation and the price list, each entity once."""

from dataclasses import replace
from datetime import date

from reconciler.core.desired.delegation import Closure, delegation
from reconciler.core.desired.price_list import CYCLES, PRODUCT, AssignedPriceList, retired, units
from reconciler.core.desired.wanted import Desired, Upstream, Wanted
from reconciler.core.schema import RuleBook
from reconciler.model.documents.settings import Policy
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId


def resolve(policy: Policy, upstream: Upstream, actual: State, rules: RuleBook, on: date) -> Desired:
    """The desired state, with its dependencies. ``on``: the day of the effective amounts.

    A product in both a delegated plan and the price list is requested once, with the fields of both.
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
) -> tuple[dict[EntityId, Wanted], AssignedPriceList | None]:
    """The requested entities of each source, without their dependencies, and the assigned price list."""
    roots = dict(delegation(policy, upstream, actual))
    listed = AssignedPriceList.of(policy, upstream, actual, on)
    if listed:
        roots |= {each.id: each for each in listed.products()}
    return roots, listed


def without_cycles(wanted: Wanted) -> Wanted:
    """A product that only a plan brings: its billing cycles are not compared, not even for a reseller's own product."""
    if wanted.id.kind != PRODUCT or wanted.requested:
        return wanted
    body = {name: value for name, value in wanted.body.items() if name != CYCLES}
    return replace(wanted, body=body, ignored_fields=frozenset({CYCLES}))
