"""What a picture of an account shows, before it is known how large it is and where on it anything lies."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from monitor.messages import Standing
from monitor.model import Level
from monitor.runway import Runway
from monitor.spending import Balance


@dataclass(frozen=True, slots=True)
class Seen:
    """A balance that every poll of a span of time read."""

    since: datetime
    until: datetime
    usd: Decimal
    owner: str | None = None
    """The account_id that the API named."""
    follows: datetime | None = None
    """When the reading before it ended, if that is not the one before it here."""


@dataclass(frozen=True, slots=True)
class Rise:
    """Money came in: what there was before, what after, and when that was seen."""

    at: datetime
    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """A span of time in which an alert was open, and its worst level."""

    level: Level
    span: Span


@dataclass(frozen=True, slots=True)
class Line:
    """A threshold in USD."""

    level: Level
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What readings come to in a picture."""

    stretches: Sequence[Sequence[Balance]] = ()
    """Points that may be joined; between two stretches nothing is known."""
    unknown: Sequence[Span] = ()
    """Of which nobody knows anything."""
    rises: Sequence[Rise] = ()
    """The largest of those worth showing, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture of one account."""

    account: str
    span: Span
    """What of the past it shows."""
    course: Course
    lines: Sequence[Line] = ()
    alarms: Sequence[Alarm] = ()
    standing: Standing | None = None
    """How things stand at its end; None for a picture of the past."""
    zone: tzinfo

    @property
    def latest(self) -> Balance | None:
        """The last balance in it."""
        return self.course.stretches[-1][-1] if self.course.stretches else None

    @property
    def lasts(self) -> Runway | None:
        """How long what is left will last, if that can be said and drawn."""
        found = self.standing.runway if self.standing else None
        is_drawn = isinstance(found, Runway) and found.mid is not None and found.mid > timedelta(0)
        return found if is_drawn and isinstance(found, Runway) and self.latest is not None else None
