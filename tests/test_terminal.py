"""What a person sees on a terminal of any size: each command in a real one, in a process of its own."""

import io
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from screenshots import CONFIG, FOLDER, live, read, steady, take
from shell import Api, Terminal, at_terminal, move_home, process
from test_pulse import beating
from ttys import Emulator, Page, Tty, shown
from world import OPS, World, reading

from monitor.cli.rows import listing
from monitor.cli.screen import Screen, of
from monitor.model import Failure, Kind
from monitor.store import life, outbox
from monitor.store.life import Life

Worlds = Callable[..., World]
HOUR = timedelta(hours=1)
CRITICAL = "1;37;41"
SILENT = Life(
    pid=1,
    version="1",
    started_at=datetime(2026, 1, 13, tzinfo=UTC),
    beat_at=datetime(2026, 1, 13, tzinfo=UTC),
    config="config.toml",
    accounts=1,
)
BRAILLE = re.compile("[\u2801-\u28ff]")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_home(tmp_path, monkeypatch)


def opened(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Let the commands find a world."""
    monkeypatch.setenv("BALANCE_MONITOR_CONFIG", str(world.folder / "config.toml"))
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
    return world


@pytest.fixture
def world(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a world of two hours ago with one account."""
    world = opened(worlds(), monkeypatch)
    world.now = datetime.now(UTC) - 2 * HOUR
    return world


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("week"), CONFIG, {})
    live(world, datetime.now(UTC))
    with world.store.transaction() as tx:
        life.write(tx, replace(life.read(tx) or SILENT, beat_at=world.now + HOUR))  # well until the last test
    yield world
    world.close()


@pytest.fixture
def week(lived: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give the week of three accounts that the pictures of the README show; nobody changes it."""
    return opened(lived, monkeypatch)


def see(*words: str, columns: int = 100, lines: int = 36, **environment: str) -> Page:
    code, page = shown(*words, columns=columns, lines=lines, **environment)
    assert code == 0, page.lines
    assert max(map(len, page.lines)) <= columns
    return page


def see_here(*words: str, columns: int) -> Page:
    """See the same of a command in this process, which takes less time."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", str(columns))
        code, sent = at_terminal(*words)
    assert code == 0
    emulator = Emulator(10_000)
    emulator.feed(sent.replace("\n", "\r\n"))
    return emulator.page


def look_of(page: Page, words: str) -> str:
    """Return the colours of words, as the terminal was told them."""
    row, line = next((row, line) for row, line in enumerate(page.lines) if words in line)
    return page.cells[row, line.index(words)][1]


# -- status -----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("week")
def test_status_shows_those_in_trouble_first_what_is_wrong_and_the_week_in_one_line_each() -> None:
    page = see("status")
    first, _, header, *rest = page.lines
    assert first == "● Healthy, up for 3 days and 3 hours (process 4711, /etc/balance-monitor/config.toml)."
    assert header.split("  ")[0] == "ACCOUNT"
    assert [line.split()[:2] for line in rest if line[:1].isalpha()][:3] == [
        ["render", "critical"],
        ["batch", "warning"],
        ["studio", "ok"],
    ]
    render, why, also, batch, _, snoozed = rest[:6]
    assert re.fullmatch(r"render   critical   \$\d\d\.\d\d    \$\d\d\.\d\d  \d\d hours  +\d+s ago  [▁-█]{28}", render)
    assert re.fullmatch(r"    about \d\d hours left \(at or below 2 days\), for \d[dh]", why)
    assert also.startswith("    warning: $2")
    assert snoozed.startswith("    snoozed up to warning, for 2 hours and 5")
    assert [line.index("$") + len("$42.00") for line in (render, batch)] == [26, 26]
    assert look_of(page, "critical") == CRITICAL
    failing = next(line for line in page.lines if line.startswith("mail     for 3"))
    assert page.cells[page.lines.index(failing), len("mail     ")][1] == "31"


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("columns", [20, 40, 60, 80, 120, 200])
def test_every_width_has_all_of_it_within_the_terminal(columns: int) -> None:
    for words in (
        ("status",),
        ("alerts",),
        ("history", "render"),
        ("history", "render", "--format", "table"),
    ):
        page = see_here(*words, columns=columns)
        assert max(map(len, page.lines)) <= columns
        said = " ".join(" ".join(page.lines).split())
        if words == ("status",):
            assert "render" in said
            assert "HTTP 503 Service Unavailable" in said
            assert "snoozed up to" in said
        if words == ("alerts",):
            assert "ops 2 hours" in said or "ops 3 hours" in said


def test_of_very_many_accounts_the_first_forty_are_shown_and_the_others_counted(
    worlds: Worlds, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"a{n:03}" for n in range(200)]
    tables = "".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n' for name in names)
    world = opened(worlds(tables + OPS), monkeypatch)
    world.now = datetime.now(UTC) - HOUR
    for place, name in enumerate(names):
        usd = 4 if place % 40 == 7 else 100
        seen = Failure(Kind.UNREACHABLE, "no answer") if name == "a150" else reading(usd)
        world.sees(seen, name, after=timedelta(0))
    page = see_here("status", columns=100)
    shown_first = [line.split()[0] for line in page.lines if line.startswith("a")]
    assert len(shown_first) == 40
    assert shown_first[:7] == ["a007", "a047", "a087", "a127", "a167", "a150", "a000"]
    assert "… and 160 that are fine: name accounts or give --all to see them" in page.lines
    assert len([line for line in see_here("status", "--all", columns=100).lines if line.startswith("a")]) == 200
    named = see_here("status", "a199", "a047", columns=100).lines
    assert [line.split()[0] for line in named if line.startswith("a")] == ["a047", "a199"]
    assert not [line for line in named if "…" in line]
    with Tty("status", "--watch", lines=20) as terminal:
        terminal.until(lambda: "Ctrl-C ends" in terminal.text, "the first look")
        lines = terminal.seen.page.lines
        assert len(lines) <= 20
        assert any(re.match(r"… and 1 more in trouble \(1 ", line) for line in lines) or "that are fine" in str(lines)
        terminal.press("\x03")
        assert terminal.end() == 0


def test_what_the_monitor_says_of_itself_stands_on_top_and_what_is_unknown_is_never_fine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sees(Failure(Kind.UNREACHABLE, "no answer"), after=timedelta(0))
    page = see("status")
    assert page.lines[0] == "● Not healthy: no daemon has run on this database yet."
    assert look_of(page, "●") == "31"
    row = next(line for line in page.lines if line.startswith("main"))
    assert row.split()[1:6] == ["unknown", "unknown", "unknown", "unknown", "never"]
    assert row.endswith("polls fail (unreachable: no answer), for 2h")
    monkeypatch.setenv("BALANCE_MONITOR_TIMEZONE", "UTC")
    world.reload('[accounts.main]\napi_key = "key-of-main-0001"\n' + OPS + '[channels.mail]\nurl_file = "gone"\n')
    assert any(line.startswith("monitor warning channel mail") for line in see("status").lines)


def test_a_daemon_that_goes_on_from_memory_is_said_to(world: World) -> None:
    world.reads(100)
    with world.store.transaction() as tx:
        life.write(tx, replace(SILENT, beat_at=world.now))
    with beating(world.folder / "monitor.db"):
        lines = see("status").lines
    assert lines[1] == "● The database cannot be used (the disk is full): all goes on from memory."
    assert lines[2].startswith("● What follows is as of 1 hour and 55 minutes ago")


def test_a_daemon_whose_disk_failed_before_it_wrote_of_itself_is_healthy_for_it_says_so(world: World) -> None:
    with beating(world.folder / "monitor.db"):
        lines = see("status").lines
    assert lines[:3] == [
        "● Healthy.",
        "● The database cannot be used (the disk is full): all goes on from memory.",
        "● What follows is from before its start.",
    ]


@pytest.mark.usefixtures("world")
def test_where_nothing_was_polled_yet_status_says_so() -> None:
    assert see("status").lines[-1] == "No account has been polled yet."


# -- watching ---------------------------------------------------------------------------------------------------------


def test_watch_draws_in_place_in_any_size_and_leaves_the_terminal_as_it_was(world: World) -> None:
    world.reads(100)
    with Tty("status", "--watch", columns=100) as terminal:
        terminal.until(lambda: "$100.00" in terminal.text, "the first look")
        assert (terminal.seen.is_other, terminal.seen.has_cursor) == (True, False)
        world.reads(4)
        terminal.until(lambda: "$4.00" in terminal.text, "what has changed")
        lines = terminal.seen.page.lines
        assert sum("main" in line for line in lines) == 1
        assert not any("$100.00" in line for line in lines)
        terminal.resize(50, 12)
        terminal.until(lambda: terminal.text.endswith("\x1b[J"), "the new size", seconds=10)
        assert max(map(len, terminal.seen.page.lines)) <= 50
        assert len(terminal.seen.page.lines) <= 12
        terminal.press("\x03")
        assert terminal.end() == 0
        left = terminal.seen
    assert terminal.text.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l")
    assert (left.is_other, left.has_cursor, left.wraps) == (False, True, True)
    assert "Traceback" not in terminal.text


def test_watch_gives_the_terminal_back_while_it_is_stopped_and_at_a_sigterm(world: World) -> None:
    world.reads(100)
    with Tty("status", "--watch") as terminal:
        terminal.until(lambda: "Ctrl-C ends" in terminal.text, "the first look")
        terminal.press("\x1a")
        terminal.until(lambda: terminal.text.endswith("\x1b[?1049l"), "the usual screen")
        terminal.process.send_signal(signal.SIGCONT)
        terminal.until(lambda: terminal.text.count("Ctrl-C ends") > 1, "another look")
        assert terminal.seen.is_other
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.end() == 0
        assert not terminal.seen.is_other


def test_trouble_while_watching_is_shown_in_its_place_and_may_pass(world: World) -> None:
    world.reads(100)
    path = world.folder / "monitor.db"
    with Tty("status", "--watch") as terminal:
        terminal.until(lambda: "$100.00" in terminal.text, "the first look")
        path.rename(path.with_suffix(".away"))
        terminal.until(lambda: "Error: there is no database at" in terminal.text, "the trouble")
        path.with_suffix(".away").rename(path)
        terminal.until(lambda: terminal.seen.page.lines[:1] and "Error" not in terminal.seen.page.lines[0], "its end")
        terminal.press("\x03")
        assert terminal.end() == 0


def test_a_terminal_that_only_prints_is_sent_no_controls_also_while_it_is_watched(world: World) -> None:
    world.reads(4)
    with Tty("status", "--watch", TERM="dumb") as terminal:
        terminal.until(lambda: terminal.text.count("$4.00") >= 4, "a second look")
        terminal.press("\x03")
        assert terminal.end() == 0
    assert "\x1b" not in terminal.text


# -- history ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("week")
def test_history_shows_the_latest_rows_and_a_chart_as_large_as_the_terminal() -> None:
    page = see("history", "render", columns=100, lines=36)
    lines = page.lines
    assert lines[0] == "… 299 earlier rows: --format table shows all of them"
    assert lines[1].split() == ["WHEN", "(UTC)", "POLLS", "BALANCE"]
    top = next(row for row, line in enumerate(lines) if line.startswith("render  $"))
    assert re.fullmatch(r"render  \$\d\d\.\d\d  critical  lasts about .* hours \(.*\)  read .* UTC", lines[top])
    assert len(lines) - top == 17
    assert len(lines) <= 35
    drawn = lines[top + 1 : -3]
    assert any("+$149 ▲" in line for line in drawn)
    assert sum("░" in line for line in drawn) >= 10
    assert sum(bool(BRAILLE.search(line)) for line in drawn) >= 9
    labels = [line.split()[0] for line in drawn if line[:5].strip()]
    assert labels[-2:] == ["$25", "$5"]
    assert lines[-1] == "╌╌ warning $25  ╌╌ critical $5  ▲ came in  ━━ warning alert  ▀▀ critical alert  ░░ no readings"
    assert look_of(page, "╌╌ warning") == "33"
    assert max(len(line) for line in drawn) == 100
    small = see("history", "render", columns=60, lines=20).lines
    assert max(len(line) for line in small) <= 60
    assert any(BRAILLE.search(line) for line in small)


@pytest.mark.usefixtures("week")
def test_where_only_ascii_is_known_nothing_else_is_sent() -> None:
    status, history = (see(*words, PYTHONIOENCODING="ascii") for words in (("status",), ("history", "render")))
    for page in (status, history):
        assert "".join(page.lines).isascii()
        assert "?" not in "".join(page.lines)
    assert any("****" in line for line in history.lines)


def test_rows_say_until_when_and_why_nothing_was_read(world: World) -> None:
    world.now = datetime(2026, 1, 13, 22, 0, tzinfo=UTC)
    world.reads(72, 72)
    world.fails(times=2, reason="no answer")
    world.sees(reading(60), after=HOUR)
    world.sees(reading(60), after=3 * HOUR)
    lines = see("history", "main", "--since", "2026-01-13", "--until", "2026-01-15").lines
    assert lines[:5] == [
        "WHEN (UTC)                       POLLS  BALANCE  FAILURE",
        "2026-01-13 22:05:00 to 22:10:00      2   $72.00",
        "2026-01-13 22:15:00 to 22:20:00      2  unknown  unreachable: no answer",
        "2026-01-13 23:20:00                  1   $60.00",
        "2026-01-14 02:20:00                  1   $60.00",
    ]
    (world.folder / "config.toml").write_text(
        'timezone = "Europe/Berlin"\n[accounts.main]\napi_key = "key-of-main-1"\n'
    )
    lines = see("history", "main", "--since", "2026-01-13", "--until", "2026-01-15").lines
    assert lines[0].startswith("WHEN (CET)")
    assert lines[1].startswith("2026-01-13 23:05:00 to 23:10:00")


def test_rows_of_before_clocks_changed_say_so(world: World) -> None:
    (world.folder / "config.toml").write_text(
        'timezone = "Europe/Berlin"\n[accounts.main]\napi_key = "key-of-main-1"\n'
    )
    world.now = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    world.reads(72)
    for _ in range(500):
        world.sees(reading(71))
    lines = see("history", "main", "--since", "2026-03-28", "--until", "2026-03-31").lines
    assert lines[0].startswith("WHEN (CEST)")
    assert lines[1].startswith("2026-03-28 13:05:00 CET ")
    assert lines[2].startswith("2026-03-28 13:10:00 to 03-30 07:45 ")


@pytest.mark.usefixtures("week")
def test_a_time_in_which_nothing_was_polled_is_said_in_a_sentence() -> None:
    (line,) = see("history", "render", "--since", "2020-01-01", "--until", "2020-01-02", columns=200).lines
    assert line.startswith(
        "No poll of render is recorded from 2020-01-01 00:00:00 UTC to 2020-01-02 00:00:00 UTC; the la"
    )


def test_where_nothing_was_read_there_is_a_table_and_no_chart(world: World) -> None:
    world.fails(times=2, reason="no answer")
    header, row = see("history", "main").lines
    assert row.endswith("2  unknown  unreachable: no answer")
    assert header.startswith("WHEN (UTC)")


# -- alerts, the outbox, channels, the demonstration ------------------------------------------------------------------


def test_alerts_are_a_table_where_there_is_room_and_a_block_each_where_there_is_none(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    world.heard()
    wide = see("alerts", columns=200).lines
    assert [line.split("  ")[0] for line in wide[-2:]] == ["ACCOUNT", "main"]
    assert wide[-1].index("$4.00 left") == wide[-2].index("WHAT")
    assert wide[-1].endswith("  ops 2 hours ago")
    narrow = see("alerts", columns=60).lines
    at = narrow.index("main  critical  worst critical  rule balance_usd")
    assert narrow[at + 1].startswith("  since 20")
    assert narrow[at + 2 :] == ["    $4.00 left (at or below $5.00)", "    told ops 2 hours ago"]


def test_the_outbox_has_the_title_below_each_message_where_it_is_narrow(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    with world.store.transaction() as tx:
        (message,) = (queued.message for queued in outbox.waiting(tx, "ops"))
        outbox.save_health(tx, replace(outbox.health(tx, "ops"), failures=1, failing_since=world.now))
    header, row, title = see("outbox", columns=60).lines
    assert header.split() == ["ID", "CHANNEL", "STATE", "DECIDED", "TRIES"]
    assert row.split()[:3] == [message.id[:8], "ops", "waiting"]
    assert title == "    [CRITICAL] main: $4.00 left (at or below $5.00)"
    assert see("outbox", columns=120).lines[1].endswith("      0  [CRITICAL] main: $4.00 left (at or below $5.00)")


def test_progress_stays_in_one_line_of_a_narrow_terminal(home: Path) -> None:
    with Api() as api:
        api.change(balance_usd=20)
        (home / "config.toml").write_text(api.settings())
        with Tty("wait", "main", "--at-least", "100", columns=40) as terminal:
            terminal.until(lambda: terminal.text.count("left, waiting") > 1, "progress")
            assert terminal.seen.page.row == 0
            assert terminal.seen.page.lines == ["main: $20.00 left, waiting for $100.00…"]
            terminal.press("\x03")
            assert terminal.end() == 1
            assert terminal.seen.page.lines[-1] == "Stopped."


@pytest.mark.slow
def test_the_demonstration_is_coloured_wraps_what_is_long_and_goes_on_after_the_story() -> None:
    with Tty("demo", "--speed", "400", columns=60) as terminal:
        terminal.until(lambda: "goes on watching" in terminal.text, "the end of the story", seconds=60)
        terminal.press("\x03")
        assert terminal.end() == 0
        page = terminal.seen.page
    assert look_of(page, "▶ [CRITICAL] main: ") == "31;1"
    told = [line for line in page.lines if line.startswith(" " * 9)]
    assert max(map(len, told)) <= 60
    assert page.lines[-1] == "Stopped."


# -- the README -------------------------------------------------------------------------------------------------------


def test_the_pictures_of_the_readme_are_small_and_say_what_the_program_says_now(worlds: Worlds) -> None:
    fresh = worlds(CONFIG, environ={})
    live(fresh, datetime.now(UTC))
    for name, page in take(fresh):
        picture = (FOLDER / f"{name}.png").read_bytes()
        assert len(picture) < 60_000
        assert steady(read(picture)) == steady(page.lines), "make pictures"
        assert f"docs/pictures/{name}.png" in (FOLDER.parent.parent / "README.md").read_text()


# -- how large it is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "size"),
    [
        ({}, (80, 24)),
        ({"COLUMNS": "120", "LINES": "50"}, (120, 50)),
        ({"COLUMNS": "0", "LINES": "many"}, (80, 24)),
        ({"COLUMNS": "5000"}, (80, 24)),
    ],
)
def test_a_terminal_that_does_not_say_is_of_the_usual_size(environ: dict[str, str], size: tuple[int, int]) -> None:
    for stream in (io.StringIO(), Terminal()):
        found = of(stream if isinstance(stream, io.StringIO) else stream.stream, environ)
        assert (found.width, found.height) == size
        if isinstance(stream, Terminal):
            with stream:
                assert found.unicode


def test_no_color_and_a_dumb_terminal_have_none() -> None:
    assert of(io.StringIO(), {}).colours
    assert not of(io.StringIO(), {"NO_COLOR": "1"}).colours
    assert of(io.StringIO(), {"NO_COLOR": ""}).colours
    assert not of(io.StringIO(), {"TERM": "dumb"}).colours


def test_what_is_empty_at_first_is_shown_below_a_row_once_it_is_not() -> None:
    parts = [[("a", "1", "")], [("b", "22222", "words"), ("c", "3", "")]]
    lines = list(listing(Screen(width=40, colours=False), ("ACCOUNT", "POLLS", "FAILURE"), parts))
    assert lines == ["ACCOUNT  POLLS", "a            1", "b        22222", "    words", "c            3"]


def test_what_has_wide_characters_is_aligned_as_it_is_seen() -> None:
    rows = [("東京", "1"), ("a", "2")]
    lines = list(listing(Screen(width=40, colours=False), ("ACCOUNT", "TRIES"), [rows]))
    assert lines == ["ACCOUNT  TRIES", "東京         1", "a            2"]


# -- what it costs ----------------------------------------------------------------------------------------------------


def test_piped_no_command_loads_rich(world: World) -> None:
    world.sees(reading(4), after=timedelta(0))
    code = (
        "import sys\nfrom monitor.cli import root\n"
        "for words in (['status'], ['history', 'main'], ['alerts', '--all'], ['outbox'], ['--help']):\n"
        "    try: root.main(words)\n"
        "    except SystemExit as end: assert end.code == 0\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("$4.00") >= 4
    assert "monitor.cli.outbox" in done.stderr.split()
    assert not {"rich", "pygments"} & set(done.stderr.split())


def test_a_pipe_gets_the_same_whatever_terminal_there_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sees(reading(4), after=timedelta(0))
    plain = process("status").stdout
    for name, value in (("COLUMNS", "30"), ("NO_COLOR", "1"), ("TERM", "dumb"), ("FORCE_COLOR", "1")):
        monkeypatch.setenv(name, value)
    changed = process("status").stdout
    assert "\tcritical\t$4.00\t" in plain
    assert re.sub(r"\d+ seconds?", "…", changed) == re.sub(r"\d+ seconds?", "…", plain)
