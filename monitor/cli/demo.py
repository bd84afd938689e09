"""``demo``: the whole daemon against the bundled simulated API."""

import asyncio
import io
import os
import sys
import textwrap

import click

from monitor import demo as story
from monitor import log
from monitor.cli.common import LEVEL_COLOURS, Progress, Stop, is_terminal
from monitor.demo import Ending, Kind, Line

_OPENING = """\
An hour in the life of an account, {speed} times as fast. The API is simulated; the daemon,
its database and the delivery (through Apprise, to a webhook that prints) are real.
Nothing leaves this machine. Ctrl-C ends it.
"""
_CLOSING = """
That was the whole story: low, unknown for a while (neither zero nor fine), worse, fine again;
each told once, all delivered. Now with your own key: balance-monitor config init"""
_GOES_ON = "\nThe daemon goes on watching: look around, Ctrl-C ends it.\n"
_MARGIN = 9
"""Columns of the clock, to the left of all that is told."""
_USUAL, _LEAST = 80, 20
"""Columns of a terminal that does not say, and those that words need."""


@click.command()
@click.option("--speed", type=click.IntRange(1, 600), default=story.SPEED, show_default=True, help="Times as fast.")
@click.option("--once", is_flag=True, help="End with the end of the story, with exit code 0.")
def demo(speed: int, once: bool) -> None:  # noqa: FBT001 - click's way
    """See an account drain, warn, go critical, get topped up and recover.

    Needs no key and no configuration, leaves nothing behind, and takes half a minute; then it goes on until Ctrl-C.
    """
    kept = io.StringIO()  # the story is not for log lines; they are shown if it fails
    log.setup(level="warning", format="console", stream=kept, environ=os.environ)
    click.echo(_OPENING.format(speed=speed))
    progress = Progress(sys.stderr)
    progress.soon("Starting the daemon …")

    def tell(line: Line) -> None:
        progress.clear()
        show(line, once=once)

    try:
        ending = asyncio.run(story.play(tell, speed=speed, once=once))
    except KeyboardInterrupt:  # before the daemon took the signals, or after
        ending = Ending.STOPPED
    finally:
        progress.clear()
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


def show(line: Line, *, once: bool = False) -> None:
    """Print a line of the story."""
    colour = LEVEL_COLOURS[line.level.word] if line.level is not None else None
    match line.kind:
        case Kind.TITLE:
            first, *rest = _broken(line.text)
            click.echo(f"  {line.clock}  " + click.style(f"▶ {first}", fg=colour, bold=True))
            for part in rest:
                click.echo(" " * _MARGIN + click.style(f"  {part}", fg=colour, bold=True))
        case Kind.BODY:
            for part in _broken(line.text):
                click.echo(" " * _MARGIN + click.style("│ ", fg=colour) + part)
        case Kind.POLL:
            click.echo(click.style(f"  {line.clock}  ", dim=True) + click.style(line.text, fg=colour, dim=not colour))
        case Kind.PAGE:
            click.echo(f"  {line.clock}  " + click.style(f"look at it: {line.text}", bold=True))
        case Kind.OVER:
            click.echo("" if once else f"{_CLOSING}{_GOES_ON}", nl=not once)
        case _:
            click.echo(f"  {line.clock}  {line.text}")


def _broken(text: str) -> list[str]:
    """Break a line of a message that is too long for the terminal, so that what follows stands below it."""
    if not is_terminal(sys.stdout):
        return [text]
    width = os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL
    return textwrap.wrap(text, max(width - _MARGIN - len("│ "), _LEAST)) or [""]
