"""The table and the JSON of a run. Nothing is left out of them: what was missed, was not measured, or did not fit."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.measure import Finding, Measured, NotMeasured, Seen, Usage
from benchmarks.sizes import Size
from benchmarks.targets import MEGABYTE, Beside, Row, Verdict

HEAD = ("scenario", "figure", "s", "CPU s", "MB", "beside", "s", "CPU s", "ratio", "by CPU", "target", "verdict")
SHOWN = 100
"""Characters of a reason that the table shows; the JSON has all."""


@dataclass(frozen=True, slots=True)
class Run:
    """All of a run. ``left_out``: what of the size the machine did not hold."""

    size: Size
    runs: int
    rows: Sequence[Row]
    findings: Mapping[str, Mapping[str, Finding]]
    left_out: Sequence[str]


def table(run: Run) -> str:
    """A Markdown table, a row for each target, and what has to be known of it."""
    lines = [HEAD, *(_cells(row, run.size) for row in run.rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEAD))]
    text = [_line(line, widths) for line in lines]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([_title(run), "", *text, "", *_remarks(run)]) + "\n"


def document(run: Run) -> str:
    """The same as JSON, with every single run."""
    rows = [_row_data(row, run.size) for row in run.rows]
    samples = {
        scenario: {name: _finding_data(found) for name, found in findings.items()}
        for scenario, findings in run.findings.items()
    }
    whole = {
        "size": asdict(run.size),
        "runs": run.runs,
        "machine": _machine(),
        "left_out": [*run.left_out],
        "rows": rows,
        "samples": samples,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _title(run: Run) -> str:
    machine = _machine()
    return (
        f"Size {run.size.name}, {run.runs} interleaved rounds, medians. Python {machine['python']}, "
        f"{machine['cpus']} CPUs, load {machine['load']}, {machine['system']}."
    )


def _remarks(run: Run) -> list[str]:
    missed = sum(row.verdict is Verdict.MISSED for row in run.rows)
    told = sum(row.verdict is Verdict.OK for row in run.rows)
    without = sum(row.verdict is Verdict.NOT_MEASURED for row in run.rows)
    remarks = [f"{told} ok, {missed} missed, {without} not measured. Targets are for size M; verdicts go by the clock."]
    return [*remarks, *(f"Left out: {each}." for each in run.left_out)]


def what(row: Row, size: Size) -> str:
    """The name of a row's figure, with the numbers of the size."""
    few, many = size.growth
    return row.target.what.format(
        cold=f"{size.cold:,}",
        large=f"{size.large:,}",
        copies=f"{size.copies():,}",
        resellers=f"{size.resellers:,}",
        few=f"{few:,}",
        many=f"{many:,}",
        subscriptions=f"{size.subscriptions:,}",
        customers=f"{size.customers:,}",
        shown=f"{size.shown[0] * size.shown[1]:,}",
    )


def _cells(row: Row, size: Size) -> tuple[str, ...]:
    target, name = row.target, what(row, size)
    if row.figure is None:
        note = row.note if len(row.note) <= SHOWN else f"{row.note[:SHOWN]}…"
        said = f"{row.verdict}: {note}" if row.verdict is Verdict.NOT_MEASURED else f"{row.verdict} ({note})"
        return (target.scenario, name, *[""] * 3, _beside(row), *[""] * 4, _limit(row), said)
    return (
        target.scenario,
        name + (f" ({row.note})" if row.note else ""),
        *_usage(row.figure),
        _beside(row),
        *(_usage(row.other)[:2] if row.other else ("", "")),
        _number(row.ratio),
        _number(row.cpu_ratio),
        _limit(row),
        _verdicts(row),
    )


def _usage(usage: Usage) -> tuple[str, str, str]:
    return f"{usage.wall:.3f}", f"{usage.cpu:.3f}", f"{usage.peak / MEGABYTE:.0f}"


def _beside(row: Row) -> str:
    return f"{row.target.beside} {' + '.join(row.target.over)}" if row.target.over else ""


def _limit(row: Row) -> str:
    limit = row.target.limit
    if limit is None:
        return ""
    sense = "≥" if row.target.beside is Beside.PEER else "≤"
    return f"{sense} {limit:.3g}{'' if row.target.over else ' MB'}"


def _verdicts(row: Row) -> str:
    """By the clock, and by the CPU where that says another thing: the clock is the busy machine's too."""
    if row.cpu_verdict is None or row.cpu_verdict is row.verdict:
        return str(row.verdict)
    return f"{row.verdict} (by CPU: {row.cpu_verdict})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _row_data(row: Row, size: Size) -> dict[str, Any]:
    data = {**asdict(row.target), "what": what(row, size), **asdict(row)}
    del data["target"]
    return data


def _finding_data(found: Finding) -> object:
    match found:
        case Measured(runs):
            return [asdict(run) for run in runs]
        case NotMeasured(reason):
            return {"not_measured": reason}
        case Seen(good, seen):
            return {"good": good, "seen": seen}


def _machine() -> dict[str, Any]:
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "load": load,
    }
