"""Actions on a subscription: the effect of each, as the system of the acting party would have it (SUB-19 to SUB-30).

Pure: a subscription, the action and its parameters to every subscription as it will be. Permissions are not checked
here but by the store (`core/subscriptions/permissions.py`). Each action adds a record to the subscription's history.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from reconciler.core.reading import merged
from reconciler.core.schema import fields_of, prune_empty
from reconciler.core.subscriptions.cycles import Cycles
from reconciler.core.subscriptions.mirror_status import (
    ACTIVE,
    INACTIVE,
    DayAt,
    date_in,
    due,
    next_end,
    status_at_source,
    utc_day,
)
from reconciler.core.subscriptions.units import MODE, NEXT_CYCLE, PENDING, UNIT, PendingUnit, pending_of
from reconciler.model.documents.subscriptions import ACTIONS, RESELLER
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value

CUSTOMER, SUBSCRIPTION = "Customer", "Subscription"
LIVE = frozenset({ACTIVE, INACTIVE, "suspended"})
FROM: Mapping[str, frozenset[str]] = {
    "suspend": frozenset({ACTIVE}),
    "activate": frozenset({INACTIVE, "suspended", "cancelled"}),
    "renew": frozenset({ACTIVE, INACTIVE}),
    "cancel": LIVE,
    "delete": LIVE | {"cancelled"},
    "run_billing": LIVE,
}
"""The statuses in which an action is possible; for other actions, `LIVE`."""

TO: Mapping[str, str] = {"suspend": "suspended", "activate": ACTIVE, "cancel": "cancelled", "delete": "deleted"}
"""The status that an action leads to."""
EDITABLE = frozenset(
    {
        "activation_date",
        "bill_to_contact",
        "billing_options",
        "characteristics",
        "custom_fields",
        "customer",
        "labels",
        "name",
        "paid",
        "plan",
        "prices",
        "provisioning_sync",
        "responsible_user",
        "sharing_rule",
        "start_date",
        "type",
    }
)
"""The fields of a party's own subscription that `edit` may change."""


class CannotAct(Exception):
    """The action is not possible in this state; the message is for people."""


@dataclass(frozen=True, slots=True)
class ActionCase:
    """A subscription and an action on it: the tenant's state, the parameters (as a patch), the day and the moment.

    ``add_on``: the add-on, for actions on one. ``role``: the role of the acting party. ``day_at``: the day of a
    record's moment (DATE-01).
    """

    subscription: Entity
    state: State
    patch: Body
    on: date
    at: str
    add_on: str = ""
    role: str | None = None
    day_at: DayAt = utc_day

    @property
    def body(self) -> Body:
        return self.subscription.body

    @property
    def mirrored(self) -> bool:
        return self.subscription.origin is not None

    @property
    def billing_day(self) -> int | None:
        customer = self.state.get(EntityId(CUSTOMER, self.body.get("customer", "")))
        return customer.body.get("billing_day") if customer else None


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The effect of an action: the new body, the detail for its record, and a second subscription by key, if any."""

    body: Body
    detail: str = ""
    second: tuple[str, Body] | None = None


Effect: TypeAlias = Callable[[ActionCase], ActionResult | None]
"""Returns ``None`` if there is nothing to do and so nothing to record."""


def act(action: str, case: ActionCase) -> tuple[Entity, ...]:
    """Every subscription that an action changes, as it will be, the target first. Raises `CannotAct`."""
    if case.role == RESELLER and not ACTIONS[action].resellers:
        raise CannotAct(f"{action} is the distributor's: act as distributor")
    status = case.body.get("status", ACTIVE)
    if status not in FROM.get(action, LIVE):
        why = "already" if status == TO.get(action) else f"and cannot be {_past(action)}"
        raise CannotAct(f"{case.subscription.id} is {status} {why}")
    done = EFFECTS[action](case)
    if done is None:
        return ()
    body = {**done.body, "history": [*case.body.get("history", []), _record(case, action, done.detail)]}
    entities = [Entity(case.subscription.id, _settled(case, body), case.subscription.origin)]
    if done.second:
        key, second = done.second
        detail = f"from {case.subscription.id.key}"
        second = {**second, "history": [_record(case, action, detail)]}
        entities.append(Entity(EntityId(SUBSCRIPTION, key), _tidied(second)))
    return tuple(entities)


def _past(action: str) -> str:
    words = {"suspend": "suspended", "activate": "activated", "renew": "renewed", "cancel": "cancelled"}
    return words.get(action, "deleted" if action == "delete" else "changed")


def _record(case: ActionCase, action: str, detail: str) -> dict[str, str]:
    return {"at": case.at, "action": action, **({"detail": detail} if detail else {})}


def _settled(case: ActionCase, body: Body) -> Body:
    """The body with the end of its cycle. For a mirror, only the reconciler writes it."""
    if case.mirrored:
        return _tidied(body)
    end = status_at_source(case.body, body, billing_day=case.billing_day, on=case.on, day_at=case.day_at).cycle_end
    return _tidied({**body, "cycle_end": end.isoformat() if end else None})


def _tidied(body: Body) -> Body:
    return prune_empty(body, fields_of(SUBSCRIPTION))


def _merged(case: ActionCase) -> dict[str, Value]:
    body: dict[str, Value] = merged(case.body, case.patch)
    return body


def _change_quantity(case: ActionCase) -> ActionResult:
    body = {"quantity_effective": case.on.isoformat(), **case.patch}
    detail = f"{case.body.get('quantity', 0)} -> {body['quantity']}, effective {body['quantity_effective']}"
    return ActionResult({**case.body, **body}, detail)


def _change_unit(case: ActionCase) -> ActionResult:
    """Changes the unit now or with the next cycle; the unit in force cancels a pending change."""
    here, awaited = case.body.get(UNIT), pending_of(case.body)
    unit, mode = case.patch[UNIT], case.patch.get(MODE, "current_cycle")
    body = {name: value for name, value in case.body.items() if name != PENDING} | {MODE: mode}
    if unit == here:
        if awaited is None:
            raise CannotAct(f"{case.subscription.id} is billed by {unit} already")
        return ActionResult(body, f"{here}, {awaited.unit} from {awaited.day} cancelled")
    if mode != NEXT_CYCLE or here is None:
        return ActionResult({**body, UNIT: unit}, f"{here} -> {unit}, {mode}")
    if awaited and awaited.unit == unit:
        raise CannotAct(f"{case.subscription.id} is billed by {unit} from {awaited.day} already")
    end = next_end(case.body, billing_day=case.billing_day, on=case.on, day_at=case.day_at)
    if end is None:
        raise CannotAct(
            f"{case.subscription.id} has no start date, so that no cycle of it ends: set when=current_cycle"
        )
    return ActionResult({**body, PENDING: PendingUnit(unit, end).body}, f"{here} -> {unit}, {mode}")


def _in_next_cycle(body: Body, pending: PendingUnit | None) -> dict[str, Value]:
    """A subscription after its next cycle began, with the unit that was pending (SUB-27)."""
    rest = {name: value for name, value in body.items() if name != PENDING or pending is None}
    return {**rest, UNIT: pending.unit} if pending else rest


def _switch(case: ActionCase) -> ActionResult:
    """Upgrade or downgrade. Of a part of the quantity: a second subscription; of all: a new product and a renewal
    entry.
    """
    here, product = case.body.get("quantity"), case.patch["product"]
    moved = case.patch.get("quantity", here)
    if product == case.body["product"]:
        raise CannotAct(f"{case.subscription.id} is of product {product} already")
    if here is not None and moved is not None and not 0 < moved <= here:
        raise CannotAct(f"{case.subscription.id} has a quantity of {here}: {moved} of it cannot be moved")
    rest = {name: value for name, value in case.body.items() if name not in ("plan", "renewals", "history")}
    new = {**rest, "product": product, **({"plan": case.patch["plan"]} if "plan" in case.patch else {})}
    if moved == here or here is None or moved is None:
        renewal = {"date": case.on.isoformat(), "product": product, **({"quantity": here} if here else {})}
        return ActionResult(
            {**new, "renewals": [*case.body.get("renewals", []), renewal]}, f"{case.body['product']} -> {product}"
        )
    key, day = _free_key(case), case.on.isoformat()
    dates = {"activation_date": day, "start_date": day, "quantity": moved, "quantity_effective": day}
    left_behind = ("add_ons", "cycle_end", PENDING, MODE)  # a pending change belongs to the first one's cycle
    second = {name: value for name, value in {**new, **dates}.items() if name not in left_behind}
    first = {**case.body, "quantity": here - moved, "quantity_effective": day}
    return ActionResult(first, f"{moved} of {here} to {product}, as {key}", (key, second))


def _free_key(case: ActionCase) -> str:
    number = 2
    while EntityId(SUBSCRIPTION, f"{case.subscription.id.key}-{number}") in case.state:
        number += 1
    return f"{case.subscription.id.key}-{number}"


def _set_renew_automatically(case: ActionCase) -> ActionResult:
    return ActionResult(_merged(case), str(case.patch["renew_automatically"]).lower())


def _edit(case: ActionCase) -> ActionResult:
    """Changes fields of one's own subscription that no other action changes and nobody else writes."""
    if not case.patch:
        raise CannotAct("there is nothing to edit: name a field with --set")
    for name in sorted(case.patch) if not case.mirrored else ():
        other = next((each.id for each in ACTIONS.values() if name in each.accounts_for and each.id != "edit"), None)
        if name not in EDITABLE:
            raise CannotAct(
                f"{name} is not edited: {f'{other} changes it' if other else 'it is written by the system'}"
            )
    return ActionResult(_merged(case), ", ".join(sorted(case.patch)))


def _add_add_on(case: ActionCase) -> ActionResult:
    if case.add_on in case.body.get("add_ons", {}):
        raise CannotAct(f"{case.subscription.id} has an add-on {case.add_on} already: change_add_on changes it")
    return ActionResult(_merged(case), case.add_on)


def _change_add_on(case: ActionCase) -> ActionResult:
    _there(case)
    return ActionResult(_merged(case), case.add_on)


def _cancel_add_on(case: ActionCase) -> ActionResult:
    _there(case)
    rest = {key: each for key, each in case.body["add_ons"].items() if key != case.add_on}
    return ActionResult({**case.body, "add_ons": rest}, case.add_on)


def _there(case: ActionCase) -> None:
    known = sorted(case.body.get("add_ons", {}))
    if case.add_on not in known:
        there = f"it has {', '.join(known)}" if known else "it has none"
        raise CannotAct(f'{case.subscription.id} has no add-on "{case.add_on}": {there}')


def _to(status: str) -> Effect:
    def effect(case: ActionCase) -> ActionResult:
        return ActionResult({**case.body, "status": status})

    return effect


def _activate(case: ActionCase) -> ActionResult:
    """A subscription that had expired begins a new cycle, which every side learns from its renewal (SUB-30)."""
    body = {**case.body, "status": ACTIVE}
    if _ran_out(case):
        body = _in_next_cycle(body, pending_of(body))
        body["renewals"] = [*case.body.get("renewals", []), _renewal(case, case.on)]
    return ActionResult(body)


def _ran_out(case: ActionCase) -> bool:
    if case.body.get("renew_automatically", False):
        return False
    end = date_in(case.body, "cycle_end")
    return end <= case.on if end else case.body.get("status", ACTIVE) == INACTIVE


def _renew(case: ActionCase) -> ActionResult:
    """Renews for one more cycle after the current one; an expired subscription begins a new cycle today."""
    start = date_in(case.body, "start_date") or date_in(case.body, "activation_date")
    body, begins, pending = {**case.body, "status": ACTIVE}, case.on, pending_of(case.body)
    if case.body.get("status", ACTIVE) != ACTIVE:
        body = _in_next_cycle(body, pending)
    elif start and case.body.get(UNIT):
        end = date_in(case.body, "cycle_end") or case.on
        unit = pending.unit if pending and end > pending.day else case.body[UNIT]
        begins = Cycles(start, unit, case.billing_day).nominal(end) or case.on
    renewals = [*case.body.get("renewals", []), _renewal(case, begins)]
    return ActionResult({**body, "renewals": renewals}, f"from {begins}")


def _renewal(case: ActionCase, day: date) -> dict[str, Value]:
    said = {"product": case.body["product"], "quantity": case.body.get("quantity")}
    return {"date": day.isoformat(), **{name: value for name, value in said.items() if value is not None}}


def _run_billing(case: ActionCase) -> ActionResult | None:
    """SUB-28: from the day on which its cycle ended, a subscription without renewal becomes inactive. SUB-27: one with
    renewal gets its pending unit.
    """
    if case.body.get("status", ACTIVE) != ACTIVE:
        return None
    reasons, comes = [], due(case.body, case.on)
    if comes:
        reasons.append(f"{case.body.get(UNIT)} -> {comes.unit}, from {comes.day}")
    body = _in_next_cycle(case.body, comes)
    ends = status_at_source(case.body, body, billing_day=case.billing_day, on=case.on, day_at=case.day_at)
    if ends.expired:
        reasons.append(f"its billing cycle ended on {ends.cycle_end}")
        body["status"] = INACTIVE
    return ActionResult(body, "; ".join(reasons)) if reasons else None


def _noted(case: ActionCase) -> ActionResult:
    """An action that only adds a record."""
    return ActionResult(case.body)


EFFECTS: Mapping[str, Effect] = {
    "change_quantity": _change_quantity,
    "change_unit": _change_unit,
    "upgrade": _switch,
    "downgrade": _switch,
    "set_renew_automatically": _set_renew_automatically,
    "edit": _edit,
    "add_add_on": _add_add_on,
    "change_add_on": _change_add_on,
    "cancel_add_on": _cancel_add_on,
    "suspend": _to(TO["suspend"]),
    "activate": _activate,
    "renew": _renew,
    "cancel": _to(TO["cancel"]),
    "delete": _to(TO["delete"]),
    "run_billing": _run_billing,
    "edit_pricing": _edit,
    "generate_invoice": _noted,
    "relate_activity": _noted,
    "relate_email": _noted,
    "retry_provisioning": _noted,
}
"""The effect of each action of `reconciler.model.documents.subscriptions.ACTIONS`."""
