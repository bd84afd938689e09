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
def signals(daemon: Obeys) -> Iterator[None]:
    """Let the signals reach a daemon of this loop."""
    loop = asyncio.get_running_loop()
    meant = {signal.SIGTERM: daemon.stop, signal.SIGINT: daemon.stop, signal.SIGHUP: daemon.reload}
    for number, act in meant.items():
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in meant:
            loop.remove_signal_handler(number)
