"""What a mirror stores about the last apply (``last_applied``), so that later plans know who changed what since.

A difference from it at the distributor is drift or an edit (SUB-13, SUB-40); a difference from it at the source is an
action of the reseller (SUB-31).
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
"""The fields that a mirror copies from its source (SUB-02, SUB-08, SUB-10, SUB-11, SUB-23, SUB-25)."""
REMEMBERED = (*COPIED, "billing_cycle", "pending_unit", "customer", "status", "source_status", "cycle_end", "history")
"""The fields that a mirror stores as last applied, besides those that its distributor may edit."""
RECORDS = "records"
ADD_ON = ("product", "billing_cycle", "quantity")
"""The fields of an add-on that a mirror copies and stores (SUB-15)."""


def with_memory(source: Body, have: Body | None, body: Body) -> Body:
    """The new ``last_applied`` of a mirror that becomes ``body``.

    ``source``: the body of the mirrored subscription. ``have``: the mirror before, ``None`` if there is none.
    """
    found = {**of_mirror(have, body), **of_source(source, body)}
    in_order = {name: found.get(name) for name in LastApplied.model_fields}
    return {name: value for name, value in in_order.items() if value not in (None, {}, [])}


def of_mirror(have: Body | None, body: Body) -> Body:
    """The part about the mirror itself. For a field that the distributor edited, the stored value stays."""
    before = (have or {}).get(LAST_APPLIED) or {}
    there = (have or {}).get("add_ons", {})  # an add-on that is new, or restored, has no edits yet
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
    """The part about the source: the number of its records copied, and its unit if it differs from the mirror's."""
    unit = source.get(UNIT)
    return {RECORDS: len(source.get("history", [])), SOURCE_UNIT: unit if unit != body.get(UNIT) else None}


def _kept_or_new(before: Body, have: Body | None, want: Body, path: Path) -> Body:
    """The amounts to store: the wanted ones, except that edited ones keep the stored amount."""
    last, mine = get(before, path) or {}, get(have or {}, path) or {}
    edited = {key for key in {*last, *mine} if not equal(last.get(key), mine.get(key))}
    if not edited:
        return want  # and so one object: there may be very many mirrors
    kept = {key: last[key] for key in edited if key in last}
    return {**{key: amount for key, amount in want.items() if key not in edited}, **kept}
