"""What a mirror remembers of the last apply (``last_applied``), so that later plans can tell who changed what since.

What differs from it at the distributor is drift or an edit (SUB-13, SUB-40); what differs from it at the source is the
reseller's doing (SUB-31).
"""

from reconciler.core.subscriptions.mirror_prices import equal
from reconciler.core.subscriptions.units import SOURCE_UNIT, UNIT
from reconciler.model.documents.declarations import LAST_APPLIED
from reconciler.model.documents.tenant import LastApplied
from reconciler.model.values.plain_values import Body, Path, get

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
"""What a mirror has as its source has it (SUB-02, SUB-08, SUB-10, SUB-11, SUB-23, SUB-25)."""
REMEMBERED = (*COPIED, "billing_cycle", "pending_unit", "customer", "status", "source_status", "cycle_end", "history")
"""What a mirror remembers as it was applied last, beside what its distributor may edit."""
RECORDS = "records"
ADD_ON = ("product", "billing_cycle", "quantity")
"""What a mirror has of an add-on as its source has it, and remembers (SUB-15)."""


def remembered(source: Body, have: Body | None, body: Body) -> Body:
    """The memory of a mirror that becomes ``body``.

    ``source``: the body of the subscription that is mirrored; ``have``: the mirror before, ``None`` if there is none.
    """
    found = {**of_mirror(have, body), **of_source(source, body)}
    in_order = {name: found.get(name) for name in LastApplied.model_fields}
    return {name: value for name, value in in_order.items() if value not in (None, {}, [])}


def of_mirror(have: Body | None, body: Body) -> Body:
    """What is remembered of the mirror itself. Of a field that the distributor edited, what was there before stays."""
    before = (have or {}).get(LAST_APPLIED) or {}
    there = (have or {}).get("add_ons", {})  # of an add-on that comes, or comes back, nobody edited anything yet
    add_ons = {
        key: {**each, "prices": _kept_or_new(before, have, each.get("prices", {}), ("add_ons", key, "prices"))}
        if key in there
        else each
        for key, each in body.get("add_ons", {}).items()
    }
    edited = have is not None and before.get("name") != have.get("name")
    return {
        **{name: body[name] for name in REMEMBERED if name in body},
        "name": before.get("name") if edited else body.get("name"),
        "prices": _kept_or_new(before, have, body.get("prices", {}), ("prices",)),
        "add_ons": add_ons,
    }


def of_source(source: Body, body: Body) -> Body:
    """What is remembered of the source: how many of its records have come, and its unit where it is another one."""
    unit = source.get(UNIT)
    return {RECORDS: len(source.get("history", [])), SOURCE_UNIT: unit if unit != body.get(UNIT) else None}


def _kept_or_new(before: Body, have: Body | None, want: Body, path: Path) -> dict[str, str]:
    """The amounts to remember: as they are wanted, but of those that were edited what was applied last."""
    last, mine = get(before, path) or {}, get(have or {}, path) or {}
    edited = {key for key in {*last, *mine} if not equal(last.get(key), mine.get(key))}
    kept = {key: last[key] for key in edited if key in last}
    return {**{key: amount for key, amount in want.items() if key not in edited}, **kept}
