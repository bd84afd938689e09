"""``alerts``: what is wrong, since when, and who was told of it; with ``--all`` also what was wrong before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import partial
from itertools import chain
from pathlib import Path

import click

from monitor.cli.ailment import ailment
from monitor.cli.common import Stop, choose, in_parts, load, long_json, long_table, open_store, print_lines, utc_now
from monitor.cli.when import zone_of
from monitor.config import Config
from monitor.documents.alert import Heard, Shown, open_alerts
from monitor.documents.alert import shown as entry
from monitor.messages import moment
from monitor.model import MONITOR, Level
from monitor.pulse import feel
from monitor.quantity import ago, spoken
from monitor.store import Store, Tx, casebook, life, memory

_HEADERS = ("ACCOUNT", "LEVEL", "WORST", "RULE", "SINCE", "LASTED", "WHAT", "TOLD")
_FINE = "No alert is open."
"""Said only while the daemon watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """Whether what is shown is how things are."""

    wrong: str | None
    trouble: str
    """Why the daemon cannot write any of this down."""

    @property
    def warning(self) -> str | None:
        """What a reader must know."""
        if self.trouble:
            return (
                f"the database cannot be used ({self.trouble}), the daemon goes on from memory: this may be out of date"
            )
        return f"{self.wrong}: this may be out of date" if self.wrong else None


@click.command()
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@click.option("--all", "with_past", is_flag=True, help="Also those that are over.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def alerts(path: Path | None, accounts: tuple[str, ...], *, with_past: bool, as_json: bool) -> None:
    """Show open alerts and who was told of them, the newest last.

    With --all those that are over come first, in the order in which they ended. The monitor's own alerts are those of
    the account monitor.
    """
    zone, now = zone_of(path), utc_now()
    with open_store(path) as store:
        with store.transaction(reads=True) as tx:
            chosen = choose(accounts, _names(tx), "polled account") if accounts else []
            found, born = open_alerts(tx, _config(path), chosen), life.read(tx)
        daemon = _feel(store, ailment(born, now))
        if daemon.warning:
            click.echo(f"warning: {daemon.warning}", err=True)
        shown = chain(_past(store, chosen, found) if with_past else (), found)
        nothing = "No alert is recorded." if with_past else "No open alert is recorded." if daemon.warning else _FINE
        print_lines(_document(shown, daemon) if as_json else _table(shown, nothing, zone=zone, now=now))


def _config(path: Path | None) -> Config | None:
    """Return the configuration, if it can be read here: much is known without it."""
    try:
        return load(path, needs_secrets=False)
    except Stop:
        return None


def _feel(store: Store, wrong: str | None) -> Daemon:
    """Ask the daemon itself, where the database says that it is not well: it may be the database."""
    pulse = feel(store.path) if wrong else None
    trouble = pulse.trouble if pulse else ""
    return Daemon(wrong=None if trouble else wrong, trouble=trouble)


def _names(tx: Tx) -> list[str]:
    return sorted({MONITOR} | memory.known_accounts(tx) | casebook.accounts(tx))


def _past(store: Store, chosen: Sequence[str], found: Sequence[Shown]) -> Iterator[Shown]:
    """Yield what is over; what was still open a moment ago is shown as that."""
    known = {one.alert.id for one in found}
    for one in casebook.ended_alerts(partial(store.transaction, reads=True), chosen):
        if one.alert.id not in known:
            yield Shown(one.alert, one.at)


# -- a table ----------------------------------------------------------------------------------------------------------


def _table(shown: Iterator[Shown], nothing: str, *, zone: tzinfo, now: datetime) -> Iterator[str]:
    lines = long_table(_HEADERS, in_parts(_row(one, zone, now) for one in shown))
    yield next(lines, nothing)
    yield from lines


def _row(one: Shown, zone: tzinfo, now: datetime) -> tuple[str, ...]:
    alert = one.alert
    lasted = spoken((one.ended_at or now) - alert.started_at)
    return (
        alert.account,
        "unwatched" if one.ended_at and alert.level is not Level.OK else alert.level.word,
        alert.worst.word,
        alert.rule,
        moment(alert.started_at, zone),
        lasted,
        alert.phrase,
        _listed(one, now),
    )


def _listed(shown: Shown, now: datetime) -> str:
    if shown.heard is None:
        return ""
    if shown.speakers:
        return f"by {', '.join(shown.speakers)}"
    return ", ".join(_said(one, now) for one in shown.heard) or "nobody"


def _said(one: Heard, now: datetime) -> str:
    where = {"waiting": " (not delivered yet)", "given_up": " (given up)", None: ""}[one.outbox]
    return f"{one.told.channel} {ago(one.told.at, now)}{where}"


# -- JSON -------------------------------------------------------------------------------------------------------------


def _document(shown: Iterator[Shown], daemon: Daemon) -> Iterator[str]:
    head = {"healthy": daemon.wrong is None, "reason": daemon.wrong, "database_trouble": daemon.trouble or None}
    return long_json({"daemon": head}, "alerts", map(entry, shown))
