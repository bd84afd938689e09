"""Rules about how money goes: how long it will last, how much has gone, and whether it goes faster than usual.

What went may be usage or an expiry: the API does not say, and so these rules do not say it either.
"""

from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from monitor.figures import Wanted
from monitor.model import Level, Reading
from monitor.quantity import Amount, ClearSpan, OffAmount, OffDuration, SpanMargin, Unit, short, tell
from monitor.rules.rule import AlertLevel, Gone, Lasting, Look, Rule, Spike, TwoLevels, Unforeseen, Verdict, worst
from monitor.runway import NotYet, lasts
from monitor.spending import Period, period

_LEFT = 'time left at the present rate, at or below; "off" for none'
_GONE = 'USD, at or above; "off" for none'
_MOST_OF_AN_HOUR = timedelta(minutes=45)


class Runway(TwoLevels):
    """The balance will not last for that long at the present rate of spending; needs a day of readings."""

    name: ClassVar[str] = "runway"
    in_order: ClassVar[str] = "shorter than"
    warning: OffDuration = Field(timedelta(days=7), description=_LEFT)
    critical: OffDuration = Field(timedelta(days=2), description=_LEFT)
    clear_margin: ClearSpan = Field(
        SpanMargin(Decimal(5), timedelta(0)),
        description="ends only that far above the threshold: a share of it, or a duration",
    )

    def agrees(self) -> bool:
        """Say whether critical is not longer than warning."""
        return self.critical <= self.warning  # type: ignore[operator]  # both are there

    @cached_property
    def limits(self) -> str:
        """The thresholds, as ``warning 7d, critical 2d``."""
        return ", ".join(f"{level.word} {short(line)}" for level, line in self.lines)

    @cached_property
    def _ends(self) -> list[tuple[Level, timedelta]]:
        """Where each level ends."""
        return [(level, self.clear_margin.above(line)) for level, line in self.lines]

    @cached_property
    def _farthest(self) -> timedelta:
        """Beyond this, a balance lasts for long enough whatever the level."""
        return max((line for _, line in self._ends), default=timedelta(0))

    def judge(self, look: Look) -> Verdict | None:
        """Compare the middle of the forecast, if there is one."""
        if not isinstance(look.seen, Reading) or look.money is None:
            return None
        balance, pace = look.seen.balance_usd, look.money.figures.pace
        if isinstance(pace, NotYet):  # also when it was known, of another account or of a time long past
            return Verdict(Level.OK, Level.OK, Unforeseen())
        left = lasts(pace, balance, within=self._farthest)
        margin = self.clear_margin
        fact = Lasting(balance=balance, pace=pace, warning=self.warning, critical=self.critical, margin=margin)
        if left is None:
            return Verdict(Level.OK, Level.OK, fact)
        return Verdict(
            worst(level for level, line in self.lines if left <= line),
            worst(level for level, line in self._ends if left <= line),
            fact,
        )


class Budget(TwoLevels):
    """So much has gone in the calendar day, week or month; a fall may be usage or an expiry."""

    name: ClassVar[str] = "budget"
    on: ClassVar[bool] = False
    in_order: ClassVar[str] = "above"
    period: Period = Field("month", description="day, week (from Monday) or month, in the configured timezone")
    warning: OffAmount = Field(Decimal(400), description=_GONE)
    critical: OffAmount = Field(Decimal(500), description=_GONE)

    def agrees(self) -> bool:
        """Say whether critical is not below warning."""
        return self.critical >= self.warning  # type: ignore[operator]  # both are there

    @property
    def wants(self) -> Wanted:
        """What has gone in the period."""
        return Wanted(period=self.period)

    @cached_property
    def limits(self) -> str:
        """Both thresholds, as ``warning $400.00, critical $500.00``."""
        return ", ".join(f"{level.word} {tell(line, Unit.USD, against=(line,))}" for level, line in self.lines)

    def judge(self, look: Look) -> Verdict | None:
        """Compare what has gone; a new period ends what the old one had come to, before it is judged itself."""
        if not isinstance(look.seen, Reading) or look.money is None:
            return None
        begin, _ = period(look.now, look.zone, self.period)
        gone = look.money.since(begin)
        is_first = look.read_before is not None and look.read_before < begin
        level = Level.OK if is_first else worst(level for level, line in self.lines if gone.fell >= line)
        fact = Gone(
            fell=gone.fell,
            period=self.period,
            begin=begin,
            known_since=gone.since or look.now,
            is_new=is_first or look.now - begin <= 2 * self.confirm * look.interval,
            warning=self.warning,
            critical=self.critical,
        )
        return Verdict(level, level, fact)


def _at_least_one(factor: Decimal) -> Decimal:
    if factor < 1:
        raise ValueError("below 1: write how many times the usual is too much, such as 5")
    return factor


def _not_negative(amount: Decimal) -> Decimal:
    if amount < 0:
        raise ValueError("below 0: write from how many USD on it counts, such as 10")
    return amount


class SpendSpike(Rule):
    """The last hour against what is usual for such an hour; needs a week of readings."""

    name: ClassVar[str] = "spend_spike"
    on: ClassVar[bool] = False
    factor: Annotated[Amount, AfterValidator(_at_least_one)] = Field(
        Decimal(5), description="so many times what usually goes in such an hour, or more"
    )
    minimum_usd: Annotated[Amount, AfterValidator(_not_negative)] = Field(
        Decimal(10), description="USD; less in an hour is never too much"
    )
    level: AlertLevel = Field(Level.WARNING, description="warning or critical")

    @property
    def wants(self) -> Wanted:
        """What usually goes in such an hour."""
        return Wanted(usual=True)

    @cached_property
    def limits(self) -> str:
        """The thresholds, as ``5 times the usual, at least $10.00``."""
        return f"{self.factor} times the usual, at least {tell(self.minimum_usd, Unit.USD)}"

    def judge(self, look: Look) -> Verdict | None:
        """Compare the last sixty minutes; of an hour that nobody watched only that it was too much can be known."""
        if not isinstance(look.seen, Reading) or look.money is None:
            return None
        hour, usual = look.money.last_hour(), look.money.figures.usual
        is_much = hour.fell >= self.minimum_usd
        if is_much and usual is None:
            return None
        is_spike = is_much and usual is not None and hour.fell >= self.factor * usual
        if not is_spike and hour.watched < _MOST_OF_AN_HOUR:
            return None
        level = self.level if is_spike else Level.OK
        least = max(self.minimum_usd, self.factor * usual) if usual is not None else self.minimum_usd
        return Verdict(level, level, Spike(fell=hour.fell, usual=usual, least=least))
