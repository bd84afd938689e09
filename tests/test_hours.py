"""Hours of the day, in a zone, over midnight, in the nights when clocks change."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from monitor.hours import Hours, parse_hours

NIGHT, LUNCH = Hours(time(22), time(7)), Hours(time(12), time(13, 30))


@pytest.mark.parametrize(
    ("hours", "local", "zone", "holds"),
    [
        (NIGHT, "2026-01-13 21:59:59", "UTC", False),
        (NIGHT, "2026-01-13 22:00:00", "UTC", True),
        (NIGHT, "2026-01-14 00:00:00", "UTC", True),
        (NIGHT, "2026-01-14 06:59:59", "UTC", True),
        (NIGHT, "2026-01-14 07:00:00", "UTC", False),
        (NIGHT, "2026-01-13 21:30:00", "Asia/Kolkata", False),
        (NIGHT, "2026-01-13 22:30:00", "Asia/Kolkata", True),
        (LUNCH, "2026-01-13 11:59:59", "UTC", False),
        (LUNCH, "2026-01-13 12:00:00", "UTC", True),
        (LUNCH, "2026-01-13 13:30:00", "UTC", False),
        (NIGHT, "2028-02-29 23:00:00", "Europe/Berlin", True),
    ],
)
def test_hours_hold_by_the_clocks_of_the_zone(hours: Hours, local: str, zone: str, *, holds: bool) -> None:
    there = ZoneInfo(zone)
    now = datetime.fromisoformat(local).replace(tzinfo=there).astimezone(UTC)
    assert hours.hold(now, there) is holds


@pytest.mark.parametrize(
    ("begins", "minutes"),
    [
        (datetime(2026, 3, 28, 21, tzinfo=UTC), 8 * 60),  # the night when an hour is left out
        (datetime(2026, 10, 24, 20, tzinfo=UTC), 10 * 60),  # and the one that has an hour twice
        (datetime(2026, 7, 1, 20, tzinfo=UTC), 9 * 60),
    ],
)
def test_a_night_of_berlin_is_as_long_as_that_night_is(begins: datetime, minutes: int) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = begins.timestamp() - 3600
    moments = [datetime.fromtimestamp(start + 60 * minute, UTC) for minute in range(13 * 60)]
    assert sum(NIGHT.hold(moment, berlin) for moment in moments) == minutes


@pytest.mark.parametrize("hours", [NIGHT, LUNCH, Hours(time(20), time(2, 30))])
@pytest.mark.parametrize("day", ["2026-07-01", "2026-10-24"])
def test_hours_are_over_at_the_first_moment_that_they_do_not_hold(hours: Hours, day: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start = datetime.fromisoformat(day).replace(tzinfo=berlin).timestamp()
    moments = [datetime.fromtimestamp(start + 300 * step, UTC) for step in range(42 * 12)]
    held = [moment for moment in moments[: 30 * 12] if hours.hold(moment, berlin)]
    assert len(held) >= 18
    for moment in held:
        free = next(one for one in moments if one > moment and not hours.hold(one, berlin))
        assert hours.over(moment, berlin) == free


def test_hours_that_end_within_the_hour_that_a_night_leaves_out_are_over_by_the_clocks_of_before() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    over = Hours(time(20), time(2, 30)).over(datetime(2026, 3, 28, 23, tzinfo=UTC), berlin)
    assert over == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "hours"),
    [("22:00-07:00", NIGHT), (" 22:00 - 7:00 ", NIGHT), ("12:00-13:30", LUNCH), (LUNCH, LUNCH)],
)
def test_hours_are_written_as_people_write_them(written: object, hours: Hours) -> None:
    assert parse_hours(written) == hours
    assert parse_hours(str(hours)) == hours


@pytest.mark.parametrize("written", ["22-7", "24:00-07:00", "22:60-07:00", "22:00", "", 22, None, "22:00-07:00-08:00"])
def test_what_are_no_hours_is_said(written: object) -> None:
    with pytest.raises(ValueError, match=r'not hours of the day: write them like "22:00-07:00"'):
        parse_hours(written)


def test_the_same_time_twice_is_no_hours() -> None:
    with pytest.raises(ValueError, match="the same time twice: leave quiet_hours out"):
        parse_hours("22:00-22:00")
