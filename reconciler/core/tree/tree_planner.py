# long: the walks down and up the tree share their results
"""Plans the tree of tenants: each against the state of its upstream after the upstream's own plan (AP-06).

First the catalogs, from the topmost level down; then the mirrored subscriptions, from the deepest level up (TREE-01).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import TypeAlias

from reconciler.core.desired import (
    InheritedBlock,
    Upstream,
    needs_ancestors,
    provider_upstream,
    reseller_upstream,
    with_ancestors,
    with_labels,
)
from reconciler.core.planning import Engine, Observed, PlainEngine, Planned
from reconciler.core.schema import RuleBook, under_its_own_keys
from reconciler.core.states import fetched
from reconciler.core.subscriptions import (
    MirrorClock,
    Offer,
    Projection,
    mirrored_from,
    mirrored_ids,
    provider_offer,
    reseller_offer,
    utc_day,
)
from reconciler.core.tree.afterwards import dated_plans
from reconciler.core.tree.inherited import held_at, prices_held
from reconciler.core.tree.levels import (
    NeedsAncestors,
    Observe,
    PlanLevel,
    Task,
    TenantResult,
    Unreadable,
    levels,
    plan_task,
    read_again,
    sequentially,
    upstream_key,
)
from reconciler.core.tree.mirroring import DistributorPlan, MirrorSource, empty_plan, merge_mirrors
from reconciler.core.workspace import Layers, provider_currency, resolve_policy
from reconciler.model.documents.options import MIRROR
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog
from reconciler.model.plans.change import Root
from reconciler.model.plans.plan import Read, TenantPlan, TenantStatus
from reconciler.model.values.entity import State, state_fingerprint
from reconciler.model.values.keys import EntityId

Day: TypeAlias = date | Mapping[str, date]
"""The day of effective amounts and cycle ends: one for all tenants, or one per provider (DATE-01)."""
ObserveProvider: TypeAlias = Callable[[str], Observed | Unreadable]
"""Reads the state of a provider's own system, which mirrors are written to."""
Allowed: TypeAlias = Mapping[str, frozenset[str]]
"""The guards that are overridden for one plan, by tenant (GUARD-01)."""


def empty(_provider: str) -> Observed:
    """An empty state of a provider's own system."""
    return Observed({}, state_fingerprint({}), 0)


def plan_all(  # noqa: PLR0913 - four that say what there is, three that say what is asked
    catalog: Catalog,
    observe: Observe,
    rules: RuleBook,
    *,
    on: Day,
    selected: frozenset[str] | None = None,
    allowed: Allowed | None = None,
    observe_provider: ObserveProvider = empty,
) -> Iterator[TenantPlan]:
    """The plans of the selected tenants (``None``: of all), upstreams first, then by key (TREE-01).

    A provider has a plan if its own system has entities, or gets some. An upstream that is not selected is used as it
    is (TREE-03); an unreadable one makes the tenants below it fail (TREE-04).
    """
    return TreePlanner(catalog, observe, rules, on, allowed or {}, observe_provider).plans(selected)


def tenants_in_order(catalog: Catalog) -> list[str]:
    """Every reseller, after its upstream; by key within a level."""
    return [reseller for level in levels(catalog) for reseller in level]


@dataclass(frozen=True, slots=True)
class TreePlanner:
    """Plans the tenants of a workspace, and holds the results that other tenants need.

    ``on``: the day, or one per provider. ``at``: the moment for history records, or one per provider, ISO 8601; by
    default the start of the day. ``day_at``: the day of a record's moment in an IANA time zone (DATE-01); by default in
    UTC. ``plan_level``: plans the tenants of one level; by default in turn. ``engine``: compares tenants; by default
    the plain one.

    ``states``: the states after the plan, and the current states of tenants that are not planned. ``reads``: the latter
    tenants, which the plan depends on (TREE-03). ``mirrors_held``: by reseller, the mirrors from its own resellers that
    it does not get. ``extended_upstreams``: upstreams with the facts of their own upstreams, if they were needed;
    ``needing_ancestors``: the tenants that were planned against these. ``not_mirrored``: released tenants with nothing
    to mirror. ``policies``: resolved policies; ``layers``: the layers that they share. ``dated``: by provider, its
    plans with dated amounts. ``price_holds``: by reseller that mirrors, the list prices that it does not get, if known
    (SUB-13).
    """

    catalog: Catalog
    observe: Observe
    rules: RuleBook
    on: Day
    allowed: Allowed = field(default_factory=dict)
    observe_provider: ObserveProvider = empty
    at: str | Mapping[str, str] = ""
    day_at: Callable[[str, str], date | None] | None = None
    plan_level: PlanLevel | None = None
    engine: Engine | None = None
    upstreams: dict[str, Upstream] = field(default_factory=dict)
    extended_upstreams: dict[str, Upstream] = field(default_factory=dict)
    needing_ancestors: set[str] = field(default_factory=set)
    states: dict[str, State] = field(default_factory=dict)
    done: dict[str, Planned] = field(default_factory=dict)
    failed: dict[str, Unreadable] = field(default_factory=dict)
    reads: dict[str, Read] = field(default_factory=dict)
    observed: dict[str, Observed] = field(default_factory=dict)
    mirrors_held: dict[str, Mapping[EntityId, InheritedBlock]] = field(default_factory=dict)
    not_mirrored: set[str] = field(default_factory=set)
    policies: dict[str, Policy] = field(default_factory=dict)
    layers: Layers = field(default_factory=dict)
    price_holds: dict[str, Mapping[tuple[str, str], Root]] = field(default_factory=dict)
    dated: dict[str, frozenset[EntityId]] = field(default_factory=dict)
    distributors: frozenset[str] = field(init=False, default=frozenset())
    """The providers and resellers that have resellers."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "distributors", frozenset(self.catalog.upstream_of.values()))

    def plans(self, selected: frozenset[str] | None) -> Iterator[TenantPlan]:
        """The plans of the selected tenants (``None``: of all), upstreams first."""
        kept: dict[str, TenantPlan] = {}
        yield from (kept[key] for key in self.plan_into(kept, selected))

    def plan_into(
        self,
        kept: MutableMapping[str, TenantPlan],
        selected: frozenset[str] | None,
        planned: Callable[[str], None] | None = None,
    ) -> list[str]:
        """Stores the plan of each selected tenant in ``kept`` when it is made, and again with the mirrors to the
        tenant.

        Returns the tenants in the plan's order. ``planned`` is called with each while its state is in memory; if it is
        given, the parts of a state that no other tenant needs are released afterwards (decision 022).
        """
        order = tenants_in_order(self.catalog)
        for level in levels(self.catalog):
            for key, plan in self._planned([key for key in level if selected is None or key in selected]):
                kept[key] = under_its_own_keys(plan)
                if planned is not None:
                    planned(key)
                    if key not in self.failed and key not in self.distributors:
                        self._release(key)
        for distributor, resellers in self._distributors(order, selected):
            for key, plan in self._mirrored(distributor, resellers, kept).items():
                kept[key] = under_its_own_keys(plan)
        return [key for key in [*sorted(self.catalog.providers), *order] if key in kept]

    def _release(self, reseller: str) -> None:
        """Releases the state of a planned tenant without resellers, except what is mirrored."""
        self.states[reseller] = state = mirrored_from(self.states[reseller])
        if not MirrorSource(self.policies.pop(reseller), state).concerned:
            self.not_mirrored.add(reseller)
        self.catalog.policies[reseller].forget()
        self.done.pop(reseller, None)
        self.observed.pop(reseller, None)

    def mirrors(self, selected: frozenset[str] | None) -> Iterator[TenantPlan]:
        """The plans of distributors that get mirrors, without the plans of any catalog; the deepest level first."""
        for distributor, resellers in self._distributors(tenants_in_order(self.catalog), selected):
            yield from self._mirrored(distributor, resellers, {}).values()

    def mirrors_to(self, distributor: str, resellers: list[str]) -> TenantPlan | None:
        """The plan of a distributor's mirrors from some of its resellers, without the plan of any catalog."""
        return self._mirrored(distributor, resellers, {}).get(distributor)

    def _distributors(self, order: list[str], selected: frozenset[str] | None) -> Iterator[tuple[str, list[str]]]:
        """The selected tenants that have resellers, each with these, the deepest level first."""
        resellers: dict[str, list[str]] = {}
        for reseller in sorted(order):
            resellers.setdefault(upstream_key(self.catalog, reseller), []).append(reseller)
        for distributor in [*reversed(order), *sorted(self.catalog.providers)]:
            if distributor in resellers and (selected is None or distributor in selected):
                yield distributor, resellers[distributor]

    def above(self, tenant: str) -> list[str]:
        """The resellers above a reseller, topmost first."""
        found: list[str] = []
        key = upstream_key(self.catalog, tenant)
        while key in self.catalog.policies:
            found.append(key)
            key = upstream_key(self.catalog, key)
        return found[::-1]

    def projection(self, reseller: str) -> Projection | Unreadable:
        """What a reseller's distributor should have of its subscriptions, after its ancestors and descendants are
        planned.
        """
        family = [reseller]
        for one in family:
            family += [each for each in self.catalog.policies if upstream_key(self.catalog, each) == one]
        for _ in self.plans(frozenset({*self.above(reseller), *family})):
            pass
        policy = self._policy(reseller)
        observed = self.failed.get(reseller) or self.observe_distributor(policy.upstream)
        if isinstance(observed, Unreadable):
            return observed
        offer = self.offer(policy.upstream, self.states.get(policy.upstream, observed.state))
        held = self.mirrors_held.get(reseller, {})
        restored, clock, state = observed.restored_state(reseller), self.clock(policy.upstream), self.states[reseller]
        holds = partial(self.prices_held, policy, state)
        return Projection(policy, state, offer, restored.state, clock, held, restored, holds)

    def _mirrored(
        self, distributor: str, resellers: list[str], plans: Mapping[str, TenantPlan]
    ) -> dict[str, TenantPlan]:
        """A distributor's plan with the mirrors of its resellers' subscriptions, after the resellers' own plans.

        The result includes the failed plans of unreadable resellers that were not planned.
        """
        found: dict[str, TenantPlan] = {}
        if distributor in self.failed:
            return found
        sources: list[MirrorSource] = []
        for reseller in resellers:
            source = self._mirror_source(reseller, planned=reseller in plans)
            if isinstance(source, TenantPlan):
                found[reseller] = source
            elif source and source.concerned:
                sources.append(source)
        return found | self._with_mirrors(distributor, plans.get(distributor), sources) if sources else found

    def _with_mirrors(
        self, distributor: str, plan: TenantPlan | None, sources: list[MirrorSource]
    ) -> dict[str, TenantPlan]:
        observed, on = self.observe_distributor(distributor), self.day_of(distributor)
        above = upstream_key(self.catalog, distributor) if distributor in self.catalog.policies else ""
        if isinstance(observed, Unreadable):
            empty = empty_plan(distributor, above, Observed({}, "", 0), on, self.currency_of(distributor))
            return {distributor: replace(empty, status=TenantStatus.ERROR, problem=observed.problem)}
        state = self.states.get(distributor)
        if state is None:
            state = observed.restored_state(above).state
        begun = plan or empty_plan(distributor, above, observed, on, self.currency_of(distributor))
        start = DistributorPlan(begun, state)
        offer = self.offer(distributor, state)
        done = merge_mirrors(start, observed, sources, offer=offer, rules=self.rules, clock=self.clock(distributor))
        self.states[distributor] = done.state
        self.mirrors_held[distributor] = done.held
        mute = plan is None and not (state or done.plan.changes or done.plan.deferred)
        return {} if mute else {distributor: done.plan}

    def observe_distributor(self, distributor: str) -> Observed | Unreadable:
        """The current state of a provider's own system, or of a reseller; read once."""
        if distributor not in self.observed:
            provider = distributor in self.catalog.providers
            found = self.observe_provider(distributor) if provider else self._whole(self._policy(distributor))
            if isinstance(found, Unreadable):
                return found
            self.observed[distributor] = found
        return self.observed[distributor]

    def day_of(self, tenant: str) -> date:
        """The day of a tenant: that of the provider at the root of its tree (DATE-01)."""
        if not isinstance(self.on, Mapping):
            return self.on
        return self.on[self.catalog.provider_of.get(tenant, tenant)]

    def currency_of(self, tenant: str) -> str:
        """The currency of a tenant: that of its policy, or of the provider."""
        if tenant in self.catalog.policies:
            return resolve_policy(self.catalog, tenant).currency
        return provider_currency(self.catalog.providers[tenant])

    def clock(self, distributor: str) -> MirrorClock:
        """The day of a distributor and the moment of planning."""
        on, provider = self.day_of(distributor), self.catalog.provider_of.get(distributor, distributor)
        tree = self.catalog.providers[provider]
        at = (self.at if isinstance(self.at, str) else self.at.get(provider)) or f"{on}T00:00:00Z"
        return MirrorClock(on, at, partial(self.day_at, tree.time_zone) if self.day_at else utc_day)

    def offer(self, distributor: str, state: State) -> Offer:
        """What a distributor sells, from its catalog or its state."""
        if distributor in self.catalog.providers:
            return provider_offer(self.catalog.providers[distributor], self.day_of(distributor))
        tree = self.catalog.providers[self.catalog.provider_of[distributor]]
        return reseller_offer(tree, distributor, state, self.day_of(distributor))

    def _mirror_source(self, reseller: str, *, planned: bool) -> MirrorSource | TenantPlan | None:
        """The mirror source of a reseller: its state after its plan, or its current state if it was not planned
        (TREE-03).
        """
        if reseller in self.failed or reseller in self.not_mirrored:
            return None
        policy = self._policy(reseller)
        if not (planned or reseller in self.states or policy.options[MIRROR].on):
            return None
        state = self._state(reseller)
        if isinstance(state, Unreadable):
            return self._failure(policy, state)
        held = self.mirrors_held.get(reseller, {})
        holds = partial(self.prices_held, policy, state)
        return MirrorSource(policy, state, held, self.allowed.get(reseller, frozenset()), holds)

    def prices_held(self, policy: Policy, state: State) -> Mapping[tuple[str, str], Root] | None:
        """Why a reseller does not get prices of its list, by product and unit (SUB-13).

        For a reseller that is not planned in this run, its current state is planned for this purpose (TREE-03).
        ``None``: unknown, because a tenant cannot be read.
        """
        reseller = policy.reseller
        if reseller not in self.price_holds:
            upstream = self.upstream_of(policy, state)
            if isinstance(upstream, Unreadable):
                return None
            observed = Observed(state, "", 0)
            allowed = self.allowed.get(reseller, frozenset())
            task = Task(policy, upstream, self.day_of(reseller), allowed, observed=observed)
            answer = plan_task(task, self.observe, self.comparer)
            if not isinstance(answer, TenantResult):
                return None
            self.price_holds[reseller] = prices_held(answer.planned.plan)
        return self.price_holds[reseller]

    def _policy(self, reseller: str) -> Policy:
        """The effective policy of a reseller; cached until its state is released."""
        if reseller not in self.policies:
            self.policies[reseller] = resolve_policy(self.catalog, reseller, self.layers)
        return self.policies[reseller]

    def plan(self, reseller: str) -> TenantPlan:
        """The plan of one tenant. Its upstream, if selected, must have been planned before."""
        return dict(self._planned([reseller]))[reseller]

    def _planned(self, resellers: Iterable[str]) -> Iterator[tuple[str, TenantPlan]]:
        """The plans of tenants of one level. Their upstreams, if selected, must have been planned before.

        The input of a tenant's plan does not depend on the order of its level.
        """
        catalog, plan_level = self.catalog, self.plan_level or sequentially(self.observe, self.comparer)
        ordered = sorted(resellers, key=lambda each: (catalog.provider_of[each], upstream_key(catalog, each), each))
        failed: dict[str, TenantPlan] = {}
        further: list[Task] = []
        for task, answer in plan_level(self._tasks(ordered, failed), len(ordered)):
            if isinstance(answer, NeedsAncestors):
                further.append(replace(task, observed=answer.observed))
            else:
                yield task.policy.reseller, self._noted(task, answer)
        for task, answer in plan_level(self._tasks_with_ancestors(further, failed), len(further)) if further else ():
            assert not isinstance(answer, NeedsAncestors), "there is nothing further up"
            yield task.policy.reseller, self._noted(task, answer)
        yield from failed.items()

    def _tasks(self, resellers: Iterable[str], plans: dict[str, TenantPlan]) -> Iterator[Task]:
        """One task per reseller. A tenant with an unreadable upstream gets its failed plan at once."""
        for reseller in resellers:
            policy = self._policy(reseller)
            upstream = self.upstream_of(policy)
            if isinstance(upstream, Unreadable):
                plans[reseller] = self._failure(policy, upstream)
                continue
            has_ancestors = policy.upstream not in self.catalog.policies or needs_ancestors(policy, upstream, {})
            if has_ancestors:
                self.needing_ancestors.add(reseller)
            allowed = self.allowed.get(reseller, frozenset())
            day, below = self.day_of(reseller), reseller in self.distributors
            yield Task(policy, upstream, day, allowed, has_ancestors, below, dated=self._dated(policy))

    def _dated(self, policy: Policy) -> frozenset[EntityId] | None:
        """The plans of a reseller that may have dated amounts; ``None``: any."""
        if policy.upstream != policy.provider:
            return None
        if policy.provider not in self.dated:
            self.dated[policy.provider] = dated_plans(self.catalog.providers[policy.provider])
        return self.dated[policy.provider]

    def _tasks_with_ancestors(self, tasks: Iterable[Task], plans: dict[str, TenantPlan]) -> Iterator[Task]:
        for task in tasks:
            upstream = self._extended(task.upstream)
            if isinstance(upstream, Unreadable):
                plans[task.policy.reseller] = self._failure(task.policy, upstream)
                continue
            self.needing_ancestors.add(task.policy.reseller)
            yield replace(task, upstream=upstream, has_ancestors=True)

    def _noted(self, task: Task, answer: TenantResult | Unreadable) -> TenantPlan:
        reseller = task.policy.reseller
        if isinstance(answer, Unreadable):
            return self._failure(task.policy, answer)
        self.states[reseller] = answer.planned.after
        if task.policy.options[MIRROR].on:
            self.price_holds[reseller] = prices_held(answer.planned.plan)
        if task.has_resellers:
            self.done[reseller], self.observed[reseller] = answer.planned, answer.observed
        return answer.planned.plan

    @property
    def comparer(self) -> Engine:
        """The engine that compares tenants."""
        return self.engine or PlainEngine(self.rules)

    def read_besides(self) -> tuple[Read, ...]:
        """The tenants that were read but not planned, upstreams first."""
        return tuple(self.reads[key] for key in tenants_in_order(self.catalog) if key in self.reads)

    def _failure(self, policy: Policy, found: Unreadable) -> TenantPlan:
        """The plan of a failed tenant; the tenants below it fail with the same cause (TREE-04)."""
        self.failed[policy.reseller] = Unreadable(found.problem, found.tenant or policy.reseller)
        nothing = Observed({}, "", 0)
        empty = empty_plan(policy.reseller, policy.upstream, nothing, self.day_of(policy.reseller), policy.currency)
        return replace(empty, status=TenantStatus.ERROR, problem=_problem(found, policy.upstream))

    def upstream_of(self, policy: Policy, actual: State | None = None) -> Upstream | Unreadable:
        """A tenant's upstream: a provider's catalog, or a reseller's state after its plan.

        If the tenant with the state ``actual`` needs more, the upstream has the facts of its own upstreams.
        """
        upstream = self._upstream(policy)
        if isinstance(upstream, Unreadable) or upstream.key not in self.catalog.policies:
            return upstream
        if not needs_ancestors(policy, upstream, actual or {}):
            return upstream
        return self._extended(upstream)

    def _extended(self, upstream: Upstream) -> Upstream | Unreadable:
        """An upstream with the facts of its own upstreams."""
        unknown: list[Upstream] = []
        known: Upstream | Unreadable = upstream
        while isinstance(known, Upstream) and known.key in self.catalog.policies:
            if known.key in self.extended_upstreams:
                known = self.extended_upstreams[known.key]
                break
            unknown.append(known)
            known = self._upstream(self._policy(known.key))
        for each in reversed(unknown):
            if isinstance(known, Unreadable):
                return known
            known = self.extended_upstreams[each.key] = with_labels(with_ancestors(each, known), known)
        return known

    def _upstream(self, policy: Policy) -> Upstream | Unreadable:
        key = policy.upstream
        if key in self.failed:
            return self.failed[key]
        if key not in self.upstreams:
            tree = self.catalog.providers[policy.provider]
            if key == policy.provider:
                self.upstreams[key] = provider_upstream(tree, self.day_of(key))
            else:
                state = self._state(key)
                if isinstance(state, Unreadable):
                    return state
                here = self._policy(key)
                upstream = reseller_upstream(here, state, tree, self.day_of(key), above=self._known_above(key))
                self.upstreams[key] = replace(upstream, held=self._held(key))
        return self.upstreams[key]

    def _held(self, reseller: str) -> Mapping[EntityId, InheritedBlock]:
        """The entities that a tenant, and so the tenants below it, do not get. Empty for an unplanned tenant, for which
        they are unknown (TREE-03).
        """
        if reseller not in self.done:
            return {}
        policy = self._policy(reseller)
        above = self._upstream(policy)
        if isinstance(above, Upstream) and reseller in self.needing_ancestors:
            above = self._extended(above)
        assert isinstance(above, Upstream), "what was planned had an upstream"
        return held_at(policy, self.done[reseller], above)

    def _known_above(self, reseller: str) -> Upstream | None:
        """A reseller's own upstream, if no tenant has to be read for it; else ``None``."""
        policy = self._policy(reseller)
        if policy.upstream == policy.provider:
            above = self._upstream(policy)
            return above if isinstance(above, Upstream) else None
        return self.extended_upstreams.get(policy.upstream) or self.upstreams.get(policy.upstream)

    def _state(self, reseller: str) -> State | Unreadable:
        """A tenant's state after its plan; the current state if it was not selected (TREE-03)."""
        if reseller in self.states:
            return self.states[reseller]
        policy = self._policy(reseller)
        found = read_again(lambda: self.observe(policy), self._reader_for_others(policy))
        if isinstance(found, Unreadable):
            self.failed[reseller] = failed = Unreadable(found.problem, reseller)
            return failed
        observed, state = found
        self.reads[reseller] = Read(reseller, policy.upstream, observed.fingerprint, observed.revision)
        self.states[reseller] = state
        return state

    def _reader_for_others(self, policy: Policy) -> Callable[[Observed], tuple[Observed, State]]:
        """Returns a reader of what others need: the whole state of a tenant with resellers, else what mirroring
        reads.
        """

        def read(observed: Observed) -> tuple[Observed, State]:
            if policy.reseller in self.distributors:
                fetched(observed.state)
            state = observed.restored_state(policy.upstream).state
            fetched(state, mirrored_ids(state))
            return observed, state

        return read

    def _whole(self, policy: Policy) -> Observed | Unreadable:
        """A reseller's current state, with all of its bodies."""

        def read(observed: Observed) -> Observed:
            fetched(observed.state)
            return observed

        return read_again(lambda: self.observe(policy), read)


def _problem(found: Unreadable, upstream: str) -> str:
    """Why a tenant cannot be planned: its own state, or that of a tenant above it, is unreadable."""
    if not found.tenant:
        return found.problem
    who = f"its upstream {upstream}" if found.tenant == upstream else f"{found.tenant}, above its upstream {upstream},"
    return f"{who} failed: {found.problem}"
