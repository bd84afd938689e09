"""What an account's spending comes to: figures once an hour, and what a message says of it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from functools import reduce

from monitor.config import Account, Config
from monitor.figures import LONGEST, NOTHING, Figures, Money, Wanted, is_due, take, turn_of
from monitor.messages import Standing
from monitor.model import Level
from monitor.runway import Pace, runway
from monitor.spending import Balance, Hour, Tally, spent
from monitor.store import Tx, hourly, memory
from monitor.store.memory import Memory

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Counted:
    """An account of which at least one reading is known."""

    account: str
    tally: Tally
    latest: Balance

    def hours(self, tx: Tx, since: datetime) -> list[Hour]:
        return hourly.read(tx, self.account, self.tally, self.latest, since)

    def figures(self, tx: Tx) -> Figures | None:
        """Look up those taken last."""
        return self.own(hourly.figures(tx, self.account))

    def own(self, figures: Figures | None) -> Figures | None:
        """Return figures if they are not of an account that the key was of before."""
        return figures if figures is not None and figures.since == self.tally.since else None


def _counted(known: Memory) -> _Counted | None:
    latest = known.balance
    return _Counted(known.account, known.tally, latest) if known.tally is not None and latest is not None else None


def money(tx: Tx, config: Config, account: Account, known: Memory, figures: Figures | None) -> Money | None:
    """Return what is known of the spending at a reading just made; None while nothing is known of what was before.

    ``figures`` are those that were taken last, None if they are to be looked up.
    """
    counted = _counted(known)
    if counted is None:
        return None
    wanted = _wanted(account)
    figures = counted.own(figures) or counted.figures(tx)
    if hourly.is_whole(tx):  # else those from before go on
        figures = _up_to_date(tx, counted, figures, wanted, config.timezone)
    if figures is None:
        return None
    return Money(figures, counted.hours(tx, figures.until) if wanted.hours else (), counted.latest.at)


def _wanted(account: Account) -> Wanted:
    asked = [rule.wants for rule in account.rules if rule.wants is not NOTHING]
    return reduce(Wanted.plus, asked) if asked else NOTHING


def _up_to_date(tx: Tx, counted: _Counted, figures: Figures | None, wanted: Wanted, zone: tzinfo) -> Figures:
    """Take figures anew if they are due."""
    now = counted.latest.at
    turn = turn_of(counted.account, now)
    if figures is not None and not is_due(figures, turn, wanted, now, zone):
        return figures
    hours = counted.hours(tx, now - LONGEST)
    fresh = take(hours, now, wanted, zone, turn=turn, since=counted.tally.since)
    hourly.save_figures(tx, counted.account, fresh)
    return fresh


def informed(tx: Tx, known: Memory, level: Level) -> Standing:
    """Return how an account stands, with what went and how long the rest lasts: for messages."""
    standing, counted = memory.standing(known, level), _counted(known)
    if counted is None:
        return standing
    latest, figures = counted.latest, counted.figures(tx)
    gone = spent(counted.hours(tx, latest.at - _DAY), latest.at - _DAY, latest.at, now=latest.at)
    if gone.since is not None:
        gone = replace(gone, since=max(gone.since, counted.tally.since))
    pace = figures.pace if figures else None
    return replace(standing, spent=gone, runway=runway(pace, latest.amount) if isinstance(pace, Pace) else pace)
