"""What counts as trouble: a rule is its configuration and a pure ``judge``.

To add a rule, write one class here, add it to ``RULES``, and give it its lines in config.example.toml and a table test.
A judge returns None for "cannot tell", and None changes nothing: unknown is never zero and never fine.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from monitor.model import Failure, Kind, Level, Reading, Seen
from monitor.quantity import ClearMargin, Margin, OffAmount, OffDuration, Unit, parse_duration, short, tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one poll saw of an account, and what a rule may want to know besides."""

    account: str
    seen: Seen
    now: datetime
    interval: timedelta
    failing_since: datetime | None
    """When the first failed poll after the last reading was; on a reading, the silence that it ends, if any."""
    needed: Mapping[str, str]
    """Fields that must be there, each with the rule that needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """An amount against its thresholds; ``whose`` names a threshold that is not ours."""

    value: Decimal
    unit: Unit
    warning: Decimal | None
    critical: Decimal | None
    margin: Margin
    whose: str = ""


@dataclass(frozen=True, slots=True)
class Flag:
    """The API's own low balance alert."""

    raised: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Polls that bring no reading, since when, and what was said."""

    kind: Kind
    reason: str
    since: datetime | None


Fact = Measure | Flag | Trouble


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


@dataclass(frozen=True, slots=True)
class Reminders:
    """How often a level is said again while it lasts; None for never."""

    warning: timedelta | None = timedelta(hours=24)
    critical: timedelta | None = timedelta(hours=4)

    def every(self, level: Level) -> timedelta | None:
        """Return the pause between reminders at this level."""
        return self.critical if level is Level.CRITICAL else self.warning


def parse_reminders(value: object) -> Reminders:
    """Read a duration, ``"off"`` or a table with one a level; a ValueError says what is wrong otherwise."""
    match value:
        case Reminders():
            return value
        case dict():
            unknown = set(value) - {"warning", "critical"}
            if unknown:
                raise ValueError(f"takes warning and critical, not {', '.join(sorted(unknown))}")
            return Reminders(**{level: _pause(pause) for level, pause in value.items()})
        case _:
            return Reminders(_pause(value), _pause(value))


def _pause(value: object) -> timedelta | None:
    if value == "off":
        return None
    pause = parse_duration(value)
    if pause < timedelta(minutes=1):
        raise ValueError('reminders more often than every minute: write at least "1m", or "off"')
    return pause


def _write_reminders(value: Reminders) -> dict[str, str]:
    return {level: "off" if pause is None else short(pause) for level, pause in asdict(value).items()}


RemindEvery = Annotated[
    Reminders,
    BeforeValidator(parse_reminders),
    PlainSerializer(_write_reminders),
    WithJsonSchema({"type": ["string", "object"], "examples": ["24h", "off", {"warning": "24h", "critical": "4h"}]}),
]
_MARGIN = Margin(Decimal(5), percent=True)
_MARGIN_HELP = "ends only that far above the threshold: a share of it, or an amount; at least 0.01"
_CONFIRM_HELP = "so many polls in a row before it fires, and before it ends"


class Rule(BaseModel, ABC):
    """What every rule has. A subclass names itself, adds its settings and judges."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True)
    name: ClassVar[str]
    on: ClassVar[bool] = True
    """Whether it watches without being written into the configuration."""
    yields_to: ClassVar[str] = ""
    """A rule that says the same better: while that is as bad or worse, this one says nothing of its own."""

    enabled: bool = Field(True, description="false turns the rule off")
    confirm: int = Field(1, ge=1, le=1000, description=_CONFIRM_HELP)
    remind_every: RemindEvery = Field(Reminders(), description='while it lasts: a duration, "off", or one a level')

    @property
    def needs(self) -> str | None:
        """The field without which this rule can never tell."""
        return None

    @property
    def limits(self) -> str:
        """The thresholds in words, to notice that a reload changed them and to say what they were."""
        return ""

    @abstractmethod
    def judge(self, look: Look) -> Verdict | None:
        """Say what this poll means, or None for "cannot tell"."""


class _TwoLevels(Rule):
    """A rule with a threshold for each level, which must not contradict each other."""

    in_order: ClassVar[str]
    """What the critical threshold must be, beside the warning one."""

    @abstractmethod
    def _agree(self) -> bool:
        """Say whether the two thresholds, both there, are in order."""

    @model_validator(mode="after")
    def _settle(self) -> Self:
        """Drop a default that contradicts what the user set; refuse two set values that contradict."""
        lines = {name: getattr(self, name) for name in ("warning", "critical")}
        if None in lines.values() or self._agree():
            return self
        given = self.model_fields_set & set(lines)
        if len(given) != 1:
            raise ValueError(f"warning and critical contradict each other: critical must be {self.in_order} warning")
        self.__dict__[(set(lines) - given).pop()] = None  # frozen for everybody else
        return self

    @property
    def lines(self) -> list[tuple[Level, Any]]:
        """The thresholds that there are, the milder first."""
        both = ((Level.WARNING, self.__dict__["warning"]), (Level.CRITICAL, self.__dict__["critical"]))
        return [(level, line) for level, line in both if line is not None]


class _Lowest(_TwoLevels):
    """An amount that must not fall to a threshold."""

    unit: ClassVar[Unit]
    in_order: ClassVar[str] = "below"
    warning: OffAmount = Field(None, description='at or below; "off" for none')
    critical: OffAmount = Field(None, description='at or below; "off" for none')
    clear_margin: ClearMargin = Field(_MARGIN, description=_MARGIN_HELP)

    def _agree(self) -> bool:
        return self.critical <= self.warning  # type: ignore[operator]  # both are there

    @property
    def needs(self) -> str | None:
        """The amount itself."""
        return self.name

    @property
    def limits(self) -> str:
        """Both thresholds, as ``warning $25.00, critical $5.00``."""
        return ", ".join(f"{level.word} {tell(line, self.unit, against=(line,))}" for level, line in self.lines)

    def judge(self, look: Look) -> Verdict | None:
        """Compare the amount, if there is one."""
        value = getattr(look.seen, self.name, None)
        if value is None:
            return None
        return Verdict(
            _worst(level for level, line in self.lines if value <= line),
            _worst(level for level, line in self.lines if value <= self.clear_margin.above(line)),
            Measure(
                value=value,
                unit=self.unit,
                warning=self.warning,
                critical=self.critical,
                margin=self.clear_margin,
            ),
        )


def _worst(levels: Iterable[Level]) -> Level:
    return max(levels, default=Level.OK)


class BalanceUsd(_Lowest):
    """The balance in USD is at or below a threshold."""

    name: ClassVar[str] = "balance_usd"
    unit: ClassVar[Unit] = Unit.USD
    warning: OffAmount = Field(Decimal(25), description='USD, at or below; "off" for none')
    critical: OffAmount = Field(Decimal(5), description='USD, at or below; "off" for none')


class AvailableCredits(_Lowest):
    """The credits are at or below a threshold."""

    name: ClassVar[str] = "available_credits"
    on: ClassVar[bool] = False
    unit: ClassVar[Unit] = Unit.CREDITS
    warning: OffAmount = Field(Decimal(5000), description='credits, at or below; "off" for none')
    critical: OffAmount = Field(Decimal(1000), description='credits, at or below; "off" for none')


class AvailablePoints(_Lowest):
    """The points are at or below a threshold."""

    name: ClassVar[str] = "available_points"
    on: ClassVar[bool] = False
    unit: ClassVar[Unit] = Unit.POINTS
    warning: OffAmount = Field(Decimal(5000), description='points, at or below; "off" for none')
    critical: OffAmount = Field(Decimal(1000), description='points, at or below; "off" for none')


class LowBalanceAlert(Rule):
    """The API's own word: its flag is true, or balance_usd is at or below its own alert_threshold.

    The flag has been seen false with the balance below the threshold, so false proves nothing.
    """

    name: ClassVar[str] = "low_balance_alert"
    yields_to: ClassVar[str] = "balance_usd"
    level: AlertLevel = Field(Level.WARNING, description="warning or critical")
    use: Literal["both", "flag", "numbers"] = Field(
        "both", description="what to believe: the flag, the numbers, or both"
    )
    clear_margin: ClearMargin = Field(_MARGIN, description=_MARGIN_HELP)

    @property
    def needs(self) -> str | None:
        """The field that the user chose to believe; with both, neither must be there."""
        return {"flag": "low_balance_alert", "numbers": "alert_threshold"}.get(self.use)

    def judge(self, look: Look) -> Verdict | None:
        """Take the worse of what the flag and the numbers say, of those that are there."""
        if isinstance(look.seen, Failure):
            return None
        flag = look.seen.low_balance_alert if self.use != "numbers" else None
        line = look.seen.alert_threshold if self.use != "flag" else None
        if flag is None and line is None:
            return None
        balance = look.seen.balance_usd
        low = line is not None and balance <= line
        held = line is not None and balance <= self.clear_margin.above(line)
        return Verdict(
            self.level if flag or low else Level.OK,
            self.level if flag or held else Level.OK,
            Flag(raised=bool(flag)) if line is None or (flag and not low) else self._measure(balance, line),
        )

    def _measure(self, balance: Decimal, line: Decimal) -> Measure:
        return Measure(
            value=balance,
            unit=Unit.USD,
            warning=line,
            critical=line,
            margin=self.clear_margin,
            whose="the API's own alert threshold of ",
        )


class Unreachable(_TwoLevels):
    """No reading for that long, whatever the reasons, and at least 3 intervals."""

    name: ClassVar[str] = "unreachable"
    in_order: ClassVar[str] = "longer than"
    warning: OffDuration = Field(timedelta(minutes=15), description='no reading for that long; "off" for none')
    critical: OffDuration = Field(timedelta(hours=2), description='no reading for that long; "off" for none')

    def _agree(self) -> bool:
        return self.critical >= self.warning  # type: ignore[operator]  # both are there

    @property
    def limits(self) -> str:
        """Both thresholds, as ``warning 15m, critical 2h``."""
        return ", ".join(f"{level.word} {short(line)}" for level, line in self.lines)

    def judge(self, look: Look) -> Verdict:
        """Count from the first failed poll after the last reading; only a reading eases or ends it."""
        if isinstance(look.seen, Reading) or look.failing_since is None:
            return Verdict(Level.OK, Level.OK, Trouble(kind=Kind.UNREACHABLE, reason="", since=look.failing_since))
        silence = look.now - look.failing_since
        least = 3 * look.interval
        level = _worst(level for level, line in self.lines if silence >= max(line, least))
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
                return Verdict(Level.OK, Level.OK, Trouble(kind=self.kind, reason="", since=None))

    def _bad(self, reason: str) -> Verdict:
        return Verdict(self.level, self.level, Trouble(kind=self.kind, reason=reason, since=None))


class Refused(_OneKind):
    """The API refuses the key: 401, 402, or a 403 of its own."""

    name: ClassVar[str] = "refused"
    kind: ClassVar[Kind] = Kind.REFUSED
    level: AlertLevel = Field(Level.CRITICAL, description="warning or critical")
    confirm: int = Field(2, ge=1, le=1000, description=_CONFIRM_HELP)


class Unreadable(_OneKind):
    """An answer that cannot be understood, or that lacks a field which a configured rule needs."""

    name: ClassVar[str] = "unreadable"
    kind: ClassVar[Kind] = Kind.UNREADABLE
    confirm: int = Field(3, ge=1, le=1000, description=_CONFIRM_HELP)

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


RULES: tuple[type[Rule], ...] = (
    BalanceUsd,
    AvailableCredits,
    AvailablePoints,
    LowBalanceAlert,
    Unreachable,
    Refused,
    Unreadable,
)
"""Every rule there is, in the order in which a message names them."""
