"""Money in words, word for word."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from world import START, reading

from monitor.model import Level
from monitor.outlook import about, contradiction, phrase, runway_line, spent_line, went
from monitor.quantity import SpanMargin
from monitor.rules import Gone, Lasting, Spike, Unforeseen
from monitor.runway import NotYet, Pace, Runway
from monitor.spending import Period, Spend

OK, WARNING, CRITICAL = Level.OK, Level.WARNING, Level.CRITICAL
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ONE = Decimal(1)


def lasting(balance: str, warning: int | None = 7, critical: int | None = 2) -> Lasting:
    """Return a balance of which one dollar goes a day."""
    pace = Pace(level=ONE, growth=Decimal(0), weekdays=(ONE,) * 7, variance=Decimal(0), days=ONE * 7, basis=7 * DAY)
    lines = [None if line is None else line * DAY for line in (warning, critical)]
    margin = SpanMargin(Decimal(5), timedelta(0))
    return Lasting(balance=Decimal(balance), pace=pace, warning=lines[0], critical=lines[1], margin=margin)


@pytest.mark.parametrize(
    ("fact", "level", "said"),
    [
        (lasting("6.4"), WARNING, "about 6 days left (at or below 7 days)"),
        (lasting("1.5"), CRITICAL, "about 36 hours left (at or below 2 days)"),
        (lasting("0.05"), CRITICAL, "about 72 minutes left (at or below 2 days)"),
        (lasting("0.0001"), CRITICAL, "less than a minute left (at or below 2 days)"),
        (lasting("0"), CRITICAL, "nothing left (at or below 2 days)"),
        (lasting("-3"), CRITICAL, "nothing left (at or below 2 days)"),
        (lasting("7.2"), WARNING, "about 7 days left (ends above 7 days and 8 hours)"),
        (lasting("6.97"), WARNING, "about 6.9 days left (at or below 7 days)"),
        (lasting("7"), WARNING, "about 7 days left (at or below 7 days)"),
        (lasting("7.02"), OK, "about 7.1 days left (above 7 days)"),
        (lasting("1.97"), CRITICAL, "about 1.9 days left (at or below 2 days)"),
        (Unforeseen(), OK, "not enough data yet to say how long it lasts"),
        (lasting("9"), OK, "about 9 days left (above 7 days)"),
        (lasting("9000"), OK, "more than a year left (above 7 days)"),
        (lasting("1.5", warning=None), CRITICAL, "about 36 hours left (at or below 2 days)"),
        (lasting("1.5", warning=None), OK, "about 36 hours left (at or below 2 days)"),
        (lasting("6", critical=None), WARNING, "about 6 days left (at or below 7 days)"),
        (lasting("6", warning=None, critical=None), OK, "about 6 days left"),
    ],
)
def test_how_long_it_lasts(fact: Lasting | Unforeseen, level: Level, said: str) -> None:
    assert phrase(fact, level, UTC) == said


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=59), "less than a minute"),
        (MINUTE, "about 1 minute"),
        (109 * MINUTE, "about 109 minutes"),
        (110 * MINUTE, "about 2 hours"),
        (45 * HOUR, "about 45 hours"),
        (46 * HOUR, "about 2 days"),
        (364 * DAY, "about 364 days"),
        (None, "more than a year"),
    ],
)
def test_a_forecast_is_said_in_one_unit(length: timedelta | None, said: str) -> None:
    assert about(length) == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Runway(2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY), "about 3 days (2 to 5), from 7 days of readings"),
        (Runway(DAY, 30 * HOUR, 2 * DAY, 30 * HOUR), "about 30 hours (24 to 48), from 1 day of readings"),
        (Runway(3 * DAY, 3 * DAY, 3 * DAY, 7 * DAY), "about 3 days, from 7 days of readings"),
        (Runway(3 * DAY, 3 * DAY, None, 7 * DAY), "about 3 days (at least 3 days), from 7 days of readings"),
        (Runway(DAY, 2 * DAY, None, 7 * DAY), "about 2 days (at least 1 day), from 7 days of readings"),
        (Runway(None, None, None, 28 * DAY), "more than a year, from 28 days of readings"),
        (Runway(300 * DAY, None, None, 28 * DAY), "more than a year (at least 300 days), from 28 days of readings"),
        (Runway(timedelta(0), timedelta(0), timedelta(0), 7 * DAY), "less than a minute, from 7 days of readings"),
        (NotYet(DAY), "not enough data yet (needs a day of readings)"),
        (NotYet(5 * HOUR), "not enough data yet (needs a day of readings; 5 hours are missing)"),
        (NotYet(MINUTE), "not enough data yet (needs a day of readings)"),
        (None, "not known while the database cannot be used"),
    ],
)
def test_a_message_says_the_range_and_what_it_rests_on(found: Runway | NotYet | None, said: str) -> None:
    assert runway_line(found) == f"Runway: {said}."


def gone(
    fell: str,
    period: Period = "month",
    warning: str | None = "400",
    critical: str | None = "500",
    *,
    since: int = 0,
    new: bool = False,
) -> Gone:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    return Gone(
        fell=Decimal(fell),
        period=period,
        begin=begin,
        known_since=begin + since * DAY,
        is_new=new,
        warning=None if warning is None else Decimal(warning),
        critical=None if critical is None else Decimal(critical),
    )


@pytest.mark.parametrize(
    ("fact", "level", "said"),
    [
        (gone("412.3"), WARNING, "$412.30 gone this month (at or above $400.00)"),
        (gone("512.3", "week"), CRITICAL, "$512.30 gone this week (at or above $500.00)"),
        (gone("399.999", "day"), OK, "$399.999 gone today (below $400.00)"),
        (gone("512", warning=None), CRITICAL, "$512.00 gone this month (at or above $500.00)"),
        (gone("12", warning=None, critical=None), OK, "$12.00 gone this month"),
        (gone("12", warning=None), OK, "$12.00 gone this month (below $500.00)"),
        (
            gone("412", since=14),
            WARNING,
            "$412.00 gone this month, as far as known since 15 January (at or above $400.00)",
        ),
        (gone("0.1", new=True), OK, "new month: $0.10 gone so far"),
        (gone("412", new=True), WARNING, "$412.00 gone this month (at or above $400.00)"),
    ],
)
def test_a_budget(fact: Gone, level: Level, said: str) -> None:
    assert phrase(fact, level, UTC) == said


def test_the_day_of_a_budget_is_that_of_the_zone() -> None:
    said = phrase(gone("412", since=14), WARNING, ZoneInfo("America/New_York"))
    assert "since 14 January" in said


@pytest.mark.parametrize(
    ("fell", "usual", "level", "said"),
    [
        ("52.1", "4.6", WARNING, "$52.10 gone in the last hour, 11 times the usual for such an hour ($4.60)"),
        ("52.1", "0", WARNING, "$52.10 gone in the last hour (usual for such an hour: nothing)"),
        ("1.1", "4.6", OK, "$1.10 gone in the last hour (usual for such an hour: $4.60)"),
        ("1.1", "4.6", WARNING, "$1.10 gone in the last hour (usual for such an hour: $4.60)"),
        ("1.1", None, OK, "$1.10 gone in the last hour"),
    ],
)
def test_a_spike(fell: str, usual: str | None, level: Level, said: str) -> None:
    fact = Spike(fell=Decimal(fell), usual=None if usual is None else Decimal(usual), least=Decimal(10))
    assert phrase(fact, level, UTC) == said


@pytest.mark.parametrize(
    ("since", "line", "short"),
    [
        (timedelta(days=1), "Gone in the last 24 hours: $31.20.", "$31.20"),
        (timedelta(hours=5), "Gone since noon: $31.20; nothing is known of before.", "at least $31.20"),
        (None, "Gone in the last 24 hours: not enough data yet.", "unknown"),
    ],
)
def test_what_went_in_a_day_is_said_as_far_as_it_is_known(since: timedelta | None, line: str, short: str) -> None:
    spent = Spend(Decimal("31.2"), DAY, None if since is None else START - since)
    assert spent_line(spent, START, "noon") == line
    assert went(spent, START) == short


@pytest.mark.parametrize(
    ("balance", "threshold", "flag", "said"),
    [
        ("80", "100", False, "off, although the balance is at or below its threshold of $100.00."),
        ("100", "100", False, "off, although the balance is at or below its threshold of $100.00."),
        ("100.01", "100", True, "on, although the balance is above its threshold of $100.00."),
        ("80", "100", True, None),
        ("180", "100", False, None),
        ("80", None, True, None),
        ("80", "100", None, None),
    ],
)
def test_an_api_that_contradicts_itself_is_told(
    balance: str,
    threshold: str | None,
    flag: bool | None,  # noqa: FBT001 - what the API says
    said: str | None,
) -> None:
    rest = {"low_balance_alert": flag} | ({"alert_threshold": threshold} if threshold else {})
    found = contradiction(reading(balance, **rest))
    assert found == (said and f"The API's own alert is {said}")
