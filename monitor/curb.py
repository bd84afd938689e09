"""Keeps the answers of services short: a service that floods or drips takes neither memory nor time without end.

Apprise's plugins let requests read whole answers. What decides is the status, which is there before the rest; of that
the beginning will do, and what breaks off afterwards changes nothing.
"""

import contextlib
import time
from types import ModuleType
from typing import Any, Final

LONGEST: Final = 2**20
"""Bytes of an answer that are read."""
PATIENCE: Final = 10.0
"""Seconds after which no more of an answer is read, though it still comes."""
_PIECE: Final = 2**16


def curb(requests: ModuleType) -> None:
    """Let requests read no more of any answer than that; to do it twice changes nothing, as threads may at once."""
    adapter: Any = requests.adapters.HTTPAdapter
    send = adapter.send

    def curbed(self: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it hands through
        answer = send(self, *arguments, **named)
        if not answer._content_consumed:  # noqa: SLF001 - where requests looks first
            answer._content, answer._content_consumed = _beginning(answer.raw), True  # noqa: SLF001
        return answer

    adapter.send = curbed


def _beginning(raw: Any) -> bytes:  # noqa: ANN401 - urllib3 has types, but is none of ours
    read, end = bytearray(), time.monotonic() + PATIENCE
    with contextlib.suppress(Exception):  # it broke off, or was never well compressed
        while len(read) < LONGEST and time.monotonic() < end and (piece := raw.read1(_PIECE, decode_content=True)):
            read += piece
    raw.close()
    return bytes(read)
