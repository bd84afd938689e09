"""Who hears what: an alert as it is now against what each channel was last told of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.model import Alert, Cause, Change, Level, Told


@dataclass(frozen=True, slots=True)
class Listener:
    """A channel as one account sees it; ``hears`` says whether account and channel both agree."""

    channel: str
    min_level: Level | None
    """None: a fallback only, which wants nothing of its own."""
    hears: bool = True
    sleeps: bool = False
    """It has its quiet hours: only what is critical goes out."""

    def wants(self, level: Level) -> bool:
        """Say whether it is to be told of an alert at this level."""
        return self.hears and self.min_level is not None and level >= self.min_level

    def waits(self, level: Level, told: Told | None) -> bool:
        """Say whether an alert at this level can wait: it is not critical, and was not when it was last told."""
        return self.sleeps and Level.CRITICAL not in {level, told.level if told else Level.OK}

    def missed(self, alert: Alert, told: Told | None, *, wanted: bool = True) -> Cause | None:
        """Say what there is to tell later of an alert that ended while this channel was not to be disturbed."""
        if told is not None:
            return Cause.ENDED
        return Cause.PASSED if wanted and self.wants(alert.worst) else None


def is_silenced(level: Level, told: Told | None, up_to: Level) -> bool:
    """Say whether an alert is no worse than what somebody has silenced, nor was when it was last told; no end is."""
    return Level.OK < level <= up_to and (told is None or told.level <= up_to)


def opened(new_id: Callable[[str], str], account: str, rule: str, now: datetime) -> Alert:
    """Return an alert that has just been opened, before it has a level and words."""
    return Alert(id=new_id(rule), account=account, rule=rule, level=Level.OK, worst=Level.OK, started_at=now, phrase="")


def follow(alert: Alert | None, level: Level, phrase: str, *, fresh: Callable[[], Alert]) -> Alert | None:
    """Open, move or end an alert; None where there was none and is none."""
    if alert is None and level is Level.OK:
        return None
    alert = alert or fresh()
    return replace(alert, level=level, worst=max(alert.worst, level), phrase=phrase)


def due(
    alert: Alert,
    told: Told | None,
    now: datetime,
    *,
    wanted: bool,
    rose: bool,
    pause: timedelta | None,
) -> Cause | None:
    """Say why a channel must be told of an alert now, or None: the whole rule of who hears what.

    ``wanted``: the channel wants alerts of this level of its own accord; ``rose``: it was raised or got worse at this
    very poll; ``pause``: the time between reminders, None for no reminders.
    """
    if told is None:
        return None if not wanted or alert.level is Level.OK else Cause.RAISED if rose else Cause.OPEN
    if alert.level is Level.OK:
        return Cause.ENDED
    if alert.level is not told.level:
        return Cause.WORSE if alert.level > told.level else Cause.EASED
    return Cause.REMINDER if wanted and pause is not None and now - told.at >= pause else None


def change(alert: Alert, cause: Cause, *, told: Told | None, was: str = "") -> Change:
    """Describe what became of an alert, for a reader who was last told ``told``."""
    return Change(
        alert=alert.id,
        account=alert.account,
        rule=alert.rule,
        cause=cause,
        level=alert.level,
        before=told.level if told else alert.worst if cause is Cause.PASSED else Level.OK,
        phrase=alert.phrase,
        was=was,
    )
