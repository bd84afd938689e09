"""A server on 127.0.0.1 that says whatever it was told back to the world: as an API, a webhook and a proxy."""

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import quote, unquote

from aiosmtpd.smtp import AuthResult, LoginPassword
from receivers import MailServer, Receiver

BALANCE = {"code": 200, "data": {"account_id": 1, "balance_usd": 4, "low_balance_alert": True}, "message": "success"}


class Mirror(Receiver):
    """Answers by the first part of the path: ``/denied/…`` refuses, ``/moved/…`` redirects; see the table below."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.asked: list[str] = []
        """The first parts of the paths that were asked for."""
        self.bodies: list[bytes] = []
        """What was posted, whatever it was answered."""
        self._server = _Server(self)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="mirror", daemon=True).start()

    def take(self, mode: str, body: bytes) -> None:
        """Record a request."""
        with self._grown:
            self.asked.append(mode)
            self.bodies.append(body)
            self._grown.notify_all()

    def wait_asked(self, mode: str, more: int, timeout: float = 120) -> None:
        """Wait until it was asked so often again."""
        count = self.asked.count(mode) + more
        self._wait(lambda: self.asked.count(mode) >= count, f"request {count} to {mode}", timeout)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mirror = mirror

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that cannot stand us are what this is about."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(_ASKED)

    def do_POST(self) -> None:
        self._answer(_POSTED)

    def do_CONNECT(self) -> None:
        """Refuse as a proxy that repeats whom it refuses."""
        self.send_response(407, f"not you {self.headers.get('Proxy-Authorization', '')} {self.path}")
        self.end_headers()
        self.close_connection = True

    def _answer(self, modes: "dict[str, Callable[[_Handler, str], None]]") -> None:
        mode = self.path.split("/")[1]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        cast("_Server", self.server).mirror.take(mode, body)
        modes[mode](self, self._told())

    def _told(self) -> str:
        """Say what this request told us, once in each notation."""
        secrets = [self.headers.get("x-api-key", ""), self.headers.get("Authorization", "")]
        secrets += [unquote(part) for part in self.path.split("/")[2:3]]
        ways = (str, lambda text: quote(text, safe=""), _percent, json.dumps, repr, _base64, _base64_amid)
        return " ".join(way(secret) for secret in secrets if secret for way in ways) + f" {dict(self.headers)}"

    def say(self, status: int, content: str, kind: str = "application/json", **headers: str) -> None:
        body = content.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def garble(self, told: str) -> None:
        self.wfile.write(told.encode() + b"\r\n\r\n")
        self.close_connection = True

    def move(self, told: str) -> None:
        key = quote(self.headers.get("x-api-key", "nobody"), safe="")
        self.say(302, told, Location=f"https://{key}.invalid/{quote(told, safe='')}?key={key}")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it that
        """Print nothing."""


def _percent(text: str) -> str:
    return re.sub("%..", lambda code: code[0].lower(), quote(text, safe=""))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _base64_amid(text: str) -> str:
    return base64.urlsafe_b64encode(f"user:{text}:and more".encode()).decode()


def _with_label(told: str) -> str:
    return json.dumps({**BALANCE, "data": {**BALANCE["data"], "account_id": told, "updated_at": told}})  # type: ignore[dict-item]


_HTML = "text/html"
_TEXT = "text/plain"

# How the API answers a poll, and how a webhook answers a message.
_ASKED: dict[str, Callable[[_Handler, str], None]] = {
    "fine": lambda it, _: it.say(200, json.dumps(BALANCE)),
    "denied": lambda it, told: it.say(401, json.dumps({"code": 401, "message": told})),
    "broken": lambda it, told: it.say(500, json.dumps({"error": {"code": 500, "message": told}})),
    "inside": lambda it, told: it.say(200, json.dumps({"code": 402, "message": told})),
    "moved": lambda it, told: it.move(told),
    "garbled": lambda it, told: it.garble(told),
    "page": lambda it, told: it.say(200, f"<html>{told}</html>", _HTML),
    "label": lambda it, told: it.say(200, _with_label(told)),
}
_POSTED: dict[str, Callable[[_Handler, str], None]] = {
    "fine": lambda it, _: it.say(200, "{}"),
    "denied": lambda it, told: it.say(403, json.dumps({"message": told})),
    "broken": lambda it, told: it.say(500, json.dumps({"error": {"code": 500, "message": told}})),
    "plain": lambda it, told: it.say(403, told[:190], _TEXT),
    "moved": lambda it, told: it.move(told),
    "garbled": lambda it, told: it.garble(told),
    "page": lambda it, told: it.say(500, f"<html>{told}</html>", _HTML),
}


class Gossip(MailServer):
    """A mail server that refuses every login, and says with which password."""

    def _authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, auth: Any) -> AuthResult:
        assert isinstance(auth, LoginPassword)
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 no {auth.password!r} for {auth.login!r}")
