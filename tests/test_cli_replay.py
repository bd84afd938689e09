"""``replay``: what somebody sees who tries thresholds on the past before trusting them."""

import csv
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import click
import pytest
from shell import Terminal, at_terminal, move_home, process, run
from world import MAIN, OPS, START, World, reading

from monitor.cli.common import Progress
from monitor.cli.replay import Outcome, watched
from monitor.cli.when import Window
from monitor.model import Failure, Kind, Seen

Worlds = Callable[..., World]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CONFIG = """
timezone = "Europe/Berlin"
[accounts.main]
[channels.ops]
"""
"""As beside a service that has its secrets from somewhere else: there are none here."""
TWO = CONFIG + '[channels.pager]\nmin_level = "critical"\n'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = move_home(tmp_path, monkeypatch)
    (home / "config.toml").write_text(CONFIG)
    return home


@pytest.fixture
def world(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a daemon's world of 2026-01-13, whose database the commands find."""
    world = worlds()
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
    return world


def rows(home: Path, *rows: str, header: str = "time,balance_usd") -> Path:
    path = home / "past.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def balances(home: Path, *amounts: object) -> Path:
    """Write readings of five minutes apart."""
    return rows(home, *(f"2026-01-13T10:{5 * n:02}:00Z,{amount}" for n, amount in enumerate(amounts)))


def document(*words: str) -> dict[str, object]:
    done = run("replay", "main", "--json", *words)
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, object] = json.loads(done.stdout)
    return found


# -- the table --------------------------------------------------------------------------------------------------------


def test_every_message_has_its_time_in_the_configured_zone_and_a_line_sums_up(home: Path) -> None:
    balances(home, 60, 24, 24, 4.07, 60)
    result = run("replay", "main", "--csv", "past.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "TIME\tMESSAGE",
        "2026-01-13 11:05:00 CET\t[WARNING] main: $24.00 left (at or below $25.00)",
        "2026-01-13 11:15:00 CET\t[CRITICAL] main: $4.07 left (at or below $5.00)",
        "2026-01-13 11:20:00 CET\t[OK] main: $60.00 left (above $25.00) (and 1 more)",
        "\t  [OK] main: $60.00 left (above $25.00)",
        "\t  [INFO] main: went up by $55.93, from $4.07 to $60.00",
        "",
        "3 messages in 20 minutes (5 polls): 1 critical, 1 warning, 1 ok; by rule: 3 balance_usd, 1 news.",
    ]


def test_other_thresholds_say_other_things(home: Path) -> None:
    balances(home, 60, 24, 24, 4.07)
    (home / "other.toml").write_text(CONFIG + "[rules.balance_usd]\nwarning = 50\ncritical = 10\nconfirm = 2\n")
    said = run("--config", "other.toml", "replay", "main", "--csv", "past.csv").stdout
    assert [line.partition("\t")[2] for line in said.splitlines()[1:-2]] == [
        "[WARNING] main: $24.00 left (at or below $50.00)",
    ]


def test_where_channels_differ_it_says_which_are_told_of_what(home: Path) -> None:
    (home / "config.toml").write_text(TWO)
    balances(home, 24, 4.07)
    shown = run("replay", "main", "--csv", "past.csv").stdout.splitlines()
    assert [line.split("\t")[1] for line in shown[:3]] == ["CHANNELS", "ops", "ops, pager"]
    assert shown[-1].endswith("; by rule: 2 balance_usd; by channel: 2 ops, 1 pager.")


def test_without_a_channel_it_shows_what_one_would_hear_and_says_so(home: Path) -> None:
    (home / "config.toml").write_text("[accounts.main]\n")
    balances(home, 4)
    shown = run("replay", "main", "--csv", "past.csv").stdout
    assert "[CRITICAL] main: $4.00 left" in shown
    assert shown.endswith("\nNo channel is configured: this is what one would hear.\n")


def test_what_is_told_because_the_replay_begins_there_is_marked(home: Path) -> None:
    balances(home, 4, 60, 4)
    shown = run("replay", "main", "--csv", "past.csv").stdout.splitlines()
    note = " (so from the start)"
    assert shown[1].endswith("[CRITICAL] main: $4.00 left (at or below $5.00)" + note)
    assert [line.endswith(note) for line in shown].count(True) == 1


def test_nothing_to_tell_is_said_too(home: Path) -> None:
    balances(home, 60, 60, 59)
    result = run("replay", "main", "--csv", "past.csv")
    assert (result.exit_code, result.stdout) == (0, "No message in 10 minutes (3 polls).\n")
    rows(home)
    result = run("replay", "main", "--csv", "past.csv")
    nothing = "No poll of main is known from that time: there is nothing to replay.\n"
    assert (result.exit_code, result.stdout) == (0, nothing)
    assert document("--csv", "past.csv")["messages"] == []


def test_on_a_terminal_each_message_has_the_colour_of_its_level(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    balances(home, 24, 4)
    code, shown = at_terminal("replay", "main", "--csv", "past.csv")
    assert code == 0
    assert "  \x1b[33m[WARNING] main" in shown
    assert "  \x1b[31m[CRITICAL] main" in shown
    monkeypatch.setenv("NO_COLOR", "1")
    assert at_terminal("replay", "main", "--csv", "past.csv") == (0, click.unstyle(shown))


# -- what is recorded -------------------------------------------------------------------------------------------------


def test_recorded_readings_are_replayed_with_failures_and_the_rules_of_now(world: World, home: Path) -> None:
    world.reads(60, 60, 24)
    world.fails(times=5, reason="no answer")
    world.reads(24, 60)
    heard = world.titles()
    since = ("--since", "2026-01-13")
    shown = run("replay", "main", *since).stdout
    assert [title for title in heard if title in shown] == heard
    assert "[WARNING] main: no reading for 15 minutes (no answer)" in shown
    assert shown.splitlines()[-1].startswith("4 messages in 45 minutes (10 polls, 5 of them failed): ")
    (home / "config.toml").write_text(
        CONFIG + "[rules.unreachable]\nenabled = false\n[rules.balance_usd]\nwarning = 60\n"
    )
    shown = run("replay", "main", *since).stdout
    assert "[WARNING] main: $60.00 left (at or below $60.00) (so from the start)" in shown
    assert "no reading" not in shown


def test_a_window_is_a_month_unless_given_and_what_was_before_is_known(world: World) -> None:
    now = datetime.now(UTC)
    for age, balance in ((40 * DAY, 3), (20 * DAY, 60), (20 * DAY - HOUR, 4), (HOUR, 70)):
        world.now = now - age
        world.sees(reading(balance), after=timedelta(0))

    def titles(*words: str) -> list[str]:
        return [one["title"] for one in document(*words)["messages"]]  # type: ignore[attr-defined]

    month = [
        "[INFO] main: went up by at least $57.00, from $3.00 to $60.00",
        "[CRITICAL] main: $4.00 left (at or below $5.00)",
        "[OK] main: $70.00 left (above $25.00) (and 1 more)",
    ]
    assert titles() == month
    assert titles("--since", "90d")[0] == "[CRITICAL] main: $3.00 left (at or below $5.00)"
    assert titles("--until", "1d") == month[:2]
    assert titles("--since", "10d") == ["[INFO] main: went up by at least $66.00, from $4.00 to $70.00"]


def test_what_the_daemon_would_know_of_the_spending_is_known_at_the_beginning(world: World) -> None:
    """Else a runway could be told only a day after the beginning of every replay."""
    for number in range(24 * 40):
        world.sees(reading(Decimal(200) - number * Decimal("0.2")), after=HOUR)
    said = document("--since", (world.now - HOUR).isoformat())["messages"]
    assert isinstance(said, list)
    assert [one["rules"] for one in said] == [["balance_usd", "runway"]]
    assert said[0]["from_the_start"] == ["balance_usd", "runway"]
    assert "Gone in the last 24 hours: $4.80." in said[0]["body"]


def test_polls_between_the_first_and_the_last_of_a_run_are_spread_over_it(world: World, home: Path) -> None:
    (home / "config.toml").write_text(CONFIG + '[rules.balance_usd]\nremind_every = "1h"\n')
    for _ in range(25):
        world.sees(reading(24))
    times = [one["time"] for one in document("--since", "2026-01-01")["messages"]]  # type: ignore[attr-defined]
    assert times == ["2026-01-13T10:05:00Z", "2026-01-13T11:05:00Z", "2026-01-13T12:05:00Z"]


def test_an_account_without_a_history_and_a_missing_database_are_said(home: Path, worlds: Worlds) -> None:
    result = run("replay", "main")
    path = home / "balance-monitor" / "monitor.db"
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: there is no database at {path}: ")
    world = worlds(MAIN + OPS)
    database = {"BALANCE_MONITOR_DATABASE": f"sqlite:///{world.folder / 'monitor.db'}"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*next(iter(database.items())))
        assert run("replay", "main").stderr == "Error: no account with a history is named main: there is none\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mian",), "no configured account is named mian: did you mean main?"),
        (("batch",), "no configured account is named batch: there is main"),
        (("main", "--since", "7"), 'a duration needs a unit: write "7s", "7m", "7h" or "7d"'),
        (("main", "--since", "1d", "--until", "2d"), "--since is later than --until"),
        (
            ("main", "--csv", "gone.csv"),
            "gone.csv: No such file or directory: name a CSV file, or - for standard input",
        ),
        (("main", "--csv", "."), ".: Is a directory: name a CSV file, or - for standard input"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(words: tuple[str, ...], said: str) -> None:
    result = run("replay", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


# -- JSON -------------------------------------------------------------------------------------------------------------


def test_json_is_one_document_with_each_message_in_full_and_the_sum(home: Path) -> None:
    (home / "config.toml").write_text(TWO)
    balances(home, 60, 24, 4.07)
    done = process("replay", "main", "--csv", "past.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["account"] == "main"
    warning, critical = found["messages"]
    assert warning == {
        "time": "2026-01-13T10:05:00Z",
        "channels": ["ops"],
        "level": "warning",
        "rules": ["balance_usd"],
        "title": "[WARNING] main: $24.00 left (at or below $25.00)",
        "body": warning["body"],
        "from_the_start": [],
    }
    assert warning["body"].startswith("Rule balance_usd: warning.\nBalance: $24.00, read 2026-01-13 11:05:00 CET.\n")
    assert critical["channels"] == ["ops", "pager"]
    assert found["summary"] == {
        "messages": 2,
        "levels": {"critical": 1, "warning": 1},
        "rules": {"balance_usd": 2},
        "channels": {"ops": 2, "pager": 1},
        "polls": 3,
        "failed_polls": 0,
        "first_at": "2026-01-13T10:00:00Z",
        "last_at": "2026-01-13T10:10:00Z",
    }


# -- what history writes ----------------------------------------------------------------------------------------------


def test_what_history_writes_as_csv_says_the_same_as_the_recorded_readings(world: World, home: Path) -> None:
    (home / "config.toml").write_text(CONFIG + '[rules.balance_usd]\nconfirm = 3\nremind_every = "1h"\n')
    world.reads(60, 60, 60, 24, 24, 24, available_credits=1000, account_id="5", low_balance_alert=False)
    world.reads(*[4] * 30, 60, 60, 60, updated_at=START, alert_threshold=10)
    with (home / "past.csv").open("w") as file:
        assert process("history", "main", "--since", "2026-01-13", "--format", "csv", stdout=file).returncode == 0
    assert len((home / "past.csv").read_text().splitlines()) < 12
    recorded = document("--since", "2026-01-13")
    assert len(recorded["messages"]) > 5  # type: ignore[arg-type]
    assert document("--csv", "past.csv") == recorded


# -- how far it is ----------------------------------------------------------------------------------------------------


def polls() -> Iterable[tuple[datetime, Seen]]:
    for place in range(1, 4):
        yield START + place * DAY, Failure(Kind.UNREACHABLE, "no answer")


def test_how_far_it_has_come_is_said_once_it_takes_long() -> None:
    said = {}
    for every in (0.0, 60.0):
        with Terminal() as terminal:
            progress, looked = Progress(terminal.stream), Window(START + 2 * DAY, START + 9 * DAY)
            outcome = Outcome(UTC)
            assert len(list(watched(iter(polls()), looked, outcome, progress, every=every, look=1))) == 3
            progress.clear()
        said[every] = terminal.shown
        assert (outcome.polls, outcome.failed, outcome.first_at) == (2, 2, START + 2 * DAY)
    assert said[60.0] == ""
    assert said[0.0].split("\r\x1b[K") == [
        *(f"up to 2026-01-{14 + n} 10:00:00 UTC ({n + 1} polls, 0 messages) …" for n in range(3)),
        "",
    ]


@pytest.mark.slow
def test_a_year_of_five_minute_readings_ends_in_seconds_and_shows_on_a_terminal_how_far_it_is(home: Path) -> None:
    write_a_year(home / "past.csv")
    code, shown = at_terminal("replay", "main", "--csv", "past.csv")
    assert code == 0
    assert "\r\x1b[K" in shown
    assert " polls, " in shown.partition("\r\x1b[K")[0]
    assert "messages in 364 days (105,120 polls): " in shown


def test_ctrl_c_ends_it_with_a_word(home: Path) -> None:
    write_a_year(home / "past.csv")
    code, shown = at_terminal("replay", "main", "--csv", "past.csv", until=lambda shown: "up to " in shown)
    assert code == 1
    assert shown.endswith("\nStopped.\n")


def write_a_year(path: Path) -> None:
    with path.open("w") as file:
        lines = csv.writer(file)
        lines.writerow(["time", "balance_usd"])
        balance = Decimal(100)
        for number in range(105_120):
            balance = balance - Decimal(number % 41) / 1000 + (100 if balance < 3 else 0)
            lines.writerow([(START + number * 5 * MINUTE).isoformat(), balance])
