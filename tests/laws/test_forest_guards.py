"""Guards in a forest (GUARD-01): one that trips holds its tenant's whole plan, names all faults, and is lifted alone.

Which trip is told by an oracle of its own, from the changes that would be made without guards.
"""

from collections.abc import Mapping
from dataclasses import replace

from reconciler.model.plans.plan import Deferred, TenantPlan
from tests.laws.grown import ON, Grown, Tenant
from tests.laws.oracle_guards import DEFAULTS, Pair, tripped


def expected(here: Grown, tenant: Tenant) -> dict[str, set[str]]:
    """The guards that should trip in a tenant, and what is at fault."""
    return tripped(
        here.forest.policies()[tenant.key]["guards"],
        [each.document() for each in tenant.observed.state.values()],
        [Pair(str(each.entity), each.before, each.after) for each in tenant.unguarded.changes],
        origin=tenant.policy.upstream,
        day=ON.isoformat(),
    )


def blocked(plan: TenantPlan) -> list[Deferred]:
    """What its own guards block."""
    return [each for each in plan.deferred if f"blocks the whole plan of {plan.tenant}: " in each.detail]


def named(plan: TenantPlan) -> set[str]:
    """The guards that a plan says tripped, each in every change that it blocks."""
    found = [{guard for guard in DEFAULTS if f"guard {guard}: " in each.detail} for each in blocked(plan)]
    assert all(each == found[0] for each in found), found
    return found[0] if found else set()


def check(plan: TenantPlan, faults: Mapping[str, set[str]], tenant: Tenant) -> None:
    """What a plan is where these guards trip: as it would be without guards, or nothing."""
    assert named(plan) == set(faults), tenant.key
    if not faults:
        assert plan.changes == tenant.unguarded.changes
        assert plan.deferred == tenant.unguarded.deferred
        return
    assert plan.changes == ()
    for each in blocked(plan):
        for guard, entities in faults.items():
            assert f"--allow {guard}:{tenant.key}" in each.detail
            assert all(f"; {entity}" in each.detail for entity in entities), (guard, entities, each.detail)
    assert {each.change.entity for each in blocked(plan)} <= {each.entity for each in tenant.unguarded.changes}


def test_a_guard_that_trips_holds_the_whole_tenant_and_names_what_is_at_fault(here: Grown) -> None:
    for tenant in here.tenants.values():
        check(tenant.plan, expected(here, tenant), tenant)


def test_allowing_a_guard_lifts_that_one_and_no_other(here: Grown) -> None:
    for tenant in here.tenants.values():
        faults = expected(here, tenant)
        for guard in faults:
            rest = {other: entities for other, entities in faults.items() if other != guard}
            check(tenant.allowing(guard), rest, tenant)
        assert tenant.allowing(*faults).changes == tenant.unguarded.changes


def test_a_guard_holds_nobody_elses_plan(here: Grown) -> None:
    """Tenants that neither trip one nor are below one that does have the plan that they would have without guards."""
    free = replace(here, rules=replace(here.rules, guards=frozenset()))
    held = {key for key, tenant in here.tenants.items() if named(tenant.plan)}
    for key, tenant in here.tenants.items():
        if held.isdisjoint((key, *here.forest.above(key))):
            assert tenant.plan == free.tenants[key].plan
