"""What ``status`` knows: all of it read in one transaction, and the few words that every form of it shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.cli.ailment import ailment
from monitor.cli.common import choose
from monitor.messages import Standing
from monitor.model import MONITOR, Alert, Level, Snooze
from monitor.poll import informed
from monitor.poll.money import hours_since
from monitor.quantity import ago, spoken
from monitor.spending import Hour
from monitor.store import Tx, casebook, life, memory, outbox, snoozes
from monitor.store.life import Life
from monitor.store.memory import Memory
from monitor.store.outbox import Health

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that ``status`` shows, read in one transaction."""

    now: datetime
    life: Life | None
    accounts: Mapping[str, Memory]
    alerts: Sequence[Alert]
    levels: Mapping[str, Level]
    """The worst of each account of which an alert is open."""
    channels: Mapping[str, Health]
    counts: Mapping[tuple[str, str], int]
    """How many messages wait or were given up, by channel and state."""
    snoozes: Sequence[Snooze]
    chosen: Sequence[str]
    """The accounts that were asked for."""
    standings: Mapping[str, Standing]
    """What went and how long the rest lasts, of those of them that are to be shown."""
    hours: Mapping[str, Sequence[Hour]] = field(default_factory=dict)
    """What went and came in the last seven days, where that is to be drawn."""
    trouble: str = ""
    """Why the daemon cannot write any of this down; then it is as of its last beat."""
    page: str = ""
    """Why the daemon cannot serve the page."""

    @property
    def wrong(self) -> str | None:
        """What is wrong with the daemon, or None."""
        return None if self.trouble else ailment(self.life, self.now)

    def level(self, account: str) -> Level:
        """Return the worst level of what is open."""
        return self.levels.get(account, Level.OK)

    def about(self, names: Sequence[str]) -> list[Alert]:
        """Return the alerts of these accounts and of the monitor itself."""
        return [alert for alert in self.alerts if alert.account in {*names, MONITOR}]


def read(tx: Tx, now: datetime, chosen: Sequence[str] = (), *, most: int | None = None) -> Known:
    """Read what the daemon knows; of all accounts, or of those that are chosen, also how long the money lasts.

    With ``most`` of so many at most, those in trouble first, and also what is to be drawn of them.
    """
    counts = outbox.counts(tx)
    accounts, alerts = dict(sorted(memory.recall_all(tx).items())), casebook.open_alerts(tx)
    levels = worst(alerts)
    asked = choose(chosen, list(accounts), "polled account")
    shown = asked if most is None else memory.ranked(asked, accounts, levels)[:most]
    untried = {channel: Health(channel=channel) for channel, _ in counts}
    return Known(
        now=now,
        life=life.read(tx),
        accounts=accounts,
        alerts=alerts,
        levels=levels,
        channels=dict(sorted((untried | outbox.all_health(tx)).items())),
        counts=counts,
        snoozes=snoozes.present(tx, now),
        chosen=asked,
        standings={name: informed(tx, accounts[name], Level.OK) for name in shown},
        hours={name: hours_since(tx, accounts[name], now - WEEK) for name in shown} if most is not None else {},
    )


def worst(alerts: Sequence[Alert]) -> dict[str, Level]:
    """Return the worst level of each account of which an alert is open."""
    found: dict[str, Level] = {}
    for alert in alerts:
        found[alert.account] = max(alert.level, found.get(alert.account, Level.OK))
    return found


def about_daemon(known: Known) -> str:
    """Say how the daemon is, and what a reader must know of what follows."""
    found, now = known.life, known.now
    if known.wrong is not None:
        return f"Not healthy: {known.wrong}."
    lines = [
        f"Healthy, up for {spoken(now - found.started_at)} (process {found.pid}, {found.config})."
        if found
        else "Healthy."
    ]
    if known.trouble:
        as_of = f"as of {ago(found.beat_at, now)}" if found else "from before its start"
        lines += [
            f"The database cannot be used ({known.trouble}): all goes on from memory.",
            f"What follows is {as_of}.",
        ]
    if known.page:
        lines.append(f"The page is not served: {known.page}.")
    if found is not None and found.reload_error is not None:
        lines.append(f"The last reload was refused, the earlier configuration goes on: {found.reload_error}")
    return "\n".join(lines)


def how_long(one: Snooze, now: datetime) -> str:
    """Say for how long a silence still holds."""
    return "until it ends" if one.until is None else spoken(one.until - now)


def channel_row(known: Known, health: Health) -> tuple[str, ...]:
    """Return how a channel is doing: its name, whether it fails, what waits and was given up, and its last two ends."""
    waiting, lost = (known.counts.get((health.channel, state), 0) for state in ("waiting", "given_up"))
    failing = f"for {spoken(known.now - health.failing_since)}" if health.failing_since else "no"
    error = f"{ago(health.last_error_at, known.now)}: {health.last_error}" if health.last_error else ""
    return (health.channel, failing, str(waiting), str(lost), ago(health.last_success_at, known.now), error)
