"""``status``: what the daemon knows."""

import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

from monitor.cli.common import is_dumb, is_terminal, open_store, print_json, print_lines, screen, table, utc_now
from monitor.cli.known import Known, about_daemon, channel_row, how_long, read
from monitor.documents.account import account, channel, snooze
from monitor.documents.alert import alert
from monitor.messages import Standing
from monitor.outlook import about, went
from monitor.pulse import feel
from monitor.quantity import Unit, ago, tell
from monitor.runway import NotYet, Runway
from monitor.store.memory import level_word

_EVERY = 2.0
"""Seconds between two looks of ``--watch``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what the status is to be told."""

    path: Path | None
    accounts: Sequence[str]
    every_one: bool
    """However many there are."""


@click.command()
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@click.option("--all", "every_one", is_flag=True, help="On a terminal all accounts, however many there are.")
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def status(path: Path | None, accounts: tuple[str, ...], *, every_one: bool, watch: bool, as_json: bool) -> None:
    """Show balances, alerts, channels and the outbox as the daemon knows them.

    On a terminal those in trouble come first, and of many accounts the first 40 are shown; --watch draws them anew in
    place. Without one every account has a line, and --watch prints all of it each time.
    """
    if watch and as_json:
        raise click.UsageError("--json is one document, --watch has no end: give one of them")
    asked = Asked(path, accounts, every_one or bool(accounts))
    if as_json:
        known = look(asked)
        print_json(_document(known, known.chosen))
        return
    show = _draw if is_terminal(sys.stdout) else _write
    first = show(asked)
    if watch and show is _draw and not is_dumb():
        _watch(asked)
        return
    print_lines(first)
    with contextlib.suppress(KeyboardInterrupt):
        while watch:
            time.sleep(_EVERY)
            print_lines(["", *show(asked)])


def look(asked: Asked, *, most: int | None = None) -> Known:
    """Ask the database, and the daemon itself."""
    with open_store(asked.path) as store, store.transaction(reads=True) as tx:
        known = read(tx, utc_now(), asked.accounts, most=most)
    if (pulse := feel(store.path)) is not None:
        known = replace(known, trouble=pulse.trouble if known.wrong is not None else "", page=pulse.page)
    return known


# -- for people at a terminal -----------------------------------------------------------------------------------------


def _draw(asked: Asked) -> list[str]:
    from monitor.cli.overview import MOST, overview  # noqa: PLC0415 - rich is for terminals only

    known = look(asked, most=sys.maxsize if asked.every_one else MOST)
    return overview(known, screen(), list(known.standings))


def _watch(asked: Asked) -> None:
    """Draw it anew in place; what goes wrong meanwhile is shown there, and may pass."""
    from monitor.cli.overview import MOST, fitted  # noqa: PLC0415 - rich is for terminals only
    from monitor.cli.watch import watch  # noqa: PLC0415 - likewise

    def draw() -> Sequence[str]:
        here = screen()
        try:
            known = look(asked, most=MOST)
        except click.ClickException as error:
            return [f"Error: {error.format_message()}"]
        return fitted(known, here, list(known.standings))

    watch(draw, sys.stdout, every=_EVERY)


# -- for scripts ------------------------------------------------------------------------------------------------------


def _write(asked: Asked) -> list[str]:
    known = look(asked)
    return ["\n\n".join(_sections(known, known.chosen))]


def _sections(known: Known, chosen: Sequence[str]) -> list[str]:
    parts = [about_daemon(known)]
    if chosen:
        headers = ("ACCOUNT", "LEVEL", "BALANCE", "GONE IN 24H", "RUNWAY", "CREDITS", "POINTS", "READ", "POLLS")
        parts.append(table(headers, [_account(known, name) for name in chosen]))
    else:
        parts.append("No account has been polled yet.")
    alerts = known.about(chosen)
    if alerts:
        rows = [(one.account, one.level.word, one.rule, ago(one.started_at, known.now), one.phrase) for one in alerts]
        parts.append(table(("ALERT", "LEVEL", "RULE", "SINCE", "WHAT"), rows))
    asked = [one for one in known.snoozes if one.account in chosen]
    if asked:
        silences = [(one.account, one.rule or "all", one.level.word, how_long(one, known.now)) for one in asked]
        parts.append(table(("SNOOZED", "RULE", "UP TO", "FOR"), silences))
    if known.channels:
        columns = ("CHANNEL", "FAILING", "WAITING", "GIVEN UP", "LAST SUCCESS", "LAST ERROR")
        parts.append(table(columns, [channel_row(known, health) for health in known.channels.values()]))
    return parts


def _account(known: Known, name: str) -> tuple[str, ...]:
    one = known.accounts[name]
    failure = f"{one.failure.kind.value}: {one.failure.reason}" if one.failure else "ok"
    level = level_word(one, known.level(name))
    if one.reading is None:
        return (name, level, "unknown", "", "", "", "", "never", failure)
    amounts = ((one.reading.available_credits, Unit.CREDITS), (one.reading.available_points, Unit.POINTS))
    counts = [tell(amount, unit).split()[0] if amount is not None else "" for amount, unit in amounts]
    balance = tell(one.reading.balance_usd, Unit.USD)
    return (name, level, balance, *_money(known.standings[name]), *counts, ago(one.read_at, known.now), failure)


def _money(standing: Standing) -> tuple[str, str]:
    """Say what went in 24 hours, and how long the rest lasts."""
    gone = went(standing.spent, standing.read_at) if standing.spent and standing.read_at else ""
    match standing.runway:
        case Runway(mid=mid):
            return gone, about(mid)
        case NotYet():
            return gone, "not enough data yet"
        case _:
            return gone, "unknown"


def _document(known: Known, chosen: Sequence[str]) -> dict[str, Any]:
    daemon = {"healthy": known.wrong is None, "reason": known.wrong, "database_trouble": known.trouble or None}
    daemon["page_trouble"] = known.page or None
    return {
        "daemon": {**daemon, **(asdict(known.life) if known.life else {})},
        "accounts": [account(known.accounts[name], known.standings[name], known.level(name)) for name in chosen],
        "alerts": [alert(one) for one in known.about(chosen)],
        "snoozes": [snooze(one) for one in known.snoozes if one.account in chosen],
        "channels": [channel(health, known.counts) for health in known.channels.values()],
    }
