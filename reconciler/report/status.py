"""Renders the status of tenants, one line each, or as data."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from reconciler.model.plans.commits import short_commit
from reconciler.model.plans.plan import Summary
from reconciler.report.tables import csv_lines, render_table

SAID = {"in_sync": "in sync", "error": "unreachable"}
"""Texts of statuses that differ from their value. A tenant in error could not be read or planned; see its problem."""


@dataclass(frozen=True, slots=True)
class StatusRow:
    """The status of a tenant, as in the plan; ``commit``, ``at`` (ISO 8601) and ``by`` are of the last apply.

    ``upstream``: empty for a provider.
    """

    tenant: str
    status: str
    summary: Summary = field(default_factory=Summary)
    commit: str | None = None
    at: str | None = None
    problem: str | None = None
    upstream: str = ""
    by: str | None = None


def render_status(rows: Iterable[StatusRow]) -> str:
    """A table with one line per tenant, indented below its upstream.

    The column of problems is omitted if there are none.
    """
    listed = [replace(row, tenant="  " * level + row.tenant) for level, row in tree(rows)]
    header = ["TENANT", "STATUS", "CHANGES", "WITHHELD", "BLOCKED", "COMMIT", "APPLIED"]
    cells = [_cells(each) for each in listed]
    if any(each.problem for each in listed):
        header.append("PROBLEM")
        cells = [[*row, each.problem or ""] for row, each in zip(cells, listed, strict=True)]
    return render_table(header, cells)


def tree(rows: Iterable[StatusRow]) -> list[tuple[int, StatusRow]]:
    """The rows depth first, each with its level: 0 where the upstream has no row."""
    listed = list(rows)
    known = {row.tenant for row in listed}
    below: dict[str, list[StatusRow]] = {}
    for row in listed:
        below.setdefault(row.upstream if row.upstream in known else "", []).append(row)
    found: list[tuple[int, StatusRow]] = []
    todo = [(0, row) for row in reversed(below.get("", []))]
    while todo:  # a loop, because a tree may be deeper than calls may be nested
        level, row = todo.pop()
        found.append((level, row))
        todo += [(level + 1, child) for child in reversed(below.get(row.tenant, []))]
    return found


def _cells(row: StatusRow) -> list[str]:
    count = row.summary
    counts = ["", "", ""] if row.status == "error" else [str(count.changes), str(count.withheld), str(count.blocked)]
    status = SAID.get(row.status, str(row.status))
    return [row.tenant, status, *counts, short_commit(row.commit or ""), row.at or "never"]


def status_to_data(rows: Iterable[StatusRow]) -> list[dict[str, Any]]:
    """The ``tenants`` of ``status --format json``. ``last_applied`` is null before the first apply."""
    return [
        {
            "tenant": row.tenant,
            "upstream": row.upstream or None,
            "status": str(row.status),
            "summary": asdict(row.summary),
            "last_applied": {"commit": row.commit, "at": row.at, "by": row.by} if row.at else None,
            "problem": row.problem,
        }
        for row in rows
    ]


def status_csv(rows: Iterable[StatusRow]) -> Iterator[str]:
    """The lines of ``status --format csv``: one per tenant."""
    header = ("tenant", "upstream", "status", *Summary.__slots__, "commit", "applied_at", "applied_by", "problem")
    return csv_lines(header, map(_csv_row, rows))


def _csv_row(row: StatusRow) -> list[str]:
    counts = [str(each) for each in asdict(row.summary).values()]
    last = [row.commit or "", row.at or "", row.by or ""]
    return [row.tenant, row.upstream, str(row.status), *counts, *last, row.problem or ""]
