"""Times as commands take and show them: so long ago or a moment, in the configured time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import click

from monitor.cli.common import Stop, load
from monitor.when import When, moment_of, parse_when

__all__ = ["When", "Window", "parse_when", "window", "zone_of"]


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


def window(since: When, until: When | None, *, now: datetime, zone: tzinfo) -> Window:
    """Return what is looked at; ``until`` is now unless given."""
    found = Window(_moment(since, now, zone), now if until is None else _moment(until, now, zone))
    if found.since > found.until:
        raise click.UsageError("--since is later than --until, which is now unless given")
    return found


def _moment(when: When, now: datetime, zone: tzinfo) -> datetime:
    try:
        return moment_of(when, now, zone)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
