"""What can go wrong with an answer: the names people write, and what each does to the wire."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from typing import Literal

from monitor.quantity import parse_amount, plain

_PADDING = 10 * 1000 * 1000
_BOMB_MEGABYTES = 100
_LONGEST_WAIT = 86400
_HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Please sign in</h1></body></html>\n"
_ORDINARY = b'{"code":200,"data":{"account_id":1,"balance_usd":72.048},"message":"success"}'


@dataclass(frozen=True, slots=True)
class Answer:
    """What a connection does with a request: the bytes it sends, how, and what becomes of it then.

    ``delay`` and ``drip`` (the pause after each byte) are real seconds, whatever the speed of the stories.
    """

    data: bytes
    delay: float = 0
    drip: float = 0
    end: Literal["keep", "close", "reset", "hang"] = "keep"


def http(status: int, body: bytes, *, content_type: str = "application/json; charset=utf-8", extra: str = "") -> bytes:
    """Write a whole response; ``extra`` is header lines, each with its CRLF."""
    head = f"HTTP/1.1 {status} {phrase(status)}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{extra}\r\n".encode() + body


def phrase(status: int) -> str:
    """Name a status as HTTP does; proxies have their own, which have no name there."""
    return HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Error"


def error(code: int, message: str = "") -> bytes:
    """Write the first of the API's two error bodies."""
    detail = {"code": code, "message": message or phrase(code), "raw_message": "", "detail": None}
    return json.dumps(detail, separators=(",", ":")).encode()


def page() -> bytes:
    """Return the login page that a proxy would show, with status 200."""
    return http(200, _HTML, content_type="text/html; charset=utf-8")


REFUSED = http(401, error(401, "Failed to verify api key"))


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail, such as ``hang`` or ``status:503``; ``number`` is what stands after the colon."""

    name: str
    number: Decimal = Decimal(0)

    def __str__(self) -> str:
        return f"{self.name}:{plain(self.number)}" if _FAULTS[self.name].takes else self.name


@dataclass(frozen=True, slots=True)
class Healthy:
    """What the account would have answered, for the faults that spoil only a part of it."""

    body: Callable[[Mapping[str, str | None]], bytes]
    """The body with some fields overridden by JSON text, or left out where None."""
    null: bytes
    """The body without any data."""
    login: str
    """Where a redirect leads."""

    def answer(self) -> Answer:
        """Return the answer without any fault."""
        return Answer(http(200, self.body({})))


@dataclass(frozen=True, slots=True)
class _Kind:
    spoil: Callable[[Healthy, Decimal], Answer]
    takes: str = ""
    default: int | str | None = None
    low: int = 0
    high: int = _LONGEST_WAIT


def _plain(answer: Answer) -> _Kind:
    return _Kind(lambda _healthy, _number: answer)


def _field(text: str | None) -> _Kind:
    return _Kind(lambda healthy, _: Answer(http(200, healthy.body({"balance_usd": text}))))


def _status(_: Healthy, number: Decimal) -> Answer:
    return Answer(http(int(number), error(int(number))))


def _code(_: Healthy, number: Decimal) -> Answer:
    return Answer(http(200, error(int(number))))


def _error_shape(_: Healthy, number: Decimal) -> Answer:
    inner = error(int(number), "Error description")
    return Answer(http(int(number), b'{"error":' + inner + b"}"))


def _retry_after(_: Healthy, number: Decimal) -> Answer:
    extra = f"Retry-After: {int(number)}\r\n"
    return Answer(http(429, error(429), extra=extra))


def _redirect(healthy: Healthy, _: Decimal) -> Answer:
    return Answer(http(302, b"", content_type="text/html", extra=f"Location: {healthy.login}\r\n"))


def _cut(healthy: Healthy, _: Decimal) -> Answer:
    body = healthy.body({})
    return Answer(http(200, body[: len(body) // 2]))


def _truncated(healthy: Healthy, _: Decimal) -> Answer:
    whole, body = healthy.answer(), healthy.body({})
    return replace(whole, data=whole.data[: -(len(body) // 2)], end="close")


@cache
def _huge() -> Answer:
    # a good reading for whoever takes all of it
    return Answer(http(200, _ORDINARY[:-1] + b',"padding":"' + b"x" * _PADDING + b'"}'))


@cache
def _gzip_bomb() -> Answer:
    # One compressed megabyte, repeated: a full flush lets the same bytes follow themselves within one gzip member.
    # Compressing it all would block the event loop for most of a second.
    megabyte, packer = b" " * 1_000_000, zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(megabyte) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.compress(_ORDINARY) + packer.flush()
    check = 0
    for _ in range(_BOMB_MEGABYTES):
        check = zlib.crc32(megabyte, check)
    check = zlib.crc32(_ORDINARY, check)
    size = len(megabyte) * _BOMB_MEGABYTES + len(_ORDINARY)
    head, tail = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff", check.to_bytes(4, "little") + size.to_bytes(4, "little")
    return Answer(http(200, head + packed * _BOMB_MEGABYTES + last + tail, extra="Content-Encoding: gzip\r\n"))


_FAULTS: Mapping[str, _Kind] = {
    "status": _Kind(_status, takes="an HTTP status", low=400, high=599),
    "code": _Kind(_code, takes="a code", high=999),
    "error_shape": _Kind(_error_shape, takes="an HTTP status", default=400, low=400, high=599),
    "refused_key": _plain(Answer(REFUSED)),
    "retry_after": _Kind(_retry_after, takes="whole seconds"),
    "html": _plain(Answer(page())),
    "empty": _plain(Answer(http(200, b""))),
    "null": _Kind(lambda healthy, _: Answer(http(200, healthy.null))),
    "nan": _field("NaN"),
    "text": _field('"lots"'),
    "missing": _field(None),
    "cut": _Kind(_cut),
    "truncated": _Kind(_truncated),
    "huge": _Kind(lambda _healthy, _number: _huge()),
    "gzip_bomb": _Kind(lambda _healthy, _number: _gzip_bomb()),
    "redirect": _Kind(_redirect),
    "drip": _Kind(
        lambda healthy, number: replace(healthy.answer(), drip=float(number)), takes="seconds", default="0.1"
    ),
    "slow": _Kind(lambda healthy, number: replace(healthy.answer(), delay=float(number)), takes="seconds"),
    "hang": _plain(Answer(b"", end="hang")),
    "reset": _plain(Answer(b"", end="reset")),
    "close": _plain(Answer(b"", end="close")),
}
FAULTS = tuple(_FAULTS)


def parse_fault(value: object) -> Fault | None:
    """Read ``"hang"``, ``"status:503"`` or ``"none"``; a ValueError says what is wrong otherwise."""
    if value is None or value == "none" or isinstance(value, Fault):
        return value if isinstance(value, Fault) else None
    name, colon, number = str(value).partition(":")
    kind = _FAULTS.get(name)
    if kind is None:
        raise ValueError(f"there is no such fault: take none or one of {', '.join(FAULTS)}")
    if not kind.takes:
        if colon:
            raise ValueError(f"the fault {name} takes no number")
        return Fault(name)
    return Fault(name, _number(name, kind, number if colon else kind.default))


def _number(name: str, kind: _Kind, value: object) -> Decimal:
    mistake = f"the fault {name} takes {kind.takes} from {kind.low} to {kind.high}, such as {name}:{kind.low or 1}"
    try:
        number = parse_amount(value)
    except ValueError:
        raise ValueError(mistake) from None
    if not kind.low <= number <= kind.high or (kind.takes != "seconds" and number % 1):
        raise ValueError(mistake)
    return number


def spoil(fault: Fault, healthy: Healthy) -> Answer:
    """Return what a request gets while the fault is on."""
    return _FAULTS[fault.name].spoil(healthy, fault.number)
