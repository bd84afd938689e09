"""A host's name that this process can resolve, until it is gone or nobody answers for it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

HOST = "desk.invalid"
"""No resolver of the world knows it."""


class Names:
    """Resolves ``HOST`` to 127.0.0.1 while it is open, all else as before."""

    def __init__(self) -> None:
        self._real = socket.getaddrinfo
        self._is_gone = False
        self._answers = threading.Event()
        self._answers.set()

    @contextlib.contextmanager
    def gone(self) -> Iterator[None]:
        """Let the real resolver say what it says of such a name."""
        self._is_gone = True
        yield
        self._is_gone = False

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Let nobody answer, as when the resolver's packets are dropped."""
        self._answers.clear()
        yield
        self._answers.set()

    def _look_up(self, host: Any, *rest: Any, **named: Any) -> Any:
        if host != HOST:
            return self._real(host, *rest, **named)
        if not self._answers.is_set():
            self._answers.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._real(HOST if self._is_gone else "127.0.0.1", *rest, **named)

    def __enter__(self) -> Self:
        socket.getaddrinfo = self._look_up  # what urllib3 and smtplib ask
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        socket.getaddrinfo = self._real
