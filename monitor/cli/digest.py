"""``digest --print``: the digest as it would be sent now."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import click

from monitor.cli.common import Progress, load, open_store, print_json, utc_now
from monitor.config import Config
from monitor.digest import Entry, Period, body, headline
from monitor.model import MONITOR, Alert
from monitor.poll import digest as editions
from monitor.runway import NotYet, Runway
from monitor.spending import Spend
from monitor.store import Store, digests, memory

_SHOWN_AFTER, _SHOWN_EVERY = 2.0, 0.2
"""Seconds until people are shown how far it has come, and from then on."""
_UNWANTED = "no [digest] is configured: this is what one of the last seven days would tell"


@dataclass(frozen=True, slots=True)
class Known:
    """All that a digest tells."""

    period: Period
    entries: Mapping[str, Entry]
    own: Sequence[Alert]


@click.command()
@click.option("--print", "is_print", is_flag=True, help="Print it; nothing is sent.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def digest(path: Path | None, *, is_print: bool, as_json: bool) -> None:
    """Print the digest as it would be sent now, with --print; the daemon sends it by its schedule.

    It tells of the time since the last one, or of the last seven days where none is configured.
    """
    if not is_print:
        raise click.UsageError("the daemon sends the digest by its schedule: give --print to see it as of now")
    config = load(path, needs_secrets=False)
    with open_store(path) as store:
        known = _read(store, config, utc_now())
    if as_json:
        print_json(_document(config, known))
        return
    if config.digest is None:
        click.echo(f"note: {_UNWANTED}", err=True)
    click.echo("\n\n".join(_texts(config, known)))


def _read(store: Store, config: Config, now: datetime) -> Known:
    """Read an account a transaction, so that the daemon need not wait."""
    with store.transaction(reads=True) as tx:
        latest = digests.read(tx) if config.digest is not None else None
        names = sorted(memory.known_accounts(tx) | set(config.accounts))
        own = editions.alerts(tx, MONITOR)
    asked = editions.up_to_now(latest, now)
    entries = {}
    for name in _watched(names):
        with store.transaction(reads=True) as tx:
            entries[name] = editions.entry(tx, name, asked, config.retention)
    return Known(asked, entries, own)


def _watched(names: Sequence[str]) -> Iterator[str]:
    """Yield the names, and show how far it has come if that takes long."""
    progress, shown_at = Progress(sys.stderr), time.monotonic() + _SHOWN_AFTER
    try:
        for count, name in enumerate(names):
            if time.monotonic() >= shown_at:
                progress.show(f"{count:,} of {len(names):,} accounts …")
                shown_at = time.monotonic() + _SHOWN_EVERY
            yield name
    finally:
        progress.clear()


# -- text -------------------------------------------------------------------------------------------------------------


def _texts(config: Config, known: Known) -> Iterator[str]:
    """Yield what channels would get: once, if that is the same for all of them, else by channel."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for channel in editions.channels(config):
        groups.setdefault(tuple(_heard(config, known, channel.name)), []).append(channel.name)
    for names, channels in (groups or {tuple(known.entries): [""]}).items():
        to = f"To {', '.join(channels)}:\n\n" if len(groups) > 1 else ""
        yield to + _text(config, known, names)


def _heard(config: Config, known: Known, channel: str) -> list[str]:
    """Return the accounts of which a channel hears; those that are not configured here, as far as anybody knows."""
    hears = set(editions.hears(config, config.channels[channel]))
    return [name for name in known.entries if name in hears or name not in config.accounts]


def _text(config: Config, known: Known, names: Sequence[str]) -> str:
    if not names:
        return "No account: there is nothing to tell of."
    entries, zone = [known.entries[name] for name in names], config.timezone
    said = headline(len(entries), known.period, zone)
    return f"{said[:1].upper()}{said[1:]}\n\n{body(entries, known.own, known.period, zone)}"


# -- JSON -------------------------------------------------------------------------------------------------------------


def _document(config: Config, known: Known) -> dict[str, object]:
    asked = known.period
    return {
        "configured": config.digest is not None,
        "channels": [channel.name for channel in editions.channels(config)] if config.digest else [],
        "before": asked.before,
        "since": asked.since,
        "until": asked.until,
        "monitor": [_alert(alert) for alert in known.own],
        "accounts": [_entry(name, entry) for name, entry in known.entries.items()],
    }


def _entry(name: str, entry: Entry) -> dict[str, object]:
    standing, failure = entry.standing, entry.standing.failure
    return {
        "account": name,
        "level": standing.level.word,
        "balance_usd": standing.reading.balance_usd if standing.reading else None,
        "read_at": standing.read_at,
        "failure": {"kind": failure.kind.value, "reason": failure.reason} if failure else None,
        "gone": _spend(entry.spent),
        "gone_before": _spend(entry.former),
        "came_in_usd": entry.rose,
        "runway": _runway(standing.runway),
        "alerts": [_alert(alert) for alert in entry.alerts],
        "alerts_ended": entry.ended,
        "polls": {"readings": entry.readings, "polls": entry.polls, "since": entry.polls_since},
    }


def _spend(spent: Spend) -> dict[str, object] | None:
    """Return what went as far as it is known; None if nothing is."""
    if not spent.watched:
        return None
    return {"usd": spent.fell, "since": spent.since, "known_seconds": int(spent.watched.total_seconds())}


def _runway(found: Runway | NotYet | None) -> dict[str, object] | None:
    """Return seconds; those that are null are more than a year."""
    if not isinstance(found, Runway):
        return None
    lengths = {"low": found.low, "mid": found.mid, "high": found.high, "basis": found.basis}
    return {f"{name}_seconds": None if one is None else int(one.total_seconds()) for name, one in lengths.items()}


def _alert(alert: Alert) -> dict[str, object]:
    return asdict(alert) | {"level": alert.level.word, "worst": alert.worst.word}
