"""Rules about the way to people: what no account can have of its own."""

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field

from monitor.model import Level
from monitor.quantity import OffDuration
from monitor.rules.rule import Watch


class Undelivered(Watch):
    """A channel has failed for that long: told through its fallback, else through the others. For all accounts."""

    name: ClassVar[str] = "undelivered"
    warning: OffDuration = Field(timedelta(minutes=15), description='failing for that long; "off" for none')

    @classmethod
    def of(cls, channel: str) -> str:
        """Return the name under which the alert of one channel is kept; each has a life of its own."""
        return f"{cls.name}.{channel}"

    @property
    def is_on(self) -> bool:
        """Say whether it can ever fire."""
        return self.enabled and self.warning is not None

    def judge(self, failing_since: datetime | None, now: datetime) -> Level | None:
        """Say what a channel that fails since then, or does not, comes to; None for "cannot tell yet"."""
        if failing_since is None:
            return Level.OK
        return Level.WARNING if self.warning is not None and now - failing_since >= self.warning else None
