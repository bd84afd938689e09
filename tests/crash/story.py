"""What happens: each account goes from level to level, and on as soon as somebody has heard of the present one."""

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from shell import Api

from crash.people import Inbox, News
from monitor.model import Level

ACCOUNTS = ("main", "batch")
WARNING, CRITICAL = 2500, 500
_FLOORS = {Level.CRITICAL: 1, Level.WARNING: 600, Level.OK: 3000}
_EVERYBODY = 5
"""Each so many steps wait until every channel has heard: a backlog has its bounds."""


def steps(account: str, seed: int) -> Iterator[News]:
    """Return what an account goes through, without end; no balance comes twice."""
    chance, level, count = random.Random(f"{seed} {account}"), Level.OK, 0  # noqa: S311 - a story
    while True:
        count += 1
        level = chance.choice([other for other in _FLOORS if other is not level])
        yield News(account, level, Decimal(_FLOORS[level]) + Decimal(count) / 100)


class Story:
    """Goes on in a thread of its own, until it is stopped or at its end."""

    def __init__(self, api: Api, told: Mapping[str, Iterator[News]]) -> None:
        self.happened: dict[str, list[News]] = {account: [] for account in told}
        self.inboxes: Sequence[Inbox] = ()
        self._api, self._told = api, told
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        for account in told:
            api.change(account, balance_usd=9000, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)

    def start(self, inboxes: Sequence[Inbox]) -> None:
        """Begin, heard by these."""
        self.inboxes = inboxes
        self._thread.start()

    def stir(self) -> None:
        """Look again: somebody has heard something."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """Let nothing more happen."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def wait_heard(self, seconds: float) -> bool:
        """Wait until everybody has heard of everything that happened."""
        with self._changed:
            return self._changed.wait_for(self._is_heard, seconds)

    def wait_end(self, seconds: float) -> bool:
        """Wait until all that is to happen has happened."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _is_heard(self) -> bool:
        return all(set(happened) <= inbox.known for happened in self.happened.values() for inbox in self.inboxes)

    def _go_on(self) -> None:
        running = dict(self._told)
        while running:
            for account in list(running):
                if self._may_go_on(account) and not self._step(account, running[account]):
                    del running[account]
            with self._changed:
                if self._stopped:
                    return
                self._changed.wait(0.05)

    def _may_go_on(self, account: str) -> bool:
        happened = self.happened[account]
        if not happened:
            return True
        heard = sum(happened[-1] in inbox.known for inbox in self.inboxes)
        return heard >= (len(self.inboxes) if len(happened) % _EVERYBODY == 0 else 1)

    def _step(self, account: str, told: Iterator[News]) -> bool:
        news = next(told, None)
        if news is None:
            return False
        self._api.change(account, balance_usd=str(news.balance))
        with self._changed:
            self.happened[account].append(news)
        return True
