"""What programs read of us: the JSON of the commands and of the API, in the same words, by the same functions.

Amounts are exact strings, times are RFC 3339 in UTC, with a Z.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal

from monitor.quantity import plain

__all__ = ["as_text", "encode"]


def as_text(value: object) -> str:
    """Write an amount or a time as every document has it."""
    match value:
        case Decimal():
            return plain(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"nothing says how JSON has a {type(value).__name__}")


encode = json.JSONEncoder(default=as_text, ensure_ascii=False).encode
"""Writes a document on one line."""
