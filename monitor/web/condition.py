"""How the daemon is, for whoever watches it: the same truth as ``healthcheck``, and what is wrong beside that.

Whoever asks may ask often and needs no token: it says no name and no amount, and looks at most once a second.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping

from monitor.pulse import ailment
from monitor.store import outbox
from monitor.web.behind import Behind

_PATIENCE = 1.0
"""Real seconds for the disk to say what was given up; then what was known last counts."""
_EVERY = 1.0


class Condition:
    """Remembers what it saw last."""

    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self._given_up = 0
        self._looked_at = float("-inf")

    async def look(self) -> tuple[str | None, list[str]]:
        """Return what keeps the daemon from its work, if anything does, and what else is wrong."""
        now = time.monotonic()
        if now - self._looked_at >= _EVERY:
            self._looked_at = now
            await self._count()
        pulse = self._behind.pulse()
        said = {
            f"the database cannot be used ({pulse.trouble}): all goes on from memory": pulse.trouble,
            "the last reload was refused: the earlier configuration goes on": pulse.reload_error,
            _lost(self._given_up): self._given_up,
        }
        return ailment(pulse), [reason for reason, is_so in said.items() if is_so]

    async def _count(self) -> None:
        with contextlib.suppress(Exception):  # whoever needs the disk more says so in the log
            async with asyncio.timeout(_PATIENCE):
                self._given_up = _given_up(await self._behind.store.do(outbox.counts))


def _given_up(counts: Mapping[tuple[str, str], int]) -> int:
    return sum(count for (_, state), count in counts.items() if state == "given_up")


def _lost(count: int) -> str:
    verb = "messages were" if count > 1 else "message was"
    return f"{count} {verb} given up: see outbox, which can retry or drop"
