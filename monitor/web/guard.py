"""What every request passes: who may, how long it may take, and what every answer says to a browser."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor import log
from monitor.config import Config
from monitor.web.policy import Asked, refuse
from monitor.web.problem import ProblemError, problem, translated

PATIENCE = 20.0
"""Real seconds for an answer, until it is handed over."""
PAUSE = 1.0
"""Real seconds that a wrong token waits for its answer; the right one never waits."""
_MOST_WAITING = 16
"""Wrong tokens that wait at a time: more are told so at once, so that they cost nothing."""
_SAID_EVERY = 60.0
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of every answer that does not say otherwise itself."""


class Guard:
    """Stands before the routes; whatever goes wrong behind it is one answer and, if it is ours, one traceback."""

    def __init__(
        self, app: ASGIApp, config: Callable[[], Config], *, pause: float = PAUSE, patience: float = PATIENCE
    ) -> None:
        self._app, self._config = app, config
        self._pause, self._patience = pause, patience
        self._waiting = 0
        self._refused, self._said_at = 0, float("-inf")
        self._log = log.get("monitor.web")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        answer = _Answer(send)
        try:
            await self._answer(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - our own mistake: the daemon goes on
            self._log.exception("page_failed", path=scope["path"])
            await self._apologize(scope, receive, answer, error)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        request = Request(scope, receive)
        scope["app"] = self._app  # the router then raises what it complains of, and we say it
        try:
            await self._check(request)
            async with asyncio.timeout(self._patience):
                await self._app(scope, receive, answer)
        except ProblemError as error:
            await answer.give(scope, receive, problem(request, error))
        except HTTPException as error:
            await answer.give(scope, receive, problem(request, translated(error)))
        except TimeoutError:
            late = ProblemError(503, "this took too long: try again", {"Retry-After": "10"})
            await answer.give(scope, receive, problem(request, late))

    async def _apologize(self, scope: Scope, receive: Receive, answer: "_Answer", error: Exception) -> None:
        said = ProblemError(500, f"a mistake of the monitor's own ({type(error).__name__}): see its log")
        await answer.give(scope, receive, problem(Request(scope, receive), said))

    async def _check(self, request: Request) -> None:
        """Raise a ProblemError if the request is refused."""
        refusal = refuse(asked(request.scope), self._config().web)
        if refusal is None:
            return
        if refusal.is_wrong_token:
            await self._slow_down(request)
        raise ProblemError(refusal.status, refusal.detail, refusal.headers)

    async def _slow_down(self, request: Request) -> None:
        self._note(request.client.host if request.client else "")
        if self._waiting >= _MOST_WAITING:
            raise ProblemError(
                429, "too many wrong tokens at a time: wait, and send the right one", {"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            await asyncio.sleep(self._pause)
        finally:
            self._waiting -= 1

    def _note(self, client: str) -> None:
        """Say that somebody sends wrong tokens, once a minute."""
        self._refused += 1
        now = time.monotonic()
        if now - self._said_at >= _SAID_EVERY:
            self._log.warning("wrong_token", client=client, attempts=self._refused)
            self._refused, self._said_at = 0, now


def asked(scope: MutableMapping[str, Any]) -> Asked:
    """Read the head of a request."""
    headers = Headers(scope=scope)
    return Asked(
        method=scope["method"],
        path=scope["path"],
        hosts=headers.getlist("host"),
        authorization=headers.get("authorization", ""),
        origin=headers.get("origin"),
        fetch_site=headers.get("sec-fetch-site"),
    )


class _Answer:
    """Sends an answer, with what every answer says."""

    def __init__(self, send: Callable[[Message], Awaitable[None]]) -> None:
        self._send, self._has_begun = send, False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def give(self, scope: Scope, receive: Receive, response: Response) -> None:
        """Send a whole answer, unless another has begun."""
        if not self._has_begun:
            await response(scope, receive, self)
