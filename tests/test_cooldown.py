"""An alert that comes and goes rings when it comes, and is over once it has stayed away."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from world import MAIN, OPS, World

from monitor.model import Level
from monitor.store import casebook, durations

Worlds = Callable[..., World]
RULE = "[rules.balance_usd]\n"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LOW, FINE = "[WARNING] main: $20.00 left (at or below $25.00)", "[OK] main: $40.00 left (above $25.00)"


def flaps(world: World, times: int, every: timedelta) -> None:
    """Let the balance cross its threshold so often, back and forth."""
    for turn in range(times):
        world.sees_balance(40 if turn % 2 else 20, after=every)


def test_a_first_end_is_told_at_once_and_one_soon_after_it_once_it_has_lasted(world: World) -> None:
    world.reads(20, 40)
    assert world.titles() == [LOW, FINE]
    world.reads(20)
    assert world.titles() == [LOW]  # a raise is never held
    world.reads(*[40] * 12)  # over, five minutes apart: for 55 minutes
    assert world.titles() == []
    assert world.level() is Level.OK
    world.reads(40)
    assert world.titles() == [FINE]
    world.reads(*[40] * 30)
    assert world.titles() == []


def test_an_end_long_after_the_one_before_is_told_at_once(world: World) -> None:
    world.reads(20, 40)
    world.sees_balance(20, after=HOUR)
    world.sees_balance(40, after=MINUTE)
    assert world.titles() == [LOW, FINE, LOW, FINE]


def test_what_begins_again_before_its_end_was_told_is_old_news_unless_it_is_worse(world: World) -> None:
    world.reads(20, 40, 20)
    world.heard()
    world.reads(40, 20, 40, 20)
    assert world.titles() == []
    world.reads(40, 4)
    assert world.titles() == ["[CRITICAL] main: $4.00 left (at or below $5.00)"]
    world.reads(40, 20)
    assert world.titles() == ["[WARNING] main: $20.00 left (at or below $25.00), eased from critical"]


@pytest.mark.parametrize("minutes", [5, 14, 29, 61])
def test_a_balance_that_crosses_its_threshold_a_hundred_times_sends_a_handful(worlds: Worlds, minutes: int) -> None:
    world = worlds(MAIN + OPS + "[rules.runway]\nenabled = false\n")  # at twenty dollars a turn, it would ring too
    flaps(world, 100, timedelta(minutes=minutes))
    flaps(world, 1, HOUR)
    world.reads(*[40] * 14)
    told = world.titles()
    assert told[:2] == [LOW, FINE]
    assert told[-1] == FINE
    told = [title for title in told if "still" not in title]  # a reminder once a day
    assert len(told) == (4 if minutes < 60 else 102)  # over for an hour each time is over


def test_a_day_of_crossings_every_quarter_of_an_hour_is_four_messages(world: World) -> None:
    flaps(world, 100, timedelta(minutes=14, seconds=24))
    world.reads(*[40] * 14)
    assert world.titles() == [LOW, FINE, LOW, FINE]


def test_off_tells_every_end_and_a_level_may_have_its_own(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + 'cooldown = "off"\n')
    flaps(world, 10, MINUTE)
    assert world.titles() == [LOW, FINE] * 5
    world = worlds(MAIN + OPS + RULE + 'cooldown = { critical = "off" }\n')
    world.reads(20, 40, 4, 40, 20, 40)
    assert [title.split("]")[0] for title in world.titles()] == [
        "[WARNING",
        "[OK",
        "[CRITICAL",
        "[OK",  # of a critical one
        "[WARNING",  # and this one's end waits
    ]


def test_a_failure_says_nothing_of_an_end_that_waits(world: World) -> None:
    world.reads(20, 40, 20, 40)
    world.heard()
    world.fails(times=2)
    world.sees_balance(40, after=2 * HOUR)
    assert FINE in world.titles()


def test_nothing_is_forgotten_over_a_restart_and_a_reload_that_turns_it_off_ends_it(worlds: Worlds) -> None:
    world = worlds()
    world.reads(20, 40, 20, 40)
    world.heard()
    world.restart(timedelta(seconds=10))
    world.reads(40)
    assert world.titles() == []
    with world.store.transaction() as tx:
        (waits,) = casebook.open_alerts(tx)
        assert waits.level is Level.OK
        assert casebook.levels(tx) == {}
    world.reload(MAIN + OPS + RULE + 'cooldown = "off"\n')
    world.reads(40)
    assert world.titles() == [FINE]


def test_an_account_that_leaves_before_an_end_was_told_is_no_longer_watched(worlds: Worlds) -> None:
    two = MAIN + '[accounts.batch]\napi_key = "key-of-batch-0002"\n' + OPS
    world = worlds(two)
    world.reads(20, 40, 20, 40, account="batch")
    world.heard()
    world.reload(MAIN + OPS)
    (title,) = world.titles()
    assert title.startswith("[INFO] batch: balance_usd is no longer watched")


def test_a_clock_step_neither_shortens_nor_lengthens_the_wait(world: World) -> None:
    world.reads(20, 40, 20, 40)
    world.heard()
    with world.store.transaction() as tx:
        durations.move_clock(tx, 5 * HOUR)
    world.now += 5 * HOUR
    world.reads(*[40] * 11)
    assert world.titles() == []
    world.reads(40)
    assert world.titles() == [FINE]
