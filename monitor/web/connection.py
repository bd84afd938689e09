"""One connection of somebody's, which must not cost others theirs: it asks soon, reads what it gets, and then leaves.

uvicorn waits for ever for a request that does not come, and for a reader who does not read. Here that ends, and there
are only so many connections: a new one takes the place of the one that has been idle for longest.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 200
"""Connections at a time: files are few, and polls need some."""
IDLE = 10.0
"""Real seconds until a request has come, and after the last one."""
LONGEST = 60.0
"""Real seconds for a request and its answer, however slowly they go."""
LOOK = 2.0


class Connection(H11Protocol):
    """uvicorn's, with an end."""

    _since = 0.0
    """When it was made, or became idle, or began to answer."""
    _seen: object | None = None
    """The request that was under way at the last look."""
    _unread = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, in somebody's place if there are too many."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._timer = self.loop.call_later(LOOK, self._look)
        if len(self.connections) > MOST:
            others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
            min(others, key=Connection._worth).leave()

    def _worth(self) -> tuple[bool, float]:
        return self.is_busy, self._since

    @property
    def is_busy(self) -> bool:
        """Whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def connection_lost(self, exc: Exception | None) -> None:
        """Let it go."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Wait for the next request, but not for long."""
        self._since = self.loop.time()
        super().on_response_complete()

    def leave(self) -> None:
        """End it at once, whatever is still to be read."""
        self.connections.discard(self)  # it counts no more, though its end takes a turn of the loop
        self.transport.abort()

    def _look(self) -> None:
        """Look whether it is over; again and again."""
        if self._is_over(self.loop.time()):
            self.leave()
        else:
            self._timer = self.loop.call_later(LOOK, self._look)

    def _is_over(self, now: float) -> bool:
        cycle, self._seen = self._seen, self.cycle if self.is_busy else None
        if self._seen is not None and self._seen is not cycle:
            self._since = now
        before, self._unread = self._unread, self.transport.get_write_buffer_size()
        is_read = 0 < self._unread < before
        limit = LONGEST if self._seen is not None or is_read else IDLE
        return now - self._since > limit
