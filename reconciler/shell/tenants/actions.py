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
from reconciler.core.tree import DistributorPlan, MirrorSource, TreePlanner, Unreadable, empty_plan, merge_mirrors
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
class ActionRequest:
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
class PerformedAction:
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


def perform(request: ActionRequest, planner: TreePlanner, access: Access) -> PerformedAction:
    """Perform the action and mirror its result. Raises `BadSetting`, `CannotAct`, `NoSubscription` and `StoreError`.

    ``planner``: of the workspace; determines who mirrors to whom, without reading states.
    """
    store = access.writer(place_of(planner.catalog, request.tenant))
    for _ in attempts(request.tenant):
        attempt = ActionAttempt(request, planner, access, store.observe(request.tenant))
        denied = attempt.denied()
        if denied:
            return PerformedAction(denied=denied)
        parts = attempt.parts()
        outcome = store.write(parts.writes) if parts.writes else ()
        if isinstance(outcome, Denied):
            return PerformedAction(denied=outcome)
        if isinstance(outcome, tuple):
            return parts.performed
        if not isinstance(outcome, Stale):
            raise StoreError(f"{request.tenant}: this was already mirrored at {outcome.at}")
    raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True, slots=True)
class ActionWrites:
    """The writes of one transaction, and the result to return after it."""

    writes: tuple[TenantWrite, ...]
    performed: PerformedAction


@dataclass(frozen=True, slots=True)
class ActionAttempt:
    """A request evaluated against one state of its tenant."""

    request: ActionRequest
    planner: TreePlanner
    access: Access
    snapshot: Snapshot

    def subscription(self) -> Entity:
        """The subscription to act on. Raises `NoSubscription`."""
        found = self.snapshot.entities.get(EntityId(SUBSCRIPTION, self.request.key))
        if found is None:
            raise NoSubscription([id.key for id in self.snapshot.entities if id.kind == SUBSCRIPTION])
        return found

    @property
    def role(self) -> str:
        """The role of the request. Default: distributor for a mirror or a distributor-only action, else reseller."""
        own = self.subscription().origin is None and self.planner.rules.actions[self.request.action].resellers
        return self.request.role or (RESELLER if own else DISTRIBUTOR)

    def denied(self) -> Denied | None:
        """The denial, if it is known before anything is computed. The store checks again."""
        subscription = self.subscription()
        found = denial(self.role, self.request.action, subscription, subscription, rules=self.planner.rules)
        if found is None and self.role == DISTRIBUTOR and subscription.origin is not None:
            found = forbidden(self.planner.rules.actions[self.request.action], subscription.id)
        return Denied(found.rule, found.detail) if found else None

    def parts(self) -> ActionWrites:
        """The writes of the action and of its mirrors upstream."""
        request, before = self.request, self.snapshot.entities
        given = read_settings(self.planner.rules.actions[request.action], request.key, request.settings)
        clock, add_on = self.planner.clock(request.tenant), given.add_on
        case = ActionCase(self.subscription(), before, given.patch, clock.on, clock.at, add_on, self.role, clock.day_at)
        changed = act(request.action, case)
        if not changed:
            return ActionWrites((), PerformedAction())
        if not case.mirrored:
            self._refuse_unsold(case, changed)
        writes = tuple(EntityWrite(each.id, before.get(each.id), each) for each in changed)
        own = TenantWrite(
            request.tenant,
            writes,
            request.by,
            request.at,
            self.snapshot.fingerprint,
            self.snapshot.revision,
            role=self.role,
            action=request.action,
        )
        named = tuple(str(each.id) for each in changed)
        if case.mirrored:
            return ActionWrites((own,), PerformedAction(named))
        after = {**before, **{each.id: each for each in changed}}
        above = list(self._above(request.tenant, after, frozenset(each.id for each in changed)))
        mirrored = tuple(change.address for each in above for change in each.changes)
        pending = tuple(each.pending for each in above if each.pending)
        return ActionWrites(
            (own, *(each.write for each in above if each.write)), PerformedAction(named, mirrored, pending)
        )

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
        catalog, tenant = self.planner.catalog, self.request.tenant
        if tenant in catalog.providers:
            return provider_seller(catalog.providers[tenant])
        return reseller_seller(tenant, self.snapshot.entities)

    def _sellers_above(self) -> tuple[Seller, ...]:
        """The tenant's distributor, if it has one. Raises `StoreError` if it cannot be read."""
        catalog = self.planner.catalog
        if self.request.tenant in catalog.providers:
            return ()
        policy = resolve_policy(catalog, self.request.tenant)
        if policy.upstream in catalog.providers:
            return (provider_seller(catalog.providers[policy.upstream], policy),)
        found = self.planner.observe_distributor(policy.upstream)
        if isinstance(found, Unreadable):
            raise StoreError(f"cannot read what {policy.upstream} sells: {found.problem}")
        return (distributor_seller(policy.upstream, found.state, policy, catalog.providers[policy.provider]),)

    def _above(self, tenant: str, state: State, touched: frozenset[EntityId]) -> Iterator["DistributorWrite"]:
        """The distributors upstream, nearest first, up to the first one in another database."""
        here = place_of(self.planner.catalog, tenant)
        while tenant in self.planner.catalog.policies and touched:
            policy = resolve_policy(self.planner.catalog, tenant)
            if not policy.options[MIRROR].on:
                return
            if place_of(self.planner.catalog, policy.upstream) != here:
                elsewhere = f"{policy.upstream} is in another database: `reconcile watch` or `apply` mirrors it there"
                yield DistributorWrite((), None, elsewhere)
                return
            level, state, touched = self._level(policy, state, touched)
            yield level
            tenant = policy.upstream

    def _level(
        self, policy: Policy, state: State, touched: frozenset[EntityId]
    ) -> tuple["DistributorWrite", State, frozenset[EntityId]]:
        """One distributor's changes for the subscriptions that were touched, and no others."""
        distributor = policy.upstream
        snapshot = self.access.writer(place_of(self.planner.catalog, distributor)).observe(distributor)
        mirrors = frozenset(EntityId(SUBSCRIPTION, mirror_key(policy.reseller, id.key)) for id in touched)
        here = _only(snapshot.entities, mirrors)
        observed = Observed(here, snapshot.fingerprint, snapshot.revision, snapshot.recorded_origins)
        holds = partial(self.planner.prices_held, policy, state)
        source = MirrorSource(policy, _with_their_customers(state, touched), price_holds=holds)
        done = merge_mirrors(
            DistributorPlan(
                empty_plan(
                    distributor, "", observed, self.planner.day_of(distributor), self.planner.currency_of(distributor)
                ),
                here,
            ),
            observed,
            [source],
            offer=self.planner.offer(distributor, snapshot.entities),
            rules=self.planner.rules,
            clock=self.planner.clock(distributor),
        )
        waiting = (each for each in done.plan.deferred if each.reason != Verdict.UNMANAGED)  # unmanaged is not pending
        pending = "; ".join(f"{each.change.address}: {each.reason}: {each.detail}" for each in waiting)
        write = self._mirror_write(done.plan) if done.plan.changes else None
        changed = frozenset(each.entity for each in done.plan.changes if each.entity.kind == SUBSCRIPTION)
        return DistributorWrite(done.plan.changes, write, pending), {**snapshot.entities, **done.state}, changed

    def _mirror_write(self, plan: TenantPlan) -> TenantWrite:
        request = self.request
        whole = Plan(request.at, PlanSource(None, None, False, self.planner.catalog.digest), (plan,))
        changes = tuple(change_to_data(change) for change in plan.changes)
        notes = {"action": request.action, "subscription": f"{request.tenant}/{SUBSCRIPTION.lower()}/{request.key}"}
        record = Record(plan.tenant, plan_digest(whole), request.at, request.by, request.commit, changes, notes)
        writes = tuple(write for change in plan.changes for write in writes_of(change))
        return TenantWrite(plan.tenant, writes, request.by, request.at, plan.fingerprint, plan.revision, record)


@dataclass(frozen=True, slots=True)
class DistributorWrite:
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
