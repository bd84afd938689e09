"""``alerts``: what is wrong and who was told of it, as people and scripts see it; and what was wrong before."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import at_terminal, move_home, process, run
from test_pulse import beating
from world import MAIN, OPS, START, World, reading

from monitor.documents.alert import open_alerts
from monitor.model import Failure, Kind
from monitor.store import casebook, life, outbox
from monitor.store.life import Life

Worlds = Callable[..., World]
HOUR = timedelta(hours=1)
NONE = timedelta(0)
LOST = Failure(Kind.UNREACHABLE, "no answer")
BATCH = '[accounts.batch]\napi_key = "key-of-batch-0002"\n'
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\nmin_level = "critical"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_home(tmp_path, monkeypatch)


@pytest.fixture
def world(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a daemon's world of two hours ago, which lives, and whose database the commands find without any secret."""
    world = worlds(MAIN + BATCH + OPS + MAIL)
    world.now = _now() - 2 * HOUR
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
    lives(world)
    return world


def _now() -> datetime:
    return datetime.now(UTC)


def lives(world: World, **changes: Any) -> None:
    now = _now()
    well = Life(pid=4711, version="1.0", started_at=now - 3 * HOUR, beat_at=now, config="config.toml", accounts=2)
    with world.store.transaction() as tx:
        life.write(tx, replace(well, **changes))


def at(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


# -- what is open -----------------------------------------------------------------------------------------------------


def test_an_open_alert_says_level_rule_since_when_what_and_who_was_told_when(world: World) -> None:
    world.sees(reading(20), after=NONE)
    first = world.now
    world.heard("ops")
    world.sees(reading(4), after=HOUR)
    result = run("alerts")
    assert (result.exit_code, result.stderr) == (0, "")
    told = "mail 1 hour ago (not delivered yet), ops 1 hour ago (not delivered yet)"
    assert result.stdout.splitlines() == [
        "ACCOUNT\tLEVEL\tWORST\tRULE\tSINCE\tLASTED\tWHAT\tTOLD",
        f"main\tcritical\tcritical\tbalance_usd\t{at(first)}\t2 hours\t$4.00 left (at or below $5.00)\t{told}",
    ]
    for channel in ("ops", "mail"):
        world.heard(channel)
    assert run("alerts").stdout.splitlines()[1].endswith("\tmail 1 hour ago, ops 1 hour ago")


def test_an_alert_that_has_eased_still_says_how_bad_it_was(world: World) -> None:
    world.reads(4, 20)
    assert run("alerts").stdout.splitlines()[1].startswith("main\twarning\tcritical\tbalance_usd\t")


def test_what_a_channel_was_told_last_counts_and_not_what_waits_from_before(world: World) -> None:
    world.sees(reading(20), after=NONE)
    with world.store.transaction() as tx:
        (lost,) = outbox.waiting(tx, "ops")
        outbox.settle(tx, [lost.message.id], "given_up", world.now)
    assert run("alerts").stdout.endswith("\tops 2 hours ago (given up)\n")
    world.sees(reading(4), after=HOUR)
    with world.store.transaction() as tx:
        outbox.settle(tx, [one.message.id for one in outbox.waiting(tx, "ops")], "sent", world.now)
    assert "ops 1 hour ago\n" in run("alerts").stdout


def test_an_alert_that_another_speaks_for_says_which(world: World) -> None:
    world.sees(reading(4, low_balance_alert=True, alert_threshold="10"), after=NONE)
    rows = {row.split("\t")[3]: row.split("\t")[-1] for row in run("alerts").stdout.splitlines()[1:]}
    assert rows["low_balance_alert"] == "by balance_usd"
    assert "ops" in rows["balance_usd"]
    told_by = {one["rule"]: one["told_by"] for one in json.loads(run("alerts", "--json").stdout)["alerts"]}
    assert told_by == {"balance_usd": [], "low_balance_alert": ["balance_usd"]}


def test_accounts_that_fail_alike_are_told_by_the_alert_about_all_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in world.config.accounts:
        world.sees(reading(100), name, after=NONE)
    for _ in range(20):
        world.now += HOUR / 12
        for name in world.config.accounts:
            world.sees(LOST, name, after=NONE)
        world.watches()
    config = world.folder / "config.toml"
    config.write_text(MAIN + BATCH + OPS + MAIL)
    monkeypatch.setenv("BALANCE_MONITOR_CONFIG", str(config))
    told = {tuple(row.split("\t")[0:4:3]): row.split("\t")[-1] for row in run("alerts").stdout.splitlines()[1:]}
    (common,) = (rule for account, rule in told if account == "monitor")
    assert told["main", "unreachable"] == told["batch", "unreachable"] == f"by {common}"
    with world.store.transaction(reads=True) as tx:  # without a configuration it is not known which are of one API
        assert [one.speakers for one in open_alerts(tx, None, ["main"])] == [[]]


def test_an_alert_of_which_nobody_was_told_says_so(world: World) -> None:
    world.reload(MAIN)
    world.sees(reading(4), after=NONE)
    assert run("alerts").stdout.endswith("\tnobody\n")


def test_alerts_of_some_accounts_show_no_others_and_the_monitor_is_an_account_of_its_own(world: World) -> None:
    world.reload(MAIN + BATCH + OPS + '[channels.mail]\nurl_file = "gone"\n')
    world.reads(4).reads(4, account="batch")

    def accounts(*names: str) -> list[str]:
        return [one["account"] for one in json.loads(run("alerts", *names, "--json").stdout)["alerts"]]

    assert accounts() == ["monitor", "main", "batch"]
    assert accounts("batch") == ["batch"]
    assert accounts("batch", "monitor") == ["monitor", "batch"]
    result = run("alerts", "bacth")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: no polled account is named bacth: did you mean batch?\n"


def test_where_nothing_is_open_it_says_so(world: World) -> None:
    world.reads(100)
    assert run("alerts").stdout == "No alert is open.\n"
    assert run("alerts", "--all").stdout == "No alert is recorded.\n"
    document = json.loads(run("alerts", "--json").stdout)
    assert document == {"daemon": {"healthy": True, "reason": None, "database_trouble": None}, "alerts": []}


# -- what is over -----------------------------------------------------------------------------------------------------


def test_all_has_what_is_over_in_the_order_in_which_it_ended_and_what_is_open_last(world: World) -> None:
    begun = world.now
    world.sees(reading(20), after=NONE)
    world.sees(reading(4), "batch", after=HOUR / 4)
    world.sees(reading(200), "batch", after=HOUR / 4)
    world.sees(reading(100), after=HOUR / 2)
    world.sees(reading(4), after=HOUR / 2)
    lines = run("alerts", "--all").stdout.splitlines()
    assert [line.split("\t")[:6] for line in lines[1:]] == [
        ["batch", "ok", "critical", "balance_usd", at(begun + HOUR / 4), "15 minutes"],
        ["main", "ok", "warning", "balance_usd", at(begun), "1 hour"],
        ["main", "critical", "critical", "balance_usd", at(begun + 3 * HOUR / 2), "30 minutes"],
    ]
    assert lines[2].endswith("\t$100.00 left (above $25.00)\t")
    assert len(run("alerts").stdout.splitlines()) == 2
    assert [line.split("\t")[0] for line in run("alerts", "--all", "batch").stdout.splitlines()[1:]] == ["batch"]


def test_an_alert_whose_account_left_the_configuration_is_over_and_was_not_resolved(world: World) -> None:
    world.reads(4, account="batch")
    world.reload(MAIN + OPS)
    assert run("alerts").stdout == "No alert is open.\n"
    (_, row) = run("alerts", "--all", "batch").stdout.splitlines()
    assert row.startswith("batch\tunwatched\tcritical\tbalance_usd\t")
    (alert,) = json.loads(run("alerts", "--all", "--json").stdout)["alerts"]
    assert (alert["level"], alert["ended_at"] is None) == ("critical", False)


# -- JSON, terminals, times -------------------------------------------------------------------------------------------


def test_json_is_one_document_with_what_each_channel_was_told(world: World) -> None:
    begun = world.now
    world.sees(reading("20.004"), "batch", after=NONE)
    world.sees(reading(100), "batch", after=HOUR / 2)
    world.sees(reading(4), after=HOUR / 2)
    world.heard("ops")
    done = process("alerts", "--all", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    past, current = json.loads(done.stdout)["alerts"]
    assert past == {
        "id": past["id"],
        "account": "batch",
        "rule": "balance_usd",
        "level": "ok",
        "worst": "warning",
        "started_at": _json(begun),
        "phrase": "$100.00 left (above $25.00)",
        "ended_at": _json(begun + HOUR / 2),
        "told": None,
        "told_by": [],
    }
    assert (current["account"], current["level"], current["ended_at"]) == ("main", "critical", None)
    told = {"level": "critical", "at": _json(begun + HOUR)}
    assert current["told"] == [
        {"channel": "mail", **told, "outbox": "waiting"},
        {"channel": "ops", **told, "outbox": None},
    ]


def _json(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


def test_on_a_terminal_the_levels_are_coloured_and_no_color_is_honoured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.reads(4)
    code, shown = at_terminal("alerts")
    assert code == 0
    assert shown.startswith("main  \x1b[1;37;41mcritical\x1b[0m  ")
    assert "\t" not in shown
    monkeypatch.setenv("NO_COLOR", "1")
    assert at_terminal("alerts") == (0, click.unstyle(shown))


def test_times_are_in_the_configured_zone(world: World, home: Path) -> None:
    world.now = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)
    world.sees(reading(4), after=NONE)
    (home / "config.toml").write_text('timezone = "Europe/Berlin"\n')
    assert "\t2026-01-13 11:00:00 CET\t" in run("alerts").stdout


# -- whether it is so -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stopped_at": START}, "the daemon was stopped "),
        ({"beat_at": START}, "the daemon (process 4711) last gave a sign of life "),
        ({"overdue": 2}, "the polls of 2 accounts are overdue: "),
    ],
)
def test_while_no_daemon_watches_nothing_seems_to_be_fine(world: World, changes: dict[str, Any], said: str) -> None:
    lives(world, **changes)
    result = run("alerts")
    assert (result.exit_code, result.stdout) == (0, "No open alert is recorded.\n")
    assert result.stderr.startswith(f"warning: {said}")
    assert result.stderr.endswith(": this may be out of date\n")
    found = run("alerts", "--json")
    daemon = json.loads(found.stdout)["daemon"]
    assert daemon["healthy"] is False
    assert daemon["reason"].startswith(said.removesuffix(": "))


def test_while_the_daemon_goes_on_from_memory_it_says_that_this_may_be_out_of_date(world: World) -> None:
    lives(world, beat_at=START)
    with beating(world.folder / "monitor.db"):
        result = run("alerts", "--json")
    assert json.loads(result.stdout)["daemon"] == {
        "healthy": True,
        "reason": None,
        "database_trouble": "the disk is full",
    }
    assert result.stderr == (
        "warning: the database cannot be used (the disk is full), the daemon goes on from memory: "
        "this may be out of date\n"
    )


@pytest.mark.parametrize("words", [(), ("--all",), ("--json",), ("main",)])
def test_without_a_database_it_names_the_path_and_makes_none(
    home: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.delenv("BALANCE_MONITOR_DATABASE", raising=False)
    result = run("alerts", *words)
    path = home / "balance-monitor" / "monitor.db"
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: there is no database at {path}: start balance-monitor run, or set database to its path\n"
    )
    assert list(home.iterdir()) == []


# -- whatever happened ------------------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(["main", "batch"]), st.sampled_from([4, 20, 100, None])), max_size=20),
    st.integers(1, 4),
)
def test_every_alert_that_ever_was_is_either_open_or_over_and_told_once(
    polls: list[tuple[str, int | None]], rows: int
) -> None:
    with TemporaryDirectory() as folder:
        world = World(
            Path(folder),
            MAIN + BATCH + OPS + '[rules.unreachable]\nenabled = false\n[rules.balance_usd]\ncooldown = "off"\n',
        )
        opened: list[tuple[str, datetime]] = []
        ended: list[tuple[str, datetime]] = []
        is_open = dict.fromkeys(("main", "batch"), False)
        for account, balance in polls:
            world.sees(LOST if balance is None else reading(balance), account)
            now_open = is_open[account] if balance is None else balance < 100
            if now_open is not is_open[account]:
                (opened if now_open else ended).append((account, world.now))
            is_open[account] = now_open
        begin = partial(world.store.transaction, reads=True)
        over = list(casebook.ended_alerts(begin, rows=rows))
        with begin() as tx:
            still = casebook.open_alerts(tx)
            assert set(casebook.all_told(tx)) == {one.id for one in still}
        assert [(one.alert.account, one.at) for one in over] == ended
        assert sorted((one.account, one.started_at) for one in (*still, *(one.alert for one in over))) == sorted(opened)
        batch = list(casebook.ended_alerts(begin, ["batch"], rows=rows))
        assert batch == [one for one in over if one.alert.account == "batch"]
        world.close()
