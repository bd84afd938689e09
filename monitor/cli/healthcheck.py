"""``healthcheck``: is the running daemon healthy? For Docker; never depends on the page.

A container asks all the time, so it loads next to nothing where the daemon answers: 14 MB instead of 55.
"""

import os
from pathlib import Path

import click

from monitor.pulse import ailment, feel_by_call


@click.command()
@click.pass_obj
def healthcheck(path: Path | None) -> None:
    """Exit 0 if the running daemon is healthy, else 1: for Docker.

    The daemon itself says so, else the database.
    """
    pulse, wrong = feel_by_call(path, os.environ), None
    if pulse is None:
        from monitor.cli.ailment import look  # noqa: PLC0415 - see above

        wrong, pulse = look(path)
    if pulse is not None and (wrong is None or pulse.trouble):
        wrong = ailment(pulse)
    if wrong is not None:
        raise click.ClickException(wrong)
    trouble = pulse.trouble if pulse else ""
    note = f", though the database cannot be used ({trouble}): all goes on from memory" if trouble else ""
    click.echo(f"healthy{note}")
