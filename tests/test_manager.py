"""A service manager hears: ready, how things stand, reloading, stopping, and signs of life while polls are made."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from live import Api, Run, clean_environment, settings, until
from manager import Listening
from receivers import Webhook
from shell import process

from monitor.app.watchdog import Watchdog
from monitor.manager import Manager
from monitor.messages import Standing, in_a_line
from monitor.model import Failure, Kind, Level, Reading


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    with Listening(tmp_path, watchdog=4) as manager:
        yield manager


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as simulated:
        simulated.change(balance_usd=100, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        yield simulated


# -- the protocol -----------------------------------------------------------------------------------------------------


def test_without_a_manager_nothing_is_said() -> None:
    nobody = Manager({})
    assert not nobody.listens
    nobody.tell("READY=1")
    assert nobody.patience is None


def test_a_manager_that_is_gone_or_does_not_read_holds_up_nothing(tmp_path: Path) -> None:
    Manager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).tell("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "deaf")})
        began = time.monotonic()
        for number in range(5000):
            manager.tell_status(f"{number}")
        assert time.monotonic() - began < 30


def test_a_name_that_begins_with_an_at_is_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0balance-monitor-test-{os.getpid()}")
        Manager({"NOTIFY_SOCKET": f"@balance-monitor-test-{os.getpid()}"}).tell("READY=1", "STATUS=fine")
        assert line.recv(100) == b"READY=1\nSTATUS=fine"


def test_a_status_is_one_line_of_two_at_most_and_said_once(listening: Listening) -> None:
    manager = Manager(listening.environment)
    for text in ("one\ntwo\x1b[31m", "one\ntwo\x1b[31m", "x" * 1000):
        manager.tell_status(text)
    until(lambda: len(listening.statuses) == 2, "both")
    assert listening.statuses == ["one two [31m", "x" * 511 + "…"]


@pytest.mark.parametrize(
    ("environ", "patience"),
    [
        ({"WATCHDOG_USEC": "30000000"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": ""}, None),
    ],
)
def test_only_a_watchdog_that_watches_this_process_is_minded(environ: dict[str, str], patience: object) -> None:
    assert Manager(environ).patience == patience


# -- signs of life ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("looks", "alive"),
    [
        ([{}, {}], [True, True]),
        ([{"a": 1.0}, {}], [True, True]),
        ([{"a": 1.0}, {"a": 1.0}, {"a": 1.0}, {}], [True, False, False, True]),  # nobody polls a
        ([{"a": 1.0}, {"a": 7.0}], [True, True]),  # it was polled meanwhile, and is late again
        ([{"a": 1.0, "b": 1.0}, {"b": 1.0}, {"b": 1.0}], [True, True, False]),  # catching up, until b hangs
        ([{"a": 1.0}, {"a": 1.0, "b": 2.0}], [True, False]),  # that more are late is no sign of life
    ],
)
def test_a_sign_of_life_is_given_while_polls_are_made(looks: list[dict[str, float]], alive: list[bool]) -> None:
    turns = iter(looks)
    watchdog = Watchdog(Manager({}), lambda: next(turns))
    assert [watchdog.is_alive() for _ in looks] == alive


# -- how things stand -------------------------------------------------------------------------------------------------

DOWN = Failure(Kind.UNREACHABLE, "no answer")


def standing(name: str, balance: str | None, level: Level = Level.OK, failure: Failure | None = None) -> Standing:
    reading = None if balance is None else Reading(balance_usd=Decimal(balance))
    return Standing(account=name, level=level, reading=reading, read_at=None, failure=failure)


@pytest.mark.parametrize(
    ("standings", "accounts", "alerting", "line"),
    [
        ([standing("main", "42.1")], 1, 0, "main: $42.10, ok"),
        ([standing("main", "4.07", Level.CRITICAL)], 1, 1, "main: $4.07, critical"),
        ([standing("main", None)], 1, 0, "main: not read yet"),
        ([standing("main", None, failure=DOWN)], 1, 0, "main: not read yet, polls fail (unreachable)"),
        ([standing("main", "42", failure=DOWN)], 1, 0, "main: last known $42.00, polls fail (unreachable)"),
        (
            [standing("main", "4", Level.WARNING, DOWN)],
            1,
            1,
            "main: last known $4.00, warning, polls fail (unreachable)",
        ),
        ([standing("main", "0.001")], 1, 0, "main: $0.001, ok"),
        (
            [standing("a", "1", Level.CRITICAL), standing("b", "2")],
            2,
            1,
            "1 of 2 accounts alerts; a: $1.00, critical; b: $2.00, ok",
        ),
        ([standing("a", "1")], 10_000, 0, "none of 10,000 accounts alert; a: $1.00, ok; and 9,999 more"),
        ([], 0, 0, ""),
    ],
)
def test_one_line_says_how_things_stand_and_never_that_what_is_unknown_is_ok(
    standings: list[Standing], accounts: int, alerting: int, line: str
) -> None:
    assert in_a_line(standings, accounts=accounts, alerting=alerting) == line


# -- the program ------------------------------------------------------------------------------------------------------


def test_a_manager_hears_the_whole_life_of_the_daemon(api: Api, listening: Listening, tmp_path: Path) -> None:
    with Webhook() as hook, Run(tmp_path, settings(api, hook.url), **listening.environment) as run:
        run.start()
        until(lambda: "main: $100.00, ok" in listening.statuses, "the balance", 20)
        assert listening.states == ["READY=1"]
        api.change(balance_usd=4)
        until(lambda: "main: $4.00, critical" in listening.statuses, "the alert", 20)
        run.path.write_text("foo = 1\n")
        run.send(signal.SIGHUP)
        refused = "reload refused, the old configuration goes on: "
        until(lambda: any(one.startswith(refused) for one in listening.statuses), "the refusal", 20)
        assert listening.statuses[-1].endswith("; main: $4.00, critical")
        assert listening.states == ["READY=1", "RELOADING=1", "MONOTONIC_USEC", "READY=1"]
        until(lambda: listening.count("WATCHDOG=1") >= 3, "signs of life", 20)
        assert run.stop() == 0
    assert listening.states[-1] == "STOPPING=1"


def test_what_keeps_it_from_starting_is_its_status(listening: Listening, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database at all, and longer than nothing" * 20)
    key = '[accounts.main]\napi_key = "key-of-main-0001"\n'
    with Run(tmp_path, f'database = "sqlite:///{tmp_path}/text"\n{key}', **listening.environment) as run:
        run.start(wait=False)
        assert run.ended(20) == 1
    until(lambda: listening.statuses, "a status")
    assert listening.statuses[0].startswith(f"{tmp_path}/text cannot be used: ")
    assert "READY=1" not in listening.states


def test_what_the_check_before_a_start_finds_is_its_status(listening: Listening, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('interval = "soon"\ntimezone = "Mars/Olympus"\n')
    environment = clean_environment(HOME=str(tmp_path)) | listening.environment
    assert process("config", "check", cwd=tmp_path, env=environment).returncode == 2
    until(lambda: listening.statuses, "a status")
    (said,) = listening.statuses
    assert said.startswith(f"{tmp_path}/config.toml: interval: not a duration")
    assert f"; {tmp_path}/config.toml: timezone: not a time zone" in said


def test_a_daemon_that_stands_still_gives_no_sign_and_where_it_stood_is_shown_at_its_end(
    api: Api, listening: Listening, tmp_path: Path
) -> None:
    with Run(tmp_path, settings(api), **listening.environment) as run:
        run.start()
        until(lambda: listening.count("WATCHDOG=1") >= 1, "a sign of life", 20)
        run.send(signal.SIGSTOP)
        time.sleep(1)  # what was on its way
        before = listening.count("WATCHDOG=1")
        time.sleep(5)
        assert listening.count("WATCHDOG=1") == before
        run.send(signal.SIGABRT)  # as a watchdog does
        run.send(signal.SIGCONT)
        assert run.ended(20) == -signal.SIGABRT
        shown = run.log_path.read_text()
        assert "Fatal Python error: Aborted" in shown
        assert api.keys["main"] not in shown


def test_a_stop_or_a_hangup_before_anything_is_up_ends_well(tmp_path: Path) -> None:
    with Run(tmp_path, '[accounts.main]\napi_key = "key-of-main-0001"\nbase_url = "http://127.0.0.1:9"\n') as run:
        run.start(wait=False)
        caught = Path(f"/proc/{run.pid}/status")
        until(lambda: _minds(caught.read_text(), "SigIgn", signal.SIGHUP), "that a hangup is overlooked", 20)
        until(lambda: _minds(caught.read_text(), "SigCgt", signal.SIGTERM), "the first handler", 20)
        run.send(signal.SIGHUP)
        assert run.stop() == 0


def _minds(status: str, how: str, number: signal.Signals) -> bool:
    (mask,) = [int(line.split()[1], 16) for line in status.splitlines() if line.startswith(f"{how}:")]
    return bool(mask >> (number - 1) & 1)
