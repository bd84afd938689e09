"""The polls: one account is asked, and what it said is settled; whatever goes wrong with one, the schedule goes on."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from monitor import log, poll, report
from monitor.ask import Provider, ask
from monitor.clock import Clock
from monitor.config import Account, Config
from monitor.counts import Counts
from monitor.figures import Figures
from monitor.gate import Gate
from monitor.model import Failure, Kind, Seen
from monitor.poll import Polled
from monitor.store import Store

IN_FLIGHT = 250
AT_ONCE = 20
"""Of them, those that began within the last second: no more than the connections that are kept open."""
GRACE = 1.5
"""Real seconds that polls in flight have at a stop."""
_FEW = 10
"""Accounts whose first readings a person would read in the log."""
SLACK = timedelta(seconds=30)
"""What a job may take beside its poll before it is given up, so that it never blocks its successors."""


class Polls:
    """All polls, until ``stop``; ``waits`` are until when the API asked to wait, by account."""

    def __init__(
        self,
        config: Callable[[], Config],
        store: Store,
        clock: Clock,
        provider: Provider,
        wake: Callable[[Sequence[str]], None],
        *,
        counts: Counts,
    ) -> None:
        self.waits: dict[str, datetime] = {}
        self.moved = False
        """Whether a level moved, or an account was read for the first time; whoever has told that sets it back."""
        self._config, self._store, self._clock, self._provider, self._wake = config, store, clock, provider, wake
        self._counts = counts
        self._slots = asyncio.Semaphore(IN_FLIGHT)
        self._gate = Gate(AT_ONCE)
        self._figures: dict[str, Figures] = {}
        """What each account's hours come to, so that not every poll looks it up."""
        self._running: set[asyncio.Task[None]] = set()
        self._greeted: set[str] = set()
        self._stopped = False
        self._log = log.get("monitor.daemon")

    async def tick(self, name: str) -> None:
        """Poll one account: what APScheduler calls."""
        task = asyncio.current_task()
        if task is None or self._stopped:
            return
        self._running.add(task)
        try:
            await self._poll(name)
        except asyncio.CancelledError:
            if not self._stopped:
                raise
        except TimeoutError:
            self._log.error("poll_stuck", account=name, note="given up; the next one follows at its time")
        except Exception:  # noqa: BLE001 - our own mistake: this poll is lost, the schedule goes on
            self._log.exception("poll_failed", account=name)
        finally:
            self._running.discard(task)

    async def _poll(self, name: str) -> None:
        async with self._slots, self._gate.place():
            account = self._config().accounts.get(name)
            if account is None:
                return
            async with asyncio.timeout((account.timeout + SLACK).total_seconds()):
                began = time.monotonic()
                seen = await self.ask(account)
                self._counts.polled(name, seen, time.monotonic() - began)
                current = self._config().accounts.get(name)
                if current is None or (current.api_key, current.base_url) != (account.api_key, account.base_url):
                    return  # a reload came between: what was seen is about another key
                now, config = self._clock.now(), self._config()
                figures = self._figures.get(name)
                settle = partial(poll.settle, config=config, account=current, seen=seen, now=now, figures=figures)
                self._react(await self._store.do(settle))

    async def ask(self, account: Account) -> Seen:
        """Ask; a mistake of ours in asking is a failed poll too, or the account would be unwatched in silence."""
        wait_until, now = self.waits.get(account.name), self._clock.now()
        try:
            return await ask(account, self._provider, wait_until=wait_until, now=now)
        except Exception as error:  # noqa: BLE001 - see above
            self._log.exception("poll_failed", account=account.name)
            return Failure(Kind.UNREACHABLE, f"a mistake of the monitor's own ({type(error).__name__}), see its log")

    def _react(self, polled: Polled) -> None:
        name = polled.after.account
        if polled.figures is not None:
            self._figures[name] = polled.figures
        if polled.after.wait_until is None:
            self.waits.pop(name, None)
        else:
            self.waits[name] = polled.after.wait_until
        self.moved |= bool(polled.moves) or polled.before.polled_at is None
        self._wake([message.channel for message in polled.messages])
        report.polled(self._log, polled, is_first=self._is_first(name))

    def _is_first(self, name: str) -> bool:
        """Say whether this is an account's first poll since the start, where there are so few that people read on."""
        is_first = name not in self._greeted and len(self._config().accounts) <= _FEW
        self._greeted.add(name)
        return is_first

    def stop(self) -> None:
        """Begin no more polls."""
        self._stopped = True

    async def end(self) -> None:
        """Give polls in flight their time, then leave them."""
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
