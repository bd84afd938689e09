"""Known secrets, and text without them."""

import html
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus, unquote

from monitor.encoded import blot

_MASK: Final = "********"
_SHORTEST: Final = 6  # a shorter secret would turn up in ordinary words


def hide(secrets: Iterable[str]) -> None:
    """Replace the set of secrets that ``redact`` and the log know.

    Of a URL also what in it looks like a credential is a secret. Anything under 6 characters is ignored.
    """
    _hidden.secrets = _Secrets.of(secrets)


def redact(text: str) -> str:
    """Put asterisks for every known secret: as it is, percent-encoded, for JSON, for HTML, in a repr or in base64."""
    return _hidden.secrets.redact(text)


@dataclass(frozen=True, slots=True)
class _Secrets:
    """Known secrets, looked up by their first characters: the cost of a line does not grow with their number."""

    known: frozenset[str]
    lengths: dict[str, tuple[int, ...]]
    """The first characters of a secret: how long those that begin so are, longest first."""

    @classmethod
    def of(cls, secrets: Iterable[str]) -> "_Secrets":
        whole = [part for secret in secrets for part in (secret, *_credentials(secret))]
        known = frozenset(form for part in whole if len(part) >= _SHORTEST for form in _forms(part))
        lengths: dict[str, set[int]] = {}
        for form in known:
            lengths.setdefault(form[:_SHORTEST], set()).add(len(form))
        return cls(known, {start: tuple(sorted(found, reverse=True)) for start, found in lengths.items()})

    def redact(self, text: str) -> str:
        return blot(self._plain(text), lambda plain: self._plain(plain) != plain, _MASK) if self.lengths else text

    def _plain(self, text: str) -> str:
        parts, done = list[str](), 0
        for begin in range(len(text) - _SHORTEST + 1):
            if text[begin : begin + _SHORTEST] in self.lengths and begin >= done and (end := self._end(text, begin)):
                parts += (text[done:begin], _MASK)
                done = end
        return "".join((*parts, text[done:]))

    def _end(self, text: str, begin: int) -> int:
        lengths = self.lengths[text[begin : begin + _SHORTEST]]
        return next((begin + length for length in lengths if text[begin : begin + length] in self.known), 0)


class _Hidden:
    secrets = _Secrets.of(())


_hidden: Final = _Hidden()

_ESCAPE: Final = re.compile(r"%[0-9A-F]{2}")
_PLAIN: Final = re.compile(r"[\w.~-]+", re.ASCII)  # the same in every notation
_NAMED: Final = re.compile(r"pass|token|key|secret|auth", re.IGNORECASE)


def _forms(secret: str) -> set[str]:
    if _PLAIN.fullmatch(secret):
        return {secret}
    once = {form for way in _NOTATIONS for form in (secret, way(secret))}
    return once | {way(form) for form in once for way in _NOTATIONS}  # JSON in a repr, and so on


def _json_escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


def _repr_escaped(text: str) -> str:
    return repr(text)[1:-1]


_NOTATIONS: Final[tuple[Callable[[str], str], ...]] = (
    _json_escaped,
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    _repr_escaped,
    lambda text: repr('"' + text)[2:-1],  # repr takes the other quotes then
    lambda text: repr(text.encode("utf-8", "replace"))[2:-1],
    lambda text: quote(text, safe="", errors="replace"),
    lambda text: quote(text, errors="replace"),
    lambda text: quote(text, safe="", errors="replace").replace("%", "%25"),
    lambda text: _ESCAPE.sub(lambda code: code[0].lower(), quote(text, safe="", errors="replace")),  # as .NET does
    lambda text: quote_plus(text, errors="replace"),
    lambda text: unquote(text, errors="replace"),
    html.escape,
)


def _credentials(secret: str) -> list[str]:
    """Find what in a URL is a credential by its place, its name or its looks; services quote those without the rest."""
    _, scheme, rest = secret.partition("://")
    if not scheme:
        return []
    address, _, query = rest.partition("?")
    user, at, _ = address.rpartition("@")
    found = [user.partition(":")[2]] if at else []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        found += [value] if _NAMED.search(name) else []
    found += [part for part in re.split(r"[/?&=@:,;\s]|%20|%23", rest) if _random(unquote(part))]
    return [form for part in found for form in (part, unquote(part))]


def _random(part: str) -> bool:
    """Whether this is rather a key than a word: names of hosts, folders and channels stay readable in the log."""
    digit, lower, upper = (any(map(test, part)) for test in (str.isdigit, str.islower, str.isupper))
    enough = 8 if lower and upper else 16
    return digit and (lower or upper) and len(part) >= enough
