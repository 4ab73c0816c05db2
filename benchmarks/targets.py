"""What is aimed at, as data: of each scenario the figures, what stands beside them, and how they may compare."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.measure import Finding, Measured, NotMeasured, Seen, Usage

MEGABYTE = 1024 * 1024


class Beside(StrEnum):
    """What a figure is compared with: of a floor, or another figure of our own, it is to be at most so many times the
    other side; a peer is to take at least so many times the figure.
    """

    FLOOR = "floor"
    OWN = "own"
    PEER = "peer"


@dataclass(frozen=True, slots=True)
class Target:
    """A figure and what it is compared with, both named by their subjects.

    The figure is ``of``, less ``less`` of the same round; the other side the sum of ``over``. Without ``limit`` it is
    only told. ``memory``: peaks are compared, not times; without ``over``, the limit is in megabytes.
    """

    scenario: str
    what: str
    of: str
    over: tuple[str, ...] = ()
    limit: float | None = None
    beside: Beside = Beside.FLOOR
    less: str | None = None
    memory: bool = False

    def subjects(self) -> tuple[str, ...]:
        """Every subject that it needs."""
        return (self.of, *self.over, *([self.less] if self.less else []))


class Verdict(StrEnum):
    """How a figure compares with its target; of a time, by the clock."""

    OK = "ok"
    MISSED = "MISSED"
    TOLD = "-"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. ``ratio`` and ``cpu_ratio``: in the sense of the target's limit."""

    target: Target
    verdict: Verdict
    figure: Usage | None = None
    other: Usage | None = None
    ratio: float | None = None
    cpu_ratio: float | None = None
    cpu_verdict: Verdict | None = None
    note: str = ""


def judged(target: Target, findings: Mapping[str, Finding]) -> Row:
    """The row of a target, from what was found of its scenario's subjects."""
    measured: dict[str, Measured] = {}
    for name in target.subjects():
        found = findings[name]
        if isinstance(found, NotMeasured):
            return Row(target, Verdict.NOT_MEASURED, note=found.reason)
        if isinstance(found, Seen):
            return Row(target, Verdict.OK if found.good else Verdict.MISSED, note=found.what)
        measured[name] = found
    whole = measured[target.of]
    own = whole.less(measured[target.less]) if target.less else whole
    note = f"less {target.less}; whole: {whole.median().wall:.2f} s" if target.less else ""
    if own.median().wall <= 0:
        return Row(target, Verdict.NOT_MEASURED, note=f"less than the noise: {note}")
    other = _sum([measured[name].median() for name in target.over]) if target.over else None
    return _compared(target, own.median(), other, note)


def _compared(target: Target, figure: Usage, other: Usage | None, note: str) -> Row:
    if target.limit is None and other is None:
        return Row(target, Verdict.TOLD, figure, note=note)
    ratio, cpu_ratio = _ratios(target, figure, other)
    by_cpu = None if cpu_ratio is None else _verdict(target, cpu_ratio)
    return Row(target, _verdict(target, ratio), figure, other, ratio, cpu_ratio, by_cpu, note)


def _sum(parts: list[Usage]) -> Usage:
    return Usage(sum(each.wall for each in parts), sum(each.cpu for each in parts), max(each.peak for each in parts))


def _ratios(target: Target, figure: Usage, other: Usage | None) -> tuple[float, float | None]:
    if other is None:
        return figure.peak / MEGABYTE, None
    if target.memory:
        return figure.peak / other.peak, None
    if target.beside is Beside.PEER:
        figure, other = other, figure
    return figure.wall / other.wall, figure.cpu / other.cpu if figure.cpu > 0 < other.cpu else None


def _verdict(target: Target, ratio: float) -> Verdict:
    if target.limit is None:
        return Verdict.TOLD
    good = ratio >= target.limit if target.beside is Beside.PEER else ratio <= target.limit
    return Verdict.OK if good else Verdict.MISSED


_PEER, _OWN = Beside.PEER, Beside.OWN
TARGETS = (
    Target("cold", "cold plan of {cold} entities", "cold", ("events",), 1.5),
    Target("cold", "cold plan of {cold} entities", "cold", ("octodns",), 20, _PEER),
    Target("cold", "cold plan of {cold} entities", "cold", ("terraform",), 50, _PEER),
    Target("large", "cold plan of {large} entities", "cold", ("values",), 0.7),
    Target("large", "cold plan of {large} entities: peak MB", "cold", (), 400, memory=True),
    Target("large", "cold plan of {large} entities", "cold", ("octodns",), 20, _PEER),
    Target("large", "warm plan of {large}, nothing changed", "warm", ("cold",), 1 / 8, _OWN),
    Target("large", "warm plan of {large}, nothing changed", "warm", ("digests", "start"), 3),
    Target("large", "warm plan of {large}, nothing changed", "warm", ("octodns",), 200, _PEER),
    Target("tenants", "{copies} plan copies, nothing changed", "unchanged", ("start",), 3),
    Target("tenants", "one plan repriced ({resellers} tenants): plan", "plan-one", ("start",), 4),
    Target("tenants", "one plan repriced: apply", "apply-one", ("write-one",), 3, less="plan-one"),
    Target("tenants", "everything repriced: plan", "plan-all", ("both-sides",), 3),
    Target("tenants", "everything repriced: apply, journal included", "apply-all", ("write-all",), 3, less="plan-all"),
    Target("tenants", "one change against everything changed: plan", "plan-one", ("plan-all",), 1 / 50, _OWN),
    Target("verify", "full verification of {copies} plan copies", "verify", ("every-body",), 1.5),
    Target("postgresql", "everything repriced: apply into PostgreSQL", "apply-all", ("copy",), 2, less="plan-all"),
    Target("growth", "{few} → {many} resellers, nothing changed", "many", ("few",), 11, _OWN),
    Target("growth", "{few} → {many} resellers, nothing changed: peak", "many", ("few",), 1.1, _OWN, memory=True),
    Target("growth", "{few} → {many} resellers, one plan repriced", "many-one", ("few-one",), 11, _OWN),
    Target("growth", "{few} → {many} resellers, one repriced: peak", "many-one", ("few-one",), 1.1, _OWN, memory=True),
    Target("help", "--help", "help", ("click",), 1.5),
    Target("help", "--help: no heavy import", "imports"),
    Target("subscriptions", "{subscriptions} subscriptions of {customers} customers mirrored", "apply", ("write",)),
    *(
        target
        for form in ("text", "markdown", "html", "csv", "json")
        for target in (
            Target("reports", f"{{shown}} different changes shown as {form}", f"show-{form}", ("read",), 2, _OWN),
            Target("reports", f"{{shown}} shown as {form}: peak MB", f"show-{form}", (), 400, memory=True),
        )
    ),
)
"""In the table's order."""
