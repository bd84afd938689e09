"""``demo``: the whole daemon against the bundled simulated API."""

import asyncio
import io
import os

import click

from monitor import demo as story
from monitor import log
from monitor.cli.common import LEVEL_COLOURS, Stop
from monitor.demo import Ending, Kind, Line

_OPENING = """\
An hour in the life of an account, {speed} times as fast. The API is simulated; the daemon,
its database and the delivery (through Apprise, to a webhook that prints) are real.
Nothing leaves this machine. Ctrl-C ends it.
"""
_CLOSING = """
That was the whole story: low, unknown for a while (neither zero nor fine), worse, fine again;
each told once, all delivered. Now with your own key: balance-monitor config init"""


@click.command()
@click.option("--speed", type=click.IntRange(1, 600), default=story.SPEED, show_default=True, help="Times as fast.")
@click.option("--once", is_flag=True, help="End with the end of the story, with exit code 0.")
def demo(speed: int, once: bool) -> None:  # noqa: FBT001 - click's way
    """See an account drain, warn, go critical, get topped up and recover.

    Needs no key and no configuration, leaves nothing behind, and takes half a minute.
    """
    kept = io.StringIO()  # the story is not for log lines; they are shown if it fails
    log.setup(level="warning", format="console", stream=kept, environ=os.environ)
    click.echo(_OPENING.format(speed=speed))
    try:
        ending = asyncio.run(story.play(show, speed=speed, once=once))
    except KeyboardInterrupt:  # before the daemon took the signals, or after
        ending = Ending.STOPPED
    close(ending, once=once, kept=kept.getvalue())


def close(ending: Ending, *, once: bool, kept: str = "") -> None:
    """Say how it ended; with ``once``, a story that is not whole is a failure, explained by the log lines ``kept``."""
    if not once:
        click.echo("\nStopped.")
    elif ending is Ending.WHOLE:
        click.echo(_CLOSING)
    elif ending is Ending.STOPPED:
        raise Stop("stopped before the end of the story")
    else:
        click.echo(kept, nl=False, err=True)
        raise Stop("the story did not come to its end in time: run it again with a lower --speed")


def show(line: Line) -> None:
    """Print a line of the story."""
    colour = LEVEL_COLOURS[line.level.word] if line.level is not None else None
    match line.kind:
        case Kind.TITLE:
            click.echo(f"  {line.clock}  " + click.style(f"▶ {line.text}", fg=colour, bold=True))
        case Kind.BODY:
            click.echo(" " * 9 + click.style("│ ", fg=colour) + line.text)
        case Kind.POLL:
            click.echo(click.style(f"  {line.clock}  ", dim=True) + click.style(line.text, fg=colour, dim=not colour))
        case _:
            click.echo(f"  {line.clock}  {line.text}")
