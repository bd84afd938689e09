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
    counts = outbox.counts(tx)
    trials = {name: _trial(trial, now) for name, trial in site.trials.items()}
    trials |= {name: Note("A test message is under way.", "warning") for name in list(site.testing)}
    return [
        _channel(one, counts, now, trials.get(one.channel), is_there=one.channel in config.channels)
        for one in health(tx, config, counts)
    ]


def health(tx: Tx, config: Config, counts: Mapping[tuple[str, str], int]) -> list[Health]:
    """Return how every channel is doing, by name; ``counts`` tell of those that were removed and have messages left."""
    known = outbox.all_health(tx)
    names = sorted({*config.channels, *(channel for channel, _ in counts)})
    return [known.get(name) or Health(channel=name) for name in names]


def _channel(
    one: Health, counts: Mapping[tuple[str, str], int], now: datetime, trial: Note | None, *, is_there: bool
) -> Way:
    state, hue = "delivers", "ok"
    if not is_there:
        state, hue = "no longer configured", "unknown"
    elif one.failing_since is not None:
        state, hue = f"failing for {age(now - one.failing_since)}", "critical"
    elif one.last_success_at is None:
        state, hue = "not used yet", "unknown"
    waiting, lost = (f"{counts.get((one.channel, state), 0):,}" for state in ("waiting", "given_up"))
    error = f"{ago(one.last_error_at, now)}: {one.last_error}" if one.last_error else "none"
    return Way(
        name=one.channel,
        state=state,
        hue=hue,
        waiting=waiting,
        given_up=lost,
        success=ago(one.last_success_at, now),
        error=error,
        trial=trial,
        is_there=is_there,
    )


def _trial(trial: Trial, now: datetime) -> Note:
    when = ago(trial.at, now)
    if isinstance(trial.outcome, NotSent):
        return Note(f"Test {when}: {trial.outcome.reason}", "critical")
    return Note(f"Test {when}: delivered", "ok")
