"""Renders tables as text and as CSV, and the summary of a tenant as text or data."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Any, Protocol

from reconciler.model.plans.origins import RecordedOrigin, RecordedOrigins
from reconciler.model.values.amounts import AMOUNT
from reconciler.model.values.counts import counted
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.report.documents import counts_by_kind
from reconciler.report.values import clean


def render_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with aligned columns, two spaces apart; empty cells are dashes. Without rows, only the header."""
    lines = [tuple(header), *(tuple(clean(cell) or "-" for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n" for line in lines
    )


class StoredState(Protocol):
    """A tenant's state from a store."""

    @property
    def entities(self) -> State: ...
    @property
    def revision(self) -> int: ...
    @property
    def recorded_origins(self) -> RecordedOrigins: ...


def render_tenant(tenant: str, held: StoredState) -> str:
    """A tenant's delegated plans (AP-16), own plans, subscriptions, and counts of entities.

    Also lists entities that were released or whose origin was changed (ORIGIN-02, ORIGIN-03).
    """
    state, revision = held.entities, held.revision
    plans = sorted((each for id, each in state.items() if id.kind == "Plan"), key=lambda each: each.id)
    delegated = [each for each in plans if each.origin is not None]
    own = [each for each in plans if each.origin is None]
    counts = ", ".join(f"{count} {kind}" for kind, count in counts_by_kind(state.values()).items()) or "nothing"
    writes = counted(revision, "write")
    text = f"Tenant {tenant}, after {writes}, holds: {counts}\n"
    subscriptions = [each for id, each in state.items() if id.kind == "Subscription"]
    if delegated or not subscriptions:
        text += _plans("Delegated plans", delegated)
    text += _plans("Own plans", own) if own else ""
    return text + (_subscriptions(subscriptions) if subscriptions else "") + _origins(state, held.recorded_origins)


def _origins(state: State, recorded_origins: RecordedOrigins) -> str:
    rows = [
        (str(id), each.origin, "released" if each.released else "its origin was changed")
        for id, each in _at_issue(state, recorded_origins)
    ]
    return f"\nCame down, but says otherwise:\n\n{render_table(('ENTITY', 'FROM', 'NOW'), rows)}" if rows else ""


def _at_issue(state: State, recorded_origins: RecordedOrigins) -> list[tuple[EntityId, RecordedOrigin]]:
    return [(id, each) for id, each in sorted(recorded_origins.items()) if each.released or id in state]


def _subscriptions(subscriptions: list[Entity]) -> str:
    """The number of subscriptions by mirrored reseller and status."""
    counted = sorted(_counted(subscriptions).items())
    rows = [(origin or "(own)", status, str(count)) for (origin, status), count in counted]
    return f"\nSubscriptions:\n\n{render_table(('MIRRORED FROM', 'STATUS', 'NUMBER'), rows)}"


def _counted(subscriptions: Iterable[Entity]) -> Counter[tuple[str, str]]:
    """The number by origin (empty: the tenant's own) and status."""
    return Counter((each.origin or "", str(each.body.get("status", "active"))) for each in subscriptions)


def _plans(title: str, plans: list[Entity]) -> str:
    if not plans:
        return f"\n{title}: none\n"
    header = ("KEY", "NAME", "STATUS", "PUBLISHED", "PRODUCT", "ORIGIN")
    rows = [
        (
            each.id.key,
            each.body.get("name", ""),
            each.body.get("status", "active"),
            "yes" if each.body.get("published", True) else "no",
            each.body.get("product", ""),
            each.origin or "",
        )
        for each in plans
    ]
    return f"\n{title}:\n\n{render_table(header, rows)}"


def stored_tenant_to_data(tenant: str, upstream: str | None, held: StoredState) -> dict[str, Any]:
    """The ``tenant`` of ``tenant show --format json``, as `render_tenant`. ``entities``: the number of each kind."""
    state = held.entities
    subscriptions = _counted(each for id, each in state.items() if id.kind == "Subscription")
    return {
        "tenant": tenant,
        "upstream": upstream,
        "revision": held.revision,
        "entities": dict(counts_by_kind(state.values())),
        "plans": [_plan_to_data(each) for id, each in sorted(state.items()) if id.kind == "Plan"],
        "subscriptions": [
            {"origin": origin or None, "status": status, "number": number}
            for (origin, status), number in sorted(subscriptions.items())
        ],
        "origins": [
            {"entity": str(id), "origin": each.origin, "released": each.released}
            for id, each in _at_issue(state, held.recorded_origins)
        ],
    }


def _plan_to_data(plan: Entity) -> dict[str, Any]:
    return {
        "key": plan.id.key,
        "name": plan.body.get("name"),
        "status": plan.body.get("status", "active"),
        "published": plan.body.get("published", True),
        "product": plan.body.get("product"),
        "origin": plan.origin,
    }


_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins like this is a formula to a spreadsheet."""


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table in CSV (RFC 4180, with line feeds)."""
    yield _line(header)
    for row in rows:
        yield _line([cell_text(each) for each in row])


def _line(cells: Sequence[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def cell_text(text: str) -> str:
    """A text as a cell, without control characters. No spreadsheet runs it: an apostrophe stands before a formula."""
    text = clean(text)
    return f"'{text}" if text.startswith(_FORMULA) and not AMOUNT.match(text.lstrip("+-")) else text
