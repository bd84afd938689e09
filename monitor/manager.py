"""What the service manager that started the daemon is told: the protocol of sd_notify(3), over one socket.

Without ``$NOTIFY_SOCKET`` nothing is said. A manager that does not listen holds up nothing: what it misses is lost.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

_LONGEST = 512
"""Characters of a status: more than fits into two lines of a terminal is not read."""


class Manager:
    """Whoever started the daemon, as its environment says."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        named = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + named[1:] if named.startswith("@") else named
        self._status = ""
        self.patience = _patience(environ)
        """How long it waits for a sign of life before it ends the process; None if it does not watch."""

    @property
    def listens(self) -> bool:
        """Whether there is one."""
        return bool(self._address)

    def tell(self, *lines: str) -> None:
        """Send ``KEY=value`` lines as one message."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line, suppress(OSError):
            line.setblocking(False)
            line.sendto("\n".join(lines).encode(), self._address)

    def tell_status(self, text: str) -> None:
        """Say in a line how things stand; once, as long as it is the same."""
        shown = "".join(one if one.isprintable() else " " for one in text)
        shown = shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"
        if shown != self._status:
            self._status = shown
            self.tell(f"STATUS={shown}")

    def tell_reloading(self, monotonic: float) -> None:
        """Say that the configuration is being read again; ``monotonic`` are seconds of CLOCK_MONOTONIC."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={int(monotonic * 1_000_000)}")


def _patience(environ: Mapping[str, str]) -> timedelta | None:
    """Read how long the watchdog waits; one that was meant for another process is none of ours."""
    length, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not length.isdecimal() or int(length) == 0 or whose not in {"", str(os.getpid())}:
        return None
    return timedelta(microseconds=int(length))
