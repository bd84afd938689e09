"""Rules about polls that bring no reading, or one that lacks a field."""

from datetime import timedelta
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from monitor.model import Failure, Kind, Level, Reading
from monitor.quantity import OffDuration, short
from monitor.rules.rule import CONFIRM_HELP, AlertLevel, Look, Rule, Trouble, TwoLevels, Verdict, worst

_LEAST_INTERVALS = 3
"""A single slow or lost poll is no outage, however short the thresholds."""


_FINE = {kind: Verdict(Level.OK, Level.OK, Trouble(kind=kind, reason="", since=None)) for kind in Kind}
"""What nearly every poll comes to."""


class Unreachable(TwoLevels):
    """No reading for that long, whatever the reasons, and at least 3 intervals."""

    name: ClassVar[str] = "unreachable"
    in_order: ClassVar[str] = "longer than"
    warning: OffDuration = Field(timedelta(minutes=15), description='no reading for that long; "off" for none')
    critical: OffDuration = Field(timedelta(hours=2), description='no reading for that long; "off" for none')

    def agrees(self) -> bool:
        """Say whether critical is not shorter than warning."""
        return self.critical >= self.warning  # type: ignore[operator]  # both are there

    @cached_property
    def limits(self) -> str:
        """Both thresholds, as ``warning 15m, critical 2h``."""
        return ", ".join(f"{level.word} {short(line)}" for level, line in self.lines)

    def judge(self, look: Look) -> Verdict:
        """Count from the first failed poll after the last reading; only a reading eases or ends it."""
        if isinstance(look.seen, Reading) and look.failing_since is None:
            return _FINE[Kind.UNREACHABLE]
        if isinstance(look.seen, Reading) or look.failing_since is None:
            return Verdict(Level.OK, Level.OK, Trouble(kind=Kind.UNREACHABLE, reason="", since=look.failing_since))
        silence = look.now - look.failing_since
        least = _LEAST_INTERVALS * look.interval
        slack = look.interval / 10  # a poll some seconds early must not put an alert off by a whole interval
        level = worst(level for level, line in self.lines if silence + slack >= max(line, least))
        fact = Trouble(kind=Kind.UNREACHABLE, reason=look.seen.reason, since=look.failing_since)
        return Verdict(level, Level.CRITICAL, fact)


class _OneKind(Rule):
    """A kind of failure, so many polls in a row; failures of other kinds tell nothing about it."""

    kind: ClassVar[Kind]
    level: AlertLevel = Field(Level.WARNING, description="warning or critical")

    def judge(self, look: Look) -> Verdict | None:
        """Fire on a failure of this kind, end on a reading, and hold on any other failure."""
        match look.seen:
            case Failure(kind=kind, reason=reason) if kind is self.kind:
                return self._bad(reason)
            case Failure():
                return None
            case _:
                return _FINE[self.kind]

    def _bad(self, reason: str) -> Verdict:
        return Verdict(self.level, self.level, Trouble(kind=self.kind, reason=reason, since=None))


class Refused(_OneKind):
    """The API refuses the key: 401, 402, or a 403 of its own."""

    name: ClassVar[str] = "refused"
    kind: ClassVar[Kind] = Kind.REFUSED
    level: AlertLevel = Field(Level.CRITICAL, description="warning or critical")
    confirm: int = Field(2, ge=1, le=1000, description=CONFIRM_HELP)


class Unreadable(_OneKind):
    """An answer that cannot be understood, or that lacks a field which a configured rule needs."""

    name: ClassVar[str] = "unreadable"
    kind: ClassVar[Kind] = Kind.UNREADABLE
    confirm: int = Field(3, ge=1, le=1000, description=CONFIRM_HELP)

    def judge(self, look: Look) -> Verdict | None:
        """Fire also on a reading without a field that another rule needs."""
        if isinstance(look.seen, Reading):
            lacking = [
                f"{field} (for rules.{rule})"
                for field, rule in look.needed.items()
                if getattr(look.seen, field) is None
            ]
            if lacking:
                return self._bad(f"the answer has no {', no '.join(lacking)}")
        return super().judge(look)
