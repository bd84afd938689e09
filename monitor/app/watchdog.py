"""The sign of life for a service manager that restarts what hangs: given while due polls are really made.

It holds for a loop that stands still, and for a schedule that no longer polls. A daemon that catches up after a pause,
or has more to do than it can, makes polls: a restart would not help it.
"""

import asyncio
from collections.abc import Callable, Mapping

from monitor import log
from monitor.manager import Manager

_LOOKS = 4
"""Within the manager's patience."""


class Watchdog:
    """Looks from ``start`` to ``stop``; ``late`` tells when each overdue poll was due, by account."""

    def __init__(self, manager: Manager, late: Callable[[], Mapping[str, float]]) -> None:
        self._manager, self._late = manager, late
        self._before: Mapping[str, float] = {}
        self._withheld = False
        self._task: asyncio.Task[None] | None = None
        self._log = log.get("monitor.daemon")

    def start(self) -> None:
        """Begin, if the manager watches."""
        if self._manager.patience is not None:
            pause = self._manager.patience.total_seconds() / _LOOKS
            self._task = asyncio.get_running_loop().create_task(self._run(pause), name="watchdog")

    def stop(self) -> None:
        """End: a stop has a time limit of its own."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, pause: float) -> None:
        while True:
            if self.is_alive():
                self._manager.tell("WATCHDOG=1")
            await asyncio.sleep(pause)

    def is_alive(self) -> bool:
        """Say whether polls are made: none is overdue, or some of those that were at the last look no longer are."""
        now, before = self._late(), self._before
        self._before = now
        still = sum(now.get(name) == due for name, due in before.items())
        alive = not now or still < len(before) or not before
        if not alive and not self._withheld:
            self._log.error("watchdog_withheld", accounts=len(now), first=next(iter(now)), note="no poll is made")
        self._withheld = not alive
        return alive
