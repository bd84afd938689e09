"""The faults: how each is caused, what people are told of it, and whether the service may have taken what failed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from faults import rogue
from faults.rogue import Treat
from faults.targets import PATIENCE, SCALE, Mail, Named, Secure, Target, Web

NEVER_ENDS = f"the service did not come to an end within {PATIENCE.send:g} s"
NO_ANSWER = f"no answer within {PATIENCE.answer:g} s"
NO_CONNECTION = f"no connection within {PATIENCE.connect:g} s"
EXPIRED = "certificate verify failed: certificate has expired"
UNKNOWN = "the host's name cannot be resolved (Name or service not known)"
LOGIN = "authentication failed: 535 5.7.8 Authentication credentials invalid"


@dataclass(frozen=True)
class Fault:
    """A way to fail."""

    name: str
    target: Callable[[], Target]
    strike: Callable[[Any], AbstractContextManager[Any]]
    """Lasts as long as what it returns."""
    reason: str
    """What ``status``, ``channels test`` and the log say; empty: all is delivered all the same."""
    may_repeat: bool = False
    """It takes what it is sent, and nobody can know."""
    attempts: int = 2
    """It lasts for so many of them at least."""

    def __str__(self) -> str:
        return self.name


def _answers(code: int, reason: str, body: bytes = b"", **headers: str) -> Fault:
    return Fault(f"HTTP {code}", Web, lambda web: web.answering(code, body, **headers), f"HTTP {code}{reason}")


def _rogue(name: str, treat: Treat, reason: str, *, may_repeat: bool = False) -> Fault:
    return Fault(name, Web, lambda web: web.taken_over(treat), reason, may_repeat=may_repeat)


def _full(answer: str) -> Fault:
    return Fault(f"SMTP {answer[:3]}", Mail, lambda mail: mail.full(answer), answer, attempts=1)


FAULTS = (
    Fault("refuse", Web, Web.away, "connection refused"),
    _rogue("reset", rogue.reset, "the connection was reset"),
    _rogue("taken, then reset", rogue.take_and_reset, "the connection was reset", may_repeat=True),
    Fault("hang at connect", Web, Web.mute, NO_CONNECTION),
    Fault("hang after accept", Web, Web.hanging, NO_ANSWER, may_repeat=True),
    _rogue("drip", rogue.drip, NEVER_ENDS, may_repeat=True),
    _rogue("flood", rogue.flood, "HTTP 500 Internal Server Error"),
    _rogue("slow, 30 s", rogue.slow(30 / SCALE), ""),
    _rogue("slow, 50 s", rogue.slow(50 / SCALE), NO_ANSWER, may_repeat=True),
    _answers(302, ", a redirect, which is not followed", Location="http://127.0.0.1:9/login"),
    _answers(401, " Unauthorized: wrong password", b'{"error": "wrong password"}'),
    _answers(429, " Too Many Requests: slow down", b"slow down", Retry_After="3"),
    _answers(500, " Internal Server Error", b"<html>out of order</html>"),
    _answers(507, " Insufficient Storage: disk full", b'{"message": "disk full"}'),
    Fault("TLS expired", Secure, Secure.expired, EXPIRED),
    Fault("DNS gone", Named, lambda named: named.names.gone(), UNKNOWN),
    Fault("DNS silent", Named, lambda named: named.names.silent(), NEVER_ENDS),
    _full("552 5.2.2 mailbox full"),
    _full("452 4.3.1 disk full"),
    Fault("SMTP 535", Mail, Mail.changed, LOGIN, attempts=1),
)
