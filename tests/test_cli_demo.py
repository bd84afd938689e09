"""``demo``: one whole story, told once and looked at from many sides; and the ways in which it can end."""

import asyncio
import itertools
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from shell import Terminal, run

from monitor import demo as story
from monitor.cli import root
from monitor.cli.demo import close, show
from monitor.demo import Ending, Kind, Line, bar, level_of
from monitor.model import Level

SPEED = 300


@dataclass(frozen=True)
class Told:
    """What a run of ``demo --once`` came to."""

    code: int
    output: str
    errors: str
    seconds: float
    left: list[str]

    @property
    def titles(self) -> list[str]:
        return re.findall(r"▶ (.*)", self.output)


@pytest.fixture(scope="module", autouse=True)
def _log_as_it_was() -> Iterator[None]:
    root_logger, ours = logging.getLogger(), logging.getLogger("monitor")
    handlers, level, our_level = list(root_logger.handlers), root_logger.level, ours.level
    yield
    root_logger.handlers[:] = handlers
    root_logger.setLevel(level)
    ours.setLevel(our_level)
    logging.captureWarnings(capture=False)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    folder = tmp_path_factory.mktemp("demo")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    began = time.monotonic()
    try:
        result = CliRunner().invoke(root, ["demo", "--once", "--speed", str(SPEED)])
    finally:
        tempfile.tempdir = before
    seconds = time.monotonic() - began
    return Told(result.exit_code, result.stdout, result.stderr, seconds, [path.name for path in folder.iterdir()])


def test_once_ends_with_exit_0_within_a_minute_at_the_default_speed(told: Told) -> None:
    assert told.code == 0
    assert told.seconds * SPEED / story.SPEED < 60


def test_it_tells_a_warning_the_outage_a_critical_and_a_recovery_in_that_order(told: Told) -> None:
    shapes = [
        r"\[WARNING\] main: \$2\d\.\d\d left \(at or below \$25\.00\)",
        r"\[WARNING\] main: no reading for [3-9] minutes.* \(HTTP 503: Service Unavailable\)",
        r"\[OK\] main: readings again, after \d+ minutes.* without",
        r"\[CRITICAL\] main: \$[0-4]\.\d\d left \(at or below \$5\.00\)",
        r"\[OK\] main: \$(9\d|10\d)\.\d\d left \(above \$25\.00\) \(and 1 more\)",
    ]
    assert len(told.titles) == len(shapes)
    for title, shape in zip(told.titles, shapes, strict=True):
        assert re.fullmatch(shape, title), title


def test_the_messages_are_whole_and_the_times_of_the_story_agree(told: Told) -> None:
    assert "│ Rule balance_usd: critical, worse than before (warning)." in told.output
    assert re.search(r"│ \[INFO\] main: went up by \$9\d\.\d\d, from \$\d\.\d\d to \$\d+\.\d\d", told.output)
    assert "│ Polls fail now: HTTP 503: Service Unavailable." in told.output
    clocks = re.findall(r"^  (\d\d):(\d\d)  ", told.output, re.MULTILINE)
    minutes = [int(hour) * 60 + int(minute) for hour, minute in clocks]
    passed = [(after - before) % 1440 for before, after in itertools.pairwise(minutes)]
    assert max(passed) < 30  # never backwards
    assert 50 <= sum(passed) <= 75
    read = re.findall(r"read \d{4}-\d\d-\d\d (\d\d):(\d\d):\d\d UTC", told.output)
    assert len(read) == len(told.titles)
    assert all(((int(h) * 60 + int(m)) - minutes[0]) % 1440 <= sum(passed) for h, m in read)


def test_it_shows_the_balance_falling_and_what_is_not_known_as_not_known(told: Told) -> None:
    bars = re.findall(r"\$(\d+\.\d\d)  (█*)░*$", told.output, re.MULTILINE)
    assert len(bars) > 10
    assert Decimal(bars[0][0]) > 50
    assert "?  no reading: HTTP 503: Service Unavailable" in told.output


def test_piped_it_is_plain_and_no_log_line_is_among_it(told: Told) -> None:
    assert "\x1b" not in told.output
    assert told.errors == ""
    assert told.output.startswith(f"An hour in the life of an account, {SPEED} times as fast.")
    assert told.output.endswith("Now with your own key: balance-monitor config init\n")
    assert max(len(line) for line in told.output.splitlines()) <= 110


def test_it_leaves_nothing_behind(told: Told) -> None:
    assert told.left == []


@pytest.mark.parametrize("words", [(), ("--once",)])
def test_ctrl_c_ends_it_cleanly(tmp_path: Path, words: tuple[str, ...]) -> None:
    command = [sys.executable, "-u", "-m", "monitor", "demo", *words]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment) as playing:
        assert playing.stdout is not None
        while "$5" not in playing.stdout.readline():
            pass
        assert [path.name for path in tmp_path.iterdir()] != []
        began = time.monotonic()
        playing.send_signal(signal.SIGINT)
        output, errors = playing.communicate(timeout=20)
    assert time.monotonic() - began < 8
    if words:  # the story was to be told to its end
        assert (playing.returncode, errors) == (1, "Error: stopped before the end of the story\n")
    else:
        assert (playing.returncode, errors) == (0, "")
        assert output.endswith("\nStopped.\n")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_before_the_daemon_runs_ends_it_cleanly_too(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys, monitor.demo\n"
        "from monitor.cli import demo, main\n"
        "os.environ['TMPDIR'] = sys.argv[1]\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.01)\n"
        "signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))\n"
        "sys.argv[1:] = ['demo']; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False, timeout=30
    )
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])  # the latter: its terminal was closed
def test_a_signal_stops_a_story_without_end_and_it_says_so(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def stopped() -> Ending:
        asyncio.get_running_loop().call_later(1.0, signal.raise_signal, number)
        return await story.play(lambda _: None)

    assert asyncio.run(stopped()) is Ending.STOPPED
    assert list(tmp_path.iterdir()) == []


def test_a_story_that_takes_too_long_is_cut_short() -> None:
    lines: list[Line] = []
    assert asyncio.run(story.play(lines.append, once=True, patience=0.6)) is Ending.CUT_SHORT
    assert lines[0].kind is Kind.START
    assert lines[0].text.startswith("polling http://127.0.0.1:")


def test_each_ending_has_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    close(Ending.STOPPED, once=False)
    assert capsys.readouterr() == ("\nStopped.\n", "")
    close(Ending.WHOLE, once=True, kept="a warning")
    assert "That was the whole story" in capsys.readouterr().out
    with pytest.raises(click.ClickException, match="stopped before the end of the story"):
        close(Ending.STOPPED, once=True)
    with pytest.raises(click.ClickException, match="run it again with a lower --speed"):
        close(Ending.CUT_SHORT, once=True, kept="what went wrong\n")
    assert capsys.readouterr() == ("", "what went wrong\n")


def test_on_a_terminal_each_level_has_its_colour() -> None:
    with Terminal() as terminal:
        for line in (
            Line("10:00", Kind.START, None, "polling"),
            Line("10:01", Kind.POLL, Level.OK, "$60.00"),
            Line("10:02", Kind.POLL, None, "no reading"),
            Line("10:03", Kind.TITLE, Level.CRITICAL, "[CRITICAL] main: low"),
            Line("", Kind.BODY, Level.CRITICAL, "Rule balance_usd: critical."),
            Line("", Kind.BODY, Level.CRITICAL, ""),
            Line("10:04", Kind.POLL, None, "        ?  no reading: " + "a reason " * 9),
            Line("10:05", Kind.POLL, Level.OK, "  $72.00  " + "█" * 80),
            Line("10:06", Kind.PAGE, None, "http://127.0.0.1:8080/"),
        ):
            with click.Context(root).scope():
                _show_on(terminal, line)
    assert click.unstyle(terminal.shown).splitlines() == [
        "  10:00  polling",
        "  10:01  $60.00",
        "  10:02  no reading",
        "  10:03  ▶ [CRITICAL] main: low",
        "         │ Rule balance_usd: critical.",
        "         │ ",
        "  10:04          ?  no reading: a reason a reason a reason a reason a reason a",
        "                 reason a reason a reason a reason",
        "  10:05    $72.00  " + "█" * 61,
        "  10:06  look at it: http://127.0.0.1:8080/",
    ]
    assert "\x1b[31m\x1b[1m▶ [CRITICAL] main: low\x1b[0m" in terminal.shown


def _show_on(terminal: Terminal, line: Line) -> None:
    before, sys.stdout = sys.stdout, terminal.stream
    try:
        show(line)
    finally:
        sys.stdout = before


@pytest.mark.parametrize(
    ("balance", "full", "level"),
    [
        ("-3", 0, Level.CRITICAL),
        ("5", 2, Level.CRITICAL),
        ("25", 11, Level.WARNING),
        ("25.01", 11, Level.OK),
        ("100", 44, Level.OK),
        ("250", 44, Level.OK),
    ],
)
def test_a_balance_is_a_bar_of_up_to_a_hundred_dollars(balance: str, full: int, level: Level) -> None:
    drawn = bar(Decimal(balance))
    assert drawn.count("█") == full
    assert drawn.count("░") == 44 - full
    assert level_of(Decimal(balance)) is level


@pytest.mark.parametrize("speed", ["0", "601", "fast"])
def test_a_speed_beyond_reason_is_wrong_use(speed: str) -> None:
    result = run("demo", "--speed", speed)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: Invalid value for '--speed': ")
