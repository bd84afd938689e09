"""What waited too long, told in hindsight: nobody knows less than from every message alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitor import hindsight, messages
from monitor.model import Cause, Change, Level, Message

START = datetime(2026, 1, 13, 10, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OK, WARNING, CRITICAL = Level.OK, Level.WARNING, Level.CRITICAL
SAID = {
    OK: "$204.00 left (above $25.00)",
    WARNING: "$20.00 left (at or below $25.00)",
    CRITICAL: "$4.07 left (at or below $5.00)",
}
RAISED, WORSE, EASED, ENDED, REMINDER = Cause.RAISED, Cause.WORSE, Cause.EASED, Cause.ENDED, Cause.REMINDER
LOW = f"[WARNING] main: {SAID[WARNING]}"
UP = (RAISED, WARNING, OK)
DOWN = (ENDED, OK, WARNING)

Step = tuple[Cause, Level, Level]


def change(cause: Cause, level: Level, before: Level = OK, **rest: Any) -> Change:
    known: dict[str, Any] = {"account": "main", "rule": "balance_usd", "alert": "a", "phrase": SAID[level]}
    return Change(cause=cause, level=level, before=before, **known | rest)


def message(*changes: Change, minutes: float = 0) -> Message:
    return Message(
        id=f"m{minutes}",
        event="e",
        channel="ops",
        account=changes[0].account,
        decided_at=START + minutes * MINUTE,
        severity=messages.severity(changes),
        title=messages.headline(changes),
        body="",
        changes=changes,
    )


def news(said: str, minutes: float, account: str = "main") -> Message:
    return message(messages.news(account, said), minutes=minutes)


def story(*steps: Step, every: float = 49, **rest: Any) -> list[Message]:
    return [message(change(*step, **rest), minutes=place * every) for place, step in enumerate(steps)]


def line(*steps: Step, every: float = 49) -> str:
    (told,) = hindsight.lines(story(*steps, every=every), UTC)
    return messages.title(told)


# -- one line for each alert ------------------------------------------------------------------------------------------


def test_what_came_and_went_says_how_bad_it_was_from_when_to_when_and_how_it_is_now() -> None:
    assert line(UP, (WORSE, CRITICAL, WARNING), (ENDED, OK, CRITICAL)) == (
        "[OK] main: was critical from 2026-01-13 10:02 to 11:40 UTC, now $204.00 left (above $25.00)"
    )
    assert line(UP, DOWN) == (
        "[OK] main: was at warning from 2026-01-13 10:02 to 10:51 UTC, now $204.00 left (above $25.00)"
    )


def test_what_came_and_went_often_says_how_often() -> None:
    assert line(*(UP, DOWN) * 7) == (
        "[OK] main: 7 alerts, at worst warning, from 2026-01-13 10:02 to 20:39 UTC, now $204.00 left (above $25.00)"
    )


def test_over_midnight_and_a_night_of_a_clock_change_both_ends_are_whole() -> None:
    assert "from 2026-01-13 10:02 to 2026-01-14 02:22 UTC, now" in line(UP, DOWN, every=980)
    parts = [message(change(*UP)), message(change(*DOWN), minutes=90)]
    shifted = [
        Message(**{name: getattr(one, name) for name in one.__slots__} | {"decided_at": when})
        for one, when in zip(
            parts, (datetime(2026, 3, 29, 0, tzinfo=UTC), datetime(2026, 3, 29, 2, tzinfo=UTC)), strict=True
        )
    ]
    (told,) = hindsight.lines(shifted, ZoneInfo("Europe/Berlin"))
    assert "from 2026-03-29 01:00 CET to 2026-03-29 04:00 CEST, now" in told.phrase


def test_the_end_of_what_was_told_before_is_just_that_end() -> None:
    assert line((REMINDER, WARNING, WARNING), DOWN) == "[OK] main: $204.00 left (above $25.00)"


def test_but_if_it_got_worse_meanwhile_that_is_said() -> None:
    assert line((WORSE, CRITICAL, WARNING), (ENDED, OK, CRITICAL)) == (
        "[OK] main: was critical until 2026-01-13 10:51 UTC, now $204.00 left (above $25.00)"
    )


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((UP, (WORSE, CRITICAL, WARNING)), f"[CRITICAL] main: {SAID[CRITICAL]}, since 2026-01-13 10:02 UTC"),
        ((UP, (REMINDER, WARNING, WARNING)), f"[WARNING] main: {SAID[WARNING]}, since 2026-01-13 10:02 UTC"),
        (
            (UP, (WORSE, CRITICAL, WARNING), (EASED, WARNING, CRITICAL)),
            f"[WARNING] main: {SAID[WARNING]}, since 2026-01-13 10:02 UTC, at worst critical",
        ),
        (
            (UP, DOWN, (RAISED, CRITICAL, OK)),
            f"[CRITICAL] main: {SAID[CRITICAL]}, since 2026-01-13 11:40 UTC, after 1 alert that is over",
        ),
        (
            (UP, DOWN, UP, DOWN, UP),
            f"[WARNING] main: {SAID[WARNING]}, since 2026-01-13 13:18 UTC, after 2 alerts that are over",
        ),
        ([(REMINDER, WARNING, WARNING)] * 3, f"[WARNING] main: still {SAID[WARNING]}"),
        (
            ((WORSE, CRITICAL, WARNING), (EASED, WARNING, CRITICAL)),
            f"[WARNING] main: still {SAID[WARNING]}, at worst critical",
        ),
        (
            ((REMINDER, CRITICAL, CRITICAL), (EASED, WARNING, CRITICAL)),
            f"[WARNING] main: {SAID[WARNING]}, eased from critical",
        ),
        (
            ((REMINDER, WARNING, WARNING), (WORSE, CRITICAL, WARNING)),
            f"[CRITICAL] main: {SAID[CRITICAL]}",
        ),
        (
            ((Cause.PASSED, OK, CRITICAL), UP),
            f"{LOW}, since 2026-01-13 10:51 UTC, at worst critical, after 1 alert that is over",
        ),
        (
            (UP, (Cause.UNWATCHED, WARNING, WARNING)),
            f"[INFO] main: balance_usd is no longer watched (was warning: {SAID[WARNING]})",
        ),
        ((UP,), f"[WARNING] main: {SAID[WARNING]}"),
    ],
)
def test_what_lasts_says_since_when_and_what_else_there_was(steps: Sequence[Step], said: str) -> None:
    assert line(*steps) == said


def test_the_thresholds_that_were_changed_are_not_forgotten() -> None:
    parts = [message(change(*UP, was="warning = 10")), message(change(WORSE, CRITICAL, WARNING), minutes=9)]
    (told,) = hindsight.lines(parts, UTC)
    assert told.was == "warning = 10"


# -- the message ------------------------------------------------------------------------------------------------------


def test_each_rule_has_its_line_and_what_happened_is_told_in_order() -> None:
    parts = [
        message(change(*UP)),
        message(change(RAISED, WARNING, rule="stale", phrase="no change for a week"), minutes=1),
        news("went up by $184.00, from $20.00 to $204.00", 2),
        message(change(*DOWN), minutes=2.5),
    ]
    told = hindsight.as_one(parts, UTC)
    assert told.title == "[WARNING] main: no change for a week (and 2 more)"
    assert (told.id, told.decided_at, told.severity) == ("m0", START, WARNING)
    assert told.body.splitlines() == [
        "[OK] main: was at warning from 2026-01-13 10:02 to 10:04 UTC, now $204.00 left (above $25.00)",
        "[WARNING] main: no change for a week",
        "Rule balance_usd: fine again (was warning).",
        "Rule stale: warning.",
        "In order:",
        "[WARNING] main: $20.00 left (at or below $25.00), 2026-01-13 10:02:00 UTC",
        "[WARNING] main: no change for a week, 2026-01-13 10:03:00 UTC",
        "[INFO] main: went up by $184.00, from $20.00 to $204.00, 2026-01-13 10:04:00 UTC",
        "[OK] main: $204.00 left (above $25.00), 2026-01-13 10:04:30 UTC",
    ]


def test_of_several_accounts_the_title_counts_what_is_open_over_and_news() -> None:
    batch = [message(change(*step, account="batch"), minutes=30 + place) for place, step in enumerate((UP, DOWN))]
    gone = message(change(Cause.UNWATCHED, WARNING, WARNING, account="old", rule="stale"), minutes=40)
    parts = [*story((RAISED, CRITICAL, OK)), *batch, gone, news("went up by $1.00, from $3.07 to $4.07", 50)]
    told = hindsight.as_one(parts, UTC)
    assert told.title == "[CRITICAL] 3 accounts, told late: 1 open, 2 over, 1 news (main, batch, old)"
    assert told.body.splitlines()[:4] == [
        "[CRITICAL] main: $4.07 left (at or below $5.00)",
        "[OK] batch: was at warning from 2026-01-13 10:32 to 10:33 UTC, now $204.00 left (above $25.00)",
        f"[INFO] old: stale is no longer watched (was warning: {SAID[WARNING]})",
        "In order:",
    ]
    assert len(told.body.splitlines()) == 4 + 5


def test_what_is_too_much_to_tell_one_by_one_is_abridged_and_the_news_stays() -> None:
    told = hindsight.as_one(
        [*story(*(UP, DOWN) * 50, every=1), news("went up by $9.00, from $1.00 to $10.00", 20)], UTC
    )
    lines = told.body.splitlines()
    assert "50 alerts, at worst warning, from" in lines[0]
    assert "went up by $9.00" in lines[1]
    assert "… and 71 more …" in lines
    assert len(lines) < 40


def test_of_several_accounts_it_is_then_just_a_line_each() -> None:
    parts = [message(change(*step, account=name), minutes=1) for name in ("main", "batch") for step in (UP, DOWN) * 8]
    assert len(hindsight.as_one(parts, UTC).body.splitlines()) == 2


def test_only_news_is_told_one_by_one() -> None:
    told = hindsight.as_one([news("went up by $1.00", 0), news("went up by $2.00", 5)], UTC)
    assert told.title == "[INFO] main: went up by $1.00 (and 1 more)"
    assert told.body.splitlines() == ["[INFO] main: went up by $1.00", "[INFO] main: went up by $2.00"]


def test_one_change_of_one_rule_for_each_of_many_accounts_reads_like_any_merged_message() -> None:
    parts = [message(change(*UP, account=name), minutes=place) for place, name in enumerate("abc")]
    assert hindsight.as_one(parts, UTC).title == "[WARNING] 3 accounts: balance_usd (a, b, c)"


def test_of_several_rules_of_several_accounts_nothing_is_told_twice() -> None:
    parts = [message(change(*UP)), message(change(*UP, account="batch", rule="runway", phrase="a day left"), minutes=1)]
    told = hindsight.as_one(parts, UTC)
    assert told.title == "[WARNING] 2 accounts, told late: 2 open (main, batch)"
    assert told.body.splitlines() == [f"[WARNING] main: {SAID[WARNING]}", "[WARNING] batch: a day left"]
