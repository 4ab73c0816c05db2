"""Renders the subscriptions of a tenant as a table, one in full, and both as data."""

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.core.inspect import ListedSubscription, PendingChanges
from reconciler.core.records import declared_to_data, field_to_data
from reconciler.model.plans.rules import rule_text
from reconciler.model.values.counts import counted
from reconciler.model.values.plain_values import Body
from reconciler.report.tables import render_table
from reconciler.report.values import clean, path_text, shown, shown_pair, without_bookkeeping

HEADER = ("KEY", "CUSTOMER", "PRODUCT", "UNIT", "QUANTITY", "STATUS", "FOLLOWS", "PENDING")
NAMED = 3
"""Number of pending fields to name in the table."""
_LATER = ("history", "locked")
"""Fields that `show` does not list: it counts the history, and the locked fields are the same for every mirror."""


def render_subscriptions(listed: Iterable[ListedSubscription]) -> str:
    """A table with one line per subscription."""
    return render_table(HEADER, [_row(each) for each in listed])


def _row(each: ListedSubscription) -> tuple[str, ...]:
    body = each.body or {}
    names = ("customer", "product", "billing_cycle", "quantity")
    cells = (str(body[name]) if name in body else "" for name in names)
    status = str(body.get("status", "active")) if each.body is not None else "not mirrored"
    follows = (each.follows or "").replace("/subscription/", "/")
    return (each.key, *cells, status, follows, "; ".join(_in_short(each)))


def _in_short(each: ListedSubscription) -> Iterator[str]:
    if unit := _unit(each.body):
        yield unit
    for one in each.pending:
        paths = [path_text(field.path) for field in one.fields]
        more = f" and {len(paths) - NAMED} more" if len(paths) > NAMED else ""
        what = ", ".join(paths[:NAMED]) + more or one.action
        yield f"{what} at {one.address.partition('/')[0]}" + (f": {one.verdict} by {one.rule}" if one.why else "")


def _unit(body: Body | None) -> str:
    """SUB-27: the next billing unit."""
    coming = (body or {}).get("pending_unit")
    return f"{coming.get('billing_cycle')} from {coming.get('from')}" if isinstance(coming, dict) else ""


def render_subscription(tenant: str, each: ListedSubscription) -> str:
    """One subscription in full: its fields, its source, what is pending and why, and the length of its history."""
    return "".join(f"{line}\n" for line in _lines(tenant, each))


def _lines(tenant: str, each: ListedSubscription) -> Iterator[str]:
    yield clean(f"{tenant}/subscription/{each.key}")
    if each.body is None:
        yield "  it is not mirrored yet"
    for name, value in sorted(without_bookkeeping(each.body or {}).items()):
        if name not in _LATER:
            yield f"  {name}: {clean(value) if isinstance(value, str) else shown(value)}"
    if records := (each.body or {}).get("history"):
        yield f"  history: {counted(len(records), 'record')} (listed with --format json)"
    if each.follows:
        yield f"Follows {clean(each.follows)}."
    if each.mirror:
        yield f"Mirrored as {clean(each.mirror)}."
    if unit := _unit(each.body):
        yield f"Pending: {clean(unit)} (SUB-27)"
    for one in each.pending:
        yield from _pending_lines(one)
    if not unit and not each.pending:
        yield "Nothing is pending."


def _pending_lines(one: PendingChanges) -> Iterator[str]:
    why = f", {one.verdict} by {one.rule}: {one.why.detail}" if one.why else ", with the next apply"
    yield clean(f"Pending: {one.action} of {one.address}{why}")
    for field in one.fields:
        before, after = shown_pair(field.before, field.after)
        yield f"  {path_text(field.path)}: {before} -> {after}"


def subscription_to_data(tenant: str, each: ListedSubscription) -> dict[str, Any]:
    """An entry of ``subscriptions``, and the ``subscription`` of `show`."""
    body = each.body
    return {
        "address": f"{tenant}/subscription/{each.key}",
        "tenant": tenant,
        "key": each.key,
        "exists": body is not None,
        "origin": each.origin,
        "status": str(body.get("status", "active")) if body is not None else None,
        "follows": each.follows,
        "mirror": each.mirror,
        "pending_unit": (body or {}).get("pending_unit"),
        "pending": [_pending_to_data(one) for one in each.pending],
        "document": {"kind": "Subscription", "key": each.key, **body} if body is not None else None,
    }


def _pending_to_data(one: PendingChanges) -> dict[str, Any]:
    why = one.why
    return {
        "address": one.address,
        "action": one.action,
        "verdict": one.verdict,
        "rule": one.rule,
        "rule_text": rule_text(one.rule) if one.rule else "",
        "detail": why.detail if why else None,
        "allowed_by": list(why.allowed_by) if why else [],
        "policy": declared_to_data(why.policy) if why else None,
        "fields": [field_to_data(field) for field in one.fields],
    }
