"""``status``, ``outbox`` and ``healthcheck``: what people see of the daemon's database beside it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from shell import at_terminal, move_home, process, run
from world import MAIN, OPS, World, reading

from monitor.cli.ailment import ailment
from monitor.cli.common import Progress, choose, open_store, print_json, table
from monitor.deliver import watch
from monitor.model import Failure, Kind, Message
from monitor.quantity import ago
from monitor.store import Store, life, outbox
from monitor.store.life import Life

Worlds = Callable[..., World]
HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 13, 12, 0, tzinfo=UTC)
WELL = Life(
    pid=4711,
    version="1.0",
    started_at=NOW - 3 * HOUR,
    beat_at=NOW,
    config="/etc/balance-monitor/config.toml",
    accounts=1,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_home(tmp_path, monkeypatch)


@pytest.fixture
def world(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a daemon's world of an hour ago, whose database the commands find; no secret is to be had."""
    world = worlds()
    world.now = _now() - HOUR
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
    return world


def _now() -> datetime:
    return datetime.now(UTC)


def _lives(world: World, **changes: object) -> None:
    now = _now()
    with world.store.transaction() as tx:
        life.write(tx, replace(WELL, started_at=now - 3 * HOUR, beat_at=now, **changes))  # type: ignore[arg-type]


def _waiting(world: World, channel: str = "ops") -> list[Message]:
    with world.store.transaction() as tx:
        return [queued.message for queued in outbox.waiting(tx, channel)]


def _fails(world: World, error: str = "HTTP 500 Internal Server Error") -> None:
    """Let the channel ops have failed half an hour ago, after a success before."""
    with world.store.transaction() as tx:
        known = replace(
            outbox.health(tx, "ops"),
            failures=2,
            failing_since=_now() - HOUR / 2,
            last_error=error,
            last_error_at=_now() - HOUR / 2,
            last_success_at=_now() - HOUR,
        )
        outbox.save_health(tx, known)


# -- status -----------------------------------------------------------------------------------------------------------


def test_status_shows_the_daemon_the_accounts_the_alerts_and_the_channels(world: World) -> None:
    world.sees(reading(4, available_credits=3000, available_points=1000), after=timedelta(0))
    _lives(world)
    _fails(world)
    lines = run("status").stdout.splitlines()
    assert lines == [
        "Healthy, up for 3 hours (process 4711, /etc/balance-monitor/config.toml).",
        "",
        "ACCOUNT\tLEVEL\tBALANCE\tGONE IN 24H\tRUNWAY\tCREDITS\tPOINTS\tREAD\tPOLLS",
        "main\tcritical\t$4.00\tunknown\tnot enough data yet\t3,000\t1,000\t1 hour ago\tok",
        "",
        "ALERT\tLEVEL\tRULE\tSINCE\tWHAT",
        "main\tcritical\tbalance_usd\t1 hour ago\t$4.00 left (at or below $5.00)",
        "",
        "CHANNEL\tFAILING\tWAITING\tGIVEN UP\tLAST SUCCESS\tLAST ERROR",
        "ops\tfor 30 minutes\t1\t0\t1 hour ago\t30 minutes ago: HTTP 500 Internal Server Error",
    ]


def test_a_channel_that_was_never_tried_is_shown_with_what_waits_for_it(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    assert run("status").stdout.splitlines()[-1] == "ops\tno\t1\t0\tnever\t"


def test_an_alert_about_a_channel_that_does_not_deliver_is_shown_with_since_when_it_fails(world: World) -> None:
    world.reload(MAIN + OPS + '[channels.mail]\nurl = "json://localhost/mail"\n')
    world.sees(reading(4), after=timedelta(0))
    _fails(world)
    with world.store.transaction() as tx:
        watch(tx, world.config, _now())
    shown = run("status").stdout
    said = "channel ops has not delivered for 30 minutes (HTTP 500 Internal Server Error); 1 message waits"
    assert f"monitor\twarning\tundelivered.ops\t30 minutes ago\t{said}" in shown
    (ops,) = [one for one in json.loads(run("status", "--json").stdout)["channels"] if one["channel"] == "ops"]
    assert ops["failing_since"].endswith("Z")


def test_on_a_terminal_the_columns_are_aligned_and_the_levels_coloured(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sees(reading(4), after=timedelta(0))
    _, shown = at_terminal("status")
    assert "\x1b[1mmain\x1b[0m     \x1b[1;37;41mcritical\x1b[0m    \x1b[1m$4.00\x1b[0m" in shown
    assert "\t" not in shown
    monkeypatch.setenv("NO_COLOR", "1")
    _, plain = at_terminal("status")
    assert plain == click.unstyle(shown)


def test_what_went_and_how_long_the_rest_lasts_is_shown(world: World) -> None:
    world.sees(reading(200), after=-49 * HOUR)
    world.reads(200)
    assert "\tok\t$200.00\tat least $0.00\tnot enough data yet\t" in run("status").stdout
    for step in range(49):
        world.sees(reading(199 - step), after=HOUR)
    line = next(line for line in run("status").stdout.splitlines() if line.startswith("main\t"))
    assert line.split("\t")[2:5] == ["$151.00", "$24.00", "about 6 days"]
    (account,) = json.loads(run("status", "--json").stdout)["accounts"]
    assert account["gone_24h"]["usd"] == "24"
    runway = account["runway"]
    assert runway["low_seconds"] < runway["mid_seconds"] < runway["high_seconds"]
    assert 48 * 3600 < runway["basis_seconds"] < 50 * 3600


def test_a_runway_that_is_not_known_is_null_and_one_that_is_not_known_yet_says_what_is_missing(world: World) -> None:
    world.sees(Failure(Kind.REFUSED, "HTTP 401"), after=timedelta(0))
    (account,) = json.loads(run("status", "--json").stdout)["accounts"]
    assert (account["gone_24h"], account["runway"]) == (None, None)
    world.reads(200)
    (account,) = json.loads(run("status", "--json").stdout)["accounts"]
    assert (account["gone_24h"], account["runway"]) == (None, {"missing_seconds": 86400.0})


def test_what_is_not_known_is_never_shown_as_zero(world: World) -> None:
    world.sees(Failure(Kind.REFUSED, "HTTP 401: Failed to verify api key"), after=timedelta(0))
    lines = run("status").stdout.splitlines()
    assert "main\tunknown\tunknown\t\t\t\t\tnever\trefused: HTTP 401: Failed to verify api key" in lines


def test_a_balance_that_was_read_before_the_polls_failed_stays_and_says_how_old_it_is(world: World) -> None:
    world.sees(reading(100), after=timedelta(0))
    world.sees(Failure(Kind.UNREACHABLE, "no answer"), after=HOUR / 2)
    assert (
        "main\tunknown\t$100.00\tunknown\tnot enough data yet\t\t\t1 hour ago\tunreachable: no answer"
        in run("status").stdout
    )


def test_status_of_one_account_shows_no_other_and_the_monitor_s_own_alerts(world: World) -> None:
    world.reload(
        MAIN + '[accounts.batch]\napi_key = "key-of-batch-0002"\n' + OPS + '[channels.mail]\nurl_file = "gone"\n'
    )
    world.sees(reading(4), after=timedelta(0))
    world.sees(reading(4), "batch", after=timedelta(0))
    document = json.loads(run("status", "batch", "--json").stdout)
    assert [one["account"] for one in document["accounts"]] == ["batch"]
    assert [one["account"] for one in document["alerts"]] == ["monitor", "batch"]
    shown = run("status", "batch").stdout
    assert "batch\tcritical" in shown
    assert "monitor\twarning\tchannels" in shown
    assert "main\t" not in shown


def test_status_in_json_is_one_document_with_exact_amounts_and_times_in_utc(world: World) -> None:
    world.sees(reading("4.068", available_credits=3000, account_id="52"), after=timedelta(0))
    world.sees(Failure(Kind.UNREACHABLE, "no answer"), after=HOUR / 2)
    _lives(world)
    _fails(world)
    document = json.loads(process("status", "--json").stdout)
    assert document["daemon"]["healthy"] is True
    assert document["daemon"]["reason"] is None
    assert document["daemon"]["pid"] == 4711
    (main,) = document["accounts"]
    assert main["reading"]["balance_usd"] == "4.068"
    assert (main["reading"]["available_credits"], main["reading"]["available_points"]) == ("3000", None)
    assert main["failure"] == {"kind": "unreachable", "reason": "no answer"}
    assert (main["account"], main["level"]) == ("main", "critical")
    for name in ("read_at", "polled_at", "failing_since"):
        assert main[name].endswith("Z")
        assert datetime.fromisoformat(main[name]) < _now()
    (alert,) = document["alerts"]
    assert (alert["rule"], alert["level"], alert["worst"]) == ("balance_usd", "critical", "critical")
    (ops,) = document["channels"]
    assert (ops["channel"], ops["waiting"], ops["given_up"], ops["failures"]) == ("ops", 1, 0, 2)


@pytest.mark.usefixtures("world")
def test_a_daemon_that_never_polled_has_nothing_to_show() -> None:
    assert run("status").stdout.startswith(
        "Not healthy: no daemon has run on this database yet.\n\nNo account has been polled yet."
    )
    assert json.loads(run("status", "--json").stdout)["daemon"] == {
        "healthy": False,
        "reason": "no daemon has run on this database yet",
        "database_trouble": None,
        "page_trouble": None,
    }


def test_a_reload_that_was_refused_is_shown(world: World) -> None:
    _lives(world, reload_error="config.toml: interval: not a duration")
    assert (
        "The last reload was refused, the earlier configuration goes on: config.toml: interval" in run("status").stdout
    )


def test_an_account_that_nobody_polled_is_wrong_use(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    result = run("status", "mian")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: no polled account is named mian: did you mean main?\n"


def test_watch_looks_again_until_ctrl_c(world: World) -> None:
    world.sees(reading(100), after=timedelta(0))
    command = [sys.executable, "-u", "-m", "monitor", "status", "--watch"]
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True) as watching:
        assert watching.stdout is not None
        while "$100.00" not in watching.stdout.readline():
            pass
        world.sees(reading(50), after=timedelta(minutes=1))
        while "$50.00" not in watching.stdout.readline():
            pass
        watching.send_signal(signal.SIGINT)
        _, errors = watching.communicate(timeout=10)
    assert (watching.returncode, errors) == (0, "")


def test_watch_begins_anew_at_the_top_of_a_terminal(world: World) -> None:
    world.sees(reading(100), after=timedelta(0))
    code, shown = at_terminal("status", "--watch", until=lambda shown: shown.count("$100.00") == 2)
    assert code == 0
    _, first, again = shown.split("\x1b[H")
    assert "$100.00" in first
    assert "$100.00" in again


@pytest.mark.usefixtures("world")
def test_watch_and_json_contradict_each_other() -> None:
    result = run("status", "--watch", "--json")
    assert result.exit_code == 2
    assert "--watch has no end" in result.stderr


# -- outbox -----------------------------------------------------------------------------------------------------------


def test_the_outbox_lists_what_waits_and_what_was_given_up_oldest_first(world: World) -> None:
    world.sees(reading(20), after=timedelta(0))
    with world.store.transaction() as tx:
        (first,) = (queued.message for queued in outbox.listing(tx))
        outbox.record(tx, first, _now() - HOUR, seconds=1.5, error="HTTP 500")
        outbox.settle(tx, [first.id], "given_up", _now())
    world.sees(reading(4), after=HOUR / 2)
    (second,) = _waiting(world)
    assert run("outbox").stdout == run("outbox", "list").stdout
    assert run("outbox").stdout.splitlines() == [
        "ID\tCHANNEL\tSTATE\tDECIDED\tTRIES\tTITLE",
        f"{first.id[:8]}\tops\tgiven up\t1 hour ago\t1\t[WARNING] main: $20.00 left (at or below $25.00)",
        f"{second.id[:8]}\tops\twaiting\t30 minutes ago\t0\t[CRITICAL] main: $4.00 left (at or below $5.00)",
    ]


def test_the_outbox_in_json_has_everything_about_a_message(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    (message,) = _waiting(world)
    (document,) = json.loads(run("outbox", "--json").stdout)
    assert json.loads(run("outbox", "list", "--json").stdout) == [document]
    assert document["id"] == message.id
    assert (document["state"], document["attempts"], document["severity"]) == ("waiting", 0, "critical")
    (change,) = document["changes"]
    assert (change["rule"], change["cause"], change["level"], change["before"]) == (
        "balance_usd",
        "raised",
        "critical",
        "ok",
    )
    assert document["decided_at"].endswith("Z")


@pytest.mark.usefixtures("world")
def test_an_empty_outbox_says_so() -> None:
    assert run("outbox").stdout == "The outbox is empty: everything was delivered.\n"
    assert json.loads(run("outbox", "--json").stdout) == []


@pytest.mark.usefixtures("world")
def test_json_before_a_command_that_prints_none_is_wrong_use() -> None:
    result = run("outbox", "--json", "list")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: --json goes behind list: see balance-monitor outbox --help\n",
    )


def test_a_message_is_dropped_by_the_beginning_of_its_id(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    (message,) = _waiting(world)
    result = run("outbox", "drop", message.id[:8])
    assert (result.exit_code, result.stdout) == (0, f"{message.id[:8]} is dropped: {message.title}\n")
    assert _waiting(world) == []
    again = run("outbox", "drop", message.id)
    assert again.exit_code == 1
    assert again.stderr == f"Error: {message.id} no longer waits, it was dropped: nothing to do\n"


def test_a_message_that_was_given_up_waits_again_after_retry(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    (message,) = _waiting(world)
    with world.store.transaction() as tx:
        outbox.settle(tx, [message.id], "given_up", _now())
    result = run("outbox", "retry", message.id[:8])
    assert result.stdout == f"{message.id[:8]} will be tried once the daemon runs: {message.title}\n"
    assert _waiting(world) == [message]
    _lives(world)
    assert run("outbox", "retry", message.id).stdout.startswith(f"{message.id[:8]} will be tried within 5 s: ")


def test_what_was_for_a_channel_that_is_gone_is_not_tried_again_until_the_channel_is_back(
    world: World, home: Path
) -> None:
    world.sees(reading(4), after=timedelta(0))
    (message,) = _waiting(world)
    world.reload(MAIN)
    _lives(world)
    (home / "config.toml").write_text(MAIN)
    result = run("outbox", "retry", message.id)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {message.id[:8]} is for ops, which is no longer configured: "
        "put [channels.ops] back and reload, or let it go with balance-monitor outbox drop\n"
    )
    assert _waiting(world) == []
    (home / "config.toml").write_text(MAIN + OPS)
    assert run("outbox", "retry", message.id).exit_code == 0
    assert _waiting(world) == [message]


def test_where_it_cannot_be_told_whether_a_channel_is_gone_its_message_is_tried(world: World, home: Path) -> None:
    world.sees(reading(4), after=timedelta(0))
    (message,) = _waiting(world)
    (home / "config.toml").write_text(MAIN + "interval = 5\n")
    assert run("outbox", "retry", message.id).exit_code == 0
    (home / "config.toml").write_text(MAIN)  # without the environment of the service, which names the channel
    _fails(world)
    assert run("outbox", "retry", message.id).exit_code == 0


@pytest.mark.parametrize("named", ["", "0", "nosuchid-1234"])
def test_too_little_of_an_id_or_a_wrong_one_touches_no_message(world: World, named: str) -> None:
    world.sees(reading(4), after=timedelta(0))
    for command in ("retry", "drop"):
        result = run("outbox", command, named)
        assert result.exit_code == 1
        assert result.stderr == (
            f'Error: no message has the id "{named}": balance-monitor outbox list shows what there is\n'
        )
    assert len(_waiting(world)) == 1


# -- healthcheck ------------------------------------------------------------------------------------------------------


def test_healthcheck_is_0_while_the_daemon_is_well_and_1_once_it_has_stopped(world: World) -> None:
    _lives(world)
    assert (run("healthcheck").exit_code, run("healthcheck").stdout) == (0, "healthy\n")
    _lives(world, stopped_at=_now() - HOUR)
    result = process("healthcheck")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: the daemon was stopped 1 hour ago\n"


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (None, "no daemon has run on this database yet"),
        (WELL, None),
        (replace(WELL, beat_at=NOW - timedelta(seconds=35)), None),
        (
            replace(WELL, beat_at=NOW - timedelta(seconds=36)),
            "the daemon (process 4711) last gave a sign of life 36 seconds ago",
        ),
        (replace(WELL, overdue=1), "the polls of 1 account are overdue"),
        (replace(WELL, overdue=3), "the polls of 3 accounts are overdue"),
        (replace(WELL, stopped_at=NOW), "the daemon was stopped 0 seconds ago"),
    ],
)
def test_what_is_wrong_with_a_daemon_is_a_sentence(found: Life | None, wrong: str | None) -> None:
    assert ailment(found, NOW) == wrong


# -- whatever is missing or broken ------------------------------------------------------------------------------------

_READING = [("status",), ("status", "--json"), ("outbox",), ("outbox", "drop", "12345678"), ("healthcheck",)]


@pytest.mark.parametrize("words", _READING)
def test_without_a_database_each_names_the_path_and_makes_none(home: Path, words: tuple[str, ...]) -> None:
    result = run(*words)
    path = home / "balance-monitor" / "monitor.db"
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: there is no database at {path}: start balance-monitor run, or set database to its path\n"
    )
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("words", _READING)
def test_a_database_setting_that_is_wrong_is_wrong_configuration(home: Path, words: tuple[str, ...]) -> None:
    (home / "config.toml").write_text('database = "nonsense"\n')
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {home}/config.toml: database: not a database of this release")
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("world")
def test_other_mistakes_in_the_configuration_do_not_hide_what_there_is(home: Path) -> None:
    (home / "config.toml").write_text("interval = 5\n[accounts.main]\n")
    assert run("status").exit_code == 0


def test_a_file_that_is_no_database_is_said_in_a_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "odd.db"
    path.write_text("not a database, whatever its name may be\n" * 100)
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{path}")
    result = process("status")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {path} cannot be ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("world")
def test_trouble_with_the_disk_amid_a_command_is_said_in_a_sentence() -> None:
    stops = pytest.raises(click.ClickException, match=r"monitor\.db cannot be used \(no such table: nowhere\): is its")
    with stops, open_store(None) as store, store.transaction(reads=True) as tx:
        tx.exec_driver_sql("SELECT * FROM nowhere")


@pytest.mark.usefixtures("world")
def test_a_mistake_of_ours_amid_a_command_keeps_its_name() -> None:
    with pytest.raises(ZeroDivisionError), open_store(None):
        _ = 1 / 0


# -- what they share --------------------------------------------------------------------------------------------------


def test_no_more_than_twenty_names_are_listed_when_one_is_wrong() -> None:
    there = [f"account_{n}" for n in range(30)]
    with pytest.raises(click.ClickException) as stop:
        choose(["zzz"], there, "account")
    assert stop.value.message.endswith(" and 10 more")
    with pytest.raises(click.ClickException, match="no channel is named ops: there is none"):
        choose(["ops"], [], "channel")


def test_a_table_without_a_terminal_is_tab_separated() -> None:
    assert table(("A", "B"), [("1", "2"), ("x", "")]) == "A\tB\n1\t2\nx\t"


def test_times_are_said_as_people_say_them() -> None:
    assert ago(None, NOW) == "never"
    assert ago(NOW - timedelta(seconds=90), NOW) == "1 minute and 30 seconds ago"
    assert ago(NOW + HOUR, NOW) == "0 seconds ago"  # a clock that was put back


def test_what_json_has_no_words_for_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="nothing says how JSON has a set"):
        print_json({1})


def test_progress_without_a_stream_is_silent() -> None:
    progress = Progress(None)
    progress.show("Waiting …")
    progress.clear()


def test_the_database_that_status_reads_is_the_daemon_s_own(world: World) -> None:
    assert isinstance(world.store, Store)
    _lives(world)
    assert "Healthy" in run("status").stdout  # beside the daemon's lock
