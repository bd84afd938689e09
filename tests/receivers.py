"""Receivers that Apprise really delivers to, on 127.0.0.1: a webhook and a mail server, each in a daemon thread."""

import asyncio
import json
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


class Receiver(ABC):
    """What both have in common: a list that grows in another thread, and waiting for it."""

    def __init__(self) -> None:
        self._grown = threading.Condition()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Stop listening: from now on connections are refused."""

    def _wait(self, grown: Any, what: str, timeout: float) -> None:
        with self._grown:
            if not self._grown.wait_for(grown, timeout):
                raise TimeoutError(f"{what} did not arrive within {timeout} s")


@dataclass(frozen=True)
class Post:
    """A request that arrived: its decoded JSON, and what it was answered (0 for nothing at all)."""

    at: float
    """``time.monotonic()`` when it had been read."""
    path: str
    headers: dict[str, str]
    body: Any
    answer: int


@dataclass(frozen=True)
class _Mode:
    code: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: threading.Event | None = None


class Webhook(Receiver):
    """An HTTP server for ``json://`` URLs, switchable while it runs: ``ok()``, ``status(403)``, ``hang()``, …

    ``noticed`` is called for each request, in a thread of its own, once it was read and before it is answered.
    """

    def __init__(self, noticed: Callable[[Post], None] | None = None) -> None:
        super().__init__()
        self.attempts: list[Post] = []
        self.tls: ssl.SSLContext | None = None
        """What the next connections are to be encrypted with."""
        self._noticed = noticed
        self._mode = _Mode()
        # Never listens: it keeps the port ours while connections are refused.
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.port: int = self._holder.getsockname()[1]
        self._listener: _Listener | None = _Listener(self)

    @property
    def url(self) -> str:
        """Its Apprise URL; append ``?name=value`` for options."""
        return f"json://127.0.0.1:{self.port}/hook"

    @property
    def address(self) -> str:
        """Its plain address, for redirects and other clients."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def posts(self) -> list[Post]:
        """What it took: the attempts that were answered with 2xx, in order."""
        return [post for post in self.attempts if 200 <= post.answer < 300]

    @property
    def titles(self) -> list[str]:
        """The titles of what it took, in order."""
        return [post.body["title"] for post in self.posts]

    def ok(self) -> None:
        """Take everything."""
        self._switch(_Mode())

    def status(self, code: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Answer everything with this status."""
        self._switch(_Mode(code, body, headers or {}))

    def redirect(self, to: str) -> None:
        """Send everybody elsewhere."""
        self.status(302, headers={"Location": to})

    def hang(self) -> None:
        """Read requests and never answer; the next switch drops those that wait."""
        self._switch(_Mode(0, hang=threading.Event()))

    def refuse(self) -> None:
        """Refuse connections until the next switch."""
        self._switch(_Mode(0), listens=False)

    def wait_posts(self, count: int, timeout: float = 5) -> list[Post]:
        """Wait until it has taken that many."""
        self._wait(lambda: len(self.posts) >= count, f"post {count}", timeout)
        return self.posts

    def wait_attempts(self, count: int, timeout: float = 5) -> list[Post]:
        """Wait until that many have arrived, whatever they were answered."""
        self._wait(lambda: len(self.attempts) >= count, f"attempt {count}", timeout)
        return self.attempts

    def close(self) -> None:
        self.refuse()
        self._holder.close()

    def _switch(self, mode: _Mode, *, listens: bool = True) -> None:
        before, self._mode = self._mode, mode
        if before.hang:
            before.hang.set()
        if self._listener is None and listens:
            self._listener = _Listener(self)
        elif self._listener is not None and not listens:
            self._listener.close()
            self._listener = None

    def take(self, handler: BaseHTTPRequestHandler) -> _Mode:
        """Record a request and say how to answer it."""
        mode = self._mode
        raw = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        try:
            body: Any = json.loads(raw)
        except ValueError:
            body = raw
        post = Post(time.monotonic(), handler.path, dict(handler.headers), body, mode.code)
        with self._grown:
            self.attempts.append(post)
            self._grown.notify_all()
        if self._noticed is not None:
            self._noticed(post)
        return mode


class _Listener:
    """A socket that listens, and its thread."""

    def __init__(self, webhook: Webhook) -> None:
        self._server = _Server(webhook)
        # The default poll of half a second would be most of a test's time.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="webhook", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, webhook: Webhook) -> None:
        super().__init__(("127.0.0.1", webhook.port), _Handler)
        self.webhook = webhook

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the handshake is made with the first bytes, in the thread of that client."""
        client, address = super().get_request()
        tls = self.webhook.tls
        return (tls.wrap_socket(client, server_side=True, do_handshake_on_connect=False) if tls else client), address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        mode = cast("_Server", self.server).webhook.take(self)
        if mode.hang:
            mode.hang.wait(60)
        if mode.code == 0:
            return
        self.send_response(mode.code)
        for name, value in {**mode.headers, "Content-Length": str(len(mode.body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(mode.body)

    do_GET = do_POST  # noqa: N815 - the base class calls it that

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it that
        """Print nothing."""


class MailServer(Receiver):
    """An SMTP server that insists on STARTTLS and a login; records the messages that it took.

    ``user`` and ``password`` let in, recipients in ``unknown`` are refused with 550, and ``ca_file`` is the authority
    that signed its certificate (``SSL_CERT_FILE`` makes a client trust it).
    """

    def __init__(self, *, user: str = "ops", password: str = "sesame-open", port: int = 0) -> None:
        super().__init__()
        self.user, self.password = user, password
        self.unknown: set[str] = set()
        self.refusal = "535 5.7.8 Authentication credentials invalid"
        """What it says to a wrong password."""
        self.messages: list[EmailMessage] = []
        self._folder = TemporaryDirectory()
        self.ca_file = Path(self._folder.name) / "ca.pem"
        self._authority = trustme.CA()
        self._authority.cert_pem.write_to_path(self.ca_file)
        self._context = _certified(self._authority)
        self._socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="mail server", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its Apprise URL, without checking the certificate."""
        return self.url_with(verify="no")

    def url_with(self, *, password: str | None = None, to: str = "team@example.org", **options: str) -> str:
        """Its Apprise URL with another password, recipient or further options; the certificate is checked."""
        login = f"{quote(self.user)}:{quote(password or self.password, safe='')}"
        query = "".join(f"&{name}={quote(value)}" for name, value in options.items())
        return f"mailtos://{login}@127.0.0.1:{self.port}/?from=monitor@example.org&to={quote(to)}{query}"

    def present(self, certificate: str) -> None:
        """From now on show this certificate: good, of an unknown authority, expired, or of another host."""
        match certificate:
            case "unknown":
                self._context = _certified(trustme.CA())
            case "expired":
                self._context = _certified(self._authority, not_after=datetime(2020, 1, 1, tzinfo=UTC))
            case "another host":
                self._context = _certified(self._authority, "mail.example.org")
            case _:
                self._context = _certified(self._authority)

    def wait_messages(self, count: int, timeout: float = 5) -> list[EmailMessage]:
        """Wait until it has taken that many."""
        self._wait(lambda: len(self.messages) >= count, f"mail {count}", timeout)
        return self.messages

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._folder.cleanup()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Refuse whom we do not know."""
        if address in self.unknown:
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Record a message."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        with self._grown:
            self.messages.append(message)
            self._grown.notify_all()
        return "250 OK"

    async def handle_exception(self, _error: Exception) -> str:
        """Log nothing: clients that break off are what some tests are about."""
        return "500 error"

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, auth: Any) -> AuthResult:
        good = isinstance(auth, LoginPassword) and (auth.login, auth.password) == (
            self.user.encode(),
            self.password.encode(),
        )
        # Unhandled: aiosmtpd then answers itself.
        return AuthResult(success=good, handled=False, message=self.refusal)

    def _smtp(self) -> Any:
        return SMTP(
            self,
            loop=self._loop,
            tls_context=self._context,
            require_starttls=True,
            auth_required=True,
            authenticator=self._authenticate,
        )

    def _serve(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(loop.create_server(self._smtp, sock=self._socket))
        loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(asyncio.sleep(0))  # transports close in the loop's next round
        loop.close()


def _certified(authority: trustme.CA, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
    """Make a server that shows a certificate of this authority, for this machine or for others."""
    since = datetime(2019, 1, 1, tzinfo=UTC) if not_after else None
    shown = authority.issue_cert(*(names or ("127.0.0.1", "localhost")), not_before=since, not_after=not_after)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.configure_cert(context)
    return context
