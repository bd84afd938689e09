"""Rules about how old what the API says is: it may answer as ever, and yet tell nothing new."""

from datetime import timedelta
from functools import cached_property
from typing import ClassVar

from pydantic import Field

from monitor.model import Failure
from monitor.quantity import OffDuration, short
from monitor.rules.rule import Age, Look, TwoLevels, Verdict, worst

_HELP = 'updated_at that old; "off" for none'


class Stale(TwoLevels):
    """The API says that the balance has not changed for that long, while polls work."""

    name: ClassVar[str] = "stale"
    on: ClassVar[bool] = False
    in_order: ClassVar[str] = "longer than"
    warning: OffDuration = Field(timedelta(days=7), description=_HELP)
    critical: OffDuration = Field(None, description=_HELP, examples=["off"])

    def agrees(self) -> bool:
        """Say whether critical is not shorter than warning."""
        return self.critical >= self.warning  # type: ignore[operator]  # both are there

    @property
    def needs(self) -> str | None:
        """When the balance changed last."""
        return "updated_at"

    @cached_property
    def limits(self) -> str:
        """The thresholds, as ``warning 7d``."""
        return ", ".join(f"{level.word} {short(line)}" for level, line in self.lines)

    def judge(self, look: Look) -> Verdict | None:
        """Count from the last change, where the API says when that was."""
        if isinstance(look.seen, Failure) or look.seen.updated_at is None:
            return None
        age = look.now - look.seen.updated_at
        level = worst(level for level, line in self.lines if age >= line)
        return Verdict(level, level, Age(look.seen.updated_at))
