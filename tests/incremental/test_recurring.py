"""What is taken over from one tenant to the next is what would be found out there
(`reconciler.core.incremental.outcomes`).
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from reconciler.model.documents.options import OPTIONS
from reconciler.model.documents.source import Catalog
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from tests.incremental.shop import RESELLERS, applied, in_sync, loaded, same_plans, shop
from tests.laws.test_laws import law, read
from tests.laws.worlds import AMOUNTS, GUARDS_OFF, NAMES, POOLS, RESELLER, Document, World, worlds


@law
@given(worlds(guarded=True), st.integers(0, 2**32))
def test_tenants_of_one_template_get_what_each_gets_alone(world: World, seed: int) -> None:
    chance = Random(seed)
    states = _states(world, chance)
    amended = replace(world, catalog=tuple(_amended(each, chance) for each in world.catalog))
    catalog = _catalog(amended, chance)
    plans = same_plans(catalog, states)
    event(f"recurring: {any(_recurring(each) or _held(each) for each in plans)}")
    same_plans(catalog, {each.tenant: applied(states[each.tenant], each) for each in plans})


def test_one_price_recurs_in_every_tenant_but_the_first() -> None:
    catalog, states = shop(fee="12.00"), {tenant: in_sync(tenant) for tenant in RESELLERS}
    plans = same_plans(catalog, states)
    assert [len(each.changes) for each in plans] == [1, 1, 1, 1, 1]
    assert [_recurring(each) for each in plans] == [0, 1, 1, 1, 1]


def test_what_is_another_entity_here_is_found_out_here() -> None:
    states = {tenant: in_sync(tenant) for tenant in RESELLERS}
    plan = states["litware"][EntityId("Plan", "web")]
    states["litware"][plan.id] = replace(plan, body={**plan.body, "description": "ours"})
    plans = same_plans(shop(fee="12.00"), states)
    assert [_recurring(each) for each in plans] == [0, 1, 0, 1, 1]


def test_what_is_withheld_is_worded_by_each_policy() -> None:
    catalog = shop(fee="12.00", options={"plans": {"update_fees": False}})
    plans = same_plans(catalog, {tenant: in_sync(tenant) for tenant in RESELLERS})
    assert [len(each.deferred) for each in plans] == [1, 1, 1, 1, 1]
    assert [_held(each) for each in plans] == [0, 1, 1, 1, 1]
    assert [f"policy {each.tenant}" in each.deferred[0].detail for each in plans] == [True] * 5


def test_a_veto_of_one_tenant_holds_there_alone() -> None:
    catalog = shop("12.00", apart={"litware": {"veto": {"prices": True}}})
    plans = same_plans(catalog, {tenant: in_sync(tenant) for tenant in RESELLERS})
    assert [len(each.changes) for each in plans] == [1, 1, 0, 1, 1]


def test_a_guard_that_trips_names_each_tenant() -> None:
    plans = same_plans(shop(fee="1000"), {tenant: in_sync(tenant) for tenant in RESELLERS})
    assert [each.deferred[0].rule for each in plans] == ["GUARD-01"] * 5
    assert [f"max_price_change:{each.tenant}" in each.deferred[0].detail for each in plans] == [True] * 5


def _recurring(plan: TenantPlan) -> int:
    return sum(each.common is not None for each in plan.changes)


def _held(plan: TenantPlan) -> int:
    return sum(each.change.common is not None for each in plan.deferred)


def _catalog(world: World, chance: Random) -> Catalog:
    """The world's, with as many resellers of its template, each with a policy of its own; some say something else."""
    rest = [each for each in world.catalog if each["kind"] not in ("SyncPolicy", "ServiceTemplate")]
    (template,) = (each for each in world.catalog if each["kind"] == "ServiceTemplate")
    (policy,) = (each for each in world.catalog if each["kind"] == "SyncPolicy")
    template = {**template, "delegated_plans": policy["delegate"]["plans"]}
    own = {name: value for name, value in policy.items() if name != "delegate"}
    return loaded([*rest, template], [{**_flipped(own, chance), "reseller": each} for each in RESELLERS])


def _flipped(policy: Document, chance: Random) -> Document:
    """In a third of the tenants, other options, vetoes and overrides."""
    if chance.random() < 0.67:
        return policy
    flipped = {part: _switched(policy[part], chance) for part in ("options", "veto", "overrides")}
    return {**policy, **flipped}


def _switched(settings: Document, chance: Random) -> Document:
    return {
        name: _switched(each, chance) if isinstance(each, dict) else each ^ (chance.random() < 0.3)
        for name, each in settings.items()
    }


def _states(world: World, chance: Random) -> dict[str, State]:
    """The world's state once everything was applied, in every tenant; in some of them, some of it is otherwise."""
    everything = replace(world, catalog=tuple(_all_on(each) for each in world.catalog))
    here = read(everything)
    state = here.applied(here.plan()).state
    return {each: _own(dict(_varied(state, chance)) if chance.random() < 0.5 else state, each) for each in RESELLERS}


def _all_on(document: Document) -> Document:
    if document["kind"] != "SyncPolicy":
        return document
    groups: Document = {}
    for option in OPTIONS.values():
        groups.setdefault(option.group, {})[option.name] = True
    return {**document, "options": groups, "guards": GUARDS_OFF, "veto": {"categories": False, "prices": False}}


def _amended(document: Document, chance: Random) -> Document:
    """Another edition of what a provider offers: another amount or name here and there."""
    if document["kind"] in ("Provider", "SyncPolicy", "ServiceTemplate"):
        return document
    amended: Document = _otherwise(document, chance)
    return amended


def _otherwise(value: Any, chance: Random) -> Any:
    if isinstance(value, dict):
        return {key: each if key == "key" else _otherwise(each, chance) for key, each in value.items()}
    if isinstance(value, list):
        return sorted({_otherwise(each, chance) for each in value})
    pool = next((pool for pool in (AMOUNTS, NAMES, *POOLS.values()) if value in pool), ())
    return chance.choice(pool) if pool and chance.random() < 0.2 else value


def _varied(state: State, chance: Random) -> Sequence[tuple[EntityId, Entity]]:
    found = []
    for id, each in state.items():
        match chance.randrange(12):
            case 0:
                continue
            case 1:
                found.append((id, replace(each, origin=None)))
            case 2:
                found.append((id, replace(each, body={**each.body, "name": "Another"})))
            case _:
                found.append((id, each))
    return found


def _own(state: State, tenant: str) -> State:
    """With the document of the tenant itself, where there is one."""
    mine, theirs = EntityId("Tenant", tenant), EntityId("Tenant", RESELLER)
    own = {mine: replace(state[theirs], id=mine)} if theirs in state else {}
    return {id: each for id, each in state.items() if id != theirs} | own
