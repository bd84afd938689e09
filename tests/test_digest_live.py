"""The digest of a daemon as people run it: one that was missed comes at the start, once, and the next at its time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from live import Api, Run, settings, until
from receivers import Webhook

from monitor.store import Store, digests, life
from monitor.store.digests import Latest

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as simulated:
        simulated.change(balance_usd=100, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        yield simulated


class Database:
    """What the daemon remembers, seen from beside it."""

    def __init__(self, folder: Path) -> None:
        self._url = f"sqlite:///{folder / 'balance-monitor' / 'monitor.db'}"

    def latest(self) -> Latest | None:
        store = Store.open_existing(self._url)
        with store.transaction(reads=True) as tx:
            found = digests.read(tx)
        store.close()
        return found

    def set_back(self, by: timedelta) -> None:
        """Let it be so long ago that the daemon kept its schedule."""
        store, known = Store.open_existing(self._url), self.latest()
        assert known is not None
        with store.transaction() as tx:
            digests.write(tx, replace(known, done_at=known.done_at - by))
        store.close()

    def wait_beats(self, count: int) -> None:
        """Wait until the daemon has kept house so often; it looks for digests then."""
        seen: set[datetime | None] = set()

        def beaten() -> bool:
            store = Store.open_existing(self._url)
            with store.transaction(reads=True) as tx:
                born = life.read(tx)
            store.close()
            seen.add(born.beat_at if born else None)
            return len(seen) > count

        until(beaten, "the daemon's beats", 90)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_one_that_was_missed_comes_once_at_the_start_and_the_next_one_at_its_time(api: Api, tmp_path: Path) -> None:
    known = Database(tmp_path)
    with Webhook() as hook, Run(tmp_path) as run:
        text = settings(api, hook.url)
        missed = datetime.now(UTC) - HOUR
        run.path.write_text(f'{text}[digest]\nschedule = "{missed:%M %H} * * *"\n')
        run.start()
        until(known.latest, "the schedule to begin", 60)
        assert run.stop() == 0
        assert hook.posts == []

        known.set_back(2 * HOUR)
        run.start()
        hook.wait_posts(1, 60)
        assert run.stop() == 0
        run.start()
        known.wait_beats(3)
        (post,) = hook.posts
        assert post.body["title"].startswith("[INFO] monitor: digest of 1 account since ")

        run.path.write_text(f'{text}[digest]\nschedule = "* * * * *"\n')
        assert run.command("reload").returncode == 0
        hook.wait_posts(2, 90)
        assert run.stop() == 0
        assert run.events("digest_failed") == []
        assert len(run.events("digest")) == len(hook.posts)
