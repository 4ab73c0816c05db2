"""Performs an action on a subscription and its mirrors in one transaction, if they share a database (SUB-19).

Decides nothing: `core/subscriptions/actions.py` defines what an action does, `core/subscriptions/permissions.py`, which
the store calls, who may perform it, and `core/subscriptions/mirror.py` what is mirrored.
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
    """A request for an action on a subscription: who, what and when. ``settings``: ``K=V`` texts. ``role``: distributor
    or reseller; ``None``: the owner. ``commit``: of the policies that its mirrors are made with."""

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
    """The result of an action: ``changed`` subscriptions, ``mirrored`` ones, and what is ``pending`` and why.

    ``denied``: the reason why nothing was done.
    """

    changed: tuple[str, ...] = ()
    mirrored: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    denied: Denied | None = None


class NoSubscription(Exception):
    """No subscription has the key; ``known`` are the existing keys."""

    def __init__(self, known: list[str]) -> None:
        self.known = known
        super().__init__("no such subscription")


def perform(order: Order, fold: Fold, access: Access) -> Acted:
    """Perform the action and mirror its result. Raises `BadSetting`, `CannotAct`, `NoSubscription` and `StoreError`.

    ``fold``: of the workspace; determines who mirrors to whom, without reading states.
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
            raise StoreError(f"{order.tenant}: this was already mirrored at {outcome.at}")
    raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True, slots=True)
class Parts:
    """The writes of one transaction, and the result to return after it."""

    writes: tuple[TenantWrite, ...]
    acted: Acted


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request evaluated against one state of its tenant."""

    order: Order
    fold: Fold
    access: Access
    snapshot: Snapshot

    def subscription(self) -> Entity:
        """The subscription to act on. Raises `NoSubscription`."""
        found = self.snapshot.entities.get(EntityId(SUBSCRIPTION, self.order.key))
        if found is None:
            raise NoSubscription([id.key for id in self.snapshot.entities if id.kind == SUBSCRIPTION])
        return found

    @property
    def role(self) -> str:
        """The role of the request. Default: distributor for a mirror or a distributor-only action, else reseller."""
        own = self.subscription().origin is None and self.fold.rules.actions[self.order.action].resellers
        return self.order.role or (RESELLER if own else DISTRIBUTOR)

    def denied(self) -> Denied | None:
        """The denial, if it is known before anything is computed. The store checks again."""
        subscription = self.subscription()
        found = denial(self.role, self.order.action, subscription, subscription, rules=self.fold.rules)
        if found is None and self.role == DISTRIBUTOR and subscription.origin is not None:
            found = forbidden(self.fold.rules.actions[self.order.action], subscription.id)
        return Denied(found.rule, found.detail) if found else None

    def parts(self) -> Parts:
        """The writes of the action and of its mirrors upstream."""
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
        """SUB-42. Reads the distributor's system only if the tenant's own does not sell the product."""
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
        """The tenant's distributor, if it has one. Raises `StoreError` if it cannot be read."""
        catalog = self.fold.catalog
        if self.order.tenant in catalog.providers:
            return ()
        policy = resolve_policy(catalog, self.order.tenant)
        if policy.upstream in catalog.providers:
            return (provider_seller(catalog.providers[policy.upstream], policy),)
        found = self.fold.observe_distributor(policy.upstream)
        if isinstance(found, Unreadable):
            raise StoreError(f"cannot read what {policy.upstream} sells: {found.problem}")
        return (distributor_seller(policy.upstream, found.state, policy, catalog.providers[policy.provider]),)

    def _above(self, tenant: str, state: State, touched: frozenset[EntityId]) -> Iterator["Level"]:
        """The distributors upstream, nearest first, up to the first one in another database."""
        here = place_of(self.fold.catalog, tenant)
        while tenant in self.fold.catalog.policies and touched:
            policy = resolve_policy(self.fold.catalog, tenant)
            if not policy.options[MIRROR].on:
                return
            if place_of(self.fold.catalog, policy.upstream) != here:
                elsewhere = f"{policy.upstream} is in another database: `reconcile watch` or `apply` mirrors it there"
                yield Level((), None, elsewhere)
                return
            level, state, touched = self._level(policy, state, touched)
            yield level
            tenant = policy.upstream

    def _level(
        self, policy: Policy, state: State, touched: frozenset[EntityId]
    ) -> tuple["Level", State, frozenset[EntityId]]:
        """One distributor's changes for the subscriptions that were touched, and no others."""
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
        waiting = (each for each in done.plan.deferred if each.reason != Verdict.UNMANAGED)  # unmanaged is not pending
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
    """One distributor upstream: its changes, the write that makes them, and pending changes as text."""

    changes: tuple[Change, ...]
    write: TenantWrite | None
    pending: str = ""


def _with_their_customers(state: State, subscriptions: frozenset[EntityId]) -> State:
    """The state reduced to these subscriptions and their customers; other kinds are kept."""
    customers = {state[id].body.get("customer") for id in subscriptions if id in state}
    kept = _only(state, subscriptions)
    return {id: each for id, each in kept.items() if id.kind != CUSTOMER or id.key in customers}


def _only(state: State, subscriptions: frozenset[EntityId]) -> State:
    """The state reduced to these subscriptions; other kinds are kept."""
    return {id: each for id, each in state.items() if id.kind != SUBSCRIPTION or id in subscriptions}
