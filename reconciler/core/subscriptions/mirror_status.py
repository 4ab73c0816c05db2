"""The status of a subscription and the end of its billing cycle, each side by its own billing day.

Each side stores its end of the cycle: the source with the source, the mirror with the mirror. It moves on as the
reseller renews (SUB-09, SUB-28 to SUB-30). Earlier values come from what was last applied, never from the mirror's
current fields, which may be drift (SUB-40). The unit in force and the pending one belong to it (SUB-27,
`core/subscriptions/units.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TypeAlias

from reconciler.core.subscriptions.cycles import Cycles
from reconciler.core.subscriptions.units import (
    MODE,
    NEXT_CYCLE,
    UNIT,
    PendingUnit,
    Units,
    after,
    first_seen,
    followed,
    units_at_source,
)
from reconciler.model.documents.declarations import LAST_APPLIED
from reconciler.model.values.plain_values import Body

ACTIVE, INACTIVE = "active", "inactive"
SWITCHED, REACTIVATED, OTHER_UNIT = "set_renew_automatically", "activate", "change_unit"
"""The actions after which another cycle is the last one."""
DayAt: TypeAlias = Callable[[str], date | None]
"""The day, at the provider, of a record's moment (DATE-01); ``None``: the record has no moment."""


def utc_day(at: str) -> date | None:
    """The day of a record of a provider whose time zone is UTC."""
    try:
        return date.fromisoformat(at[: len("2027-01-01")])
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class SubscriptionStatus:
    """A mirror's status, and the day on which its cycle ends (``None``: it has no cycle).

    ``expired``: it is inactive because its cycle ended and was not renewed (SUB-28). ``units``: the billing cycle in
    force and the pending one (SUB-27).
    """

    status: str
    cycle_end: date | None
    expired: bool = False
    units: Units = field(default=Units(None), compare=False)


def last_applied_body(have: Body | None) -> Body | None:
    """A mirror as it was last applied; the mirror itself if it stores nothing."""
    return have and (have.get(LAST_APPLIED) or have)


def status_of_mirror(
    said: Body, last: Body | None, *, billing_day: int | None, on: date, day_at: DayAt = utc_day
) -> SubscriptionStatus:
    """The status of the mirror of a reseller's subscription; ``last``: the mirror as it was last applied, if ever.

    A pending change of the unit takes effect when the mirror's own cycle ends and the next one begins (SUB-27).
    """
    course = _course(said, last, _Calendar(billing_day, on, day_at))
    if course is None:
        return _status(said, last, Units(said.get(UNIT)), None, on)
    units, end = course.units, course.end()
    if _next_cycle_began(said, units.pending, end, on):
        assert units.pending is not None
        if said.get("renew_automatically", False):
            end = course.cycles(units.pending.unit).first(on, after=True)
        units = after(units, said, end)
    return _status(said, last, units, end, on)


def status_at_source(
    before: Body, after: Body, *, billing_day: int | None, on: date, day_at: DayAt = utc_day
) -> SubscriptionStatus:
    """The status of a reseller's own subscription after a change; ``billing_day``: its customer's.

    A cycle whose end its system has not stored yet ends as it would have without the change. Only the reseller's own
    system applies a pending unit (SUB-27): here it stays pending.
    """
    records = len(before.get("history", []))
    calendar = _Calendar(billing_day, on, day_at)
    end = date_in(before, "cycle_end") or _first_cycle_end(before, calendar)
    runs = end.isoformat() if end else None
    last = {**before, "source_status": before.get("status", ACTIVE), "records": records, "cycle_end": runs}
    course = _course(after, last, calendar, own=True)
    if course is None:
        return _status(after, last, units_at_source(after), None, on)
    return _status(after, last, course.units, course.end(), on)


def next_end(body: Body, *, billing_day: int | None, on: date, day_at: DayAt = utc_day) -> date | None:
    """When a change for the next cycle, made on a day to a reseller's own subscription, takes effect (SUB-27)."""
    records = len(body.get("history", []))
    last, calendar = {**body, "records": records}, _Calendar(billing_day, on, day_at)
    if not body.get("cycle_end"):
        end = _first_cycle_end(body, calendar)
        last["cycle_end"] = end.isoformat() if end else None
    course = _course(body, last, calendar, own=True)
    return course.running_when_changed(body[UNIT]) if course else None


def due(body: Body, on: date) -> PendingUnit | None:
    """The pending unit of a reseller's own subscription whose next cycle began, for its system's billing run."""
    pending = units_at_source(body).pending
    return pending if _next_cycle_began(body, pending, date_in(body, "cycle_end"), on) else None


def _first_cycle_end(body: Body, calendar: "_Calendar") -> date | None:
    course = _course(body, None, calendar, own=True)
    return course.end() if course else None


def _next_cycle_began(said: Body, pending: PendingUnit | None, end: date | None, on: date) -> bool:
    """Whether the cycle in which a pending change was made has ended, and a next one has begun.

    Suspended, cancelled and expired subscriptions have no next cycle: the change stays pending until they are
    reactivated.
    """
    if pending is None or pending.day > on or said.get("status", ACTIVE) not in (ACTIVE, INACTIVE):
        return False
    return bool(said.get("renew_automatically", False)) or (end is not None and end > pending.day)


def _status(said: Body, last: Body | None, units: Units, end: date | None, on: date) -> SubscriptionStatus:
    status, renews, start = said.get("status", ACTIVE), said.get("renew_automatically", False), _start(said)
    if status not in (ACTIVE, INACTIVE):
        return SubscriptionStatus(status, end, units=units)
    if start is not None and start > on:
        return SubscriptionStatus(INACTIVE, end, units=units)
    if not renews and end is not None and on >= end:
        return SubscriptionStatus(INACTIVE, end, expired=True, units=units)
    # The reseller's cycle ended first: the mirror continues until its own ends (SUB-29).
    awaits = last is not None and last.get("status") == ACTIVE and not renews and end is not None
    return SubscriptionStatus(ACTIVE if awaits else status, end, units=units)


def date_in(body: Body, field: str) -> date | None:
    """The day of a date field."""
    text = body.get(field)
    return date.fromisoformat(text) if text else None


def _start(said: Body) -> date | None:
    return date_in(said, "start_date") or date_in(said, "activation_date")


@dataclass(frozen=True, slots=True)
class _Calendar:
    """What one side's cycles are computed from: the billed party's billing day, the current day, and the days of
    records.
    """

    billing_day: int | None
    on: date
    day_at: DayAt

    def day(self, record: dict[str, str]) -> date:
        """The day of a record; the current day if it has no moment."""
        return self.day_at(record["at"]) or self.on


def _course(said: Body, last: Body | None, calendar: _Calendar, *, own: bool = False) -> "_Course | None":
    """The cycles of a subscription on one side; ``None`` if it has none."""
    start = _start(said)
    if start is None or said.get(UNIT) is None:
        return None
    course = _Course(said, last, start, calendar, units_at_source(said), own)
    if own:
        return course
    if last is None:
        return replace(course, units=first_seen(said, course.running_when_changed))
    return replace(course, units=followed(said, last, course.new_records, course.running_when_changed))


@dataclass(frozen=True, slots=True)
class _Course:
    """The cycles between the last applied state and today's, on one side. ``own``: a reseller's own subscription."""

    said: Body
    last: Body | None
    start: date
    calendar: _Calendar
    units: Units
    own: bool

    @property
    def on(self) -> date:
        return self.calendar.on

    def cycles(self, unit: str) -> Cycles:
        return Cycles(self.start, unit, self.calendar.billing_day)

    @property
    def in_force(self) -> Cycles:
        return self.cycles(self.units.in_force or self.said[UNIT])

    @property
    def renews(self) -> bool:
        return bool(self.said.get("renew_automatically", False))

    @property
    def stored_end(self) -> date | None:
        """The stored end of the current cycle."""
        return date_in(self.last, "cycle_end") if self.last else None

    @property
    def new_records(self) -> list[dict[str, str]]:
        """The source's own records since the last apply; all of them if there was none."""
        records: list[dict[str, str]] = self.said.get("history", [])
        return records[self.last.get("records", 0) :] if self.last else records

    def running_when_changed(self, unit: str) -> date | None:
        """The end of the cycle, of a unit, that was current when the unit was last changed.

        A cycle that ended on that day was no longer current. Without renewal, the last end stays the end.
        """
        changed = self._day_of_change()
        awaited = units_at_source(self.last).pending if self.last else None
        if awaited and awaited.day > changed and unit == (self.last or {}).get(UNIT):
            return awaited.day
        renewed = (self.last or {}).get("renew_automatically", False)
        if self.stored_end and unit == (self.last or {}).get(UNIT) and (self.stored_end > changed or not renewed):
            return self.stored_end
        return self.cycles(unit).first(changed, after=True)

    def _day_of_change(self) -> date:
        days = [self.calendar.day(each) for each in self.new_records if each["action"] == OTHER_UNIT]
        if days:
            return days[-1]
        coming = units_at_source(self.said).pending
        if self.last is None and coming and coming.day <= self.on:
            return coming.day - timedelta(days=1)  # made before that day, and not seen in time
        return self.on

    def end(self) -> date | None:
        """The end of the current cycle or, without renewal, of the last one."""
        if self.last is None:
            seen = self._first_seen()
            return seen if self.renews else self._renewed(seen)
        stands = self.said.get("status", ACTIVE) not in (ACTIVE, INACTIVE)
        if self.stored_end and stands and self._same_start and not self._unit_changed:
            return self.stored_end
        return self._running(self.on, after=True) if self.renews else self._renewed(self._last_end())

    def _first_seen(self) -> date | None:
        """The same when there is no earlier state; for a subscription that is already over, the end of its last
        cycle.
        """
        cycles = self.in_force
        if self.renews:
            return cycles.first(self.on, after=True)
        if self.said.get("status", ACTIVE) == INACTIVE and cycles.start <= self.on:
            return cycles.last(self.on) or self.on
        return cycles.first(max(self.on, cycles.start), after=False)

    def _running(self, day: date, *, after: bool) -> date | None:
        """The first end on or after a day (``after``: strictly after it); while a change is pending, the day of that
        change.
        """
        pending = self.units.pending
        if pending and (self.renews or pending.day >= day):
            return pending.day
        if pending:
            return self.cycles(pending.unit).first(day, after=after)
        if (
            self._changed_before_the_rule
            and self.stored_end
            and (self.stored_end > day or (self.stored_end == day and not after))
        ):
            return self.stored_end
        return self.in_force.first(day, after=after)

    @property
    def _changed_before_the_rule(self) -> bool:
        """Whether the unit was changed for the next cycle while such changes still took effect at once.

        Such a subscription stays as it is, and its cycle ends as it would have.
        """
        last = self.last or {}
        same = self.said.get(UNIT) == last.get(UNIT) and self._same_start
        return same and self.said.get(MODE) == NEXT_CYCLE

    def _last_end(self) -> date | None:
        """The end without renewal: the stored end, unless a new cycle began since."""
        action, day = self._restart() or ("", self.on)
        day = max(day, self.start)
        if action == OTHER_UNIT:
            return self.in_force.first(day, after=True)
        if action == REACTIVATED and not self._still_runs(day):
            return self._holding(day)
        if action != SWITCHED and self.stored_end:
            return self.stored_end
        return self._running(day, after=False)

    def _still_runs(self, day: date) -> bool:
        """Whether a reactivated subscription had not expired."""
        return (
            self.stored_end is not None and self.stored_end > day and (self.last or {}).get("source_status") != INACTIVE
        )

    def _holding(self, day: date) -> date | None:
        """The end of the cycle that contains a day, or nominally begins on it; of the pending unit once that is due."""
        pending = self.units.pending
        if pending and day >= (self.in_force.nominal(pending.day) or pending.day):
            return self.cycles(pending.unit).following(day)
        return self.in_force.following(day)

    def _renewed(self, end: date | None) -> date | None:
        """At least the end of the cycles that were renewed manually."""
        days = (self._holding(date.fromisoformat(each["date"])) for each in self.said.get("renewals", []))
        return max((day for day in (end, *days) if day is not None), default=None)

    def _restart(self) -> tuple[str, date] | None:
        """The action since which another cycle is the last, with its day.

        Taken from the source's own records since the last apply; without records, derived from the fields, as of today.
        """
        last, new_records = self.last or {}, self.new_records
        was_on = last.get("renew_automatically", False) or any(
            each["action"] == SWITCHED and each.get("detail") == "true" for each in new_records
        )
        anew = {REACTIVATED, *([SWITCHED] if was_on else []), *([OTHER_UNIT] if self._unit_changed else [])}
        for each in reversed(new_records):
            if each["action"] in anew:
                return each["action"], self.calendar.day(each)
        if last.get("renew_automatically", False):
            return SWITCHED, self.on
        back = last.get("source_status", ACTIVE) != ACTIVE and self.said.get("status", ACTIVE) == ACTIVE
        if back and not any(each["action"] == "renew" for each in new_records):
            return REACTIVATED, self.on
        return (OTHER_UNIT, self.on) if self._unit_changed or not self._same_start else None

    @property
    def _unit_changed(self) -> bool:
        """Whether the current cycle now has another unit; a pending change that took effect does not count."""
        other = self.units.in_force != (self.last or {}).get(UNIT)
        return other and not (self.own and self.said.get(MODE) == NEXT_CYCLE)

    @property
    def _same_start(self) -> bool:
        return all(self.said.get(name) == (self.last or {}).get(name) for name in ("start_date", "activation_date"))
