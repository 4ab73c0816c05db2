"""The plan of one tenant: differences are judged, then turned into changes and deferred changes with their causes."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Protocol

from reconciler.core.desired import Upstream, as_called_now, resolve, with_renames
from reconciler.core.planning.diff import Comparison, differences
from reconciler.core.planning.guards import GuardCase, obstacles, tripped
from reconciler.core.planning.judge import Judgement, judge
from reconciler.core.planning.plan_builder import PlanBuilder
from reconciler.core.planning.plan_warnings import warnings_of
from reconciler.core.records import RestoredState, restored_state
from reconciler.core.schema import RuleBook, execution_order
from reconciler.core.states import whole
from reconciler.model.documents.declarations import OWN_BLOCKS
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import Verdict
from reconciler.model.plans.origins import RecordedOrigins
from reconciler.model.plans.plan import Change, Deferred, TenantPlan, TenantStatus
from reconciler.model.values.entity import State


@dataclass(frozen=True, slots=True)
class Observed:
    """A tenant's actual state as it was read.

    ``recorded_origins``: what its journal records about origins, as far as the state differs from it or an entity was
    released (`reconciler.core.records.origins.disputed_origins`). The fingerprint covers both.
    """

    state: State
    fingerprint: str
    revision: int
    recorded_origins: RecordedOrigins = field(default_factory=dict)

    def restored_state(self, upstream: str) -> RestoredState:
        """The state as it is compared with an upstream (ORIGIN-02)."""
        return restored_state(self.state, self.recorded_origins, upstream)


@dataclass(frozen=True, slots=True)
class Planned:
    """A tenant's plan, and its state after the plan: the upstream of the next level (AP-06)."""

    plan: TenantPlan
    after: State


class Engine(Protocol):
    """Compares tenants. Every engine must give the same plans as `PlainEngine`, perhaps with less work."""

    @property
    def rules(self) -> RuleBook:
        """The rules in force."""

    def compare(self, policy: Policy, upstream: Upstream, restored: RestoredState, on: date) -> Comparison:
        """A tenant's comparison with the amounts effective on the day. Raises `Unavailable`."""


@dataclass(frozen=True, slots=True)
class PlainEngine:
    """Reads each tenant's whole state, and compares all of it."""

    rules: RuleBook

    def compare(self, policy: Policy, upstream: Upstream, restored: RestoredState, on: date) -> Comparison:
        """A tenant's comparison with the amounts effective on the day. Raises `Unavailable`."""
        return compare(policy, upstream, replace(restored, state=whole(restored.state)), self.rules, on)


def compare(policy: Policy, upstream: Upstream, state: State | RestoredState, rules: RuleBook, on: date) -> Comparison:
    """The desired and the actual state of a tenant. ``on``: the day of the effective amounts.

    ``state``: `RestoredState` if the tenant's journal is known; a bare state is used as it is.
    """
    restored = state if isinstance(state, RestoredState) else RestoredState(state)

    def blocks(kind: str) -> bool:
        return kind in rules.kinds and rules.kinds[kind].sync.own == OWN_BLOCKS and not policy.adopt.on

    renamed = with_renames(restored.state, upstream, blocks)
    released = as_called_now(restored.released, upstream)
    desired = resolve(policy, upstream, renamed.state, rules, on)
    left_alone = {*renamed.refused.values(), *released}
    if left_alone:
        wanted = {id: each for id, each in desired.wanted.items() if id not in left_alone}
        desired = replace(desired, wanted=wanted)
    if released != restored.released:
        restored = replace(restored, released=released)
    return Comparison(
        policy.reseller, desired, renamed.state, rules, overrides_of(policy), on, renamed, restored=restored
    )


def overrides_of(policy: Policy) -> frozenset[str]:
    """The ids of the overrides that are on."""
    return frozenset(name for name, setting in policy.overrides.items() if setting.on)


def plan_tenant(
    policy: Policy, comparison: Comparison, observed: Observed, allowed: frozenset[str] = frozenset()
) -> Planned:
    """The plan of a comparison. ``allowed``: the guards that are overridden for this plan."""
    writer = _decided(policy, comparison, allowed)
    comparison.scope.record(comparison.desired, comparison.actual, writer.outcome)
    planned = _written_down(writer, observed)
    if not allowed:
        return planned
    return replace(planned, plan=replace(planned.plan, allowed=tuple(sorted(allowed))))


def decide(policy: Policy, comparison: Comparison, allowed: frozenset[str] = frozenset()) -> Judgement:
    """The verdicts on all differences; if a guard trips, none is applied (GUARD-01)."""
    return _decided(policy, comparison, allowed).judgement


def _decided(policy: Policy, comparison: Comparison, allowed: frozenset[str]) -> PlanBuilder:
    found = differences(comparison)
    writer = PlanBuilder.of(policy, comparison, judge(comparison, found, policy))
    case = GuardCase(policy, comparison, writer.changes)
    trips = tripped(case, allowed)
    if not trips:
        return writer
    if comparison.in_full:  # known outcomes are not worded as blocked: compare all
        return _decided(policy, comparison.in_full(), allowed)
    return PlanBuilder.of(policy, comparison, judge(comparison, found, policy, obstacles(trips, case)))


def write_down(policy: Policy, comparison: Comparison, judgement: Judgement, observed: Observed) -> Planned:
    """The plan that a judgement results in."""
    return _written_down(PlanBuilder.of(policy, comparison, judgement), observed)


def _written_down(writer: PlanBuilder, observed: Observed) -> Planned:
    policy, comparison = writer.policy, writer.comparison
    changes = execution_order(writer.changes)
    deferred = tuple(writer.deferred())
    plan = TenantPlan(
        tenant=comparison.tenant,
        upstream=policy.upstream,
        status=status_of(changes, deferred),
        fingerprint=observed.fingerprint,
        revision=observed.revision,
        changes=changes,
        deferred=deferred,
        day=comparison.on.isoformat(),
        currency=policy.currency,
        warnings=warnings_of(policy, comparison, changes),
    )
    return Planned(plan, writer.after())


def status_of(changes: tuple[Change, ...], deferred: tuple[Deferred, ...]) -> TenantStatus:
    """The status of a tenant whose plan has these changes."""
    if changes:
        return TenantStatus.CHANGES
    left = {each.reason for each in deferred} - {Verdict.UNMANAGED.value}
    if Verdict.BLOCKED in left:
        return TenantStatus.BLOCKED
    return TenantStatus.WITHHELD if left else TenantStatus.IN_SYNC
