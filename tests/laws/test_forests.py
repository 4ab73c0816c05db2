"""The laws that hold in every tree of resellers: one apply is enough, order is all one, the own stays (TREE-01)."""

from dataclasses import replace
from random import Random

from reconciler.core.inspect.inverse import inverse
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.savedplan.codec import encode
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Plan, Source, TenantPlan
from reconciler.model.values.entity import Entity, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path
from tests.laws.forest_renames import links
from tests.laws.grown import Grown, applied, grown
from tests.laws.ownership import lost
from tests.laws.test_laws import _placeless
from tests.laws.whereabouts import is_whole


def test_one_apply_is_enough_for_the_whole_tree(here: Grown) -> None:
    assert [change.address for _, change in here.applied.changes()] == []


def test_applying_a_plan_brings_up_nothing_that_it_did_not_say(here: Grown) -> None:
    """Idempotence of what is deferred: it stood in the first plan."""
    for key, tenant in here.applied.tenants.items():
        assert _deferred(tenant.plan) <= _deferred(here.tenants[key].plan), key


def _deferred(plan: TenantPlan) -> set[tuple[EntityId, Path]]:
    changes = [each.change for each in plan.deferred if each.reason != "unmanaged"]
    return {(each.entity, path) for each in changes for path in _paths(each)}


def _paths(change: Change) -> list[Path]:
    return [()] if is_whole(change) else [each.path for each in change.fields]


def test_those_below_a_tenant_see_what_apply_leaves_there(here: Grown) -> None:
    for key, tenant in here.tenants.items():
        assert tenant.after == here.applied.states[key]


def test_nothing_names_what_is_removed(here: Grown) -> None:
    for tenant, change in here.changes():
        if change.action is Action.DELETE:
            by = [id for id, each in tenant.after.items() if change.entity in _named(each)]
            assert by == [], (change.address, by)


def test_nothing_names_what_does_not_come(here: Grown) -> None:
    """Add-ons aside, which name what they belong to whether or not the tenant has it."""
    for tenant, change in here.changes():
        before, after = tenant.comparison.actual.get(change.entity), tenant.after.get(change.entity)
        new = (_named(after) if after else set()) - (_named(before) if before else set())
        assert new <= tenant.after.keys(), (change.address, new - tenant.after.keys())


def _named(have: Entity) -> set[EntityId]:
    document = {name: value for name, value in have.document().items() if name != "add_on_of"}
    return {EntityId(*id) for id in links(document)}


def test_some_tenants_can_be_applied_alone(here: Grown) -> None:
    """TREE-03: one apply is enough for those that are selected, and touches nobody else."""
    chance = Random(len(here.states))
    chosen = replace(here, selected=frozenset(key for key in here.states if chance.random() < 0.5))
    after = chosen.applied
    assert [change.address for _, change in after.changes()] == []
    assert all(after.states[key] == here.states[key] for key in here.states if key not in chosen.tenants)


def test_an_inverse_gives_back_all_that_it_does_not_name(here: Grown) -> None:
    """Where nothing moved since, what it leaves is what a tenant named without having it: that would be so again."""

    def look(tenant: str) -> Observed:
        state = here.applied.states[tenant]
        return Observed(state, state_fingerprint(state), 1)

    for undone in inverse(_plan(here), look):
        state, before = applied(undone, here.applied.states[undone.tenant]), here.states[undone.tenant]
        moved = {id for id in {*state, *before} if state.get(id) != before.get(id)}
        assert moved <= {id for each in undone.deferred for id in _called(each.change)}, undone.tenant


def _called(change: Change) -> set[EntityId]:
    """An entity by its key, and by those that it has before and after."""
    documents = [each for each in (change.before, change.after) if each]
    return {change.entity, *(EntityId(each["kind"], each["key"]) for each in documents)}


def test_the_order_of_documents_fields_and_tenants_does_not_matter(here: Grown) -> None:
    assert _bytes(grown(here.forest, Random(len(here.states)))) == _bytes(here)


def _bytes(here: Grown) -> bytes:
    return encode(_placeless(_plan(here)))


def _plan(here: Grown) -> Plan:
    return Plan("2026-12-01T00:00:00Z", Source(None, None, False, here.catalog.digest), here.plans)


def test_nothing_of_a_resellers_own_changes(here: Grown) -> None:
    """Nor what belongs to it in a copy. A link to what is renamed follows, whoever has it (AP-21)."""
    for tenant, change in here.changes():
        origin, renamed = tenant.policy.upstream, tenant.comparison.actual
        before, after = renamed.get(change.entity), tenant.after.get(change.entity)
        if before is None:
            continue
        taken = tenant.policy.adopt.on and change.entity.kind in ("Plan", "Product")
        if before.origin != origin and change.entity.kind != "Tenant" and not taken:
            assert after == before, change.address
            assert {each.rule for each in change.fields} == {"AP-21"}, change.address
        elif after is not None:
            assert list(lost(before, after, renamed, origin, adopts=tenant.policy.adopt.on)) == [], change.address
