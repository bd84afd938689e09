"""What is wrong with the daemon, by the row that it keeps in its database."""

from datetime import datetime, timedelta
from pathlib import Path

from monitor.cli.common import Stop, database_url, open_store, utc_now
from monitor.pulse import OLDEST_BEAT, Pulse, feel, overdue
from monitor.quantity import ago
from monitor.store import life, path_of
from monitor.store.life import Life


def ailment(found: Life | None, now: datetime) -> str | None:
    """Say in a sentence what is wrong with the daemon, or None if nothing is."""
    if found is None:
        return "no daemon has run on this database yet"
    if found.stopped_at is not None:
        return f"the daemon was stopped {ago(found.stopped_at, now)}"
    if now - found.beat_at > timedelta(seconds=OLDEST_BEAT):
        return f"the daemon (process {found.pid}) last gave a sign of life {ago(found.beat_at, now)}"
    return overdue(found.overdue)


def look(path: Path | None) -> tuple[str | None, Pulse | None]:
    """Say what is wrong by the database, and what the daemon itself says, if it answers."""
    pulse = feel(path_of(database_url(path)))
    try:
        with open_store(path) as store, store.transaction(reads=True) as tx:
            return ailment(life.read(tx), utc_now()), pulse
    except Stop as stop:
        return stop.message, pulse
