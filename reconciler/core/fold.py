"""The tree of tenants as a fold: each tenant against its upstream's state after the upstream's own plan (AP-06)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from graphlib import TopologicalSorter
from typing import TypeAlias

from reconciler.core.desired import Upstream
from reconciler.core.planning import Observed, Planned, compare, plan_tenant
from reconciler.core.policies import resolve_policy
from reconciler.core.shape import RuleBook
from reconciler.core.upstream import provider_upstream, reseller_upstream
from reconciler.model.entity import State
from reconciler.model.plan import TenantPlan, TenantStatus
from reconciler.model.policy import SyncPolicy
from reconciler.model.settings import Policy
from reconciler.model.source import Catalog


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A tenant whose state could not be read, and why. Never taken for an empty one."""

    problem: str


Observe: TypeAlias = Callable[[Policy], Observed | Unreadable]
"""Reads a tenant's state; the shell's."""
Allowed: TypeAlias = Mapping[str, frozenset[str]]
"""The guards that are overridden for one plan, by tenant (GUARD-01)."""


def plan_all(  # noqa: PLR0913 - three that say what there is, three that say what is asked
    catalog: Catalog,
    observe: Observe,
    rules: RuleBook,
    *,
    on: date,
    selected: frozenset[str] | None = None,
    allowed: Allowed | None = None,
) -> Iterator[TenantPlan]:
    """The plans of the selected tenants (``None``: of all), upstreams first, then by key (TREE-01).

    An upstream that is not selected counts as it is (TREE-03); one that cannot be read takes those below with it
    (TREE-04).
    """
    fold = Fold(catalog, observe, rules, on, allowed or {})
    for reseller in tenants_in_order(catalog):
        if selected is None or reseller in selected:
            yield fold.plan(reseller)


def tenants_in_order(catalog: Catalog) -> list[str]:
    """Every reseller, after its upstream; by key within a level."""
    upstreams = {reseller: _upstream_key(catalog, reseller) for reseller in sorted(catalog.policies)}
    sorter = TopologicalSorter({reseller: [above] for reseller, above in upstreams.items()})
    sorter.prepare()
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += [key for key in ready if key in upstreams]
        sorter.done(*ready)
    return ordered


def _upstream_key(catalog: Catalog, reseller: str) -> str:
    model = catalog.policies[reseller].model
    assert isinstance(model, SyncPolicy)
    return model.upstream


@dataclass(frozen=True, slots=True)
class Fold:
    """What the walk down the tree remembers: provider upstreams by key, and each tenant's state after its plan."""

    catalog: Catalog
    observe: Observe
    rules: RuleBook
    on: date
    allowed: Allowed = field(default_factory=dict)
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    after: dict[str, State] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def plan(self, reseller: str) -> TenantPlan:
        """The plan of one tenant whose upstream was planned before it, if it was selected."""
        policy = resolve_policy(self.catalog, reseller)
        upstream = self.upstream_of(policy)
        if isinstance(upstream, Unreadable):
            return self._failure(policy, f"its upstream {policy.upstream} failed: {upstream.problem}")
        observed = self.observe(policy)
        if isinstance(observed, Unreadable):
            return self._failure(policy, observed.problem)
        comparison = compare(policy, upstream, observed.state, self.rules, self.on)
        planned: Planned = plan_tenant(policy, comparison, observed, self.allowed.get(reseller, frozenset()))
        self.after[reseller] = planned.after
        return planned.plan

    def _failure(self, policy: Policy, problem: str) -> TenantPlan:
        self.failed[policy.reseller] = problem
        return TenantPlan(policy.reseller, policy.upstream, TenantStatus.ERROR, "", problem=problem)

    def upstream_of(self, policy: Policy) -> Upstream | Unreadable:
        """What a tenant's upstream offers: a provider's catalog, or a reseller's state after its plan."""
        key = policy.upstream
        if key in self.failed:
            return Unreadable(self.failed[key])
        if key not in self.upstreams:
            tree = self.catalog.providers[policy.provider]
            if key == policy.provider:
                self.upstreams[key] = provider_upstream(tree, self.on)
            else:
                state = self._state(key)
                if isinstance(state, Unreadable):
                    return state
                self.upstreams[key] = reseller_upstream(key, state, tree, self.on)
        return self.upstreams[key]

    def _state(self, reseller: str) -> State | Unreadable:
        """After its plan; as it is, if it was not selected (TREE-03)."""
        if reseller in self.after:
            return self.after[reseller]
        observed = self.observe(resolve_policy(self.catalog, reseller))
        return observed if isinstance(observed, Unreadable) else observed.state
