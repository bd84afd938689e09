"""A year of readings, one a minute, each another: more than any retention keeps, written straight into the database."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from monitor.store.schema import to_micros

READINGS = 525_600
_ADD = (
    "INSERT INTO readings (account, first_at, last_at, polls, account_id, balance_usd, available_credits) "
    "VALUES (?, ?, ?, 1, '52', ?, ?)"
)


def write_year(database: Path, account: str, until: datetime, *, count: int = READINGS) -> None:
    """Write so many readings up to a moment."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(_ADD, _rows(account, until, count))


def _rows(account: str, until: datetime, count: int) -> Iterator[tuple[str, int, int, str, str]]:
    chance = random.Random(7)  # noqa: S311 - spreads amounts, guards nothing
    millis = 1_000_000
    for minute in range(count, 0, -1):
        at = to_micros(until - timedelta(minutes=minute))
        millis -= chance.randrange(1, 30)
        millis += 500_000 * (millis < 20_000)
        yield account, at, at, f"{millis / 1000:.3f}", str(millis)
