"""The daemon's own word that it lives: told to whoever asks, believed only from whom it can come, without a disk."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from monitor import pulse
from monitor.beating import Beating
from monitor.pulse import Pulse, feel, feel_by_call, name_of_call

WELL = Pulse(pid=os.getpid(), overdue=0, trouble="the disk is full")


def beating(database: Path, told: Pulse = WELL) -> AbstractContextManager[list[str | None]]:
    """Answer for a database."""
    return beating_as(pulse.names(database), told)


@contextmanager
def beating_as(names: list[str], told: Pulse = WELL) -> Iterator[list[str | None]]:
    """Answer in a thread of its own, with a loop like the daemon's; yields why a second one cannot."""
    ready, stop = threading.Event(), threading.Event()
    refused: list[str | None] = []

    async def main() -> None:
        first, second = (Beating(names, lambda: told) for _ in range(2))
        refused.extend([await first.start(), await second.start()])
        ready.set()
        await asyncio.to_thread(stop.wait, 20)
        await first.stop()
        await second.stop()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    ready.wait(10)
    try:
        yield refused
    finally:
        stop.set()
        thread.join()


def test_whoever_asks_is_told_and_after_the_end_nobody_is(tmp_path: Path) -> None:
    with beating(tmp_path / "monitor.db"):
        assert feel(tmp_path / "monitor.db") == WELL
        assert feel(tmp_path / "other.db") is None
    assert feel(tmp_path / "monitor.db") is None


def test_a_database_has_one_pulse_whatever_link_leads_to_it(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "monitor.db")
    with beating(tmp_path / "monitor.db") as refused:
        assert feel(tmp_path / "link.db") == WELL
        assert refused == [None, "Address already in use"]


def test_a_folder_that_is_seen_at_another_path_or_is_gone_has_the_same_pulse(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "state", tmp_path / "private"
    folder.mkdir()
    with beating(folder / "monitor.db"):
        folder.rename(elsewhere)  # as a sandbox shows it
        assert feel(elsewhere / "monitor.db") == WELL
        elsewhere.rmdir()
        assert feel(folder / "monitor.db") == WELL


def listener(database: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.bind(pulse.names(database)[0])
    line.listen()
    return line


def test_a_loop_that_stalls_has_no_pulse(tmp_path: Path) -> None:
    with listener(tmp_path / "monitor.db"):
        assert feel(tmp_path / "monitor.db", timeout=0.1) is None


@pytest.mark.parametrize("said", [b"", b"{}", b"[1]", b"not JSON", b"\xff"])
def test_words_that_make_no_sense_are_no_pulse(tmp_path: Path, said: bytes) -> None:
    def answer() -> None:
        line, _ = listening.accept()
        with line:
            line.sendall(said)

    with listener(tmp_path / "monitor.db") as listening:
        thread = threading.Thread(target=answer)
        thread.start()
        assert feel(tmp_path / "monitor.db") is None
        thread.join()


def test_somebody_else_who_takes_the_name_is_not_believed(tmp_path: Path) -> None:
    database = tmp_path / "monitor.db"
    with beating(database), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.connect(pulse.names(database)[0])
        assert pulse._peer(line) == (os.getpid(), os.geteuid())
    assert set(pulse._owners(database).users) == {0, os.geteuid()}
    database.touch()
    os.chown(database, 65533, -1)
    assert set(pulse._owners(database).users) == {0, os.geteuid(), 65533}


def test_whoever_has_locked_the_database_is_believed(tmp_path: Path) -> None:
    database, lock = tmp_path / "monitor.db", tmp_path / "monitor.db.lock"
    for said, process in (("7\nused\n", 7), ("8\n", 8), ("", None), ("x\n", None)):
        lock.write_text(said)
        assert pulse._owners(database).process == process


def test_who_names_another_process_than_itself_is_not_believed(tmp_path: Path) -> None:
    with beating(tmp_path / "monitor.db", replace(WELL, pid=1)):
        assert feel(tmp_path / "monitor.db") is None


def test_whoever_is_called_as_the_daemon_was_finds_it_without_its_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"STATE_DIRECTORY": "/data", "OTHER": "1"}
    monkeypatch.chdir(tmp_path)
    with beating_as([name_of_call(None, environ)]):
        assert feel_by_call(None, environ | {"OTHER": "2"}) == WELL
        assert feel_by_call(Path("other.toml"), environ) is None
        assert feel_by_call(None, environ | {"BALANCE_MONITOR_DATABASE": "sqlite:///other.db"}) is None
        assert feel_by_call(None, {}) is None


def test_in_a_folder_that_is_gone_nobody_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert name_of_call(None, {}) == ""
    with beating_as([""]) as refused:
        assert feel_by_call(None, {}) is None
    assert refused == ["", ""]
