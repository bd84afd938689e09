"""``reload``: the running daemon reads its configuration again, and says what it thinks of it."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import click

from monitor.cli.common import Stop, database_url, patiently
from monitor.pulse import Pulse, feel
from monitor.store import path_of

PATIENCE = 30.0
"""Seconds: the daemon itself gives up before."""
_LOOK = 0.05


@click.command()
@click.pass_obj
def reload(path: Path | None) -> None:
    """Let the running daemon read its configuration again; exit 0 when it has.

    A configuration with a mistake is refused: exit 1 with every mistake, and the daemon goes on with the one before.
    """
    database = path_of(database_url(path))
    before = feel(database)
    if before is None:
        raise Stop(f"no daemon that runs on {database} answers: start balance-monitor run, or become its user")
    try:
        os.kill(before.pid, signal.SIGHUP)
    except (PermissionError, ProcessLookupError):
        raise Stop(f"process {before.pid} takes no signal from here: run this as its user, where it runs") from None
    with patiently("Waiting for the daemon …"):
        after = wait(database, before)
    if after.reload_error:
        raise Stop(*after.reload_error.splitlines())
    click.echo("Reloaded.")


def wait(database: Path, before: Pulse, *, patience: float = PATIENCE) -> Pulse:
    """Return how the daemon is once it has read its configuration again, or is another one."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        time.sleep(_LOOK)
        with suppress(OSError):
            now = feel(database)
            if now is not None and (now.reloads, now.pid) != (before.reloads, before.pid):
                return now
    raise Stop(f"process {before.pid} has not said within {patience:g} s that it has reloaded: see its log")
