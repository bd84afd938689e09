"""The program as people run it: processes, a simulated API to change while they run, and their logs."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

QUIET = {"BALANCE_MONITOR_WEB__LISTEN": "off"}
"""Many daemons run beside each other here: those that are looked at are given a port."""
COMMAND = [os.environ.get("AS_INSTALLED", sys.executable), "-m", "monitor"]
"""Of this environment, or, in the benchmark, of one that has what users have: no library more, and all bytecode."""


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this environment without anything that would configure the program."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("BALANCE_MONITOR", "LEGNEXT", "STATE_DIRECTORY", "CREDENTIALS", "JOURNAL", "NOTIFY_", "WATCHDOG_")
        )
    }
    return kept | {"PYTHONUNBUFFERED": "1", "BALANCE_MONITOR_RULES__TOP_UP__ENABLED": "false"} | QUIET | extra


def until(true: Callable[[], object], what: str, seconds: float = 15.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.02)


class Api:
    """``simulate`` as a process, steered over HTTP."""

    def __init__(self, scenario: str = "steady") -> None:
        self._process = subprocess.Popen(
            [*COMMAND, "simulate", "--port", "0", "--json", "--scenario", scenario],
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.address: str = ready["address"]
        self.keys: dict[str, str] = ready["keys"]

    def change(self, name: str = "main", **changes: object) -> None:
        self._call("POST", f"accounts/{name}", changes)

    def create(self, name: str, **rest: object) -> None:
        self._call("POST", "accounts", {"name": name, **rest})

    def requests(self, name: str = "main") -> int:
        return int(self._call("GET", f"accounts/{name}")["requests"])

    def log(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the latest thousand requests, or what is among them of one account, the oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "requests" + (f"?account={name}" if name else ""))["requests"]
        return found

    def polls(self, name: str = "main") -> list[float]:
        """Return when the account was asked for, in seconds of a clock that nobody steps."""
        return [datetime.fromisoformat(one["at"][:26] + "+00:00").timestamp() for one in self.log(name)]

    def wait_for_poll(self, after: int, name: str = "main") -> None:
        """Wait until the account was asked for more than so often."""
        until(lambda: self.requests(name) > after, "another poll")

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self.address}/_simulator/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return json.load(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Run:
    """``balance-monitor run`` as a process with its log in a file."""

    def __init__(self, folder: Path, config: str = "", **environment: str) -> None:
        self.folder, self._environment = folder, environment
        self.path = folder / "config.toml"
        self.log_path = folder / "log.jsonl"
        if config:
            self.path.write_text(config)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> "Run":
        before = len(self.log())
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self._command("run"), stdout=log, stderr=log, env=self._env(), cwd=self.folder
            )
        if wait:
            until(lambda: any(line.get("event") == "started" for line in self.log()[before:]), "the start")
        return self

    def _command(self, *words: str) -> list[str]:
        return [*COMMAND, *(["--config", str(self.path)] if self.path.exists() else []), *words]

    def _env(self) -> dict[str, str]:
        return clean_environment(XDG_STATE_HOME=str(self.folder), **self._environment)

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run another command beside it."""
        return subprocess.run(
            self._command(*words),
            capture_output=True,
            text=True,
            env=self._env(),
            cwd=self.folder,
            check=False,
            timeout=60,
        )

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 8.0) -> int:
        """Stop it, and return its exit code; it must not take longer than promised."""
        assert self._process is not None
        self.send(number)
        code = self._process.wait(seconds)
        self._process = None
        return code

    def ended(self, seconds: float) -> int | None:
        """Wait for it to end by itself or by whoever signalled it, and return its exit code; None: not yet."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def log(self) -> list[dict[str, Any]]:
        if not self.log_path.exists():
            return []
        lines = self.log_path.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log() if line.get("event") == name]

    def wait_event(self, name: str, count: int = 1, seconds: float = 15.0) -> dict[str, Any]:
        until(lambda: len(self.events(name)) >= count, f"{name} in the log", seconds)
        return self.events(name)[count - 1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


def settings(api: Api, *channels: str, interval: str = "5s", accounts: tuple[str, ...] = ("main",)) -> str:
    """Return a configuration that polls the simulated accounts and tells these Apprise URLs, named c0, c1, …."""
    parts = [f'interval = "{interval}"\n']
    for name in accounts:
        parts.append(f'[accounts.{name}]\napi_key = "{api.keys.get(name, f"simulated-{name}")}"\n')
        parts.append(f'base_url = "{api.address}"\n')
    parts += [f'[channels.c{place}]\nurl = "{url}"\n' for place, url in enumerate(channels)]
    return "".join(parts)
