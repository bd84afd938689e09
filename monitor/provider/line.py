"""The connections of the polls: kept open, straight to a host or by way of a proxy that the environment names."""

import ssl
from contextlib import suppress
from urllib.request import getproxies, proxy_bypass

from monitor.provider.http import httpx

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=20)


def proxy_for(url: httpx.URL) -> str | None:
    """Return the proxy that the environment names for an address, None for the way straight on."""
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class Line:
    """All connections, and how many polls use them: once retired, the last of them closes it.

    Polls go to httpx's transport without its client, which would follow, keep, guess and log what polls must not.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self.users = 0
        self.failures = 0
        self._context = context
        self._ways: dict[str | None, httpx.AsyncHTTPTransport] = {}
        """By proxy."""
        self._known: dict[str, httpx.AsyncHTTPTransport] = {}
        """By address: looking into the environment takes longer than all the rest."""
        self._retired = False

    def way(self, address: str, url: httpx.URL) -> httpx.AsyncHTTPTransport:
        """Return what carries requests to an address; raises when the environment names a proxy that cannot be used."""
        found = self._known.get(address)
        if found is None:
            proxy = proxy_for(url)
            if proxy not in self._ways:
                self._ways[proxy] = self._connect(proxy)
            found = self._known[address] = self._ways[proxy]
        return found

    def _connect(self, proxy: str | None) -> httpx.AsyncHTTPTransport:
        through = None if proxy is None else httpx.Proxy(proxy)
        return httpx.AsyncHTTPTransport(verify=self._context, limits=_LIMITS, proxy=through)

    async def retire(self) -> None:
        """Take no more polls."""
        self._retired = True
        await self.leave()

    async def leave(self) -> None:
        """Close what is left when nobody is there any more."""
        if self._retired and not self.users:
            for way in self._ways.values():
                with suppress(httpx.HTTPError, OSError):
                    await way.aclose()
