"""A machine that drives customers, subscriptions and every action on both sides, against the model (SUB-01 to SUB-41).

After each settle (apply, then a plan that is empty): as many mirrors as mirrored subscriptions, none twice, none lost,
mirror = source on every locked field, each side by its own cycle end, allowed edits intact, one record for each action.
Who acts and who applies is killed on the way, by kill -9, in a process of its own.
"""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reconciler import app
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.shell.runs.execute import Result
from reconciler.shell.tenants.actions import PerformedAction
from reconciler.stores.base import EntityWrite, Snapshot
from tests.contract.test_guard import DENIED_ACTIONS
from tests.laws import oracle_cycles as oracle
from tests.laws.kills import in_a_child, killed
from tests.laws.model_of_mirrors import (
    Event,
    Fields,
    Mirror,
    Model,
    Subscription,
    Term,
    pending_day,
    pending_unit,
    renews,
    starts,
)
from tests.laws.profiles import is_long
from tests.laws.resale import LISTED, PROVIDER, UPSTREAMS, Prices, Resale, folder, paid, tenants
from tests.laws.test_action_table import SETTINGS
from tests.laws.test_mirror_drift import TAMPERED

UNTOLD = ("expire", "take_effect", "change_unit")
"""The records that nobody can count of what is vague."""
RESELLERS = sorted(UPSTREAMS)
DONE = (Result.APPLIED, Result.UNCHANGED)
PRODUCTS = ("office", "premium", "exchange", "backup", "own-tool", "ghost")
CYCLES = ("P1M", "P1Y", "P1W")
WHEN = ("current_cycle", "next_cycle")
LIVE = ("active", "inactive", "suspended")
SOMETIMES = st.integers(0, 3).map(lambda number: number == 0)
ROUNDS: tuple[Prices, ...] = (
    LISTED,
    {"office": {"P1M": "5.50", "P1Y": "55.00"}, "exchange": {"P1M": "3.00"}},
    {},
)
"""The price lists that there are."""


SHORT = 20
"""How many histories the suite tries; the profile ``long`` tries two thousand."""


class Machine(RuleBasedStateMachine):
    """The world and its model, side by side."""

    resale: Resale
    model: Model

    @initialize(
        days=st.tuples(*[st.sampled_from((None, 1, 15, 20, 29, 31))] * 3),
        began=st.sampled_from((date(2026, 11, 15), date(2028, 1, 31), date(2027, 12, 30), date(2028, 2, 29))),
        renewing=st.tuples(*[st.booleans()] * 3),
        offsets=st.tuples(*[st.integers(-40, 3)] * 3),
    )
    def world(
        self, days: tuple[int | None, ...], began: date, renewing: tuple[bool, ...], offsets: tuple[int, ...]
    ) -> None:
        """Every reseller has two customers, and a subscription to begin with."""
        billing_days = dict(zip(RESELLERS, days, strict=True))
        self.resale = Resale(folder(), billing_days=billing_days)
        self.resale.now = self.resale.now.replace(year=began.year, month=began.month, day=began.day)
        self.model = Model(billing_days, dict(LISTED), set(UPSTREAMS), shown=self._shown)
        self.settled = True
        self.moves = 0
        for reseller in RESELLERS:
            self._customer(reseller, "acme", name="Acme")
            self._customer(reseller, "bolt", name="Bolt", billing_day=28, reference="c-2")
        for reseller, renews_itself, offset in zip(RESELLERS, renewing, offsets, strict=True):
            add_ons = {"kept": {"product": "backup", "billing_cycle": "P1M", "quantity": 2}}
            start = (self.today + timedelta(days=offset)).isoformat()
            given = {"start_date": start, "renew_automatically": renews_itself, "add_ons": add_ons}
            self._new(reseller, paid("s0", "acme", **given))
        self.settle()

    def teardown(self) -> None:
        if hasattr(self, "resale"):
            self.resale.close()

    @property
    def today(self) -> date:
        return self.resale.today

    def _shown(self, tenant: str, key: str) -> Fields | None:
        """What a tenant really has under a key."""
        found = self.resale.subscriptions(tenant).get(key)
        return dict(found.body) if found else None

    def _customer(self, reseller: str, key: str, **fields: Any) -> None:
        self.resale.write(reseller, {"kind": "Customer", "key": key, **fields})
        there = self.model.customers.setdefault((reseller, key), {})
        there |= fields

    def _own(self, data: st.DataObject, *statuses: str) -> tuple[str, str, Subscription] | None:
        """One of the resellers' own subscriptions."""
        found = [
            (tenant, key)
            for (tenant, key), each in sorted(self.model.subscriptions.items())
            if not isinstance(each, Mirror) and (not statuses or each.body["status"] in statuses)
        ]
        if not found:
            return None
        tenant, key = data.draw(st.sampled_from(found))
        return tenant, key, self.model.subscriptions[tenant, key]

    def _mirror(self, data: st.DataObject) -> tuple[str, str, Mirror] | None:
        known = sorted(self.model.subscriptions.items())
        found = [at for at, each in known if isinstance(each, Mirror) and not each.lost]
        if not found:
            return None
        tenant, key = data.draw(st.sampled_from(found))
        mirror = self.model.subscriptions[tenant, key]
        assert isinstance(mirror, Mirror)
        return tenant, key, mirror

    # What the resellers' own systems do: `tenant import`

    @rule(data=st.data(), reseller=st.sampled_from(RESELLERS), offset=st.integers(-400, 45))
    def new_subscription(self, data: st.DataObject, reseller: str, offset: int) -> None:
        key = f"t{len(self.model.keys(reseller))}"
        start = self.today + timedelta(days=offset)
        given: dict[str, Any] = {
            "customer": data.draw(st.sampled_from(("acme", "bolt"))),
            "product": data.draw(st.sampled_from(PRODUCTS)),
            "billing_cycle": data.draw(st.sampled_from(CYCLES)),
            "quantity": data.draw(st.integers(1, 9)),
            "paid": data.draw(st.integers(0, 4)) > 0,
            "status": data.draw(st.sampled_from(("active", "active", "active", "suspended", "cancelled", "inactive"))),
            "renew_automatically": data.draw(st.booleans()),
            "start_date": start.isoformat(),
            "activation_date": start.isoformat() if data.draw(st.booleans()) else None,
            "provisioning_sync": "ok" if data.draw(SOMETIMES) else None,
            "add_ons": {"kept": {"product": "backup", "quantity": 2}} if data.draw(SOMETIMES) else None,
        }
        self._new(reseller, paid(key, given.pop("customer"), **given))

    def _new(self, reseller: str, document: Fields) -> None:
        self.resale.write(reseller, document)
        body = {name: value for name, value in document.items() if name not in ("kind", "key")}
        self.model.subscriptions[reseller, document["key"]] = Subscription(body)
        self.settled = False

    @rule(data=st.data())
    def imported(self, data: st.DataObject) -> None:
        """A reseller's system changes something and keeps no record."""
        found = self._own(data)
        if found is None or found[2].body["status"] == "deleted":
            return
        reseller, key, source = found
        unit, when = data.draw(st.sampled_from(CYCLES)), data.draw(st.sampled_from(WHEN))
        change = data.draw(
            st.sampled_from(
                (
                    {"quantity": source.body["quantity"] + 1},
                    {"renew_automatically": not renews(source.body)},
                    {"paid": data.draw(st.booleans())},
                    {"characteristics": {"domain": f"{len(source.history)}.example"}},
                    {"status": data.draw(st.sampled_from(("active", "inactive", "suspended", "cancelled", "deleted")))},
                    {"provisioning_sync": "failed"},
                    {"billing_cycle": unit, "unit_change": when, "pending_unit": None},
                    self._pending(source.body, unit),
                    {"pending_unit": None},
                    self._took_effect(source.body),
                    {"product": data.draw(st.sampled_from(PRODUCTS))},
                    {"customer": data.draw(st.sampled_from(("acme", "bolt")))},
                    {"add_ons": {"more": {"product": "exchange", "billing_cycle": "P1M"}}},
                )
            )
        )
        if {*change} & {"product", "billing_cycle", "pending_unit"} and self._drifted(reseller, key):
            return  # what is held back and drifted as well is compared by nobody
        event(f"imported {', '.join(change)}")
        self.resale.write(reseller, {"kind": "Subscription", "key": key, **change})
        if "add_ons" in change:
            change = {"add_ons": {**source.body.get("add_ons", {}), **change["add_ons"]}}
        self._becomes(source.body, change)
        if source.term and {*change} & {"renew_automatically", "status", "billing_cycle", "pending_unit"}:
            source.term.vague = True
        self.settled = False

    def _pending(self, body: Fields, unit: str) -> Fields:
        """A reseller's own system says that a unit comes with the next cycle, or that none does."""
        if unit == body["billing_cycle"]:
            return {"pending_unit": None}
        end = oracle.end_after(max(self.today, starts(body)), starts(body), body["billing_cycle"], None)
        return {"unit_change": "next_cycle", "pending_unit": {"billing_cycle": unit, "from": end.isoformat()}}

    def _took_effect(self, body: Fields) -> Fields:
        """A reseller's own system says that what was pending took effect (SUB-27)."""
        return {"billing_cycle": pending_unit(body) or body["billing_cycle"], "pending_unit": None}

    def _becomes(self, body: Fields, change: Fields) -> None:
        """Merged, as an import is: what is ``None`` goes."""
        body |= change
        for name in [name for name, value in body.items() if value is None]:
            del body[name]

    def _drifted(self, reseller: str, key: str) -> bool:
        while reseller in UPSTREAMS:
            reseller, key = UPSTREAMS[reseller], f"{reseller}.{key}"
            mirror = self.model.subscriptions.get((reseller, key))
            if isinstance(mirror, Mirror) and mirror.drifted:
                return True
        return False

    @rule(reseller=st.sampled_from(RESELLERS), key=st.sampled_from(("acme", "bolt")), name=st.sampled_from("XY"))
    def renamed_customer(self, reseller: str, key: str, name: str) -> None:
        self._customer(reseller, key, name=name)
        self.settled = False

    # What the resellers do: `subscription act`

    def _act(self, reseller: str, key: str, action: str, *given: str) -> PerformedAction | None:
        """Act as the reseller; ``None`` where it makes no sense, and then nothing changed."""
        before = self._everything()
        try:
            acted = self.resale.act(reseller, key, action, *given, role="reseller")
        except app.Unknown:
            assert self._everything() == before
            return None
        assert acted.denied is None
        return acted

    def _everything(self) -> list[Snapshot]:
        return [self.resale.snapshot(tenant) for tenant in tenants()]

    def _did(
        self, found: tuple[str, str, Subscription], does: Event, change: Fields, second: Fields | None = None
    ) -> None:
        """What came of it: at the reseller, and with it at the distributors above."""
        reseller, key, source = found
        was = dict(source.body)
        self._becomes(source.body, change)
        source.history.append(does)
        self._own_term(reseller, key, was, does)
        keys = [key]
        if second is not None:
            number = next(n for n in range(2, 99) if (reseller, f"{key}-{n}") not in self.model.subscriptions)
            keys.append(f"{key}-{number}")
            self.model.subscriptions[reseller, keys[1]] = Subscription(second, [does])
        for each in keys:
            self._as_it_should_be(reseller, each)
            self.model.acted(reseller, each, self.today)
        self._compare(reseller, keys)

    def _own_term(self, reseller: str, key: str, was: Fields, does: Event) -> None:
        source = self.model.subscriptions[reseller, key]
        if source.term is None:
            customer = self.model.customers[reseller, was["customer"]]
            source.term = Term(customer.get("billing_day"))
            source.term.vague = was["status"] == "inactive" or was.get("unit_change") == "next_cycle"
            if not renews(was) or was["status"] not in ("active", "inactive"):
                source.term.end = source.term._from(max(self.today, starts(was)), was)
        source.term.goes_on(was, source.body, [does])

    def _as_it_should_be(self, reseller: str, key: str) -> None:
        there = dict(self.resale.body(reseller, key))
        source = self.model.subscriptions[reseller, key]
        records = there.pop("history")
        there.pop("cycle_end", None)
        assert there == {name: each for name, each in source.body.items() if each != {}}
        assert [each["action"] for each in records] == [each.action for each in source.history]

    @rule(data=st.data(), quantity=st.integers(1, 12), effective=SOMETIMES)
    def change_quantity(self, data: st.DataObject, quantity: int, effective: bool) -> None:
        if found := self._own(data):
            day = (self.today + timedelta(days=9)).isoformat() if effective else self.today.isoformat()
            given = (f"quantity={quantity}", *([f"effective={day}"] if effective else []))
            acted = self._act(found[0], found[1], "change_quantity", *given)
            assert (acted is not None) == (found[2].body["status"] in LIVE)
            if acted:
                change = {"quantity": quantity, "quantity_effective": day}
                self._did(found, Event("change_quantity", self.today), change)

    @rule(data=st.data(), cycle=st.sampled_from(CYCLES), when=st.sampled_from(WHEN))
    def change_unit(self, data: st.DataObject, cycle: str, when: str) -> None:
        """To another unit; to the same one only to have it now, and not with the next cycle."""
        found = self._own(data, *LIVE)
        if found is None:
            return
        body = found[2].body
        here, awaited = body["billing_cycle"], pending_unit(body)
        acted = self._act(found[0], found[1], "change_unit", f"billing_cycle={cycle}", f"when={when}")
        another = cycle != here and (when == "current_cycle" or cycle != awaited)
        sold = self.model.sold(found[0], body, body["product"], cycle)
        assert (acted is not None) == (sold and another if cycle != here else awaited is not None)
        if acted is None:
            event(f"a unit {'that is so already' if sold else 'that nobody sells'}")
            return
        change: Fields = {"unit_change": when, "pending_unit": None}
        if cycle != here and when == "current_cycle":
            change["billing_cycle"] = cycle
        elif cycle != here:
            change["pending_unit"] = self._asked_for(found, cycle)
        self._did(found, Event("change_unit", self.today, when), change)

    def _asked_for(self, found: tuple[str, str, Subscription], unit: str) -> Fields:
        """What is pending at a reseller that asked for a unit: when the cycle ends that runs there (SUB-27)."""
        shown = self.resale.body(found[0], found[1])["pending_unit"]
        assert shown["billing_cycle"] == unit
        body, term = found[2].body, found[2].term
        if renews(body) and body["status"] == "active" and not pending_unit(body) and term and not term.vague:
            billing_day = self.model.customers[found[0], body["customer"]].get("billing_day")
            end = oracle.end_after(max(self.today, starts(body)), starts(body), body["billing_cycle"], billing_day)
            assert shown["from"] == end.isoformat()
        return dict(shown)

    @rule(
        data=st.data(),
        to=st.sampled_from(PRODUCTS),
        word=st.sampled_from(("upgrade", "downgrade")),
        partial=st.booleans(),
    )
    def switch(self, data: st.DataObject, to: str, word: str, partial: bool) -> None:
        """Upgrade and downgrade; of fewer than all, a second subscription."""
        found = self._own(data, *LIVE)
        if found is None or self._drifted(found[0], found[1]):
            return
        body = found[2].body
        moved = data.draw(st.integers(1, body["quantity"] + 1)) if partial else body["quantity"]
        given = (f"product={to}", *([f"quantity={moved}"] if partial else []))
        acted = self._act(found[0], found[1], word, *given)
        in_whole = moved == body["quantity"]
        units = [body["billing_cycle"], *([pending_unit(body)] if in_whole and pending_unit(body) else [])]
        sold = all(self.model.sold(found[0], body, to, unit) for unit in units)
        assert (acted is not None) == (to != body["product"] and moved <= body["quantity"] and sold)
        if acted is None:
            return
        day = self.today.isoformat()
        does = Event(word, self.today)
        event(f"switched {'in part' if moved < body['quantity'] else 'in whole'}")
        if moved == body["quantity"]:
            renewal = {"date": day, "product": to, "quantity": moved}
            self._did(found, does, {"product": to, "renewals": [*body.get("renewals", []), renewal]})
            return
        left = {"quantity": body["quantity"] - moved, "quantity_effective": day}
        left_behind = ("add_ons", "renewals", "plan", "pending_unit", "unit_change")
        second = {name: each for name, each in body.items() if name not in left_behind}
        second |= {
            "product": to,
            "quantity": moved,
            "quantity_effective": day,
            "start_date": day,
            "activation_date": day,
        }
        self._did(found, does, left, second)

    @rule(data=st.data(), value=st.booleans())
    def set_renew_automatically(self, data: st.DataObject, value: bool) -> None:
        if found := self._own(data, *LIVE):
            assert self._act(found[0], found[1], "set_renew_automatically", f"value={str(value).lower()}")
            does = Event("set_renew_automatically", self.today, value)
            self._did(found, does, {"renew_automatically": value})

    @rule(data=st.data(), domain=st.sampled_from("abc"), customer=st.sampled_from((None, None, "acme", "bolt")))
    def edit(self, data: st.DataObject, domain: str, customer: str | None) -> None:
        if found := self._own(data, *LIVE):
            moves = [f"customer={customer}"] if customer else []
            assert self._act(found[0], found[1], "edit", f"characteristics.domain={domain}", "paid=true", *moves)
            characteristics = {**found[2].body.get("characteristics", {}), "domain": domain}
            change: Fields = {"characteristics": characteristics, "paid": True}
            self._did(found, Event("edit", self.today), change | ({"customer": customer} if customer else {}))

    @rule(
        data=st.data(),
        key=st.sampled_from(("kept", "more")),
        product=st.sampled_from(PRODUCTS),
        quantity=st.integers(1, 5),
    )
    def add_on(self, data: st.DataObject, key: str, product: str, quantity: int) -> None:
        """Added, changed or cancelled, whichever makes sense."""
        found = self._own(data, *LIVE)
        if found is None:
            return
        add_ons = dict(found[2].body.get("add_ons", {}))
        action = data.draw(st.sampled_from(("add_add_on", "change_add_on", "cancel_add_on")))
        given = [f"add_on={key}", f"product={product}" if action == "add_add_on" else f"quantity={quantity}"]
        acted = self._act(found[0], found[1], action, *given[: 1 if action == "cancel_add_on" else 2])
        sold = action != "add_add_on" or self.model.sold(found[0], found[2].body, product, None)
        assert (acted is not None) == ((key in add_ons) != (action == "add_add_on") and sold)
        if acted is None:
            return
        if action == "cancel_add_on":
            add_ons.pop(key)
        else:
            add_ons[key] = {"product": product} if action == "add_add_on" else {**add_ons[key], "quantity": quantity}
        self._did(found, Event(action, self.today), {"add_ons": add_ons})

    @rule(data=st.data(), action=st.sampled_from(("suspend", "activate", "cancel", "delete")))
    def status(self, data: st.DataObject, action: str) -> None:
        found = self._own(data)
        if found is None or (action in ("cancel", "delete") and data.draw(st.booleans())):
            return
        status = found[2].body["status"]
        makes_sense = {
            "suspend": status == "active",
            "activate": status in ("inactive", "suspended", "cancelled"),
            "cancel": status in LIVE,
            "delete": status != "deleted",
        }
        end = self.resale.body(found[0], found[1]).get("cycle_end")
        acted = self._act(found[0], found[1], action)
        assert (acted is not None) == makes_sense[action]
        if acted is None:
            return
        words = {"suspend": "suspended", "activate": "active", "cancel": "cancelled", "delete": "deleted"}
        change: Fields = {"status": words[action]}
        over = date.fromisoformat(end) <= self.today if end else status == "inactive"
        if action == "activate" and not renews(found[2].body) and over:
            change["renewals"] = [*found[2].body.get("renewals", []), self._renewal(found[2].body, self.today)]
            change |= self._took_effect(found[2].body)
        self._did(found, Event(action, self.today), change)

    def _renewal(self, body: Fields, day: date) -> Fields:
        return {"date": day.isoformat(), "product": body["product"], "quantity": body["quantity"]}

    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        found = self._own(data, "active", "inactive")
        if found is None:
            return
        body, day = found[2].body, self.today
        if body["status"] == "active":
            end = self.resale.body(found[0], found[1]).get("cycle_end") or day.isoformat()
            billing_day = self.model.customers[found[0], body["customer"]].get("billing_day")
            coming = pending_day(body)
            unit = pending_unit(body) if coming and coming.isoformat() < end else body["billing_cycle"]
            day = oracle.nominal_start_of_next(date.fromisoformat(end), starts(body), unit or "", billing_day)
        assert self._act(found[0], found[1], "renew")
        change = {"status": "active", "renewals": [*body.get("renewals", []), self._renewal(body, day)]}
        change |= self._took_effect(body) if body["status"] == "inactive" else {}
        self._did(found, Event("renew", self.today), change)

    @rule(data=st.data())
    def run_billing(self, data: st.DataObject) -> None:
        """SUB-28, SUB-27: at the reseller, by its own cycle end, it runs out, or what is pending takes effect."""
        found = self._own(data, *LIVE)
        if found is None:
            return
        body, today = found[2].body, self.today.isoformat()
        shown = self.resale.body(found[0], found[1]).get("cycle_end")
        acted = self._act(found[0], found[1], "run_billing")
        assert acted is not None
        coming, runs = pending_day(body), body["status"] == "active"
        began = coming and coming <= self.today and (renews(body) or (shown and coming.isoformat() < shown))
        change = self._took_effect(body) if runs and began else {}
        there = self.resale.body(found[0], found[1])
        over = shown <= today if shown else there["status"] == "inactive"
        if runs and over and not renews(body) and starts(body) <= self.today:
            change["status"] = "inactive"
        assert bool(acted.changed) == bool(change)
        if change:
            event(f"billing ran: {', '.join(sorted(change))}")
            self._did(found, Event("run_billing", self.today), change)

    # What the distributors do, and what they may not

    @rule(data=st.data(), what=st.sampled_from(("edit", "name", "price", "add-on price")), value=st.integers(1, 5))
    def allowed(self, data: st.DataObject, what: str, value: int) -> None:
        found = self._mirror(data)
        if found is None or self.resale.body(found[0], found[1])["status"] not in LIVE:
            return
        tenant, key, mirror = found
        body, action, given = mirror.body, "edit", [f"custom_fields.cost_centre=c{value}", "type=internal"]
        if what == "edit":
            body |= {"custom_fields": {"cost_centre": f"c{value}"}, "type": "internal"}
        elif what == "name":
            given = [f"name=Our {value}"]
            body["name"] = f"Our {value}"
        elif what == "price":
            action, given = "edit_pricing", [f"prices.P1M={value}.00", "billing_options.invoice=yearly"]
            body["prices"]["P1M"] = f"{value}.00"
            body["billing_options"] = {"invoice": "yearly"}
        elif mirror.drifted or "kept" not in body["add_ons"]:
            return
        else:
            action, given = "change_add_on", ["add_on=kept", f"prices.P1M={value}.00"]
            body["add_ons"]["kept"]["prices"]["P1M"] = f"{value}.00"
        assert self.resale.act(tenant, key, action, *given).denied is None
        mirror.did(Event(action, self.today))
        event(f"edited: {what}")
        self.settled = False

    @rule(data=st.data(), action=st.sampled_from(sorted(DENIED_ACTIONS)), role=st.sampled_from(("distributor", None)))
    def denied(self, data: st.DataObject, action: str, role: str | None) -> None:
        if found := self._mirror(data):
            before = self._everything()
            acted = self.resale.act(found[0], found[1], action, *SETTINGS.get(action, ()), role=role)
            assert acted.denied is not None
            assert acted.denied.rule == DENIED_ACTIONS[action]
            assert self._everything() == before

    @rule(data=st.data(), given=st.sampled_from(("quantity=99", "product=ghost", "paid=false", "cycle_end=2030-01-01")))
    def denied_edit(self, data: st.DataObject, given: str) -> None:
        found = self._mirror(data)
        if found and given == "paid=false" and not found[2].body["paid"]:
            return  # it is so already
        if found and not found[2].drifted and found[2].body["status"] in LIVE:
            before = self._everything()
            acted = self.resale.act(found[0], found[1], "edit", given, "type=internal")
            assert acted.denied is not None
            assert acted.denied.rule == "SUB-38"
            assert self._everything() == before

    @rule(data=st.data(), names=st.sets(st.sampled_from(sorted(TAMPERED)), min_size=1, max_size=4))
    def drift(self, data: st.DataObject, names: set[str]) -> None:
        """Behind the guard's back; where the mirror follows (else it is what is there, and goes on up)."""
        found = self._mirror(data)
        if found is None:
            return
        tenant, key, mirror = found
        reseller = key.partition(".")[0]
        if reseller not in self.model.mirrors_on or self.model.may_be_held(reseller, mirror.body["source"]):
            return
        event(f"drift at {'the provider' if tenant == PROVIDER else 'a reseller'}")
        if "history" in names:
            mirror.rewritten(each["action"] for each in self.resale.body(tenant, key)["last_applied"]["history"])
        self.resale.write(tenant, {"kind": "Subscription", "key": key, **{name: TAMPERED[name] for name in names}})
        if "add_ons" in names and "kept" in mirror.body["add_ons"]:
            mirror.body["add_ons"]["kept"]["prices"] = {}
            mirror.applied["add_ons"]["kept"] = {}
        mirror.drifted = True
        self.settled = False

    @rule(data=st.data())
    def lost(self, data: st.DataObject) -> None:
        """A mirror at the provider is gone, behind the guard's back: it comes again, and what was edited is gone."""
        found = self._mirror(data)
        if found is None or found[0] != PROVIDER:
            return
        tenant, key, _ = found
        id = EntityId("Subscription", key)
        there: Entity = self.resale.state(tenant)[id]
        self.resale.store(tenant).overwrite(
            tenant, [EntityWrite(id, there, None)], actor="x", at="2026-01-01T00:00:00Z"
        )
        del self.model.subscriptions[tenant, key]
        self.settled = False

    # What the provider does

    @rule(prices=st.sampled_from(ROUNDS))
    def reprice(self, prices: Prices) -> None:
        self.resale.prices = self.model.prices = prices
        self.resale.declare()
        self.settled = False

    @rule(reseller=st.sampled_from(RESELLERS), really=SOMETIMES)
    def mirror_option(self, reseller: str, really: bool) -> None:
        """On or off, off for a while only. What drifted is restored first: what nobody mirrors is what is there."""
        if reseller in self.model.mirrors_on and not really:
            return
        self.settle()
        for each in (self.resale.mirrors, self.model.mirrors_on):
            each.symmetric_difference_update({reseller})
        event(f"mirrors of {len(self.model.mirrors_on)} resellers")
        self.resale.declare()
        self.settled = False

    # Time, and settling

    @rule(days=st.sampled_from((1, 1, 7, 14, 28, 30, 31, 60, 365)))
    def time_passes(self, days: int) -> None:
        self.resale.now += timedelta(days=days)
        self.settled = False

    @rule()
    def the_first_or_last_of_a_month(self) -> None:
        """The days on which most cycles end."""
        tomorrow = self.today + timedelta(days=1)
        while tomorrow.day not in (1, 15, 20) and not oracle.is_last_of_month(tomorrow):
            tomorrow += timedelta(days=1)
        self.resale.now += tomorrow - self.today
        self.settled = False

    @rule()
    def settle(self) -> None:
        plan = self.resale.plan()
        failed = [each for each in self.resale.apply(plan) if each.result not in DONE]
        assert failed == [], failed
        again = self.resale.plan()
        assert [each for tenant in again.tenants for each in tenant.changes] == []
        self.model.settle(self.today)
        self.settled = True
        for tenant in (PROVIDER, "contoso"):
            self._compare(tenant, self.model.keys(tenant), whole=True)
            self._customers(tenant)
        event("settled")

    @rule()
    def settle_one_level(self) -> None:
        """What is mirrored to contoso; the provider's turn comes later (TREE-03)."""
        failed = [each for each in self.resale.apply(self.resale.plan("contoso")) if each.result not in DONE]
        assert failed == [], failed
        self.model.settle_level("east", self.today)
        self._compare("contoso", self.model.keys("contoso"), whole=True)
        self.settled = False

    @precondition(lambda self: not self.settled)
    @rule()
    def stale_plan(self) -> None:
        """A plan is made, the provider's system moves, and the plan is refused there, wholly."""
        plan = self.resale.plan(PROVIDER)
        self.moves += 1
        self.resale.write(PROVIDER, {"kind": "Customer", "key": "own", "name": f"Own {self.moves}"})
        before = self._everything()
        done = self.resale.apply(plan)
        if any(each.changes for each in plan.tenants):
            assert [each.result for each in done] == [Result.REFUSED]
            event("a stale plan")
        assert self._everything() == before

    @precondition(lambda self: not self.settled)
    @rule()
    def once_only(self) -> None:
        plan = self.resale.plan()
        self.resale.apply(plan)
        before = self._everything()
        changing = {tenant.tenant for tenant in plan.tenants if tenant.changes}
        done = {each.tenant: each.result for each in self.resale.apply(plan)}
        assert all(done[tenant] is Result.ALREADY_APPLIED for tenant in changing)
        assert self._everything() == before
        self.settle()

    # Kills

    @rule(data=st.data(), quantity=st.integers(1, 12), last=st.integers(1, 60))
    def killed_action(self, data: st.DataObject, quantity: int, last: int) -> None:
        """Whoever acts is killed: it is done, mirrors and all, or nothing of it is, and it is done again (SUB-19)."""
        found = self._own(data, *LIVE)
        if found is None:
            return
        order = (found[0], found[1], "change_quantity", f"quantity={quantity}")
        before = self._everything()
        was_killed = killed(lambda: in_a_child(self.resale).act(*order, role="reseller"), last)
        if self._everything() == before:
            assert was_killed
            assert self._act(*order)
        event(f"an action {'was killed' if was_killed else 'outran its killer'}")
        change = {"quantity": quantity, "quantity_effective": self.today.isoformat()}
        self._did(found, Event("change_quantity", self.today), change)

    @precondition(lambda self: not self.settled)
    @rule(last=st.integers(1, 80))
    def killed_apply(self, last: int) -> None:
        """Whoever applies is killed: each tenant is as it was or as it should be, and the next one settles the rest."""
        plan = self.resale.plan()
        before = self._everything()
        was_killed = killed(lambda: in_a_child(self.resale).apply(plan), last)
        there = self._everything()
        self.settle()
        after = self._everything()
        for was, found, settled in zip(before, there, after, strict=True):
            assert found == was or found.entities == settled.entities
        event(f"an apply {'was killed' if was_killed else 'outran its killer'}")

    # What must be so

    def _compare(self, tenant: str, keys: list[str], *, whole: bool = False) -> None:
        """The mirrors that are there against those that should be; not ``whole``: those above a reseller's."""
        if not whole:
            while tenant in UPSTREAMS:
                tenant, keys = UPSTREAMS[tenant], [f"{tenant}.{key}" for key in keys]
                self._each(tenant, keys, self.resale.subscriptions(tenant))
            return
        there = self.resale.subscriptions(tenant)
        mirrors = [key for key in keys if isinstance(self.model.subscriptions[tenant, key], Mirror)]
        assert sorted(key for key, each in there.items() if each.origin) == sorted(mirrors)
        named = Counter((each.body["reseller"], each.body["source"]) for each in there.values() if each.origin)
        assert set(named.values()) <= {1}
        self._each(tenant, mirrors, there)
        for key in mirrors:
            self._shows_the_next_end(key, self.model.subscriptions[tenant, key], there[key])

    def _shows_the_next_end(self, key: str, mirror: Subscription, entity: Entity) -> None:
        """What renews shows the end of the cycle that runs."""
        reseller = key.partition(".")[0]
        assert isinstance(mirror, Mirror)
        follows = reseller in self.model.mirrors_on and not mirror.blocked
        assert mirror.term is not None
        if follows and renews(mirror.was) and mirror.body["status"] == "active" and not mirror.term.vague:
            units = {name: mirror.body.get(name) for name in ("billing_cycle", "pending_unit")}
            assert entity.body["cycle_end"] == mirror.term.ends({**mirror.was, **units}, self.today).isoformat()

    def _each(self, tenant: str, keys: list[str], there: dict[str, Entity]) -> None:
        for key in keys:
            mirror = self.model.subscriptions.get((tenant, key))
            if not isinstance(mirror, Mirror):
                assert key not in there or there[key].origin is None
            elif not mirror.drifted and not mirror.lost:
                self._is_as(mirror, there[key], key)

    def _is_as(self, mirror: Mirror, entity: Entity, key: str) -> None:
        assert entity.origin == key.partition(".")[0]
        body = dict(entity.body)
        history, end = body.pop("history"), body.pop("cycle_end", None)
        assert {"customer", "product", "status", "history", "last_applied"} <= set(body.pop("locked"))
        del body["last_applied"]
        want = {name: value for name, value in mirror.body.items() if value not in ({}, [])}
        for each in [*want.get("add_ons", {}).values(), *body.get("add_ons", {}).values()]:
            each["prices"] = each.get("prices", {})
        assert mirror.term is not None
        if mirror.term.vague:
            shown = body.pop("status"), want.pop("status")
            assert shown[0] == shown[1] or {*shown} <= {"active", "inactive"}
            mirror.body["status"] = shown[0]
        assert body == want, key
        if not mirror.term.vague and mirror.body["status"] == "active":
            assert mirror.term.end is None or end == mirror.term.end.isoformat(), key
        self._recorded(mirror, [each["action"] for each in history], key)

    def _recorded(self, mirror: Mirror, found: list[str], key: str) -> None:
        """One record for each action, by its name."""
        want = [each.action for each in mirror.history]
        assert mirror.term is not None
        if mirror.term.vague or mirror.vague_history:
            mirror.vague_history = True
            want, found = [[name for name in each if name not in UNTOLD] for each in (want, found)]
        either = {"upgrade or downgrade": ("upgrade", "downgrade")}
        assert len(want) == len(found), (key, want, found)
        left = Counter(found)
        for name in sorted(want, key=lambda name: name in either):
            taken = next((one for one in either.get(name, (name,)) if left[one]), None)
            assert taken is not None, (key, want, found)
            left[taken] -= 1

    def _customers(self, tenant: str) -> None:
        state = self.resale.state(tenant)
        copied = {id.key for id, each in state.items() if id.kind == "Customer" and each.origin}
        assert copied == {key for owner, key in self.model.customers if owner == tenant and "." in key}
        for (owner, _), mirror in self.model.subscriptions.items():
            if owner == tenant and isinstance(mirror, Mirror):
                there = self.model.customers[tenant, mirror.body["customer"]]
                assert state[EntityId("Customer", mirror.body["customer"])].body == there

    @invariant()
    def nothing_of_ones_own_is_touched(self) -> None:
        """Whatever is mirrored, a reseller's own subscriptions are its own."""
        if hasattr(self, "resale"):
            for reseller in RESELLERS:
                there = self.resale.subscriptions(reseller)
                own = {key for key, each in there.items() if each.origin is None}
                assert own == {
                    key
                    for key in self.model.keys(reseller)
                    if not isinstance(self.model.subscriptions[reseller, key], Mirror)
                }


class Settling(Machine):
    """The same, and it settles at the end whatever happened."""

    def teardown(self) -> None:
        try:
            if hasattr(self, "model"):
                self.settle()
        finally:
            super().teardown()


TestMirrors = Settling.TestCase
TestMirrors.settings = settings(
    max_examples=settings().max_examples if is_long() else SHORT,
    stateful_step_count=30,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
