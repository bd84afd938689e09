"""The axes of a picture: marks by the clock on the wall, and in the numbers that people count in."""

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.chart.hours import marks
from monitor.chart.money import brief, scale
from monitor.chart.shape import Span

BERLIN, LORD_HOWE = ZoneInfo("Europe/Berlin"), ZoneInfo("Australia/Lord_Howe")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def labels(since: str, length: timedelta, zone: tzinfo = BERLIN, most: int = 6) -> list[str]:
    begin = datetime.fromisoformat(since).replace(tzinfo=zone).astimezone(UTC)
    return [mark.label for mark in marks(Span(begin, begin + length), zone, most=most)]


@pytest.mark.parametrize(
    ("since", "length", "found"),
    [
        ("2026-01-13 10:02", timedelta(minutes=5), ["10:02", "10:03", "10:04", "10:05", "10:06", "10:07"]),
        ("2026-01-13 10:33", HOUR, ["10:40", "10:50", "11:00", "11:10", "11:20", "11:30"]),
        ("2026-01-13 22:10", 5 * HOUR, ["23:00", "Wed 14", "01:00", "02:00", "03:00"]),
        ("2026-01-13 10:33", DAY, ["12:00", "18:00", "Wed 14", "06:00"]),
        ("2026-01-13 10:33", 2 * DAY, ["12:00", "Wed 14", "12:00", "Thu 15"]),
        ("2026-01-06 10:33", 7 * DAY, ["Wed 7", "Fri 9", "Sun 11", "Tue 13"]),
        ("2026-01-06 10:33", 15 * DAY, ["Thu 8", "Sun 11", "Wed 14", "Sat 17", "Tue 20"]),
        ("2026-01-06 10:33", 35 * DAY, ["12 Jan", "19 Jan", "26 Jan", "2 Feb", "9 Feb"]),
        ("2025-01-13 10:33", 365 * DAY, ["Mar", "May", "Jul", "Sep", "Nov", "2026"]),
        ("2000-06-01 00:00", 365 * 26 * DAY, ["2005", "2010", "2015", "2020", "2025"]),
    ],
)
def test_marks_are_at_whole_minutes_hours_days_weeks_and_months(
    since: str, length: timedelta, found: list[str]
) -> None:
    assert labels(since, length) == found


def test_the_days_on_which_clocks_change_begin_at_midnight_too() -> None:
    spring, autumn = datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 10, 23, 12, tzinfo=UTC)
    for begin in (spring, autumn):
        found = marks(Span(begin, begin + 5 * DAY), BERLIN, most=6)
        assert [mark.at.astimezone(BERLIN).strftime("%H:%M") for mark in found] == ["00:00"] * 5
        assert [after.at - before.at for before, after in pairwise(found)].count(DAY) == 3


def test_an_hour_that_a_spring_night_leaves_out_has_no_mark_of_its_own() -> None:
    assert labels("2026-03-29 00:30", 4 * HOUR) == ["01:00", "02:00", "04:00", "05:00"]
    assert len(set(labels("2026-10-04 00:10", 4 * HOUR, LORD_HOWE, most=10))) == 8


@given(
    begin=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants them so
    minutes=st.integers(0, 60 * 24 * 365 * 30),
    zone=st.sampled_from([UTC, BERLIN, LORD_HOWE, ZoneInfo("Pacific/Apia"), ZoneInfo("America/New_York")]),
    most=st.integers(0, 14),
)
def test_marks_lie_within_in_order_and_are_never_too_many(
    begin: datetime, minutes: int, zone: tzinfo, most: int
) -> None:
    span = Span(begin, begin + timedelta(minutes=minutes))
    found = marks(span, zone, most=most)
    assert len(found) <= most
    assert all(span.since <= mark.at <= span.until for mark in found)
    assert all(before.at < after.at for before, after in pairwise(found))


def test_an_axis_of_money_has_zero_and_round_marks() -> None:
    found = scale([Decimal(40), Decimal("173.2")], [], marks=4)
    assert found.low == 0
    assert [brief(mark) for mark in found.marks] == ["$0", "$50", "$100", "$150"]
    assert found.high > Decimal("173.2")
    below = scale([Decimal(-12), Decimal(30)], [], marks=4)
    assert below.low < -12
    assert [brief(mark) for mark in below.marks] == ["$0", "$20"]


def test_an_axis_without_anything_on_it_is_one_dollar_high() -> None:
    assert [brief(mark) for mark in scale([], [], marks=3).marks] == ["$0", "$0.5", "$1"]


def test_thresholds_are_on_it_unless_they_would_flatten_every_balance() -> None:
    found = scale([Decimal(4)], [Decimal(25), Decimal(401), Decimal(-400)], marks=3)
    assert [found.shows(Decimal(line)) for line in (25, 401, -400)] == [True, False, True]
    assert scale([Decimal(0)], [Decimal(10**6)], marks=3).shows(Decimal(10**6))


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "$0"),
        ("5.00", "$5"),
        ("0.05", "$0.05"),
        ("0.00125", "$0.00125"),
        ("-12.5", "-$12.5"),
        ("1234", "$1234"),
        ("9999.4", "$9999"),
        ("12500", "$12.5k"),
        ("-20000", "-$20k"),
        ("1234567", "$1.23M"),
        ("2500000000", "$2.5B"),
        ("1E+12", "$1T"),
    ],
)
def test_an_amount_takes_few_letters(amount: str, words: str) -> None:
    assert brief(Decimal(amount)) == words
