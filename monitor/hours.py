"""Hours of the day, as people keep them: in a time zone, perhaps over midnight."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hours:
    """From one time of the day up to another, which may be on the next day."""

    begin: time
    end: time

    def hold(self, now: datetime, zone: tzinfo) -> bool:
        """Say whether a moment is within them, by the clocks of a zone."""
        local = now.astimezone(zone).time()
        if self.begin < self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end

    def over(self, now: datetime, zone: tzinfo) -> datetime:
        """Return when hours that hold a moment are over."""
        local = now.astimezone(zone)
        day = local.date() + timedelta(days=local.time() >= self.end)
        return datetime.combine(day, self.end, zone).replace(fold=local.fold).astimezone(UTC)

    def __str__(self) -> str:
        return f"{self.begin:%H:%M}-{self.end:%H:%M}"


def parse_hours(value: object) -> Hours:
    """Read ``"22:00-07:00"``; a ValueError says what is wrong otherwise."""
    if isinstance(value, Hours):
        return value
    match = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        hours = Hours(_time(match, 1), _time(match, 3)) if match else None
    except ValueError:
        hours = None
    if hours is None:
        raise ValueError('not hours of the day: write them like "22:00-07:00"')
    if hours.begin == hours.end:
        raise ValueError("the same time twice: leave quiet_hours out, or write when they end")
    return hours


def _time(match: re.Match[str], place: int) -> time:
    return time(int(match[place]), int(match[place + 1]))
