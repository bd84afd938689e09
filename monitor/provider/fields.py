"""The endpoint's values: JSON without loss, and each field as what it means or not at all. Pure."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from monitor.provider.reason import printable, without

_LARGEST = Decimal(10) ** 12
_MOST_DIGITS = 20
_MOST_EXTREME = 100
_LONGEST_LABEL = 64
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_PLAIN = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class UnclearError(ValueError):
    """An answer that cannot be understood; its text is the reason."""


def document(body: bytes) -> dict[str, object]:
    """Read a JSON object, every number as a Decimal with all its digits; UnclearError says what is wrong otherwise."""
    try:
        text = body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise UnclearError("the answer is not UTF-8") from None
    try:
        said = _DECODER.decode(text)
    except UnclearError:
        raise
    except RecursionError:
        raise UnclearError("the answer is nested too deeply") from None
    except ValueError:
        raise UnclearError(_not_json(text.lstrip())) from None
    if not isinstance(said, dict):
        raise UnclearError("the answer is not a JSON object")
    return said


def _not_json(text: str) -> str:
    if text.startswith("<"):
        return "the answer is HTML, not JSON"
    return "the answer is not JSON" if text else "the answer is empty"


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond what a Decimal can hold
        return Decimal("NaN")


def _constant(name: str) -> None:
    raise UnclearError(f"the answer has {name} in it, which is not JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):  # two balances would leave it to chance which of them is believed
        raise UnclearError("the answer names a field twice")
    return made


_DECODER = json.JSONDecoder(parse_float=_number, parse_int=_number, parse_constant=_constant, object_pairs_hook=_object)


def amount(value: object) -> Decimal:
    """Take a number or numeric string of at most 20 digits up to 10^12; a ValueError says what it is otherwise."""
    match value:
        case Decimal():
            exact = value
        case str() if _PLAIN.fullmatch(value):
            exact = Decimal(_short(value))
        case None:
            raise ValueError("is null")
        case _:
            raise ValueError("is not a number")
    return _bounded(exact)


def _bounded(exact: Decimal) -> Decimal:
    size = exact.adjusted()  # looked at first: written out, 1E+1000000 would be a million digits
    if not exact.is_finite() or abs(size) > _MOST_EXTREME:
        raise ValueError("has an absurd exponent")
    written = _short(f"{exact:f}")
    if abs(exact) > _LARGEST:
        raise ValueError("is beyond 10^12")
    return Decimal(written) if exact else Decimal(0)


def _short(written: str) -> str:
    if len(written) - ("-" in written) - ("." in written) > _MOST_DIGITS:
        raise ValueError(f"has more than {_MOST_DIGITS} digits")
    return written


def optional_amount(value: object) -> Decimal | None:
    """Take an amount, or None for whatever else it is."""
    try:
        return amount(value)
    except ValueError:
        return None


def flag(value: object) -> bool | None:
    """Take a JSON boolean, or None for whatever else it is."""
    return value if isinstance(value, bool) else None


def label(value: object, key: str) -> str | None:
    """Take an integer or a string as an opaque label: printable, at most 64 characters, and never the key."""
    match value:
        case Decimal() if _INTEGER.fullmatch(str(value)):
            text = str(value)
        case str():
            text = printable(value)
        case _:
            return None
    return without(text, key)[:_LONGEST_LABEL] or None


def moment(value: object) -> datetime | None:
    """Take an RFC 3339 time as UTC, cut to microseconds; None for whatever else it is.

    The API writes year 1 for "not set", other software 1970: a time before 2000 or after 2199 is no time.
    """
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        at = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if _EARLIEST <= at < _LATEST else None
