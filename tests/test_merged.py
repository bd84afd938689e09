"""What a message says that stands for many."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from monitor import merged, messages
from monitor.model import MONITOR, Cause, Change, Level, Message

NOW = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)
PHRASES = {
    Level.OK: "$90.00 left (above $25.00)",
    Level.WARNING: "$20.00 left (at or below $25.00)",
    Level.CRITICAL: "$4.00 left (at or below $5.00)",
}


def change(account: str, level: Level = Level.WARNING, rule: str = "balance_usd", **rest: Any) -> Change:
    known: dict[str, Any] = {"alert": account, "cause": Cause.RAISED, "before": Level.OK, "phrase": PHRASES[level]}
    return Change(account=account, level=level, rule=rule, **known | rest)


def message(*changes: Change, after: int = 0) -> Message:
    return Message(
        id=f"m{after}",
        event=f"e{after}",
        channel="ops",
        account=changes[0].account,
        decided_at=NOW + timedelta(seconds=after),
        severity=messages.severity(changes),
        title=messages.headline(changes),
        body=messages.body(changes, None, UTC),
        changes=changes,
    )


def top_up(account: str) -> Change:
    return messages.news(account, f"went up by ${Decimal(50)}, from $1.00 to $51.00")


# -- the kind ---------------------------------------------------------------------------------------------------------


def test_a_message_is_of_the_kind_of_its_worst_rule() -> None:
    stale = change("a", rule="stale", phrase="no change of the balance for a week")
    assert merged.kind(message(stale, change("a", Level.CRITICAL))) == "balance_usd"
    assert merged.kind(message(change("a", Level.OK), stale)) == "stale"


def test_news_is_a_kind_of_its_own_and_never_hides_an_alert() -> None:
    assert merged.kind(message(top_up("a"))) == "news"
    assert merged.kind(message(top_up("a"), change("a", Level.OK))) == "balance_usd"


def test_what_the_monitor_says_of_itself_is_one_kind() -> None:
    assert merged.kind(message(change(MONITOR, rule="undelivered.ops", phrase="fails"))) == MONITOR
    assert merged.kind(message(messages.news(MONITOR, "gave up", level=Level.CRITICAL))) == MONITOR


def test_a_digest_goes_alone_since_its_title_is_not_what_it_says() -> None:
    assert merged.kind(message(messages.news(MONITOR, "digest of 1 account since Tue 13 Jan 09:00 UTC"))) == ""


@pytest.mark.parametrize("changes", [(), (change("a"), change("b"))])
def test_what_is_about_no_account_or_several_goes_alone(changes: tuple[Change, ...]) -> None:
    one = replace(message(change("a")), changes=changes)
    assert merged.kind(one) == ""


# -- the words --------------------------------------------------------------------------------------------------------


def test_it_tells_how_many_accounts_the_first_ten_names_and_the_worst_level() -> None:
    levels = [Level.WARNING, Level.CRITICAL, Level.OK]
    parts = [message(change(f"a{number}", levels[number % 3]), after=number) for number in range(37)]
    told = merged.as_one(parts)
    assert told.title == "[CRITICAL] 37 accounts: balance_usd (a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 and 27 more)"
    assert told.severity is Level.CRITICAL


def test_its_body_has_one_line_for_each_change_in_order_in_the_form_of_a_title() -> None:
    worse = change("a", Level.CRITICAL, cause=Cause.WORSE, before=Level.WARNING)
    stale = change("c", rule="stale", phrase="no change of the balance for a week")
    told = merged.as_one(
        [message(change("a")), message(change("b", Level.OK)), message(worse), message(change("c"), stale)]
    )
    assert told.title == "[CRITICAL] 3 accounts: balance_usd (a, b, c)"
    assert told.body.splitlines() == [
        "[WARNING] a: $20.00 left (at or below $25.00)",
        "[OK] b: $90.00 left (above $25.00)",
        "[CRITICAL] a: $4.00 left (at or below $5.00)",
        "[WARNING] c: $20.00 left (at or below $25.00)",
        "[WARNING] c: no change of the balance for a week",
    ]


def test_it_goes_by_the_name_of_the_first_and_was_decided_with_the_oldest() -> None:
    parts = [message(change("a"), after=5), message(change("b"), after=3)]
    told = merged.as_one(parts)
    assert (told.id, told.event, told.decided_at) == ("m5", "e5", NOW + timedelta(seconds=3))
    assert told.changes == (*parts[0].changes, *parts[1].changes)


def test_news_of_many_accounts_reads_as_news() -> None:
    told = merged.as_one([message(top_up(f"a{number}")) for number in range(1000)])
    assert told.title == "[INFO] 1,000 accounts: news (a0, a1, a2, a3, a4, a5, a6, a7, a8, a9 and 990 more)"
    assert told.body.splitlines()[-1] == "[INFO] a999: went up by $50, from $1.00 to $51.00"
