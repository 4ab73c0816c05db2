"""How a subscription stands: its status and the end of its billing cycle, each side by its own billing day.

The end of the cycle is kept with the subscription, the source's with the source and the mirror's with the mirror; it
moves on as the reseller renews (SUB-09, SUB-28 to SUB-30). What is known from before is told by what was applied last,
never by what a mirror says now: that may be drift (SUB-40).
"""

from dataclasses import dataclass, replace
from datetime import date

from reconciler.core.cycles import Cycles
from reconciler.model.sync import LAST_APPLIED
from reconciler.model.values import Body

ACTIVE, INACTIVE = "active", "inactive"
SWITCHED, TAKEN_UP, OTHER_UNIT = "set_renew_automatically", "activate", "change_unit"
"""The actions from whose day on another cycle is the last."""


@dataclass(frozen=True, slots=True)
class Terms:
    """A mirror's status, and the day on which its cycle ends (``None``: it has no cycle).

    ``expired``: it is inactive because its cycle ended and was not renewed (SUB-28).
    """

    status: str
    cycle_end: date | None
    expired: bool = False


def last_applied(have: Body | None) -> Body | None:
    """A mirror as it was applied last; one that remembers nothing as it is."""
    return have and (have.get(LAST_APPLIED) or have)


def terms(said: Body, last: Body | None, *, billing_day: int | None, on: date) -> Terms:
    """The terms of the mirror of what the reseller said; ``last``: the mirror as it was applied last, if it was."""
    status, renews, start = said.get("status", ACTIVE), said.get("renew_automatically", False), _start(said)
    end = _cycle_end(said, last, billing_day, on)
    if status not in (ACTIVE, INACTIVE):
        return Terms(status, end)
    if start is not None and start > on:
        return Terms(INACTIVE, end)
    if not renews and end is not None and on >= end:
        return Terms(INACTIVE, end, expired=True)
    # The reseller's cycle ended first: the mirror goes on until its own does (SUB-29).
    awaits = last is not None and last.get("status") == ACTIVE and not renews and end is not None
    return Terms(ACTIVE if awaits else status, end)


def own_terms(before: Body, after: Body, *, billing_day: int | None, on: date) -> Terms:
    """The terms of a reseller's own subscription as it becomes; ``billing_day``: its customer's.

    A cycle of which its system said nothing yet ends as it would have without the change (SUB-27).
    """
    records = len(before.get("history", []))
    end = day_of(before, "cycle_end") or terms(before, None, billing_day=billing_day, on=on).cycle_end
    runs = end.isoformat() if end else None
    last = {**before, "source_status": before.get("status", ACTIVE), "records": records, "cycle_end": runs}
    return terms(after, last, billing_day=billing_day, on=on)


def day_of(body: Body, field: str) -> date | None:
    """A date field's day."""
    text = body.get(field)
    return date.fromisoformat(text) if text else None


def _start(said: Body) -> date | None:
    return day_of(said, "start_date") or day_of(said, "activation_date")


def _cycle_end(said: Body, last: Body | None, billing_day: int | None, on: date) -> date | None:
    start, period = _start(said), said.get("billing_cycle")
    if start is None or period is None:
        return None
    cycles, renews = Cycles(start, period, billing_day), said.get("renew_automatically", False)
    if last is None:
        seen = _first_seen(said, cycles, on)
        return seen if renews else _renewed(said, cycles, seen)
    kept = day_of(last, "cycle_end")
    if kept and said.get("status", ACTIVE) not in (ACTIVE, INACTIVE):
        return kept
    running = _Running(said, last, cycles, kept, on)
    return running.end(on, after=True) if renews else _renewed(said, cycles, running.last_end())


def _first_seen(said: Body, cycles: Cycles, on: date) -> date | None:
    """The end of the cycle that runs, or, of what is over when it is seen for the first time, that of its last."""
    if said.get("renew_automatically", False):
        return cycles.first(on, after=True)
    if said.get("status", ACTIVE) == INACTIVE and cycles.start <= on:
        return cycles.last(on) or on
    return cycles.first(max(on, cycles.start), after=False)


@dataclass(frozen=True, slots=True)
class _Running:
    """The cycle that runs, between what was last and what is said ``on`` a day. ``kept``: its end as it was known."""

    said: Body
    last: Body
    cycles: Cycles
    kept: date | None
    on: date

    @property
    def later(self) -> bool:
        """SUB-27: whether a change of the unit leaves the cycle that runs as it is."""
        return self.said.get("unit_change") == "next_cycle"

    def end(self, day: date, *, after: bool) -> date | None:
        """The first end on or after a day, or strictly ``after`` it."""
        runs = self._runs() if self.later else None
        if runs and (runs > day or (runs == day and not after)):
            return runs
        return self.cycles.first(day, after=after)

    def _runs(self) -> date | None:
        """The end of the cycle that ran when the unit was changed; one that ended on that very day ran no more."""
        unit = self.last.get("billing_cycle", self.cycles.period)
        days = (date.fromisoformat(each["at"][:10]) for each in self.told if each["action"] == OTHER_UNIT)
        changed = next(days, self.on)
        if self.kept is None or self.kept > changed or unit == self.cycles.period:
            return self.kept
        return replace(self.cycles, period=unit).first(changed, after=True)

    @property
    def told(self) -> list[dict[str, str]]:
        """The source's own records of what happened since."""
        records: list[dict[str, str]] = self.said.get("history", [])
        return records[self.last.get("records", 0) :]

    def last_end(self) -> date | None:
        """Of what is not renewed: as it was known, unless something began anew since."""
        action, day = self._began_anew() or ("", self.on)
        day = max(day, self.cycles.start)
        if action == OTHER_UNIT:
            return self.cycles.first(day, after=True)
        if action == TAKEN_UP and not self._still_runs(day):
            return self.cycles.following(day)
        if action != SWITCHED and self.kept:
            return self.kept
        return self._before().end(day, after=False)

    def _still_runs(self, day: date) -> bool:
        """Whether what is taken up again had not run out."""
        return self.kept is not None and self.kept > day and self.last.get("source_status") != INACTIVE

    def _before(self) -> "_Running":
        """By the unit that the cycle has which runs."""
        unit = self.last.get("billing_cycle", self.cycles.period) if self.later else self.cycles.period
        return replace(self, cycles=replace(self.cycles, period=unit))

    def _began_anew(self) -> tuple[str, date] | None:
        """The action since whose day another cycle is the last.

        By the source's own records of what happened since; where it keeps none, seen on the day.
        """
        told = self.told
        was_on = self.last.get("renew_automatically", False) or any(
            each["action"] == SWITCHED and each.get("detail") == "true" for each in told
        )
        anew = {TAKEN_UP, *([SWITCHED] if was_on else []), *([] if self.later else [OTHER_UNIT])}
        for each in reversed(told):
            if each["action"] in anew:
                return each["action"], date.fromisoformat(each["at"][:10])
        if self.last.get("renew_automatically", False):
            return SWITCHED, self.on
        back = self.last.get("source_status", ACTIVE) != ACTIVE and self.said.get("status", ACTIVE) == ACTIVE
        if back and not any(each["action"] == "renew" for each in told):
            return TAKEN_UP, self.on
        return None if self._same_cycles() else (OTHER_UNIT, self.on)

    def _same_cycles(self) -> bool:
        said, last = self.said, self.last
        same_start = all(said.get(name) == last.get(name) for name in ("start_date", "activation_date"))
        return same_start and (self.later or said.get("billing_cycle") == last.get("billing_cycle"))


def _renewed(said: Body, cycles: Cycles, end: date | None) -> date | None:
    """Not before the end of what was renewed by hand."""
    days = (cycles.following(date.fromisoformat(each["date"])) for each in said.get("renewals", []))
    return max((day for day in (end, *days) if day is not None), default=None)
