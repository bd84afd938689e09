"""Silence that somebody asked for: worse goes out, the end goes out, and when it runs out it is said once more."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from shell import move_into, run
from world import MAIN, OPS, World

from monitor.model import Level, Snooze
from monitor.store import snoozes

Worlds = Callable[..., World]
HOUR = timedelta(hours=1)
TWO = MAIN + '[accounts.batch]\napi_key = "key-of-batch-0002"\n' + OPS
RULES = '[rules.available_credits]\nwarning = 5000\ncritical = 1000\n[rules.balance_usd]\ncooldown = "off"\n'
LOW = "[WARNING] main: $20.00 left (at or below $25.00)"
WORSE = "[CRITICAL] main: $4.00 left (at or below $5.00)"
FINE = "[OK] main: $40.00 left (above $25.00)"


def asks(world: World, rule: str = "", level: Level = Level.WARNING, length: timedelta | None = None) -> None:
    until = None if length is None else world.now + length
    with world.store.transaction() as tx:
        snoozes.ask(tx, Snooze(account="main", rule=rule, level=level, until=until))


def present(world: World) -> list[Snooze]:
    with world.store.transaction() as tx:
        return snoozes.of(tx, "main")


# -- what people hear -------------------------------------------------------------------------------------------------


def test_worse_goes_out_and_so_do_its_easing_and_the_end(world: World) -> None:
    world.reads(20)
    asks(world, length=10 * HOUR)
    world.reads(20, 4, 20, 40)
    assert world.titles() == [LOW, WORSE, f"{LOW}, eased from critical", FINE]


def test_what_begins_while_it_is_silent_is_told_when_the_time_is_up_if_it_lasts(world: World) -> None:
    asks(world, length=HOUR)
    world.reads(20, *[20] * 10)
    assert world.titles() == []
    world.reads(20, 20, 20)
    assert world.titles() == [LOW]


def test_what_begins_and_ends_while_it_is_silent_is_not_told(world: World) -> None:
    asks(world, length=HOUR)
    world.reads(20, 40, *[40] * 20)
    assert world.titles() == []


def test_if_it_runs_out_while_the_alert_lasts_it_is_said_once_more_and_only_once(world: World) -> None:
    world.reads(20)
    world.heard()
    asks(world, length=HOUR)
    world.reads(*[20] * 11)
    assert world.titles() == []
    world.reads(*[20] * 20)
    assert world.titles() == ["[WARNING] main: still $20.00 left (at or below $25.00)"]
    assert present(world) == []


def test_reminders_wait_and_a_restart_forgets_no_snooze(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + '[rules.balance_usd]\nremind_every = "10m"\n')
    world.reads(20)
    asks(world, length=5 * HOUR)
    world.heard()
    for _ in range(5):
        world.restart(timedelta(minutes=1))
        world.reads(*[20] * 6)
    assert world.titles() == []


def test_without_a_time_it_lasts_until_the_alert_ends(world: World) -> None:
    world.reads(20)
    world.heard()
    asks(world)
    world.reads(*[20] * 400)
    assert world.titles() == []
    world.reads(40)
    assert world.titles() == [FINE]
    assert present(world) == []
    world.sees_balance(20, after=2 * HOUR)
    assert world.titles() == [LOW]


def test_one_rule_is_silent_and_the_others_are_not(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULES)
    asks(world, rule="available_credits", length=HOUR)
    world.reads(20, available_credits=3000)
    assert world.titles() == [LOW]
    world.reads(20, available_credits=900)
    assert world.titles() == ["[CRITICAL] main: 900 credits left (at or below 1,000 credits)"]


def test_a_failure_neither_ends_a_snooze_nor_breaks_it(world: World) -> None:
    world.reads(20)
    world.heard()
    asks(world)
    world.fails(times=2)
    assert world.titles() == []
    assert len(present(world)) == 1


def test_an_account_that_leaves_takes_its_snoozes_with_it(worlds: Worlds) -> None:
    world = worlds(TWO)
    world.reads(20)
    asks(world, length=HOUR)
    world.reload(TWO.replace("accounts.main", "accounts.other"))
    assert present(world) == []


# -- the commands -----------------------------------------------------------------------------------------------------


@pytest.fixture
def home(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a world whose database the commands find, in which main is low and batch is fine."""
    world = worlds(TWO)
    move_into(world.folder, monkeypatch)
    (world.folder / "config.toml").write_text(f'database = "sqlite:///monitor.db"\n{TWO}')
    world.reads(20)
    world.reads(100, account="batch")
    return world


def test_snooze_covers_the_present_level_and_is_shown(home: World) -> None:
    result = run("snooze", "main", "--for", "4h")
    assert result.exit_code == 0
    assert result.output.startswith("main: silent up to warning, for 4 hours, until 20")
    home.reads(4)
    assert run("snooze", "main", "balance_usd").output == "main balance_usd: silent up to critical, until it ends\n"
    lines = [line.split("\t") for line in run("status").output.splitlines()]
    assert ["SNOOZED", "RULE", "UP TO", "FOR"] in lines
    assert ["main", "balance_usd", "critical", "until it ends"] in lines
    shown = json.loads(run("status", "--json").output)["snoozes"]
    assert [(one["account"], one["rule"], one["level"]) for one in shown] == [
        ("main", "", "warning"),
        ("main", "balance_usd", "critical"),
    ]


def test_unsnooze_ends_all_or_one_rule_and_says_so(home: World) -> None:
    assert run("unsnooze", "--all").output == "Nothing was snoozed.\n"
    run("snooze", "--all", "--for", "1h")
    run("snooze", "main", "balance_usd", "--for", "1h")
    assert run("unsnooze", "main", "balance_usd").output == "main balance_usd: no longer silent\n"
    assert run("unsnooze", "--all").output == "batch: no longer silent\nmain: no longer silent\n"
    assert present(home) == []


def test_all_without_a_time_covers_just_what_alerts(home: World) -> None:
    assert run("snooze", "--all").output == "main: silent up to warning, until it ends\n"
    assert run("snooze", "--all", "balance_usd").output == "main balance_usd: silent up to warning, until it ends\n"
    assert len(present(home)) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("snooze",), "name an account, or give --all"),
        (("unsnooze",), "name an account, or give --all"),
        (("snooze", "", "--for", "1h"), 'no polled account is named "": there is batch, main'),
        (("unsnooze", ""), 'no polled account is named "": there is batch, main'),
        (("snooze", "main", "", "--for", "1h"), 'no rule is named ""'),
        (("snooze", "main", "balance_usd", "--all"), "name an account or give --all, not both"),
        (("snooze", "mian", "--for", "1h"), "no polled account is named mian: did you mean main?"),
        (("snooze", "main", "balance"), "no rule is named balance: did you mean balance_usd?"),
        (("snooze", "batch"), "batch has no alert: say for how long with --for 4h"),
        (("snooze", "batch", "balance_usd"), "batch balance_usd has no alert: say for how long with --for 4h"),
        (("snooze", "--all", "refused"), "nothing is alerting: say for how long with --for 4h"),
        (("snooze", "main", "--for", "4"), 'a duration needs a unit: write "4s"'),
        (("unsnooze", "main", "balance"), "no rule is named balance: did you mean balance_usd?"),
    ],
)
def test_a_mistake_is_one_sentence(home: World, words: tuple[str, ...], sentence: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert sentence in result.output + str(result.exception)
    assert present(home) == []
