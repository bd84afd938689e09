"""Lines for the systemd journal, which reads the priority of a line from its beginning."""

import io
import os
from collections.abc import Mapping
from typing import TextIO

_ERROR, _WARNING = "<3>", "<4>"


def leads_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether a stream is the one that ``$JOURNAL_STREAM`` names, by device and inode."""
    named = environ.get("JOURNAL_STREAM")
    if not named:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return True
    return named == f"{status.st_dev}:{status.st_ino}"


def graded(stream: TextIO, environ: Mapping[str, str]) -> TextIO:
    """Return a stream whose lines are errors, or warnings if they say so, where it leads to the journal; else itself.

    Without a priority of its own, what a command says of a mistake would be one of many notes.
    """
    if not isinstance(stream, io.TextIOWrapper) or not leads_to_journal(stream, environ):
        return stream
    return _Graded(stream.buffer, encoding=stream.encoding, errors="backslashreplace", line_buffering=True)


class _Graded(io.TextIOWrapper):
    """Each line with the priority that the journal reads."""

    _is_fresh = True
    """A line begins."""

    def write(self, text: str) -> int:
        super().write(text[:0])  # complains of bytes, which tells others that they must not be written here
        for line in text.splitlines(keepends=True):
            grade = (_WARNING if line.lower().startswith("warning") else _ERROR) if self._is_fresh else ""
            super().write(grade + line)
            self._is_fresh = line.endswith("\n")
        return len(text)
