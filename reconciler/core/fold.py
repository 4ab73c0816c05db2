"""The tree of tenants as a fold: each tenant against its upstream's state after the upstream's own plan (AP-06)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from graphlib import TopologicalSorter
from typing import TypeAlias

from reconciler.core.desired import Held, Upstream
from reconciler.core.held import held_at
from reconciler.core.planning import Observed, Planned, compare, plan_tenant
from reconciler.core.policies import resolve_policy
from reconciler.core.shape import RuleBook
from reconciler.core.upstream import asks_further_up, provider_upstream, reseller_upstream, with_labels, with_names
from reconciler.model.entity import State
from reconciler.model.keys import EntityId
from reconciler.model.plan import Read, TenantPlan, TenantStatus
from reconciler.model.policy import SyncPolicy
from reconciler.model.settings import Policy
from reconciler.model.source import Catalog


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A tenant whose state could not be read, and why. Never taken for an empty one. ``tenant``: which, if another."""

    problem: str
    tenant: str = ""


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
    return Fold(catalog, observe, rules, on, allowed or {}).plans(selected)


def tenants_in_order(catalog: Catalog) -> list[str]:
    """Every reseller, after its upstream; by key within a level."""
    upstreams = {reseller: upstream_key(catalog, reseller) for reseller in sorted(catalog.policies)}
    sorter = TopologicalSorter({reseller: [above] for reseller, above in upstreams.items()})
    sorter.prepare()
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        ordered += [key for key in ready if key in upstreams]
        sorter.done(*ready)
    return ordered


def upstream_key(catalog: Catalog, reseller: str) -> str:
    """The provider or reseller above a reseller."""
    model = catalog.policies[reseller].model
    assert isinstance(model, SyncPolicy)
    return model.upstream


@dataclass(frozen=True, slots=True)
class Fold:
    """What the walk down the tree remembers: each tenant's plan and its state afterwards.

    ``states``: those, and of tenants that are not planned their states as they are. ``reads``: these tenants, on which
    what was planned stands (TREE-03). ``informed``: the upstreams that know what is known further up.
    """

    catalog: Catalog
    observe: Observe
    rules: RuleBook
    on: date
    allowed: Allowed = field(default_factory=dict)
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    informed: set[str] = field(default_factory=set)
    states: dict[str, State] = field(default_factory=dict)
    done: dict[str, Planned] = field(default_factory=dict)
    failed: dict[str, Unreadable] = field(default_factory=dict)
    reads: dict[str, Read] = field(default_factory=dict)

    def plans(self, selected: frozenset[str] | None) -> Iterator[TenantPlan]:
        """The plans of the selected tenants (``None``: of all), upstreams first."""
        for reseller in tenants_in_order(self.catalog):
            if selected is None or reseller in selected:
                yield self.plan(reseller)

    def plan(self, reseller: str) -> TenantPlan:
        """The plan of one tenant whose upstream was planned before it, if it was selected."""
        policy = resolve_policy(self.catalog, reseller)
        if isinstance(above := self._upstream(policy), Unreadable):
            return self._failure(policy, above)
        observed = self.observe(policy)
        if isinstance(observed, Unreadable):
            return self._failure(policy, observed)
        upstream = self.upstream_of(policy, observed.state)
        if isinstance(upstream, Unreadable):
            return self._failure(policy, upstream)
        comparison = compare(policy, upstream, observed.state, self.rules, self.on)
        planned: Planned = plan_tenant(policy, comparison, observed, self.allowed.get(reseller, frozenset()))
        self.states[reseller], self.done[reseller] = planned.after, planned
        return planned.plan

    def read_besides(self) -> tuple[Read, ...]:
        """The tenants that were read but not planned, upstreams first."""
        return tuple(self.reads[key] for key in tenants_in_order(self.catalog) if key in self.reads)

    def _failure(self, policy: Policy, found: Unreadable) -> TenantPlan:
        """A tenant in error; what is below it is so too, by the one cause (TREE-04)."""
        self.failed[policy.reseller] = Unreadable(found.problem, found.tenant or policy.reseller)
        return TenantPlan(
            policy.reseller, policy.upstream, TenantStatus.ERROR, "", problem=_problem(found, policy.upstream)
        )

    def upstream_of(self, policy: Policy, actual: State | None = None) -> Upstream | Unreadable:
        """What a tenant's upstream offers: a provider's catalog, or a reseller's state after its plan.

        Where the tenant, of which ``actual`` is the state, asks for more than that: with what is known further up.
        """
        upstream = self._upstream(policy)
        if isinstance(upstream, Unreadable) or not asks_further_up(policy, upstream, actual or {}):
            return upstream
        return self._informed(upstream)

    def _informed(self, upstream: Upstream) -> Upstream | Unreadable:
        if upstream.key not in self.catalog.policies or upstream.key in self.informed:
            return upstream
        above = self._upstream(resolve_policy(self.catalog, upstream.key))
        above = self._informed(above) if isinstance(above, Upstream) else above
        if isinstance(above, Unreadable):
            return above
        self.informed.add(upstream.key)
        informed = self.upstreams[upstream.key] = with_labels(with_names(upstream, above), above)
        return informed

    def _upstream(self, policy: Policy) -> Upstream | Unreadable:
        key = policy.upstream
        if key in self.failed:
            return self.failed[key]
        if key not in self.upstreams:
            tree = self.catalog.providers[policy.provider]
            if key == policy.provider:
                self.upstreams[key] = provider_upstream(tree, self.on)
            else:
                state = self._state(key)
                if isinstance(state, Unreadable):
                    return state
                origin = upstream_key(self.catalog, key)
                upstream = reseller_upstream(key, state, tree, self.on, origin=origin)
                self.upstreams[key] = replace(upstream, held=self._held(key))
        return self.upstreams[key]

    def _held(self, reseller: str) -> Mapping[EntityId, Held]:
        """What does not come to a tenant, nor below it. Of one that was not planned, nothing is known (TREE-03)."""
        if reseller not in self.done:
            return {}
        policy = resolve_policy(self.catalog, reseller)
        above = self.upstream_of(policy)
        assert isinstance(above, Upstream), "what was planned had an upstream"
        return held_at(policy, self.done[reseller], above)

    def _state(self, reseller: str) -> State | Unreadable:
        """After its plan; as it is, if it was not selected (TREE-03)."""
        if reseller in self.states:
            return self.states[reseller]
        policy = resolve_policy(self.catalog, reseller)
        observed = self.observe(policy)
        if isinstance(observed, Unreadable):
            self.failed[reseller] = failed = Unreadable(observed.problem, reseller)
            return failed
        self.reads[reseller] = Read(reseller, policy.upstream, observed.fingerprint, observed.revision)
        self.states[reseller] = observed.state
        return observed.state


def _problem(found: Unreadable, upstream: str) -> str:
    """Why a tenant cannot be planned: its own state, or that of a tenant above it."""
    if not found.tenant:
        return found.problem
    who = f"its upstream {upstream}" if found.tenant == upstream else f"{found.tenant}, above its upstream {upstream},"
    return f"{who} failed: {found.problem}"
