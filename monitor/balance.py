"""A balance, asked for once: for warnings inside applications. Loads nothing of the daemon, and never logs."""

import asyncio
import math
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from datetime import timedelta
from functools import lru_cache

from monitor.model import Failure, Kind, Reading
from monitor.provider import Legnext
from monitor.provider.client import trust

__all__ = ["BASE_URL", "TIMEOUT", "BalanceError", "Kind", "Reading", "aget_balance", "get_balance"]

BASE_URL = "https://api.legnext.ai"
TIMEOUT = 20.0
"""Seconds for all of it, up to two quick retries included."""


class BalanceError(Exception):
    """No balance was read; what it says is short, printable and free of the key.

    ``kind`` is ``unreachable`` (it may pass), ``refused`` (the key: trying again is of no use) or ``unreadable`` (what
    came is no balance); ``retry_after`` is what the API asked us to wait, at most an hour.
    """

    def __init__(self, kind: Kind, reason: str, retry_after: timedelta | None = None) -> None:
        super().__init__(kind, reason, retry_after)  # all of them, so that it survives being pickled
        self.kind, self.reason, self.retry_after = kind, reason, retry_after

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.reason}"


def get_balance(api_key: str, *, base_url: str = BASE_URL, timeout: float = TIMEOUT) -> Reading:
    """Ask for the balance of a key, within so many seconds; a BalanceError says why there is none.

    Also where an event loop runs already, as in a notebook: it waits for it then.
    """
    asked = aget_balance(api_key, base_url=base_url, timeout=timeout)
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(asked)
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, asked).result()


async def aget_balance(api_key: str, *, base_url: str = BASE_URL, timeout: float = TIMEOUT) -> Reading:  # noqa: ASYNC109 - of a whole poll
    """Ask for the balance of a key, within so many seconds; a BalanceError says why there is none."""
    if not 0 < timeout < math.inf:
        raise ValueError(f"timeout is {timeout}: give it in seconds, more than 0")
    async with aclosing(Legnext(ssl_context=_trust())) as legnext:
        seen = await legnext.observe(api_key=api_key, base_url=base_url, timeout=timeout)
    if isinstance(seen, Failure):
        raise BalanceError(seen.kind, seen.reason, seen.retry_after)
    return seen


def _trust() -> ssl.SSLContext | None:
    """Return the certificates, which are loaded once; None where they cannot be: whoever asks then says why."""
    with suppress(OSError):
        return _loaded()
    return None


_loaded = lru_cache(maxsize=1)(trust)
