"""When billing cycles end, told from RULES.md alone (SUB-29), day by day: slow, and by other means than the engine.

"A cycle ends at start date + k × billing cycle (clipped to the month's end), and where the billed party has a billing
day, on the first such day at or after that."
"""

from collections.abc import Iterator
from datetime import date, timedelta

DAY = timedelta(days=1)
PERIODS = {
    "P1D": (0, 1),
    "P3D": (0, 3),
    "P1W": (0, 7),
    "P2W": (0, 14),
    "P30D": (0, 30),
    "P1M": (1, 0),
    "P2M": (2, 0),
    "P3M": (3, 0),
    "P6M": (6, 0),
    "P1Y": (12, 0),
    "P3Y": (36, 0),
    "P1M15D": (1, 15),
}
"""Billing cycles, as months and days."""


def is_last_of_month(day: date) -> bool:
    """Whether the next day is the first of a month."""
    return (day + DAY).day == 1


def nominal_end(start: date, period: str, number: int) -> date:
    """The start date and ``number`` cycles: months are walked one by one, and clipped once."""
    months, days = PERIODS[period]
    year, month = start.year, start.month
    for _ in range(months * number):
        month += 1
        if month > 12:
            year, month = year + 1, 1
    day = date(year, month, 1)
    while day.day < start.day and not is_last_of_month(day):
        day += DAY
    return day + DAY * (days * number)


def billed_on(day: date, billing_day: int | None) -> date:
    """The first billing day at or after a day; a month too short for it has it on its last."""
    while billing_day and day.day != billing_day and not (day.day < billing_day and is_last_of_month(day)):
        day += DAY
    return day


def ends(start: date, period: str, billing_day: int | None) -> Iterator[tuple[date, date]]:
    """Every end, from the first cycle on: the nominal one, and that of the billed party."""
    number = 0
    while True:
        number += 1
        nominal = nominal_end(start, period, number)
        yield nominal, billed_on(nominal, billing_day)


def end_from(day: date, start: date, period: str, billing_day: int | None) -> date:
    """The first end on a day or later."""
    return next(on for _, on in ends(start, period, billing_day) if on >= day)


def end_after(day: date, start: date, period: str, billing_day: int | None) -> date:
    """The first end later than a day."""
    return end_from(day + DAY, start, period, billing_day)


def end_of_the_cycle_with(day: date, start: date, period: str, billing_day: int | None) -> date:
    """The end of the cycle that a day is in, or that begins on it."""
    return next(on for nominal, on in ends(start, period, billing_day) if nominal > day)


def nominal_start_of_next(end: date, start: date, period: str, billing_day: int | None) -> date:
    """Where the cycle begins that follows the one which ends, for the billed party, on ``end`` or next after it."""
    return next(nominal for nominal, on in ends(start, period, billing_day) if on >= end)
