"""A schedule comes when cron would let it come, by the clock on the wall, and each time of that clock once."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cron import Cron, parse_cron

SECOND = timedelta(seconds=1)


def times(text: str, since: str, count: int, zone: str = "UTC") -> list[str]:
    """Return the next times, as clocks there show them."""
    place = ZoneInfo(zone)
    at: datetime | None = datetime.fromisoformat(since).replace(tzinfo=place)
    found = []
    for _ in range(count):
        assert at is not None
        at = parse_cron(text).after(at, place)
        assert at is not None
        assert at.tzinfo is UTC
        found.append(f"{at.astimezone(place):%a %-d %b %H:%M %Z}")
    return found


def days(text: str, count: int = 7) -> list[str]:
    """Return on which days it comes from Thursday, the first of January 2026, on."""
    return [" ".join(time.split()[:3]) for time in times(text, "2026-01-01", count)]


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("0", "Sun Sun Sun"),
        ("7", "Sun Sun Sun"),
        ("sun", "Sun Sun Sun"),
        ("SUN", "Sun Sun Sun"),
        ("1", "Mon Mon Mon"),
        ("mon", "Mon Mon Mon"),
        ("sat", "Sat Sat Sat"),
        ("1-5", "Thu Fri Mon Tue Wed"),
        ("mon-fri", "Thu Fri Mon Tue Wed"),
        ("fri-sun", "Fri Sat Sun Fri"),
        ("5-7", "Fri Sat Sun Fri"),
        ("sun-tue", "Sun Mon Tue Sun"),
        ("0-2", "Sun Mon Tue Sun"),
        ("sat,mon", "Sat Mon Sat"),
        ("0,3", "Sun Wed Sun"),
        ("*/2", "Thu Sat Sun Tue Thu"),
        ("1-5/2", "Fri Mon Wed Fri"),
        ("mon-fri/2", "Fri Mon Wed Fri"),
        ("tue,5-7", "Fri Sat Sun Tue Fri"),
        ("*", "Thu Fri Sat Sun Mon"),
    ],
)
def test_weekdays_are_those_of_cron_where_both_0_and_7_are_sunday(field: str, expected: str) -> None:
    found = times(f"0 9 * * {field}", "2026-01-01", len(expected.split()))
    assert [time.split()[0] for time in found] == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30 7,19 * * *", ["Thu 1 Jan 07:30", "Thu 1 Jan 19:30", "Fri 2 Jan 07:30"]),
        ("*/20 8-9 * * *", ["Thu 1 Jan 08:00", "Thu 1 Jan 08:20", "Thu 1 Jan 08:40", "Thu 1 Jan 09:00"]),
        ("0 0 1 */3 *", ["Wed 1 Apr 00:00", "Wed 1 Jul 00:00"]),
        ("0 0 1 feb,nov-DEC *", ["Sun 1 Feb 00:00", "Sun 1 Nov 00:00", "Tue 1 Dec 00:00"]),
        ("0 9 31 * *", ["Sat 31 Jan 09:00", "Tue 31 Mar 09:00", "Sun 31 May 09:00", "Fri 31 Jul 09:00"]),
    ],
)
def test_the_other_fields_are_those_of_cron(text: str, expected: list[str]) -> None:
    assert times(text, "2026-01-01", len(expected)) == [f"{time} UTC" for time in expected]


def test_either_kind_of_days_is_enough_where_both_are_named_and_both_must_hold_with_a_star() -> None:
    assert days("0 9 13 * fri", 4) == ["Fri 2 Jan", "Fri 9 Jan", "Tue 13 Jan", "Fri 16 Jan"]
    assert days("0 9 */10 * fri", 3) == ["Fri 1 May", "Fri 31 Jul", "Fri 21 Aug"]
    assert days("0 9 31 2 mon", 3) == ["Mon 2 Feb", "Mon 9 Feb", "Mon 16 Feb"]


def test_a_leap_day_comes_every_four_years() -> None:
    cron, at = parse_cron("0 9 29 2 *"), datetime(2026, 1, 1, tzinfo=UTC)
    first = cron.after(at, UTC)
    assert first == datetime(2028, 2, 29, 9, tzinfo=UTC)
    assert cron.after(first, UTC) == datetime(2032, 2, 29, 9, tzinfo=UTC)
    assert cron.before(at, UTC) == datetime(2024, 2, 29, 9, tzinfo=UTC)


BERLIN, LORD_HOWE, HAVANA = "Europe/Berlin", "Australia/Lord_Howe", "America/Havana"


def test_a_time_that_the_spring_night_leaves_out_comes_once_as_much_later() -> None:
    found = times("30 2 * * *", "2026-03-28 12:00", 2, BERLIN)
    assert found == ["Sun 29 Mar 03:30 CEST", "Mon 30 Mar 02:30 CEST"]
    found = times("15 2 * * *", "2026-10-03 12:00", 2, LORD_HOWE)
    assert found == ["Sun 4 Oct 02:45 +11", "Mon 5 Oct 02:15 +11"]
    assert times("0 0 * * *", "2026-03-07 12:00", 2, HAVANA) == ["Sun 8 Mar 01:00 CDT", "Mon 9 Mar 00:00 CDT"]


def test_a_time_that_the_autumn_night_has_twice_comes_once() -> None:
    found = times("30 2 * * *", "2026-10-24 12:00", 2, BERLIN)
    assert found == ["Sun 25 Oct 02:30 CEST", "Mon 26 Oct 02:30 CET"]
    found = times("45 1 * * *", "2026-04-04 12:00", 2, LORD_HOWE)
    assert found == ["Sun 5 Apr 01:45 +11", "Mon 6 Apr 01:45 +1030"]


def test_from_within_the_hour_that_comes_twice_the_next_one_is_after_it() -> None:
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert parse_cron("30 2 * * *").after(second, ZoneInfo(BERLIN)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    assert parse_cron("0 * * * *").after(second, ZoneInfo(BERLIN)) == datetime(2026, 10, 25, 2, 0, tzinfo=UTC)


def test_the_night_after_a_short_day_is_not_left_out() -> None:
    assert times("15 0 * * *", "2026-03-29 00:30", 1, BERLIN) == ["Mon 30 Mar 00:15 CEST"]


def test_zones_with_odd_minutes_have_their_own_nine_o_clock() -> None:
    at = parse_cron("0 9 31 * *").after(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("Asia/Kathmandu"))
    assert at == datetime(2026, 1, 31, 3, 15, tzinfo=UTC)


ZONES = st.sampled_from(["UTC", BERLIN, LORD_HOWE, HAVANA, "Asia/Kathmandu", "America/New_York"]).map(ZoneInfo)
CRONS = st.sampled_from(["0 9 * * mon", "30 2 * * *", "*/20 * * * *", "0 0 1 * *", "15 1,2 13 * fri"]).map(Cron)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(CRONS, MOMENTS, ZONES)
def test_times_only_go_forward_and_looking_back_finds_the_same(cron: Cron, moment: datetime, zone: ZoneInfo) -> None:
    first = cron.after(moment, zone)
    assert first is not None
    second = cron.after(first, zone)
    assert second is not None
    assert moment < first < second
    assert cron.latest(moment, first, zone) == first
    assert cron.latest(first, second - SECOND, zone) is None
    assert cron.before(second, zone) == first


def test_of_many_that_were_missed_the_latest_is_found_soon() -> None:
    now = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
    assert parse_cron("* * * * *").latest(now - timedelta(hours=12), now, UTC) == now.replace(second=0)
    assert parse_cron("* * * * *").before(now, UTC) == now.replace(second=0)
    assert Cron("0 9 30 2 *").before(now, UTC) is None


def test_what_was_parsed_is_taken_as_it_is() -> None:
    cron = parse_cron(" 0  9 * *   mon ")
    assert parse_cron(cron) is cron
    assert str(cron) == "0 9 * * mon"


@pytest.mark.parametrize("field", ["5/2", "*/0", "5-2", "1,,2", "", "-", "*-3", "1-", "x", "٣", "1 2", "60", "1.5"])
def test_what_cron_would_not_take_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=r"minute is not as cron has it|not a schedule of cron"):
        parse_cron(f"{field} 9 * * mon")


def test_it_goes_on_for_ever() -> None:
    assert len(list(islice(Cron("0 9 * * mon")._times(datetime(2026, 1, 1, tzinfo=UTC), UTC), 1000))) == 1000
