"""The commands as somebody at a shell gives them, in an empty home, and a simulated API to change meanwhile."""

import asyncio
import contextlib
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from click.testing import CliRunner, Result

from monitor.cli import root
from monitor.simulator import Account, Simulator

_OURS = ("BALANCE_MONITOR", "LEGNEXT_", "XDG_", "CREDENTIALS_", "STATE_", "NO_COLOR")


def move_into(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands find nothing but what a test puts there."""
    for name in list(os.environ):
        if name.startswith(_OURS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    monkeypatch.chdir(home)


def move_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Move into a new home in this folder."""
    home = folder / "home"
    home.mkdir()
    move_into(home, monkeypatch)
    return home


def run(*words: str) -> Result:
    """Run a command in this process, its output piped."""
    return CliRunner().invoke(root, words)


def process(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command in a process of its own, its output piped."""
    command = [sys.executable, "-m", "monitor", *words]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, **piped)


def at_terminal(*words: str, until: Callable[[str], bool] | None = None) -> tuple[int, str]:
    """Run a command in this process, on a terminal; return its exit code and all that the terminal was sent.

    Ctrl-C is pressed once ``until`` says that enough was shown.
    """
    with Terminal() as terminal:
        if until is not None:
            ctrl_c(lambda: until(terminal.shown))
        with contextlib.redirect_stdout(terminal.stream), contextlib.redirect_stderr(terminal.stream):
            try:
                root.main(words)
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
    return code, terminal.shown


def ctrl_c(when: Callable[[], object]) -> None:
    """Press Ctrl-C in this process once that is so."""

    def press() -> None:
        deadline = time.monotonic() + 20
        while not when() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()


class Terminal:
    """A terminal, and what it was sent once it is closed."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        self.stream = os.fdopen(slave, "w", encoding="utf-8")
        self._sent = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def shown(self) -> str:
        return self._sent.decode().replace("\r\n", "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stream.close()
        self._thread.join(5)
        os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # how Linux says that the other side has closed
            while chunk := os.read(self._master, 4096):
                self._sent += chunk


class Api:
    """The simulated API in a thread of its own."""

    def __init__(self, *accounts: str, **more: Any) -> None:
        self.simulator = Simulator(
            [
                Account.model_validate({"name": name, "balance_usd": "72.048", "available_points": 1048, **more})
                for name in accounts or ["main"]
            ]
        )
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._ready, self._end = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)

    def change(self, account: str = "main", **changes: Any) -> None:
        """Change an account, by the keys of a step."""
        self._do(lambda: self.simulator.change(account, **changes))

    def requests(self, account: str = "main") -> int:
        """Return how often an account has been asked for."""
        told: list[int] = []
        self._do(lambda: told.append(self.simulator.describe(account)["requests"]))
        return told[0]

    def settings(self, more: str = "") -> str:
        """Return a configuration that polls every account."""
        tables = [
            f'[accounts.{name}]\napi_key = "{key}"\nbase_url = "{self.address}"\n'
            for name, key in self.simulator.keys.items()
        ]
        return "".join(tables) + more

    def _do(self, call: Callable[[], object]) -> None:
        done = threading.Event()

        def do() -> None:
            call()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(5)

    async def _serve(self) -> None:
        async with self.simulator.serve() as self.address:
            self._ready.set()
            await self._end.wait()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        self._loop.close()
