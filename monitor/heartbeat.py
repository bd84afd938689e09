"""A sign of life for a service that notices silence: who watches the watcher.

It goes on beside everything else and holds up nothing: no poll, no delivery and no stop. Whatever goes wrong with it is
logged, without its address, and never ends it.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from monitor import __version__, log
from monitor.clock import Clock
from monitor.config import Config, Unusable
from monitor.provider import trouble
from monitor.provider.client import plain_client, trust
from monitor.store import Store, Tx, outbox

PAUSE = 60.0
"""Seconds of the clock between two requests to one address, at least."""
LOOK = 5.0
"""Seconds of the clock between two looks, and before the first: a daemon that dies at each start must seem dead."""
PATIENCE = 10.0
"""Real seconds for a request, and for the disk to say what waits."""
_STOP = 0.5
_HEADERS = {"User-Agent": f"balance-monitor/{__version__}", "Accept": "*/*"}
_OK = range(200, 300)
_REDIRECTS = range(300, 400)


class Heartbeat:
    """Runs from ``start`` to ``stop``; ``overdue`` names the accounts whose polls are not made."""

    def __init__(
        self,
        config: Callable[[], Config],
        store: Store,
        clock: Clock,
        *,
        overdue: Callable[[], Sequence[str]],
        patience: float = PATIENCE,
    ) -> None:
        self._config, self._store, self._clock = config, store, clock
        self._overdue, self._patience = overdue, patience
        self._delivers = True
        """What was known last: the disk may be in trouble."""
        self._called: dict[str, tuple[SecretStr, float]] = {}
        """By key: which address was called last, and when."""
        self._failing: dict[str, SecretStr] = {}
        self._ailment: str | None = None
        self._trust: ssl.SSLContext | None = None
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = log.get("monitor.heartbeat")

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="heartbeat")

    def wake(self) -> None:
        """Look now: the configuration has changed."""
        self._woken.set()

    async def stop(self) -> None:
        """End at once, whatever is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=_STOP)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._clock.real(LOOK))
            try:
                await self._look()
            except Exception:  # noqa: BLE001 - our own mistake: said, and tried again
                self._log.exception("heartbeat_broken")

    async def _look(self) -> None:
        config = self._config()
        if config.heartbeat_url is None and config.heartbeat_fail_url is None:
            return
        ailment = await self._diagnose(config)
        self._note(ailment)
        key = "heartbeat_url" if ailment is None else "heartbeat_fail_url"
        url = config.heartbeat_url if ailment is None else config.heartbeat_fail_url
        if isinstance(url, SecretStr) and self._is_due(key, url):
            self._called[key] = url, self._clock.monotonic()
            self._report(key, url, await self._get(url.get_secret_value()))

    def _is_due(self, key: str, url: SecretStr) -> bool:
        """Say whether an address may be called; one that is new need not wait."""
        known, at = self._called.get(key, (None, 0.0))
        return known != url or self._clock.monotonic() - at >= PAUSE

    async def _diagnose(self, config: Config) -> str | None:
        """Say what keeps the monitor from its work, or None; while the disk does not tell, by what was known last."""
        overdue = len(self._overdue())
        if overdue:
            return f"the polls of {overdue} account{'s' * (overdue > 1)} are overdue"
        with contextlib.suppress(Exception):  # whoever needs the disk more says so in the log
            async with asyncio.timeout(self._patience):
                self._delivers = await self._store.do(lambda tx: delivers(tx, config))
        return None if self._delivers else "messages wait, and every channel fails"

    async def _get(self, url: str) -> str | None:
        """Ask for an address; say why it did not answer as it should, or None."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._knock(url)
        except TimeoutError:
            return f"no answer within {self._patience:g} s"
        except Exception as error:  # noqa: BLE001 - the seam: whatever httpx, anyio or ssl raise here is the world's doing
            return trouble.explain(error, "its host")  # the host's name may be a secret

    async def _knock(self, url: str) -> str | None:
        if self._trust is None:
            self._trust = await asyncio.to_thread(trust)
        # Cancelled amid a TLS handshake, httpcore leaves the socket open; its own timeout closes it: so it comes first.
        wait = (self._patience * 0.9, None, None, None)
        async with (
            plain_client(self._trust) as client,
            client.stream("GET", url, headers=_HEADERS, timeout=wait) as answer,
        ):
            status = answer.status_code  # of the rest nothing is read
        return (
            None if status in _OK else f"HTTP {status}{', a redirect, which is not followed' * (status in _REDIRECTS)}"
        )

    def _note(self, ailment: str | None) -> None:
        """Say at its two edges that the monitor does not do its work."""
        if ailment is not None and self._ailment is None:
            self._log.warning("heartbeat_withheld", reason=ailment)
        elif ailment is None and self._ailment is not None:
            self._log.info("heartbeat_resumed")
        self._ailment = ailment

    def _report(self, key: str, url: SecretStr, reason: str | None) -> None:
        """Say at its two edges that an address does not answer."""
        if reason is None:
            if self._failing.pop(key, None) is not None:
                self._log.info("heartbeat_recovered", key=key)
        elif self._failing.get(key) != url:
            self._failing[key] = url
            self._log.warning("heartbeat_failing", key=key, reason=log.redact(reason))


def delivers(tx: Tx, config: Config) -> bool:
    """Say whether nothing waits, or a channel that can be used does not fail."""
    if not outbox.channels_waiting(tx):
        return True
    known = outbox.all_health(tx)
    usable = [name for name, channel in config.channels.items() if not isinstance(channel.url, Unusable)]
    return any(name not in known or known[name].failures == 0 for name in usable)
