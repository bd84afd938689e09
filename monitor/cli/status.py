"""``status``: what the daemon knows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from monitor.cli.common import ago, choose, open_store, print_json, table, utc_now
from monitor.cli.healthcheck import ailment
from monitor.model import Alert, Level
from monitor.quantity import Unit, tell
from monitor.store import Tx, life, memory, outbox
from monitor.store.life import Life
from monitor.store.memory import Memory
from monitor.store.outbox import Health


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that ``status`` shows, read in one transaction."""

    life: Life | None
    accounts: Mapping[str, Memory]
    alerts: Sequence[Alert]
    channels: Mapping[str, Health]
    counts: Mapping[tuple[str, str], int]


def read(tx: Tx) -> Known:
    """Read what the daemon knows."""
    return Known(
        life=life.read(tx),
        accounts=dict(sorted(memory.recall_all(tx).items())),
        alerts=memory.open_alerts(tx),
        channels=dict(sorted(outbox.all_health(tx).items())),
        counts=outbox.counts(tx),
    )


@click.command()
@click.argument("accounts", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.pass_obj
def status(path: Path | None, accounts: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Show balances, alerts, channels and the outbox as the daemon knows them."""
    with open_store(path) as store, store.transaction(reads=True) as tx:
        known = read(tx)
    chosen = choose(accounts, list(known.accounts), "account")
    now = utc_now()
    if as_json:
        print_json(_document(known, chosen, now))
    else:
        click.echo("\n\n".join(_sections(known, chosen, now)))


def _level(known: Known, account: str) -> Level:
    return max((alert.level for alert in known.alerts if alert.account == account), default=Level.OK)


def _sections(known: Known, chosen: Sequence[str], now: datetime) -> list[str]:
    parts = [_daemon(known.life, now)]
    if chosen:
        headers = ("ACCOUNT", "LEVEL", "BALANCE", "CREDITS", "POINTS", "READ", "POLLS")
        parts.append(table(headers, [_account(known, name, now) for name in chosen]))
    shown = [alert for alert in known.alerts if alert.account in {*chosen, "monitor"}]
    if shown:
        rows = [(one.account, one.rule, one.level.word, ago(one.started_at, now), one.phrase) for one in shown]
        parts.append(table(("ALERT", "RULE", "LEVEL", "SINCE", "WHAT"), rows))
    if known.channels:
        columns = ("CHANNEL", "WAITING", "GIVEN UP", "LAST SUCCESS", "LAST ERROR")
        parts.append(table(columns, [_channel(known, health, now) for health in known.channels.values()]))
    return parts


def _daemon(found: Life | None, now: datetime) -> str:
    wrong = ailment(found, now)
    if found is None or wrong is not None:
        return f"Daemon: {wrong}."
    lines = [f"Daemon: healthy, up for {ago(found.started_at, now).removesuffix(' ago')} (process {found.pid})."]
    if found.reload_error is not None:
        lines.append(f"The last reload was refused, the earlier configuration goes on: {found.reload_error}")
    return "\n".join(lines)


def _account(known: Known, name: str, now: datetime) -> tuple[str, ...]:
    one = known.accounts[name]
    failure = f"{one.failure.kind.value}: {one.failure.reason}" if one.failure else "ok"
    level = _level(known, name).word
    if one.reading is None:
        return (name, level, "unknown", "", "", "never", failure)
    amounts = ((one.reading.available_credits, Unit.CREDITS), (one.reading.available_points, Unit.POINTS))
    counts = [tell(amount, unit).split()[0] if amount is not None else "" for amount, unit in amounts]
    return (name, level, tell(one.reading.balance_usd, Unit.USD), *counts, ago(one.read_at, now), failure)


def _channel(known: Known, health: Health, now: datetime) -> tuple[str, ...]:
    waiting, lost = (known.counts.get((health.channel, state), 0) for state in ("waiting", "given_up"))
    error = f"{ago(health.last_error_at, now)}: {health.last_error}" if health.last_error else ""
    return (health.channel, str(waiting), str(lost), ago(health.last_success_at, now), error)


def _document(known: Known, chosen: Sequence[str], now: datetime) -> dict[str, Any]:
    return {
        "daemon": {
            "healthy": ailment(known.life, now) is None,
            "reason": ailment(known.life, now),
            **(asdict(known.life) if known.life else {}),
        },
        "accounts": [_account_document(known, name) for name in chosen],
        "alerts": [asdict(one) | {"level": one.level.word, "worst": one.worst.word} for one in known.alerts],
        "channels": [
            asdict(health) | {state: known.counts.get((name, state), 0) for state in ("waiting", "given_up")}
            for name, health in known.channels.items()
        ],
    }


def _account_document(known: Known, name: str) -> dict[str, Any]:
    one = known.accounts[name]
    return {
        "account": name,
        "level": _level(known, name).word,
        "reading": asdict(one.reading) if one.reading else None,
        "read_at": one.read_at,
        "polled_at": one.polled_at,
        "failure": {"kind": one.failure.kind.value, "reason": one.failure.reason} if one.failure else None,
        "failing_since": one.failing_since,
    }
