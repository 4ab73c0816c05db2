"""Limits of resource rates: reports a minimum above the maximum, on any day."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any

from reconciler.core.schema import field_paths, found
from reconciler.model.documents.catalog import Limits, Part
from reconciler.model.documents.kinds import WORKSPACE_KINDS
from reconciler.model.documents.source import SourceDocument
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.plain_values import Body, Path, Value, render_path


def limit_problems(document: SourceDocument) -> Iterator[Diagnostic]:
    """A problem for every minimum above its maximum."""
    for path, day in crossed_limits(document.kind, document.entity.body):
        since = f" from {day} on" if day else ""
        summary = f"{render_path(map(str, path))}: the minimum is above the maximum{since}"
        also = (document.place_of((*path, "maximum")),)
        yield Diagnostic(document.place_of((*path, "minimum")), "bad-limits", summary, "", also)


def crossed_limits(kind: str, body: Body) -> Iterator[tuple[tuple[Any, ...], str]]:
    """The paths of such limits, and the first day on which they conflict: ``""`` for always."""
    for path, limits in (each for pattern in limits_of(WORKSPACE_KINDS[kind]) for each in found(body, pattern)):
        day = _day_above(limits.get("minimum"), limits.get("maximum"))
        if day is not None:
            yield path, day


@cache
def limits_of(model: type[Part]) -> tuple[Path, ...]:
    """The patterns of a model's limits."""
    return tuple(spot.pattern for spot in field_paths(model) if spot.part is Limits)


def _day_above(minimum: Value, maximum: Value) -> str | None:
    """The first day on which the minimum is above the maximum: ``""`` for always, ``None`` for never."""
    if minimum is None or maximum is None:
        return None
    lower, upper = _steps(minimum), _steps(maximum)
    low: Decimal | None = None
    high: Decimal | None = None
    for day in sorted({*lower, *upper}):
        low, high = lower.get(day, low), upper.get(day, high)
        if low is not None and high is not None and low > high:
            return day
    return None


def _steps(amount: Value) -> dict[str, Decimal]:
    """The amounts by the day from which each is effective (``""``: from the beginning)."""
    if isinstance(amount, list):
        return {entry["from"]: Decimal(entry["amount"]) for entry in amount}
    return {"": Decimal(amount)}
