"""The billing cycle (unit) of a subscription that is in force, and the pending one (SUB-27).

A change for the next cycle leaves unit and price as they are until the cycle ends. Each side uses its own cycle end, so
a mirror may be ahead of its source or behind it. `last_applied` stores what the mirror had, and the source's unit at
that time (`source_unit`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from reconciler.model.values.plain_values import Body

UNIT, MODE, PENDING, SOURCE_UNIT = "billing_cycle", "unit_change", "pending_unit", "source_unit"
NEXT_CYCLE = "next_cycle"
RUN_BILLING = "run_billing"

NextEnd: TypeAlias = Callable[[str], date | None]
"""The end of the cycle, of a unit, that was current when the unit was last changed; ``None``: there is no cycle."""


@dataclass(frozen=True, slots=True)
class PendingUnit:
    """A unit that takes effect with the next cycle, and the day on which the current cycle ends."""

    unit: str
    day: date

    @property
    def body(self) -> dict[str, str]:
        """As documents have it: ``{billing_cycle: P1Y, from: 2027-01-01}``."""
        return {UNIT: self.unit, "from": self.day.isoformat()}


@dataclass(frozen=True, slots=True)
class Units:
    """The unit in force and the pending one. ``replaced``: the previous unit and the pending change, if that has just
    taken effect.
    """

    in_force: str | None
    pending: PendingUnit | None = None
    replaced: tuple[str, PendingUnit] | None = None


def pending_of(body: Body) -> PendingUnit | None:
    """The pending unit of a subscription or mirror, according to its document (SUB-27)."""
    said = body.get(PENDING)
    if not said or not said.get(UNIT) or not said.get("from") or said[UNIT] == body.get(UNIT):
        return None
    return PendingUnit(said[UNIT], date.fromisoformat(said["from"]))


def units_at_source(said: Body) -> Units:
    """The units of a reseller's own subscription."""
    return Units(said.get(UNIT), pending_of(said))


def first_seen(said: Body, next_end: NextEnd) -> Units:
    """The units of a new mirror: the pending change takes effect at the mirror's own cycle end."""
    unit = said.get(UNIT)
    return Units(unit, _comes(pending_of(said), unit, next_end))


def followed(said: Body, last: Body, new_records: list[dict[str, str]], next_end: NextEnd) -> Units:
    """The units of a mirror, from its source and what was applied ``last``, before a pending unit takes effect.

    ``new_records``: the source's records since. If the source declares a change for the next cycle, by `pending_unit`
    or by a new `billing_cycle`, the mirror keeps its unit.
    """
    unit, here = said.get(UNIT), last.get(UNIT)
    coming, awaited = pending_of(said), pending_of(last)
    if unit is None or here is None:
        return Units(unit, _comes(coming, unit, next_end))
    if unit == here:
        stands = awaited if awaited and coming and awaited.unit == coming.unit else None
        return Units(here, stands or _comes(coming, here, next_end))
    later, known = said.get(MODE) == NEXT_CYCLE, last.get(SOURCE_UNIT, here)
    if awaited and awaited.unit == unit and (later or coming):
        return Units(here, awaited)  # already in force at the source, whose cycle ended first
    if unit == known and coming and coming.unit == here:
        return Units(here)  # already in force here; the source's cycle ends later
    took_effect = any(each["action"] == RUN_BILLING for each in new_records)
    if unit != known and later and (coming is None or took_effect):
        end = next_end(here)
        return Units(here, PendingUnit(unit, end)) if end else Units(unit)
    return Units(unit, _comes(coming, unit, next_end))


def _comes(coming: PendingUnit | None, unit: str | None, next_end: NextEnd) -> PendingUnit | None:
    """The source's pending unit, with this side's own cycle end."""
    if coming is None or unit is None:
        return None
    return PendingUnit(coming.unit, next_end(unit) or coming.day)


def after(units: Units, said: Body, end: date | None) -> Units:
    """The units after the pending one took effect. ``end``: of the cycle that has begun."""
    assert units.pending is not None
    assert units.in_force is not None
    further = pending_of(said) if said.get(UNIT) == units.pending.unit else None
    pending = PendingUnit(further.unit, end) if further and end else None
    return Units(units.pending.unit, pending, (units.in_force, units.pending))
