"""What a distributor should have of its resellers' subscriptions, told from RULES.md alone: the model of the machine.

Nothing of the engine is used here. Days are counted by `oracle_cycles`. Where the rules leave open what a distributor
can know (several changes of a cycle that it sees at once), the end of that cycle is `vague` and not compared, and which
unit is in force is taken from what is `shown`. Where even whether a mirror is blocked depends on that, it is `lost`: it
is not compared any more.
"""

import copy
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
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
OF_ONE_SIDE = ("expire", "take_effect")
"""The records that a mirror has of its own cycle end: they are no record for the mirror of a mirror."""
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

    What is said of a subscription is given as this side has it: with the unit in force here, and what is pending here.
    """

    billing_day: int | None
    end: date | None = None
    vague: bool = False

    def first_seen(self, said: Fields, on: date) -> None:
        start = starts(said)
        if not renews(said) and said["status"] == "inactive" and start <= on:
            self.end = on  # long over; since when does not matter
            self.vague = True
        elif not renews(said):
            self.end = self._from(max(on, start), said)
        self.renewed(said)

    def goes_on(self, was: Fields, said: Fields, events: list[Event]) -> None:
        """From what was known to what is said now, by what happened since. A pending unit did not take effect yet."""
        self.vague |= len([each for each in events if each.action in MOVING]) > 1
        now = {**was, "renewals": []}
        for each in events:
            self._on(each, now, said)
        if renews(said):
            self.end = None
            self.vague = False
        self.renewed(said)

    def _on(self, event: Event, now: Fields, said: Fields) -> None:
        """One event after the other. ``now``: the facts as they were before it, and are after it."""
        day = max(event.day, starts(now))
        if event.action == "set_renew_automatically":
            if renews(now) and not event.value:
                self.end = self.running(day, now, last=True)
            now["renew_automatically"] = event.value
        elif event.action in ("change_unit", "unit") and event.value == "current_cycle":
            now["billing_cycle"] = said["billing_cycle"]
            self.end = None if renews(now) else self._after(day, now)
        elif event.action == "start":
            now |= {name: said.get(name) for name in ("start_date", "activation_date")}
            self.end = None if renews(now) else self._after(max(event.day, starts(now)), now)
        elif event.action == "activate":
            ran_out = now["status"] == "inactive" or not (self.end and self.end > day)
            if not renews(now) and ran_out:
                self.end = self._holding(day, now)
        now["status"] = AFTER.get(event.action, now["status"])

    def running(self, day: date, said: Fields, *, last: bool = False) -> date:
        """The end of the cycle that runs on a day, later than that; of the ``last`` one, it may be that day."""
        reached = self._from if last else self._after
        coming = pending_day(said)
        if coming and (coming > day or (last and coming == day)):
            return coming
        return reached(day, {**said, "billing_cycle": said["pending_unit"]["billing_cycle"]} if coming else said)

    def next_end(self, day: date, said: Fields) -> date:
        """When a unit comes for which the reseller asks on a day, for the next cycle (SUB-27)."""
        coming = pending_day(said)
        if coming and coming > day:
            return coming
        return self.end or self._after(max(day, starts(said)), said)

    def renewed(self, said: Fields) -> None:
        """Not before the end of the cycle that was renewed by hand."""
        for each in said.get("renewals", ()) if self.end else ():
            held = self._holding(date.fromisoformat(each["date"]), said)
            self.end = max(self.end or held, held)

    def ends(self, said: Fields, on: date) -> date:
        """The end that is shown: of what renews, the next one."""
        return self.end or pending_day(said) or self._after(on, said)

    def _from(self, day: date, said: Fields) -> date:
        return oracle.end_from(day, starts(said), said["billing_cycle"], self.billing_day)

    def _after(self, day: date, said: Fields) -> date:
        return oracle.end_after(day, starts(said), said["billing_cycle"], self.billing_day)

    def _holding(self, day: date, said: Fields) -> date:
        """The end of the cycle that a day is in; with the one in which a pending unit comes, it is of that unit."""
        start, unit, coming = starts(said), said["billing_cycle"], pending_day(said)
        if coming and day >= oracle.nominal_start_of_next(coming, start, unit, self.billing_day):
            unit = said["pending_unit"]["billing_cycle"]
        return oracle.end_of_the_cycle_with(day, start, unit, self.billing_day)


def renews(said: Fields) -> bool:
    return bool(said.get("renew_automatically", False))


def starts(said: Fields) -> date:
    return date.fromisoformat(said.get("start_date") or said["activation_date"])


def pending_unit(said: Fields) -> str | None:
    """The unit that is pending, if one is (SUB-27)."""
    unit: str | None = (said.get("pending_unit") or {}).get("billing_cycle")
    return unit


def pending_day(said: Fields) -> date | None:
    """The day on which it takes effect."""
    day: str | None = (said.get("pending_unit") or {}).get("from")
    return date.fromisoformat(day) if day else None


def unexplained(was: Fields, said: Fields, told: list[Event], on: date) -> Iterator[Event]:
    """What the reseller changed without a record, named as the business does (SUB-31)."""
    explained = {name for each in told for name in EXPLAINS.get(each.action, ())}
    changed = {name for name in (*COPIED, "customer", "status") if was.get(name) != said.get(name)} - explained
    changed -= {name for name in ("renew_automatically", "paid") if bool(was.get(name)) == bool(said.get(name))}
    if "product" in changed:
        yield Event(_direction(was["product"], said["product"]), on)
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


def changed_unit(was: Fields, now: Fields, mode: str, told: list[Event], on: date) -> Iterator[Event]:
    """A mirror's change of the unit that no record tells of: ``was`` and ``now`` as the mirror has it.

    That a pending unit takes effect at the source is none.
    """
    explained = {name for each in told for name in EXPLAINS.get(each.action, ())}
    leads_to = [pending_unit(each) or each["billing_cycle"] for each in (was, now)]
    if any(each.action == "change_unit" for each in told):
        return
    if leads_to[0] != leads_to[1] or was["billing_cycle"] != now["billing_cycle"]:
        action = "unit" if was["product"] != now["product"] or "billing_cycle" in explained else "change_unit"
        yield Event(action, on, mode if was["billing_cycle"] == now["billing_cycle"] else "current_cycle")


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
    ``blocked``: it does not follow, as its source moved to what its distributor does not offer, or has no price of.
    """

    was: Fields = field(default_factory=dict)
    blocked: bool = False
    lost: bool = False
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
    """Every subscription of every tenant, as it should be. ``subscriptions``: by tenant and key.

    ``shown``: what a tenant really has under a key, for what the rules leave open.
    """

    billing_days: Mapping[str, int | None]
    prices: Mapping[str, Mapping[str, str]]
    mirrors_on: set[str]
    customers: dict[tuple[str, str], Fields] = field(default_factory=dict)
    subscriptions: dict[tuple[str, str], Subscription] = field(default_factory=dict)
    shown: Callable[[str, str], Fields | None] = field(default=lambda tenant, key: None)

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
        if (isinstance(source, Mirror) and source.lost) or (isinstance(have, Mirror) and have.lost):
            return self._is_lost(reseller, at, source)
        new = copy.deepcopy(have) if have else self._created(reseller, key, source, on)
        assert isinstance(new, Mirror)
        if have is None and not self._comes(reseller, source):
            return False
        units = self._units(at, source.body, new, on) if have is None else self._updated(at, source, new, on)
        unpriced = [unit for unit in units if not self._has_a_price(reseller, source.body, new, unit)]
        if unpriced and len(unpriced) < len(units):
            return self._is_lost(reseller, at, source)
        blocked = bool(unpriced) or not self._may_follow(reseller, source.body, new)
        if blocked:
            if isinstance(have, Mirror):
                have.blocked = True
            return False
        self.subscriptions[at] = new
        new.blocked = False
        self._written(reseller, key, source, new, on)
        return True

    def _is_lost(self, reseller: str, at: tuple[str, str], source: Subscription) -> bool:
        """What is there is taken as it is, and compared no more."""
        shown = self.shown(*at)
        if shown is None:
            return False
        self.subscriptions[at] = Mirror(copy.deepcopy(shown), [], Term(None, vague=True), was=shown, lost=True)
        if shown["customer"] == f"{reseller}.{source.body['customer']}":
            self._copied(reseller, source.body["customer"])
        return True

    def _comes(self, reseller: str, source: Subscription) -> bool:
        """SUB-01, SUB-02, SUB-41."""
        said = source.body
        return said["paid"] and said["status"] != "deleted" and self.offered(reseller, said["product"])

    def offered(self, reseller: str, product: str) -> bool:
        return product in PRODUCTS or (product == OWN_PRODUCT and reseller == "east")

    def sold(self, reseller: str, before: Fields, product: str, unit: str | None) -> bool:
        """SUB-42: whether an action may name a product and unit: what is sold already, or what is for sale.

        By its own system a reseller sells what has no unit there by any; the distributor, what has a price.
        """
        there = [(each["product"], each.get("billing_cycle")) for each in before.get("add_ons", {}).values()]
        there += [(before["product"], each) for each in (before["billing_cycle"], pending_unit(before)) if each]
        if (product, unit) in there:
            return True
        own = product == OWN_PRODUCT and reseller in ("contoso", "east")
        if not own and product not in PRODUCTS and product not in {each for each, _ in there}:
            return False
        return own or unit is None or bool(self._asked(reseller, {"product": product, "billing_cycle": unit}))

    def may_be_held(self, reseller: str, key: str) -> bool:
        """Whether an update is blocked, or may come to be: the source moved, or is about to move, to what the
        distributor does not offer, or has no price of (SUB-01, SUB-13)."""
        mirror = self.subscriptions.get((UPSTREAMS[reseller], f"{reseller}.{key}"))
        if not isinstance(mirror, Mirror) or mirror.blocked or mirror.lost:
            return True
        said = self.subscriptions[reseller, key].body
        units = {said["billing_cycle"], pending_unit(said), mirror.body["billing_cycle"], pending_unit(mirror.body)}
        priced = (self._asked(reseller, {**said, "billing_cycle": each}) for each in units if each)
        return not self._may_follow(reseller, said, mirror) or not all(priced)

    def _may_follow(self, reseller: str, said: Fields, mirror: Mirror) -> bool:
        return self.offered(reseller, said["product"]) or mirror.was.get("product") == said["product"]

    def _has_a_price(self, reseller: str, said: Fields, mirror: Mirror, unit: str) -> bool:
        """SUB-13: nothing is mirrored unpriced; a price that the distributor gave is one (SUB-39)."""
        there, applied = (each["prices"].get(unit) for each in (mirror.body, mirror.applied))
        edited = there is not None and not _equal(there, applied)
        return edited or bool(self._asked(reseller, {**said, "billing_cycle": unit}))

    def _created(self, reseller: str, key: str, source: Subscription, on: date) -> Mirror:
        said = source.body
        term = Term(self.billing_days.get(reseller))
        term.vague = isinstance(source, Mirror) and source.term is not None and source.term.vague
        mirror = Mirror({"status": "inactive", "billing_cycle": said["billing_cycle"]}, [Event("create", on)], term)
        if coming := pending_unit(said):
            asked = [each.day for each in source.history if each.action == "change_unit"]
            term.vague |= not asked
            end = term.next_end(asked[-1] if asked else on, {**said, "pending_unit": None})
            mirror.body["pending_unit"] = {"billing_cycle": coming, "from": end.isoformat()}
        term.first_seen({**said, "pending_unit": mirror.body.get("pending_unit")}, on)
        mirror.applied = {"name": None, "prices": {}, "add_ons": {}}
        mirror.body |= {"name": None, "prices": {}, "add_ons": {}}
        mirror.body |= {"responsible_user": "partner-desk", "sharing_rule": "public"}
        return mirror

    def _updated(self, at: tuple[str, str], source: Subscription, mirror: Mirror, on: date) -> list[str]:
        """Bring the term, the units and the records of a mirror up to date; the units that may be in force now."""
        assert mirror.term is not None
        told, said, term = source.history[mirror.seen :], source.body, mirror.term
        told = [each for each in told if each.action not in OF_ONE_SIDE]
        was = {**mirror.was, **{name: mirror.body.get(name) for name in ("billing_cycle", "pending_unit")}}
        units = self._followed(said, mirror, term.next_end, told, on)
        now = {**said, **units}
        mode = said.get("unit_change", "current_cycle")
        rest = [*changed_unit(was, now, mode, told, on), *unexplained(mirror.was, said, told, on)]
        at_once = was["billing_cycle"] != now["billing_cycle"]
        told = [
            replace(each, value="current_cycle" if at_once else "next_cycle") if each.action == "change_unit" else each
            for each in told
        ]
        term.goes_on(was, now, [*told, *rest])
        term.vague |= isinstance(source, Mirror) and source.term is not None and source.term.vague
        mirror.body |= units
        mirror.history += [replace(each, own=False) for each in (*told, *rest) if each.action not in SILENT]
        candidates = self._units(at, said, mirror, on)
        over = self._expired(said, term, on) or self._put_to_rest(said, mirror, told, on)
        if mirror.body["status"] == "active" and over:
            mirror.history.append(Event("expire", on))
        return candidates

    def _followed(
        self,
        said: Fields,
        mirror: Mirror,
        next_end: Callable[[date, Fields], date],
        told: list[Event],
        on: date,
    ) -> Fields:
        """SUB-27: the unit in force at a mirror and the one that is pending, by what its source says now."""
        here, unit, known = mirror.body["billing_cycle"], said["billing_cycle"], mirror.was["billing_cycle"]
        coming, awaited = pending_unit(said), pending_unit(mirror.body)
        later = said.get("unit_change") == "next_cycle"
        asked = [each.day for each in told if each.action == "change_unit"]

        def pending(unit: str | None) -> Fields:
            if unit is None or unit == awaited:
                return {"billing_cycle": here, "pending_unit": mirror.body.get("pending_unit") if unit else None}
            view = {**mirror.was, "billing_cycle": here, "pending_unit": mirror.body.get("pending_unit")}
            end = next_end(asked[-1] if asked else on, view)
            return {"billing_cycle": here, "pending_unit": {"billing_cycle": unit, "from": end.isoformat()}}

        if unit == here:
            return pending(coming)
        if unit == known and coming == here:
            return pending(None)  # it took effect here already: this side's cycle ended first
        if awaited == unit and later:
            return pending(awaited)  # it took effect there already
        if unit != known and later and coming is None:
            return pending(unit)  # seen for the first time
        here, awaited = unit, None
        if coming is None:
            return pending(None)
        end = Term(mirror.term.billing_day if mirror.term else None).next_end(on, {**said, "pending_unit": None})
        return {"billing_cycle": unit, "pending_unit": {"billing_cycle": coming, "from": end.isoformat()}}

    def _units(self, at: tuple[str, str], said: Fields, mirror: Mirror, on: date) -> list[str]:
        """Let what is pending take effect where the mirror's own cycle ended and the next one began.

        The units that may be in force then: what is vague has what is shown.
        """
        body, term = mirror.body, mirror.term
        assert term is not None
        unit, day = pending_unit(body), pending_day(body)
        may_be = {body["billing_cycle"], unit or body["billing_cycle"]}
        goes_on = renews(said) or (term.end is not None and day is not None and term.end > day)
        if unit and day and day <= on and said["status"] not in STANDING and goes_on:
            body |= {"billing_cycle": unit, "pending_unit": None}
            if mirror.was:
                mirror.history.append(Event("take_effect", on))
            further = pending_unit(said) if said["billing_cycle"] == unit else None
            if further:
                end = term.ends({**said, **body}, on).isoformat()
                body["pending_unit"] = {"billing_cycle": further, "from": end}
            term.renewed({**said, **body})
        if not term.vague:
            return [body["billing_cycle"]]
        shown = self.shown(*at)
        if shown is None or shown["last_applied"]["product"] != said["product"]:
            return sorted(may_be | {said["billing_cycle"]})
        body |= {name: copy.deepcopy(shown.get(name)) for name in ("billing_cycle", "pending_unit")}
        mirror.vague_history = True
        return sorted(may_be | {said["billing_cycle"], body["billing_cycle"]})

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
        if body.get("pending_unit") is None:
            body.pop("pending_unit", None)
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
        self._priced(reseller, {**said, "billing_cycle": body["billing_cycle"]}, mirror)
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
        """SUB-13: by the reseller's price list, else the product's unit price."""
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
