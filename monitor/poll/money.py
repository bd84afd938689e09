"""What an account's spending comes to: figures once an hour, and what a message says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import reduce
from typing import Protocol

from monitor.config import Account, Config
from monitor.figures import LONGEST, NOTHING, Figures, Money, Wanted, is_due, take, turn_of
from monitor.messages import Standing
from monitor.model import Level
from monitor.runway import Pace, runway
from monitor.spending import Balance, Hour, Tally, spent
from monitor.store import Tx, hourly, memory
from monitor.store.memory import Memory

_DAY = timedelta(days=1)


class Ledger(Protocol):
    """Where the hours of an account are kept, and the figures that were taken of them last."""

    @property
    def is_whole(self) -> bool:
        """Say whether all hours are there: in memory, while the disk fails, only the latest are."""

    def hours(self, tally: Tally, latest: Balance, since: datetime) -> Sequence[Hour]:
        """Return every hour from a moment on, the one that goes on included, as known at the latest reading."""

    def figures(self) -> Figures | None:
        """Look up the figures."""

    def keep(self, figures: Figures) -> None:
        """Keep figures that were taken anew."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Those in the database."""

    tx: Tx
    account: str

    @property
    def is_whole(self) -> bool:
        """Say whether the disk works."""
        return hourly.is_whole(self.tx)

    def hours(self, tally: Tally, latest: Balance, since: datetime) -> Sequence[Hour]:
        """Read hours."""
        return hourly.read(self.tx, self.account, tally, latest, since)

    def figures(self) -> Figures | None:
        """Read the figures."""
        return hourly.figures(self.tx, self.account)

    def keep(self, figures: Figures) -> None:
        """Write figures down."""
        hourly.save_figures(self.tx, self.account, figures)


@dataclass(frozen=True, slots=True)
class _Counted:
    """An account of which at least one reading is known."""

    ledger: Ledger
    tally: Tally
    latest: Balance

    def hours(self, since: datetime) -> Sequence[Hour]:
        return self.ledger.hours(self.tally, self.latest, since)

    def figures(self) -> Figures | None:
        """Look up those taken last."""
        return self.own(self.ledger.figures())

    def own(self, figures: Figures | None) -> Figures | None:
        """Return figures if they are not of an account that the key was of before."""
        return figures if figures is not None and figures.since == self.tally.since else None


def _counted(ledger: Ledger, known: Memory) -> _Counted | None:
    latest = known.balance
    return _Counted(ledger, known.tally, latest) if known.tally is not None and latest is not None else None


def hours_since(tx: Tx, known: Memory, since: datetime) -> Sequence[Hour]:
    """Return every hour of an account from a moment on; none of one that was never read."""
    counted = _counted(Rows(tx, known.account), known)
    return counted.hours(since) if counted else ()


def money(tx: Tx, config: Config, account: Account, known: Memory, figures: Figures | None) -> Money | None:
    """Return what is known of the spending at a reading just made; None while nothing is known of what was before.

    ``figures`` are those that were taken last, None if they are to be looked up.
    """
    return weigh(Rows(tx, account.name), config, account, known, figures)


def weigh(ledger: Ledger, config: Config, account: Account, known: Memory, figures: Figures | None) -> Money | None:
    """Return the same by any ledger."""
    counted = _counted(ledger, known)
    if counted is None:
        return None
    wanted = _wanted(account)
    figures = counted.own(figures) or counted.figures()
    if ledger.is_whole:  # else those from before go on
        figures = _up_to_date(counted, account, figures, wanted, config.timezone)
    if figures is None:
        return None
    return Money(figures, counted.hours(figures.until) if wanted.hours else (), counted.latest.at)


def _wanted(account: Account) -> Wanted:
    asked = [rule.wants for rule in account.rules if rule.wants is not NOTHING]
    return reduce(Wanted.plus, asked) if asked else NOTHING


def _up_to_date(counted: _Counted, account: Account, figures: Figures | None, wanted: Wanted, zone: tzinfo) -> Figures:
    """Take figures anew if they are due."""
    now = counted.latest.at
    turn = turn_of(account.name, now)
    if figures is not None and not is_due(figures, turn, wanted, now, zone):
        return figures
    fresh = take(counted.hours(now - LONGEST), now, wanted, zone, turn=turn, since=counted.tally.since)
    counted.ledger.keep(fresh)
    return fresh


def informed(tx: Tx, known: Memory, level: Level) -> Standing:
    """Return how an account stands, with what went and how long the rest lasts: for messages."""
    return stand(Rows(tx, known.account), known, level)


def standings(tx: Tx, known: Mapping[str, Memory]) -> dict[str, Standing]:
    """Return the same of many accounts; their levels are told apart from that."""
    return {name: informed(tx, one, Level.OK) for name, one in known.items()}


def stand(ledger: Ledger, known: Memory, level: Level) -> Standing:
    """Return the same by any ledger."""
    standing, counted = memory.standing(known, level), _counted(ledger, known)
    if counted is None:
        return standing
    latest, figures = counted.latest, counted.figures()
    gone = spent(counted.hours(latest.at - _DAY), latest.at - _DAY, latest.at, now=latest.at)
    if gone.since is not None:
        gone = replace(gone, since=max(gone.since, counted.tally.since))
    pace = figures.pace if figures else None
    return replace(standing, spent=gone, runway=runway(pace, latest.amount) if isinstance(pace, Pace) else pace)
