"""A day is a day where people live: 23 or 25 hours when the clocks change, and not on the hour everywhere."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.spending import HOUR, Hour, Period, period, spent, usual

UNITS: tuple[Period, ...] = get_args(Period)
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2037, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - it gets one


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "unit", "since", "until"),
    [
        ("2026-01-13 10:33", "UTC", "day", "2026-01-13 00:00", "2026-01-14 00:00"),
        ("2026-01-13 10:33", "UTC", "week", "2026-01-12 00:00", "2026-01-19 00:00"),
        ("2026-01-13 10:33", "UTC", "month", "2026-01-01 00:00", "2026-02-01 00:00"),
        ("2026-01-12 00:00", "UTC", "week", "2026-01-12 00:00", "2026-01-19 00:00"),
        ("2026-12-31 23:59", "UTC", "month", "2026-12-01 00:00", "2027-01-01 00:00"),
        ("2028-02-29 12:00", "UTC", "day", "2028-02-29 00:00", "2028-03-01 00:00"),
        ("2028-02-29 12:00", "UTC", "month", "2028-02-01 00:00", "2028-03-01 00:00"),
        # clocks go forward, a day of 23 hours; and back, one of 25
        ("2026-03-29 12:00", "Europe/Berlin", "day", "2026-03-28 23:00", "2026-03-29 22:00"),
        ("2026-10-25 12:00", "Europe/Berlin", "day", "2026-10-24 22:00", "2026-10-25 23:00"),
        ("2026-10-25 12:00", "Europe/Berlin", "week", "2026-10-18 22:00", "2026-10-25 23:00"),
        ("2026-03-31 22:30", "Europe/Berlin", "month", "2026-03-31 22:00", "2026-04-30 22:00"),
        # half an hour from the hour, and a summer time of half an hour
        ("2026-01-13 18:29", "Asia/Kolkata", "day", "2026-01-12 18:30", "2026-01-13 18:30"),
        ("2026-01-13 18:30", "Asia/Kolkata", "day", "2026-01-13 18:30", "2026-01-14 18:30"),
        ("2026-04-05 00:00", "Australia/Lord_Howe", "day", "2026-04-04 13:00", "2026-04-05 13:30"),
        ("2026-10-04 00:00", "Australia/Lord_Howe", "day", "2026-10-03 13:30", "2026-10-04 13:00"),
        # midnight comes twice, and not at all
        ("2026-11-01 04:30", "America/Havana", "day", "2026-11-01 04:00", "2026-11-02 05:00"),
        ("2026-11-01 05:30", "America/Havana", "day", "2026-11-01 04:00", "2026-11-02 05:00"),
        ("2026-03-08 05:30", "America/Havana", "day", "2026-03-08 05:00", "2026-03-09 04:00"),
        # a minute after midnight the clock is set back to the day before
        ("2010-11-07 02:45", "America/St_Johns", "day", "2010-11-07 02:30", "2010-11-08 03:30"),
        # a clock that jumps over midnight: what then comes before midnight by the old one is of the day before
        ("1919-03-31 04:40", "America/Toronto", "day", "1919-03-30 05:00", "1919-03-31 05:00"),
        # Samoa left out the 30th of December
        ("2011-12-30 09:00", "Pacific/Apia", "day", "2011-12-29 10:00", "2011-12-30 10:00"),
        ("2011-12-30 10:00", "Pacific/Apia", "day", "2011-12-30 10:00", "2011-12-31 10:00"),
    ],
)
def test_a_period_is_that_of_the_zone(now: str, zone: str, unit: Period, since: str, until: str) -> None:
    assert period(utc(now), ZoneInfo(zone), unit) == (utc(since), utc(until))


@settings(max_examples=500)
@given(now=MOMENTS, zone=ZONES, unit=st.sampled_from(UNITS))
def test_periods_follow_each_other_without_a_gap(now: datetime, zone: ZoneInfo, unit: Period) -> None:
    since, until = period(now, zone, unit)
    assert since <= now < until
    assert since.tzinfo is UTC
    assert period(since, zone, unit) == period(until - timedelta(microseconds=1), zone, unit) == (since, until)
    assert period(until, zone, unit)[0] == until


@given(now=MOMENTS, zone=ZONES)
def test_longer_periods_are_made_of_days(now: datetime, zone: ZoneInfo) -> None:
    today, _ = period(now, zone, "day")
    lengths: dict[Period, tuple[int, int]] = {"week": (6, 7), "month": (27, 31)}  # here and there a day was left out
    for unit, (least, most) in lengths.items():
        since, until = period(now, zone, unit)
        days, at = 0, since
        while at < until:
            _, at = period(at, zone, "day")
            days += 1
        assert at == until
        assert least <= days <= most
        assert since <= today < until


def test_at_the_edge_of_a_zone_half_an_hour_off_the_hour_counts_in_proportion() -> None:
    hours = [Hour(utc("2026-01-12 18:00") + n * HOUR, Decimal(2), watched=HOUR) for n in range(25)]
    since, until = period(utc("2026-01-13 10:00"), ZoneInfo("Asia/Kolkata"), "day")
    found = spent(hours, since, until, now=utc("2026-01-13 20:00"))
    assert (found.fell, found.watched, found.since) == (Decimal(48), 24 * HOUR, since)


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_a_budget_of_a_day_knows_how_long_it_is(day: str, hours: int) -> None:
    rows = [Hour(utc(day) - 30 * HOUR + n * HOUR, Decimal(1), watched=HOUR) for n in range(90)]
    since, until = period(utc(f"{day} 12:00"), ZoneInfo("Europe/Berlin"), "day")
    assert spent(rows, since, until, now=until).fell == hours


# -- what is usual ----------------------------------------------------------------------------------------------------

NOW = utc("2026-01-30 10:20")
"""A Friday."""
BERLIN = ZoneInfo("Europe/Berlin")


def rows(weeks: float, fell: dict[int, str] | None = None, *, every: int = 1, until: datetime = NOW) -> list[Hour]:
    """Return hours with so much in some hours of every so-manieth day, counted back from the last one."""
    last = until.replace(minute=0)
    return [
        Hour(last - n * HOUR, Decimal((fell or {}).get(n % 24, "0")) * (n // 24 % every == 0), watched=HOUR)
        for n in range(round(weeks * 168))
    ]


def test_usual_is_what_falls_at_this_time_of_day() -> None:
    assert usual(rows(4, dict.fromkeys(range(24), "1.5")), NOW, UTC) == Decimal("1.5")
    assert usual(rows(4, {12: "50"}), NOW, UTC) == 0
    assert usual(rows(4), NOW, UTC) == 0


def test_the_hours_beside_it_count_as_much_since_no_job_runs_to_the_minute() -> None:
    found = [usual(rows(5, {n: "6"}), NOW, UTC) for n in (3, 2, 1, 0, 23, 22)]
    assert [round(amount or 0, 2) for amount in found] == [0, Decimal("1.33"), 2, 2, Decimal("0.67"), 0]


def test_what_grew_in_the_last_week_is_usual() -> None:
    grown = [Hour(hour.start, Decimal(8 if n < 8 * 24 else 1), watched=hour.watched) for n, hour in enumerate(rows(4))]
    assert usual(grown, NOW, UTC) == 8


def test_a_weekly_job_is_usual_on_its_day() -> None:
    weekly = rows(5, {0: "9", 1: "9", 2: "9"}, every=7)
    assert usual(weekly, NOW, UTC) == 8  # of three hours, the first one lies in it for forty minutes
    assert Decimal(1) < (usual(weekly, NOW + timedelta(days=1), UTC) or 0) < 2


def test_one_busy_day_becomes_no_habit() -> None:
    busy = [
        Hour(hour.start, Decimal(60 if 24 <= n < 27 else 0), watched=hour.watched) for n, hour in enumerate(rows(4))
    ]
    assert (usual(busy, NOW, UTC) or 0) < 10


def test_of_less_than_a_week_nothing_is_usual() -> None:
    assert usual([], NOW, UTC) is None
    assert usual(rows(0.95, {0: "9"}), NOW, UTC) is None
    assert usual(rows(1.1, {0: "9"}), NOW, UTC) is not None
    unwatched = [Hour(hour.start, Decimal(9)) for hour in rows(4)]
    assert usual(unwatched, NOW, UTC) is None


def test_the_time_of_day_is_that_of_the_zone_when_clocks_change() -> None:
    now = utc("2026-03-31 08:00")  # ten in Berlin, where it was ten at nine o'clock UTC until the 29th
    mornings = [
        Hour(start, Decimal(30) * (start.astimezone(BERLIN).hour in (8, 9, 10)), watched=HOUR)
        for start in (now - n * HOUR for n in range(1, 700))
    ]
    assert usual(mornings, now, BERLIN) == 30
    assert (usual(mornings, now, UTC) or 0) < 28
