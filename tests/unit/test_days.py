"""The day at an instant, in a time zone (DATE-01)."""

from datetime import UTC, date, datetime

import pytest

from reconciler.shell.days import day_in, known_zones

CASES = {
    # An instant is the local date.
    ("Europe/Vienna", "2026-12-31T22:59:59+00:00"): "2026-12-31",
    ("Europe/Vienna", "2026-12-31T23:00:00+00:00"): "2027-01-01",
    ("America/Los_Angeles", "2027-01-01T07:59:59+00:00"): "2026-12-31",
    ("America/Los_Angeles", "2027-01-01T08:00:00+00:00"): "2027-01-01",
    ("UTC", "2027-01-01T00:00:00+00:00"): "2027-01-01",
    ("Asia/Kathmandu", "2026-12-31T18:15:00+00:00"): "2027-01-01",
    ("Etc/GMT+12", "2027-01-01T11:59:59+00:00"): "2026-12-31",
    # An instant may be given with any offset.
    ("Pacific/Kiritimati", "2026-12-31T11:00:00+01:00"): "2027-01-01",
    # Where midnight does not exist, the day begins at its first moment: clocks go from 23:59:59 to 01:00:00.
    ("Asia/Beirut", "2022-03-26T21:59:59+00:00"): "2022-03-26",
    ("Asia/Beirut", "2022-03-26T22:00:00+00:00"): "2022-03-27",
    ("America/Sao_Paulo", "2018-11-04T02:59:59+00:00"): "2018-11-03",
    ("America/Sao_Paulo", "2018-11-04T03:00:00+00:00"): "2018-11-04",
    # Where the last hour of a day comes twice, both belong to it: clocks go from 23:59:59 back to 23:00:00.
    ("America/Sao_Paulo", "2018-02-18T01:59:59+00:00"): "2018-02-17",
    ("America/Sao_Paulo", "2018-02-18T02:59:59+00:00"): "2018-02-17",
    ("America/Sao_Paulo", "2018-02-18T03:00:00+00:00"): "2018-02-18",
    # A day that does not exist at all.
    ("Pacific/Apia", "2011-12-30T09:59:59+00:00"): "2011-12-29",
    ("Pacific/Apia", "2011-12-30T10:00:00+00:00"): "2011-12-31",
    # At the ends of the calendar.
    ("Pacific/Kiritimati", "9999-12-31T23:00:00+00:00"): "9999-12-31",
    ("Pacific/Honolulu", "0001-01-01T01:00:00+00:00"): "0001-01-01",
}


@pytest.mark.parametrize(("zone", "moment"), CASES)
def test_an_instant_is_the_local_date(zone: str, moment: str) -> None:
    assert day_in(zone, datetime.fromisoformat(moment)) == date.fromisoformat(CASES[zone, moment])


def test_a_date_alone_is_that_day_in_every_zone() -> None:
    alone = datetime.fromisoformat("2027-01-01")
    assert {day_in(zone, alone) for zone in known_zones()} == {date(2027, 1, 1)}


def test_every_known_zone_can_be_read() -> None:
    assert {"UTC", "Europe/Vienna", "Etc/GMT-14", "US/Pacific"} <= known_zones()
    now = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert {day_in(zone, now).isoformat() for zone in known_zones()} == {"2026-12-31", "2027-01-01"}


@pytest.mark.parametrize("name", ["Europe/Wien", "europe/vienna", "+02:00", "", "../zones", "/etc/passwd"])
def test_no_other_name_is_read(name: str) -> None:
    with pytest.raises(KeyError):
        day_in(name, datetime(2026, 12, 31, tzinfo=UTC))
