"""Why a service did not take a message, in words that a person can act on, out of what Apprise's plugins log. Pure."""

import ast
import json
import re
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Final

from monitor import retry_after

LONGEST: Final = 200
"""Characters of a reason."""

# How Apprise's plugins write down what went wrong: the same few phrases in nearly all of them. Anchored, because some
# also log the message itself, which may say anything.
_STATUS: Final = re.compile(r".*\berror=(\d{3})\b", re.DOTALL)
_ANSWER: Final = re.compile(r"Response Details:\s*(.*)", re.DOTALL)
_RAISED: Final = re.compile(r"[\w/ .]{0,40}Exception[\w ]{0,20}: (.*)", re.DOTALL)
_UNACKNOWLEDGED: Final = "The MQTT message could not be delivered"  # whatever it waited for did not come
_URL: Final = re.compile(r"\w+://\S+|(?<=with url: )\S+")
_SAID: Final = ("error_description", "error", "message", "description", "detail", "reason", "errors")
_PHRASES: Final = {status.value: status.phrase for status in HTTPStatus}
_LOGIN_REFUSED: Final = {"530", "534", "535"}

Line = tuple[str, str]
"""The level and the text of what was logged."""


def explain(lines: list[Line]) -> str:
    """Make one phrase of what a plugin logged; the last line of a kind counts, it is nearest to the failure."""
    loud = [text for level, text in lines if level in ("WARNING", "ERROR", "CRITICAL")]
    if loud[-1:] == [_UNACKNOWLEDGED]:
        return "no answer in time"
    every = [text for _, text in lines]
    status = _status(_last(_STATUS, loud))
    cause = _said(_last(_ANSWER, every)) or _short(_last(_RAISED, every))
    return ": ".join(part for part in (status, cause) if part) or _scrub(loud[-1] if loud else "")


def asked_wait(lines: list[Line]) -> timedelta | None:
    """Find how long the service asked us to wait, at most 1 h, if its answer says so, as Telegram's and Discord's."""
    try:
        answer = json.loads(_decoded(_last(_ANSWER, [text for _, text in lines])))
    except ValueError:
        return None
    match answer:
        case {"retry_after": int() | float() as seconds} | {"parameters": {"retry_after": int() | float() as seconds}}:
            return timedelta(seconds=min(seconds, retry_after.LONGEST.total_seconds())) if seconds > 0 else None
        case _:
            return None


def _last(pattern: re.Pattern[str], texts: list[str]) -> str:
    found = [match[1] for text in texts if (match := pattern.match(text))]
    return found[-1] if found else ""


def _status(code: str) -> str:
    if not code or code < "300":  # Slack answers 200 to what it refuses
        return ""
    if code < "400":
        return f"HTTP {code}, a redirect, which is not followed"
    return f"HTTP {code} {_PHRASES.get(int(code), '')}".rstrip()


def _said(details: str) -> str:
    """Find the service's own words in its answer: those of a JSON error or a short plain text, but no page."""
    text = _decoded(details).strip()
    try:
        return _words(json.loads(text))
    except ValueError:
        return "" if len(text) > LONGEST or "<" in text else text


def _decoded(details: str) -> str:
    if not details.startswith(("b'", 'b"')):
        return details
    try:
        return str(ast.literal_eval(details), "utf-8", "replace")
    except (ValueError, SyntaxError):  # what is hidden in it may have taken a backslash along
        return details[2:-1]


def _words(value: object) -> str:
    match value:
        case str():
            return value
        case [first, *_]:
            return _words(first)
        case dict():
            said = (_words(value.get(key)) for key in _SAID)
            return next(filter(None, said), "")
        case _:
            return ""


def _short(error: str) -> str:
    """Cut an exception's text down to its cause; innermost is last."""
    for pattern, words in _CAUSES:
        if found := list(pattern.finditer(error)):
            return words(found[-1])
    return _scrub(error)


def _of_mail(found: re.Match[str]) -> str:
    code, text = found[1], found[3]
    return f"{'authentication failed: ' if code in _LOGIN_REFUSED else ''}{code} {text}"


def _of_proxy(found: re.Match[str]) -> str:
    return f"the proxy said {found[1]} {_PHRASES.get(int(found[1]), '')}".rstrip()


def _of_time(found: re.Match[str]) -> str:
    return f"no {'connection' if found[1] == 'connect' else 'answer'} within {float(found[2]):g} s"


def _of_system(found: re.Match[str]) -> str:
    cause = found[1].strip()
    said = next((words for pattern, words in _PLAINER if pattern.search(cause)), None)
    return f"{said} ({cause})" if said else f"{cause[:1].lower()}{cause[1:]}"


def _scrub(text: str) -> str:
    return _URL.sub("…", text)


_PLAINER: Final = (
    (re.compile(r"wrong version number"), "what listens there speaks no TLS"),
    (re.compile(r"EOF occurred|unexpected eof", re.IGNORECASE), "the connection was closed in the TLS handshake"),
    (re.compile(r"name or service|name resolution|no address", re.IGNORECASE), "the host's name cannot be resolved"),
)
"""What to say before the words of the libraries, where those alone tell nobody what to do."""

_CAUSES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"\(([45]\d\d), b?(['\"])(.*?)\2[,)]", re.DOTALL), _of_mail),
    (re.compile(r"Tunnel connection failed: (\d{3})"), _of_proxy),  # what follows may repeat the proxy's password
    (re.compile(r"\((connect|read) timeout=(\d+(?:\.\d+)?)\)"), _of_time),
    (re.compile(r"Connection reset by peer|Broken pipe"), lambda _: "the connection was reset"),
    (re.compile(r"\[SSL[^\]]*\] ([^(]+)"), _of_system),
    (re.compile(r"\[Errno -?\d+\] ([^'\"()]+)"), _of_system),
    (re.compile(r"timed out"), lambda _: "no answer in time"),
    (
        re.compile(r"RemoteDisconnected|unexpectedly closed|Connection aborted"),
        lambda _: "the connection was closed without an answer",
    ),
)
"""What exceptions say, and what we say instead; the first that is found counts."""
