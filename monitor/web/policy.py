"""Who may see what, and who may change anything: decided from the head of a request alone. Pure.

A page of this machine is within reach of every other page that its owner has open. So the name that was asked for must
be ours, or another name could be made to mean this machine; and a change must come from a page of ours, or from a
program that says the token by itself, since browsers send a password along wherever a form leads.
"""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import SecretStr

from monitor.config import Unusable, Web, is_loopback

OPEN = frozenset({"/healthz", "/readyz"})
"""For whoever asks: they say nothing that is anybody's secret."""
_PORTS = {"http": 80, "https": 443}
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="balance-monitor", charset="UTF-8", Bearer realm="balance-monitor"'}
_NAME_IT = "set web.url to the address under which people open it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The head of a request, as far as it counts here."""

    method: str
    path: str
    hosts: Sequence[str]
    """Every Host header, as written."""
    authorization: str = ""
    origin: str | None = None
    fetch_site: str | None = None
    """What the browser says of where the request comes from."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused."""

    status: int
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    is_wrong_token: bool = False
    """Whether somebody may be guessing."""


def refuse(asked: Asked, web: Web) -> Refusal | None:
    """Say why a request is refused, or return None."""
    if asked.path in OPEN:
        return None
    host = _host(asked.hosts)
    if host is None:
        return Refusal(400, "the Host header is missing or wrong: ask for the address of this page")
    if not _is_ours(host, web):
        return Refusal(421, f"this page is not served under that name: {_NAME_IT}")
    return _refuse_caller(asked, web)


def _refuse_caller(asked: Asked, web: Web) -> Refusal | None:
    is_change = asked.method not in _READS
    if web.token is None:
        return Refusal(403, "nothing can be changed without a token: set web.token") if is_change else None
    scheme, said = _credentials(asked.authorization)
    if not _is_right(said, web.token):
        what = "the token is wrong" if said else "a token is needed"
        way = "send it as Authorization: Bearer, or as the password"
        return Refusal(401, f"{what}: {way}", _CHALLENGE, is_wrong_token=bool(said))
    if is_change and not _is_same_origin(asked, web, is_by_hand=scheme == "bearer"):
        return Refusal(403, "a change must come from this page itself, or with Authorization: Bearer")
    return None


# -- the name ---------------------------------------------------------------------------------------------------------


def _host(hosts: Sequence[str]) -> str | None:
    """Return the name that was asked for, without the port."""
    if len(hosts) != 1:
        return None
    try:
        parts = urlsplit(f"//{hosts[0].strip()}")
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return None
    is_plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return parts.hostname if is_plain else None


def _is_ours(host: str, web: Web) -> bool:
    """Say whether a name is ours; an address can be made to mean nothing else, but it is not asked of this machine."""
    listen = web.listen
    if is_loopback(host) or (listen is not None and host == listen.host) or host == _host_of(web.url):
        return True
    return listen is not None and not listen.is_loopback and _is_address(host)


def _host_of(url: str | None) -> str | None:
    return urlsplit(url).hostname if url is not None else None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


# -- the token --------------------------------------------------------------------------------------------------------


def _credentials(authorization: str) -> tuple[str, str]:
    """Return the scheme and the token that was said, empty if none was."""
    scheme, _, rest = authorization.strip().partition(" ")
    match scheme.lower():
        case "bearer":
            return "bearer", rest.strip()
        case "basic":
            return "basic", _password(rest.strip())
    return "", ""


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _is_right(said: str, token: SecretStr | Unusable) -> bool:
    """Compare in a time that tells nothing; with a token that cannot be read nobody has the right one."""
    if isinstance(token, Unusable):
        return False
    return hmac.compare_digest(said.encode(), token.get_secret_value().encode())


# -- the origin -------------------------------------------------------------------------------------------------------


def _is_same_origin(asked: Asked, web: Web, *, is_by_hand: bool) -> bool:
    """Say whether a change comes from a page of ours; what says nothing of it must have the token by hand."""
    if asked.fetch_site is not None and asked.fetch_site not in {"same-origin", "none"}:
        return False
    if asked.origin is not None:
        return asked.origin.lower() in {f"http://{asked.hosts[0].strip().lower()}", _origin_of(web.url)}
    return asked.fetch_site is not None or is_by_hand


def _origin_of(url: str | None) -> str | None:
    if url is None:
        return None
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in {None, _PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"  # as a browser says it, which leaves out the usual port
