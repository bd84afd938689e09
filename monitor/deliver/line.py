"""The way out to one URL: its own thread, so that a service that hangs holds up nobody else."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from monitor import log
from monitor.chart import Chart
from monitor.config import Channel, Unusable
from monitor.deliver.pictures import Painter, Refusals, drawn
from monitor.model import Message, NotSent, Outcome, Sent
from monitor.worker import Worker

MOST_HANGING = 2
WARM_UP = 0.5
"""Real seconds until a service is loaded in advance, unless a message is there first: by then polls are through."""


class Sender(Protocol):
    """One channel's way out; blocking."""

    def send(self, message: Message) -> Outcome:
        """Hand a message to the service; never raises."""


class Line:
    """Sends one message at a time; a call that hangs is left to itself, with its thread, at most two of them."""

    def __init__(self, channel: Channel, connect: Callable[[Channel], Sender], *, deadline: float) -> None:
        self._channel, self._connect, self._deadline = channel, connect, deadline
        self._hanging = 0
        self._post = _Post(channel, connect)
        self._warm_up = asyncio.get_running_loop().call_later(WARM_UP, self._post.load)

    async def shows_pictures(self) -> bool:
        """Say whether the service shows pictures, which is known once it is loaded."""
        is_usable = not isinstance(self._channel.url, Unusable) and self._hanging < MOST_HANGING
        return is_usable and await asyncio.wrap_future(self._post.shows_pictures())

    async def send(self, message: Message, late: Callable[[], None], chart: Chart | None = None) -> Outcome:
        """Send a message, with a picture if there is one to draw.

        Past the deadline it counts as failed, and ``late`` tells if it was taken after all.
        """
        if isinstance(self._channel.url, Unusable):
            return NotSent(self._channel.url.reason)
        if self._hanging >= MOST_HANGING:
            return NotSent(f"the service still holds the last {MOST_HANGING} sends: no more until one has come back")
        call = self._post.send(message, chart)
        try:
            done, _ = await asyncio.wait({asyncio.wrap_future(call)}, timeout=self._deadline)
        except asyncio.CancelledError:
            call.cancel()  # a send that has not begun must not happen behind our back
            raise
        if done:
            return done.pop().result()
        self._abandon(call, late)
        return NotSent(f"the service did not come to an end within {self._deadline:g} s")

    def close(self) -> None:
        """Send nothing more; waits for nothing."""
        self._warm_up.cancel()
        self._post.close()

    def _abandon(self, call: "Future[Outcome]", late: Callable[[], None]) -> None:
        stuck = self._post.loading if call.cancel() else call
        loop = asyncio.get_running_loop()
        self._hanging += 1
        self.close()
        self._post = _Post(self._channel, self._connect)

        def came_back(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody is left to care
                loop.call_soon_threadsafe(self._came_back, call, late)

        stuck.add_done_callback(came_back)

    def _came_back(self, call: "Future[Outcome]", late: Callable[[], None]) -> None:
        self._hanging -= 1
        if not call.cancelled() and isinstance(call.result(), Sent):
            late()


class _Post:
    """A thread and the sender that lives in it: whoever leaves the one leaves the other."""

    def __init__(self, channel: Channel, connect: Callable[[Channel], Sender]) -> None:
        self._channel, self._connect = channel, connect
        self._worker = Worker(f"channel-{channel.name}")
        self._sender: Sender | None = None
        self._refusals = Refusals()
        self.loading: Future[Any] = Future()
        self.loading.set_result(None)
        self._log = log.get("monitor.deliver").bind(channel=channel.name)

    def load(self) -> None:
        """Load, in good time, what the first message would wait for."""
        if not isinstance(self._channel.url, Unusable):
            self.loading = self._worker.submit(self._load)

    def shows_pictures(self) -> "Future[bool]":
        self.loading = asked = self._worker.submit(self._shows_pictures)
        return asked

    def send(self, message: Message, chart: Chart | None) -> "Future[Outcome]":
        return self._worker.submit(lambda: self._send(message, chart))

    def close(self) -> None:
        self._worker.close()

    def _load(self) -> None:
        with contextlib.suppress(Exception):  # the first message meets it again, and says so
            self._ready()

    def _ready(self) -> Sender:
        self._sender = self._sender or self._connect(self._channel)
        return self._sender

    def _shows_pictures(self) -> bool:
        sender = self._ready()
        return isinstance(sender, Painter) and sender.shows_pictures and not self._refusals.are_many

    def _send(self, message: Message, chart: Chart | None) -> Outcome:
        try:
            return self._sent(message, drawn(chart, message))
        except BaseException as error:  # noqa: BLE001 - be it a SystemExit, it must end neither lane nor program
            self._log.exception("send_raised", message=message.id)
            return NotSent(f"an error of our own ({type(error).__name__})")

    def _sent(self, message: Message, picture: bytes | None) -> Outcome:
        sender = self._ready()
        if picture is None or not isinstance(sender, Painter):
            return self._refusals.heard(message, sender.send(message), pictured=False)
        return self._refusals.heard(message, sender.send(message, picture), pictured=True)
