"""The signals: SIGTERM and SIGINT stop, SIGHUP reloads."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from typing import Protocol


class Obeys(Protocol):
    """What can be stopped and reloaded."""

    def stop(self) -> None:
        """Stop."""

    def reload(self) -> None:
        """Read the configuration again."""


@contextlib.contextmanager
def signals(daemon: Obeys, *, ends_process: bool = False) -> Iterator[None]:
    """Let the signals reach a daemon of this loop.

    Where its end is that of the process, they do nothing from then on: whoever is impatient and asks again, while the
    disk and the interpreter come to their ends, must not make a failure of a stop.
    """
    loop = asyncio.get_running_loop()
    meant = {signal.SIGTERM: daemon.stop, signal.SIGINT: daemon.stop, signal.SIGHUP: daemon.reload}

    def obey(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(meant[signal.Signals(number)])

    # Not the loop's own handlers: for the time until others take their place, a signal would end the process.
    before = {number: signal.signal(number, obey) for number in meant}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if ends_process else handler)
