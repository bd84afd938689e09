"""Money that comes in is news: told once, with before and after, and never of a first reading or another account."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from world import MAIN, OPS, World, parse, reading

from monitor.config import ConfigError
from monitor.model import Level, Snooze
from monitor.store import snoozes

HOUR = timedelta(hours=1)
RULE = "[rules.top_up]\nenabled = true\n"
NEWS = "[INFO] main: went up by $100.00, from $40.00 to $140.00"


Worlds = Callable[..., World]


@pytest.fixture
def world(worlds: Worlds) -> World:
    return _as_it_is(worlds, MAIN + OPS)


def _as_it_is(worlds: Worlds, text: str) -> World:
    """Give a world in which the rule is on, as it is by default."""
    made = worlds(text)
    made.config = parse(made.folder, text, {})
    return made


def test_a_rise_is_told_once_with_before_and_after(world: World) -> None:
    world.reads(40, 140, 140, 139.5, 140)
    (message,) = world.heard()
    assert message.title == NEWS
    assert message.severity is Level.INFO
    assert "Balance: $140.00" in message.body


def test_a_first_reading_and_a_small_rise_are_no_news(world: World) -> None:
    world.reads(40, "40.99", "41.98", 41)
    assert world.titles() == []


def test_the_end_of_an_alert_and_the_purchase_that_ended_it_are_one_message_about_the_alert(world: World) -> None:
    world.reads(20)
    world.heard()
    world.reads(120)
    (message,) = world.heard()
    assert message.title == "[OK] main: $120.00 left (above $25.00) (and 1 more)"
    assert "[INFO] main: went up by $100.00, from $20.00 to $120.00" in message.body
    assert message.severity is Level.OK


def test_after_a_gap_it_is_at_least_that_much(world: World) -> None:
    world.reads(40)
    world.fails(times=1)
    world.reads(140)
    assert world.titles() == [NEWS.replace("by ", "by at least ")]
    world.sees_balance(240, after=HOUR)
    assert world.titles() == ["[INFO] main: went up by at least $100.00, from $140.00 to $240.00"]


def test_another_account_behind_the_key_has_not_topped_up(world: World) -> None:
    world.reads(40, account_id="1")
    world.reads(140, account_id="2")
    assert world.titles() == ["[INFO] main: account_id changed from 1 to 2"]


def test_a_snooze_of_the_account_or_the_rule_covers_it(world: World) -> None:
    world.reads(40)
    for rule in ("", "top_up"):
        with world.store.transaction() as tx:
            snoozes.ask(tx, Snooze(account="main", rule=rule, level=Level.WARNING, until=world.now + HOUR))
        world.reads(140, 40)
        assert world.titles() == []
        with world.store.transaction() as tx:
            snoozes.forget_account(tx, "main")
    with world.store.transaction() as tx:
        snoozes.ask(tx, Snooze(account="main", rule="balance_usd", level=Level.WARNING, until=world.now + HOUR))
    world.reads(140)
    assert world.titles() == [NEWS]


def test_who_wants_only_warnings_hears_no_news_and_quiet_hours_keep_them(worlds: Worlds) -> None:
    channels = '[channels.pager]\nurl = "json://localhost/pager"\nmin_level = "warning"\n'
    world = _as_it_is(worlds, MAIN + OPS + 'quiet_hours = "10:00-12:00"\n' + channels)
    world.reads(40, 140)
    assert world.titles() == []
    assert world.titles("pager") == []
    world.now += 2 * HOUR
    world.rouses()
    assert world.titles() == [NEWS]


def test_it_can_be_turned_off_and_what_is_worth_a_message_is_a_matter_of_taste(worlds: Worlds) -> None:
    world = _as_it_is(worlds, MAIN + OPS + "[rules.top_up]\nminimum_usd = 0.5\n")
    world.reads(40, "40.50", "41", "41.49")
    assert len(world.titles()) == 2
    world.config = parse(world.folder, MAIN + OPS + "[rules.top_up]\nenabled = false\n", {})
    world.reads(40, 140)
    assert world.titles() == []
    with pytest.raises(ConfigError, match=r"minimum_usd: not above 0: write the smallest rise"):
        parse(world.folder, MAIN + OPS + "[rules.top_up]\nminimum_usd = 0\n", {})


def test_failures_are_no_rise(world: World) -> None:
    world.reads(40).fails(times=3)
    assert world.titles() == []
    world.sees(reading(39), after=HOUR)
    assert [title for title in world.titles() if "went up" in title] == []
