"""Times that come again and again, written as cron's five fields and kept by the clock on the wall.

Fields are read here, because APScheduler reads some of them its own way: 0 is Monday to it, and both kinds of days
must hold, where cron wants one of them. Its CronTrigger finds the moments, and is asked in wall time alone: on the days
when clocks change it would leave out the next night, or find the same moment for ever. Each time on the clock comes
once: the first of two, and one that is skipped comes as much later as the clock was put forward.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

_EXAMPLE = 'minute, hour, day, month and weekday, such as "0 9 * * mon"'
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d{1,4}))?", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Both 0 and 7 are Sunday."""
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
"""Days of each month; of February once in four years."""
_LOOKS = (timedelta(hours=1), *(timedelta(days=days) for days in (1, 8, 32, 367, 1500)))
"""How far back the time before is looked for: an hour, a day, a week, a month, a year, four years with a leap day."""


@dataclass(frozen=True, slots=True)
class _Field:
    """What may stand in one of the five."""

    name: str
    first: int
    last: int
    names: Sequence[str] = ()
    """Words for the numbers, from the first one on."""
    words: str = ""
    """How to tell of them."""

    def numbers(self, text: str) -> frozenset[int]:
        """Return the numbers that a field stands for; a ValueError says what may stand there."""
        return frozenset(number for part in text.split(",") for number in self._part(part))

    def _part(self, text: str) -> range:
        found = _PART.fullmatch(text)
        if found is None:
            raise self._wrong()
        first, last = (self.first, self.last) if found["all"] else self._ends(found["first"], found["last"])
        step = int(found["step"] or 1)
        if first > last or not step or (found["step"] and not found["all"] and not found["last"]):
            raise self._wrong()
        return range(first, last + 1, step)

    def _ends(self, first: str, last: str | None) -> tuple[int, int]:
        begin = self._number(first, self.names.index)
        return begin, begin if last is None else self._number(last, self._last_index)

    def _number(self, text: str, place: Callable[[str], int]) -> int:
        if text.lower() in self.names:
            return self.first + place(text.lower())
        if not text.isdecimal() or not self.first <= int(text) <= self.last:
            raise self._wrong()
        return int(text)

    def _last_index(self, name: str) -> int:
        """Return the last place of a name: a range up to Sunday ends with the week."""
        return len(self.names) - 1 - self.names[::-1].index(name)

    def _wrong(self) -> ValueError:
        return ValueError(
            f"the {self.name} is not as cron has it: write {self.first} to {self.last}{self.words}, "
            "*, a list 1,3, a range 1-5 or steps */2"
        )


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS, " or jan to dec"),
    _Field("weekday", 0, 7, _WEEKDAYS, " or sun to sat"),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """The five fields, as they were written."""

    text: str

    def after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """Return the first time after a moment, in UTC; None if there is none."""
        return next(self._times(moment, zone), None)

    def latest(self, since: datetime, until: datetime, zone: tzinfo) -> datetime | None:
        """Return the last time after a moment and up to another, None if there is none."""
        found = None
        for at in self._times(since, zone):
            if at > until:
                break
            found = at
        return found

    def before(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """Return the last time before a moment, None if it was years ago."""
        until = moment - timedelta(microseconds=1)
        found = (self.latest(moment - look, until, zone) for look in _LOOKS)
        return next((at for at in found if at is not None), None)

    def _times(self, moment: datetime, zone: tzinfo) -> Iterator[datetime]:
        """Yield every time after a moment."""
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        while (following := _following(self.text, wall)) is not None:
            wall = following
            at = wall.replace(tzinfo=zone).astimezone(UTC)
            if at > moment:  # else it is the first of two, and long over
                yield at
                moment = at

    def __str__(self) -> str:
        return self.text


def parse_cron(value: object) -> Cron:
    """Read cron's five fields; a ValueError says what is wrong otherwise."""
    if isinstance(value, Cron):
        return value
    words = value.split() if isinstance(value, str) else []
    if len(words) != len(_FIELDS):
        raise ValueError(f"not a schedule of cron: write {_EXAMPLE}")
    _, _, days, months, _ = (field.numbers(word) for field, word in zip(_FIELDS, words, strict=True))
    if not _is_either(words[2], words[4]) and min(days) > _longest(months):
        raise ValueError("none of its months has such a day, so it never comes: correct the day or the month")
    return Cron(" ".join(words))


def _longest(months: frozenset[int]) -> int:
    return max(_LONGEST[month - 1] for month in months)


def _is_either(day: str, weekday: str) -> bool:
    """Say whether one of both kinds of days is enough: where neither begins with a star, as in crontab(5)."""
    return not day.startswith("*") and not weekday.startswith("*")


def _following(text: str, wall: datetime) -> datetime | None:
    """Return the first wall time after another."""
    start = wall.replace(tzinfo=UTC) + timedelta(microseconds=1)
    found = [trigger.get_next_fire_time(None, start) for trigger in _triggers(text)]
    return min((at.replace(tzinfo=None) for at in found if at is not None), default=None)


@lru_cache(maxsize=8)
def _triggers(text: str) -> list[Any]:
    """Return APScheduler's triggers, in lists of its own numbers; two where either kind of days is enough."""
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - 75 ms that only a digest must pay

    words = text.split()
    minute, hour, day, month, weekday = (field.numbers(word) for field, word in zip(_FIELDS, words, strict=True))
    time = {"minute": _listed(minute), "hour": _listed(hour), "month": _listed(month), "timezone": UTC}
    days = {"day": _listed(day)}
    weekdays = {"day_of_week": _listed(frozenset((number - 1) % 7 for number in weekday))}
    if not _is_either(words[2], words[4]):
        return [CronTrigger(**time, **days, **weekdays)]
    there = [days] if min(day) <= _longest(month) else []  # else it would look for it until the end of time
    return [CronTrigger(**time, **which) for which in (*there, weekdays)]


def _listed(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))
