"""The internet as a process under test sees it: a proxy on 127.0.0.1 that plays each host's part, with TLS.

Apprise has the addresses of its services built in; ``environment`` leads its real requests here. Hosts that nobody
plays are refused.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.client import HTTPMessage, parse_headers
from http.server import BaseHTTPRequestHandler
from io import BufferedReader
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from tempfile import TemporaryDirectory
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import trustme
from receivers import Receiver

_PHRASES = BaseHTTPRequestHandler.responses


@dataclass(frozen=True)
class Request:
    """What arrived at a host."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, if it is JSON; None otherwise."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def form(self) -> dict[str, "Part"]:
        """The fields of the body, if it is a form in parts."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        whole = message_from_bytes(head + self.body, policy=policy.HTTP)
        parts = [part for part in whole.iter_parts() if isinstance(part, EmailMessage)]
        return {str(part["Content-Disposition"].params["name"]): Part.of(part) for part in parts}


@dataclass(frozen=True)
class Part:
    """One field of a form."""

    content: bytes
    filename: str
    kind: str

    @property
    def text(self) -> str:
        """What was written into it."""
        return self.content.decode()

    @classmethod
    def of(cls, part: EmailMessage) -> "Part":
        """Read it."""
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        return cls(content, part.get_filename() or "", part.get_content_type())


@dataclass(frozen=True)
class Answer:
    """What a host answers: JSON, unless it is text."""

    code: int = 200
    body: Any = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


Host = Callable[[Request], Answer]


class Internet(Receiver):
    """Listens as a proxy; ``hosts`` says who plays whom."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        super().__init__()
        self.hosts = dict(hosts)
        self.requests: list[tuple[str, Request, Answer]] = []
        self._authority = trustme.CA()
        self._contexts: dict[str, SSLContext] = {}
        self._folder = TemporaryDirectory()
        self._ca = Path(self._folder.name) / "ca.pem"
        self._authority.cert_pem.write_to_path(self._ca)
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="internet", daemon=True)
        self._thread.start()

    @property
    def environment(self) -> dict[str, str]:
        """What leads a process here."""
        address = f"http://127.0.0.1:{self._server.server_address[1]}"
        return {"HTTPS_PROXY": address, "REQUESTS_CA_BUNDLE": str(self._ca), "NO_PROXY": "127.0.0.1,localhost"}

    def wait_requests(self, count: int, timeout: float = 15) -> None:
        """Wait until that many have been answered."""
        self._wait(lambda: len(self.requests) >= count, f"request {count}", timeout)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    def context(self, host: str) -> SSLContext:
        """Return what makes us that host."""
        if host not in self._contexts:
            context = SSLContext(PROTOCOL_TLS_SERVER)
            self._authority.issue_cert(host).configure_cert(context)
            self._contexts[host] = context
        return self._contexts[host]

    def answer(self, host: str, request: Request) -> Answer:
        """Let a host answer, and remember both."""
        answer = self.hosts[host](request)
        with self._grown:
            self.requests.append((host, request, answer))
            self._grown.notify_all()
        return answer


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, internet: Internet) -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.internet = internet

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that leave are no trouble of ours."""


class _Tunnel(StreamRequestHandler):
    """One client: its CONNECT, and then its requests over TLS."""

    def handle(self) -> None:
        internet = cast("_Server", self.server).internet
        method, target, _ = self.rfile.readline().decode().split(" ", 2)
        parse_headers(cast("BufferedReader", self.rfile))
        host = target.partition(":")[0]
        if method != "CONNECT" or host not in internet.hosts:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with internet.context(host).wrap_socket(self.request, server_side=True) as secure:
            stream = secure.makefile("rb")
            while line := stream.readline():
                answer = internet.answer(host, _read(line, stream))
                secure.sendall(_written(answer))


def _read(line: bytes, stream: Any) -> Request:
    method, target, _ = line.decode().split(" ", 2)
    headers = parse_headers(stream)
    parts = urlsplit(target)
    body = stream.read(int(headers.get("Content-Length", 0)))
    return Request(method, parts.path, parse_qs(parts.query), headers, body)


def _written(answer: Answer) -> bytes:
    phrase = _PHRASES.get(answer.code, ("",))[0]
    kind = "text/plain" if isinstance(answer.body, str) else "application/json"
    headers = {"Content-Length": str(len(answer.content)), "Content-Type": kind, **answer.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.code} {phrase}\r\n{head}\r\n".encode() + answer.content
