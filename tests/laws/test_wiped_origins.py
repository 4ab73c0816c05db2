"""ORIGIN-02: a tenant whose origins were changed is planned as the one whose origins were not, but for the origins.

What differs besides is what differs without it, in every scenario, world and tree, and in the short way too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.tree.levels import Unreadable
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.model.documents.options import GUARDS
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog
from reconciler.model.plans.change import Action
from reconciler.model.plans.origins import RecordedOrigin, RecordedOrigins
from reconciler.model.plans.plan import Change, TenantPlan
from reconciler.model.values.entity import Entity, State, state_fingerprint
from tests.laws.grown import ON, RULES, Grown, applied
from tests.laws.renamed import Renamed
from tests.laws.sketched import plans_by_digests
from tests.laws.test_laws import law, read
from tests.laws.worlds import World, worlds
from tests.scenarios import runner
from tests.scenarios.runner import Scenario

RULE = "ORIGIN-02"
ITEMS = {"Plan": ("resources", "periods")}
"""The fields whose items carry an origin, as RULES.md has them."""
States = Mapping[str, State]


@dataclass(frozen=True)
class Wiped:
    """States in which some origins are not what they were, and what came down by the journals."""

    states: States
    lineages: Mapping[str, RecordedOrigins]
    number: int


def wiped(catalog: Catalog, states: States, chance: Random) -> Wiped:
    """By chance, an entity or an item that came down lost its origin, or has another's."""
    found = {tenant: _wiped(_sources(catalog, tenant), state, chance) for tenant, state in states.items()}
    number = sum(each.number for each in found.values())
    states = {tenant: each.states[""] for tenant, each in found.items()}
    return Wiped(states, {tenant: each.lineages[""] for tenant, each in found.items()}, number)


def _sources(catalog: Catalog, tenant: str) -> set[str]:
    """Where a tenant's entities come down from, or are mirrored from."""
    resellers = {each for each, above in catalog.upstream_of.items() if above == tenant}
    return {*resellers, *filter(None, [catalog.upstream_of.get(tenant)])}


def _wiped(sources: set[str], state: State, chance: Random) -> Wiped:
    after: dict[Any, Entity] = {}
    lineage: dict[Any, RecordedOrigin] = {}
    number = 0
    for id, each in state.items():
        after[id] = each
        if each.origin not in sources or each.origin is None:
            continue
        items = _items(each)
        lineage[id] = RecordedOrigin(each.origin, frozenset(items))
        origin, body = each.origin, each.body
        new = chance.choice([each.origin, each.origin, None, "elsewhere"])
        gone = [path for path in sorted(items) if chance.random() < 0.3]
        for field, key in gone:
            rate = {**body[field][key], "origin": chance.choice([None, "elsewhere"])}
            rate = {name: value for name, value in rate.items() if value is not None}
            body = {**body, field: {**body[field], key: rate}}
        number += (new != origin) + len(gone)
        after[id] = Entity(id, body, new)
    return Wiped({"": after}, {"": lineage}, number)


def _items(each: Entity) -> list[tuple[str, str]]:
    fields = ITEMS.get(each.id.kind, ())
    return [
        (field, key)
        for field in fields
        for key, item in each.body.get(field, {}).items()
        if item.get("origin") == each.origin
    ]


def _fold(planner: TreePlanner, states: States, lineages: Mapping[str, RecordedOrigins]) -> TreePlanner:
    """A fold over these states; no guard is in force, since giving origins back is a change that one may count."""

    def observed(tenant: str, as_it_is: Observed | Unreadable) -> Observed | Unreadable:
        if isinstance(as_it_is, Unreadable):
            return as_it_is
        state = states.get(tenant, {})
        at_odds = {
            id: each
            for id, each in lineages.get(tenant, {}).items()
            if id in state and (state[id].origin != each.origin or len(_items(state[id])) != len(each.items))
        }
        return Observed(state, state_fingerprint(state), 1, at_odds)

    def observe(policy: Policy) -> Observed | Unreadable:
        return observed(policy.reseller, planner.observe(policy))

    def observe_provider(provider: str) -> Observed | Unreadable:
        return observed(provider, planner.observe_provider(provider))

    allowed = {tenant: frozenset(GUARDS) for tenant in planner.catalog.policies}
    return TreePlanner(planner.catalog, observe, planner.rules, planner.on, allowed, observe_provider, planner.at)


def _expect_the_same(
    planner: TreePlanner, states: States, chance: Random, selected: frozenset[str] | None = None
) -> int:
    lost = wiped(planner.catalog, states, chance)
    plain = tuple(_fold(planner, states, {}).plans(selected))
    plans = tuple(_fold(planner, lost.states, lost.lineages).plans(selected))
    assert {each.tenant for each in plain} <= {each.tenant for each in plans}
    expected = {each.tenant: each for each in plain}
    for plan in plans:
        if plan.problem is None:
            _expect_but_for_origins(plan, expected.get(plan.tenant), states, lost.states)
    by_digests, _ = plans_by_digests(_fold(planner, lost.states, lost.lineages), selected)
    assert by_digests == plans
    return lost.number


def _expect_but_for_origins(plan: TenantPlan, plain: TenantPlan | None, states: States, lost: States) -> None:
    before, then = lost.get(plan.tenant, {}), states.get(plan.tenant, {})
    for change in plan.changes:
        for field in change.fields:
            assert (field.path[-1] == "origin" and not field.allowed_by) == (
                field.rule == RULE
            ) or field.rule == "AP-21"
    assert [_told(each) for each in _others(plan.changes)] == [_told(each) for each in (plain.changes if plain else ())]
    held = [] if plain is None else plain.deferred
    assert [_why(each) for each in plan.deferred] == [_why(each) for each in held]
    after = applied(plan, before)
    assert after == applied(plain or replace(plan, changes=()), then) or plan.tenant not in states


def _others(changes: Iterable[Change]) -> list[Change]:
    """The changes that do more than give an origin back."""
    kept = [replace(each, fields=tuple(field for field in each.fields if field.rule != RULE)) for each in changes]
    return [new for new, each in zip(kept, changes, strict=True) if new.fields or not each.fields or _is_whole(each)]


def _is_whole(change: Change) -> bool:
    return change.action is not Action.UPDATE


def _told(change: Change) -> tuple[object, ...]:
    fields = tuple((each.path, each.before, each.after, each.allowed_by, each.rule) for each in change.fields)
    return change.entity, change.action, change.after, fields, change.needed_by


def _why(deferred: Any) -> tuple[object, ...]:
    fields = tuple((each.path, each.before, each.after) for each in deferred.change.fields)
    return deferred.why, deferred.change.entity, deferred.change.action, deferred.change.after, fields


@pytest.mark.parametrize(
    "scenario",
    [each for each in runner.plannable() if not each.unreadable],
    ids=lambda scenario: scenario.name,
)
def test_of_a_scenario(scenario: Scenario) -> None:
    """Where a reseller cannot be read, it is not known what its mirrors should be."""
    start = scenario.given
    played = runner.played_out(start, RULES)
    then = runner.applied(start, played.states, {})
    for each in (then, runner.applied(start, scenario.actual.after, {})):
        for seed in range(2):
            _expect_the_same(runner.tree_planner(each, RULES), each.states, Random(seed), each.selected)


@law
@given(worlds(guarded=True), st.integers(0, 9))
def test_of_a_world(world: World, seed: int) -> None:
    here = read(world)
    (reseller,) = here.catalog.policies
    for each in (here, here.applied(here.plan())):
        states = {reseller: each.state}
        _expect_the_same(_fold_of(each.catalog, states), states, Random(seed))


def test_of_a_forest(here: Grown) -> None:
    for each in (here, here.applied):
        number = _expect_the_same(_fold_of(each.catalog, each.states), each.states, Random(1))
    assert number


def test_of_a_forest_with_renames(renaming: Renamed) -> None:
    for each in (renaming.before, renaming.after):
        _expect_the_same(_fold_of(each.catalog, each.states), each.states, Random(1))


def _fold_of(catalog: Catalog, states: States) -> TreePlanner:
    def observe(policy: Policy) -> Observed:
        state = states.get(policy.reseller, {})
        return Observed(state, state_fingerprint(state), 1)

    return TreePlanner(catalog, observe, RULES, ON)
