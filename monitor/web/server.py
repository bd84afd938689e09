"""Serving: uvicorn on a socket that is already bound, without its signals and without its log."""

import contextlib
import logging
import socket
from collections.abc import Iterator

from starlette.types import ASGIApp
from uvicorn import Config, Server

from monitor.web.connection import Connection

_BACKLOG = 64
"""Connections that the system keeps for us; so many files at most are opened before the first of them is looked at."""
_LARGEST_HEAD = 16 * 1024
_LEAVE = 1
"""Real seconds for answers that are under way at a stop."""


class _Quiet(Server):
    """Its host minds the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def server(app: ASGIApp) -> Server:
    """Return a server, to be served with ``sockets``; ``should_exit`` ends it."""
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)  # whoever sends us rubbish must not fill the log
    config = Config(
        app,
        loop="none",
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_LEAVE,
    )
    return _Quiet(config)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that others can reach us by; an OSError says why not."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, place = min(found)  # IPv4 first, where a name has both
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        bound.bind(place)
        bound.listen(_BACKLOG)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound
