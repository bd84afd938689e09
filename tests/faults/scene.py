"""One fault from its beginning to its end: what the channel beside it noticed, and what the ill one knows at last."""

import asyncio
import io
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from lanes import until
from receivers import Webhook
from shell import Api
from shell import run as command

from faults.kinds import Fault
from faults.targets import PATIENCE, SCALE, SECRET, Target, repeats
from monitor import config as configuration
from monitor import log
from monitor.app import Daemon
from monitor.app.outside import Outside
from monitor.cli.channels import send
from monitor.cli.common import Progress
from monitor.clock import Clock
from monitor.model import NotSent
from monitor.store import Store, outbox
from monitor.worker import Loose

SPEED = 40.0
"""Of the daemon's clock, by which it polls every 5 s and waits 10 s after a first failure."""
EARLY = "early"
"""Is told before the fault, so that it strikes a channel that worked."""
CHANGES: dict[str, dict[str, Any]] = {
    EARLY: {"balance_usd": 90, "alert_threshold": 95},
    "money": {"balance_usd": 20},
    "credits": {"available_credits": 3000},  # which is part of the balance, but that rule is off
    "points": {"available_points": 3000},
}
"""By account; each of another rule, so that nothing is held to go with something else."""
LATER = tuple(CHANGES)[1:]
_RULES = """
interval = "5s"
[rules.undelivered]
enabled = false
[rules.available_credits]
warning = 5000
[rules.available_points]
warning = 5000
[accounts.credits.rules.balance_usd]
enabled = false
"""


@dataclass
class Row:
    """What a fault came to."""

    fault: Fault
    delays: list[float] = field(default_factory=list)
    """Real seconds from a change of the account to the live channel, a poll's interval of an eighth included."""
    heard: list[str] = field(default_factory=list)
    """The accounts of which the ill channel was told, in order."""
    live: list[str] = field(default_factory=list)
    status: str | None = None
    tested: str | None = None
    logged: list[str] = field(default_factory=list)
    healed: float = 0.0
    """Seconds of the daemon's clock from the end of the fault until all was delivered."""
    said: str = ""
    """All that was printed and logged."""

    @property
    def median(self) -> float:
        """Of the delays."""
        return median(self.delays)

    @property
    def in_order(self) -> bool:
        """Whether each came first after those before it, and none is missing."""
        return list(dict.fromkeys(self.heard)) == list(CHANGES)

    @property
    def repeats(self) -> int:
        """What came again."""
        return repeats(self.heard)


def play(fault: Fault, folder: Path) -> Row:
    """Let a fault strike one of two channels of a real daemon, and end again."""
    row = Row(fault)
    with fault.target() as target, _environment(target.environment), Webhook() as live, Api(*CHANGES) as api:
        for name in CHANGES:
            api.change(name, balance_usd=90, alert_threshold=0, low_balance_alert=False, available_points=9000)
        scene = _Scene(folder, row, target, live, api)
        asyncio.run(scene.run())
    return row


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Scene:
    def __init__(self, folder: Path, row: Row, target: Target, live: Webhook, api: Api) -> None:
        self._row, self._fault, self._target, self._live, self._api = row, row.fault, target, live, api
        self._path, self._log = folder / "config.toml", io.StringIO()
        channels = {"ill": target.url, "live": f"{live.url}?{PATIENCE.options}"}
        tables = [f'[channels.{name}]\nurl = "{url}"\nchart = false\n' for name, url in channels.items()]
        self._path.write_text(f'database = "sqlite:///{folder}/monitor.db"\n{_RULES}{api.settings("".join(tables))}')

    async def run(self) -> None:
        asyncio.get_running_loop().set_default_executor(Loose())
        settings = configuration.load(self._path, {}, secrets_dirs=[])
        log.hide(settings.secrets)
        log.setup(level="debug", format="json", stream=self._log, environ={})
        self._store = Store.start(settings.database)
        self._clock = Clock(SPEED)
        daemon = Daemon(settings, self._store, clock=self._clock, outside=Outside(deadline=self._target.patience.send))
        running = asyncio.ensure_future(daemon.run())
        try:
            await self._story()
        finally:
            daemon.stop()
            await asyncio.wait_for(running, 10)
            self._store.close()
        self._look_back()

    async def _story(self) -> None:
        await until(lambda: all(map(self._api.requests, CHANGES)))
        await self._change(EARLY)
        await until(lambda: EARLY in self._target.accounts())
        self._row.delays.clear()
        with self._fault.strike(self._target):
            test = asyncio.ensure_future(asyncio.to_thread(self._test))
            for name in LATER:
                await self._change(name)
            await self._until_struck()
            self._row.status = await asyncio.to_thread(self._status)
            self._row.tested = await test
        ended = self._clock.monotonic()
        await self._until_delivered()
        self._row.healed = self._clock.monotonic() - ended

    async def _change(self, name: str) -> None:
        """Change an account, and wait for the live channel to hear of it."""
        began = time.monotonic()
        self._api.change(name, **CHANGES[name])
        await until(lambda: any(f" {name}:" in title for title in self._live.titles))
        self._row.delays.append(self._live.posts[-1].at - began)

    async def _until_struck(self) -> None:
        if not self._fault.reason:
            await self._until_delivered()
            return

        async def has_failed() -> bool:
            health = await self._store.do(lambda tx: outbox.health(tx, "ill"))
            return health.failures >= self._fault.attempts

        await until(has_failed, 60)

    async def _until_delivered(self) -> None:
        async def nothing_waits() -> bool:
            return not await self._store.do(outbox.channels_waiting)

        await until(nothing_waits, 60)

    def _test(self) -> str | None:
        """Send a test message, as a person would who wants to know."""
        channel = configuration.load(self._path, {}, secrets_dirs=[]).channels["ill"]
        ((_, outcome),) = send([channel], Progress(None), deadline=self._target.patience.send)
        return outcome.reason if isinstance(outcome, NotSent) else None

    def _status(self) -> str | None:
        said = command("--config", str(self._path), "status", "--json").stdout
        self._row.said += said
        (ill,) = (one for one in json.loads(said)["channels"] if one["channel"] == "ill")
        reason: str | None = ill["last_error"]
        return reason

    def _look_back(self) -> None:
        row, text = self._row, self._log.getvalue()
        row.said += text
        row.heard, row.live = self._target.accounts(), [title.split()[1].rstrip(":") for title in self._live.titles]
        events = [json.loads(line) for line in text.splitlines()]
        row.logged = [event["error"] for event in events if event["event"] == "channel_failing"]


HEAD = (
    f"real times are {SCALE} times shorter than for users: a send has {PATIENCE.send:g} s (60), an answer "
    f"{PATIENCE.answer:g} s (40);\na send by mail has 20 s, since 5.5 s between two cannot be scaled; "
    f"the clock runs {SPEED:g} times faster\n\n"
    f"{'fault':18} {'live: median':>12} {'max':>6} {'in order':>9} {'repeats':>8} {'healed after':>13}  status says"
)


def line(row: Row) -> str:
    """Write a row."""
    order = "yes" if row.in_order else "NO"
    said = row.status or "(delivered meanwhile)"
    return (
        f"{row.fault.name:18} {row.median:10.2f} s {max(row.delays):4.2f} s {order:>9} {row.repeats:8} "
        f"{row.healed:11.0f} s  {said}"
    )


def wrong(row: Row) -> Sequence[str]:
    """Say what is not as promised."""
    fault, reason = row.fault, row.fault.reason or None
    held = PATIENCE.connect  # the shortest time that a fault could hold up anybody
    found = {
        "the live channel was delayed": row.median > held or max(row.delays) > PATIENCE.send,
        f"the live channel heard {row.live}": row.live != list(CHANGES),
        f"the ill channel heard {row.heard}": not row.in_order,
        f"{row.repeats} repeats": row.repeats > 0 and not fault.may_repeat,
        f"status says {row.status}": row.status != reason,
        f"channels test says {row.tested}": row.tested != reason,
        f"the log says {row.logged}": row.logged != [reason] * bool(reason),
        "a secret was shown": SECRET in row.said + f"{row.tested}",
    }
    return [what for what, is_so in found.items() if is_so]
