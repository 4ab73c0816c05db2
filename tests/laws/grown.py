"""A random forest as the engine reads it, its plans, and what came of them: what the laws look at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from random import Random
from typing import TypeVar

from reconciler.core.planning.diff import Comparison, differences
from reconciler.core.planning.judge import Judgement, judge
from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed, compare, plan_tenant, write_down
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.core.schema.rule_book import RuleBook, rule_book
from reconciler.core.tree.levels import Unreadable
from reconciler.core.tree.tree_planner import TreePlanner, tenants_in_order
from reconciler.core.workspace.load import load
from reconciler.core.workspace.policies import resolve_policy
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.change import Difference
from reconciler.model.plans.plan import Change, TenantPlan
from reconciler.model.values.entity import State, entity, state_fingerprint
from tests.laws.forest_catalogs import Document
from tests.laws.forests import Forest
from tests.laws.worlds import as_yaml

T = TypeVar("T")
RULES = rule_book(frozenset(PRECONDITIONS))
ON = date(2026, 12, 1)
WORKSPACE = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")


@dataclass(frozen=True)
class Tenant:
    """One tenant of a forest: what was compared, and its plan. ``after``: the state that those below it see."""

    policy: Policy
    observed: Observed
    comparison: Comparison
    plan: TenantPlan
    after: State

    @property
    def key(self) -> str:
        return self.policy.reseller

    @cached_property
    def found(self) -> list[Difference]:
        return differences(self.comparison)

    def judged(self, policy: Policy | None = None) -> Judgement:
        """By the tenant's policy, or by another one that has no say in what differs, guards aside."""
        return judge(self.comparison, self.found, policy or self.policy)

    @cached_property
    def unguarded(self) -> TenantPlan:
        """The plan that it would have, were there no guards."""
        return self.with_policy(self.policy)

    def with_policy(self, policy: Policy) -> TenantPlan:
        """Its plan by a policy that has no say in what differs, guards aside."""
        return write_down(policy, self.comparison, self.judged(policy), self.observed).plan

    def allowing(self, *guards: str) -> TenantPlan:
        """Its plan with guards overridden."""
        return plan_tenant(self.policy, self.comparison, self.observed, frozenset(guards)).plan


@dataclass(frozen=True)
class Grown:
    """A forest as the engine reads it. ``selected``: the tenants that are planned, if not all."""

    forest: Forest
    catalog: Catalog
    states: Mapping[str, State]
    rules: RuleBook = RULES
    selected: frozenset[str] | None = None

    @cached_property
    def tenants(self) -> Mapping[str, Tenant]:
        """Every tenant that is planned, upstreams first, as one plan of the tree has it."""
        planner = TreePlanner(self.catalog, self._observe, self.rules, ON)
        keys = tenants_in_order(self.catalog)
        return {key: self._planned(planner, key) for key in keys if self.selected is None or key in self.selected}

    def _planned(self, planner: TreePlanner, key: str) -> Tenant:
        policy = resolve_policy(self.catalog, key)
        observed = self._observe(policy)
        upstream = planner.upstream_of(policy, observed.state)
        assert not isinstance(upstream, Unreadable)
        plan = planner.plan(key)
        comparison = compare(policy, upstream, observed.state, self.rules, ON)
        return Tenant(policy, observed, comparison, plan, planner.states[key])

    def _observe(self, policy: Policy) -> Observed:
        state = self.states[policy.reseller]
        return Observed(state, state_fingerprint(state), 1)

    @property
    def plans(self) -> tuple[TenantPlan, ...]:
        return tuple(each.plan for each in self.tenants.values())

    def changes(self) -> Iterator[tuple[Tenant, Change]]:
        """Every change with its tenant."""
        return ((tenant, change) for tenant in self.tenants.values() for change in tenant.plan.changes)

    @cached_property
    def applied(self) -> "Grown":
        """The same once every plan is applied."""
        after = {key: applied(each.plan, self.states[key]) for key, each in self.tenants.items()}
        return replace(self, states={**self.states, **after})


def applied(plan: TenantPlan, before: State) -> State:
    """The state once the changes are made, each as it is written: what was there goes, what is to be comes."""
    state = dict(before)
    for change in plan.changes:
        if change.before is not None:
            del state[entity(change.before).id]
    for change in plan.changes:
        if change.after is not None:
            assert entity(change.after).id == change.entity
            assert change.entity not in state
            state[change.entity] = entity(change.after)
    return state


def grown(found: Forest, chance: Random | None = None) -> Grown:
    """The forest, by chance with its documents, fields and tenants in another order."""
    catalog: Iterable[Document] = found.catalog
    states: Mapping[str, Iterable[Document]] = found.states
    if chance:
        first, *rest = (_shuffled(each, chance) for each in catalog)
        catalog = [first, *mixed(rest, chance)]
        states = {tenant: mixed(documents, chance) for tenant, documents in mixed(states.items(), chance)}
    read, problems = load([WORKSPACE, SourceFile("northwind/catalog.yaml", as_yaml(list(catalog)))])
    assert read is not None, [str(problem) for problem in problems]
    return Grown(found, read, {tenant: _state(documents) for tenant, documents in states.items()})


def _shuffled(document: Document, chance: Random) -> Document:
    items = mixed(document.items(), chance)
    return {name: _shuffled(value, chance) if isinstance(value, dict) else value for name, value in items}


def mixed(items: Iterable[T], chance: Random) -> list[T]:
    """The items in another order."""
    listed = list(items)
    return chance.sample(listed, len(listed))


def _state(documents: Iterable[Document]) -> State:
    listed = list(documents)
    patches, problems = read_state(as_yaml(listed) if listed else b"", "state.yaml")
    assert not problems, [str(problem) for problem in problems]
    return {id: each for id, each in patched({}, patches, replace=False) if each is not None}
