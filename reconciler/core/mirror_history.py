"""The history of a mirror: a record for each action of the reseller, named as the business does (SUB-31).

What the reseller's own system recorded comes over, but for the end of a mirror's cycle: each side's is its own
(SUB-29). For what it changed without a record (`tenant import`, or a system of its own), the action is told from what
changed. Drift that is restored is no action, and has no record.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.terms import ACTIVE, INACTIVE, Terms, last_applied
from reconciler.model.amounts import canonical
from reconciler.model.subscriptions import ACTIONS
from reconciler.model.values import Body, Value

Record = dict[str, str]
EXPIRE = "expire"
"""How a mirror's own end is recorded, when its cycle ended and was not renewed (SUB-28): nobody's action, and so no
record for the mirror of a mirror."""
STATUS_ACTIONS = {"suspended": "suspend", "cancelled": "cancel", "deleted": "delete", ACTIVE: "activate"}
"""What a reseller did whose subscription came to a status. What runs out, nobody did."""
EDITED = ("characteristics", "paid", "plan", "activation_date", "start_date", "customer")


@dataclass(frozen=True, slots=True)
class Occasion:
    """A mirror that is to be brought up to date: what the reseller said, the mirror as it is and as it should be.

    ``products``: the distributor's, by key.
    """

    said: Body
    have: Body | None
    want: Body
    due: Terms
    products: Mapping[str, Body]

    @property
    def last(self) -> Body:
        """The mirror as it was applied last: whatever it became since, nobody at the reseller did."""
        return last_applied(self.have) or {}

    def changed(self, field: str) -> bool:
        """Whether the reseller changed a field. A flag that is absent is off."""
        before, after = self.last.get(field), self.want.get(field)
        return bool(before != after) and not all(each is None or each is False for each in (before, after))

    @property
    def history(self) -> list[Record]:
        """What was recorded so far, with what the distributor added; what was rewritten is drift (SUB-40)."""
        recorded: list[Record] = self.last.get("history", [])
        have: list[Record] = (self.have or {}).get("history", [])
        return have if have[: len(recorded)] == recorded else recorded


def records(occasion: Occasion, at: str) -> list[Record]:
    """The whole history of the mirror, with what is new at its end. ``at``: ISO 8601."""
    if occasion.have is None:
        return [{"at": at, "action": "create", "detail": _created(occasion.want)}]
    told = occasion.said.get("history", [])
    known = occasion.last.get("records", len(told))
    recorded = [dict(each) for each in told[known:]]
    new = [each for each in recorded if each["action"] != EXPIRE]
    new += [_record(at, action, detail) for action, detail in _derived(occasion, recorded)]
    return [*occasion.history, *new]


def _record(at: str, action: str, detail: str) -> Record:
    return {"at": at, "action": action, **({"detail": detail} if detail else {})}


def _created(want: Body) -> str:
    quantity = f"{want['quantity']} of " if "quantity" in want else ""
    return f"{quantity}{want['product']}, {want['status']}"


def _derived(occasion: Occasion, told: list[Record]) -> Iterator[tuple[str, str]]:
    """The actions that no record tells of."""
    covered = {field for each in told if each["action"] in ACTIONS for field in ACTIONS[each["action"]].accounts_for}
    if occasion.due.expired and occasion.last.get("status") == ACTIVE:
        yield EXPIRE, f"its billing cycle ended on {occasion.due.cycle_end}"
    for action, detail, fields in _told_by_fields(occasion, covered):
        if not covered.issuperset(fields):
            yield action, detail


def _told_by_fields(occasion: Occasion, covered: set[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each action by the fields that changed, with these. ``covered``: of those a record tells already."""
    last, want = occasion.last, occasion.want
    switched = occasion.changed("product") and not _renamed(occasion)
    if switched:
        yield _direction(occasion), f"{last.get('product')} -> {want['product']}", ("product",)
    if occasion.changed("billing_cycle") and not switched:
        detail = f"{last.get('billing_cycle')} -> {want.get('billing_cycle')}"
        yield "change_unit", f"{detail}, {want.get('unit_change', 'current_cycle')}", ("billing_cycle",)
    if occasion.changed("quantity") or occasion.changed("quantity_effective"):
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
        yield EXPIRE, f"{before} -> {now}", ("status",)  # set so by the reseller's own system, before its cycle's end
    elif occasion.changed("renewals") and not switched:
        yield "renew", "", ("renewals",)


def _renamed(occasion: Occasion) -> bool:
    """Whether the product only has another key (AP-21)."""
    body = occasion.products.get(occasion.want["product"], {})
    return occasion.last.get("product") in body.get("moved_from", [])


def _direction(occasion: Occasion) -> str:
    """Upgrade or downgrade: as the distributor relates the two products, else by price."""
    before, after = occasion.last.get("product", ""), occasion.want["product"]
    relations: Mapping[str, Any] = occasion.products.get(before, {}).get("relations", {})
    if after in relations.get("downgrade", []):
        return "downgrade"
    if after in relations.get("upgrade", []):
        return "upgrade"
    old, new = _price(occasion.last), _price(occasion.want)
    return "downgrade" if old is not None and new is not None and new < old else "upgrade"


def _price(body: Body) -> tuple[int, str] | None:
    """The price, in a form that compares by value."""
    amount = body.get("prices", {}).get(body.get("billing_cycle", ""))
    if amount is None:
        return None
    whole, _, rest = canonical(amount).partition(".")
    return int(whole), rest


def _edited(occasion: Occasion, covered: set[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
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
