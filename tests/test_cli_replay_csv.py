"""CSV files as people have them: what is read, and how a mistake in one is said."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from shell import move_home, run

from monitor.cli import root, sheet
from monitor.model import Reading
from monitor.store.history import Run

CONFIG = "[accounts.main]\n[channels.ops]\n"
BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = move_home(tmp_path, monkeypatch)
    (home / "config.toml").write_text(CONFIG)
    return home


def runs(text: str, warnings: list[str] | None = None) -> list[Run]:
    Path("past.csv").write_bytes(text.encode())
    return list(sheet.runs("past.csv", BERLIN, (warnings if warnings is not None else []).append))


def times(text: str) -> list[str]:
    return [f"{one.last_at:%Y-%m-%d %H:%M:%S.%f}".removesuffix(".000000") for one in runs(text)]


# -- what is read -----------------------------------------------------------------------------------------------------


def test_columns_come_in_any_order_and_all_but_two_may_be_absent_or_empty() -> None:
    (one, two) = runs(
        "\ufeff Updated_At,low_balance_alert, balance_usd ,account_id,"
        "available_credits,available_points,alert_threshold,time\r\n"
        "2026-01-13T09:00:00Z,True,4.068,52,3000,1068.5,10,2026-01-13T10:00:00Z\r\n"
        "\r\n"
        ',, -1 ,"a ""b"", c",,,,2026-01-13 11:05:00+00:00\r\n'
    )
    assert one.seen == Reading(
        balance_usd=Decimal("4.068"),
        account_id="52",
        available_credits=Decimal(3000),
        available_points=Decimal("1068.5"),
        alert_threshold=Decimal(10),
        low_balance_alert=True,
        updated_at=datetime(2026, 1, 13, 9, tzinfo=UTC),
    )
    assert two.seen == Reading(balance_usd=Decimal(-1), account_id='a "b", c')
    assert (two.first_at, two.last_at, two.polls) == (two.last_at, datetime(2026, 1, 13, 11, 5, tzinfo=UTC), 1)


def test_a_time_is_iso_8601_or_in_seconds_since_1970_and_without_an_offset_in_the_configured_zone() -> None:
    rows = [
        "1768298400",
        "1768298400.25",
        "2026-01-13T12:00:00+01:00",
        "2026-01-13 12:05",
        "20260113T111000Z",
        "2026-01-14",
    ]
    assert times("time,balance_usd\n" + "".join(f"{row},1\n" for row in rows)) == [
        "2026-01-13 10:00:00",
        "2026-01-13 10:00:00.250000",
        "2026-01-13 11:00:00",
        "2026-01-13 11:05:00",
        "2026-01-13 11:10:00",
        "2026-01-13 23:00:00",
    ]


def test_in_the_hour_that_clocks_show_twice_the_order_says_which_is_meant() -> None:
    rows = ["2026-10-25 01:30", "2026-10-25 02:30", "2026-10-25 02:00", "2026-10-25 02:30", "2026-10-25 03:00"]
    found = times("time,balance_usd\n" + "".join(f"{row},1\n" for row in rows))
    assert [one[11:] for one in found] == ["23:30:00", "00:30:00", "01:00:00", "01:30:00", "02:00:00"]


def test_polls_between_rows_that_are_alike_are_counted_and_between_others_nothing_is_known() -> None:
    found = runs(
        "time,balance_usd,polls\n2026-01-13T10:00Z,5,3\n2026-01-13T10:20Z,5,4\n2026-01-13T10:40Z,4,4\n2026-01-13T10:45Z,4,\n"
    )
    assert [(one.polls, one.last_at - one.first_at) for one in found] == [
        (1, 0 * MINUTE),
        (4, 15 * MINUTE),
        (1, 0 * MINUTE),
        (1, 0 * MINUTE),
    ]
    assert found[1].first_at == datetime(2026, 1, 13, 10, 5, tzinfo=UTC)


def test_two_rows_of_the_same_moment_are_two_polls() -> None:
    assert len(runs("time,balance_usd\n2026-01-13T10:00Z,5\n2026-01-13T10:00Z,4\n")) == 2


def test_a_column_that_means_nothing_is_left_out_and_said() -> None:
    warnings: list[str] = []
    assert len(runs("time,balance_usd,note,available_credit,note\n2026-01-13T10:00Z,5,x,1,y\n", warnings)) == 1
    assert warnings == [
        "past.csv: the column 'note' is not used",
        "past.csv: the column 'available_credit' is not used: did you mean available_credits?",
        "past.csv: the column 'note' is not used",
    ]
    result = run("replay", "main", "--csv", "past.csv")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (0, f"warning: {warnings[0]}")


def test_standard_input_is_read_with_a_dash() -> None:
    text = "time,balance_usd\n2026-01-13T10:00Z,4\n"
    result = CliRunner().invoke(root, ["replay", "main", "--csv", "-"], input=text)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "[CRITICAL] main: $4.00 left" in result.stdout
    result = CliRunner().invoke(root, ["replay", "main", "--csv", "-"], input=text + "x,4\n")
    assert result.stderr.startswith("Error: standard input, line 3: time 'x': not a time: ")


def test_a_window_of_a_file_is_what_is_asked_for_and_rows_before_it_are_known(home: Path) -> None:
    (home / "past.csv").write_text("time,balance_usd\n2026-01-13,4\n2026-01-14,60\n2026-01-15,4\n2030-01-01,60\n")
    words = ("replay", "main", "--csv", "past.csv")
    assert run(*words).stdout.splitlines()[-1].startswith("4 messages in 1449 days (4 polls): ")
    shown = run(*words, "--since", "2026-01-14", "--until", "2026-01-16").stdout.splitlines()
    assert shown[1].endswith("[INFO] main: went up by at least $56.00, from $4.00 to $60.00")
    assert shown[-1].startswith("2 messages in 1 day (2 polls): ")


# -- mistakes ---------------------------------------------------------------------------------------------------------

TIME = 'not a time: write it like "2026-01-13T10:00:00Z", or in seconds since 1970'
NUMBER = "not an amount: write a finite number of at most 20 digits, such as 25 or 4.50"
FIRST = "the first line names the columns, such as time,balance_usd"
LONG = "1" * 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", f"line 1: no column is named time: {FIRST}"),
        (b"\n", f"line 1: no column is named time: {FIRST}"),
        (b"when,balance_usd\n", f"line 1: no column is named time: {FIRST}"),
        (b"time;balance_usd\n", f"line 1: no column is named time: {FIRST}"),
        (b"time,balance\n", f"line 1: no column is named balance_usd: {FIRST}"),
        (b"time,balance_usd,Time\n", "line 1: two columns are named time: leave one of them out"),
        (b"time,balance_usd\nyesterday,4\n", f"line 2: time 'yesterday': {TIME}"),
        (b"time,balance_usd\n,4\n", f"line 2: time '': {TIME}"),
        (b"time,balance_usd\n1768298400000,4\n", f"line 2: time '1768298400000': {TIME}"),
        (b"time,balance_usd\n0001-01-01T00:00:00Z,4\n", f"line 2: time '0001-01-01T00:00:00Z': {TIME}"),
        (
            b"time,balance_usd\n2026-01-13,\n",
            "line 2: balance_usd is empty: leave out the rows of polls that brought no balance",
        ),
        (b"time,balance_usd\n2026-01-13,$4\n", f"line 2: balance_usd '$4': {NUMBER}"),
        (b"time,balance_usd\n2026-01-13,NaN\n", f"line 2: balance_usd 'NaN': {NUMBER}"),
        (b"time,balance_usd\n2026-01-13," + LONG.encode() + b"\n", f"line 2: balance_usd '{LONG[:40]}…': {NUMBER}"),
        (
            b"time,balance_usd\n2026-01-13,1000000000001\n",
            "line 2: balance_usd '1000000000001': an amount beyond 10^12",
        ),
        (
            b"time,balance_usd\n2026-01-13,4,5\n",
            "line 2: 3 values in 2 columns: write one for each, if only an empty one",
        ),
        (b"time,balance_usd\n2026-01-13\n", "line 2: 1 values in 2 columns: write one for each, if only an empty one"),
        (
            b"time,balance_usd,polls\n2026-01-13,4,0\n",
            "line 2: polls '0': write how many polls there were since the row before, or nothing",
        ),
        (
            b"time,balance_usd,low_balance_alert\n2026-01-13,4,yes\n",
            "line 2: low_balance_alert 'yes': write true or false, or nothing",
        ),
        (b"time,balance_usd,updated_at\n2026-01-13,4,now\n", f"line 2: updated_at 'now': {TIME}"),
        (
            b"time,balance_usd\n2026-01-13,4\n2026-01-12,4\n",
            "line 3: '2026-01-12' is earlier than the row before: sort the rows by time",
        ),
        (b'time,balance_usd\n2026-01-13,"4\n', "line 2: unexpected end of data: correct the line"),
        (b"time,balance_usd\n2026-01-13,4\xff\n", "is not UTF-8: save it as CSV in UTF-8"),
        (b"\x1f\x8b\x08\x00gzip", "is not UTF-8: save it as CSV in UTF-8"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_mistake_is_one_sentence_with_the_file_and_the_line(
    text: bytes, said: str, more: tuple[str, ...], home: Path
) -> None:
    (home / "past.csv").write_bytes(text)
    result = run("replay", "main", "--csv", "past.csv", *more)
    assert (result.exit_code, result.stdout) == (2, "")
    joint = ": " if said.startswith("is not") else ", "
    assert result.stderr == f"Error: past.csv{joint}{said}\n"


def test_a_file_that_cannot_be_opened_is_said(home: Path) -> None:
    (home / "past.csv").symlink_to("past.csv")
    result = run("replay", "main", "--csv", "past.csv")
    said = "past.csv: Too many levels of symbolic links: name a CSV file, or - for standard input"
    assert (result.exit_code, result.stderr) == (2, f"Error: {said}\n")


# -- a long one -------------------------------------------------------------------------------------------------------


def test_a_long_file_takes_no_more_memory_than_a_short_one(home: Path) -> None:
    code = (
        "import sys\nfrom monitor.cli import main\n"
        "try: main()\n"
        "finally: print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0], file=sys.stderr)"
    )
    kilobytes = []
    for length in (500, 30_000):
        with (home / "past.csv").open("w") as file:
            file.write("time,balance_usd,account_id\n")
            file.writelines(f"{1768298400 + 300 * n},{100_000 - n},{n // 29_000}\n" for n in range(length))
        words = [sys.executable, "-c", code, "replay", "main", "--csv", "past.csv"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
        assert f" ({length:,} polls): " in done.stdout or f" ({length:,} polls).\n" in done.stdout
        kilobytes.append(int(done.stderr))
    assert kilobytes[1] - kilobytes[0] < 7_000  # all of it at once would be twice that
