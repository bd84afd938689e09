"""Values and mistakes in words: TOML as users write it, and pydantic's errors as one sentence without any value."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import assert_never

from pydantic_core import ErrorDetails

from monitor.config.effective import Listen
from monitor.cron import Cron
from monitor.hours import Hours
from monitor.model import Level
from monitor.quantity import Margin, SpanMargin, plain, short
from monitor.rules import Pauses

_TABLE = "not a table: write it as a [table] with keys, in a variable as JSON"
_WORDS = {
    "bool_parsing": "neither true nor false: write one of them",
    "bool_type": "neither true nor false: write one of them",
    "int_parsing": "not a whole number: write one such as 3",
    "int_from_float": "not a whole number: write one such as 3",
    "int_type": "not a whole number: write one such as 3",
    "string_type": "not a text: put it in quotes",
    "string_too_short": "empty: write something, or remove the key",
    "dict_type": _TABLE,
    "model_type": _TABLE,
    "greater_than_equal": "too small: write at least {ge}",
    "less_than_equal": "too large: write at most {le}",
    "literal_error": "not one of the words for this: write {expected}",
}

Value = (
    bool
    | int
    | str
    | Decimal
    | timedelta
    | Level
    | Margin
    | SpanMargin
    | Pauses
    | Hours
    | Cron
    | Listen
    | frozenset[str]
    | list[str]
    | None
)


def said(error: ErrorDetails) -> str:
    """Say a pydantic error; it never repeats what was written."""
    context = error.get("ctx", {})
    if error["type"] == "value_error":
        return str(context["error"])
    words = _WORDS.get(error["type"])
    return words.format(**context) if words else error["msg"]


def simple(value: Value) -> object:
    """Write a value as JSON has it, and as our own types are written in TOML; None is "off"."""
    match value:
        case None:
            return "off"
        case Hours() | SpanMargin() | Cron() | Listen():
            return str(value)
        case Level() | timedelta() | Decimal() | Margin():
            return _text(value)
        case Pauses():
            return {"warning": simple(value.warning), "critical": simple(value.critical)}
        case frozenset() | list():
            return sorted(value)
        case bool() | int() | str():
            return value
    assert_never(value)


def _text(value: Level | timedelta | Decimal | Margin) -> str:
    match value:
        case Level():
            return value.word
        case timedelta():
            return short(value)
        case Decimal():
            return plain(value)
        case Margin():
            return str(value)
    assert_never(value)


def toml(value: Value) -> str:
    """Write a value as TOML."""
    if isinstance(value, Decimal):
        return plain(value)
    written = simple(value)
    if isinstance(written, dict):
        return "{ " + ", ".join(f"{key} = {json.dumps(each)}" for key, each in written.items()) + " }"
    return json.dumps(written, ensure_ascii=False)
