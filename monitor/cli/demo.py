"""``demo``: the whole daemon against the bundled simulated API."""

import asyncio
import os
import sys

import click

from monitor import demo as story
from monitor import log
from monitor.cli.common import Stop
from monitor.demo import Line

_COLOURS = {"warning": "yellow", "critical": "red", "ok": "green", "info": "cyan"}


@click.command()
@click.option("--speed", type=click.IntRange(1, 600), default=story.SPEED, show_default=True, help="Times as fast.")
@click.option("--once", is_flag=True, help="End with the end of the story, with exit code 0.")
def demo(speed: int, once: bool) -> None:  # noqa: FBT001 - click's way
    """See an account drain, warn, go critical, get topped up and recover: without a key, in half a minute."""
    log.setup(level="error", format="auto", stream=sys.stderr, environ=os.environ)
    click.echo(
        f"An hour in the life of an account, {speed} times as fast. The API is simulated; the daemon, its database and\n"
        "the delivery (through Apprise, to a webhook that prints) are real. Nothing leaves this machine.\n"
    )
    is_whole = asyncio.run(story.play(_show, speed=speed, once=once))
    if not once:
        click.echo("\nStopped.")
    elif is_whole:
        click.echo(
            "\nThat was the whole story: low, worse, unknown for a while (neither zero nor fine), fine again;\n"
            "each told once, all delivered. Now with your own key: balance-monitor config init"
        )
    else:
        raise Stop("the story did not come to its end: run it again with a lower --speed")


def _show(line: Line) -> None:
    click.echo(_plain(line) if line.kind not in _COLOURS else _coloured(line))


def _plain(line: Line) -> str:
    if line.kind == "body":
        return f"           {line.text}"
    return f"  {line.clock}    {line.text}"


def _coloured(line: Line) -> str:
    text = f"  {line.clock}  ▶ {line.text}"
    return text if "NO_COLOR" in os.environ else click.style(text, fg=_COLOURS[line.kind], bold=True)
