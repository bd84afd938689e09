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
Nothing leaves this machine. Ctrl-C ends it."""
_CLOSING = """\
That was the whole story: low, unknown for a while (neither zero nor fine), worse, fine again;
each told once, all delivered. Now with your own key: balance-monitor config init"""
_GOES_ON = "The daemon goes on watching{page}: Ctrl-C ends it."
_MARGIN = 9
"""Columns of the clock, to the left of all that is told."""
_USUAL, _LEAST = 80, 20
"""Columns of a terminal that does not say, and those that words need."""


@click.command()
@click.option("--speed", type=click.IntRange(1, 600), default=story.SPEED, show_default=True, help="Times as fast.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="The page's port; any that is free, if not given."
)
@click.option("--once", is_flag=True, help="End with the end of the story, with exit code 0.")
def demo(speed: int, port: int, once: bool) -> None:  # noqa: FBT001 - click's way
    """See an account drain, warn, go critical, get topped up and recover.

    Needs no key and no configuration, leaves nothing behind, and takes half a minute; then it goes on until Ctrl-C.
    """
    kept = io.StringIO()  # the story is not for log lines; they are shown if it fails
    log.setup(level="warning", format="console", stream=kept, environ=os.environ)
    click.echo(f"{_paragraph(_OPENING.format(speed=speed))}\n")
    progress = Progress(sys.stderr)
    progress.soon("Starting the daemon …")

    def tell(line: Line) -> None:
        progress.clear()
        show(line, once=once)

    try:
        ending = asyncio.run(story.play(tell, speed=speed, once=once, port=port))
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
        click.echo(f"\n{_paragraph(_CLOSING)}")
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
            first, *rest = [line.text[: _room()]] if colour else _broken(line.text)  # a bar may be cut, words may not
            click.echo(click.style(f"  {line.clock}  ", dim=True) + click.style(first, fg=colour, dim=not colour))
            for part in rest:
                click.echo(" " * _MARGIN + click.style(part, dim=True))
        case Kind.PAGE:
            click.echo(f"  {line.clock}  " + click.style(f"look at it: {line.text}", bold=True))
        case Kind.OVER:
            if not once:
                page = f", and {line.text} shows it" if line.text else ""
                click.echo(f"\n{_paragraph(_CLOSING)}\n\n{_GOES_ON.format(page=page)}\n")
        case _:
            click.echo(f"  {line.clock}  {line.text}")


def _broken(text: str) -> list[str]:
    """Break a line of a message that is too long for the terminal, so that what follows stands below it."""
    room = _room() - len("│ ")
    indent = text[: len(text) - len(text.lstrip())]
    return [text] if len(text) <= room else textwrap.wrap(text, room, subsequent_indent=indent)


def _paragraph(text: str) -> str:
    """Break the lines of a paragraph anew, if the terminal is too narrow for them."""
    room = _room() + _MARGIN
    is_narrow = max(map(len, text.splitlines())) > room
    return textwrap.fill(text, room) if is_narrow else text


def _room() -> int:
    """Return how many columns there are beside the clock; without a terminal, as many as anybody needs."""
    if not is_terminal(sys.stdout):
        return sys.maxsize
    return max((os.get_terminal_size(sys.stdout.fileno()).columns or _USUAL) - _MARGIN, _LEAST)
