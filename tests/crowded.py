"""A week of seven accounts in all states, and two channels, one of which fails: what pages are looked at with."""

import random
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from site_of import GUARDED
from world import OPS, World, reading

from monitor.deliver.ledger import Attempt, plan, settle
from monitor.model import Failure, Kind, Level, NotSent, Outcome, Sent, Snooze
from monitor.store import Store, snoozes

HOUR = timedelta(hours=1)
REFUSED = Failure(Kind.REFUSED, "HTTP 401 Unauthorized: invalid api key")
AWAY = Failure(Kind.UNREACHABLE, "connection refused")
LOST = NotSent("SMTP 535: the server refuses the user name or the password")
_START = {"main": 62.0, "batch": 330.0, "web": 46.0, "render": 960.0, "video_eu": 130.0, "video_us": 42.0, "old": 12.0}
_RATE = {"main": 0.6, "batch": 1.3, "web": 0.12, "render": 0.9, "video_eu": 0.5, "video_us": 0.2, "old": 0.01}
TEXT = (
    "".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\ninterval = "1h"\n' for name in _START)
    + OPS
    + '[channels.mail]\nurl = "json://localhost/mail"\n'
    + '[rules.balance_usd]\ncooldown = "off"\n'
    + GUARDED
)


def week(worlds: Callable[..., World]) -> World:
    """Return a world in which eight days have passed."""
    content, now = _passed()
    world = worlds(TEXT, environ={})
    world.store.close()
    (world.folder / "monitor.db").write_bytes(content)
    world.now = now
    world.store = Store.start(f"sqlite:///{world.folder / 'monitor.db'}")
    return world


@cache
def _passed() -> tuple[bytes, datetime]:
    """Let eight days pass, once, and return what is on the disk then."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), TEXT, {})
        _live(world)
        world.store.close()
        return (world.folder / "monitor.db").read_bytes(), world.now


def _live(world: World) -> None:
    chance, left = random.Random(3), {**_START}  # noqa: S311 - amounts
    for hour in range(8 * 24):
        world.now += HOUR
        for name in left:
            _poll(world, chance, left, name, hour)
        deliver(world, "ops", Sent())
        deliver(world, "mail", LOST if hour > 7 * 24 + 4 else Sent())
    with world.store.transaction() as tx:
        silent = Snooze(account="old", rule="refused", level=Level.CRITICAL, until=world.now + 3 * HOUR)
        snoozes.ask(tx, silent)


def _poll(world: World, chance: random.Random, left: dict[str, float], name: str, hour: int) -> None:
    if name == "old" and hour > 90:
        world.sees(REFUSED, name, after=timedelta(0))
    elif name == "web" and 70 < hour < 95:
        world.sees(AWAY, name, after=timedelta(0))
    else:
        left[name] -= 2 * chance.random() * _RATE[name]
        if name == "main" and left[name] < 2:
            left[name] += 100
        seen = reading(f"{left[name]:.3f}", available_credits=int(left[name] * 700), available_points=1068)
        world.sees(seen, name, after=timedelta(0))


def deliver(world: World, channel: str, outcome: Outcome) -> None:
    """Let a channel's service answer all that waits for it so."""
    while True:
        with world.store.transaction() as tx:
            parcel = plan(tx, world.config, world.config.channels[channel], world.now).parcel
            if parcel is None:
                return
            settle(tx, world.config, Attempt(parcel=parcel, outcome=outcome, now=world.now, seconds=0.2), 0)
