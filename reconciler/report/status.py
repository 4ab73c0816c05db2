"""The status of tenants: one line each."""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.report.tables import render_table

SAID = {"in_sync": "in sync", "error": "unreachable"}
"""How a status reads; the others as they are. A tenant in error could not be read or planned: its problem says why."""
COMMIT = 10


@dataclass(frozen=True, slots=True)
class StatusRow:
    """How a tenant stands. ``status`` as in the plan; ``commit`` and ``at`` (ISO 8601) are of the last apply."""

    tenant: str
    status: str
    changes: int = 0
    withheld: int = 0
    blocked: int = 0
    commit: str | None = None
    at: str | None = None
    problem: str | None = None


def render_status(rows: Iterable[StatusRow]) -> str:
    """A table, a line a tenant. The last column, problems, is there only if a tenant has one."""
    listed = list(rows)
    header = ["TENANT", "STATUS", "CHANGES", "WITHHELD", "BLOCKED", "COMMIT", "APPLIED"]
    cells = [_cells(each) for each in listed]
    if any(each.problem for each in listed):
        header.append("PROBLEM")
        cells = [[*row, each.problem or ""] for row, each in zip(cells, listed, strict=True)]
    return render_table(header, cells)


def _cells(row: StatusRow) -> list[str]:
    counts = ["", "", ""] if row.status == "error" else [str(row.changes), str(row.withheld), str(row.blocked)]
    status = SAID.get(row.status, str(row.status))
    return [row.tenant, status, *counts, (row.commit or "")[:COMMIT], row.at or "never"]
