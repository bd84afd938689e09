"""What proofs say that are run by hand: lines on standard output, and progress on a terminal."""

import sys

from monitor.cli.common import Progress

_SHOWN = Progress(sys.stderr)


def show(text: str) -> None:
    """Show how far it is, in place of what was shown last; nothing off a terminal."""
    _SHOWN.show(text)


def say(line: str) -> None:
    """Print a line, over what shows the progress."""
    _SHOWN.clear()
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
