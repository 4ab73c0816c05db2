"""Mirrors the resellers' subscriptions to their distributor, after all catalogs were planned (TREE-01)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from reconciler.core.desired import InheritedBlock
from reconciler.core.planning import Comparison, Observed, Planned, plan_tenant, status_of
from reconciler.core.records import restored_state
from reconciler.core.schema import RuleBook, execution_order
from reconciler.core.states import entities_with_origin
from reconciler.core.subscriptions import (
    CUSTOMER,
    SUBSCRIPTION,
    MirrorClock,
    Offer,
    PriceHolds,
    Projection,
    mirror,
    nothing_held,
)
from reconciler.core.tree.inherited import mirrors_held
from reconciler.model.documents.options import MIRROR
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.plan import TenantPlan, TenantStatus
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId


@dataclass(frozen=True, slots=True)
class MirrorSource:
    """A reseller whose subscriptions are mirrored: its policy, its state, and the mirrors that it does not get itself.

    ``allowed``: the guards of its policy that are overridden for this plan. ``price_holds``: the list prices that it
    does not get itself (SUB-13).
    """

    policy: Policy
    state: State
    held: Mapping[EntityId, InheritedBlock] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    price_holds: PriceHolds = nothing_held

    @property
    def concerned(self) -> bool:
        """Whether there is anything to mirror or to report."""
        return self.policy.options[MIRROR].on or any(id.kind == SUBSCRIPTION for id in self.state)

    @property
    def is_empty(self) -> bool:
        """Whether it has no customers, no subscriptions, and no held mirrors."""
        return not self.held and not any(id.kind in (CUSTOMER, SUBSCRIPTION) for id in self.state)


@dataclass(frozen=True, slots=True)
class DistributorPlan:
    """A distributor's plan with mirrors, its state afterwards, and the mirrors that it does not get."""

    plan: TenantPlan
    state: State
    held: Mapping[EntityId, InheritedBlock] = field(default_factory=dict)


def compare_mirror(projection: Projection, rules: RuleBook) -> Comparison:
    """The comparison of a distributor with what it should have of one reseller's subscriptions."""
    desired, restored = mirror(projection, rules), projection.restored
    desired = replace(desired, wanted={id: each for id, each in desired.wanted.items() if id not in restored.released})
    distributor, on = projection.offer.distributor, projection.clock.on
    return Comparison(distributor, desired, projection.actual, rules, frozenset(), on, restored=restored)


def merge_mirrors(  # noqa: PLR0913 - two that say what is there, two that say by what
    start: DistributorPlan,
    observed: Observed,
    sources: Iterable[MirrorSource],
    *,
    offer: Offer,
    rules: RuleBook,
    clock: MirrorClock,
) -> DistributorPlan:
    """Mirrors the resellers of one distributor, each under its own policy (SUB-01…, GUARD-01)."""
    done = start
    for source in sources:
        restored = restored_state(done.state, observed.recorded_origins, source.policy.reseller)
        if source.is_empty and restored.state is done.state and _has_none_of(done.state, source.policy.reseller):
            continue
        projection = Projection(
            source.policy, source.state, offer, restored.state, clock, source.held, restored, source.price_holds
        )
        planned = plan_tenant(source.policy, compare_mirror(projection, rules), observed, source.allowed)
        held = mirrors_held(source.policy, planned, source.held)
        done = DistributorPlan(
            _merged(done.plan, planned, source.policy.reseller), planned.after, {**done.held, **held}
        )
    return done


def _has_none_of(state: State, reseller: str) -> bool:
    """Whether a distributor's state has no mirrors from a reseller."""
    return next(iter(entities_with_origin(state, reseller)), None) is None


def _merged(plan: TenantPlan, part: Planned, reseller: str) -> TenantPlan:
    """A tenant's plan with the mirrors of one more reseller added; it is applied as a whole."""
    changes = execution_order((*plan.changes, *part.plan.changes))
    deferred = (*plan.deferred, *part.plan.deferred)
    overridden = (f"{guard}:{reseller}" for guard in part.plan.allowed) if part.plan.changes else ()
    allowed = tuple(sorted({*plan.allowed, *overridden}))
    status, warnings = status_of(changes, deferred), (*plan.warnings, *part.plan.warnings)
    return replace(plan, changes=changes, deferred=deferred, allowed=allowed, status=status, warnings=warnings)


def empty_plan(tenant: str, upstream: str, observed: Observed, on: date, currency: str) -> TenantPlan:
    """The plan of a tenant that changes nothing except mirrors to be added. ``on``: the tenant's day."""
    return TenantPlan(
        tenant,
        upstream,
        TenantStatus.IN_SYNC,
        observed.fingerprint,
        observed.revision,
        day=on.isoformat(),
        currency=currency,
    )
