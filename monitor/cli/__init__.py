"""The command line: one small module a command, each loaded only when it is called."""

import importlib
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from monitor import __version__

_COMMANDS = {
    "run": ("monitor.cli.run", "run"),
    "demo": ("monitor.cli.demo", "demo"),
    "check": ("monitor.cli.check", "check"),
    "status": ("monitor.cli.status", "status"),
    "outbox": ("monitor.cli.outbox", "outbox_group"),
    "channels": ("monitor.cli.channels", "channels_group"),
    "config": ("monitor.cli.config", "config_group"),
    "simulate": ("monitor.cli.simulate", "simulate"),
    "healthcheck": ("monitor.cli.healthcheck", "healthcheck"),
}


class _Lazy(click.Group):
    """A group that imports a command when it is called: ``check`` must not pay for the daemon."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base's shape
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the base's shape
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", "path", type=click.Path(path_type=Path), help="The configuration file.")
@click.version_option(__version__, prog_name="balance-monitor", message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context, path: Path | None) -> None:
    """Tell people before the money runs out.

    Polls the Legnext balance of one or many accounts and alerts through Slack, e-mail or any other channel of Apprise.
    """
    ctx.obj = path


def main() -> NoReturn:
    """Run the command line; nothing that a user or the world did ends in a traceback."""
    try:
        root.main(prog_name="balance-monitor")
    except BrokenPipeError:  # the reader of our output has left, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(0)
