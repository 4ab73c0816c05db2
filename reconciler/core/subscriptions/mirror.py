"""The desired state from mirroring: a reseller's paid subscriptions in its distributor's system (SUB-01…).

A reseller's subscriptions and customers are projected to what the distributor should have. The rest of planning treats
them like anything from an upstream, whose key is the reseller's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, lru_cache
from typing import Any, TypeVar

from reconciler.core.desired import NOTHING, Closure, Desired, InheritedBlock, Upstream, Wanted
from reconciler.core.records import NOTHING_RESTORED, RestoredState
from reconciler.core.schema import RuleBook, fields_of, locked_fields
from reconciler.core.states import fetched, kinds_of
from reconciler.core.subscriptions.mirror_history import MirrorUpdate, SplitOff, records
from reconciler.core.subscriptions.mirror_memory import ADD_ON, COPIED, REMEMBERED, with_memory
from reconciler.core.subscriptions.mirror_prices import PRODUCT, Bill, Offer, PriceHolds, Pricing, nothing_held
from reconciler.core.subscriptions.mirror_status import (
    ACTIVE,
    INACTIVE,
    DayAt,
    SubscriptionStatus,
    last_applied_body,
    status_of_mirror,
    utc_day,
)
from reconciler.core.subscriptions.units import UNIT
from reconciler.model.documents.declarations import LAST_APPLIED
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import Obstacle
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
CUSTOMER, SUBSCRIPTION = "Customer", "Subscription"
DELETED = "deleted"


@cache
def _locked() -> list[str]:
    """The locked fields of a mirror (SUB-38); one shared list, as there may be very many mirrors."""
    return list(locked_fields(fields_of(SUBSCRIPTION)))


@lru_cache
def _ribbon(reseller: str) -> str:
    """The text that a mirror shows at the distributor; one object for all mirrors."""
    return f"This subscription is managed by {reseller} Tenant Reseller"


_day_text = lru_cache(date.isoformat)
"""The text of a day; one object for all mirrors."""


@dataclass(frozen=True, slots=True)
class MirrorClock:
    """The day of effective amounts and cycles, and the moment for new history records (ISO 8601).

    ``day_at``: the day of a record's moment (DATE-01).
    """

    on: date
    at: str
    day_at: DayAt = utc_day


def mirrored_from(state: State) -> State:
    """The part of a reseller's state that mirroring reads; empty without customers and subscriptions."""
    ids = mirrored_ids(state)
    state = fetched(state, ids)
    return {id: state[id] for id in ids}


def mirrored_ids(state: State) -> list[EntityId]:
    """The entities of `mirrored_from`, without reading them."""
    kinds = kinds_of(state)
    if CUSTOMER not in kinds and SUBSCRIPTION not in kinds:
        return []
    return [id for id in state if id.kind in (CUSTOMER, SUBSCRIPTION, PRODUCT)]


def mirror_key(reseller: str, key: str) -> str:
    """The key of the mirror of a subscription or customer (SUB-04). It is unique, since a reseller's key has no dot."""
    return f"{reseller}.{key}"


def mirror(projection: "Projection", rules: RuleBook) -> Desired:
    """What a distributor should have of a reseller's subscriptions."""
    customers = dict(projection.customers())
    copied = (id for id in customers if projection.has(id))  # they follow, even if subscriptions are held
    wanted = {id: Wanted(id, customers[id].body, requested=True) for id in copied}
    wanted |= {each.id: each for each in projection.subscriptions()}
    state = customers | {id: Entity(id, each.body) for id, each in wanted.items()}
    upstream = Upstream(projection.policy.reseller, state, {})
    closure = Closure(upstream, projection.actual, rules, dict(wanted), {})
    closure.close()
    return Desired(closure.upstream, closure.wanted, closure.needs)


@dataclass(frozen=True, slots=True)
class Projection:
    """A reseller's subscriptions as its distributor should have them.

    ``source``: the reseller's state. ``actual``: the distributor's state. ``held``: mirrors of its own resellers that
    the reseller itself does not get, and why (TREE-02). ``restored``: what the distributor's journal records about
    these mirrors (ORIGIN-02, ORIGIN-03). ``price_holds``: the list prices that the reseller does not get.
    """

    policy: Policy
    source: State
    offer: Offer
    actual: State
    clock: MirrorClock
    held: Mapping[EntityId, InheritedBlock] = field(default_factory=dict)
    restored: RestoredState = NOTHING_RESTORED
    price_holds: PriceHolds = nothing_held
    by_customer: dict[str, list[Entity]] = field(default_factory=dict, init=False, repr=False, compare=False)
    alike: dict[tuple[tuple[Any, Any], ...], dict[Any, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def pricing(self) -> Pricing:
        """The prices of the reseller's subscriptions."""
        return Pricing(self.policy, self.source, self.offer, self.clock.on, self.price_holds)

    def customers(self) -> Iterator[tuple[EntityId, Entity]]:
        """A copy of every customer, used once the customer has a mirrored subscription (SUB-03)."""
        for id, each in self.source.items():
            if id.kind == CUSTOMER:
                copy = EntityId(CUSTOMER, self._key(id.key))
                body = {name: each.body[name] for name in ("name", "reference") if name in each.body}
                yield copy, Entity(copy, body)

    def subscriptions(self) -> Iterator[Wanted]:
        """The wanted mirrors, including those whose source was deleted, which stay as they are (SUB-41)."""
        for id, each in sorted(self.source.items()):
            if id.kind == SUBSCRIPTION:
                mirrored = EntityId(SUBSCRIPTION, self._key(id.key))
                if self._has_or_gets(id):
                    yield self._mirror(mirrored, each, self._have(mirrored))
        for id, held in sorted(self.held.items()):
            comes = id.kind == SUBSCRIPTION and why_not_mirrored(held.body, self.source, self.offer) is None
            if comes and not self._has_or_gets(id):
                due = self._mirror(EntityId(SUBSCRIPTION, self._key(id.key)), Entity(id, held.body), None)
                yield replace(due, root=held.root, obstacles=())
        for id, there in self.actual.items():
            gone = id.kind == SUBSCRIPTION and there.origin == self.policy.reseller and self._source(id) is None
            if gone and (last_applied_body(there.body) or {}).get("status") == DELETED:
                yield Wanted(id, {}, requested=True, only_fields=frozenset())

    def _has_or_gets(self, id: EntityId) -> bool:
        """Whether the distributor has the mirror of a subscription, or gets one for an existing subscription."""
        here = self.source.get(id)
        has = self.has(EntityId(SUBSCRIPTION, self._key(id.key)))
        return has or (here is not None and why_not_mirrored(here.body, self.source, self.offer) is None)

    def has(self, id: EntityId) -> bool:
        """Whether the distributor has an entity of this origin."""
        return self._have(id) is not None

    def why_absent(self, id: EntityId) -> str:
        """The text for why the distributor neither has nor gets a mirror."""
        reseller, source = self.policy.reseller, self._source(id)
        if source is None:
            return f'neither {self.offer.distributor} nor {reseller} has "{id}"'
        reason = why_not_mirrored(source.body, self.source, self.offer) if id.kind == SUBSCRIPTION else None
        because = f"{reason.detail} ({reason.rule})" if reason else "no mirrored subscription needs it (SUB-03)"
        return f"{source.id} of {reseller} is not mirrored to {self.offer.distributor}: {because}"

    def _key(self, key: str) -> str:
        return mirror_key(self.policy.reseller, key)

    def _source(self, id: EntityId) -> Entity | None:
        prefix = self._key("")
        return self.source.get(EntityId(id.kind, id.key.removeprefix(prefix))) if id.key.startswith(prefix) else None

    def _have(self, id: EntityId) -> Body | None:
        """The mirror's body, if the distributor has it."""
        here = self.actual.get(id)
        return here.body if here and here.origin == self.policy.reseller else None

    def _mirror(self, id: EntityId, source: Entity, have: Body | None) -> Wanted:
        last = last_applied_body(have)
        clock = self.clock
        due = status_of_mirror(source.body, last, billing_day=self.policy.billing_day, on=clock.on, day_at=clock.day_at)
        bills = list(self._bills(source.body, last, have, due))
        body = self._body(source, last, bills, due)
        occasion = MirrorUpdate(source.body, have, body, due, self.offer.products, self._split(source, last))
        body["history"] = records(occasion, clock.at)
        body[LAST_APPLIED] = with_memory(source.body, have, body)
        return Wanted(
            id,
            body,
            requested=True,
            places=self._one({each.path: each.price.place for each in bills if each.price.place}),
            rules=dict(_rules(source.body, last, body, due)) or NOTHING,
            notes={each.path: each.note for each in bills if each.note} or NOTHING,
            held={each.path: held for each in bills if (held := each.held)} or NOTHING,
            obstacles=tuple(self._obstacles(source.body, last, bills)),
        )

    def _one(self, found: dict[_Key, _Value]) -> dict[_Key, _Value]:
        """One object for equal small maps: there may be very many mirrors, with few prices and places of prices."""
        return self.alike.setdefault(tuple(found.items()), found)

    def _bills(self, said: Body, last: Body | None, have: Body | None, due: SubscriptionStatus) -> Iterator[Bill]:
        """The prices of the subscription and its add-ons (SUB-13, SUB-16)."""
        if unit := due.units.in_force:
            yield Bill.of(self.pricing, said, unit, (last, have), ("prices", unit))
        for key, add_on in self._add_ons(said, last).items():
            if unit := add_on.get("billing_cycle"):
                mirrored = tuple((each or {}).get("add_ons", {}).get(key) for each in (last, have))
                yield Bill.of(self.pricing, add_on, unit, (mirrored[0], mirrored[1]), ("add_ons", key, "prices", unit))

    def _body(self, source: Entity, last: Body | None, bills: list[Bill], due: SubscriptionStatus) -> dict[str, Value]:
        said, key = source.body, source.id.key
        prices = {each.path: each.amount for each in bills if each.amount is not None}
        body = {name: said[name] for name in COPIED if name in said}
        body |= {
            "billing_cycle": due.units.in_force,
            "pending_unit": due.units.pending.body if due.units.pending else None,
            "name": self._name(said),
            "customer": self._key(said["customer"]),
            "bill_to": self.policy.reseller,
            "reseller": self.policy.reseller,
            "source": key,
            "status": due.status,
            "source_status": said.get("status", "active"),
            "cycle_end": _day_text(due.cycle_end) if due.cycle_end else None,
            "add_ons": {
                name: {**each, "prices": _below(prices, ("add_ons", name, "prices"))}
                for name, each in self._add_ons(said, last).items()
            },
            "ribbon": _ribbon(self.policy.name or self.policy.reseller),
            "locked": _locked(),
            "prices": self._one(_below(prices, ("prices",))),
            "responsible_user": self.offer.responsible_user,
            "sharing_rule": self.offer.sharing_rule,
        }
        return {name: value for name, value in body.items() if value not in (None, {}, [])}

    def _split(self, source: Entity, last: Body | None) -> SplitOff | None:
        """The new subscription that took over a part of this one without a record of it (SUB-24, SUB-26, SUB-42).

        It is found by comparison: this quantity fell by the quantity of a subscription of the same customer and another
        product, which the distributor does not have yet. If several fit, the result is ``None``.
        """
        said = source.body
        before, now = (last or {}).get("quantity"), said.get("quantity")
        if last is None or before is None or now is None or now >= before or last.get("product") != said["product"]:
            return None
        found = [
            each
            for each in self._siblings(said["customer"])
            if each.body.get("quantity") == before - now
            and each.body["product"] != said["product"]
            and each.body.get(UNIT) == said.get(UNIT)
            and _begins_with(each.body, said, last)
            and not self.has(EntityId(SUBSCRIPTION, self._key(each.id.key)))
            and why_not_mirrored(each.body, self.source, self.offer) is None
        ]
        if len(found) != 1:
            return None
        product, unit = found[0].body["product"], said.get(UNIT, "")
        return SplitOff(product, before - now, found[0].id.key, self.pricing.price(product, unit).amount)

    def _siblings(self, customer: str) -> list[Entity]:
        """The subscriptions of a customer."""
        if not self.by_customer:
            for id, each in sorted(self.source.items()):
                if id.kind == SUBSCRIPTION:
                    self.by_customer.setdefault(each.body["customer"], []).append(each)
        return self.by_customer.get(customer, [])

    def _name(self, said: Body) -> str:
        """SUB-05."""
        customer = self.source.get(EntityId(CUSTOMER, said["customer"]))
        product = self.offer.products.get(said["product"], {})
        named = (customer.body.get("name") if customer else None) or said["customer"]
        return f"{named} - {product.get('name') or said['product']}"

    def _add_ons(self, said: Body, last: Body | None) -> dict[str, Body]:
        """SUB-15: the add-ons that the distributor offers, and those that are already mirrored."""
        mirrored = (last or {}).get("add_ons", {})
        return {
            key: {name: add_on[name] for name in ADD_ON if name in add_on}
            for key, add_on in said.get("add_ons", {}).items()
            if key in mirrored or not_offered(add_on["product"], self.source, self.offer) is None
        }

    def _obstacles(self, said: Body, last: Body | None, bills: list[Bill]) -> Iterator[Obstacle]:
        """A mirror only follows its source to products that the distributor offers and prices, and to customers that
        exist.
        """
        reason = not_offered(said["product"], self.source, self.offer)
        if reason and last is not None and last.get("product") != said["product"]:
            yield Obstacle("SUB-01", f'{self.policy.reseller} moved it to product "{said["product"]}": {reason.detail}')
        else:
            yield from (each for bill in bills for each in bill.obstacles)
        if EntityId(CUSTOMER, said["customer"]) not in self.source:
            yield Obstacle("SUB-03", f'{self.policy.reseller} has no customer "{said["customer"]}"')


def _rules(said: Body, last: Body | None, body: Body, due: SubscriptionStatus) -> Iterator[tuple[Path, str]]:
    """The rules of fields that do not always change by the same rule; a value that was already applied so is drift."""
    if last is None:
        return
    yield from (((name,), "SUB-40") for name in REMEMBERED if last.get(name) == body.get(name))
    status = said.get("status", ACTIVE)
    if due.status == last.get("status"):
        return
    if due.expired:
        yield ("status",), "SUB-28"
    elif status not in (ACTIVE, INACTIVE):
        yield ("status",), "SUB-20"
    elif last.get("source_status", ACTIVE) != ACTIVE and status == ACTIVE:
        yield ("status",), "SUB-30"


def _begins_with(second: Body, first: Body, last: Body) -> bool:
    """Whether a subscription begins on the day on which the other's new quantity is effective, if that day is known."""
    day = first.get("quantity_effective")
    is_stated = day is not None and day != last.get("quantity_effective")
    return not is_stated or day in (second.get("start_date"), second.get("activation_date"))


def _below(prices: Mapping[Path, str], path: Path) -> dict[str, str]:
    """The prices of a subscription or add-on, by billing cycle."""
    return {each[-1]: amount for each, amount in prices.items() if each[:-1] == path}


def not_offered(product: str, source: State, offer: Offer) -> Obstacle | None:
    """Why the distributor does not offer the product of a reseller's subscription (SUB-01, SUB-02); ``None`` if it
    does.
    """
    own = source.get(EntityId(PRODUCT, product))
    if own is not None and own.origin != offer.distributor:
        return Obstacle("SUB-02", f'product "{product}" is the reseller\'s own')
    if not offer.has(product):
        return Obstacle("SUB-01", f'{offer.distributor} does not offer product "{product}"')
    return None


def why_not_mirrored(said: Body, source: State, offer: Offer) -> Obstacle | None:
    """Why a subscription without a mirror gets none; ``None`` for one that gets it."""
    if not said.get("paid", False):
        return Obstacle("SUB-02", "it is not paid")
    if said.get("status") == DELETED:
        return Obstacle("SUB-41", "it was deleted before it was ever mirrored")
    return not_offered(said.get("product", ""), source, offer)
