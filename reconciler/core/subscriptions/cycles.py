"""When billing cycles end (SUB-29): k cycles after the start date, moved to the billed party's billing day."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from reconciler.model.values.field_types import period_parts

MONTHS_A_YEAR, LONGEST_MONTH, SHORTEST_MONTH = 12, 31, 28


@dataclass(frozen=True, slots=True)
class CycleEnd:
    """``nominal``: the start date plus k cycles. ``on``: the day on which the cycle ends for the billed party."""

    nominal: date
    on: date


@dataclass(frozen=True, slots=True)
class Cycles:
    """The cycles of one subscription on one side. ``billing_day``: the billed party's (1 to 31), if it has one."""

    start: date
    period: str
    billing_day: int | None = None

    def ends(self, around: date | None = None) -> Iterator[CycleEnd]:
        """All ends in order, or those from some end before ``around`` on; none for a unit without a length.

        They stop at the end of the calendar.
        """
        months, days = period_parts(self.period)
        if not months and not days:
            return
        for number in count(self._number_before(around, months, days) if around else 1):
            try:
                nominal = plus_months(self.start, months * number) + timedelta(days=days * number)
                yield CycleEnd(nominal, on_billing_day(nominal, self.billing_day))
            except (OverflowError, ValueError):  # beyond the year 9999
                return

    def _number_before(self, day: date, months: int, days: int) -> int:
        """The number of a cycle that ends before a day, for any length of months and any billing day."""
        whole = (day - self.start).days // (LONGEST_MONTH * months + days)
        late = LONGEST_MONTH // (SHORTEST_MONTH * months + days) + 1
        return max(1, whole - late - 1)

    def first(self, day: date, *, after: bool) -> date | None:
        """The first end on or after a day; with ``after``, strictly after it."""
        return next((end.on for end in self.ends(day) if end.on > day or (end.on == day and not after)), None)

    def following(self, day: date) -> date | None:
        """The end of the cycle that contains a day, or nominally begins on it."""
        return next((end.on for end in self.ends(day) if end.nominal > day), None)

    def last(self, day: date) -> date | None:
        """The last end up to a day."""
        last = None
        for end in self.ends(day):
            if end.on > day:
                break
            last = end.on
        return last

    def nominal(self, day: date) -> date | None:
        """The first nominal end whose billing day is on or after ``day``: where a renewal of that cycle begins."""
        return next((end.nominal for end in self.ends(day) if end.on >= day), None)


def plus_months(start: date, months: int) -> date:
    """Clipped to the end of the month: 31 January plus one month is the last day of February."""
    years, month = divmod(start.year * MONTHS_A_YEAR + start.month - 1 + months, MONTHS_A_YEAR)
    return date(years, month + 1, min(start.day, monthrange(years, month + 1)[1]))


def on_billing_day(day: date, billing_day: int | None) -> date:
    """The first billing day on or after a day; in a shorter month its last day."""
    if billing_day is None:
        return day
    here = _in_month(day, billing_day)
    return here if here >= day else _in_month(plus_months(day.replace(day=1), 1), billing_day)


def _in_month(day: date, billing_day: int) -> date:
    return day.replace(day=min(billing_day, monthrange(day.year, day.month)[1]))
