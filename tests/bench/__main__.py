"""Measure what was asked for, one figure after the other, and print the table at the end."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import crowd, looking, message, pages, pipeline, start, year
from bench.figure import Figure, table

ALL: dict[str, Callable[[Path], list[Figure]]] = {
    "a": pipeline.measure,
    "b": crowd.measure,
    "c": message.measure,
    "d": crowd.measure_memory,
    "e": start.measure,
    "f": year.measure_cost,
    "g": year.measure_disk,
    "h": looking.measure,
    "i": pages.measure,
}


def main(words: Sequence[str]) -> int:
    """Return 0 if every figure is within its bound, 1 if not, 2 for a letter that is none."""
    asked = [letter for word in words for letter in word.split(",") if letter] or list(ALL)
    unknown = [letter for letter in asked if letter not in ALL]
    if unknown:
        sys.stderr.write(f"there is no figure {', '.join(unknown)}: take some of {','.join(ALL)}\n")
        return 2
    found = [figure for letter in asked for figure in _measure(letter)]
    _say("\n")
    sys.stdout.write(f"{table(found)}\n")
    return 0 if all(figure.is_kept for figure in found) else 1


def _measure(letter: str) -> list[Figure]:
    began = time.monotonic()
    _say(f"({letter}) …")
    with TemporaryDirectory(prefix="balance-monitor-bench-") as folder:
        found = ALL[letter](Path(folder))
    _say(f" {time.monotonic() - began:.0f} s\n{table(found)}\n")
    return found


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(text)
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
