"""(f) and (g): a year of one-minute readings, each different from the one before: what a poll costs with it, and where.

The rows are made as polls would have left them, with every field of a reading, and then retention is let loose on them.
"""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from live import Api, settings
from sqlalchemy import insert

from bench.blocks import compare
from bench.figure import Figure
from bench.ground import daemon_on, scale
from monitor.config import Retention
from monitor.spending import HOUR, Hour, hour_of
from monitor.store import Store, Tx, hourly, retention, schema

_READINGS = scale(365 * 24 * 60, 5000)
_MINUTE = timedelta(minutes=1)
_KEEP = Retention(raw=timedelta(days=35), hourly=timedelta(days=400))
_CENT = Decimal("0.01")


def fill(path: Path) -> None:
    """Give a new database a year of readings of ``main``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store.start(f"sqlite:///{path}")
    end = datetime.now(UTC)
    with store.transaction() as tx:
        for first in range(0, _READINGS, 10_000):
            places = range(first, min(first + 10_000, _READINGS))
            tx.execute(insert(schema.readings), [_row(place, end - (_READINGS - place) * _MINUTE) for place in places])
        _fill_hours(tx, end)
    store.close()


def _fill_hours(tx: Tx, end: datetime) -> None:
    """Add what those readings would have been counted to, so that figures are taken from them."""
    first, last = hour_of(end - _READINGS * _MINUTE), hour_of(end)
    starts = [first + place * HOUR for place in range((last - first) // HOUR)]
    hourly.add(tx, "main", [Hour(start, 60 * _CENT, watched=HOUR) for start in starts])
    tally = {"counted_since": first, "counted_at": end, "hour_fell": _CENT, "hour_rose": 0 * _CENT}
    known = {"name": "main", "balance_usd": 6000 - _READINGS * _CENT, "read_at": end, "polled_at": end}
    tx.execute(insert(schema.accounts), known | tally | {"hour_watched": _MINUTE})


def _row(place: int, at: datetime) -> dict[str, object]:
    balance = 6000 - place * _CENT
    amounts = {"available_credits": balance * 1000 - 1048, "available_points": Decimal(1048)}
    rest = {"account_id": "1", "alert_threshold": Decimal(10), "low_balance_alert": False, "updated_at": at}
    run = {"account": "main", "first_at": at, "last_at": at, "polls": 1, "balance_usd": balance}
    return run | amounts | rest


def measure_cost(folder: Path) -> list[Figure]:
    """Compare a poll with a year behind it to one with nothing behind it, each poll bringing another balance."""
    with_it, without = folder / "with", folder / "without"
    fill(with_it / "balance-monitor" / "monitor.db")
    with Api() as api:
        api.change(balance_usd="900000", spend_usd_per_hour="3600000")
        one, other, ratio = asyncio.run(_compare(with_it, without, settings(api)))
    return [
        Figure("f", "CPU of a poll with a year behind it over one without", ratio, "x", bound=1.1),
        Figure("f", "  with", one * 1000, "ms"),
        Figure("f", "  without", other * 1000, "ms"),
    ]


async def _compare(with_it: Path, without: Path, text: str) -> tuple[float, float, float]:
    async with daemon_on(with_it, text) as one, daemon_on(without, text) as other:
        size, blocks = scale(100, 10), scale(40, 4)
        return await compare(
            lambda: one._polls.tick("main"), lambda: other._polls.tick("main"), blocks=blocks, size=size
        )


def measure_disk(folder: Path) -> list[Figure]:
    """Say what the year takes on disk, raw and after retention, and how long a step of that takes."""
    path = folder / "monitor.db"
    fill(path)
    raw = path.stat().st_size
    times = sorted(_retain(path))
    return [
        Figure("g", f"{_READINGS:,} readings of one account, raw", raw / 1e6, "MB"),
        Figure("g", "  after retention", path.stat().st_size / 1e6, "MB"),
        Figure("g", f"  half of {len(times):,} steps take less than", times[len(times) // 2] * 1000, "ms"),
        Figure("g", "  the longest took", times[-1] * 1000, "ms"),
    ]


def _retain(path: Path) -> Iterator[float]:
    """Take step after step until nothing is left to do, and yield how long each took."""
    store, now, more = Store.start(f"sqlite:///{path}"), datetime.now(UTC), True
    while more:
        began = time.perf_counter()
        with store.transaction() as tx:
            more = retention.step(tx, _KEEP, now)
        yield time.perf_counter() - began
    store.close()
