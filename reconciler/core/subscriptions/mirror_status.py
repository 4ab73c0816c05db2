"""How a subscription stands: its status and the end of its billing cycle, each side by its own billing day.

The end of the cycle is kept with the subscription, the source's with the source and the mirror's with the mirror; it
moves on as the reseller renews (SUB-09, SUB-28 to SUB-30). What is known from before is told by what was applied last,
never by what a mirror says now: that may be drift (SUB-40). Which unit is in force, and which is pending, is part of it
(SUB-27, `core/subscriptions/units.py`).
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
    Pending,
    Units,
    after,
    as_said,
    first_seen,
    followed,
)
from reconciler.model.documents.declarations import LAST_APPLIED
from reconciler.model.values.plain_values import Body

ACTIVE, INACTIVE = "active", "inactive"
SWITCHED, TAKEN_UP, OTHER_UNIT = "set_renew_automatically", "activate", "change_unit"
"""The actions from whose day on another cycle is the last."""
DayAt: TypeAlias = Callable[[str], date | None]
"""The day, at the provider, of the moment that a record tells (DATE-01); ``None``: it tells none."""


def utc_day(at: str) -> date | None:
    """Of a record of a provider whose time zone is UTC."""
    try:
        return date.fromisoformat(at[: len("2027-01-01")])
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class SubscriptionStatus:
    """A mirror's status, and the day on which its cycle ends (``None``: it has no cycle).

    ``expired``: it is inactive because its cycle ended and was not renewed (SUB-28). ``units``: the billing cycle in
    force and the one that is pending (SUB-27).
    """

    status: str
    cycle_end: date | None
    expired: bool = False
    units: Units = field(default=Units(None), compare=False)


def last_applied(have: Body | None) -> Body | None:
    """A mirror as it was applied last; one that remembers nothing as it is."""
    return have and (have.get(LAST_APPLIED) or have)


def terms(
    said: Body, last: Body | None, *, billing_day: int | None, on: date, day_at: DayAt = utc_day
) -> SubscriptionStatus:
    """The terms of the mirror of what the reseller said; ``last``: the mirror as it was applied last, if it was.

    A pending change of the unit takes effect when the mirror's own cycle ends and the next one begins (SUB-27).
    """
    course = _course(said, last, _Calendar(billing_day, on, day_at))
    if course is None:
        return _terms(said, last, Units(said.get(UNIT)), None, on)
    units, end = course.units, course.end()
    if _next_cycle_began(said, units.pending, end, on):
        assert units.pending is not None
        if said.get("renew_automatically", False):
            end = course.cycles(units.pending.unit).first(on, after=True)
        units = after(units, said, end)
    return _terms(said, last, units, end, on)


def own_terms(
    before: Body, after: Body, *, billing_day: int | None, on: date, day_at: DayAt = utc_day
) -> SubscriptionStatus:
    """The terms of a reseller's own subscription as it becomes; ``billing_day``: its customer's.

    A cycle of which its system said nothing yet ends as it would have without the change. What is pending takes effect
    by the reseller's own system only (SUB-27): here it stays.
    """
    records = len(before.get("history", []))
    calendar = _Calendar(billing_day, on, day_at)
    end = day_of(before, "cycle_end") or _first_terms(before, calendar)
    runs = end.isoformat() if end else None
    last = {**before, "source_status": before.get("status", ACTIVE), "records": records, "cycle_end": runs}
    course = _course(after, last, calendar, own=True)
    if course is None:
        return _terms(after, last, as_said(after), None, on)
    return _terms(after, last, course.units, course.end(), on)


def next_end(body: Body, *, billing_day: int | None, on: date, day_at: DayAt = utc_day) -> date | None:
    """When a change for the next cycle, made to a reseller's own subscription on a day, takes effect (SUB-27)."""
    records = len(body.get("history", []))
    last, calendar = {**body, "records": records}, _Calendar(billing_day, on, day_at)
    if not body.get("cycle_end"):
        end = _first_terms(body, calendar)
        last["cycle_end"] = end.isoformat() if end else None
    course = _course(body, last, calendar, own=True)
    return course.running_when_changed(body[UNIT]) if course else None


def due(body: Body, on: date) -> Pending | None:
    """What is pending of a reseller's own subscription whose next cycle began, when its system runs billing."""
    pending = as_said(body).pending
    return pending if _next_cycle_began(body, pending, day_of(body, "cycle_end"), on) else None


def _first_terms(body: Body, calendar: "_Calendar") -> date | None:
    course = _course(body, None, calendar, own=True)
    return course.end() if course else None


def _next_cycle_began(said: Body, pending: Pending | None, end: date | None, on: date) -> bool:
    """Whether the cycle ended that ran when a change was made for the next one, and a next one is there.

    What is suspended, cancelled or ran out has none: the change stays pending until it is taken up again.
    """
    if pending is None or pending.day > on or said.get("status", ACTIVE) not in (ACTIVE, INACTIVE):
        return False
    return bool(said.get("renew_automatically", False)) or (end is not None and end > pending.day)


def _terms(said: Body, last: Body | None, units: Units, end: date | None, on: date) -> SubscriptionStatus:
    status, renews, start = said.get("status", ACTIVE), said.get("renew_automatically", False), _start(said)
    if status not in (ACTIVE, INACTIVE):
        return SubscriptionStatus(status, end, units=units)
    if start is not None and start > on:
        return SubscriptionStatus(INACTIVE, end, units=units)
    if not renews and end is not None and on >= end:
        return SubscriptionStatus(INACTIVE, end, expired=True, units=units)
    # The reseller's cycle ended first: the mirror goes on until its own does (SUB-29).
    awaits = last is not None and last.get("status") == ACTIVE and not renews and end is not None
    return SubscriptionStatus(ACTIVE if awaits else status, end, units=units)


def day_of(body: Body, field: str) -> date | None:
    """A date field's day."""
    text = body.get(field)
    return date.fromisoformat(text) if text else None


def _start(said: Body) -> date | None:
    return day_of(said, "start_date") or day_of(said, "activation_date")


@dataclass(frozen=True, slots=True)
class _Calendar:
    """By what one side's cycles are counted: the billed party's billing day, the day it is, and the days of records."""

    billing_day: int | None
    on: date
    day_at: DayAt

    def day(self, record: dict[str, str]) -> date:
        """The day of a record; what tells no moment is as if it was seen on the day."""
        return self.day_at(record["at"]) or self.on


def _course(said: Body, last: Body | None, calendar: _Calendar, *, own: bool = False) -> "_Course | None":
    """The cycles of a subscription on one side; ``None`` for one that has none."""
    start = _start(said)
    if start is None or said.get(UNIT) is None:
        return None
    course = _Course(said, last, start, calendar, as_said(said), own)
    if own:
        return course
    if last is None:
        return replace(course, units=first_seen(said, course.running_when_changed))
    return replace(course, units=followed(said, last, course.told, course.running_when_changed))


@dataclass(frozen=True, slots=True)
class _Course:
    """The cycles between what was last and what is said on a day, on one side. ``own``: the reseller's own."""

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
    def kept(self) -> date | None:
        """The end of the cycle that runs, as it was known."""
        return day_of(self.last, "cycle_end") if self.last else None

    @property
    def told(self) -> list[dict[str, str]]:
        """The source's own records of what happened since; of what is seen for the first time, all."""
        records: list[dict[str, str]] = self.said.get("history", [])
        return records[self.last.get("records", 0) :] if self.last else records

    def running_when_changed(self, unit: str) -> date | None:
        """The end of the cycle, of a unit, that ran when the unit was changed last.

        One that ended on that very day ran no more. What is not renewed has no other end than its last.
        """
        changed = self._day_of_change()
        awaited = as_said(self.last).pending if self.last else None
        if awaited and awaited.day > changed and unit == (self.last or {}).get(UNIT):
            return awaited.day
        renewed = (self.last or {}).get("renew_automatically", False)
        if self.kept and unit == (self.last or {}).get(UNIT) and (self.kept > changed or not renewed):
            return self.kept
        return self.cycles(unit).first(changed, after=True)

    def _day_of_change(self) -> date:
        days = [self.calendar.day(each) for each in self.told if each["action"] == OTHER_UNIT]
        if days:
            return days[-1]
        coming = as_said(self.said).pending
        if self.last is None and coming and coming.day <= self.on:
            return coming.day - timedelta(days=1)  # made before then, and not seen in time
        return self.on

    def end(self) -> date | None:
        """The end of the cycle that runs, or of the last one of what is not renewed."""
        if self.last is None:
            seen = self._first_seen()
            return seen if self.renews else self._renewed(seen)
        stands = self.said.get("status", ACTIVE) not in (ACTIVE, INACTIVE)
        if self.kept and stands and self._same_start and not self._at_once:
            return self.kept
        return self._running(self.on, after=True) if self.renews else self._renewed(self._last_end())

    def _first_seen(self) -> date | None:
        """The end of the cycle that runs, or, of what is over when it is seen for the first time, that of its last."""
        cycles = self.in_force
        if self.renews:
            return cycles.first(self.on, after=True)
        if self.said.get("status", ACTIVE) == INACTIVE and cycles.start <= self.on:
            return cycles.last(self.on) or self.on
        return cycles.first(max(self.on, cycles.start), after=False)

    def _running(self, day: date, *, after: bool) -> date | None:
        """The first end on or after a day, or strictly ``after`` it; while a change is pending, the day of that."""
        pending = self.units.pending
        if pending and (self.renews or pending.day >= day):
            return pending.day
        if pending:
            return self.cycles(pending.unit).first(day, after=after)
        if self._changed_before_the_rule and self.kept and (self.kept > day or (self.kept == day and not after)):
            return self.kept
        return self.in_force.first(day, after=after)

    @property
    def _changed_before_the_rule(self) -> bool:
        """Whether the unit was changed for the next cycle when that still replaced the running one at once.

        Such a subscription stays as it is, and the cycle that ran ends as it would have.
        """
        last = self.last or {}
        same = self.said.get(UNIT) == last.get(UNIT) and self._same_start
        return same and self.said.get(MODE) == NEXT_CYCLE

    def _last_end(self) -> date | None:
        """Of what is not renewed: as it was known, unless something began anew since."""
        action, day = self._began_anew() or ("", self.on)
        day = max(day, self.start)
        if action == OTHER_UNIT:
            return self.in_force.first(day, after=True)
        if action == TAKEN_UP and not self._still_runs(day):
            return self._holding(day)
        if action != SWITCHED and self.kept:
            return self.kept
        return self._running(day, after=False)

    def _still_runs(self, day: date) -> bool:
        """Whether what is taken up again had not run out."""
        return self.kept is not None and self.kept > day and (self.last or {}).get("source_status") != INACTIVE

    def _holding(self, day: date) -> date | None:
        """The end of the cycle that holds a day, or nominally begins on it: once a pending unit is due, one of that."""
        pending = self.units.pending
        if pending and day >= (self.in_force.nominal(pending.day) or pending.day):
            return self.cycles(pending.unit).following(day)
        return self.in_force.following(day)

    def _renewed(self, end: date | None) -> date | None:
        """Not before the end of what was renewed by hand."""
        days = (self._holding(date.fromisoformat(each["date"])) for each in self.said.get("renewals", []))
        return max((day for day in (end, *days) if day is not None), default=None)

    def _began_anew(self) -> tuple[str, date] | None:
        """The action since whose day another cycle is the last.

        By the source's own records of what happened since; where it keeps none, seen on the day.
        """
        last, told = self.last or {}, self.told
        was_on = last.get("renew_automatically", False) or any(
            each["action"] == SWITCHED and each.get("detail") == "true" for each in told
        )
        anew = {TAKEN_UP, *([SWITCHED] if was_on else []), *([OTHER_UNIT] if self._at_once else [])}
        for each in reversed(told):
            if each["action"] in anew:
                return each["action"], self.calendar.day(each)
        if last.get("renew_automatically", False):
            return SWITCHED, self.on
        back = last.get("source_status", ACTIVE) != ACTIVE and self.said.get("status", ACTIVE) == ACTIVE
        if back and not any(each["action"] == "renew" for each in told):
            return TAKEN_UP, self.on
        return (OTHER_UNIT, self.on) if self._at_once or not self._same_start else None

    @property
    def _at_once(self) -> bool:
        """Whether the cycle that runs is one of another unit now; a pending change that took effect is none."""
        other = self.units.in_force != (self.last or {}).get(UNIT)
        return other and not (self.own and self.said.get(MODE) == NEXT_CYCLE)

    @property
    def _same_start(self) -> bool:
        return all(self.said.get(name) == (self.last or {}).get(name) for name in ("start_date", "activation_date"))
