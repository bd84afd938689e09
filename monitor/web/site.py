"""What the handlers of requests share: what is behind the page, reading it, and answering with it."""

import asyncio
import difflib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from monitor.documents import encode
from monitor.model import Outcome
from monitor.store import Tx
from monitor.web.behind import Behind
from monitor.web.condition import Condition
from monitor.web.problem import ProblemError

T = TypeVar("T")
_MOST_READING = 16
"""Requests that wait for the disk at a time."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A test message that somebody sent from the page, and what became of it."""

    at: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Site:
    """One for each server."""

    behind: Behind
    condition: Condition
    testing: dict[str, "asyncio.Future[Outcome]"]
    """The channels that send a test message now."""
    slots: asyncio.Semaphore
    trials: dict[str, Trial]
    """The last test of each channel."""

    @classmethod
    def of(cls, behind: Behind) -> "Site":
        """Make one."""
        return cls(behind, Condition(behind), {}, asyncio.Semaphore(_MOST_READING), {})

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Read, beside the polls; a ProblemError where too many do."""
        if self.slots.locked():
            raise ProblemError(503, "too many requests at a time: try again", {"Retry-After": "2"})
        async with self.slots:
            return await self.behind.store.read(work)

    async def test(self, name: str) -> Outcome | None:
        """Send a test message through a channel; None if the service takes its time: it goes on, and is then shown.

        A ProblemError if one is under way.
        """
        if name in self.testing:
            raise ProblemError(409, f"a test message for {name} is under way: wait for its end")
        self.testing[name] = sending = asyncio.ensure_future(self._test(name))
        await asyncio.wait({sending}, timeout=self.behind.patience)
        return sending.result() if sending.done() else None

    async def _test(self, name: str) -> Outcome:
        try:
            outcome = await self.behind.try_channel(self.behind.config().channels[name])
        finally:
            del self.testing[name]
        self.trials[name] = Trial(self.behind.clock.now(), outcome)
        return outcome

    def account(self, request: Request) -> str:
        """Return the account that a path names, if there is one."""
        return known(request.path_params["name"], self.behind.config().accounts, "account")


async def sent(request: Request, largest: int) -> bytes:
    """Return what somebody sends us; a ProblemError if it is too much, or does not come to its end."""
    found = b""
    try:
        async for part in request.stream():
            found += part
            if len(found) > largest:
                raise ProblemError(413, f"more than {largest} bytes: send less", {"Connection": "close"})
    except ClientDisconnect:
        raise ProblemError(400, "the request did not come to its end") from None
    return found


def known(name: str, there: Iterable[str], what: str) -> str:
    """Return a name that is among those that are there; a ProblemError says what was perhaps meant."""
    if name in set(there):
        return name
    close = difflib.get_close_matches(name, there, 1)
    raise ProblemError(404, f"no {what} is named {name[:64]}" + (f": did you mean {close[0]}?" if close else ""))


def answer(request: Request, text: str, kind: str = "application/json") -> Response:
    """Answer with a document, or say that it is the one that the asker has."""
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:20]}"'
    had = {one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")}
    if had & {tag, "*"}:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(text, headers={"ETag": tag}, media_type=kind)


def told(document: object, status: int = 200) -> Response:
    """Answer with what has just been done."""
    return Response(encode(document), status, media_type="application/json")
