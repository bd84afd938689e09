"""Times as commands take and show them: so long ago or a moment, in the configured time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import click

from monitor.cli.common import Stop, load
from monitor.quantity import parse_duration

When = timedelta | datetime
"""So long ago, or a moment; one without an offset is in the configured time zone."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when, both in UTC."""

    since: datetime
    until: datetime


def zone_of(path: Path | None) -> tzinfo:
    """Return the configured time zone; UTC while the configuration is wrong, since what is shown says its zone."""
    try:
        return load(path, needs_secrets=False).timezone
    except Stop:
        return UTC


def parse_when(value: object) -> When:
    """Read a duration, an RFC 3339 time or a date; a ValueError says what is wrong otherwise."""
    text = str(value).strip()
    if not text[:4].isdecimal() or text[4:5] != "-":
        return parse_duration(value)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError('not a time: write it like "2026-01-13T10:00:00Z" or "2026-01-13"') from None


def window(since: When, until: When | None, *, now: datetime, zone: tzinfo) -> Window:
    """Return what is looked at; ``until`` is now unless given."""
    found = Window(_moment(since, now, zone), now if until is None else _moment(until, now, zone))
    if found.since > found.until:
        raise click.UsageError("--since is later than --until, which is now unless given")
    return found


def _moment(when: When, now: datetime, zone: tzinfo) -> datetime:
    if isinstance(when, timedelta):
        return now - when
    try:
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise click.UsageError(f"{when} is a time that nothing is known of") from None
