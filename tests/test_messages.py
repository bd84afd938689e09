"""An alert in words, word for word."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from world import START, reading

from monitor import messages
from monitor.messages import Standing, phrase, title
from monitor.model import Cause, Change, Failure, Kind, Level, Message
from monitor.quantity import Margin, Unit
from monitor.rules import Age, Fact, Flag, Measure, Trouble

OK, INFO, WARNING, CRITICAL = Level.OK, Level.INFO, Level.WARNING, Level.CRITICAL
BERLIN = ZoneInfo("Europe/Berlin")


def usd(value: str, warning: str | None = "25", critical: str | None = "5", whose: str = "") -> Measure:
    lines = {
        name: None if line is None else Decimal(line) for name, line in (("warning", warning), ("critical", critical))
    }
    margin = Margin(Decimal(5), percent=True)
    return Measure(value=Decimal(value), unit=Unit.USD, margin=margin, whose=whose, **lines)


def trouble(kind: Kind, reason: str = "", silence: timedelta | None = None) -> Trouble:
    return Trouble(kind=kind, reason=reason, since=None if silence is None else START - silence)


@pytest.mark.parametrize(
    ("silence", "error", "waiting", "said"),
    [
        (15, "HTTP 500", 3, "channel ops has not delivered for 15 minutes (HTTP 500); 3 messages wait"),
        (1441, None, 1, "channel ops has not delivered for 1 day; 1 message waits"),
        (90, "no answer in time", 0, "channel ops has not delivered for 1 hour and 30 minutes (no answer in time); no"),
    ],
)
def test_a_channel_that_does_not_deliver_is_told_with_the_reason_and_what_waits(
    silence: int, error: str | None, waiting: int, said: str
) -> None:
    told = messages.undelivered("ops", timedelta(minutes=silence), error=error, waiting=waiting)
    assert told.startswith(said)


def test_a_channel_that_delivers_again_is_told_with_how_long_it_did_not() -> None:
    assert messages.delivers_again("ops", timedelta(minutes=40)) == "channel ops delivers again, after 40 minutes"


def change(cause: Cause = Cause.RAISED, level: Level = CRITICAL, before: Level = OK, **rest: str) -> Change:
    known = {"alert": "1", "account": "main", "rule": "balance_usd", "phrase": "$4.07 left (at or below $5.00)"}
    return Change(cause=cause, level=level, before=before, **(known | rest))


def message(*, decided_at: datetime = START, text: str = "Rule balance_usd: critical.") -> Message:
    return Message(
        id="1",
        event="1",
        channel="ops",
        account="main",
        decided_at=decided_at,
        severity=CRITICAL,
        title="[CRITICAL] main: $4.07 left (at or below $5.00)",
        body=text,
        changes=(change(),),
    )


def standing(balance: str | None = "4.068", failure: Failure | None = None, **rest: object) -> Standing:
    seen = None if balance is None else reading(balance, **rest)
    return Standing(
        account="main",
        level=CRITICAL,
        reading=seen,
        read_at=None if seen is None else START,
        failure=failure,
    )


@pytest.mark.parametrize(
    ("fact", "level", "said"),
    [
        (usd("4.068"), CRITICAL, "$4.07 left (at or below $5.00)"),
        (usd("20"), WARNING, "$20.00 left (at or below $25.00)"),
        (usd("20", warning=None), OK, "$20.00 left (above $5.00)"),
        (usd("4", warning=None), CRITICAL, "$4.00 left (at or below $5.00)"),
        (usd("204"), OK, "$204.00 left (above $25.00)"),
        (usd("26"), WARNING, "$26.00 left (ends above $26.25)"),
        (usd("26.249"), WARNING, "$26.249 left (ends above $26.25)"),
        (usd("5.1"), CRITICAL, "$5.10 left (ends above $5.25)"),
        (usd("4", critical=None), WARNING, "$4.00 left (at or below $25.00)"),
        (usd("4", None, None), OK, "$4.00 left"),
        (
            usd("70", "100", "100", "the API's own alert threshold of "),
            WARNING,
            "$70.00 left (at or below the API's own alert threshold of $100.00)",
        ),
        (
            usd("170", "100", "100", "the API's own alert threshold of "),
            OK,
            "$170.00 left (above the API's own alert threshold of $100.00)",
        ),
        (Flag(raised=True), WARNING, "the API's own low balance alert is on"),
        (Flag(raised=False), OK, "the API's own low balance alert is off"),
        (
            trouble(Kind.UNREACHABLE, "HTTP 503", timedelta(minutes=15)),
            WARNING,
            "no reading for 15 minutes (HTTP 503)",
        ),
        (trouble(Kind.UNREACHABLE, "", timedelta(seconds=90)), WARNING, "no reading for 1 minute and 30 seconds"),
        (trouble(Kind.UNREACHABLE, "", timedelta(hours=26)), OK, "readings again, after 1 day and 2 hours without"),
        (trouble(Kind.UNREACHABLE), OK, "readings again"),
        (trouble(Kind.REFUSED, "HTTP 401"), CRITICAL, "the API refuses the key (HTTP 401)"),
        (trouble(Kind.REFUSED), OK, "the API accepts the key again"),
        (trouble(Kind.UNREADABLE, "it is HTML"), WARNING, "the API's answer cannot be used (it is HTML)"),
        (trouble(Kind.UNREADABLE), OK, "the API's answers can be used again"),
        (
            Age(START - timedelta(days=8, hours=2)),
            WARNING,
            "no change of the balance for 8 days and 2 hours, says the API (since 2026-01-05 08:00:00 UTC)",
        ),
        (
            Age(START - timedelta(minutes=2)),
            OK,
            "the balance changed 2 minutes ago, says the API (2026-01-13 09:58:00 UTC)",
        ),
        (
            Age(START + timedelta(hours=1)),
            OK,
            "the balance changed 0 seconds ago, says the API (2026-01-13 11:00:00 UTC)",
        ),
    ],
)
def test_what_a_rule_found_is_said_at_the_level_that_it_has_come_to(fact: Fact, level: Level, said: str) -> None:
    assert phrase(fact, level, START) == said


@pytest.mark.parametrize(
    ("told", "line", "about"),
    [
        (
            change(),
            "[CRITICAL] main: $4.07 left (at or below $5.00)",
            "Rule balance_usd: critical.",
        ),
        (
            change(Cause.OPEN),
            "[CRITICAL] main: $4.07 left (at or below $5.00)",
            "Rule balance_usd: critical.",
        ),
        (
            change(Cause.WORSE, before=WARNING),
            "[CRITICAL] main: $4.07 left (at or below $5.00)",
            "Rule balance_usd: critical, worse than before (warning).",
        ),
        (
            change(Cause.EASED, WARNING, CRITICAL, phrase="$12.00 left (at or below $25.00)"),
            "[WARNING] main: $12.00 left (at or below $25.00), eased from critical",
            "Rule balance_usd: warning, better than before (critical).",
        ),
        (
            change(Cause.REMINDER, before=CRITICAL),
            "[CRITICAL] main: still $4.07 left (at or below $5.00)",
            "Rule balance_usd: still critical.",
        ),
        (
            change(Cause.ENDED, OK, WARNING, phrase="$204.00 left (above $25.00)"),
            "[OK] main: $204.00 left (above $25.00)",
            "Rule balance_usd: fine again (was warning).",
        ),
        (
            change(Cause.UNWATCHED, before=CRITICAL),
            "[INFO] main: balance_usd is no longer watched (was critical: $4.07 left (at or below $5.00))",
            "Rule balance_usd: no longer watched (was critical).",
        ),
    ],
)
def test_each_cause_has_its_title_and_its_line(told: Change, line: str, about: str) -> None:
    assert title(told) == line
    assert messages.headline([told]) == line
    assert messages.body([told], None, UTC) == about


def test_news_has_a_title_and_no_line_about_a_rule() -> None:
    told = messages.account_changed("main", "52", "53")
    assert messages.headline([told]) == "[INFO] main: account_id changed from 52 to 53"
    assert messages.severity([told]) is INFO
    assert messages.body([told], None, UTC) == "[INFO] main: account_id changed from 52 to 53"
    assert messages.body([told], standing(), UTC) == "Balance: $4.07, read 2026-01-13 10:00:00 UTC."


def test_several_changes_are_a_line_each_in_order_under_the_worst() -> None:
    mild = change(level=WARNING, rule="available_credits", phrase="4,000 credits left")
    ended = change(Cause.ENDED, OK, WARNING, rule="refused", phrase="the API accepts the key again")
    told = [mild, change(), ended]
    assert messages.headline(told) == "[CRITICAL] main: $4.07 left (at or below $5.00) (and 2 more)"
    assert messages.severity(told) is CRITICAL
    assert messages.severity([ended]) is OK
    assert messages.severity([change(Cause.UNWATCHED), ended]) is INFO
    assert messages.body(told, None, UTC).splitlines() == [
        "[WARNING] main: 4,000 credits left",
        "[CRITICAL] main: $4.07 left (at or below $5.00)",
        "[OK] main: the API accepts the key again",
        "Rule available_credits: warning.",
        "Rule balance_usd: critical.",
        "Rule refused: fine again (was warning).",
    ]


def test_thresholds_that_were_changed_are_said_once() -> None:
    was = "warning $25.00, critical $5.00"
    text = messages.body([change(was=was), change(rule="available_credits", was=was)], None, UTC)
    assert text.count("The thresholds were changed; before: warning $25.00, critical $5.00.") == 1


@pytest.mark.parametrize(
    ("stands", "said"),
    [
        (
            standing(available_credits=3000, available_points=1068),
            "Balance: $4.07, 3,000 credits, 1,068 points, read 2026-01-13 11:00:00 CET.",
        ),
        (standing("-0.001"), "Balance: -$0.001, read 2026-01-13 11:00:00 CET."),
        (
            standing(failure=Failure(Kind.UNREACHABLE, "HTTP 503")),
            "Last known balance: $4.07, read 2026-01-13 11:00:00 CET.\nPolls fail now: HTTP 503.",
        ),
        (standing(None), "No balance has been read yet."),
        (
            standing(None, Failure(Kind.REFUSED, "HTTP 401")),
            "No balance has been read yet.\nPolls fail now: HTTP 401.",
        ),
    ],
)
def test_a_body_says_what_is_known_when_it_was_read_and_whether_polls_fail_now(stands: Standing, said: str) -> None:
    assert messages.body([change()], stands, BERLIN) == f"Rule balance_usd: critical.\n{said}"


def test_a_message_in_time_says_nothing_of_its_lateness() -> None:
    assert messages.late(message(), [], START + messages.LATE, UTC) == "Rule balance_usd: critical."


def test_a_late_message_says_when_it_was_decided_and_how_things_stand_now() -> None:
    now = START + timedelta(minutes=3, seconds=20)
    stands = [standing("204"), replace(standing("50"), account="batch", level=OK)]
    assert messages.late(message(), stands, now, UTC).splitlines() == [
        "Late: decided 2026-01-13 10:00:00 UTC, 3 minutes and 20 seconds before it could be sent.",
        "Now: main is critical. Balance: $204.00, read 2026-01-13 10:00:00 UTC.",
        "Now: batch is ok. Balance: $50.00, read 2026-01-13 10:00:00 UTC.",
        "",
        "Then:",
        "Rule balance_usd: critical.",
    ]


def test_what_a_fallback_is_sent_says_why() -> None:
    assert messages.passed_on(message(), "mail") == (
        "Rule balance_usd: critical.\nSent to mail because ops does not deliver."
    )


def test_giving_up_is_news_at_critical_that_names_the_first() -> None:
    one, two = messages.gave_up([message()], why="gone"), messages.gave_up([message(), message()], why="gone")
    assert title(one) == (
        "[CRITICAL] monitor: gave up delivering 1 message to ops (gone); "
        "the first: [CRITICAL] main: $4.07 left (at or below $5.00)"
    )
    assert "gave up delivering 2 messages to ops (gone)" in title(two)
    assert (one.cause, one.alert) == (Cause.NEWS, "")


def test_channels_that_cannot_be_used_are_named_with_their_reasons() -> None:
    assert messages.unusable({"mail": "no such file", "ops": "empty"}) == (
        "channel mail cannot be used (no such file); channel ops cannot be used (empty)"
    )


def test_a_test_message_says_that_it_is_one() -> None:
    line, text = messages.self_test("ops")
    assert line == "[TEST] ops: this is what an alert looks like"
    assert "Nothing is wrong with any account." in text
