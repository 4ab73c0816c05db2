"""The history of a mirror: a record for each action of the reseller, named as the business does (SUB-31).

Records of the reseller's own system are copied, except those of the end of a cycle, which each side has its own
(SUB-29). For changes without a record (`tenant import`, or another system), the action is derived from the changed
fields. Restored drift is not an action and has no record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reconciler.core.subscriptions.mirror_status import ACTIVE, INACTIVE, SubscriptionStatus, last_applied_body
from reconciler.core.subscriptions.units import MODE, NEXT_CYCLE, UNIT, pending_of
from reconciler.model.documents.subscriptions import ACTIONS
from reconciler.model.values.amounts import canonical
from reconciler.model.values.plain_values import Body, Value

HistoryEntry = dict[str, str]
EXPIRE = "expire"
"""The record of a mirror's own end when its cycle ended and was not renewed (SUB-28). It is nobody's action, so the
mirror of a mirror gets no copy of it.
"""
TAKE_EFFECT = "take_effect"
"""The record that a pending unit took effect at the end of the mirror's own cycle (SUB-27); not copied either."""
OWN_RECORDS = frozenset({EXPIRE, TAKE_EFFECT})
"""Records of one side only, since they are about that side's own cycle end."""
STATUS_ACTIONS = {"suspended": "suspend", "cancelled": "cancel", "deleted": "delete", ACTIVE: "activate"}
"""The reseller's action for each status that its subscription may change to. Expiry is nobody's action."""
EDITED = ("characteristics", "paid", "plan", "activation_date", "start_date", "customer")


@dataclass(frozen=True, slots=True)
class SplitOff:
    """A new subscription that took over a part of another: its product, quantity, key and price."""

    product: str
    quantity: int
    key: str
    price: str | None


@dataclass(frozen=True, slots=True)
class MirrorUpdate:
    """A mirror to update: the reseller's subscription, the mirror as it is, and as it should be.

    ``products``: the distributor's, by key. ``split``: the new subscription that took over a part of it.
    """

    said: Body
    have: Body | None
    want: Body
    due: SubscriptionStatus
    products: Mapping[str, Body]
    split: SplitOff | None = None

    @property
    def last(self) -> Body:
        """The mirror as it was last applied: changes since then were not made by the reseller."""
        return last_applied_body(self.have) or {}

    def changed(self, field: str) -> bool:
        """Whether the reseller changed a field. An absent flag counts as false."""
        before, after = self.last.get(field), self.want.get(field)
        return bool(before != after) and not all(each is None or each is False for each in (before, after))

    @property
    def history(self) -> list[HistoryEntry]:
        """The records so far, including the distributor's own; rewritten records are drift and are restored
        (SUB-40).
        """
        recorded: list[HistoryEntry] = self.last.get("history", [])
        have: list[HistoryEntry] = (self.have or {}).get("history", [])
        return have if have[: len(recorded)] == recorded else recorded


def records(occasion: MirrorUpdate, at: str) -> list[HistoryEntry]:
    """The whole history of the mirror, new records last. ``at``: ISO 8601."""
    if occasion.have is None:
        return _first(at, _created(occasion.want))
    source_records = occasion.said.get("history", [])
    known = occasion.last.get("records", len(source_records))
    recorded = [dict(each) for each in source_records[known:]]
    new = [each for each in recorded if each["action"] not in OWN_RECORDS]
    new += [_record(at, action, detail) for action, detail in _derived(occasion, recorded)]
    return [*occasion.history, *new]


def _record(at: str, action: str, detail: str) -> HistoryEntry:
    return {"at": at, "action": action, **({"detail": detail} if detail else {})}


@lru_cache
def _first(at: str, detail: str) -> list[HistoryEntry]:
    """The history of a new mirror; one object for all with the same."""
    return [{"at": at, "action": "create", "detail": detail}]


def _created(want: Body) -> str:
    quantity = f"{want['quantity']} of " if "quantity" in want else ""
    return f"{quantity}{want['product']}, {want['status']}"


def _derived(occasion: MirrorUpdate, source_records: list[HistoryEntry]) -> Iterator[tuple[str, str]]:
    """The actions without a record."""
    covered = {
        field for each in source_records if each["action"] in ACTIONS for field in ACTIONS[each["action"]].accounts_for
    }
    if replaced := occasion.due.units.replaced:
        was, pending = replaced
        yield TAKE_EFFECT, f"{was} -> {pending.unit}, from {pending.day}"
    if occasion.due.expired and occasion.last.get("status") == ACTIVE:
        yield EXPIRE, f"its billing cycle ended on {occasion.due.cycle_end}"
    for action, detail, fields in _derived_from_fields(occasion, covered):
        if not covered.issuperset(fields):
            yield action, detail


def _derived_from_fields(occasion: MirrorUpdate, covered: set[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each action that changed fields indicate, with these fields. ``covered``: fields that existing records
    explain.
    """
    last, want = occasion.last, occasion.want
    switched = occasion.changed("product") and not _renamed(occasion)
    if switched:
        action = _direction(occasion, last.get("product", ""), want["product"], _price(want))
        yield action, f"{last.get('product')} -> {want['product']}", ("product",)
    if not switched:
        yield from (("change_unit", detail, ("billing_cycle",)) for detail in _unit_changes(occasion))
    if split := occasion.split:
        action = _direction(occasion, last.get("product", ""), split.product, _in_parts(split.price))
        moved = f"{split.quantity} of {last['quantity']} to {split.product}, as {split.key}"
        yield action, moved, ("quantity", "quantity_effective")
    elif occasion.changed("quantity") or occasion.changed("quantity_effective"):
        effective = f", effective {want['quantity_effective']}" if "quantity_effective" in want else ""
        yield "change_quantity", f"{last.get('quantity')} -> {want.get('quantity')}{effective}", ("quantity",)
    if occasion.changed("renew_automatically"):
        yield "set_renew_automatically", _text(want.get("renew_automatically", False)), ("renew_automatically",)
    yield from _edited(occasion, covered)
    yield from _add_ons(last.get("add_ons", {}), want.get("add_ons", {}))
    before, now = last.get("source_status") or ACTIVE, occasion.said.get("status", ACTIVE)
    if before != now and now in STATUS_ACTIONS:
        yield STATUS_ACTIONS[now], f"{before} -> {now}", ("status",)
    elif before != now and want["status"] == INACTIVE and last.get("status") == ACTIVE and not occasion.due.expired:
        yield EXPIRE, f"{before} -> {now}", ("status",)  # set by the reseller's own system, before its cycle's end
    elif occasion.changed("renewals") and not switched:
        yield "renew", "", ("renewals",)


def _renamed(occasion: MirrorUpdate) -> bool:
    """Whether the product only has a new key (AP-21)."""
    body = occasion.products.get(occasion.want["product"], {})
    return occasion.last.get("product") in body.get("moved_from", [])


def _unit_changes(occasion: MirrorUpdate) -> Iterator[str]:
    """The text for what the reseller changed about the unit: now, for the next cycle, or a cancelled pending change.

    A pending change that takes effect is not included.
    """
    units, last = occasion.due.units, occasion.last
    here, awaited = last.get(UNIT), pending_of(last)
    leads_to = awaited.unit if awaited else here
    if units.replaced:
        was, came = units.replaced
        if came.unit != leads_to:
            yield f"{was} -> {came.unit}, {NEXT_CYCLE}"
        here = leads_to = came.unit
    pending = units.pending
    if pending and pending.unit != leads_to:
        yield f"{units.in_force} -> {pending.unit}, {NEXT_CYCLE}"
    elif not pending and units.in_force != here:
        yield f"{here} -> {units.in_force}, {occasion.said.get(MODE, 'current_cycle')}"
    elif not pending and awaited and not units.replaced:
        yield f"{here}, {awaited.unit} from {awaited.day} cancelled"


def _direction(occasion: MirrorUpdate, before: str, after: str, price: tuple[int, str] | None) -> str:
    """``upgrade`` or ``downgrade``: by the distributor's relation between the two products, else by price."""
    relations: Mapping[str, Any] = occasion.products.get(before, {}).get("relations", {})
    if after in relations.get("downgrade", []):
        return "downgrade"
    if after in relations.get("upgrade", []):
        return "upgrade"
    old = _price(occasion.last)
    return "downgrade" if old is not None and price is not None and price < old else "upgrade"


def _price(body: Body) -> tuple[int, str] | None:
    """The price in a form that compares by value."""
    return _in_parts(body.get("prices", {}).get(body.get("billing_cycle", "")))


def _in_parts(amount: str | None) -> tuple[int, str] | None:
    if amount is None:
        return None
    whole, _, rest = canonical(amount).partition(".")
    return int(whole), rest


def _edited(occasion: MirrorUpdate, covered: set[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    changed = tuple(field for field in EDITED if occasion.changed(field) and field not in covered)
    if changed:
        yield "edit", ", ".join(changed), changed


def _add_ons(have: Body, want: Body) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for key in sorted({*have, *want}):
        if key not in have:
            yield "add_add_on", key, ("add_ons",)
        elif key not in want:
            yield "cancel_add_on", key, ("add_ons",)
        elif any(have[key].get(name) != want[key].get(name) for name in ("product", "billing_cycle", "quantity")):
            yield "change_add_on", key, ("add_ons",)


def _text(value: Value) -> str:
    return str(value).lower()
