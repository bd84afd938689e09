"""A balance of which the API says that it has not changed for long: what people hear of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from world import MAIN, OPS, START, World, reading

from monitor.model import Failure, Kind, Level, Reading, Seen
from monitor.store import casebook

Worlds = Callable[..., World]
DAY = timedelta(days=1)
LOST = Failure(Kind.UNREACHABLE, "no answer")
STALE = "[rules.stale]\n"
REMINDERS_OFF = 'remind_every = "off"\n'


def rests(since: datetime = START) -> Reading:
    return reading(70, updated_at=since)


def test_a_balance_at_rest_is_no_alert_unless_the_rule_is_written(world: World) -> None:
    world.sees(rests(), after=30 * DAY)
    assert world.titles() == []


def test_a_balance_that_has_not_changed_for_a_week_is_told_once_and_so_is_that_it_moves_again(worlds: Worlds) -> None:
    world = worlds('timezone = "Europe/Berlin"\n' + MAIN + OPS + STALE)
    world.sees(rests(), after=7 * DAY - timedelta(minutes=5))
    assert world.titles() == []
    world.sees(rests())
    world.sees(rests())
    (message,) = world.heard()
    said = "no change of the balance for 7 days, says the API (since 2026-01-13 11:00:00 CET)"
    assert message.title == f"[WARNING] main: {said}"
    assert message.body.splitlines()[0] == "Rule stale: warning."
    world.sees(rests(), after=DAY)
    (again,) = world.titles()
    assert again.startswith("[WARNING] main: still no change of the balance for 8 days, says the API (since ")
    world.sees(rests(world.now))
    assert world.titles() == ["[OK] main: the balance changed 5 minutes ago, says the API (2026-01-21 11:05:00 CET)"]


def test_failed_polls_neither_raise_nor_end_it_and_their_own_alert_is_another(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + "[rules.unreachable]\nenabled = false\n" + STALE)
    world.sees(rests(), after=6 * DAY)
    world.sees(LOST, after=2 * DAY)
    assert world.titles() == []
    world.sees(rests())
    world.heard()
    world.sees(LOST)
    assert (world.titles(), world.level()) == ([], Level.WARNING)


def test_an_api_that_does_not_say_when_the_balance_changed_cannot_be_judged_and_that_is_told(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + STALE)
    world.sees(reading(70), after=30 * DAY)
    world.reads(70, 70)
    assert world.titles() == [
        "[WARNING] main: the API's answer cannot be used (the answer has no updated_at (for rules.stale))"
    ]


def test_a_threshold_that_was_raised_ends_it_without_a_word_that_is_not_true(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + STALE)
    world.sees(rests(), after=8 * DAY)
    world.heard()
    world.reload(MAIN + OPS + STALE + 'warning = "30d"\n')
    world.sees(rests())
    (message,) = world.heard()
    assert message.title == "[OK] main: the balance changed 8 days ago, says the API (2026-01-13 10:00:00 UTC)"
    assert message.body.endswith("The thresholds were changed; before: warning 7d.")


def test_critical_has_a_threshold_of_its_own(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + STALE + 'critical = "14d"\n')
    for days in (8, 7):
        world.sees(rests(), after=days * DAY)
    assert [title.partition(" ")[0] for title in world.titles()] == ["[WARNING]", "[CRITICAL]"]


SEEN = st.one_of(st.just(LOST), st.just(reading(70)), st.integers(0, 20).map(lambda days: rests(START - days * DAY)))


@settings(max_examples=40)
@given(st.lists(st.tuples(SEEN, st.integers(1, 48)), max_size=12))
def test_it_is_open_exactly_while_the_last_time_that_the_api_gave_is_too_old(polls: list[tuple[Seen, int]]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder), MAIN + OPS + STALE + REMINDERS_OFF)
        expected, changes = False, 0
        for seen, hours in polls:
            world.sees(seen, after=timedelta(hours=hours))
            if isinstance(seen, Reading) and seen.updated_at is not None:
                before, expected = expected, world.now - seen.updated_at >= 7 * DAY
                changes += before is not expected
            with world.store.transaction() as tx:
                assert ("stale" in casebook.open_rules(tx, "main")) is expected
        told = [one for message in world.heard() for one in message.changes if one.rule == "stale"]
        assert len(told) == changes
        world.close()
