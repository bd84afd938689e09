"""Rules about what is left: USD, credits, points, and the API's own alert."""

from decimal import Decimal
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import Field

from monitor.model import Failure, Level
from monitor.quantity import ClearMargin, Margin, OffAmount, Unit, tell
from monitor.rules.rule import AlertLevel, Flag, Look, Measure, Rule, TwoLevels, Verdict, worst

_MARGIN = Margin(Decimal(5), percent=True)
_MARGIN_HELP = "ends only that far above the threshold: a share of it, or an amount; at least 0.01"


class _Lowest(TwoLevels):
    """An amount that must not fall to a threshold."""

    unit: ClassVar[Unit]
    in_order: ClassVar[str] = "below"
    warning: OffAmount = Field(None, description='at or below; "off" for none')
    critical: OffAmount = Field(None, description='at or below; "off" for none')
    clear_margin: ClearMargin = Field(_MARGIN, description=_MARGIN_HELP)

    def agrees(self) -> bool:
        """Say whether critical is not above warning."""
        return self.critical <= self.warning  # type: ignore[operator]  # both are there

    @property
    def needs(self) -> str | None:
        """The amount itself."""
        return self.name

    @cached_property
    def limits(self) -> str:
        """Both thresholds, as ``warning $25.00, critical $5.00``."""
        return ", ".join(f"{level.word} {tell(line, self.unit, against=(line,))}" for level, line in self.lines)

    @cached_property
    def _ends(self) -> list[tuple[Level, Decimal]]:
        """Where each level ends."""
        return [(level, self.clear_margin.above(line)) for level, line in self.lines]

    def judge(self, look: Look) -> Verdict | None:
        """Compare the amount, if there is one."""
        value = getattr(look.seen, self.name, None)
        if value is None:
            return None
        return Verdict(
            worst(level for level, line in self.lines if value <= line),
            worst(level for level, line in self._ends if value <= line),
            Measure(
                value=value,
                unit=self.unit,
                warning=self.warning,
                critical=self.critical,
                margin=self.clear_margin,
            ),
        )


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
