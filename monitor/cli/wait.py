"""``wait``: poll until the balance is there, as after a purchase."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import click

from monitor.ask import Provider, ask
from monitor.cli.common import Progress, Stop, choose, load, print_json, read_by, utc_now
from monitor.config import Account
from monitor.model import Failure, Kind, Reading, Seen
from monitor.provider import Legnext
from monitor.quantity import Unit, ago, parse_amount, parse_duration, spoken, tell

_SHOWN_EVERY = 1.0
"""Seconds until a terminal is shown how long still."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is waited for, and for how long."""

    account: Account
    amount: Decimal
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen so far: the last reading, and why the last poll brought none."""

    reading: Reading | None = None
    read_at: datetime | None = None
    failure: Failure | None = None

    def after(self, seen: Seen, now: datetime) -> "Sight":
        """Return what was seen after one more poll."""
        return replace(self, failure=seen) if isinstance(seen, Failure) else Sight(seen, now)

    def has(self, amount: Decimal) -> bool:
        """Say whether the last poll showed that much."""
        return self.failure is None and self.reading is not None and self.reading.balance_usd >= amount

    @property
    def is_refused(self) -> bool:
        """Say whether further polls are of no use."""
        return self.failure is not None and self.failure.kind is Kind.REFUSED


@click.command()
@click.argument("account")
@click.option(
    "--at-least",
    "amount",
    metavar="USD",
    required=True,
    callback=read_by(parse_amount),
    help="Wait until that much is left.",
)
@click.option(
    "--timeout",
    metavar="DURATION",
    default="1h",
    show_default=True,
    callback=read_by(parse_duration),
    help='For how long, such as "30m".',
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document at the end.")
@click.pass_obj
def wait(path: Path | None, account: str, amount: Decimal, timeout: timedelta, as_json: bool) -> None:  # noqa: FBT001
    """Poll until the balance is there, as after a purchase.

    Polls at once and then at the account's interval, the last time when the time is up. Goes on while the API cannot be
    reached; needs no database.

    \b
    Exit codes:
      0  the balance is there
      1  it is not: the time is up, or the key is refused
    """
    config = load(path)
    (name,) = choose([account], list(config.accounts), "account")
    errand, progress = Errand(config.accounts[name], amount, timeout), Progress(sys.stderr)
    progress.soon(f"{name}: asking for the first time …")
    try:
        sight = asyncio.run(_attend(errand, progress))
    finally:
        progress.clear()
    said = sentence(errand, sight, utc_now())
    if as_json:
        print_json(_document(errand, sight, said))
    if not sight.has(amount):
        raise Stop(said)
    if not as_json:
        click.echo(said)


async def _attend(errand: Errand, progress: Progress) -> Sight:
    def show(sight: Sight, left: float) -> None:
        progress.show(_progress(errand, sight, timedelta(seconds=left)))

    async with aclosing(Legnext()) as provider:
        return await attend(errand, provider, show)


async def attend(errand: Errand, provider: Provider, show: Callable[[Sight, float], None]) -> Sight:
    """Poll until the balance is there, the key is refused or the time is up; return what was seen last.

    ``show`` is told every second what was seen and how many seconds are left. A wait that the API asks for is kept; if
    it ends after the time is up, there is no last poll.
    """
    now, interval = asyncio.get_running_loop().time, errand.account.interval.total_seconds()
    deadline, sight = now() + errand.timeout.total_seconds(), Sight()
    while True:
        began = now()
        seen = await ask(errand.account, provider, wait_until=None, now=utc_now())
        sight = sight.after(seen, utc_now())
        if sight.has(errand.amount) or sight.is_refused or began >= deadline:
            return sight
        allowed = now() + _asked_to_wait(seen)
        until = min(max(began + interval, allowed), deadline)
        while (left := until - now()) > 0:
            show(sight, deadline - now())
            await asyncio.sleep(min(left, _SHOWN_EVERY))
        if allowed > deadline:
            return sight


def _asked_to_wait(seen: Seen) -> float:
    wait = seen.retry_after if isinstance(seen, Failure) else None
    return wait.total_seconds() if wait else 0.0


def _progress(errand: Errand, sight: Sight, left: timedelta) -> str:
    known = f"{_balance(errand, sight.reading)} left" if sight.reading else "no balance yet"
    trouble = f" ({sight.failure.kind.value} now)" if sight.failure else ""
    return f"{errand.account.name}: {known}{trouble}, waiting for {_wanted(errand)}, {spoken(left)} at most …"


def sentence(errand: Errand, sight: Sight, now: datetime) -> str:
    """Say how it ended, and what was seen last."""
    name, failure = errand.account.name, sight.failure
    if sight.reading is not None and sight.has(errand.amount):
        return f"{name}: {_balance(errand, sight.reading)} left (at least {_wanted(errand)})"
    last = [f"{_balance(errand, sight.reading)} left, read {ago(sight.read_at, now)}"] if sight.reading else []
    last += [f"{failure.kind.value}: {failure.reason}"] if failure else []
    if sight.is_refused:
        return f"{name}: {'; '.join(reversed(last))}"
    return f"{name}: not at {_wanted(errand)} within {spoken(errand.timeout)}: {'; '.join(last)}"


def _balance(errand: Errand, reading: Reading) -> str:
    return tell(reading.balance_usd, Unit.USD, against=(errand.amount,))


def _wanted(errand: Errand) -> str:
    return tell(errand.amount, Unit.USD, against=(errand.amount,))


def _document(errand: Errand, sight: Sight, said: str) -> dict[str, object]:
    failure = sight.failure
    return {
        "account": errand.account.name,
        "at_least": errand.amount,
        "reached": sight.has(errand.amount),
        "said": said,
        "reading": asdict(sight.reading) if sight.reading else None,
        "read_at": sight.read_at,
        "failure": {"kind": failure.kind.value, "reason": failure.reason} if failure else None,
    }
