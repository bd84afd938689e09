"""Alerts of the monitor's own: about its channels, its disk, and accounts that fail alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.alerts.telling import Listener, change, due, follow, is_silenced
from monitor.model import Alert, Cause, Change, Level, Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the monitor found about itself."""

    level: Level
    phrase: str
    since: datetime | None = None
    """Since when, if not just now."""
    pause: timedelta | None = None
    """Between reminders while it lasts; None for no reminders."""
    words_count: bool = True
    """While it lasts, other words are another thing, such as a second channel, of which nobody was told."""
    silent: Level = Level.OK
    """The worst level that somebody has silenced."""


@dataclass(frozen=True, slots=True)
class Own:
    """What became of an alert of the monitor's own, and who is told what, now and later."""

    alert: Alert | None
    changes: Mapping[str, Change] = field(default_factory=dict)
    later: Mapping[str, Change] = field(default_factory=dict)


def own(
    alert: Alert | None,
    told: Mapping[str, Told],
    found: Found,
    now: datetime,
    *,
    listeners: Sequence[Listener],
    fresh: Callable[[], Alert],
) -> "Own":
    """Follow an alert of the monitor's own, such as channels that cannot be used."""
    moved = follow(alert, found.level, found.phrase, fresh=fresh)
    if moved is None:
        return Own(None)
    if found.words_count and alert is not None and alert.phrase != found.phrase and found.level is not Level.OK:
        told = {}
    rose = found.level > (alert.level if alert else Level.OK)
    changes: dict[str, Change] = {}
    later: dict[str, Change] = {}
    for listener in listeners:
        known = told.get(listener.channel)
        if is_silenced(moved.level, known, found.silent):
            continue
        if listener.waits(moved.level, known):
            was_heard = moved.worst > found.silent
            cause = listener.missed(moved, known, wanted=was_heard) if moved.level is Level.OK else None
            kept = later
        else:
            wanted = listener.wants(found.level)
            cause, kept = due(moved, known, now, wanted=wanted, rose=rose, pause=found.pause), changes
        if cause is not None:
            kept[listener.channel] = change(moved, cause, told=known)
    return Own(moved, changes, later)


def still_open(alert: Alert, told: Told | None, listener: Listener, now: datetime) -> dict[str, Change]:
    """Tell a channel of an alert that began while it was not to be disturbed."""
    cause = due(alert, told, now, wanted=listener.wants(alert.level), rose=False, pause=None)
    return {} if cause is None else {listener.channel: change(alert, cause, told=told)}


def unwatch(alert: Alert, told: Sequence[Told]) -> dict[str, Change]:
    """End an alert whose account or rule has left the configuration: told to whoever was told of it."""
    return {one.channel: change(alert, Cause.UNWATCHED, told=one) for one in told}
