"""Acting on a subscription: the action and its mirrors in one transaction, where they live in one database (SUB-19).

Nothing is decided here: what an action does stands in `core/subscriptions/actions.py`, who may do it in
`core/subscriptions/permissions.py`, which the store asks, and what is mirrored in `core/subscriptions/mirror.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from reconciler.core.planning import Observed
from reconciler.core.records import change_to_data
from reconciler.core.savedplan import plan_digest
from reconciler.core.subscriptions import (
    CUSTOMER,
    SUBSCRIPTION,
    ActionCase,
    CannotAct,
    NotSold,
    Seller,
    act,
    denial,
    distributor_seller,
    forbidden,
    mirror_key,
    provider_seller,
    read_settings,
    refuse_unsold,
    reseller_seller,
)
from reconciler.core.tree import DistributorPlan, Fold, MirrorSource, Unreadable, merge_mirrors, nothing_yet
from reconciler.core.workspace import resolve_policy
from reconciler.model.documents.options import MIRROR
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.subscriptions import DISTRIBUTOR, RESELLER
from reconciler.model.plans.change import Verdict
from reconciler.model.plans.plan import Change, Plan, TenantPlan
from reconciler.model.plans.plan import Source as PlanSource
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import timestamp
from reconciler.shell.connections.access import Access, place_of
from reconciler.shell.runs.execute import writes_of
from reconciler.shell.tenants.attempts import attempts
from reconciler.stores.base import Denied, EntityWrite, Record, Snapshot, Stale, StoreError, TenantWrite


@dataclass(frozen=True, slots=True)
class Order:
    """Who asks for what on which subscription, and when. ``settings``: ``K=V`` texts. ``role``: distributor or
    reseller; ``None``: whose it is. ``commit``: of the policies by which its mirrors are made."""

    tenant: str
    key: str
    action: str
    now: datetime
    by: str
    settings: tuple[str, ...] = ()
    role: str | None = None
    commit: str | None = None

    @property
    def at(self) -> str:
        return timestamp(self.now)


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an action: ``changed`` subscriptions, ``mirrored`` ones, and what is ``pending`` and why.

    ``denied``: nothing was done.
    """

    changed: tuple[str, ...] = ()
    mirrored: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    denied: Denied | None = None


class NoSubscription(Exception):
    """There is none of that key; ``known`` are the keys that there are."""

    def __init__(self, known: list[str]) -> None:
        self.known = known
        super().__init__("no such subscription")


def perform(order: Order, fold: Fold, access: Access) -> Acted:
    """Act, and mirror what follows. Raises `BadSetting`, `CannotAct`, `NoSubscription` and `StoreError`.

    ``fold``: of the workspace; it says who mirrors to whom, and reads nothing here.
    """
    store = access.writer(place_of(fold.catalog, order.tenant))
    for _ in attempts(order.tenant):
        attempt = Attempt(order, fold, access, store.observe(order.tenant))
        denied = attempt.denied()
        if denied:
            return Acted(denied=denied)
        parts = attempt.parts()
        outcome = store.write(parts.writes) if parts.writes else ()
        if isinstance(outcome, Denied):
            return Acted(denied=outcome)
        if isinstance(outcome, tuple):
            return parts.acted
        if not isinstance(outcome, Stale):
            raise StoreError(f"{order.tenant}: this was mirrored already, at {outcome.at}")
    raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True, slots=True)
class Parts:
    """What is to be written in one transaction, and what came of it once it is."""

    writes: tuple[TenantWrite, ...]
    acted: Acted


@dataclass(frozen=True, slots=True)
class Attempt:
    """An order against one state of its tenant."""

    order: Order
    fold: Fold
    access: Access
    snapshot: Snapshot

    def subscription(self) -> Entity:
        """The one that is acted on. Raises `NoSubscription`."""
        found = self.snapshot.entities.get(EntityId(SUBSCRIPTION, self.order.key))
        if found is None:
            raise NoSubscription([id.key for id in self.snapshot.entities if id.kind == SUBSCRIPTION])
        return found

    @property
    def role(self) -> str:
        """As what somebody acts who does not say: on a mirror, and where only a distributor can, its distributor."""
        own = self.subscription().origin is None and self.fold.rules.actions[self.order.action].resellers
        return self.order.role or (RESELLER if own else DISTRIBUTOR)

    def denied(self) -> Denied | None:
        """What can be told before anything is computed. The store says so all the same."""
        subscription = self.subscription()
        found = denial(self.role, self.order.action, subscription, subscription, rules=self.fold.rules)
        if found is None and self.role == DISTRIBUTOR and subscription.origin is not None:
            found = forbidden(self.fold.rules.actions[self.order.action], subscription.id)
        return Denied(found.rule, found.detail) if found else None

    def parts(self) -> Parts:
        """The action's own write, and those of its mirrors above."""
        order, before = self.order, self.snapshot.entities
        given = read_settings(self.fold.rules.actions[order.action], order.key, order.settings)
        clock, add_on = self.fold.clock(order.tenant), given.add_on
        case = ActionCase(self.subscription(), before, given.patch, clock.on, clock.at, add_on, self.role, clock.day_at)
        changed = act(order.action, case)
        if not changed:
            return Parts((), Acted())
        if not case.mirrored:
            self._refuse_unsold(case, changed)
        writes = tuple(EntityWrite(each.id, before.get(each.id), each) for each in changed)
        own = TenantWrite(
            order.tenant,
            writes,
            order.by,
            order.at,
            self.snapshot.fingerprint,
            self.snapshot.revision,
            role=self.role,
            action=order.action,
        )
        named = tuple(str(each.id) for each in changed)
        if case.mirrored:
            return Parts((own,), Acted(named))
        after = {**before, **{each.id: each for each in changed}}
        above = list(self._above(order.tenant, after, frozenset(each.id for each in changed)))
        mirrored = tuple(change.address for each in above for change in each.changes)
        pending = tuple(each.pending for each in above if each.pending)
        return Parts((own, *(each.write for each in above if each.write)), Acted(named, mirrored, pending))

    def _refuse_unsold(self, case: ActionCase, changed: tuple[Entity, ...]) -> None:
        """SUB-42. The distributor's system is read only where the tenant's own does not sell it."""
        own = self._own_seller()
        try:
            refuse_unsold(case.body, changed, lambda: (own,))
        except NotSold:
            try:
                refuse_unsold(case.body, changed, lambda: (own, *self._sellers_above()))
            except NotSold as error:
                raise CannotAct(str(error)) from error

    def _own_seller(self) -> Seller:
        catalog, tenant = self.fold.catalog, self.order.tenant
        if tenant in catalog.providers:
            return provider_seller(catalog.providers[tenant])
        return reseller_seller(tenant, self.snapshot.entities)

    def _sellers_above(self) -> tuple[Seller, ...]:
        """The tenant's distributor, if it has one. Raises `StoreError` where that cannot be read."""
        catalog = self.fold.catalog
        if self.order.tenant in catalog.providers:
            return ()
        policy = resolve_policy(catalog, self.order.tenant)
        if policy.upstream in catalog.providers:
            return (provider_seller(catalog.providers[policy.upstream], policy),)
        found = self.fold.observe_distributor(policy.upstream)
        if isinstance(found, Unreadable):
            raise StoreError(f"{policy.upstream} cannot be asked what it sells: {found.problem}")
        return (distributor_seller(policy.upstream, found.state, policy, catalog.providers[policy.provider]),)

    def _above(self, tenant: str, state: State, touched: frozenset[EntityId]) -> Iterator["Level"]:
        """The distributors above, nearest first, as long as they live in the same database."""
        here = place_of(self.fold.catalog, tenant)
        while tenant in self.fold.catalog.policies and touched:
            policy = resolve_policy(self.fold.catalog, tenant)
            if not policy.options[MIRROR].on:
                return
            if place_of(self.fold.catalog, policy.upstream) != here:
                elsewhere = f"{policy.upstream} lives elsewhere: `reconcile watch` or `apply` mirrors it there"
                yield Level((), None, elsewhere)
                return
            level, state, touched = self._level(policy, state, touched)
            yield level
            tenant = policy.upstream

    def _level(
        self, policy: Policy, state: State, touched: frozenset[EntityId]
    ) -> tuple["Level", State, frozenset[EntityId]]:
        """What one distributor gets of the subscriptions that were touched, and nothing else."""
        distributor = policy.upstream
        snapshot = self.access.writer(place_of(self.fold.catalog, distributor)).observe(distributor)
        mirrors = frozenset(EntityId(SUBSCRIPTION, mirror_key(policy.reseller, id.key)) for id in touched)
        here = _only(snapshot.entities, mirrors)
        observed = Observed(here, snapshot.fingerprint, snapshot.revision, snapshot.lineage)
        holds = partial(self.fold.prices_held, policy, state)
        source = MirrorSource(policy, _with_their_customers(state, touched), price_holds=holds)
        done = merge_mirrors(
            DistributorPlan(nothing_yet(distributor, "", observed, self.fold.day_of(distributor)), here),
            observed,
            [source],
            offer=self.fold.offer(distributor, snapshot.entities),
            rules=self.fold.rules,
            clock=self.fold.clock(distributor),
        )
        waiting = (each for each in done.plan.deferred if each.reason != Verdict.UNMANAGED)  # that waits for nothing
        pending = "; ".join(f"{each.change.address}: {each.reason}: {each.detail}" for each in waiting)
        write = self._mirror_write(done.plan) if done.plan.changes else None
        changed = frozenset(each.entity for each in done.plan.changes if each.entity.kind == SUBSCRIPTION)
        return Level(done.plan.changes, write, pending), {**snapshot.entities, **done.state}, changed

    def _mirror_write(self, plan: TenantPlan) -> TenantWrite:
        order = self.order
        whole = Plan(order.at, PlanSource(None, None, False, self.fold.catalog.digest), (plan,))
        changes = tuple(change_to_data(change) for change in plan.changes)
        notes = {"action": order.action, "subscription": f"{order.tenant}/{SUBSCRIPTION.lower()}/{order.key}"}
        record = Record(plan.tenant, plan_digest(whole), order.at, order.by, order.commit, changes, notes)
        writes = tuple(write for change in plan.changes for write in writes_of(change))
        return TenantWrite(plan.tenant, writes, order.by, order.at, plan.fingerprint, plan.revision, record)


@dataclass(frozen=True, slots=True)
class Level:
    """One distributor above: what it gets, the write that does it, and what is pending there, in words."""

    changes: tuple[Change, ...]
    write: TenantWrite | None
    pending: str = ""


def _with_their_customers(state: State, subscriptions: frozenset[EntityId]) -> State:
    """A state with these of its subscriptions, the customers of theirs, and all else."""
    customers = {state[id].body.get("customer") for id in subscriptions if id in state}
    kept = _only(state, subscriptions)
    return {id: each for id, each in kept.items() if id.kind != CUSTOMER or id.key in customers}


def _only(state: State, subscriptions: frozenset[EntityId]) -> State:
    """A state with these of its subscriptions, and all else."""
    return {id: each for id, each in state.items() if id.kind != SUBSCRIPTION or id in subscriptions}
