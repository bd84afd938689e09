"""The log: one event a line in every format, no secret in any of them, and nothing that it is given can break it."""

import base64
import io
import json
import logging
import os
import pty
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from monitor import log
from monitor.model import Kind, Level

FORMATS = ["json", "console", "journal"]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Give logging back to pytest as it was."""
    root, ours = logging.getLogger(), logging.getLogger("monitor")
    before, level, our_level = list(root.handlers), root.level, ours.level
    logging.captureWarnings(capture=False)
    yield
    root.handlers[:] = before
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.captureWarnings(capture=False)
    log.hide(())
    structlog.contextvars.clear_contextvars()


def start(format: str = "json", *, level: str = "info", stream: TextIO | None = None, **environ: str) -> io.StringIO:  # noqa: A002 - as in setup
    out = io.StringIO()
    root = logging.getLogger()  # pytest's handlers raise where ours must not
    root.handlers[:] = [handler for handler in root.handlers if type(handler).__module__.startswith("monitor")]
    log.setup(level=level, format=format, stream=stream or out, environ=environ)
    return out


def only(out: io.StringIO) -> dict[str, Any]:
    (line,) = out.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


# Formats


def test_a_json_line_has_time_level_event_and_then_the_keys_in_order() -> None:
    out = start()
    before = datetime.now(UTC).replace(microsecond=0)
    log.get().info("delivered", channel="ops", attempt=2)
    line = only(out)
    assert list(line) == ["time", "level", "event", "channel", "attempt"]
    assert line == {"time": line["time"], "level": "info", "event": "delivered", "channel": "ops", "attempt": 2}
    assert line["time"].endswith("Z")
    assert len(line["time"]) == len("2026-01-01T00:00:00.000Z")
    assert before <= datetime.fromisoformat(line["time"])


def test_a_console_line_reads_well_and_has_no_colour_off_a_terminal() -> None:
    out = start("console")
    log.get().warning("rule fired", account="main", said="two words", empty="", amount=Decimal("4.20"), none=None)
    when, rest = out.getvalue().split(" ", 1)
    assert when.endswith("Z")
    assert rest == 'warning  rule fired account=main said="two words" empty="" amount=4.20 none=null\n'


@pytest.mark.parametrize(
    ("level", "number"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3), ("critical", 2)]
)
def test_a_journal_line_begins_with_its_priority(level: str, number: int) -> None:
    out = start("journal", level="debug")
    getattr(log.get(), level)("delivered", channel="ops")
    assert out.getvalue() == f"<{number}>delivered channel=ops\n"


def test_bound_keys_and_context_are_in_the_line() -> None:
    out = start()
    structlog.contextvars.bind_contextvars(poll=7)
    log.get("monitor.poll").bind(account="main").info("polled")
    line = only(out)
    assert (line["poll"], line["account"], line["logger"]) == (7, "main", "monitor.poll")


def test_keys_named_like_a_field_do_not_replace_it() -> None:
    out = start()
    log.get().info("changed", level="critical", time="now", exception="x", logger="y")
    line = only(out)
    assert line["level"] == "info"
    assert (line["level_"], line["time_"], line["exception_"], line["logger_"]) == ("critical", "now", "x", "y")


class Colour(Enum):
    RED = 1


class Unspeakable:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def deep() -> list[Any]:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


LOOP: list[Any] = []
LOOP.append(LOOP)


VALUES: list[tuple[object, object]] = [
    (Decimal("4.20"), "4.20"),
    (Decimal("0.1000000000000000000000000001"), "0.1000000000000000000000000001"),
    (Decimal("NaN"), "NaN"),
    (float("nan"), "nan"),
    (float("-inf"), "-inf"),
    ([float("nan"), {"a": float("inf")}], ["nan", {"a": "inf"}]),
    (1.5, 1.5),
    (True, True),
    (None, None),
    (2**64, "0x10000000000000000"),
    (10**5000, hex(10**5000)),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05+00:00"),
    (date(2026, 1, 2), "2026-01-02"),
    (timedelta(minutes=5), 300.0),
    (Kind.REFUSED, "refused"),
    (Level.CRITICAL, "critical"),
    (Colour.RED, "red"),
    (b"a\xffb", "a\\xffb"),
    ({1: (2, {3})}, {"1": [2, [3]]}),
    (Path("/var"), "/var"),
    ("\ud800", "\ud800"),
    ("\x7f", "\x7f"),
    (Unspeakable(), "<Unspeakable that cannot be shown>"),
    ([Unspeakable()], "<list that cannot be shown>"),
    (deep(), "<list that cannot be shown>"),
    (LOOP, [[[[[[[["[[...]]"]]]]]]]]),
]


@pytest.mark.parametrize(("value", "shown"), VALUES, ids=[f"value{number}" for number in range(len(VALUES))])
def test_every_value_has_an_exact_form_in_json(value: object, shown: object) -> None:
    out = start()
    log.get().info("x", value=value)
    assert only(out)["value"] == shown


@pytest.mark.parametrize("format_", FORMATS)
@given(
    event=st.text(),
    value=st.recursive(
        st.one_of(st.text(), st.floats(), st.decimals(), st.integers(), st.binary(), st.none(), st.booleans()),
        lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
        max_leaves=5,
    ),
)
def test_one_event_is_one_line_whatever_is_in_it(format_: str, event: str, value: object) -> None:
    out = start(format_)
    log.get().info(event, value=value)
    text = out.getvalue()
    assert text.endswith("\n")
    assert len(text.splitlines()) == 1
    assert text[:-1].isprintable()
    if format_ == "json":
        json.loads(text, parse_constant=pytest.fail)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("evil", ["a\nINFO forged", "a\r\nb", "a\u2028b", "a\x85b", "\x1b[2J", "\x00", "\u202eabc"])
def test_nothing_logged_forges_a_line_or_steers_the_terminal(format_: str, evil: str) -> None:
    out = start(format_)
    log.get().info(evil, key=evil, nested=[evil, {evil: evil}], **{evil: 1})
    logging.getLogger("httpx").warning("got %s", evil)
    text = out.getvalue()
    assert len(text.splitlines()) == 2
    assert text.replace("\n", "").isprintable()


def test_the_console_is_coloured_on_a_terminal_unless_the_user_says_no() -> None:
    for environ, coloured in [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ]:
        with on_terminal() as (stream, read):
            start("auto", stream=stream, **environ)
            log.get().error("broken", key="v")
            text = read()
        assert ("\x1b[31merror" in text) == coloured, environ
        assert text.endswith(" key=v\r\n")


class on_terminal:  # noqa: N801 - reads like a function
    """A stream that leads to a terminal, and a function that reads what it shows."""

    def __enter__(self) -> tuple[TextIO, Callable[[], str]]:
        self._ours, theirs = pty.openpty()
        self._stream = os.fdopen(theirs, "w", encoding="utf-8")
        return self._stream, lambda: os.read(self._ours, 10_000).decode()

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        os.close(self._ours)


def test_auto_is_the_journal_where_the_stream_is_the_journals_and_json_elsewhere(tmp_path: Path) -> None:
    for named, format_ in [("{device}:{inode}", "journal"), ("1:2", "json"), ("", "json")]:
        with (tmp_path / "out").open("w+") as stream:
            status = os.fstat(stream.fileno())
            start("auto", stream=stream, JOURNAL_STREAM=named.format(device=status.st_dev, inode=status.st_ino))
            log.get().info("hello")
            stream.seek(0)
            assert (stream.read() == "<6>hello\n") == (format_ == "journal")
    out = start("auto", JOURNAL_STREAM="1:2")  # this one has no device and no inode: the name alone must do
    log.get().info("hello")
    assert out.getvalue() == "<6>hello\n"


def test_without_the_journal_and_a_terminal_auto_is_json() -> None:
    out = start("auto")
    log.get().info("hello")
    assert only(out)["event"] == "hello"


# Levels, libraries, warnings, reload


def test_our_level_holds_for_us_and_libraries_are_heard_from_warning_up() -> None:
    for level, ours in [("debug", ["debug", "info", "error"]), ("info", ["info", "error"]), ("critical", [])]:
        out = start(level=level)
        for mine in ("debug", "info", "error"):
            getattr(log.get("monitor.poll"), mine)(mine)
        names = [
            "paho.x",
            "httpx",
            "httpcore",
            "urllib3",
            "apscheduler",
            "sqlalchemy",
            "alembic",
            "asyncio",
            "mail.log",
        ]
        for name in names:
            loud = logging.getLogger(name)
            loud.setLevel(logging.DEBUG)
            loud.info("info of %s", name)
            loud.warning("warning of %s", name)
            loud.setLevel(logging.NOTSET)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        assert [line["event"] for line in lines] == [*ours, *(f"warning of {name}" for name in names)]
        assert [line["logger"] for line in lines][len(ours) :] == names


def test_a_reload_changes_level_format_and_stream_also_for_loggers_already_in_use() -> None:
    logger = log.get()
    bound = logger.bind(account="main")
    first = start("json", level="info")
    logger.debug("unheard")
    logger.info("one")
    second = start("journal", level="debug")
    logger.debug("two")
    bound.debug("three")
    assert len(logging.getLogger().handlers) == 1
    assert [json.loads(line)["event"] for line in first.getvalue().splitlines()] == ["one"]
    assert second.getvalue() == "<7>two\n<7>three account=main\n"


def test_python_warnings_are_lines_of_the_log() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        out = start()
        warnings.warn("old thing", DeprecationWarning, stacklevel=1)
    line = only(out)
    assert (line["level"], line["logger"]) == ("warning", "py.warnings")
    assert "DeprecationWarning: old thing" in line["event"]


def test_levels_of_libraries_that_we_do_not_know_count_as_the_next_lower_one() -> None:
    out = start()
    logging.getLogger("lib").log(41, "odd")
    assert only(out)["level"] == "error"


def test_a_library_that_logs_badly_is_still_heard() -> None:
    out = start()
    logging.getLogger("lib").warning("%d of them", "many")
    logging.getLogger("lib").warning("%s", Unspeakable())
    first, second = (json.loads(line)["event"] for line in out.getvalue().splitlines())
    assert first == "%d of them ['many']"
    assert second == "%s <tuple that cannot be shown>"


def test_before_setup_a_warning_is_heard_and_nothing_breaks() -> None:
    program = "from monitor import log; l = log.get(); l.info('quiet'); l.warning('loud', key=1); log.redact('x')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("", "loud\n")


# Errors


def fail(secret: str) -> None:
    local = secret + "-local"
    raise ValueError(f"bad {len(local)}\n<3>2026-01-01 forged")


@pytest.mark.parametrize("format_", FORMATS)
def test_a_traceback_is_there_without_the_values_of_local_variables(format_: str) -> None:
    out = start(format_)
    try:
        fail("topsecretvalue")
    except ValueError:
        log.get().exception("poll crashed", account="main")
        logging.getLogger("asyncio").exception("task crashed")
    text = out.getvalue()
    assert text.count("ValueError: bad") == 2
    assert text.count("Traceback (most recent call last)") == 2
    assert "in fail" in text
    assert "topsecretvalue" not in text.replace('fail("topsecretvalue")', "").replace(r"fail(\"topsecretvalue\")", "")


def test_every_line_of_a_traceback_in_the_journal_has_the_priority_and_is_indented() -> None:
    out = start("journal")
    try:
        fail("x")
    except ValueError as error:
        log.get().error("poll crashed", exc_info=error)
    first, *rest = out.getvalue().splitlines()
    assert first == "<3>poll crashed"
    assert len(rest) > 4
    assert all(line.startswith("<3>  ") for line in rest)
    assert rest[-1] == "<3>  <3>2026-01-01 forged"


def test_a_traceback_in_json_is_one_field() -> None:
    out = start()
    try:
        fail("x")
    except ValueError:
        log.get().exception("poll crashed")
    assert only(out)["exception"].splitlines()[0] == "Traceback (most recent call last):"


def test_without_an_error_there_is_no_traceback() -> None:
    out = start()
    log.get().error("no error here", exc_info=True)
    log.get().error("nor here", exc_info=None)
    assert "exception" not in out.getvalue()


def test_a_stack_is_shown_on_request() -> None:
    out = start()
    logging.getLogger("lib").warning("where", stack_info=True)
    assert "test_a_stack_is_shown_on_request" in only(out)["exception"]


class BrokenError(Exception):
    @property
    def __cause__(self) -> BaseException:  # type: ignore[override]
        raise RuntimeError("no")


def test_an_error_that_is_broken_itself_is_named() -> None:
    out = start()
    log.get().error("crashed", exc_info=BrokenError())
    assert only(out)["exception"] == "BrokenError that cannot be shown"


# Secrets

ODD = "s3cr\"et/with ü&<>'\\ and +%"


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize(
    "secret", ["sk-0123456789abcdef", ODD, "päßwörter", "new\nline\tsecret", "quo'te-secret", 'dq"-secret']
)
def test_a_secret_is_hidden_in_every_line_and_notation(format_: str, secret: str) -> None:
    log.hide([secret])
    out = start(format_)
    notations: list[object] = [
        secret,
        f"key={secret};",
        {"deep": [secret, {secret: secret}]},
        repr(secret),
        repr([secret]),
        repr(secret.encode()),
        json.dumps(secret),
        json.dumps(json.dumps(secret)),
        json.dumps({"a": secret}, ensure_ascii=False),
        quote(secret),
        quote(secret, safe=""),
        quote(quote(secret, safe=""), safe=""),
        re.sub("%..", lambda code: code[0].lower(), quote(secret, safe="")),
        base64.b64encode(f"user:{secret}".encode()).decode(),
        quote_plus(secret),
        secret.encode(),
    ]
    for value in notations:
        log.get().warning("value", value=value)
        log.get().warning(f"event {value}")
        logging.getLogger("httpx").warning("GET %s", value)
        log.get().error("crashed", exc_info=ValueError(value))
    text = out.getvalue()
    assert text.count("********") >= 4 * len(notations)
    for piece in (secret, "0123456789", "s3cr", "wörter", "w\\u00f6rter", "w%C3%B6rter", "line\\tsecret", "te-secret"):
        hits = [line for line in text.splitlines() if piece in line and not line.lstrip("<3> ").startswith("File")]
        assert hits == [], piece


def test_a_secret_that_begins_like_another_is_hidden_whole() -> None:
    log.hide(["sk-aaaaaa", "sk-aaaaaabbbb", "aaabbbb"])
    assert log.redact("x sk-aaaaaabbbb y sk-aaaaaac sk-aaaaa") == "x ******** y ********c sk-aaaaa"


def test_short_secrets_are_ignored_and_a_new_set_replaces_the_old() -> None:
    log.hide(["abcde", "", "abcdef"])
    assert log.redact("abcde abcdef") == "abcde ********"
    log.hide(["ghijkl"])
    assert log.redact("abcdef ghijkl") == "abcdef ********"
    log.hide(())
    assert log.redact("abcdef ghijkl") == "abcdef ghijkl"


URLS = {
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/%23alerts": (["TIiajkdnlazkcOXrIdevi7FQ"], ["alerts"]),
    "mailtos://monitor:p%40ssword@mail.example.org?to=team@example.org": (
        ["p@ssword", "p%40ssword"],
        ["mail.example.org", "monitor", "team@example.org"],
    ),
    "tgram://123456789:AAF4kL-x9_7pQ2mZ/-1001234": (["AAF4kL-x9_7pQ2mZ"], ["-1001234"]),
    "json://hooks.example.org/alerts?+Authorization=Bearer%20opensesame&-token=sesame": (
        ["Bearer opensesame", "sesame"],
        ["hooks.example.org", "alerts"],
    ),
    "https://ping.example.org/5a1f0c7e-0000-4000-8000-000000000000": (
        ["5a1f0c7e-0000-4000-8000-000000000000"],
        ["ping.example.org"],
    ),
}


@pytest.mark.parametrize("url", URLS)
def test_of_a_url_the_credentials_are_hidden_alone_too(url: str) -> None:
    hidden, shown = URLS[url]
    log.hide([url])
    assert log.redact(f"<{url}>") == "<********>"
    for part in hidden:
        assert log.redact(f"<{part}>") == "<********>", part
    for part in shown:
        assert log.redact(f"<{part}>") == f"<{part}>"


@given(st.text(min_size=6), st.text(), st.text())
def test_a_secret_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    log.hide([secret])
    assert "********" in log.redact(before + secret + after)
    assert log.redact("") == ""


def test_a_line_costs_the_same_with_one_secret_and_with_twenty_thousand() -> None:
    line = "delivered " + "key=value sk-legnext-other " * 11
    costs = []
    for count in (1, 20_000):
        began = time.perf_counter()
        log.hide([f"sk-legnext-{number:032d}" for number in range(count)])
        learning = time.perf_counter() - began
        began = time.perf_counter()
        for _ in range(200):
            log.redact(line)
        costs.append((time.perf_counter() - began) / 200)
        assert learning < 5
    assert costs[1] < 10 * costs[0] + 0.0005, costs
    assert costs[1] < 0.002, costs


# The stream


class Stream(io.StringIO):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def write(self, _text: str) -> int:
        raise self.error


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), OSError(28, "No space left on device"), ValueError("closed file")]
)
def test_a_stream_that_fails_does_not_reach_the_caller(error: Exception) -> None:
    start(stream=Stream(error))
    log.get().info("unheard")
    logging.getLogger("lib").warning("unheard")


def test_a_reader_that_goes_away_neither_kills_the_program_nor_spoils_its_exit_status() -> None:
    program = (
        "import os, sys, time; from monitor import log\n"
        "log.setup(level='info', format='json', stream=sys.stdout, environ={})\n"
        "log.get().info('first'); sys.stdin.readline()\n"
        "[log.get().info('later', number=n) for n in range(10)]; print('done', file=sys.stderr)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdin
        assert child.stdout
        assert child.stderr
        assert b'"first"' in child.stdout.readline(), "a line is flushed when it is written"
        child.stdout.close()
        child.stdin.write(b"go\n")
        child.stdin.flush()
        assert child.stderr.read() == b"done\n"
        assert child.wait(30) == 0


def test_a_stream_of_a_small_alphabet_gets_every_line() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        start("console", stream=stream)
        log.get().info("Grüße 💶")
        stream.flush()
        assert raw.getvalue().endswith(b"Gr\\xfc\\xdfe \\U0001f4b6\n")
