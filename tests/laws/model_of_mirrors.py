"""What a distributor should have of its resellers' subscriptions, told from RULES.md alone: the model of the machine.

Nothing of the engine is used here. Days are counted by `oracle_cycles`. Where the rules leave open what a distributor
can know (several changes of a cycle that it sees at once), the end of that cycle is `vague` and not compared.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from tests.laws import oracle_cycles as oracle
from tests.laws.resale import NAMES, OWN_PRODUCT, PRODUCTS, UPSTREAMS

Fields = dict[str, Any]

COPIED = (
    "product",
    "plan",
    "billing_cycle",
    "quantity",
    "quantity_effective",
    "paid",
    "activation_date",
    "start_date",
    "renew_automatically",
    "characteristics",
    "unit_change",
    "renewals",
    "provisioning_sync",
)
STANDING = ("suspended", "cancelled", "deleted")
EDITED = ("characteristics", "paid", "plan", "activation_date", "start_date", "customer")
SWITCH = ("product", "plan", "quantity", "quantity_effective", "renewals", "billing_cycle")
EXPLAINS: Mapping[str, tuple[str, ...]] = {
    "change_quantity": ("quantity",),
    "change_unit": ("billing_cycle",),
    "upgrade": SWITCH,
    "downgrade": SWITCH,
    "upgrade or downgrade": SWITCH,
    "set_renew_automatically": ("renew_automatically",),
    "edit": EDITED,
    "add_add_on": ("add_ons",),
    "change_add_on": ("add_ons",),
    "cancel_add_on": ("add_ons",),
    "suspend": ("status",),
    "activate": ("status", "renewals"),
    "renew": ("status", "renewals"),
    "cancel": ("status",),
    "delete": ("status",),
    "run_billing": ("status",),
}
"""What a record of the reseller's explains: of that, nothing is told a second time."""
AFTER = {
    "activate": "active",
    "renew": "active",
    "suspend": "suspended",
    "cancel": "cancelled",
    "delete": "deleted",
    "run_billing": "inactive",
    "expire": "inactive",
}
"""The status after what was done."""
MOVING = ("set_renew_automatically", "activate", "change_unit", "start", "unit")
"""What moves the end of a cycle."""
SILENT = ("start", "unit")
"""What of that is seen, and has no record of its own."""
STATUS_WORDS = {"active": "activate", "suspended": "suspend", "cancelled": "cancel", "deleted": "delete"}


@dataclass(frozen=True)
class Event:
    """What happened to a subscription on a day. ``value``: what it was set to. ``own``: its distributor did it."""

    action: str
    day: date
    value: Any = None
    own: bool = False


@dataclass
class Term:
    """The end of the cycle that is the last, on one side (SUB-28, SUB-29). ``end`` ``None``: it renews, or has none.

    ``until``: while it renews, the end of the cycle that runs by a unit which changes with the next (SUB-27).
    """

    billing_day: int | None
    end: date | None = None
    until: date | None = None
    vague: bool = False

    def first_seen(self, said: Fields, on: date) -> None:
        start = starts(said)
        if not renews(said) and said["status"] == "inactive" and start <= on:
            self.end = on  # long over; since when does not matter
            self.vague = True
        elif not renews(said):
            self.end = self._from(max(on, start), said)
        self._renewed(said)

    def goes_on(self, was: Fields, said: Fields, told: list[Event], on: date) -> None:
        """From what was known to what is said now: what is told on its day, what is not on the day it is seen."""
        events = [*told, *unexplained(was, said, told, on)]
        self.vague |= len([each for each in events if each.action in MOVING]) > 1
        if said.get("unit_change") != "next_cycle":
            self.until = None
        now = {**was, "renewals": []}
        for each in events:
            self._on(each, now, said)
        if self.until and self.until <= on:
            self.until = None
        if renews(said):
            self.end = None
            self.vague &= self.until is not None
        self._renewed(said)

    def _on(self, event: Event, now: Fields, said: Fields) -> None:
        """One event after the other. ``now``: the facts as they were before it, and are after it."""
        day = max(event.day, starts(now))
        if event.action == "set_renew_automatically":
            self._switched(event, now, later=said.get("unit_change") == "next_cycle")
        elif event.action in ("change_unit", "unit"):
            self._other_unit(event, now, said["billing_cycle"])
        elif event.action == "start":
            now |= {name: said.get(name) for name in ("start_date", "activation_date")}
            self.end = None if renews(now) else self._after(max(event.day, starts(now)), now)
        elif event.action == "activate":
            ran_out = now["status"] == "inactive" or not (self.end and self.end > day)
            if not renews(now) and ran_out:
                self.end = self._holding(day, now)
        now["status"] = AFTER.get(event.action, now["status"])

    def _switched(self, event: Event, now: Fields, *, later: bool) -> None:
        if renews(now) and not event.value:
            kept = self.until if self.until and self.until >= event.day else None
            self.end = kept or self._from(max(event.day, starts(now)), now)
        elif event.value and later and self.end:
            self.until = self.end  # with what was renewed by hand
        now["renew_automatically"] = event.value

    def _other_unit(self, event: Event, now: Fields, unit: str) -> None:
        day = max(event.day, starts(now))
        if event.value == "next_cycle":
            runs = self.until if self.until and self.until > day else None
            self.until = runs or self.end or self._after(day, now)
        else:
            self.until = None
            self.end = None if renews(now) else self._after(day, {**now, "billing_cycle": unit})
        now["billing_cycle"] = unit

    def _renewed(self, said: Fields) -> None:
        """Not before the end of the cycle that was renewed by hand."""
        for each in said.get("renewals", ()) if self.end else ():
            held = self._holding(date.fromisoformat(each["date"]), said)
            self.end = max(self.end or held, held)

    def ends(self, said: Fields, on: date) -> date:
        """The end that is shown: of what renews, the next one."""
        return self.end or self.until or self._after(on, said)

    def _from(self, day: date, said: Fields) -> date:
        return oracle.end_from(day, starts(said), said["billing_cycle"], self.billing_day)

    def _after(self, day: date, said: Fields) -> date:
        return oracle.end_after(day, starts(said), said["billing_cycle"], self.billing_day)

    def _holding(self, day: date, said: Fields) -> date:
        return oracle.end_of_the_cycle_with(day, starts(said), said["billing_cycle"], self.billing_day)


def renews(said: Fields) -> bool:
    return bool(said.get("renew_automatically", False))


def starts(said: Fields) -> date:
    return date.fromisoformat(said.get("start_date") or said["activation_date"])


def unexplained(was: Fields, said: Fields, told: list[Event], on: date) -> Iterator[Event]:
    """What the reseller changed without a record, named as the business does (SUB-31)."""
    explained = {name for each in told for name in EXPLAINS.get(each.action, ())}
    changed = {name for name in (*COPIED, "customer", "status") if was.get(name) != said.get(name)} - explained
    changed -= {name for name in ("renew_automatically", "paid") if bool(was.get(name)) == bool(said.get(name))}
    if "product" in changed:
        yield Event(_direction(was["product"], said["product"]), on)
    if was.get("billing_cycle") != said.get("billing_cycle") and not any(each.action == "change_unit" for each in told):
        action = "unit" if "product" in changed or "billing_cycle" in explained else "change_unit"
        yield Event(action, on, said.get("unit_change", "current_cycle"))
    if "quantity" in changed or ("quantity_effective" in changed and "quantity" not in explained):
        yield Event("change_quantity", on)
    if "renew_automatically" in changed:
        yield Event("set_renew_automatically", on, renews(said))
    yield from _edits(was, said, changed, on)
    if "add_ons" not in explained:
        yield from _add_ons(_bare(was.get("add_ons", {})), _bare(said.get("add_ons", {})), on)
    if "status" in changed and said["status"] in STATUS_WORDS:
        yield Event(STATUS_WORDS[said["status"]], on)
    elif "renewals" in changed and "product" not in changed:
        yield Event("renew", on)


def _edits(was: Fields, said: Fields, changed: set[str], on: date) -> Iterator[Event]:
    if changed & set(EDITED):
        yield Event("edit", on)
    if any(was.get(name) != said.get(name) for name in ("start_date", "activation_date")):
        yield Event("start", on)


def _direction(before: str, after: str) -> str:
    """As the distributor relates the two; where it does not, by their prices, which are not asked here."""
    relations = PRODUCTS.get(before, {}).get("relations", {})
    return next((word for word in ("upgrade", "downgrade") if after in relations.get(word, ())), "upgrade or downgrade")


def _add_ons(was: Fields, said: Fields, on: date) -> Iterator[Event]:
    for key in {*was, *said}:
        if was.get(key) != said.get(key):
            yield Event("add_add_on" if key not in was else "cancel_add_on" if key not in said else "change_add_on", on)


@dataclass
class Subscription:
    """A reseller's own subscription: what its own system says, and its records."""

    body: Fields
    history: list[Event] = field(default_factory=list)
    term: Term | None = None


@dataclass
class Mirror(Subscription):
    """A mirror: ``body`` as the distributor has it, the locked fields as they were applied last.

    ``was``: what the source said then; ``seen``: how many of its records had come; ``applied``: name and prices.
    """

    was: Fields = field(default_factory=dict)
    seen: int = 0
    applied: Fields = field(default_factory=dict)
    drifted: bool = False
    vague_history: bool = False
    tampered: bool = False

    def did(self, does: Event) -> None:
        """Its distributor did something. What is added to a history that is none any more is gone with it."""
        if not self.tampered:
            self.history.append(replace(does, own=True))

    def rewritten(self, remembered: Iterable[str]) -> None:
        """Its history was, behind the guard's back: what its distributor did since it was written last, nobody knows.

        ``remembered``: the actions that the mirror knows to have been on record.
        """
        known = Counter(remembered) - Counter(each.action for each in self.history if not each.own)
        history, self.history, self.tampered = self.history, [], True
        for each in history:
            if not each.own or known[each.action] > 0:
                known[each.action] -= each.own
                self.history.append(each)


@dataclass
class Model:
    """Every subscription of every tenant, as it should be. ``subscriptions``: by tenant and key."""

    billing_days: Mapping[str, int | None]
    prices: Mapping[str, Mapping[str, str]]
    mirrors_on: set[str]
    customers: dict[tuple[str, str], Fields] = field(default_factory=dict)
    subscriptions: dict[tuple[str, str], Subscription] = field(default_factory=dict)

    def settle(self, on: date) -> None:
        """Everything is mirrored, the deepest level first (TREE-01)."""
        for reseller in ("east", "contoso", "fabrikam"):
            self.settle_level(reseller, on)

    def settle_level(self, reseller: str, on: date) -> None:
        """What one reseller has is mirrored to its distributor; the customers that were copied follow (SUB-03)."""
        for owner, key in [*self.customers]:
            if owner == reseller:
                self._follows(reseller, key)
        for key in self.keys(reseller):
            self.mirror(reseller, key, on)

    def keys(self, tenant: str) -> list[str]:
        return sorted(key for owner, key in self.subscriptions if owner == tenant)

    def acted(self, reseller: str, key: str, on: date) -> None:
        """What was done to one subscription reaches its mirrors above at once (SUB-19)."""
        while reseller in UPSTREAMS and self.mirror(reseller, key, on):
            reseller, key = UPSTREAMS[reseller], f"{reseller}.{key}"

    def mirror(self, reseller: str, key: str, on: date) -> bool:
        """Bring one mirror up to date; whether it may be."""
        at = (UPSTREAMS[reseller], f"{reseller}.{key}")
        source, have = self.subscriptions[reseller, key], self.subscriptions.get(at)
        if reseller not in self.mirrors_on:
            return False
        self._follows(reseller, source.body["customer"])
        if have is None:
            if not self._comes(reseller, source):
                return False
            have = self.subscriptions[at] = self._created(reseller, key, source, on)
        elif self.held(reseller, key):
            return False
        else:
            self._updated(reseller, source, have, on)
        assert isinstance(have, Mirror)
        self._written(reseller, key, source, have, on)
        return True

    def _comes(self, reseller: str, source: Subscription) -> bool:
        """SUB-01, SUB-02, SUB-41."""
        said = source.body
        return said["paid"] and said["status"] != "deleted" and self.offered(reseller, said["product"])

    def offered(self, reseller: str, product: str) -> bool:
        return product in PRODUCTS or (product == OWN_PRODUCT and reseller == "east")

    def held(self, reseller: str, key: str) -> bool:
        """Whether an update is blocked: the source moved to what the distributor does not offer (SUB-01)."""
        mirror = self.subscriptions.get((UPSTREAMS[reseller], f"{reseller}.{key}"))
        product = self.subscriptions[reseller, key].body["product"]
        return isinstance(mirror, Mirror) and not self.offered(reseller, product) and mirror.was["product"] != product

    def _created(self, reseller: str, key: str, source: Subscription, on: date) -> Mirror:
        term = Term(self.billing_days.get(reseller))
        term.first_seen(source.body, on)
        term.vague |= isinstance(source, Mirror) and source.term is not None and source.term.vague
        mirror = Mirror({"status": "inactive"}, [Event("create", on)], term)
        mirror.applied = {"name": None, "prices": {}, "add_ons": {}}
        mirror.body |= {"name": None, "prices": {}, "add_ons": {}}
        mirror.body |= {"responsible_user": "partner-desk", "sharing_rule": "public"}
        return mirror

    def _updated(self, reseller: str, source: Subscription, mirror: Subscription, on: date) -> None:
        assert isinstance(mirror, Mirror)
        assert mirror.term is not None
        told = source.history[mirror.seen :]
        mirror.term.goes_on(mirror.was, source.body, told, on)
        mirror.term.vague |= isinstance(source, Mirror) and source.term is not None and source.term.vague
        new = [*told, *(each for each in unexplained(mirror.was, source.body, told, on) if each.action not in SILENT)]
        ended = "expire"  # the source's own end is not the mirror's
        mirror.history += [replace(each, own=False) for each in new if each.action != ended]
        over = self._expired(source.body, mirror.term, on) or self._put_to_rest(source.body, mirror, told, on)
        if mirror.body["status"] == "active" and over:
            mirror.history.append(Event("expire", on))

    def _expired(self, said: Fields, term: Term, on: date) -> bool:
        running = said["status"] not in STANDING and starts(said) <= on and not renews(said)
        return running and term.end is not None and term.end <= on

    def _put_to_rest(self, said: Fields, mirror: Mirror, told: list[Event], on: date) -> bool:
        """Whether the reseller's system made it inactive, and told no action of it, before the mirror's own end."""
        alone = said["status"] == "inactive" != mirror.was["status"] and self._status(said, mirror, on) == "inactive"
        return alone and not any("status" in EXPLAINS.get(each.action, ()) for each in told)

    def _status(self, said: Fields, mirror: Mirror, on: date) -> str:
        """SUB-09, SUB-20, SUB-28, SUB-29."""
        assert mirror.term is not None
        status: str = said["status"]
        if status in STANDING:
            return status
        if starts(said) > on or self._expired(said, mirror.term, on):
            return "inactive"
        awaits = mirror.body["status"] == "active" and mirror.term.end is not None
        return "active" if awaits else status

    def _written(self, reseller: str, key: str, source: Subscription, mirror: Mirror, on: date) -> None:
        said, body = source.body, mirror.body
        status = self._status(said, mirror, on)
        for name in COPIED:
            body.pop(name, None)
        body |= {name: said[name] for name in COPIED if name in said}
        body |= {
            "customer": f"{reseller}.{said['customer']}",
            "bill_to": reseller,
            "reseller": reseller,
            "source": key,
            "status": status,
            "source_status": said["status"],
            "ribbon": f"This subscription is managed by {NAMES[reseller]} Tenant Reseller",
        }
        self._copied(reseller, said["customer"])
        self._priced(reseller, said, mirror)
        mirror.was = {**said, "add_ons": _bare(said.get("add_ons", {}))}
        mirror.seen, mirror.drifted, mirror.tampered = len(source.history), False, False

    def _priced(self, reseller: str, said: Fields, mirror: Mirror) -> None:
        """SUB-05, SUB-13, SUB-15, SUB-16: what the distributor edited is its own from then on."""
        body, applied = mirror.body, mirror.applied
        if body["name"] == applied["name"]:
            body["name"] = applied["name"] = self._name(reseller, said)
        follow(body["prices"], applied["prices"], self._asked(reseller, said))
        add_ons, have = said.get("add_ons", {}), body["add_ons"]
        offered = {key: each for key, each in add_ons.items() if key in have or self.offered(reseller, each["product"])}
        for key in {*have} - {*offered}:
            have.pop(key)
            applied["add_ons"].pop(key)
        for key, each in offered.items():
            mine = have.setdefault(key, {"prices": {}})
            for name in ("product", "billing_cycle", "quantity"):
                mine.pop(name, None)
            mine |= {name: each[name] for name in ("product", "billing_cycle", "quantity") if name in each}
            follow(mine["prices"], applied["add_ons"].setdefault(key, {}), self._asked(reseller, each))

    def _name(self, reseller: str, said: Fields) -> str:
        customer = self.customers[reseller, said["customer"]]
        product = PRODUCTS.get(said["product"], {"name": "Own Tool" if said["product"] == OWN_PRODUCT else None})
        return f"{customer.get('name') or said['customer']} - {product['name'] or said['product']}"

    def _asked(self, reseller: str, said: Fields) -> dict[str, str]:
        """By the reseller's price list, else the product's unit price."""
        product, cycle = said["product"], said.get("billing_cycle")
        listed = self.prices.get(product, {}).get(cycle or "") if reseller == "contoso" else None
        price = listed or PRODUCTS.get(product, {}).get("unit_prices", {}).get(cycle)
        return {cycle: price} if cycle and price else {}

    def _follows(self, reseller: str, key: str) -> None:
        """A customer that was copied, whatever holds its subscriptions."""
        if reseller in self.mirrors_on and (UPSTREAMS[reseller], f"{reseller}.{key}") in self.customers:
            self._copied(reseller, key)

    def _copied(self, reseller: str, key: str) -> None:
        """SUB-03: the customer is copied first, and followed. SUB-14: nothing of how it is billed."""
        there = self.customers[reseller, key]
        copy: Fields = {name: there[name] for name in ("name", "reference") if name in there}
        self.customers[UPSTREAMS[reseller], f"{reseller}.{key}"] = copy


def follow(have: dict[str, str], applied: dict[str, str], asked: Mapping[str, str]) -> None:
    """Amounts go the way they should, but those that have become another since they were applied."""
    for cycle in {*have, *applied, *asked}:
        if not _equal(have.get(cycle), applied.get(cycle)):
            continue
        for each in (have, applied):
            each.pop(cycle, None)
            if cycle in asked:
                each[cycle] = asked[cycle]


def _equal(one: str | None, other: str | None) -> bool:
    return one is other if one is None or other is None else Decimal(one) == Decimal(other)


def _bare(add_ons: Fields) -> Fields:
    """What a reseller says of its add-ons."""
    names = ("product", "billing_cycle", "quantity")
    return {key: {name: each[name] for name in names if name in each} for key, each in add_ons.items()}
