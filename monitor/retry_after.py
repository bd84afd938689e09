"""How long a server asks to be left alone: the header ``Retry-After`` (RFC 9110, 10.2.3). Pure."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST: Final = timedelta(hours=1)
"""More than that is not believed."""
_SECONDS: Final = re.compile(r"\d+", re.ASCII)
_DATE: Final = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", re.ASCII)


def parse(header: str, now: Callable[[], datetime]) -> timedelta | None:
    """Read the header, at most 1 h; None for garbage and for what is over. ``now`` is asked only for a date."""
    if _SECONDS.fullmatch(header):
        wait = timedelta(seconds=int(header[:9]))  # thirty years will do
    elif _DATE.fullmatch(header):
        try:
            wait = parsedate_to_datetime(header) - now()
        except ValueError:  # a 31 February
            return None
    else:
        return None
    return min(wait, LONGEST) if wait > timedelta(0) else None
