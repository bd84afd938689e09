"""``make faults``: print what each fault of a channel came to; exit 1 if anything is not as promised."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from aloud import say, show

from faults import crowd, scene, stop, users
from faults.kinds import FAULTS

_SECONDS = 60.0


def _matrix() -> Iterator[str]:
    say(scene.HEAD)
    for fault in FAULTS:
        show(fault.name)
        with _folder() as folder:
            row = scene.play(fault, Path(folder))
        say(scene.line(row))
        yield from (f"{fault.name}: {what}" for what in scene.wrong(row))


def _users() -> Iterator[str]:
    with _folder() as folder:
        met = users.meet(Path(folder))
    say("\n".join(users.report(met)))
    yield from users.wrong(met)


def _crowd() -> Iterator[str]:
    with _folder() as folder:
        found = crowd.meet(Path(folder), _SECONDS)
    say("\n".join(crowd.report(found)))
    yield from crowd.wrong(found)


def _stop() -> Iterator[str]:
    for how in ("hang", "drip"):
        with _folder() as folder:
            stopped = stop.stop(Path(folder), how)
        say(stop.report(stopped, how))
        if stopped.code or stopped.lost or stopped.seconds > stop.MOST:
            yield f"stop: {stopped}"
    with _folder() as folder:
        code = stop.impatient(Path(folder))
    say(f"SIGTERM again and again until the end of the process: exit {code}")
    if code:
        yield f"stop: exit {code}"


def _folder() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="balance-monitor-faults-")


_PARTS: dict[str, Callable[[], Iterator[str]]] = {"matrix": _matrix, "users": _users, "crowd": _crowd, "stop": _stop}


def main() -> int:
    """Play what was asked for, and report."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(_PARTS)} (default all)")
    wrong = []
    for name in parser.parse_args().parts or _PARTS:
        wrong += list(_PARTS[name]())
        say("")
    for what in wrong:
        say(f"NOT AS PROMISED: {what}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
