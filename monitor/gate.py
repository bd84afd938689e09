"""A gate through which so many may pass at once, and that nobody can block by staying."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Has so many places; who keeps one for longer than ``seconds`` loses it to the next, and goes on all the same."""

    def __init__(self, places: int, *, seconds: float = 1.0) -> None:
        self._places = asyncio.Semaphore(places)
        self._seconds = seconds

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, first come first served, and give it back at the end."""
        await self._places.acquire()
        timer = asyncio.get_running_loop().call_later(self._seconds, self._give_up, held := [True])
        try:
            yield
        finally:
            timer.cancel()
            self._give_up(held)

    def _give_up(self, held: list[bool]) -> None:
        if held:
            held.clear()
            self._places.release()
