"""``status``: what the daemon knows."""

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.ailment import ailment
from monitor.cli.common import ago, choose, is_terminal, open_store, print_json, table, utc_now
from monitor.documents.account import account, channel, snooze
from monitor.documents.alert import alert
from monitor.messages import Standing
from monitor.model import MONITOR, Alert, Level, Snooze
from monitor.outlook import about, went
from monitor.poll import informed
from monitor.pulse import feel
from monitor.quantity import Unit, spoken, tell
from monitor.runway import NotYet, Runway
from monitor.store import Tx, casebook, life, memory, outbox, snoozes
from monitor.store.life import Life
from monitor.store.memory import Memory
from monitor.store.outbox import Health

_EVERY = 2.0
"""Seconds between two looks of ``--watch``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that ``status`` shows, read in one transaction."""

    now: datetime
    life: Life | None
    accounts: Mapping[str, Memory]
    alerts: Sequence[Alert]
    channels: Mapping[str, Health]
    counts: Mapping[tuple[str, str], int]
    """How many messages wait or were given up, by channel and state."""
    snoozes: Sequence[Snooze]
    standings: Mapping[str, Standing]
    """What went and how long the rest lasts, of the accounts that are to be shown."""
    trouble: str = ""
    """Why the daemon cannot write any of this down; then it is as of its last beat."""
    page: str = ""
    """Why the daemon cannot serve the page."""

    @property
    def wrong(self) -> str | None:
        """What is wrong with the daemon, or None."""
        return None if self.trouble else ailment(self.life, self.now)


def read(tx: Tx, now: datetime, chosen: Sequence[str] = ()) -> Known:
    """Read what the daemon knows; of all accounts, or of those that are chosen, also how long the money lasts."""
    counts = outbox.counts(tx)
    accounts = dict(sorted(memory.recall_all(tx).items()))
    shown = choose(chosen, list(accounts), "polled account")
    untried = {channel: Health(channel=channel) for channel, _ in counts}
    return Known(
        now=now,
        life=life.read(tx),
        accounts=accounts,
        alerts=casebook.open_alerts(tx),
        channels=dict(sorted((untried | outbox.all_health(tx)).items())),
        counts=counts,
        snoozes=snoozes.present(tx, now),
        standings={name: informed(tx, accounts[name], Level.OK) for name in shown},
    )


@click.command()
@click.argument("accounts", nargs=-1, metavar="[ACCOUNT]...")
@click.option("--watch", is_flag=True, help="Look again every two seconds, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def status(path: Path | None, accounts: tuple[str, ...], watch: bool, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Show balances, alerts, channels and the outbox as the daemon knows them."""
    if watch and as_json:
        raise click.UsageError("--json is one document, --watch has no end: give one of them")
    show(path, accounts, as_json=as_json)
    with contextlib.suppress(KeyboardInterrupt):
        while watch:
            time.sleep(_EVERY)
            show(path, accounts, as_json=False, again=True)


def show(path: Path | None, accounts: Sequence[str], *, as_json: bool, again: bool = False) -> None:
    """Print all of it once; ``again`` in place of what a terminal shows."""
    with open_store(path) as store, store.transaction(reads=True) as tx:
        known = read(tx, utc_now(), accounts)
    if (pulse := feel(store.path)) is not None:
        known = replace(known, trouble=pulse.trouble if known.wrong is not None else "", page=pulse.page)
    chosen = list(known.standings)
    if as_json:
        print_json(_document(known, chosen))
        return
    if again:
        click.echo("\x1b[H\x1b[J" if is_terminal(sys.stdout) else "\n", nl=False)
    click.echo("\n\n".join(_sections(known, chosen)))


def _level(known: Known, account: str) -> Level:
    return max((alert.level for alert in known.alerts if alert.account == account), default=Level.OK)


def _shown(known: Known, chosen: Sequence[str]) -> list[Alert]:
    """Return the alerts of these accounts and of the monitor itself."""
    return [alert for alert in known.alerts if alert.account in {*chosen, MONITOR}]


def _sections(known: Known, chosen: Sequence[str]) -> list[str]:
    parts = [_daemon(known)]
    if chosen:
        headers = ("ACCOUNT", "LEVEL", "BALANCE", "GONE IN 24H", "RUNWAY", "CREDITS", "POINTS", "READ", "POLLS")
        parts.append(table(headers, [_account(known, name) for name in chosen]))
    else:
        parts.append("No account has been polled yet.")
    alerts = _shown(known, chosen)
    if alerts:
        rows = [(one.account, one.level.word, one.rule, ago(one.started_at, known.now), one.phrase) for one in alerts]
        parts.append(table(("ALERT", "LEVEL", "RULE", "SINCE", "WHAT"), rows))
    asked = [one for one in known.snoozes if one.account in chosen]
    if asked:
        silences = [(one.account, one.rule or "all", one.level.word, _left(one, known.now)) for one in asked]
        parts.append(table(("SNOOZED", "RULE", "UP TO", "FOR"), silences))
    if known.channels:
        columns = ("CHANNEL", "FAILING", "WAITING", "GIVEN UP", "LAST SUCCESS", "LAST ERROR")
        parts.append(table(columns, [_channel(known, health) for health in known.channels.values()]))
    return parts


def _left(one: Snooze, now: datetime) -> str:
    return "until it ends" if one.until is None else spoken(one.until - now)


def _daemon(known: Known) -> str:
    found, now = known.life, known.now
    if found is None or known.wrong is not None:
        return f"Not healthy: {known.wrong}."
    lines = [f"Healthy, up for {spoken(now - found.started_at)} (process {found.pid}, {found.config})."]
    if known.trouble:
        lines.append(f"The database cannot be used ({known.trouble}): all goes on from memory.")
        lines.append(f"What follows is as of {ago(found.beat_at, now)}.")
    if known.page:
        lines.append(f"The page is not served: {known.page}.")
    if found.reload_error is not None:
        lines.append(f"The last reload was refused, the earlier configuration goes on: {found.reload_error}")
    return "\n".join(lines)


def _account(known: Known, name: str) -> tuple[str, ...]:
    one = known.accounts[name]
    failure = f"{one.failure.kind.value}: {one.failure.reason}" if one.failure else "ok"
    level = _level(known, name).word
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


def _channel(known: Known, health: Health) -> tuple[str, ...]:
    waiting, lost = (known.counts.get((health.channel, state), 0) for state in ("waiting", "given_up"))
    failing = f"for {spoken(known.now - health.failing_since)}" if health.failing_since else "no"
    error = f"{ago(health.last_error_at, known.now)}: {health.last_error}" if health.last_error else ""
    return (health.channel, failing, str(waiting), str(lost), ago(health.last_success_at, known.now), error)


def _document(known: Known, chosen: Sequence[str]) -> dict[str, Any]:
    daemon = {"healthy": known.wrong is None, "reason": known.wrong, "database_trouble": known.trouble or None}
    daemon["page_trouble"] = known.page or None
    return {
        "daemon": {**daemon, **(asdict(known.life) if known.life else {})},
        "accounts": [account(known.accounts[name], known.standings[name], _level(known, name)) for name in chosen],
        "alerts": [alert(one) for one in _shown(known, chosen)],
        "snoozes": [snooze(one) for one in known.snoozes if one.account in chosen],
        "channels": [channel(health, known.counts) for health in known.channels.values()],
    }
