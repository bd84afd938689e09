"""Durations that may differ from level to level: between reminders, and for how long an end must last."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from monitor.model import Level
from monitor.quantity import parse_duration, short

_SHORTEST = timedelta(minutes=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pauses:
    """A duration for each level; None for off."""

    warning: timedelta | None
    critical: timedelta | None

    def at(self, level: Level) -> timedelta | None:
        """Return the one of a level, None for off."""
        return self.critical if level is Level.CRITICAL else self.warning


def parse_pauses(value: object, *, default: Pauses) -> Pauses:
    """Read a duration, ``"off"`` or a table with one a level; a ValueError says what is wrong otherwise."""
    match value:
        case Pauses():
            return value
        case dict():
            unknown = set(value) - {"warning", "critical"}
            if unknown:
                raise ValueError(f"takes warning and critical, not {', '.join(sorted(unknown))}")
            return Pauses(**(asdict(default) | {level: _pause(pause) for level, pause in value.items()}))
        case _:
            return Pauses(_pause(value), _pause(value))


def _pause(value: object) -> timedelta | None:
    if value == "off":
        return None
    pause = parse_duration(value)
    if pause < _SHORTEST:
        raise ValueError('shorter than a minute: write at least "1m", or "off"')
    return pause


def _write(value: Pauses) -> dict[str, str]:
    return {level: "off" if pause is None else short(pause) for level, pause in asdict(value).items()}


REMINDERS = Pauses(24 * _HOUR, 4 * _HOUR)
COOLDOWN = Pauses(_HOUR, _HOUR)

_WRITTEN = (
    PlainSerializer(_write),
    WithJsonSchema({"type": ["string", "object"], "examples": ["24h", "off", {"warning": "24h", "critical": "4h"}]}),
)
RemindEvery = Annotated[Pauses, BeforeValidator(lambda value: parse_pauses(value, default=REMINDERS)), *_WRITTEN]
"""The setting ``remind_every``."""
Cooldown = Annotated[Pauses, BeforeValidator(lambda value: parse_pauses(value, default=COOLDOWN)), *_WRITTEN]
"""The setting ``cooldown``."""

PER_LEVEL = ("remind_every", "cooldown")
"""The settings of rules that may be written for each level."""
