"""The types of the configuration's keys: each reads what users write, and says in a sentence what is wrong."""

import json
import re
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import IPv6Address
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, SecretStr, WithJsonSchema

from monitor.config.effective import Listen
from monitor.config.secret import parse_address, parse_key, parse_token, parse_url
from monitor.cron import Cron, parse_cron
from monitor.hours import Hours, parse_hours
from monitor.model import MONITOR
from monitor.quantity import Duration, short

_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*", re.ASCII)
_LONGEST_NAME = 64
_SHORTEST_INTERVAL = timedelta(seconds=5)
_SHORTEST_TIMEOUT = timedelta(seconds=1)
_SHORTEST_KEPT = timedelta(days=2)
"""What went in the last 24 hours is told with every alert."""
SQLITE = "sqlite:///"
_LISTEN = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?)):(?P<port>\d{1,5})", re.ASCII
)
_LAST_PORT = 65535


def is_name(text: str) -> bool:
    """Say whether an account or a channel could be called that."""
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def _parse_name(text: str) -> str:
    if text == MONITOR:
        raise ValueError(f'"{MONITOR}" is reserved for the monitor\'s own alerts: choose another name')
    if not is_name(text):
        raise ValueError(
            f"not a name: write lower-case letters and digits, with single underscores between, "
            f"at most {_LONGEST_NAME} characters"
        )
    return text


def parse_json(text: str) -> Any:  # noqa: ANN401 - whatever was written
    """Read JSON with exact numbers; None if it is none."""
    try:
        return json.loads(text, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _parse_names(value: object) -> object:
    """Read a list of names; a variable holds it as ``a,b`` or as JSON."""
    if value is None or isinstance(value, frozenset):
        return value
    if isinstance(value, str):
        value = parse_json(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError('not a list of names: write it like ["ops", "mail"], in a variable also ops,mail')
    return frozenset(name.strip() for name in value) - {""}


def _parse_zone(value: object) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    text = value.strip() if isinstance(value, str) else ""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder, such as "America"
        close = get_close_matches(text, available_timezones(), n=1)
        remedy = f'did you mean "{close[0]}"?' if close else 'write a name such as "Europe/Berlin" or "UTC"'
        raise ValueError(f"not a time zone: {remedy}") from None


def _parse_base_url(value: object) -> str:
    try:
        parts = urlsplit(value.strip() if isinstance(value, str) else "")
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        raise ValueError('not an address: write it like "https://api.legnext.ai"') from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", parts.geturl()):
        raise ValueError('not an address: write it like "https://api.legnext.ai"')
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("only scheme, host, port and path may stand here: remove user, password, ? and #")
    return parts._replace(netloc=parts.netloc.lower(), path=parts.path.rstrip("/")).geturl()


def parse_listen(value: object) -> Listen | None:
    """Read where the page is served; an address of IPv6 stands in brackets."""
    text = value.strip().lower() if isinstance(value, str) else ""
    if value is None or text == "off" or isinstance(value, Listen):
        return value if isinstance(value, Listen) else None
    match = _LISTEN.fullmatch(text)
    if match is None or int(match["port"]) > _LAST_PORT:
        raise ValueError('not an address to listen on: write it like "127.0.0.1:8080" or "[::1]:8080", or "off"')
    return Listen(_bare_host(match["six"], match["host"]), int(match["port"]))


def _bare_host(six: str | None, host: str | None) -> str:
    if six is None:
        return host or ""
    try:
        return str(IPv6Address(six))
    except ValueError:
        raise ValueError('not an address of IPv6 in its brackets: write it like "[::1]:8080"') from None


def _parse_page_url(value: object) -> str:
    try:
        parts = urlsplit(_parse_base_url(value))
        return parts._replace(netloc=parts.netloc.encode("idna").decode()).geturl()  # the name that browsers ask for
    except UnicodeError:
        raise ValueError('not an address: write it like "https://monitor.example"') from None
    except ValueError as error:
        raise ValueError(str(error).replace("https://api.legnext.ai", "https://monitor.example")) from None


def _parse_database(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text.startswith(SQLITE):
        raise ValueError(f"not a database of this release: write {SQLITE} and a path")
    place = text.removeprefix(SQLITE)
    if place in ("", ":memory:") or place.startswith("~") or "?" in place or "\0" in place:
        raise ValueError(f"not the path of a file: write it out after {SQLITE}, without ~ and ?")
    return text


def _at_least(shortest: timedelta) -> AfterValidator:
    def check(length: timedelta) -> timedelta:
        if length < shortest:
            raise ValueError(f'too short: write at least "{short(shortest)}"')
        return length

    return AfterValidator(check)


Interval = Annotated[Duration, _at_least(_SHORTEST_INTERVAL)]
Timeout = Annotated[Duration, _at_least(_SHORTEST_TIMEOUT)]
Kept = Annotated[Duration, _at_least(_SHORTEST_KEPT)]
Name = Annotated[str, AfterValidator(_parse_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
Names = Annotated[
    frozenset[str] | None,
    BeforeValidator(_parse_names),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]
QuietHours = Annotated[
    Hours | None,
    BeforeValidator(lambda value: None if value is None or value == "off" else parse_hours(value)),
    PlainSerializer(lambda value: None if value is None else str(value)),
    WithJsonSchema({"type": "string", "examples": ["22:00-07:00"]}),
]
Schedule = Annotated[
    Cron | None,
    BeforeValidator(lambda value: None if value is None or value == "off" else parse_cron(value)),
    PlainSerializer(lambda value: "off" if value is None else str(value)),
    WithJsonSchema({"type": "string", "examples": ["0 9 * * mon"]}),
]
Zone = Annotated[ZoneInfo, BeforeValidator(_parse_zone), PlainSerializer(str), WithJsonSchema({"type": "string"})]
BaseUrl = Annotated[str, BeforeValidator(_parse_base_url), WithJsonSchema({"type": "string", "format": "uri"})]
Database = Annotated[
    str, BeforeValidator(_parse_database), WithJsonSchema({"type": "string", "pattern": f"^{SQLITE}."})
]
ApiKey = Annotated[SecretStr, BeforeValidator(parse_key)]
AppriseUrl = Annotated[SecretStr, BeforeValidator(parse_url)]
Address = Annotated[SecretStr, BeforeValidator(parse_address)]
Token = Annotated[SecretStr, BeforeValidator(parse_token)]
ListenAt = Annotated[
    Listen | None,
    BeforeValidator(parse_listen),
    PlainSerializer(lambda value: "off" if value is None else str(value)),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:8080", "off"]}),
]
PageUrl = Annotated[str, BeforeValidator(_parse_page_url), WithJsonSchema({"type": "string", "format": "uri"})]
