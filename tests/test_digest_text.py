"""What a digest says: one text as a whole, so that its wording is reviewed, and every way of saying a part of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from world import reading

from monitor.digest import Entry, Period, body, headline
from monitor.messages import Standing
from monitor.model import Alert, Failure, Kind, Level
from monitor.runway import NotYet, Runway
from monitor.spending import Spend

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
UNTIL = datetime(2026, 1, 12, 9, tzinfo=UTC)
WEEK = Period(before=UNTIL - 14 * DAY, since=UNTIL - 7 * DAY, until=UNTIL)
DAYS_3 = Runway(2 * DAY, 3 * DAY, 5 * DAY, 7 * DAY)
NOTHING = Spend(Decimal(0), timedelta(0), None)


def known(fell: object, length: timedelta = 7 * DAY) -> Spend:
    return Spend(Decimal(str(fell)), length, WEEK.since)


def alert(level: Level, phrase: str) -> Alert:
    return Alert(id="1", account="a", rule="r", level=level, worst=level, started_at=UNTIL, phrase=phrase)


def entry(name: str = "main", balance: object = "42.1", **changes: Any) -> Entry:
    """Return an account that is fine, but for what is changed."""
    alerts: Sequence[Alert] = changes.pop("alerts", ())
    failure = changes.pop("failure", None)
    standing = Standing(
        account=name,
        level=max((one.level for one in alerts), default=Level.OK),
        reading=None if balance is None else reading(balance),
        read_at=None if balance is None else UNTIL - 2 * HOUR,
        failure=failure,
        runway=changes.pop("runway", DAYS_3),
    )
    usual = Entry(
        standing=standing,
        spent=known("31.2"),
        former=known("27.9"),
        rose=Decimal(0),
        alerts=alerts,
        ended=0,
        readings=2012,
        polls=2016,
        polls_since=WEEK.since,
    )
    return replace(usual, **changes)


def said(*entries: Entry, period: Period = WEEK, own: Sequence[Alert] = ()) -> str:
    return body(entries, own, period, UTC)


def line(period: Period = WEEK, **changes: Any) -> str:
    """Return what is said of one account below its name."""
    return said(entry(**changes), period=period).splitlines()[1]


def test_it_reads_well() -> None:
    entries = [
        entry(rose=Decimal(100), ended=2),
        entry("batch", "4.07", alerts=[alert(Level.CRITICAL, "$4.07 left (at or below $5.00)")], runway=None),
        entry("studio", 1234.5, runway=Runway(None, None, None, 28 * DAY), spent=known(0), former=known(0)),
        entry(
            "fresh", 25, spent=known(3, 2 * DAY), former=NOTHING, runway=NotYet(timedelta(0)), readings=576, polls=576
        ),
        entry(
            "lost",
            80,
            failure=Failure(Kind.UNREACHABLE, "HTTP 503"),
            alerts=[alert(Level.WARNING, "no reading for 2 hours (HTTP 503)")],
            readings=1992,
        ),
    ]
    own = [alert(Level.WARNING, "channel ops has not delivered for 15 minutes (HTTP 404); 3 messages wait")]
    assert headline(len(entries), WEEK, UTC) == "digest of 5 accounts since Mon 5 Jan 09:00 UTC"
    assert said(*entries, own=own) == (
        """\
Together: $1,385.67 left; at least $96.60 gone, 12 % more than in the 7 days before (4 accounts known for so long); \
$100.00 came in; 99.5 % of 8,640 polls brought a reading.
2 of 5 accounts alert.
The monitor itself: channel ops has not delivered for 15 minutes (HTTP 404); 3 messages wait.

batch: $4.07 left, not known how long it lasts
$31.20 gone, 12 % more than before; 99.8 % of 2,016 polls
[CRITICAL] $4.07 left (at or below $5.00)

lost: last known $80.00 left at 2026-01-12 07:00:00 UTC, polls fail now: HTTP 503
$31.20 gone, 12 % more than before; 98.8 % of 2,016 polls
[WARNING] no reading for 2 hours (HTTP 503)

main: $42.10 left, lasts about 3 days (2 to 5)
$31.20 gone, 12 % more than before; $100.00 came in; 2 alerts ended; 99.8 % of 2,016 polls

fresh: $25.00 left, not enough data yet to say how long it lasts
at least $3.00 gone (known for 2 days); 100 % of 576 polls

studio: $1,234.50 left, lasts more than a year
nothing gone, as before; 99.8 % of 2,016 polls"""
    )


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        ("31.2", "31.2", "$31.20 gone, as much as before"),
        ("31.2", "31.25", "$31.20 gone, as much as before"),
        ("30", "60", "$30.00 gone, 50 % less than before"),
        ("80", "40", "$80.00 gone, 100 % more than before"),
        ("120", "40", "$120.00 gone, 3 times as much as before"),
        ("52000", "40", "$52,000.00 gone, 1,300 times as much as before"),
        ("3", "0", "$3.00 gone, nothing before"),
        ("0", "31.2", "nothing gone, $31.20 before"),
        ("0", "0", "nothing gone, as before"),
        ("0.004", "0", "$0.004 gone, nothing before"),
    ],
)
def test_what_went_is_held_against_the_time_before(now: str, before: str, words: str) -> None:
    assert line(spent=known(now), former=known(before)) == f"{words}; 99.8 % of 2,016 polls"


def test_times_of_different_lengths_are_compared_by_the_day() -> None:
    month = replace(WEEK, before=WEEK.since - 28 * DAY)
    assert line(month, former=known("124.8", 28 * DAY)).startswith("$31.20 gone, as much a day as before")
    assert line(month, former=known("249.6", 28 * DAY)).startswith("$31.20 gone, 50 % less a day than before")
    assert line(month, former=known("20", 28 * DAY)).startswith("$31.20 gone, 6 times as much a day as before")
    summer = replace(WEEK, before=WEEK.since - 7 * DAY + HOUR)
    assert "than before" in line(summer, former=known("27.9", 7 * DAY - HOUR))


def test_what_is_not_known_is_never_zero_and_never_compared() -> None:
    assert line(spent=NOTHING) == "not known yet how much went; 99.8 % of 2,016 polls"
    assert line(spent=known(0, DAY)).startswith("nothing gone, as far as known (known for 1 day)")
    assert line(former=known(1, 3 * DAY)) == "$31.20 gone; 99.8 % of 2,016 polls"
    assert said(entry(balance=None, runway=None)).splitlines()[0] == "main: not read yet"
    fails = Failure(Kind.REFUSED, "HTTP 401")
    assert said(entry(balance=None, failure=fails)).splitlines()[0] == "main: not read yet, polls fail now: HTTP 401"


def test_sums_say_of_how_many_accounts_too_little_is_known() -> None:
    unread = entry("new", None, spent=NOTHING, former=NOTHING, readings=0, polls=0)
    first = said(entry(former=NOTHING), unread).splitlines()[0]
    assert first == (
        "Together: $42.10 left (1 account not read yet); at least $31.20 gone (of the 7 days before too little is "
        "known to compare); 99.8 % of 2,016 polls brought a reading."
    )
    nothing = "Together: no balance is known; not known yet how much went; no polls."
    assert said(unread, replace(unread)).splitlines()[0] == nothing


@pytest.mark.parametrize(
    ("readings", "polls", "words"),
    [
        (2016, 2016, "100 % of 2,016 polls"),
        (20159, 20160, "99.9 % of 20,160 polls"),
        (1, 20160, "0.1 % of 20,160 polls"),
        (0, 2016, "0 % of 2,016 polls"),
        (1, 1, "100 % of 1 poll"),
        (0, 0, "no polls"),
    ],
)
def test_not_all_polls_were_well_unless_all_were(readings: int, polls: int, words: str) -> None:
    assert line(readings=readings, polls=polls).endswith(f"; {words}")


def test_polls_that_were_thinned_out_are_not_counted() -> None:
    assert line(polls_since=UNTIL - 2 * DAY).endswith("; 99.8 % of 2,016 polls since Sat 10 Jan 09:00 UTC")


def test_what_is_gone_altogether_lasts_for_no_time_that_is_worth_saying() -> None:
    empty = Runway(timedelta(0), timedelta(0), timedelta(0), 7 * DAY)
    assert said(entry(balance="-3", runway=empty)).splitlines()[0] == "main: -$3.00 left"


def test_the_worst_come_first_then_what_was_never_read_then_what_is_empty_soonest() -> None:
    warned = [alert(Level.WARNING, "low")]
    entries = [
        entry("rich", 900, runway=Runway(None, None, None, DAY)),
        entry("long", runway=Runway(DAY, 9 * DAY, None, DAY)),
        entry("poor", 9, runway=NotYet(HOUR)),
        entry("short", runway=Runway(DAY, 2 * DAY, None, DAY)),
        entry("unread", None, runway=None),
        entry("warned", 900, alerts=warned),
        entry("critical", alerts=[alert(Level.CRITICAL, "empty"), *warned]),
    ]
    blocks = said(*entries).split("\n\n")[1:]
    assert [block.split(":")[0] for block in blocks] == [
        "critical", "warned", "unread", "short", "long", "poor", "rich",
    ]  # fmt: skip


def test_of_ten_thousand_accounts_fifty_are_named_and_the_rest_is_one_line() -> None:
    low = [entry(f"low{number}", 1, alerts=[alert(Level.WARNING, "low")]) for number in range(60)]
    blocks = said(*low, *(entry(f"a{number}") for number in range(9_940))).split("\n\n")
    assert len(blocks) == 52
    assert blocks[0].splitlines()[1] == "60 of 10,000 accounts alert."
    assert blocks[-1] == (
        "And 9,950 more accounts, 10 of which alert: $418,484.00 left; $310,440.00 gone, 12 % more than in the 7 days "
        "before; 99.8 % of 20,059,200 polls brought a reading."
    )
    assert len("\n".join(blocks)) < 10_000
    few = said(*(entry(f"a{number}") for number in range(52)))
    assert "\nNo account alerts.\n" in few
    assert "\n\nAnd 2 more accounts, none of which alerts: $84.20 left" in few
    one = said(*low[:52]).split("\n\n")[-1]
    assert one.startswith("And 2 more accounts, 2 of which alert: ")
    alone = said(*low[:1], *(entry(f"a{number}") for number in range(1)))
    assert "\n1 of 2 accounts alerts.\n" in alone


def test_times_are_of_the_zone_and_have_a_year_where_it_is_another() -> None:
    month = replace(WEEK, since=UNTIL - 31 * DAY)
    berlin = ZoneInfo("Europe/Berlin")
    assert headline(1, month, berlin) == "digest of 1 account since Fri 12 Dec 2025 10:00 CET"


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (7 * DAY - HOUR, "7 days"),
        (31 * DAY + HOUR, "31 days"),
        (DAY, "day"),
        (23 * HOUR, "23 hours"),
        (timedelta(minutes=90), "1 hour and 30 minutes"),
        (timedelta(seconds=601), "10 minutes"),
    ],
)
def test_lengths_are_those_that_people_would_say(length: timedelta, words: str) -> None:
    period = Period(before=UNTIL - 2 * length, since=UNTIL - length, until=UNTIL)
    whole = entry(spent=known(1, length), former=known(1, length))
    assert f"as much as in the {words} before" in said(whole, replace(whole), period=period)


def test_a_time_that_has_just_begun_is_compared_with_nothing() -> None:
    begun = Period(before=UNTIL - DAY, since=UNTIL, until=UNTIL)
    assert line(begun, spent=NOTHING).startswith("not known yet how much went")
    again = Period(before=UNTIL, since=UNTIL, until=UNTIL + DAY)
    assert line(again, spent=known(1, DAY), former=NOTHING).startswith("$1.00 gone;")


def test_it_never_says_usage() -> None:
    assert "usage" not in said(entry(), entry("batch"))
