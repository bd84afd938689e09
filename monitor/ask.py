"""Ask for the balance of one account, unless there is a reason not to."""

from datetime import datetime
from typing import Protocol

from monitor.config import Account, Unusable
from monitor.model import Failure, Kind, Seen


class Provider(Protocol):
    """Who is asked for balances."""

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ASYNC109 - of a whole poll
        """Return a reading, or why there is none."""


async def ask(account: Account, provider: Provider, *, wait_until: datetime | None, now: datetime) -> Seen:
    """Return what the API says now; a missing key, and a wait that the API asked for, are failures too."""
    if isinstance(account.api_key, Unusable):
        return Failure(Kind.REFUSED, account.api_key.reason)
    if wait_until is not None and now < wait_until:
        return Failure(Kind.UNREACHABLE, "waiting, as the API asked (Retry-After)")
    return await provider.observe(
        api_key=account.api_key.get_secret_value(),
        base_url=account.base_url,
        timeout=account.timeout.total_seconds(),
    )
