"""The laws that hold in every tree of resellers: one apply is enough, order is all one, the own stays (TREE-01)."""

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import TypeVar

import pytest

from reconciler.core.codec import encode
from reconciler.core.fold import plan_all
from reconciler.core.patch import patched
from reconciler.core.planning import Observed
from reconciler.core.preconditions import PRECONDITIONS
from reconciler.core.shape import rule_book
from reconciler.core.state import read_state
from reconciler.core.validate import load
from reconciler.model.change import Action
from reconciler.model.entity import State, entity, state_fingerprint
from reconciler.model.plan import Plan, Source, TenantPlan
from reconciler.model.settings import Policy
from reconciler.model.source import Catalog, SourceFile
from tests.laws.forests import PROVIDER, Document, Forest, forest
from tests.laws.test_laws import _placeless
from tests.laws.worlds import as_yaml

T = TypeVar("T")
RULES = rule_book(frozenset(PRECONDITIONS))
ON = date(2026, 12, 1)
SEEDS = range(60)
WORKSPACE = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")
every_forest = pytest.mark.parametrize("seed", SEEDS)


@dataclass(frozen=True)
class Grown:
    """A forest as the engine reads it."""

    catalog: Catalog
    states: dict[str, State]

    def plans(self) -> tuple[TenantPlan, ...]:
        def observe(policy: Policy) -> Observed:
            state = self.states[policy.reseller]
            return Observed(state, state_fingerprint(state), 1)

        return tuple(plan_all(self.catalog, observe, RULES, on=ON))

    def applied(self, plans: tuple[TenantPlan, ...]) -> "Grown":
        return Grown(self.catalog, {plan.tenant: _after(plan, self.states[plan.tenant]) for plan in plans})


def _after(plan: TenantPlan, before: State) -> State:
    state = dict(before)
    for change in plan.changes:
        if change.after is None:
            del state[change.entity]
        else:
            state[change.entity] = entity(change.after)
    return state


def grown(found: Forest, chance: Random | None = None) -> Grown:
    catalog = list(found.catalog)
    states = {tenant: list(documents) for tenant, documents in found.states.items()}
    if chance:
        catalog = [catalog[0], *_mixed(catalog[1:], chance)]
        states = {tenant: _mixed(documents, chance) for tenant, documents in _mixed(list(states.items()), chance)}
    read, problems = load([WORKSPACE, SourceFile("northwind/catalog.yaml", as_yaml(catalog))])
    assert read is not None, [str(problem) for problem in problems]
    return Grown(read, {tenant: _state(documents) for tenant, documents in states.items()})


def _mixed(items: list[T], chance: Random) -> list[T]:
    return chance.sample(items, len(items))


def _state(documents: list[Document]) -> State:
    patches, problems = read_state(as_yaml(documents) if documents else b"", "state.yaml")
    assert not problems, [str(problem) for problem in problems]
    return {id: each for id, each in patched({}, patches, replace=False) if each is not None}


@every_forest
def test_one_apply_is_enough_for_the_whole_tree(seed: int) -> None:
    here = grown(forest(seed))
    after = here.applied(here.plans())
    assert [change.address for plan in after.plans() for change in plan.changes] == []


@every_forest
def test_the_order_of_documents_and_tenants_does_not_matter(seed: int) -> None:
    found = forest(seed)
    assert _bytes(grown(found, Random(seed))) == _bytes(grown(found))


def _bytes(here: Grown) -> bytes:
    plan = Plan("2026-12-01T00:00:00Z", Source(None, None, False, here.catalog.digest), here.plans())
    return encode(_placeless(plan))


@every_forest
def test_nothing_of_a_resellers_own_changes(seed: int) -> None:
    found = forest(seed)
    here = grown(found)
    adopting = {each["reseller"] for each in found.catalog if each["kind"] == "SyncPolicy" and each["adopt"]}
    for plan in here.plans():
        for change in plan.changes:
            before = here.states[plan.tenant].get(change.entity)
            taken = plan.tenant in adopting and change.entity.kind in ("Plan", "Product")
            if before is not None and change.entity.kind != "Tenant" and not taken:
                assert before.origin == found.upstream[plan.tenant], change.address


@every_forest
def test_what_is_deferred_below_for_a_cause_above_names_it_once(seed: int) -> None:
    """The cause's tenant is above, defers the same entity for the same reason, and has the same line of policy."""
    found = forest(seed)
    plans = {plan.tenant: plan for plan in grown(found).plans()}
    for plan in plans.values():
        for each in plan.deferred:
            words = each.detail.split(" ", 3)
            if words[0] in ("withheld", "blocked") and words[1] == "at":
                root = words[2].rstrip(":")
                assert root in _above(plan.tenant, found.upstream)
                assert each.detail.count(f"{words[0]} at ") == 1
                causes = [other for other in plans[root].deferred if other.change.entity == each.change.entity]
                assert (each.reason, each.rule, each.policy) in [(o.reason, o.rule, o.policy) for o in causes]


def _above(tenant: str, upstream: dict[str, str]) -> list[str]:
    above = []
    while (tenant := upstream[tenant]) != PROVIDER:
        above.append(tenant)
    return above


def test_the_forests_are_worth_their_trees(capsys: pytest.CaptureFixture[str]) -> None:
    """At least half of the runs have each of what makes a tree hard."""
    forests = [forest(seed) for seed in SEEDS]
    inherited = sum(_inherits(each) for each in forests)
    counts = {
        "a withheld level": sum(each.withholding for each in forests),
        "a cause from above": inherited,
        "a veto": sum(each.vetoing for each in forests),
        "own plans": sum(each.own_plans for each in forests),
        "changes at level 2 or below": sum(_deep(each) for each in forests),
    }
    with capsys.disabled():
        print(f"\n{len(forests)} forests: " + ", ".join(f"{count} with {what}" for what, count in counts.items()))
    assert all(count >= len(forests) / 2 for count in counts.values()), counts


def _inherits(found: Forest) -> bool:
    deferred = (each for plan in grown(found).plans() for each in plan.deferred)
    return any(each.detail.startswith(("withheld at ", "blocked at ")) for each in deferred)


def _deep(found: Forest) -> bool:
    plans = grown(found).plans()
    return any(change.action is Action.CREATE for plan in plans if plan.upstream != PROVIDER for change in plan.changes)
