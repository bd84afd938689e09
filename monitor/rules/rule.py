"""What all rules share: what they are shown, what they say of it, and the settings that each of them takes."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from monitor.figures import NOTHING, Money, Wanted
from monitor.model import Kind, Level, Reading, Seen
from monitor.quantity import Margin, SpanMargin, Unit
from monitor.rules.pauses import COOLDOWN, REMINDERS, Cooldown, RemindEvery
from monitor.runway import Pace
from monitor.spending import Period

CONFIRM_HELP = "so many polls in a row before it fires, and before it ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one poll saw of an account, and what a rule may want to know besides."""

    account: str
    seen: Seen
    now: datetime
    """When the poll ended, in UTC."""
    interval: timedelta
    """The time between two polls of this account."""
    failing_since: datetime | None
    """When the first failed poll after the last reading was; on a reading, the silence that it ends, if any."""
    needed: Mapping[str, str]
    """Fields that must be there, each with the rule that needs it."""
    money: Money | None = None
    """What is known of its spending; None on a failure, and while nothing is known of what was before."""
    read_before: datetime | None = None
    """When the reading before was."""
    zone: tzinfo = UTC
    """Where days, weeks and months begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """An amount in ``unit`` against its thresholds, of which any may be missing."""

    value: Decimal
    unit: Unit
    warning: Decimal | None
    critical: Decimal | None
    margin: Margin
    whose: str = ""
    """Words before a threshold that is not ours; they end with a space."""


@dataclass(frozen=True, slots=True)
class Flag:
    """The API's own low balance alert."""

    raised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Polls that bring no reading, since when, and what was said; without a reason, their end."""

    kind: Kind
    reason: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Age:
    """When the balance changed last, says the API."""

    since: datetime


@dataclass(frozen=True, slots=True)
class Rise:
    """The balance in USD went up."""

    before: Decimal
    after: Decimal
    at_least: bool
    """Nobody looked for a while, in which some of it may have gone again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasting:
    """For how long a balance in USD lasts at a pace, against thresholds."""

    balance: Decimal
    pace: Pace
    warning: timedelta | None
    critical: timedelta | None
    margin: SpanMargin


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """What went in a calendar period, against thresholds in USD."""

    fell: Decimal
    period: Period
    begin: datetime
    known_since: datetime
    """Later than ``begin`` if nobody looked at first."""
    is_new: bool
    """The period has just begun."""
    warning: Decimal | None
    critical: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """What went in the last hour, and what usually goes in such an hour; both in USD."""

    fell: Decimal
    usual: Decimal | None
    """None: less than a week of readings tells."""
    least: Decimal
    """From there on it counts."""


@dataclass(frozen=True, slots=True)
class Unforeseen:
    """There are too few readings to say how long the balance lasts."""


Fact = Measure | Flag | Trouble | Age | Rise | Lasting | Unforeseen | Gone | Spike
"""What a verdict rests on; ``messages.phrase`` puts it into words."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of one poll.

    ``level`` is where the value stands; ``held`` is the level that it still keeps up, once reached, because of the
    margin: never below ``level``.
    """

    level: Level
    held: Level
    fact: Fact


def _level(value: object) -> Level:
    match value:
        case "warning" | Level.WARNING:
            return Level.WARNING
        case "critical" | Level.CRITICAL:
            return Level.CRITICAL
    raise ValueError("not a level: write warning or critical")


AlertLevel = Annotated[
    Level,
    BeforeValidator(_level),
    PlainSerializer(lambda level: level.word),
    WithJsonSchema({"enum": ["warning", "critical"]}),
]
"""The setting ``level`` of a rule that knows only one."""


class Watch(BaseModel):
    """What every rule has, be it about accounts or about the monitor itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)
    name: ClassVar[str]
    on: ClassVar[bool] = True
    """Whether it watches without being written into the configuration."""

    enabled: bool = Field(True, description="false turns the rule off")
    remind_every: RemindEvery = Field(REMINDERS, description='while it lasts: a duration, "off", or one a level')


class Rule(Watch, ABC):
    """What every rule about an account has. A subclass names itself, adds its settings and judges."""

    yields_to: ClassVar[str] = ""
    """A rule that says the same better: while that is as bad or worse, this one says nothing of its own."""

    confirm: int = Field(1, ge=1, le=1000, description=CONFIRM_HELP)
    cooldown: Cooldown = Field(
        COOLDOWN,
        description="an end so soon after the one before is told once it has lasted so long; likewise",
    )

    @property
    def needs(self) -> str | None:
        """The field of a reading without which this rule can never tell."""
        return None

    @property
    def limits(self) -> str:
        """The thresholds in words, to notice that a reload changed them and to say what they were."""
        return ""

    @property
    def wants(self) -> Wanted:
        """What must be known of the account's spending beside its pace."""
        return NOTHING

    @abstractmethod
    def judge(self, look: Look) -> Verdict | None:
        """Say what this poll means, or None for "cannot tell"."""

    def notice(self, before: Reading, look: Look, *, gap: bool) -> Fact | None:  # noqa: ARG002 - for those that do
        """Say what is worth telling once of a reading after another one; nobody looked between them if ``gap``."""
        return None


class TwoLevels(Rule):
    """A rule with a threshold for each level, which must not contradict each other.

    A subclass has the fields ``warning`` and ``critical``, each None for "off".
    """

    in_order: ClassVar[str]
    """What the critical threshold must be, beside the warning one."""

    @abstractmethod
    def agrees(self) -> bool:
        """Say whether the two thresholds, both there, are in order."""

    @model_validator(mode="after")
    def _settle(self) -> Self:
        """Drop a default that contradicts what the user set; refuse two set values that contradict."""
        lines = {name: getattr(self, name) for name in ("warning", "critical")}
        if None in lines.values() or self.agrees():
            return self
        given = self.model_fields_set & set(lines)
        if len(given) != 1:
            raise ValueError(f"warning and critical contradict each other: critical must be {self.in_order} warning")
        self.__dict__[(set(lines) - given).pop()] = None  # frozen for everybody else
        return self

    @cached_property
    def lines(self) -> list[tuple[Level, Any]]:
        """The thresholds that there are, the milder first."""
        both = ((Level.WARNING, self.__dict__["warning"]), (Level.CRITICAL, self.__dict__["critical"]))
        return [(level, line) for level, line in both if line is not None]


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst of these levels; OK if there is none."""
    return max(levels, default=Level.OK)
