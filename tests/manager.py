"""A service manager, as far as the program can tell: a socket that hears what it says."""

import os
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self


class Listening:
    """Hears every message, in order; its environment makes a program speak to it."""

    def __init__(self, folder: Path, *, watchdog: float | None = None) -> None:
        self.path = folder / "notify"
        self.heard: list[str] = []
        self._watchdog = watchdog
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._line.bind(str(self.path))
        self._thread = threading.Thread(target=self._listen, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        watchdog = {} if self._watchdog is None else {"WATCHDOG_USEC": str(int(self._watchdog * 1e6))}
        return {"NOTIFY_SOCKET": str(self.path)} | watchdog

    def _listen(self) -> None:
        while said := self._line.recv(65536):
            self.heard.append(said.decode())

    def count(self, line: str) -> int:
        """Return how often a line was heard."""
        return sum(line in said.splitlines() for said in self.heard)

    @property
    def statuses(self) -> list[str]:
        return [said.removeprefix("STATUS=") for said in self.heard if said.startswith("STATUS=")]

    @property
    def states(self) -> list[str]:
        """What it was told but statuses and signs of life, with MONOTONIC_USEC by its name only."""
        lines = [line for said in self.heard for line in said.splitlines() if not line.startswith(("STATUS=", "WATCH"))]
        return [line.partition("=")[0] if line.startswith("MONOTONIC") else line for line in lines]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", os.fspath(self.path))
        self._thread.join()
        self._line.close()
