"""HTTP/1.1 requests, read strictly: what is not plainly a request is refused."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

HEAD_LIMIT = 16 * 1024
BODY_LIMIT = 64 * 1024
_END = b"\r\n\r\n"
_FIRST = re.compile(r"([A-Z]{1,20}) (/[!-~]*) HTTP/1\.([01])")
_HEADER = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\0\r\n]*?)[ \t]*")
_LENGTH = re.compile(r"\d{1,9}", re.ASCII)


class BadRequest(Exception):  # noqa: N818 - the name that HTTP gives it
    """Bytes that are no request we take: the status to answer with, and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    length: int
    """How many bytes of body follow the head."""
    keep_alive: bool
    body: bytes = b""


def take(data: bytes) -> tuple[Request, bytes] | None:
    """Take the first request off what has arrived, and return it with the rest; None while it is not all there."""
    end = data.find(_END, 0, HEAD_LIMIT)
    if end < 0:
        if len(data) >= HEAD_LIMIT:
            raise BadRequest(431, "The head of the request is longer than 16 KiB.")
        return None
    start = end + len(_END)
    request = _parsed(data[:end])
    if not request.length:
        return request, data[start:]
    if len(data) < start + request.length:
        return None
    stop = start + request.length
    return replace(request, body=data[start:stop]), data[stop:]


@lru_cache(1024)  # a client sends the same bytes again and again
def _parsed(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").split("\r\n")
    match = _FIRST.fullmatch(first)
    if not match:
        raise BadRequest(400, "The first line is not that of an HTTP/1.1 request.")
    headers = _headers(lines)
    method, target, minor = match.groups()
    path, _, query = target.partition("?")
    tokens = {token.strip().lower() for token in headers.get("connection", "").split(",")}
    keep = "close" not in tokens and (minor == "1" or "keep-alive" in tokens)
    return Request(method, path, query, headers, _length(headers), keep)


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        match = _HEADER.fullmatch(line)
        if not match:
            raise BadRequest(400, "A header line is malformed.")
        name, value = match[1].lower(), match[2]
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequest(411, "A body needs a Content-Length.")
    text = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(text):
        raise BadRequest(400, "Content-Length is not a number.")
    if int(text) > BODY_LIMIT:
        raise BadRequest(413, "The body is longer than 64 KiB.")
    return int(text)
