"""Durations and money: how users write them, how they are kept, and how people read them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import humanize
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_LONGEST = timedelta(days=36500)
_ONE_UNIT = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)
_FINENESS = (
    (timedelta(days=10), "days", timedelta(days=1)),
    (timedelta(days=1), "hours", timedelta(hours=1)),
    (timedelta(minutes=10), "minutes", timedelta(minutes=1)),
    (timedelta.min, "seconds", timedelta(seconds=1)),
)
"""From how long on, the smallest unit that is said."""
_NUMBER = re.compile(r"[+-]?\d{1,20}(?:\.\d{1,20})?", re.ASCII)
_LARGEST = Decimal(10) ** 12
_MOST_DIGITS = 20
CENT = Decimal("0.01")
"""An alert about an amount ends at least that far above its threshold."""


def parse_duration(value: object) -> timedelta:
    """Read ``"30s"``, ``"5m"``, ``"12h"``, ``"7d"`` or ``"1h30m"``; a ValueError says what is wrong otherwise."""
    if isinstance(value, timedelta):
        return value
    is_bare = isinstance(value, str) and value.strip().isdecimal()  # as a variable of the environment brings it
    if is_bare or (isinstance(value, int | float | Decimal) and not isinstance(value, bool)):
        raise ValueError(f'a duration needs a unit: write "{value}s", "{value}m", "{value}h" or "{value}d"')
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        raise ValueError('not a duration: write it like "30s", "5m", "12h", "7d" or "1h30m"')
    try:
        length = timedelta(
            seconds=sum(int(n) * u for n, u in zip(match.groups("0"), _UNITS.values(), strict=True)),
        )
    except (OverflowError, ValueError):
        length = _LONGEST * 2
    if length > _LONGEST:
        raise ValueError("longer than a hundred years")
    return length


def short(length: timedelta) -> str:
    """Write a duration as users do in the configuration: ``1h30m``; whole seconds."""
    left, parts = int(length.total_seconds()), []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def spoken(length: timedelta) -> str:
    """Say a duration as a person does, rounded down: ``1 minute and 30 seconds``, ``1 hour and 30 minutes``.

    Two units where the smaller one matters, else one; never shorter than nothing.
    """
    unit, step = next((unit, step) for above, unit, step in _FINENESS if length >= above)
    whole = max(length, timedelta(0)) // step * step
    return str(humanize.precisedelta(whole, minimum_unit=unit, format="%d", suppress=("months", "years")))


def ago(when: datetime | None, now: datetime) -> str:
    """Say how long ago something was."""
    return "never" if when is None else f"{spoken(now - when)} ago"


def age(length: timedelta) -> str:
    """Say how long something is in one unit, rounded down: ``12s``, ``3h``."""
    name, unit = next((one for one in _ONE_UNIT if length >= one[1]), _ONE_UNIT[-1])
    return f"{max(length // unit, 0)}{name}"


def to_the_minute(length: timedelta) -> str:
    """Say for how long nothing was heard, to the nearest minute: polls are not punctual to the second."""
    minute = timedelta(minutes=1)
    return spoken(length if length < 2 * minute else (length + minute / 2) // minute * minute)


def parse_amount(value: object) -> Decimal:
    """Read a finite number or numeric string as a Decimal, up to 10^12; a ValueError says what is wrong otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("not an amount: write a number such as 25 or 4.50")
    text = value.strip() if isinstance(value, str) else format(Decimal(value), "f") if _is_sane(value) else ""
    if not _NUMBER.fullmatch(text) or len(text.strip("+-").replace(".", "").lstrip("0")) > _MOST_DIGITS:
        raise ValueError("not an amount: write a finite number of at most 20 digits, such as 25 or 4.50")
    amount = Decimal(text)
    if abs(amount) > _LARGEST:
        raise ValueError("an amount beyond 10^12")
    return amount


def _is_sane(value: int | Decimal) -> bool:
    number = Decimal(value)  # format() would write 1E+1000000 as a million digits
    return number.is_finite() and abs(number.adjusted()) <= _MOST_DIGITS


def _off(parse: Any) -> BeforeValidator:  # noqa: ANN401 - any of the parsers above
    return BeforeValidator(lambda value: None if value is None or value == "off" else parse(value))


def plain(amount: Decimal) -> str:
    """Write an amount exactly, without exponent or needless zeros: ``72.048``, ``5000``."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_LENGTH = r"(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?"
_duration_schema = WithJsonSchema({"type": "string", "pattern": f"^{_LENGTH}$", "examples": ["5m"]})
_off_duration_schema = WithJsonSchema({"type": "string", "pattern": f"^(off|{_LENGTH})$", "examples": ["5m", "off"]})
_amount_schema = WithJsonSchema({"type": ["number", "string"]})

Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(short), _duration_schema]
"""A length of time; always with a unit."""
Amount = Annotated[Decimal, BeforeValidator(parse_amount), PlainSerializer(plain), _amount_schema]
"""USD, credits or points, exact."""
OffDuration = Annotated[
    timedelta | None,
    _off(parse_duration),
    PlainSerializer(lambda v: "off" if v is None else short(v)),
    _off_duration_schema,
]
"""A length of time, or None, which users write as ``"off"``."""
OffAmount = Annotated[
    Decimal | None,
    _off(parse_amount),
    PlainSerializer(lambda v: "off" if v is None else plain(v)),
    _amount_schema,
]
"""An amount, or None, which users write as ``"off"``."""


@dataclass(frozen=True, slots=True)
class Margin:
    """How far above a threshold an amount must rise before an alert ends: a share of it, or an amount."""

    size: Decimal
    """Never negative; in percent of the threshold, or in the threshold's own unit."""
    percent: bool

    def above(self, threshold: Decimal) -> Decimal:
        """Return the line that must be passed: threshold + max(|threshold| x share, 0.01)."""
        gap = abs(threshold) * self.size / 100 if self.percent else self.size
        return threshold + max(gap, CENT)

    def __str__(self) -> str:
        return plain(self.size) + "%" * self.percent


def parse_margin(value: object) -> Margin:
    """Read ``"5%"`` or an amount; a ValueError says what is wrong otherwise."""
    if isinstance(value, Margin):
        return value
    percent = isinstance(value, str) and value.strip().endswith("%")
    size = parse_amount(value.strip()[:-1] if percent and isinstance(value, str) else value)
    if size < 0:
        raise ValueError("a margin cannot be negative")
    return Margin(size, percent)


@dataclass(frozen=True, slots=True)
class SpanMargin:
    """How far above a threshold a length of time must rise before an alert ends: a share of it, or a length."""

    share: Decimal
    """Percent of the threshold."""
    length: timedelta

    def above(self, threshold: timedelta) -> timedelta:
        """Return the length that must be passed."""
        return threshold + max(timedelta(seconds=float(self.share) * threshold.total_seconds() / 100), self.length)

    def __str__(self) -> str:
        return short(self.length) if self.length else f"{plain(self.share)}%"


def parse_span_margin(value: object) -> SpanMargin:
    """Read ``"5%"`` or a duration; a ValueError says what is wrong otherwise."""
    if isinstance(value, SpanMargin):
        return value
    if not isinstance(value, str) or not value.strip().endswith("%"):
        return SpanMargin(Decimal(0), parse_duration(value))
    return SpanMargin(parse_margin(value).size, timedelta(0))


ClearSpan = Annotated[
    SpanMargin,
    BeforeValidator(parse_span_margin),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "examples": ["5%", "12h"]}),
]
"""The margin of a length of time."""

ClearMargin = Annotated[
    Margin,
    BeforeValidator(parse_margin),
    PlainSerializer(str),
    WithJsonSchema({"type": ["number", "string"], "examples": ["5%", 2]}),
]


class Unit(StrEnum):
    """What an amount counts."""

    USD = "USD"
    CREDITS = "credits"
    POINTS = "points"


def tell(amount: Decimal, unit: Unit, *, against: Iterable[Decimal | None] = ()) -> str:
    """Say an amount: ``$1,234.56``, ``1,200 credits``.

    Rounded to the cent, but never so that it would seem to be on the other side of a threshold in ``against``.
    """
    if unit is not Unit.USD:
        return f"{Decimal(plain(amount)):,f} {unit}"
    lines = [line for line in against if line is not None]
    places = 2
    while places < _MOST_DIGITS and not _keeps_side(amount, round(amount, places), lines):
        places += 1
    rounded = round(amount, places)
    return f"{'-' * (rounded < 0)}${abs(rounded):,.{places}f}"


def _keeps_side(amount: Decimal, rounded: Decimal, lines: Iterable[Decimal]) -> bool:
    return all(_side(amount, line) == _side(rounded, line) for line in lines)


def _side(amount: Decimal, threshold: Decimal) -> int:
    return (amount > threshold) - (amount < threshold)
