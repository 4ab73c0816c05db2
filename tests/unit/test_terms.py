"""How a subscription stands on a day: its status and its cycle end, by its own billing day (SUB-09, SUB-28)."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.subscriptions.mirror_status import SubscriptionStatus, status_at_source, status_of_mirror
from reconciler.model.values.plain_values import Body
from tests.laws import oracle_cycles as oracle


def said(start: str = "2026-11-15", **given: Any) -> dict[str, Any]:
    body = {"start_date": start, "billing_cycle": "P1M", "status": "active", "renew_automatically": False}
    return {name: value for name, value in {**body, **given}.items() if value is not None}


def day(text: str) -> date:
    return date.fromisoformat(text)


def mirrored(
    source: Body, have: Body | None, on: str, billing_day: int | None = None
) -> tuple[Body, SubscriptionStatus]:
    """The mirror once it follows its source on a day, as it remembers itself, and its terms."""
    due = status_of_mirror(source, have, billing_day=billing_day, on=day(on))
    remembered = {
        **{name: value for name, value in source.items() if name not in ("history", "pending_unit")},
        "billing_cycle": due.units.in_force,
        **({"source_unit": source["billing_cycle"]} if source.get("billing_cycle") != due.units.in_force else {}),
        **({"pending_unit": due.units.pending.body} if due.units.pending else {}),
        "source_status": source["status"],
        "status": due.status,
        "cycle_end": due.cycle_end.isoformat() if due.cycle_end else None,
        "records": len(source.get("history", [])),
    }
    return remembered, due


def after(*steps: tuple[str, Body], billing_day: int | None = None) -> SubscriptionStatus:
    """The terms after each of several days' following."""
    have: Body | None = None
    for on, source in steps:
        have, due = mirrored(source, have, on, billing_day)
    return due


def record(on: str, action: str, detail: str = "") -> dict[str, str]:
    return {"at": f"{on}T08:00:00Z", "action": action, "detail": detail}


ENDS = SubscriptionStatus("active", day("2026-12-15"))
OVER = SubscriptionStatus("inactive", day("2026-12-15"), expired=True)


@pytest.mark.parametrize(
    ("on", "source", "billing_day", "expected"),
    [
        ("2026-11-20", said(), None, ENDS),
        ("2026-12-14", said(), None, ENDS),
        ("2026-12-15", said(), None, OVER),
        ("2026-12-16", said(), None, SubscriptionStatus("active", day("2027-01-15"))),
        ("2026-11-20", said(), 20, SubscriptionStatus("active", day("2026-12-20"))),
        ("2026-11-20", said(renew_automatically=True), None, SubscriptionStatus("active", day("2026-12-15"))),
        ("2026-12-15", said(renew_automatically=True), None, SubscriptionStatus("active", day("2027-01-15"))),
        ("2026-11-14", said(), None, SubscriptionStatus("inactive", day("2026-12-15"))),
        ("2026-11-14", said(renew_automatically=True), None, SubscriptionStatus("inactive", day("2026-12-15"))),
        ("2026-11-20", said(status="suspended"), None, SubscriptionStatus("suspended", day("2026-12-15"))),
        (
            "2026-11-20",
            said(status="cancelled", renew_automatically=True),
            None,
            SubscriptionStatus("cancelled", day("2026-12-15")),
        ),
        ("2027-02-20", said(status="inactive"), None, SubscriptionStatus("inactive", day("2027-02-15"), expired=True)),
        ("2026-11-20", said(status="inactive"), None, SubscriptionStatus("inactive", day("2026-11-20"), expired=True)),
        (
            "2026-11-20",
            said(status="inactive", renew_automatically=True),
            None,
            SubscriptionStatus("inactive", day("2026-12-15")),
        ),
        ("2026-11-20", said(billing_cycle=None), None, SubscriptionStatus("active", None)),
        ("2026-11-20", said(start_date=None), None, SubscriptionStatus("active", None)),
        (
            "2026-11-20",
            said(start_date=None, activation_date="2026-11-01"),
            None,
            SubscriptionStatus("active", day("2026-12-01")),
        ),
        ("2028-02-01", said("2028-01-31"), None, SubscriptionStatus("active", day("2028-02-29"))),
        ("2027-12-31", said("2027-12-31"), 31, SubscriptionStatus("active", day("2028-01-31"))),
        ("2026-11-16", said(billing_cycle="P1W"), None, SubscriptionStatus("active", day("2026-11-22"))),
        ("2026-11-16", said(billing_cycle="P1W"), 1, SubscriptionStatus("active", day("2026-12-01"))),
        (
            "2026-11-16",
            said(billing_cycle="P1D"),
            None,
            SubscriptionStatus("inactive", day("2026-11-16"), expired=True),
        ),
    ],
)
def test_what_is_seen_for_the_first_time(
    on: str, source: Body, billing_day: int | None, expected: SubscriptionStatus
) -> None:
    assert status_of_mirror(source, None, billing_day=billing_day, on=day(on)) == expected


def test_it_ends_when_it_was_said_to_end_however_late_that_is_seen() -> None:
    assert after(("2026-11-20", said()), ("2027-03-09", said())) == OVER
    assert after(("2026-11-20", said()), ("2026-12-14", said())) == ENDS


def test_what_renews_goes_on_for_ever() -> None:
    renewing = said(renew_automatically=True)
    assert after(("2026-11-20", renewing), ("2027-03-15", renewing)) == SubscriptionStatus("active", day("2027-04-15"))


def test_the_sides_end_each_on_its_own_day() -> None:
    """The reseller's cycle ended on the 15th, and it says so; the mirror's ends on the 20th."""
    steps = (("2026-11-16", said()), ("2026-12-15", said(status="inactive")))
    assert after(*steps, billing_day=20) == SubscriptionStatus("active", day("2026-12-20"))
    assert after(*steps, ("2026-12-19", said(status="inactive")), billing_day=20).status == "active"
    assert after(*steps, ("2026-12-20", said(status="inactive")), billing_day=20).expired


def test_the_mirror_may_end_first() -> None:
    """The reseller's customer is billed on the 25th, the reseller on no day of its own."""
    assert after(("2026-11-16", said()), ("2026-12-15", said())) == OVER


def test_what_is_switched_off_ends_with_the_cycle_that_runs() -> None:
    renewing = said(renew_automatically=True)
    told = said(history=[record("2027-01-20", "set_renew_automatically", "false")])
    expected = SubscriptionStatus("active", day("2027-02-15"))
    assert after(("2026-11-20", renewing), ("2027-01-20", said())) == expected
    assert after(("2026-11-20", renewing), ("2027-02-14", told)) == expected
    assert after(("2026-11-20", renewing), ("2027-08-01", told)) == SubscriptionStatus(
        "inactive", day("2027-02-15"), expired=True
    )


def test_what_is_switched_on_again_renews() -> None:
    renewing = said(renew_automatically=True)
    assert after(("2026-11-20", said()), ("2027-03-01", said()), ("2027-03-02", renewing)).status == "active"


@pytest.mark.parametrize("status", ["suspended", "cancelled", "deleted"])
def test_what_stands_still_keeps_its_end(status: str) -> None:
    stands = said(status=status)
    assert after(("2026-11-20", said()), ("2027-03-01", stands)) == SubscriptionStatus(status, day("2026-12-15"))


def test_taken_up_again_while_the_cycle_runs_changes_nothing() -> None:
    steps = (("2026-11-20", said()), ("2026-11-25", said(status="suspended")), ("2026-11-30", said()))
    assert after(*steps) == ENDS


@pytest.mark.parametrize("stood", ["suspended", "cancelled", "inactive"])
def test_taken_up_again_after_it_ran_out_a_new_cycle_begins(stood: str) -> None:
    steps = (("2026-11-20", said()), ("2026-12-16", said(status=stood)), ("2026-12-18", said()))
    assert after(*steps) == SubscriptionStatus("active", day("2027-01-15"))
    assert after(*steps, ("2027-01-15", said())).expired


@pytest.mark.parametrize(
    ("days", "end"),
    [
        (["2026-12-15"], "2027-01-15"),
        (["2026-12-15", "2027-01-15"], "2027-02-15"),
        (["2026-12-14"], "2026-12-15"),
        (["2020-01-01"], "2026-12-15"),
    ],
)
def test_renewed_by_hand_it_ends_with_what_was_renewed(days: list[str], end: str) -> None:
    renewed = said(renewals=[{"date": each} for each in days])
    assert after(("2026-11-20", said()), ("2026-11-21", renewed)) == SubscriptionStatus("active", day(end))
    assert after(("2026-11-21", renewed)) == SubscriptionStatus("active", day(end))


def test_what_renews_by_itself_ends_with_its_cycle_whatever_was_renewed_by_hand() -> None:
    """Seen for the first time or again: what a plan writes, the next one finds."""
    renewing = said(renew_automatically=True, renewals=[{"date": "2026-12-15"}])
    assert after(("2026-11-20", renewing)) == after(("2026-11-20", renewing), ("2026-11-20", renewing)) == ENDS


def test_another_unit_for_the_current_cycle() -> None:
    weekly = said(billing_cycle="P1W", unit_change="current_cycle")
    assert after(("2026-11-20", said()), ("2026-11-25", weekly)) == SubscriptionStatus("active", day("2026-11-29"))
    yearly = said(billing_cycle="P1Y", unit_change="current_cycle")
    assert after(("2026-11-20", said()), ("2026-11-25", yearly)) == SubscriptionStatus("active", day("2027-11-15"))


def test_another_unit_with_the_next_cycle_leaves_the_one_that_runs() -> None:
    yearly = said(billing_cycle="P1Y", unit_change="next_cycle")
    renewing = {**yearly, "renew_automatically": True}
    before = said(renew_automatically=True)
    assert after(("2026-11-20", said()), ("2026-11-25", yearly)) == ENDS
    assert after(("2026-11-20", before), ("2026-11-25", renewing)) == ENDS
    assert after(("2026-11-20", before), ("2026-11-25", renewing), ("2026-12-15", renewing)) == SubscriptionStatus(
        "active", day("2027-11-15")
    )
    assert after(("2026-11-20", before), ("2026-11-25", yearly)) == ENDS, "switched off with it"


def test_what_is_renewed_by_hand_while_the_unit_is_to_change_is_a_cycle_of_the_new_unit() -> None:
    """The cycle that runs ends as it would have, also once it renews automatically again (SUB-27)."""
    by_hand = [{"date": "2026-12-20", "product": "office", "quantity": 1}]
    weekly = said(billing_cycle="P1W", unit_change="next_cycle", renewals=by_hand)
    renewing = {**weekly, "renew_automatically": True}
    looks = [("2026-11-20", said()), ("2026-11-25", weekly), ("2026-11-25", renewing)]
    assert after(*looks[:2]).cycle_end == day("2026-12-27")
    assert after(*looks).cycle_end == day("2026-12-15")
    assert after(*looks, ("2026-11-26", weekly)).cycle_end == day("2026-12-27"), "switched off again"
    assert after(*looks, ("2026-12-27", renewing)).cycle_end == day("2027-01-03")


def test_another_start_is_another_cycle() -> None:
    assert after(("2026-11-20", said()), ("2026-11-25", said("2026-11-24"))) == SubscriptionStatus(
        "active", day("2026-12-24")
    )


@given(
    st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    st.sampled_from(("P1W", "P1M", "P3M", "P1Y")),
    st.none() | st.integers(1, 31),
    st.integers(0, 500),
    st.integers(0, 800),
)
def test_the_end_is_the_oracles_whenever_it_is_first_seen(
    start: date, period: str, billing_day: int | None, seen: int, later: int
) -> None:
    source = said(start.isoformat(), billing_cycle=period)
    first, then = start + timedelta(days=seen), start + timedelta(days=seen + later)
    end = oracle.end_from(first, start, period, billing_day)
    have, due = mirrored(source, None, first.isoformat(), billing_day)
    assert (due.cycle_end, due.status) == (end, "active" if first < end else "inactive")
    _, due = mirrored(source, have, then.isoformat(), billing_day)
    assert (due.cycle_end, due.status) == (end, "active" if then < end else "inactive")


@given(
    st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    st.none() | st.integers(1, 31),
    st.lists(st.integers(0, 90), min_size=1, max_size=8),
    st.integers(0, 60),
)
def test_in_how_many_steps_it_is_followed_makes_no_difference(
    start: date, billing_day: int | None, waits: list[int], off: int
) -> None:
    """A record tells the day: whether a mirror follows at once or late, it ends on the same day (SUB-19, SUB-29)."""
    switched = start + timedelta(days=off)
    renewing = said(start.isoformat(), renew_automatically=True)
    ended = said(start.isoformat(), history=[record(switched.isoformat(), "set_renew_automatically", "false")])
    have, due = mirrored(renewing, None, start.isoformat(), billing_day)
    now = switched
    for wait in waits:
        now += timedelta(days=wait)
        have, due = mirrored(ended, have, now.isoformat(), billing_day)
    _, at_once = mirrored(
        ended, mirrored(renewing, None, start.isoformat(), billing_day)[0], now.isoformat(), billing_day
    )
    assert due.cycle_end == at_once.cycle_end == oracle.end_from(switched, start, "P1M", billing_day)
    assert (due.status == "active") == (now < oracle.end_from(switched, start, "P1M", billing_day))


def test_a_resellers_own_subscription_is_told_by_the_record_that_is_new() -> None:
    """Old records began what began then."""
    before = said(cycle_end="2026-12-15", history=[record("2026-11-16", "set_renew_automatically", "false")])
    weekly = {**before, "billing_cycle": "P1W", "unit_change": "current_cycle"}
    weekly["history"] = [*before["history"], record("2026-11-25", "change_unit", "P1M -> P1W, current_cycle")]
    assert status_at_source(before, weekly, billing_day=None, on=day("2026-11-25")).cycle_end == day("2026-11-29")


@pytest.mark.parametrize("told", [True, False], ids=["recorded", "seen"])
@pytest.mark.parametrize("looked_before", [True, False], ids=["looked before", "not"])
def test_a_unit_that_changes_with_the_next_cycle_on_the_day_one_ended(*, looked_before: bool, told: bool) -> None:
    """The cycle that begins on that day is of the old unit yet, whether anybody looked before the change (SUB-27)."""
    renewing = said(renew_automatically=True)
    yearly = said(renew_automatically=True, billing_cycle="P1Y", unit_change="next_cycle")
    yearly["history"] = [record("2026-12-15", "change_unit", "P1M -> P1Y, next_cycle")] if told else []
    looks = [("2026-11-15", renewing), *([("2026-12-15", renewing)] if looked_before else [])]
    assert after(*looks, ("2026-12-15", yearly)).cycle_end == day("2027-01-15")
    assert after(*looks, ("2026-12-15", yearly), ("2027-01-15", yearly)).cycle_end == day("2027-11-15")


@pytest.mark.parametrize("renews", [True, False])
@pytest.mark.parametrize("told", [True, False], ids=["recorded", "seen"])
@pytest.mark.parametrize("status", ["active", "suspended", "cancelled"])
def test_what_changes_its_unit_at_once_has_a_cycle_of_that_unit(status: str, *, told: bool, renews: bool) -> None:
    """Whatever its status: a change for the next cycle, later, waits for the end of the cycle that runs (SUB-27)."""
    monthly = said(status=status, renew_automatically=renews)
    yearly = said(status=status, renew_automatically=renews, billing_cycle="P1Y", unit_change="current_cycle")
    yearly["history"] = [record("2026-11-20", "change_unit", "P1M -> P1Y, current_cycle")] if told else []
    steps = (("2026-11-16", monthly), ("2026-11-20", yearly))
    assert after(*steps).cycle_end == day("2027-11-15")
    coming = {"billing_cycle": "P1M", "from": "2027-11-15"}
    weekly = {**yearly, "unit_change": "next_cycle", "pending_unit": coming}
    pending = after(*steps, ("2026-11-25", weekly)).units.pending
    assert pending is not None
    assert pending.day == day("2027-11-15")


@pytest.mark.parametrize("status", ["suspended", "cancelled"])
@pytest.mark.parametrize(
    ("on", "end"),
    [("2026-12-14", "2026-12-20"), ("2026-12-17", "2026-12-20"), ("2026-12-20", "2027-01-20")],
)
def test_what_is_re_activated_before_its_end_ends_when_it_would_have(status: str, on: str, end: str) -> None:
    """SUB-30, SUB-29: also between the day on which the cycle ended and the billing day on which the end counts."""
    running, _ = mirrored(said(), None, "2026-12-01", 20)
    stopped, _ = mirrored(said(status=status), running, "2026-12-02", 20)
    assert stopped["cycle_end"] == "2026-12-20"
    _, found = mirrored(said(), stopped, on, 20)
    assert (found.status, str(found.cycle_end)) == ("active", end)
