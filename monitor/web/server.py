"""Serving: uvicorn on a socket that is already bound, without its signals and without its log."""

import contextlib
import logging
from collections.abc import Iterator

from starlette.types import ASGIApp
from uvicorn import Config, Server

from monitor.web.bind import BACKLOG
from monitor.web.connection import Connection

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
        backlog=BACKLOG,
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_LEAVE,
    )
    return _Quiet(config)
