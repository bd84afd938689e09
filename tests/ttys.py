"""A terminal of a given size with the program in it, and what a person in front of it sees, cell by cell."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

_RUN = """
import fcntl, runpy, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # Ctrl-C and a new size then reach it as they reach whoever runs in a terminal
sys.argv[0] = "balance-monitor"
runpy.run_module("monitor", run_name="__main__", alter_sys=False)
"""
_STEP = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n])", re.DOTALL)
Cell = tuple[str, str]
"""A character, and its colours as the terminal was told them: ``1;37;41``."""


@dataclass
class Page:
    """One of the two screens of a terminal."""

    columns: int
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)
    row: int = 0
    column: int = 0

    def put(self, letter: str, look: str, *, wraps: bool) -> None:
        if self.column >= self.columns:
            self.row, self.column = (self.row + 1, 0) if wraps else (self.row, self.columns - 1)
        self.cells[self.row, self.column] = (letter, look)
        self.column += 1

    def erase(self, *, whole_rest: bool) -> None:
        for row, column in list(self.cells):
            if (row == self.row and column >= self.column) or (whole_rest and row > self.row):
                del self.cells[row, column]

    @property
    def lines(self) -> list[str]:
        height = max((row for row, _ in self.cells), default=-1) + 1
        return ["".join(letter for letter, _ in self.line(row)).rstrip() for row in range(height)]

    def line(self, row: int) -> list[Cell]:
        width = max((column for at, column in self.cells if at == row), default=-1) + 1
        return [self.cells.get((row, column), (" ", "")) for column in range(width)]


class Emulator:
    """Understands what the program sends; anything else fails, as it would show on some terminal."""

    def __init__(self, columns: int) -> None:
        self.usual, self.other = Page(columns), Page(columns)
        self.is_other = False
        self.has_cursor = self.wraps = True
        self.look = ""

    @property
    def page(self) -> Page:
        return self.other if self.is_other else self.usual

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            match = _STEP.match(text, at)
            assert match is not None, repr(text[at : at + 20])
            at = match.end()
            if match[2]:
                self._control(match[1], match[2])
            elif match[3]:
                self.page.column = 0
            elif match[4]:
                self.page.row += 1
            else:
                self.page.put(match[5], self.look, wraps=self.wraps)

    def _control(self, numbers: str, letter: str) -> None:
        match numbers, letter:
            case _, "m":
                self.look = "" if numbers in {"", "0"} else ";".join(filter(None, [self.look, numbers]))
            case (("?1049" | "?25" | "?7"), ("h" | "l")):
                self._mode(numbers, is_on=letter == "h")
            case "", "H":
                self.page.row = self.page.column = 0
            case "", ("J" | "K"):
                self.page.erase(whole_rest=letter == "J")
            case _:
                raise AssertionError(f"ESC [ {numbers} {letter}")

    def _mode(self, which: str, *, is_on: bool) -> None:
        if which == "?1049":
            self.is_other, self.other = is_on, Page(self.page.columns)
        elif which == "?25":
            self.has_cursor = is_on
        else:
            self.wraps = is_on


class Tty:
    """The program in a terminal."""

    def __init__(self, *words: str, columns: int = 80, lines: int = 24, **environment: str) -> None:
        self.columns, self.sent = columns, b""
        self._master, slave = pty.openpty()
        self._resize(columns, lines)
        env = os.environ | {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | environment
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RUN, *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={name: value for name, value in env.items() if name not in {"COLUMNS", "LINES"}},
        )
        os.close(slave)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size."""
        self.columns, self.sent = columns, b""
        self._resize(columns, lines)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, true: Callable[[], object], what: str, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"{what}: not within {seconds} s, but {self.text!r}"
            time.sleep(0.02)

    def end(self, seconds: float = 30.0) -> int:
        """Wait for its end, and return its exit code."""
        code = self.process.wait(seconds)
        self._thread.join(5)
        return code

    @property
    def text(self) -> str:
        return self.sent.decode(errors="ignore")

    @property
    def seen(self) -> Emulator:
        """What a person sees."""
        emulator = Emulator(self.columns)
        emulator.feed(self.text)
        return emulator

    def _resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # how Linux says that the other side has closed
            while chunk := os.read(self._master, 65536):
                self.sent += chunk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        self._thread.join(5)
        os.close(self._master)


def shown(*words: str, columns: int = 80, lines: int = 24, **environment: str) -> tuple[int, Page]:
    """Run a command to its end in a terminal; return its exit code and what it left there."""
    with Tty(*words, columns=columns, lines=lines, **environment) as terminal:
        code = terminal.end()
    return code, terminal.seen.page
