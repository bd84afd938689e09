"""Times as people write them: so long ago, or a moment."""

from datetime import UTC, datetime, timedelta, tzinfo

from monitor.quantity import parse_duration

When = timedelta | datetime
"""So long ago, or a moment; one without an offset is in the configured time zone."""


def parse_when(value: object) -> When:
    """Read a duration, an RFC 3339 time or a date; a ValueError says what is wrong otherwise."""
    text = str(value).strip()
    if not text[:4].isdecimal() or text[4:5] != "-":
        return parse_duration(value)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ValueError('not a time: write it like "2026-01-13T10:00:00Z" or "2026-01-13"') from None


def moment_of(when: When, now: datetime, zone: tzinfo) -> datetime:
    """Return the moment that is meant, in UTC; a ValueError if there is none like it."""
    try:
        if isinstance(when, timedelta):
            return now - when
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{when} is a time that nothing is known of") from None
