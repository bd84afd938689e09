"""A day of one account, told by the real daemon to a real receiver; only time is played.

The API, the database, the delivery and the receiver are real. The clock stands still until the story moves it, so that
what is told is known to the character: ``TOLD``.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from pixels import size
from places import Place, Told
from shell import Api, move_into

from monitor import config, log
from monitor.app import Daemon
from monitor.app.outside import Outside
from monitor.clock import Clock
from monitor.model import Seen
from monitor.provider import Legnext
from monitor.store import Store, digests, outbox

ACCOUNT = "main_eu"
START = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)
RAISED = Told(
    "[CRITICAL] main_eu: $4.07 left (at or below $5.00)",
    "Rule balance_usd: critical.\n"
    "Balance: $4.07, 3,000 credits, 1,068 points, read 2026-01-13 10:05:00 UTC.\n"
    "Gone since 2026-01-13 10:00:00 UTC: $95.93; nothing is known of before.\n"
    "Runway: not enough data yet (needs a day of readings).",
)
REMINDER = Told(
    "[CRITICAL] main_eu: still $4.07 left (at or below $5.00)",
    "Rule balance_usd: still critical.\n"
    "Balance: $4.07, 3,000 credits, 1,068 points, read 2026-01-13 14:05:00 UTC.\n"
    "Gone since 2026-01-13 10:00:00 UTC: $95.93; nothing is known of before.\n"
    "Runway: not enough data yet (needs a day of readings; 20 hours are missing).",
)
RESOLVED = Told(
    "[OK] main_eu: $204.07 left (above $25.00)",
    "Rule balance_usd: fine again (was critical).\n"
    "Balance: $204.07, 203,000 credits, 1,068 points, read 2026-01-13 15:05:00 UTC.\n"
    "Gone since 2026-01-13 10:00:00 UTC: $95.93; nothing is known of before.\n"
    "Runway: not enough data yet (needs a day of readings; 19 hours and 55 minutes are missing).",
)
DIGEST = Told(
    "[INFO] monitor: digest of 1 account since Tue 13 Jan 09:00 UTC",
    "main_eu: $204.07 left, not enough data yet to say how long it lasts\n"
    "at least $95.93 gone (known for 21 hours); $200.00 came in; 1 alert ended; 100 % of 5 polls",
)
TOLD = (RAISED, REMINDER, RESOLVED, DIGEST)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
_MORE = """\
[digest]
schedule = "0 9 * * *"
[rules.top_up]
enabled = false
"""


class Standing(Clock):
    """Stands still until it is moved; whoever waits for a time of it looks again in a moment."""

    def __init__(self) -> None:
        super().__init__()
        self.time = START

    def now(self) -> datetime:
        return self.time

    def real(self, seconds: float) -> float:
        return min(seconds, 0.05)

    def stepped(self) -> timedelta | None:
        return None


class Turnstile:
    """Lets a poll through when the story says so; it is a real one."""

    def __init__(self) -> None:
        self._legnext, self._turns = Legnext(), asyncio.Semaphore(0)

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ASYNC109 - of a whole poll
        await self._turns.acquire()
        return await self._legnext.observe(api_key=api_key, base_url=base_url, timeout=timeout)

    def let(self) -> None:
        """Let one through, or the next to come."""
        self._turns.release()

    def open(self) -> None:
        """Let through all that wait: the daemon may have sent more than one."""
        for _ in range(10):
            self.let()

    async def aclose(self) -> None:
        await self._legnext.aclose()


class Stage:
    """The daemon, its account and one channel, ``ops``."""

    def __init__(self, folder: Path, place: Place, api: Api) -> None:
        self.place, self.clock, self._api = place, Standing(), api
        self._path = folder / "config.toml"
        self._path.write_text(api.settings(f'[channels.ops]\nurl = "{place.url}"\n{_MORE}'))
        self.config = config.load(self._path, {"XDG_STATE_HOME": str(folder)}, secrets_dirs=[])
        log.hide(self.config.secrets)
        self.log = io.StringIO()
        log.setup(level="debug", format="json", stream=self.log, environ={})

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[None]:
        """Run the daemon."""
        self._store = Store.start(self.config.database)
        self._polls = Turnstile()
        self._daemon = Daemon(self.config, self._store, clock=self.clock, outside=Outside(provider=self._polls))
        running = asyncio.ensure_future(self._daemon.run())
        try:
            yield
        finally:
            self._daemon.stop()
            self._polls.open()
            await asyncio.wait_for(running, 8)
            await self._polls.aclose()
            self._store.close()

    async def begins(self) -> None:
        """Wait until the daemon has looked at its schedule of digests, so that the next one is due."""
        while await self._store.do(digests.read) is None:
            await self._hurry()

    async def reads(self, balance: str, at: timedelta) -> None:
        """Let one poll, at this time, read this balance, and wait until it was settled."""
        before = self._settled
        self.clock.time = START + at
        self._api.change(ACCOUNT, balance_usd=balance)
        self._polls.let()
        await self.until(lambda: self._settled > before, "a poll")

    async def fails(self, times: int) -> str | None:
        """Wait until the service has refused a message so often, and return why."""
        while (known := await self.health()).failures < times:
            if known.next_attempt_at is not None:
                self.clock.time = max(self.clock.time, known.next_attempt_at)
            await self._hurry()
        return known.last_error

    async def health(self) -> outbox.Health:
        """Return what the daemon knows of the channel."""
        return await self._store.do(lambda tx: outbox.health(tx, "ops"))

    @property
    def _settled(self) -> int:
        return self.log.getvalue().count('"event": "polled"')

    async def told(self, count: int) -> None:
        """Wait until so many messages have arrived, and the daemon knows it."""
        await self.until(lambda: len(self.place.read()) >= count, f"message {count}")
        while await self._store.do(outbox.channels_waiting):
            await self._hurry()

    async def until(self, true: Callable[[], object], what: str, seconds: float = 20) -> None:
        """Wait for something; meanwhile housekeeping, which takes a step a second, takes many."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not true():
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"{what} did not come; the log:\n{self.log.getvalue()[-3000:]}"
            await self._hurry()

    async def _hurry(self) -> None:
        self._daemon.reload()  # there is nothing to read again, but whoever was asked to takes the next step at once
        await asyncio.sleep(0.02)


async def day(stage: Stage) -> list[Told]:
    """Live through the whole day, and return what was read of it at the end."""
    async with stage.daemon():
        await stage.begins()
        await low(stage)
        await stage.told(1)
        await stage.reads("4.068", at=5 * MINUTE + 4 * HOUR)
        await stage.told(2)
        await stage.reads("204.068", at=5 * MINUTE + 5 * HOUR)
        await stage.told(3)
        await stage.reads("204.068", at=22 * HOUR)
        stage.clock.time = START + 23 * HOUR  # nine o'clock
        await stage.told(len(stage.place.marks))
    return stage.place.read()


async def low(stage: Stage) -> None:
    """Live until the balance is low."""
    await stage.reads("100", at=0 * MINUTE)
    await stage.reads("4.068", at=5 * MINUTE)


async def refused(stage: Stage) -> str | None:
    """Live until the service has refused the alert, and return why."""
    async with stage.daemon():
        await low(stage)
        return await stage.fails(times=1)


async def mended(stage: Stage) -> None:
    """Start again a minute later, and live until the alert has arrived."""
    stage.clock.time += MINUTE
    async with stage.daemon():
        await stage.told(1)


@contextmanager
def staged(place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Set the stage, with the account at the beginning of its day."""
    move_into(folder, monkeypatch)
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    # The pauses that Apprise and we keep between two messages are for services with many clients.
    monkeypatch.setattr("monitor.notify.time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0))
    monkeypatch.setattr("apprise.url.time", SimpleNamespace(sleep=lambda _: None))
    with Api(ACCOUNT, balance_usd="100", available_points=1068, low_balance_alert=False, alert_threshold=0) as api:
        yield Stage(folder, place, api)


def check_day(place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a receiver be told of the day, and hold what is read there against what is to be read."""
    with staged(place, folder, monkeypatch) as stage:
        found = asyncio.run(day(stage))
    expected = [place.shown(told) for told in TOLD[: len(place.marks)]]
    assert [(one.title, one.body) for one in found] == [(one.title, one.body) for one in expected]
    assert [one.mark for one in found] == list(place.marks)
    pictures = [[size(picture) for picture in one.pictures] for one in found]
    assert pictures == [[(720, 540)] * (place.has_pictures and told is not DIGEST) for told in TOLD[: len(found)]]
