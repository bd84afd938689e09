"""What an account's spending comes to: figures once an hour, and what a message says of it."""

from dataclasses import replace
from datetime import timedelta, tzinfo
from functools import reduce

from monitor.config import Account, Config
from monitor.figures import LONGEST, Figures, Money, Wanted, is_due, take, turn_of
from monitor.messages import Standing
from monitor.model import Level
from monitor.runway import Pace, runway
from monitor.spending import spent
from monitor.store import Tx, hourly, memory
from monitor.store.memory import Memory

_DAY = timedelta(days=1)


def money(tx: Tx, config: Config, account: Account, known: Memory, figures: Figures | None) -> Money | None:
    """Return what is known of the spending at a reading just made; None while nothing is known of what was before.

    ``figures`` are those that were taken last, None if they are to be looked up.
    """
    if known.tally is None or known.balance is None:
        return None
    latest, wanted = known.balance, _wanted(account)
    figures = _up_to_date(tx, known, figures or hourly.figures(tx, account.name), wanted, config.timezone)
    if figures is None:
        return None
    recent = hourly.read(tx, account.name, known.tally, latest, figures.until) if wanted.hours else ()
    return Money(figures, recent, latest.at)


def _wanted(account: Account) -> Wanted:
    return reduce(Wanted.plus, (rule.wants for rule in account.rules))


def _up_to_date(tx: Tx, known: Memory, figures: Figures | None, wanted: Wanted, zone: tzinfo) -> Figures | None:
    """Take figures anew if they are due; while the disk fails, those from before go on."""
    assert known.tally is not None and known.balance is not None  # noqa: S101, PT018 - as the caller has seen
    if figures is not None and figures.since != known.tally.since:
        figures = None  # they are of another account
    now = known.balance.at
    turn = turn_of(known.account, now)
    if not hourly.is_whole(tx) or (figures is not None and not is_due(figures, turn, wanted, now, zone)):
        return figures
    hours = hourly.read(tx, known.account, known.tally, known.balance, now - LONGEST)
    fresh = take(hours, now, wanted, zone, turn=turn, since=known.tally.since)
    hourly.save_figures(tx, known.account, fresh)
    return fresh


def informed(tx: Tx, known: Memory, level: Level) -> Standing:
    """Return how an account stands, with what went and how long the rest lasts: for messages."""
    standing = memory.standing(known, level)
    if known.tally is None or known.balance is None:
        return standing
    latest = known.balance
    hours = hourly.read(tx, known.account, known.tally, latest, latest.at - _DAY)
    figures = hourly.figures(tx, known.account)
    pace = figures.pace if figures and figures.since == known.tally.since else None
    gone = spent(hours, latest.at - _DAY, latest.at, now=latest.at)
    return replace(
        standing,
        spent=replace(gone, since=max(gone.since, known.tally.since)) if gone.since else gone,
        runway=runway(pace, latest.amount) if isinstance(pace, Pace) else pace,
    )
