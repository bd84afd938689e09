"""``healthcheck``: is the running daemon healthy? For Docker; never depends on the page."""

from datetime import datetime, timedelta
from pathlib import Path

import click

from monitor.cli.common import Stop, ago, open_store, utc_now
from monitor.store import life
from monitor.store.life import Life

OLDEST_BEAT = timedelta(seconds=35)
"""Three beats and a half."""


def ailment(found: Life | None, now: datetime) -> str | None:
    """Say in a sentence what is wrong with the daemon, or None if nothing is."""
    if found is None:
        return "no daemon has run on this database yet"
    if found.stopped_at is not None:
        return f"the daemon was stopped {ago(found.stopped_at, now)}"
    if now - found.beat_at > OLDEST_BEAT:
        return f"the daemon (process {found.pid}) last gave a sign of life {ago(found.beat_at, now)}"
    if found.overdue:
        return f"the polls of {found.overdue} account{'s' * (found.overdue > 1)} are overdue"
    return None


@click.command()
@click.pass_obj
def healthcheck(path: Path | None) -> None:
    """Exit 0 if the running daemon is healthy, else 1: for Docker."""
    with open_store(path) as store, store.transaction(reads=True) as tx:
        found = life.read(tx)
    wrong = ailment(found, utc_now())
    if wrong is not None:
        raise Stop(wrong)
    click.echo("healthy")
