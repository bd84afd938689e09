"""News about what came in: it is told once, and is no alert."""

from decimal import Decimal
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from monitor.model import Reading
from monitor.quantity import Amount
from monitor.rules.rule import Fact, Look, Rise, Rule


def _above_zero(amount: Decimal) -> Decimal:
    if amount <= 0:
        raise ValueError("not above 0: write the smallest rise that is worth a message, such as 1")
    return amount


class TopUp(Rule):
    """News, no alert: the balance went up by at least that much."""

    name: ClassVar[str] = "top_up"
    minimum_usd: Annotated[Amount, AfterValidator(_above_zero)] = Field(
        Decimal(1), description="USD; a smaller rise is not worth a message"
    )

    def judge(self, look: Look) -> None:
        """Tell nothing: money that comes in is no trouble."""

    def notice(self, before: Reading, look: Look, *, gap: bool) -> Fact | None:
        """Compare with the reading before; of money that went meanwhile nobody knows, least after a gap."""
        if not isinstance(look.seen, Reading) or look.seen.balance_usd - before.balance_usd < self.minimum_usd:
            return None
        return Rise(before.balance_usd, look.seen.balance_usd, at_least=gap)
