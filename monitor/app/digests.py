"""The digest, sent when it is due: put together beside everything else, an account a transaction, and queued in one."""

import asyncio
import functools
from collections.abc import Callable, Sequence

from monitor import log
from monitor.clock import Clock
from monitor.config import Config
from monitor.digest import Entry
from monitor.poll import digest
from monitor.poll.digest import Due
from monitor.store import Store


class Digests:
    """Looks at the schedule whenever it is told to; one digest at a time is put together."""

    def __init__(
        self, config: Callable[[], Config], store: Store, clock: Clock, wake: Callable[[Sequence[str]], None]
    ) -> None:
        self._config, self._store, self._clock, self._wake = config, store, clock, wake
        self._task: asyncio.Task[None] | None = None
        self._log = log.get("monitor.daemon")

    async def mind(self) -> None:
        """Begin a digest if one is due."""
        if self._task is not None and not self._task.done():
            return
        config, now = self._config(), self._clock.now()
        found = await self._store.do(lambda tx: digest.due(tx, config, now))
        if found is not None:
            self._task = asyncio.get_running_loop().create_task(self._send(found), name="digest")

    async def _send(self, found: Due) -> None:
        try:
            await self._put_together(found)
        except Exception:  # noqa: BLE001 - our own mistake, or the disk's trouble: it is due still, and tried again
            self._log.exception("digest_failed")

    async def _put_together(self, found: Due) -> None:
        asked = found.period
        entries: dict[str, Entry] = {}
        for name in digest.named(config := self._config()):
            entries[name] = await self._store.do(
                functools.partial(digest.entry, account=name, asked=asked, keep=config.retention)
            )
        now, config = self._clock.now(), self._config()
        queued = await self._store.do(lambda tx: digest.send(tx, config, found, entries, now))
        if queued is None:
            return
        self._wake([message.channel for message in queued])
        self._log.info("digest", channels=len(queued), accounts=len(entries), since=asked.since.isoformat())

    def stop(self) -> None:
        """Leave what is not queued yet: it is due still at the next start."""
        if self._task is not None:
            self._task.cancel()
