"""Trouble on the way in the words of people: the one place where foreign exceptions are translated."""

import os
import socket
import ssl
from collections.abc import Iterator
from http import HTTPStatus

from monitor.model import Failure, Kind
from monitor.provider.answer import Passing
from monitor.provider.http import httpx
from monitor.provider.line import proxy_for

_PHRASES = {status.value: status.phrase for status in HTTPStatus}


def unusable(error: Exception) -> str:
    """Say why there was nobody to ask: the environment's certificates or proxy, or the address."""
    match error:
        case httpx.InvalidURL():
            return "base_url, or a proxy that the environment names, is not an address"
        case OSError():
            return "the certificates that SSL_CERT_FILE or SSL_CERT_DIR name cannot be loaded"
        case ImportError():
            return "the environment names a SOCKS proxy, which needs the package socksio"
        case _:
            return "the proxy that the environment names cannot be used"


def before_answer(error: Exception, url: httpx.URL) -> Failure | Passing:
    """Translate what kept an answer from beginning; what may pass by itself is worth a retry."""
    failure = Failure(Kind.UNREACHABLE, explain(error, url.host) + _by_way_of(error, url))
    return Passing(failure) if _may_pass(error) else failure


def amid_answer(error: Exception) -> Failure:
    """Translate what ended an answer that had begun."""
    cut = isinstance(error, httpx.NetworkError) or str(error).startswith("peer closed connection")
    return Failure(Kind.UNREACHABLE, "closed in the middle of the answer" if cut else "not a proper HTTP answer")


def _may_pass(error: Exception) -> bool:
    if any(isinstance(link, ssl.SSLCertVerificationError) for link in _links(error)):
        return False
    return isinstance(error, httpx.NetworkError) or _is_disconnect(error)


def _is_disconnect(error: Exception) -> bool:
    # httpcore has one class for this and for garbage; the table of faults in the tests holds it to its words.
    return isinstance(error, httpx.RemoteProtocolError) and str(error).startswith("Server disconnected")


def explain(error: Exception, host: str) -> str:
    """Say why there was no answer of a host, which is called as given."""
    if isinstance(error, httpx.ConnectTimeout):  # its root would be what was being waited for, as if that had failed
        return f"cannot connect to {host} in time"
    return next(filter(None, (_cause(link, host) for link in _links(error))), None) or _in_general(error, host)


def _in_general(error: Exception, host: str) -> str:
    match error:
        case httpx.ProxyError():
            return f"the proxy said {_status(error)}"
        case httpx.NetworkError():
            return f"the connection to {host} broke off"
        case httpx.RemoteProtocolError():
            return "closed without an answer" if _is_disconnect(error) else "not a proper HTTP answer"
        case _:
            return f"cannot ask {host} ({type(error).__name__})"


def _status(error: Exception) -> str:
    """Say only which status it was: the proxy's own words may repeat the password that it was given."""
    code = str(error)[:3]
    known = int(code) if code.isdecimal() else 0
    return f"{code} {_PHRASES.get(known, '')}".rstrip() if known else "no"


def _cause(link: BaseException, host: str) -> str:
    match link:
        case ssl.SSLCertVerificationError():
            return f"certificate not trusted: {link.verify_message}"
        case ssl.SSLError(reason=str()):
            return f"no TLS with {host}: {link.reason.replace('_', ' ').lower()}"
        case ssl.SSLError():  # its number is one of OpenSSL's, not of the system's
            return f"no TLS with {host}: closed"
        case socket.gaierror() | UnicodeError():
            return f"cannot resolve {host}"
        case OSError(errno=int(number)):  # "connection refused"; its own text would repeat addresses
            return os.strerror(number).lower()
        case _:
            return ""


def _links(error: BaseException) -> Iterator[BaseException]:
    """Walk to the root of an exception; of several that came together the first tells enough."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.exceptions[0] if isinstance(link, BaseExceptionGroup) else link.__cause__ or link.__context__


def _by_way_of(error: Exception, url: httpx.URL) -> str:
    """Point at the proxy when one was in between: it may be the one that was not reached."""
    is_through = isinstance(error, httpx.NetworkError) and proxy_for(url) is not None
    return " (by way of the proxy in the environment)" if is_through else ""
