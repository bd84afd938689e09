"""Asking Legnext for a balance: whatever the network or the server does comes back as a value.

Foreign exceptions end here and in ``trouble``; ``answer`` is pure. Nothing in this package logs: it returns reasons.
"""

import asyncio
import random
import re
import ssl
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import urlsplit

from monitor import __version__
from monitor.model import Failure, Kind, Reading
from monitor.provider import body, trouble
from monitor.provider.answer import REDIRECTS, Answer, Passing, UnclearError, judge
from monitor.provider.client import trust
from monitor.provider.http import httpx
from monitor.provider.line import Line
from monitor.provider.reason import fit

PAUSES = (0.3, 1.0)
"""Seconds before each quick retry, give or take a quarter."""

_PATH = "/api/account/balance"
_KEY = re.compile(r"[!-~]+")
_TIRED = 10
_HEADERS = (
    (b"User-Agent", f"balance-monitor/{__version__}".encode()),
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"identity"),
)


class Legnext:
    """Ask the balance endpoint for any number of accounts, over one set of connections and one TLS context.

    ``ssl_context`` replaces the one that httpx makes of certifi, SSL_CERT_FILE or SSL_CERT_DIR. ``now`` is the wall
    clock, for a Retry-After with a date.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None = None,
        pauses: Sequence[float] = PAUSES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ssl_context = ssl_context
        self._pauses = tuple(pauses)
        self._now = now
        self._line: Line | None = None

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Reading | Failure:  # noqa: ASYNC109 - a poll's own
        """Ask once, within ``timeout`` seconds, retries included; raises nothing that the world could cause."""
        if not _KEY.fullmatch(api_key):
            return Failure(Kind.REFUSED, "the api key is empty or has characters that no key has: nothing was sent")
        try:
            line, url = self._connect(), _address(base_url)
            way = line.way(base_url, url)
        except Exception as error:  # noqa: BLE001 - base_url and the environment come from outside, and so does this
            return Failure(Kind.UNREACHABLE, trouble.unusable(error))
        seen = await self._over(line, _Ask(way, url, key=api_key, timeout=timeout, now=self._now))
        await self._remember(line, seen)
        return replace(seen, reason=fit(seen.reason, api_key)) if isinstance(seen, Failure) else seen

    async def aclose(self) -> None:
        """Close the connections; those in use when their polls end."""
        line, self._line = self._line, None
        if line is not None:
            await line.retire()

    async def _over(self, line: Line, ask: "_Ask") -> Reading | Failure:
        line.users += 1
        try:
            return await self._persist(ask)
        finally:
            line.users -= 1
            await line.leave()

    async def _persist(self, ask: "_Ask") -> Reading | Failure:
        try:
            async with asyncio.timeout_at(ask.deadline):
                for pause in self._pauses:
                    seen = await ask.once()
                    if not isinstance(seen, Passing):
                        return seen
                    wait = _wait(pause, seen.failure)
                    if wait >= ask.left():
                        return seen.failure
                    await asyncio.sleep(wait)
                seen = await ask.once()
        except TimeoutError:
            return Failure(Kind.UNREACHABLE, f"no answer within {ask.timeout:g} s")
        return seen.failure if isinstance(seen, Passing) else seen

    def _connect(self) -> Line:
        if self._line is None:
            if self._ssl_context is None:
                self._ssl_context = trust()
            self._line = Line(self._ssl_context)
        return self._line

    async def _remember(self, line: Line, seen: Reading | Failure) -> None:
        # httpcore can lose track of connections whose requests were cancelled: a client that only fails is replaced.
        line.failures = line.failures + 1 if isinstance(seen, Failure) and seen.kind is Kind.UNREACHABLE else 0
        if line.failures >= _TIRED and line is self._line:
            await self.aclose()


class _Ask:
    """One poll: what is asked, of whom, and until when."""

    def __init__(
        self, way: httpx.AsyncHTTPTransport, url: httpx.URL, *, key: str, timeout: float, now: Callable[[], datetime]
    ) -> None:
        self.timeout = timeout
        self.deadline = asyncio.get_running_loop().time() + timeout
        self._way = way
        self._url = url
        self._key = key
        self._now = now

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return self.deadline - asyncio.get_running_loop().time()

    async def once(self) -> Reading | Failure | Passing:
        try:
            response = await self._way.handle_async_request(self._request())
        except Exception as error:  # noqa: BLE001 - the seam: whatever httpx, anyio or ssl raise here is the world's doing
            return trouble.before_answer(error, self._url)
        try:
            async with aclosing(response):
                answer = await _take(response)
        except Exception as error:  # noqa: BLE001 - the seam, as above
            return trouble.amid_answer(error)
        return judge(answer, key=self._key, now=self._now)

    def _request(self) -> httpx.Request:
        # Cancelled amid a TLS handshake, httpcore leaves the socket open; its own timeout closes it: so it comes first.
        # Everything else is left to the one deadline.
        wait = {"connect": max(self.left() * 0.9, 0.001), "read": None, "write": None, "pool": None}
        headers = [*_HEADERS, (b"x-api-key", self._key.encode())]
        return httpx.Request("GET", self._url, headers=headers, extensions={"timeout": wait})


@lru_cache(maxsize=64)
def _address(base_url: str) -> httpx.URL:
    url = httpx.URL(base_url.rstrip("/") + _PATH)
    if url.scheme not in {"http", "https"} or not url.host:
        raise httpx.InvalidURL("neither http:// nor https://")
    return url


async def _take(response: httpx.Response) -> Answer:
    status = response.status_code
    if status in REDIRECTS:
        return Answer(status, redirect=_host(response))
    retry_after = response.headers.get("retry-after", "")
    try:
        return Answer(status, await body.read(response), retry_after=retry_after)
    except UnclearError as unclear:
        return Answer(status, fault=str(unclear), retry_after=retry_after)


def _host(response: httpx.Response) -> str:
    try:
        return urlsplit(response.headers.get("location", "")).hostname or ""
    except ValueError:
        return ""


def _wait(pause: float, failure: Failure) -> float:
    jittered = pause * random.uniform(0.75, 1.25)  # noqa: S311 - not for secrecy
    return max(jittered, failure.retry_after.total_seconds() if failure.retry_after else 0)
