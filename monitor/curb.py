"""Keeps the answers of services short: a service that floods or drips takes neither memory nor time without end.

Apprise's plugins let requests read whole answers. What decides is the status, which is there before the rest; of that
the beginning will do, and what breaks off afterwards changes nothing.
Apprise keeps no header, so what a service asks for there, to be left alone for a while, is heard here.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

LONGEST: Final = 2**20
"""Bytes of an answer that are read."""
PATIENCE: Final = 10.0
"""Seconds after which no more of an answer is read, though it still comes."""
_PIECE: Final = 2**16
_BUSY: Final = (429, 503)
_listening = threading.local()


@dataclass(slots=True)
class Heard:
    """What was heard in this thread."""

    retry_after: str = ""
    """The header of the latest answer that asks for patience."""


@contextlib.contextmanager
def listening() -> Iterator[Heard]:
    """Hear what the answers to the calling thread say meanwhile."""
    heard = _listening.to = Heard()
    try:
        yield heard
    finally:
        _listening.to = None


def curb(requests: ModuleType) -> None:
    """Let requests read no more of any answer than that; to do it twice changes nothing, as threads may at once."""
    adapter: Any = requests.adapters.HTTPAdapter
    send = adapter.send

    def curbed(self: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it hands through
        answer = send(self, *arguments, **named)
        _hear(answer)
        if not answer._content_consumed:  # noqa: SLF001 - where requests looks first
            answer._content, answer._content_consumed = _beginning(answer.raw), True  # noqa: SLF001
        return answer

    adapter.send = curbed


def _hear(answer: Any) -> None:  # noqa: ANN401 - as above
    heard = getattr(_listening, "to", None)
    if heard is not None and answer.status_code in _BUSY:
        heard.retry_after = answer.headers.get("Retry-After", "")


def _beginning(raw: Any) -> bytes:  # noqa: ANN401 - urllib3 has types, but is none of ours
    read, end = bytearray(), time.monotonic() + PATIENCE
    with contextlib.suppress(Exception):  # it broke off, or was never well compressed
        while len(read) < LONGEST and time.monotonic() < end and (piece := raw.read1(_PIECE, decode_content=True)):
            read += piece
    raw.close()
    return bytes(read)
