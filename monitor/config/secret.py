"""Secrets: what they look like, how their files are read, and which strings must never be shown.

No message of this module repeats a secret.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, unquote_plus, urlsplit

from monitor.config.effective import Unusable

MASK = "********"
_LARGEST_FILE = 64 * 1024
_PLACEHOLDER = re.compile(
    r"[.…*x_-]*|.*….*|<.*>|(change|replace)[_-]?me|(your|my)[_-]?(legnext[_-]?)?(api[_-]?)?key([_-]?here)?|todo",
    re.IGNORECASE,
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE | re.ASCII)
_NO_ADDRESS = 'not an address: write it like "https://…", without white space'
_NAMES = re.compile(r"\{account\}|\{rule\}")
"""Stand in a channel's URL for what is not known yet; what is around them may be secret."""
_PLAIN_WORD = re.compile(r"[a-z]{1,15}([._-][a-z]{1,15})*", re.ASCII)
_SHORTEST_PART = 6
_SHORTEST_HOST = 8
_SHORTEST_MIXED = 10
_SHORTEST_RANDOM = 16
_SHORTEST_TOKEN = 16


def parse_key(value: object) -> str:
    """Read an API key; a ValueError says what is wrong otherwise."""
    text = _text(value)
    if not text:
        raise ValueError("empty: write the API key itself")
    if _PLACEHOLDER.fullmatch(text):
        raise ValueError("still a placeholder: write the API key itself")
    if not (text.isascii() and text.isprintable() and " " not in text):  # httpx would fail with an error of its own
        raise ValueError("not an API key, which is printable ASCII without spaces: copy it again")
    return text


def parse_url(value: object) -> str:
    """Read an Apprise URL as far as this can be done without Apprise; a ValueError says what is wrong otherwise."""
    text = _text(value)
    if not text:
        raise ValueError("empty: write an Apprise URL")
    if _PLACEHOLDER.fullmatch(text) or text.endswith("://..."):
        raise ValueError("still a placeholder: write the Apprise URL itself")
    if not (_URL.fullmatch(text) and text.isprintable()):
        raise ValueError('not an Apprise URL: write it like "slack://…" or "mailtos://…", without white space')
    return text


def parse_address(value: object) -> str:
    """Read the address of a heartbeat; a ValueError says what is wrong otherwise."""
    text = _text(value)
    if not text:
        raise ValueError("empty: write the address, or remove the key")
    if _PLACEHOLDER.fullmatch(text) or text.endswith("://..."):
        raise ValueError("still a placeholder: write the address itself")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable() or " " in text:
        raise ValueError(_NO_ADDRESS)
    return text


def parse_token(value: object) -> str:
    """Read the token of the page; a ValueError says what is wrong otherwise."""
    text = _text(value)
    if not text:
        raise ValueError("empty: write a token, or remove the key")
    if _PLACEHOLDER.fullmatch(text):
        raise ValueError("still a placeholder: write a token of your own, such as openssl rand -hex 16 makes")
    if not (text.isascii() and text.isprintable() and " " not in text):  # as it stands in a header
        raise ValueError("not a token, which is printable ASCII without spaces: make one with openssl rand -hex 16")
    if len(text) < _SHORTEST_TOKEN:
        raise ValueError(
            f"shorter than {_SHORTEST_TOKEN} characters, so it can be guessed: openssl rand -hex 16 makes one"
        )
    return text


def looks_secret(text: str) -> bool:
    """Say whether this is rather a key or a URL than a name or the path of a file: it is not repeated then."""
    return "://" in text or any(map(_is_random, re.split(r"[/._]", text)))


def _is_random(part: str) -> bool:
    digit, lower, upper = (any(map(test, part)) for test in (str.isdigit, str.islower, str.isupper))
    return digit and (lower or upper) and len(part) >= (_SHORTEST_MIXED if lower and upper else _SHORTEST_RANDOM)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text: put it in quotes")
    return value.strip()


def read_secret(file: Path, key: str) -> str | Unusable:
    """Read a secret file without the white space around; the mode and the owner are the administrator's business."""
    try:
        with file.expanduser().open("rb") as stream:
            text = stream.read(_LARGEST_FILE).decode().strip()
    except FileNotFoundError:
        return Unusable(f"{file} (for {key}): there is no such file: create it, or correct the path")
    except OSError as error:
        return Unusable(f"{file} (for {key}): cannot be read ({error.strerror}): let the monitor read it")
    except (ValueError, RuntimeError):  # not UTF-8, a NUL in the path, no home for "~"
        return Unusable(f"{file} (for {key}): cannot be read as text: put only the secret into it")
    return text or Unusable(f"{file} (for {key}): the file is empty: put the secret into it")


def parts(url: str) -> Iterator[str]:
    """Tell the URL and those of its parts that may be secret, as written and percent-decoded.

    Words and host names are left out: to mask "webhook" everywhere would make a log unreadable. A host without a dot
    is taken for the token that many Apprise services keep there.
    """
    yield url
    rest, _, query = url.partition("://")[2].partition("?")
    authority, _, path = rest.partition("/")
    login, _, host = authority.rpartition("@")
    user, _, password = login.partition(":")
    yield from (form for form in _forms(password) if len(form) >= _SHORTEST_PART)
    values = [user, *path.split("/"), *(pair.partition("=")[2] for pair in query.split("&"))]
    loose = [part for value in values for part in {value, *_NAMES.split(value)}]
    if "." not in host:
        loose += [part for part in (host, *host.split(":")) if len(part) >= _SHORTEST_HOST]
    for text in loose:
        yield from (form for form in _forms(text) if len(form) >= _SHORTEST_PART and not _PLAIN_WORD.fullmatch(form))


def _forms(text: str) -> set[str]:
    """Return a part as written, decoded, and each of its words, for values such as ``Bearer abc``."""
    decoded = unquote_plus(text)
    return {text, decoded, unquote(text), *decoded.split()}
