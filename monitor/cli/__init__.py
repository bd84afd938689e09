"""The command line: one small module a command, each loaded only when it is called.

Whatever a user or the world did ends in one sentence and an exit code, never in a traceback.
"""

import importlib
import io
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TextIO

import click

from monitor import __version__

_PROGRAM = "balance-monitor"
_FAILED, _WRONG_USE = 1, 2


class _Place(NamedTuple):
    """Where a command is, and what it does in a few words: the list of commands then needs none of them."""

    module: str
    name: str
    about: str


_COMMANDS = {
    "run": _Place("monitor.cli.run", "run", "watch the accounts, in the foreground, until Ctrl-C"),
    "demo": _Place("monitor.cli.demo", "demo", "see all of it at work for half a minute, without a key"),
    "check": _Place("monitor.cli.check", "check", "poll now and judge, as a monitoring plugin"),
    "wait": _Place("monitor.cli.wait", "wait", "poll until the balance is there, as after a purchase"),
    "status": _Place("monitor.cli.status", "status", "what the daemon knows: balances, alerts, channels"),
    "history": _Place("monitor.cli.history", "history", "what polls saw of an account: table, CSV or JSON"),
    "replay": _Place("monitor.cli.replay", "command", "what the rules would have sent in the past"),
    "alerts": _Place("monitor.cli.alerts", "alerts", "what is wrong now or was before, and who was told"),
    "digest": _Place("monitor.cli.digest", "digest", "the digest as it would be sent now"),
    "outbox": _Place("monitor.cli.outbox", "outbox_group", "messages that wait or were given up"),
    "snooze": _Place("monitor.cli.snooze", "snooze", "be silent about what somebody takes care of"),
    "unsnooze": _Place("monitor.cli.snooze", "unsnooze", "end that silence"),
    "channels": _Place("monitor.cli.channels", "channels_group", "send a test message"),
    "reload": _Place("monitor.cli.reload", "reload", "let the running daemon read its configuration again"),
    "config": _Place("monitor.cli.config", "config_group", "check, show, describe or write the configuration"),
    "simulate": _Place("monitor.cli.simulate", "simulate", "a simulated API to try things with"),
    "healthcheck": _Place("monitor.cli.healthcheck", "healthcheck", "exit 0 if the running daemon is healthy"),
}


class _Program(click.Group):
    """All commands; the one place that turns what went wrong into a sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the base's shape
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - the base's shape
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        command: click.Command = getattr(importlib.import_module(place.module), place.name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.about) for name, place in _COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, **rest: Any) -> NoReturn:  # type: ignore[override]  # noqa: ANN401 - the base's shape
        words = list(sys.argv[1:] if args is None else args)
        rest |= {"prog_name": _PROGRAM, "standalone_mode": False}
        try:
            code = super().main(words, **rest)
        except Exception as error:  # noqa: BLE001 - told below
            end(_clearer(error), words)
        sys.exit(code or 0)


def _clearer(error: Exception) -> Exception:
    if isinstance(error, click.NoSuchOption) and error.option_name == "--config" and error.ctx:
        return click.UsageError("--config goes before the command", error.ctx.find_root())
    return error


def end(error: Exception, words: Sequence[str]) -> NoReturn:
    """Leave with the sentence and the exit code of what went wrong; our own mistakes also leave their traceback."""
    if _called(words) == "check":
        from monitor.cli.plugin import end_unknown  # noqa: PLC0415 - what it loads is for check only

        end_unknown(error, as_json="--json" in words)
    match error:
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            sys.exit(_WRONG_USE)
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else _PROGRAM
            click.echo(f"Error: {error.format_message().removesuffix('.')}: see {where} --help", err=True)
            sys.exit(error.exit_code)
        case click.ClickException():
            error.show()
            sys.exit(error.exit_code)
        case click.Abort():
            click.echo("Stopped.", err=True)
            sys.exit(_FAILED)
        case OSError():
            click.echo(f"Error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", err=True)
            sys.exit(_FAILED)
    from monitor.cli.common import print_crash  # noqa: PLC0415 - as rare as it is

    print_crash(error)
    sys.exit(_FAILED)


def _called(words: Iterable[str]) -> str:
    """Return the command that was meant, also when the words before it are wrong."""
    rest = iter(words)
    for word in rest:
        if word == "--config":
            next(rest, None)
        elif word in _COMMANDS:
            return word
    return ""


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, readable=False),  # the loader says what to do about it
    help="The configuration file; else $BALANCE_MONITOR_CONFIG, ./config.toml, balance-monitor/config.toml in "
    "$XDG_CONFIG_HOME or /etc, or the environment alone.",
)
@click.version_option(__version__, prog_name=_PROGRAM, message="%(prog)s %(version)s")
@click.pass_context
def root(ctx: click.Context, path: Path | None) -> None:
    """Tell people before the money runs out.

    Polls the Legnext balance of one or many accounts and alerts through Slack, e-mail or any other channel of Apprise.

    \b
    First steps:
      balance-monitor demo               see it work, without a key
      balance-monitor config init        write a configuration
      balance-monitor channels test      does a message arrive?
      balance-monitor run                watch
    """
    ctx.obj = path
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") in {"dumb", "unknown"}:
        ctx.color = False


def main() -> NoReturn:
    """Run the command line."""
    if _called(sys.argv[1:]) == "run":
        _obey_signals()
    # The image starts us with these blocked: what came before there was a handler was kept, and comes now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGHUP))
    if "JOURNAL_STREAM" in os.environ:
        from monitor.journal import graded  # noqa: PLC0415 - few commands are started by systemd

        sys.stderr = graded(sys.stderr, os.environ)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a bar or an ellipsis must not fail where only ASCII is known
    try:
        root.main()
    finally:
        let_go(sys.__stdout__)


def _obey_signals() -> None:
    """End well on a SIGTERM, and overlook a SIGHUP, from now until the daemon minds them.

    As the first process of a container it would not hear them at all: the kernel gives it only what it handles.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def let_go(stream: TextIO | None) -> None:
    """Drop what cannot be written, as to a reader who has left: at exit it would fail again, and change the code."""
    if stream is None:
        return
    try:
        stream.flush()
    except OSError:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
