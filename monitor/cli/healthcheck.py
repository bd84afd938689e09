"""``healthcheck``: is the running daemon healthy? For Docker; never depends on the page."""

from datetime import datetime, timedelta
from pathlib import Path

import click

from monitor.cli.common import Stop, ago, database_url, open_store, utc_now
from monitor.pulse import feel
from monitor.store import life, path_of
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
    return overdue(found.overdue)


def overdue(accounts: int) -> str | None:
    """Say that polls are overdue, or None if none is."""
    return f"the polls of {accounts} account{'s' * (accounts > 1)} are overdue" if accounts else None


@click.command()
@click.pass_obj
def healthcheck(path: Path | None) -> None:
    """Exit 0 if the running daemon is healthy, else 1: for Docker.

    The database says so; while it is in trouble, the daemon itself.
    """
    database = path_of(database_url(path))
    try:
        with open_store(path) as store, store.transaction(reads=True) as tx:
            wrong = ailment(life.read(tx), utc_now())
    except Stop as stop:
        wrong = stop.message
    if wrong is None:
        click.echo("healthy")
        return
    pulse = feel(database)
    if pulse is None or not pulse.trouble:
        raise Stop(wrong)
    if pulse.overdue:
        raise Stop(overdue(pulse.overdue) or wrong)
    click.echo(f"healthy, though the database cannot be used ({pulse.trouble}): all goes on from memory")
