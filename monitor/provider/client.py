"""The client under every request of ours: it follows nobody, keeps no cookies and reads no ``~/.netrc``."""

import ssl
from http.client import HTTPMessage
from http.cookiejar import CookieJar
from typing import Any

from monitor.provider.http import httpx


def trust() -> ssl.SSLContext:
    """Load the certificates of certifi, SSL_CERT_FILE or SSL_CERT_DIR: 20 to 40 ms, so share what this returns."""
    return httpx.create_ssl_context()


def plain_client(context: ssl.SSLContext) -> httpx.AsyncClient:
    """Return a client; proxies come from the environment."""
    return httpx.AsyncClient(
        verify=context,
        cookies=_NoCookies(),
        follow_redirects=False,
        event_hooks={"response": [_withhold_location]},
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
    )


class _NoCookies(CookieJar):
    """Keeps nothing, so that what one account is handed never goes out with another."""

    def extract_cookies(self, response: HTTPMessage, request: Any) -> None:  # type: ignore[override]  # noqa: ANN401
        pass


async def _withhold_location(response: httpx.Response) -> None:
    # httpx prepares the next request even when it must not follow, and raises when it cannot.
    if response.has_redirect_location:
        response.extensions["location"] = response.headers.pop("location")
