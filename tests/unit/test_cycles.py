"""When billing cycles end: months of every length, leap years, year ends, billing days, weeks and days (SUB-29)."""

from contextlib import nullcontext
from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from reconciler.core.subscriptions.cycles import CycleEnd, Cycles, on_billing_day, plus_months
from reconciler.model.values.field_types import Number, read_billing_day
from tests.laws import oracle_cycles as oracle

DAYS = st.dates(date(2023, 1, 1), date(2029, 12, 31))
EDGES = st.sampled_from(
    [
        date(year, month, day)
        for year in (2023, 2024, 2026, 2028)
        for month, day in ((1, 31), (2, 28), (12, 31), (6, 30))
    ]
    + [date(2024, 2, 29), date(2028, 2, 29)]
)
STARTS = EDGES | DAYS
PERIODS = st.sampled_from(sorted(oracle.PERIODS))
BILLING_DAYS = st.none() | st.sampled_from((1, 28, 29, 30, 31)) | st.integers(1, 31)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "period", "billing_day", "expected"),
    [
        ("2026-01-31", "P1M", None, ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("2024-01-31", "P1M", None, ["2024-02-29", "2024-03-31", "2024-04-30"]),
        ("2024-01-30", "P1M", None, ["2024-02-29", "2024-03-30", "2024-04-30"]),
        ("2024-02-29", "P1Y", None, ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("2026-11-15", "P1M", None, ["2026-12-15", "2027-01-15"]),
        ("2026-12-31", "P2M", None, ["2027-02-28", "2027-04-30"]),
        ("2026-11-15", "P1M", 1, ["2027-01-01", "2027-02-01"]),
        ("2026-11-15", "P1M", 15, ["2026-12-15", "2027-01-15"]),
        ("2026-11-15", "P1M", 31, ["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31"]),
        ("2026-01-31", "P1M", 30, ["2026-02-28", "2026-04-30", "2026-04-30", "2026-06-30"]),
        ("2023-12-30", "P2M", 29, ["2024-02-29", "2024-05-29"]),
        ("2026-12-28", "P1W", None, ["2027-01-04", "2027-01-11"]),
        ("2026-12-28", "P1W", 10, ["2027-01-10", "2027-02-10", "2027-02-10"]),
        ("2024-02-28", "P1D", None, ["2024-02-29", "2024-03-01"]),
        ("2026-01-31", "P1M15D", None, ["2026-03-15", "2026-04-30"]),
    ],
)
def test_the_ends_that_a_calendar_shows(start: str, period: str, billing_day: int | None, expected: list[str]) -> None:
    ends = Cycles(day(start), period, billing_day).ends()
    assert [each.on.isoformat() for each in islice(ends, len(expected))] == expected


@given(STARTS, PERIODS, BILLING_DAYS)
def test_every_end_is_the_oracles(start: date, period: str, billing_day: int | None) -> None:
    found = islice(Cycles(start, period, billing_day).ends(), 14)
    assert [(each.nominal, each.on) for each in found] == list(islice(oracle.ends(start, period, billing_day), 14))


@given(STARTS, PERIODS, BILLING_DAYS, st.integers(-40, 1500))
def test_what_is_asked_of_a_day_is_the_oracles(start: date, period: str, billing_day: int | None, later: int) -> None:
    cycles, on = Cycles(start, period, billing_day), start + timedelta(days=later)
    case = (start, period, billing_day)
    assert cycles.first(on, after=False) == oracle.end_from(on, *case)
    assert cycles.first(on, after=True) == oracle.end_after(on, *case)
    assert cycles.following(on) == oracle.end_of_the_cycle_with(on, *case)
    assert cycles.nominal(on) == oracle.nominal_start_of_next(on, *case)
    over = []
    for _, end in oracle.ends(*case):
        if end > on:
            break
        over.append(end)
    assert cycles.last(on) == (over[-1] if over else None)


@given(STARTS, PERIODS, BILLING_DAYS, st.integers(-40, 1500))
def test_ends_around_a_day_are_the_same_ends(start: date, period: str, billing_day: int | None, later: int) -> None:
    """Those that are left out are before the day, and the last before it stands."""
    cycles, on = Cycles(start, period, billing_day), start + timedelta(days=later)
    around = list(islice(cycles.ends(on), 6))
    every = list(islice(cycles.ends(), 1600))
    first = every.index(around[0])
    assert every[first : first + len(around)] == around
    assert all(each.on <= on for each in every[:first])


@given(STARTS, st.integers(0, 60))
def test_months_are_clipped_and_never_spill(start: date, months: int) -> None:
    found = plus_months(start, months)
    assert (found.year * 12 + found.month) - (start.year * 12 + start.month) == months
    assert found.day == start.day or (found.day < start.day and oracle.is_last_of_month(found))


@given(STARTS, st.integers(1, 31))
def test_a_billing_day_comes_within_a_month(on: date, billing_day: int) -> None:
    found = on_billing_day(on, billing_day)
    assert found == oracle.billed_on(on, billing_day)
    assert 0 <= (found - on).days <= 31
    assert on_billing_day(found, billing_day) == found


@pytest.mark.parametrize("period", ["P0D", "P0M", "P0Y"])
def test_a_cycle_of_no_length_never_ends(period: str) -> None:
    cycles = Cycles(day("2026-01-31"), period, 1)
    assert list(cycles.ends()) == []
    asked = day("2027-01-01")
    assert (cycles.first(asked, after=True), cycles.following(asked), cycles.last(asked), cycles.nominal(asked)) == (
        None,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("billing_day", [None, 15, 31])
def test_the_calendar_ends_and_nothing_fails(billing_day: int | None) -> None:
    cycles = Cycles(day("9998-12-31"), "P1M", billing_day)
    ends = list(cycles.ends())
    assert ends[0] == CycleEnd(day("9999-01-31"), on_billing_day(day("9999-01-31"), billing_day))
    assert len(ends) == (12 if billing_day != 15 else 11)
    assert cycles.first(date.max, after=True) is None
    assert list(Cycles(day("2026-01-01"), "P9000Y").ends()) == []


def test_a_day_far_from_the_start_is_found_at_once() -> None:
    assert Cycles(day("0001-01-01"), "P1D").first(day("9000-01-01"), after=True) == day("9000-01-02")
    assert Cycles(day("0001-01-31"), "P1M", 31).first(day("8999-02-01"), after=False) == day("8999-02-28")


@pytest.mark.parametrize(("number", "is_day"), [(0, False), (1, True), (31, True), (32, False)])
def test_a_billing_day_is_a_day_of_a_month(number: int, is_day: bool) -> None:
    with nullcontext() if is_day else pytest.raises(PydanticCustomError, match="not a day of the month"):
        assert read_billing_day(Number(str(number))) == number
