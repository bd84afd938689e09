"""The channels, on the page of all accounts: whether each delivers, what waits, and the last test from the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.config import Config
from monitor.model import NotSent
from monitor.quantity import age, ago
from monitor.store import Tx, outbox
from monitor.store.outbox import Health
from monitor.web.say import Note
from monitor.web.site import Site, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A channel in a line."""

    name: str
    state: str
    hue: str
    waiting: str
    given_up: str
    success: str
    error: str
    trial: Note | None
    is_there: bool
    """Whether it is configured; of one that is not, messages are left."""


def ways(tx: Tx, config: Config, now: datetime, site: Site) -> list[Way]:
    """Return every channel, also one that was removed if messages for it are left."""
    health, counts = outbox.all_health(tx), outbox.counts(tx)
    trials = {name: _trial(trial, now) for name, trial in site.trials.items()}
    trials |= {name: Note("A test message is under way.", "warning") for name in list(site.testing)}
    return [
        _channel(
            health.get(name, Health(channel=name)), counts, now, trials.get(name), is_there=name in config.channels
        )
        for name in sorted({*config.channels, *(channel for channel, _ in counts)})
    ]


def _channel(
    health: Health, counts: Mapping[tuple[str, str], int], now: datetime, trial: Note | None, *, is_there: bool
) -> Way:
    state, hue = "delivers", "ok"
    if not is_there:
        state, hue = "no longer configured", "unknown"
    elif health.failing_since is not None:
        state, hue = f"failing for {age(now - health.failing_since)}", "critical"
    elif health.last_success_at is None:
        state, hue = "not used yet", "unknown"
    waiting, lost = (f"{counts.get((health.channel, state), 0):,}" for state in ("waiting", "given_up"))
    error = f"{ago(health.last_error_at, now)}: {health.last_error}" if health.last_error else "none"
    return Way(
        name=health.channel,
        state=state,
        hue=hue,
        waiting=waiting,
        given_up=lost,
        success=ago(health.last_success_at, now),
        error=error,
        trial=trial,
        is_there=is_there,
    )


def _trial(trial: Trial, now: datetime) -> Note:
    when = ago(trial.at, now)
    if isinstance(trial.outcome, NotSent):
        return Note(f"Test {when}: {trial.outcome.reason}", "critical")
    return Note(f"Test {when}: delivered", "ok")
