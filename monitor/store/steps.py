"""The course of a balance in steps of time: the lowest, the highest and the last of each, exact, of very many readings.

Of steps of whole hours the extremes are found along an index, hour by hour, and no reading is read: a year of readings
a minute takes some hundredths of a second. Shorter steps, which can only span days, read them all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from monitor.store import schema
from monitor.store.engine import raw

HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = HOUR // _MICROSECOND
_OF_HOUR = f"FROM readings WHERE account = :account AND {schema.HOUR_OF_READING} = n ORDER BY {schema.USD_OF_READING}"
_EXTREMES = f"""
WITH RECURSIVE hours(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM hours WHERE n < :last)
SELECT n, (SELECT {schema.USD_OF_READING} {_OF_HOUR} LIMIT 1) AS low,
          (SELECT {schema.USD_OF_READING} {_OF_HOUR} DESC LIMIT 1) AS high
FROM hours
"""  # noqa: S608 - nothing of it comes from anybody
_EXACT = f"""
SELECT balance_usd FROM readings
WHERE account = ? AND {schema.HOUR_OF_READING} = ? AND {schema.USD_OF_READING} = ? LIMIT 1
"""  # noqa: S608 - see above
_FIRST = """
SELECT first_at, last_at, balance_usd FROM readings
WHERE account = ? AND last_at >= ? ORDER BY last_at, id LIMIT 1
"""
_LAST = """
SELECT first_at, last_at, balance_usd FROM readings
WHERE account = ? AND last_at < ? ORDER BY last_at DESC, id DESC LIMIT 1
"""
_ALL = """
SELECT first_at, last_at, balance_usd FROM readings
WHERE account = ? AND last_at >= ? AND last_at < ? ORDER BY last_at, id
"""

_Run = tuple[int, int, str]
"""From when to when polls read the same, in microseconds, and what, as text."""
_Extreme = tuple[float, str]
"""An amount to compare by, and with all its digits."""


@dataclass(frozen=True, slots=True)
class Step:
    """What was read in a step of time, in USD; None where a gap begins: nothing was read there for long."""

    at: datetime
    low: Decimal | None = None
    high: Decimal | None = None
    last: Decimal | None = None

    @property
    def amounts(self) -> list[Decimal]:
        """The highest, the lowest and the last; nothing in a gap."""
        return [one for one in (self.high, self.low, self.last) if one is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose steps, from when to when, and how long each is; they begin at multiples of that."""

    account: str
    since: datetime
    until: datetime
    length: timedelta
    breaks: Callable[[datetime], timedelta]
    """How long a pause before that moment makes a gap."""

    @property
    def micros(self) -> int:
        """The length in microseconds."""
        return self.length // _MICROSECOND

    @property
    def steps(self) -> range:
        """The numbers of the steps, counted from 1970."""
        first = schema.to_micros(self.since) // self.micros
        return range(first, -(-schema.to_micros(self.until) // self.micros))

    @property
    def span(self) -> tuple[datetime, datetime]:
        """From the beginning of the first step to the end of the last."""
        return schema.to_time(self.steps.start * self.micros), schema.to_time(self.steps.stop * self.micros)


@dataclass(slots=True)
class _Bucket:
    """The runs of readings that end in a step."""

    low: _Extreme
    high: _Extreme
    first: _Run
    last: _Run


def steps(tx: Connection, asked: Asked) -> list[Step]:
    """Return the steps in which anything was read, in order, and one for each gap."""
    buckets = _by_hours(tx, asked) if asked.length % HOUR == timedelta(0) else _by_readings(tx, asked)
    after = _one(tx, _FIRST, asked.account, asked.steps.stop * asked.micros)
    course = _Course(asked)
    for number, bucket in buckets:
        course.hold(bucket.first, number)
        course.add(number, Decimal(bucket.low[1]), Decimal(bucket.high[1]), Decimal(bucket.last[2]))
        course.until = bucket.last[1]
    if after is not None:
        course.hold(after, asked.steps.stop)
    return course.told()


@dataclass(slots=True)
class _Course:
    """The steps so far."""

    asked: Asked
    until: int | None = None
    """When the latest run ended, in microseconds."""
    found: dict[int, tuple[Decimal, Decimal, Decimal]] = field(default_factory=dict)
    gaps: list[int] = field(default_factory=list)

    def hold(self, run: _Run, number: int) -> None:
        """Take a run that ends in a step into those before in which it went on; note the gap before it."""
        began, value = max(run[0] // self.asked.micros, self.asked.steps.start), Decimal(run[2])
        self._note_gap(run[0], min(began, number))
        for before in range(began, number):
            self.add(before, value, value, value)

    def _note_gap(self, began: int, number: int) -> None:
        if self.until is None:
            return
        empty, pause = self.until // self.asked.micros + 1, (began - self.until) * _MICROSECOND
        if empty < number and pause > self.asked.breaks(schema.to_time(began)):
            self.gaps.append(empty)

    def add(self, number: int, low: Decimal, high: Decimal, last: Decimal) -> None:
        """Add what was read in a step, after what is known of it."""
        known = self.found.get(number)
        self.found[number] = (low, high, last) if known is None else (min(low, known[0]), max(high, known[1]), last)

    def told(self) -> list[Step]:
        """Return them in order."""
        times = {number: schema.to_time(number * self.asked.micros) for number in (*self.found, *self.gaps)}
        values = [(number, Step(times[number], *known)) for number, known in self.found.items()]
        return [
            step for _, step in sorted([*values, *((number, Step(times[number])) for number in self.gaps)], key=_place)
        ]


def _place(one: tuple[int, Step]) -> int:
    return one[0]


# -- steps of whole hours ---------------------------------------------------------------------------------------------


def _by_hours(tx: Connection, asked: Asked) -> Iterator[tuple[int, _Bucket]]:
    hours_each, numbers = asked.length // HOUR, asked.steps
    bounds = {"account": asked.account, "first": numbers.start * hours_each, "last": numbers.stop * hours_each - 1}
    found: dict[int, list[tuple[int, float, float]]] = {}
    if numbers:
        for hour, low, high in raw(tx).execute(_EXTREMES, bounds):
            if low is not None:
                found.setdefault(hour // hours_each, []).append((hour, low, high))
    for number, hours in found.items():
        first = _one(tx, _FIRST, asked.account, number * asked.micros)
        last = _one(tx, _LAST, asked.account, (number + 1) * asked.micros)
        if first is not None and last is not None:  # as there are
            yield number, _Bucket(_lowest(tx, asked.account, hours), _highest(tx, asked.account, hours), first, last)


def _lowest(tx: Connection, account: str, hours: Sequence[tuple[int, float, float]]) -> _Extreme:
    hour, low, _ = min(hours, key=lambda one: one[1])
    return low, _digits(tx, account, hour, low)


def _highest(tx: Connection, account: str, hours: Sequence[tuple[int, float, float]]) -> _Extreme:
    hour, _, high = max(hours, key=lambda one: one[2])
    return high, _digits(tx, account, hour, high)


def _digits(tx: Connection, account: str, hour: int, usd: float) -> str:
    (text,) = raw(tx).execute(_EXACT, (account, hour, usd)).fetchone()
    return str(text)


def _one(tx: Connection, query: str, account: str, at: int) -> _Run | None:
    found: _Run | None = raw(tx).execute(query, (account, at)).fetchone()
    return found


# -- shorter steps ----------------------------------------------------------------------------------------------------


def _by_readings(tx: Connection, asked: Asked) -> Iterable[tuple[int, _Bucket]]:
    numbers, length = asked.steps, asked.micros
    buckets: dict[int, _Bucket] = {}
    for run in raw(tx).execute(_ALL, (asked.account, numbers.start * length, numbers.stop * length)):
        usd, number = float(run[2]), run[1] // length
        bucket = buckets.get(number)
        if bucket is None:
            extreme = usd, run[2]
            buckets[number] = _Bucket(extreme, extreme, run, run)
            continue
        bucket.last = run
        if usd < bucket.low[0]:
            bucket.low = usd, run[2]
        elif usd > bucket.high[0]:
            bucket.high = usd, run[2]
    return buckets.items()
