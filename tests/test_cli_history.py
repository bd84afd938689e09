"""``history``: what people, scripts and spreadsheets get of the readings that were recorded."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import click
import pytest
from shell import Terminal, at_terminal, move_home, process, run
from sqlalchemy import insert
from world import MAIN, OPS, START, World, reading

from monitor.cli.common import Progress, long_table
from monitor.cli.history import beside, watched
from monitor.model import Failure, Kind
from monitor.store import schema
from monitor.store.history import Run

Worlds = Callable[..., World]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
ALL = ("--since", "2026-01-13T00:00:00Z")
HISTORY = [sys.executable, "-m", "monitor", "history", "main"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_home(tmp_path, monkeypatch)


@pytest.fixture
def world(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a daemon's world of 2026-01-13, whose database the commands find; no secret is to be had."""
    world = worlds()
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
    return world


@pytest.fixture
def lived(world: World) -> World:
    """Give a world in which a balance rested, the API was away, nobody polled for a while, and money was spent."""
    world.reads(72, 72, 72, available_credits=71000, available_points=1000)
    world.fails(times=2, reason="no answer")
    world.sees(reading("4.068", available_credits=3000, account_id='5"2,'), after=timedelta(hours=3))
    return world


# -- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lived")
def test_every_run_is_a_row_the_newest_last_and_what_failed_is_among_them() -> None:
    result = run("history", "main", *ALL)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "FROM\tTO\tPOLLS\tBALANCE\tCREDITS\tPOINTS\tFAILURE",
        "2026-01-13 10:05:00 UTC\t2026-01-13 10:15:00 UTC\t3\t$72.00\t71,000\t1,000\t",
        "2026-01-13 10:20:00 UTC\t2026-01-13 10:25:00 UTC\t2\tunknown\t\t\tunreachable: no answer",
        "2026-01-13 13:25:00 UTC\t2026-01-13 13:25:00 UTC\t1\t$4.068\t3,000\t\t",
    ]


@pytest.mark.usefixtures("lived")
def test_on_a_terminal_the_columns_are_aligned_and_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    code, shown = at_terminal("history", "main", "--format", "table", *ALL)
    assert code == 0
    assert shown.startswith("\x1b[1mFROM\x1b[0m ")
    _, first, second, third = click.unstyle(shown).splitlines()
    assert first.startswith("2026-01-13 10:05:00 UTC  2026-01-13 10:15:00 UTC      3   $72.00   71,000   1,000")
    assert second.endswith("    2  unknown                   unreachable: no answer")
    assert third.index("$4.068") + 6 == first.index("$72.00") + 6 == second.index("unknown") + 7
    monkeypatch.setenv("NO_COLOR", "1")
    assert at_terminal("history", "main", "--format", "table", *ALL) == (0, click.unstyle(shown))


def test_a_table_in_parts_is_one_table_whose_columns_only_grow() -> None:
    parts = [[("1", "x")], [("22222", "x")], [("3", "x")]]
    assert list(long_table(("A", "B"), iter(parts))) == ["A\tB", "1\tx", "22222\tx", "3\tx"]
    with Terminal() as terminal:
        assert not sys.stdout.isatty()
        before, sys.stdout = sys.stdout, terminal.stream
        try:
            lines = [click.unstyle(line) for line in long_table(("A", "B"), iter(parts))]
        finally:
            sys.stdout = before
    assert lines == ["A  B", "1  x", "22222  x", "3      x"]


@pytest.mark.usefixtures("lived")
def test_times_are_in_the_configured_zone_and_in_utc_while_the_configuration_is_wrong(home: Path) -> None:
    (home / "config.toml").write_text('timezone = "Europe/Berlin"\n')
    assert "\n2026-01-13 11:05:00 CET\t" in run("history", "main", *ALL).stdout
    (home / "config.toml").write_text('timezone = "Europe/Berlin"\ninterval = 5\n')
    assert "\n2026-01-13 10:05:00 UTC\t" in run("history", "main", *ALL).stdout


@pytest.mark.usefixtures("lived")
def test_where_nothing_is_recorded_a_sentence_says_when_the_latest_poll_was() -> None:
    result = run("history", "main", "--since", "2026-01-14T00:00:00Z", "--until", "2026-01-15T00:00:00Z")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "No poll of main is recorded from 2026-01-14 00:00:00 UTC to 2026-01-15 00:00:00 UTC; "
        "the latest was at 2026-01-13 13:25:00 UTC.\n"
    )


# -- from when to when ------------------------------------------------------------------------------------------------


def shown(*words: str) -> list[str]:
    """Return the times at which the runs that are shown began."""
    document = json.loads(run("history", "main", "--json", *words).stdout)
    return [one["first_at"][11:16] for one in document["history"]]


@pytest.mark.usefixtures("lived")
def test_a_window_is_given_by_times_or_dates_which_are_in_the_configured_zone(home: Path) -> None:
    assert shown(*ALL) == ["10:05", "10:20", "13:25"]
    assert shown("--since", "2026-01-13T10:18:00Z") == ["10:20", "13:25"]
    assert shown("--since", "2026-01-13 12:18:00+02:00", "--until", "2026-01-13T11:00:00Z") == ["10:20"]
    assert shown("--since", "2026-01-13", "--until", "2026-01-13T10:18") == ["10:05"]
    (home / "config.toml").write_text('timezone = "America/New_York"\n')
    assert shown("--since", "2026-01-13T05:18") == ["10:20", "13:25"]
    assert shown("--since", "2026-01-12", "--until", "2026-01-13") == []


def test_a_window_of_so_long_ago_counts_from_now_and_is_a_week_unless_given(world: World) -> None:
    now = datetime.now(UTC)
    for age in (10 * DAY, 5 * DAY, timedelta(hours=1)):
        world.now = now - age
        world.sees(reading(age.days), after=timedelta(0))

    def balances(*words: str) -> list[str]:
        document = json.loads(run("history", "main", "--json", *words).stdout)
        return [one["reading"]["balance_usd"] for one in document["history"]]

    assert balances("--since", "30d") == ["10", "5", "0"]
    assert balances() == balances("--since", "7d") == ["5", "0"]
    assert balances("--since", "30d", "--until", "2d") == ["10", "5"]


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "7"), 'a duration needs a unit: write "7s", "7m", "7h" or "7d"'),
        (("--since", "yesterday"), 'not a duration: write it like "30s", "5m", "12h", "7d" or "1h30m"'),
        (("--since", "2026-13-01"), 'not a time: write it like "2026-01-13T10:00:00Z" or "2026-01-13"'),
        (("--until", "2026-01-13T25:00"), 'not a time: write it like "2026-01-13T10:00:00Z" or "2026-01-13"'),
        (("--since", "1d", "--until", "2d"), "--since is later than --until, which is now unless given"),
        (("--since", "2999-01-01"), "--since is later than --until, which is now unless given"),
        (("--since", "0001-01-01T00:00+14:00"), "0001-01-01 00:00:00+14:00 is a time that nothing is known of"),
        (("--format", "xml"), "'xml' is not one of 'table', 'csv', 'json'"),
        (("--json", "--format", "csv"), "--json is --format json: give one of them"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(words: tuple[str, ...], said: str) -> None:
    result = run("history", "main", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


# -- which account ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lived")
def test_an_account_without_a_history_is_wrong_use_and_the_nearest_is_named() -> None:
    result = run("history", "mian")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: no account with a history is named mian: did you mean main?\n"


@pytest.mark.usefixtures("world")
def test_before_the_first_poll_there_is_no_account_with_a_history() -> None:
    assert run("history", "main").stderr == "Error: no account with a history is named main: there is none\n"


def test_an_account_that_left_the_configuration_still_has_its_history(world: World) -> None:
    world.reload(MAIN + '[accounts.batch]\napi_key = "key-of-batch-0002"\n' + OPS)
    world.reads(3, account="batch")
    world.reload(MAIN + OPS)
    assert "\t$3.00\t" in run("history", "batch", *ALL).stdout
    assert run("history", "bacth").stderr.endswith("named bacth: did you mean batch?\n")


@pytest.mark.parametrize("words", [(), ("--json",), ("--format", "csv")])
def test_without_a_database_it_names_the_path_and_makes_none(home: Path, words: tuple[str, ...]) -> None:
    result = run("history", "main", *words)
    path = home / "balance-monitor" / "monitor.db"
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: there is no database at {path}: start balance-monitor run, or set database to its path\n"
    )
    assert list(home.iterdir()) == []


# -- JSON and CSV -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("lived")
def test_json_is_one_document_with_exact_amounts_and_times_in_utc() -> None:
    done = process("history", "main", *ALL, "--until", "2026-01-14T00:00:00+00:00", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    runs = document.pop("history")
    assert document == {"account": "main", "since": "2026-01-13T00:00:00Z", "until": "2026-01-14T00:00:00Z"}
    assert [(one["first_at"], one["last_at"], one["polls"]) for one in runs] == [
        ("2026-01-13T10:05:00Z", "2026-01-13T10:15:00Z", 3),
        ("2026-01-13T10:20:00Z", "2026-01-13T10:25:00Z", 2),
        ("2026-01-13T13:25:00Z", "2026-01-13T13:25:00Z", 1),
    ]
    assert [one["failure"] for one in runs] == [None, {"kind": "unreachable", "reason": "no answer"}, None]
    assert runs[1]["reading"] is None
    assert runs[2]["reading"] == {
        "balance_usd": "4.068",
        "account_id": '5"2,',
        "available_credits": "3000",
        "available_points": None,
        "alert_threshold": None,
        "low_balance_alert": None,
        "updated_at": None,
    }
    assert run("history", "main", *ALL, "--format", "json").stdout.splitlines()[4:] == done.stdout.splitlines()[4:]


@pytest.mark.usefixtures("lived")
def test_json_of_a_time_without_polls_is_an_empty_list() -> None:
    document = json.loads(run("history", "main", "--since", "1h", "--json").stdout)
    assert document["history"] == []


@pytest.mark.usefixtures("lived")
def test_csv_has_the_first_and_the_last_poll_of_a_run_and_leaves_out_what_failed() -> None:
    result = run("history", "main", *ALL, "--format", "csv")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "time,balance_usd,account_id,available_credits,available_points,alert_threshold,low_balance_alert,updated_at,polls",
        "2026-01-13T10:05:00Z,72,,71000,1000,,,,1",
        "2026-01-13T10:15:00Z,72,,71000,1000,,,,2",
        '2026-01-13T13:25:00Z,4.068,"5""2,",3000,,,,,1',
    ]


def test_csv_gives_every_field_back_as_it_was(world: World) -> None:
    seen = reading(
        "-0.00000001",
        account_id="a\nb",
        available_credits="1e3",
        alert_threshold=10,
        low_balance_alert=True,
        updated_at=START - MINUTE,
    )
    world.sees(seen)
    (row,) = csv.DictReader(io.StringIO(run("history", "main", *ALL, "--format", "csv").stdout))
    assert Decimal(row["balance_usd"]) == seen.balance_usd
    assert (row["account_id"], row["available_credits"], row["available_points"]) == ("a\nb", "1000", "")
    assert (row["alert_threshold"], row["low_balance_alert"], row["polls"]) == ("10", "true", "1")
    assert datetime.fromisoformat(row["updated_at"]) == seen.updated_at


@pytest.mark.usefixtures("lived")
def test_csv_of_a_time_without_polls_is_the_header() -> None:
    (header,) = run("history", "main", "--since", "1h", "--format", "csv").stdout.splitlines()
    assert header.startswith("time,balance_usd,")


# -- a long one -------------------------------------------------------------------------------------------------------

LONG = 30_000


@pytest.fixture
def long(world: World) -> World:
    """Give a world with a hundred days of five-minute readings, each different from the one before."""
    rows = [
        {
            "account": "main",
            "first_at": START + place * 5 * MINUTE,
            "last_at": START + place * 5 * MINUTE,
            "polls": 1,
            "balance_usd": Decimal(LONG - place) / 100,
        }
        for place in range(LONG)
    ]
    with world.store.transaction() as tx:
        tx.execute(insert(schema.readings), rows)
    return world


@pytest.mark.usefixtures("long")
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_long_history_is_all_there_and_takes_no_more_memory_than_a_short_one(form: str) -> None:
    code = (
        "import sys\nfrom monitor.cli import main\n"
        "try: main()\n"
        "finally: print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0], file=sys.stderr)"
    )
    kilobytes = []
    for since in ("2026-01-13", "2026-04-26"):
        words = ["history", "main", "--since", since, "--until", "2026-06-01", "--format", form]
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=100, check=False
        )
        assert done.returncode == 0
        kilobytes.append(int(done.stderr))
        count = done.stdout.count("\n") if form != "json" else len(json.loads(done.stdout)["history"]) + 1
        assert count == (LONG + 1 if since == "2026-01-13" else 457)
    assert kilobytes[0] - kilobytes[1] < 7_000  # all of them at once would be twice that


def test_a_reader_who_pauses_holds_up_nobody(long: World) -> None:
    with subprocess.Popen([*HISTORY, *ALL, "--format", "csv"], stdout=subprocess.PIPE, text=True) as reading_on:
        assert reading_on.stdout is not None
        assert reading_on.stdout.readline().startswith("time,")
        long.reads(1)
        with closing(sqlite3.connect(long.folder / "monitor.db")) as other:
            (busy, _, _) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert (busy, reading_on.poll()) == (0, None)
        assert len(reading_on.stdout.readlines()) == LONG
    assert reading_on.returncode == 0


@pytest.mark.usefixtures("long")
def test_a_reader_who_leaves_early_is_no_trouble() -> None:
    for words in ("--format csv", "--json", ""):
        command = f"{' '.join([*HISTORY, *ALL])} {words} | head -n 2"
        done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False, timeout=60)
        assert (len(done.stdout.splitlines()), done.stderr) == (2, "")


def three() -> Iterator[Run]:
    for place in range(1, 4):
        at = START + place * DAY
        yield Run(first_at=at, last_at=at, polls=1, seen=Failure(Kind.UNREACHABLE, "no answer"))


def test_how_far_it_has_come_is_said_once_it_takes_long() -> None:
    said = {}
    for every in (0.0, 60.0):
        with Terminal() as terminal:
            progress = Progress(terminal.stream)
            assert len(list(watched(three(), UTC, progress, every=every))) == 3
            progress.clear()
        said[every] = terminal.shown
    assert said[60.0] == ""
    assert said[0.0].split("\r\x1b[K") == [
        *(f"up to 2026-01-{14 + n} 10:00:00 UTC ({n + 1} rows) …" for n in range(3)),
        "",
    ]


def test_progress_is_for_a_terminal_beside_a_file_and_not_for_one_that_a_pager_has(tmp_path: Path) -> None:
    read, write = os.pipe()
    with Terminal() as terminal, (tmp_path / "out").open("w") as file, os.fdopen(write, "w") as pipe:
        beside(file, terminal.stream).show("beside a file")
        for other in (pipe, terminal.stream, io.StringIO(), None):
            beside(other, terminal.stream).show("beside something else")
        beside(file, file).show("nobody reads it")
    os.close(read)
    assert terminal.shown == "beside a file"
    assert (tmp_path / "out").read_text() == ""
