"""The socket at which people find the page; made without what serves it, which nobody may ever ask for."""

import socket

BACKLOG = 64
"""Connections that the system keeps for us; so many files at most are opened before the first of them is looked at."""


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
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound
