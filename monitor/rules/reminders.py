"""How often an alert is said again while it lasts."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from monitor.model import Level
from monitor.quantity import parse_duration, short

_SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Reminders:
    """How often a level is said again while it lasts; None for never."""

    warning: timedelta | None = timedelta(hours=24)
    critical: timedelta | None = timedelta(hours=4)

    def every(self, level: Level) -> timedelta | None:
        """Return the pause between reminders at this level, None for no reminders."""
        return self.critical if level is Level.CRITICAL else self.warning


def parse_reminders(value: object) -> Reminders:
    """Read a duration, ``"off"`` or a table with one a level; a ValueError says what is wrong otherwise."""
    match value:
        case Reminders():
            return value
        case dict():
            unknown = set(value) - {"warning", "critical"}
            if unknown:
                raise ValueError(f"takes warning and critical, not {', '.join(sorted(unknown))}")
            return Reminders(**{level: _pause(pause) for level, pause in value.items()})
        case _:
            return Reminders(_pause(value), _pause(value))


def _pause(value: object) -> timedelta | None:
    if value == "off":
        return None
    pause = parse_duration(value)
    if pause < _SHORTEST:
        raise ValueError('reminders more often than every minute: write at least "1m", or "off"')
    return pause


def _write(value: Reminders) -> dict[str, str]:
    return {level: "off" if pause is None else short(pause) for level, pause in asdict(value).items()}


RemindEvery = Annotated[
    Reminders,
    BeforeValidator(parse_reminders),
    PlainSerializer(_write),
    WithJsonSchema({"type": ["string", "object"], "examples": ["24h", "off", {"warning": "24h", "critical": "4h"}]}),
]
"""The setting ``remind_every``."""
