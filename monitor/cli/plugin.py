"""What a monitoring plugin owes its caller, by the guidelines (https://www.monitoring-plugins.org/doc/guidelines.html).

Whatever goes wrong is UNKNOWN: said on standard output, where the caller reads, with exit code 3.
"""

import contextlib
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import NoReturn

import click

from monitor.cli.common import print_crash, print_json


class Exit(IntEnum):
    """The exit codes of a plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        """The code as JSON has it: ``ok``, ``warning``, ``critical``, ``unknown``."""
        return self.name.lower()


WORST_FIRST = (Exit.CRITICAL, Exit.WARNING, Exit.UNKNOWN, Exit.OK)


def worst(exits: Iterable[Exit]) -> Exit:
    """Return the worst of these; OK if there is none."""
    return min(exits, key=WORST_FIRST.index, default=Exit.OK)


def one_line(text: str) -> str:
    """Keep a text to one line without a bar, after which performance data would begin."""
    return " ".join(text.replace("|", "/").split())


def end_unknown(error: Exception, *, as_json: bool) -> NoReturn:
    """End as UNKNOWN with what went wrong in one line; a mistake of ours also leaves its traceback."""
    said = one_line(_sentence(error))
    with contextlib.suppress(OSError):  # nobody can be told
        if as_json:
            print_json({"status": Exit.UNKNOWN.word, "said": said, "accounts": []})
        else:
            click.echo(f"{Exit.UNKNOWN.name} - {said}")
    sys.exit(Exit.UNKNOWN)


def _sentence(error: Exception) -> str:
    match error:
        case click.ClickException():
            return "; ".join(error.format_message().splitlines())
        case click.Abort():
            return "stopped before an answer came"
        case OSError():
            return error.strerror or str(error)
    print_crash(error)
    return f"a mistake in balance-monitor ({type(error).__name__}): see standard error"
