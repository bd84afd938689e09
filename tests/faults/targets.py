"""Services that can be struck by a fault and cured; each knows all that it was told, in order."""

import contextlib
import re
import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self

import trustme
from receivers import MailServer, Post, Webhook

from faults.names import HOST, Names
from faults.rogue import Rogue, Treat, mute

SECRET = "planted-Secret-0123456789"
_LINE = re.compile(r"\[(?:WARNING|CRITICAL)\] (\w+): .*")


@dataclass(frozen=True)
class Patience:
    """How long the daemon waits, in real seconds: for a connection, for an answer, for one send in all."""

    connect: float
    answer: float
    send: float

    @property
    def options(self) -> str:
        """The same for Apprise."""
        return f"cto={self.connect:g}&rto={self.answer:g}"


SCALE = 20
"""What is real time for the daemon is so much shorter than what users get, and the times of the faults with it."""
PATIENCE = Patience(connect=1, answer=40 / SCALE, send=60 / SCALE)


def told(title: str, body: str) -> list[str]:
    """Return the accounts of which a message tells, in order."""
    lines = [found[1] for line in body.splitlines() if (found := _LINE.fullmatch(line))]
    return lines or [found[1] for found in [_LINE.fullmatch(title)] if found]


class Target(ABC):
    """A service of one kind."""

    environment: dict[str, str] = {}  # noqa: RUF012 - what a process needs to reach it
    patience = PATIENCE

    @property
    @abstractmethod
    def url(self) -> str:
        """Its Apprise URL."""

    @abstractmethod
    def accounts(self) -> list[str]:
        """Return the accounts of which it was told, in order, be it that nobody could know that it had heard."""

    @abstractmethod
    def close(self) -> None:
        """Go away."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class Web(Target):
    """A webhook."""

    scheme, host = "json", "127.0.0.1"

    def __init__(self) -> None:
        self.hook = Webhook()
        self._rogues: list[Rogue] = []

    @property
    def url(self) -> str:
        return f"{self.scheme}://ops:{SECRET}@{self.host}:{self.hook.port}/hook?{self.patience.options}"

    def accounts(self) -> list[str]:
        heard = [post for post in self.hook.attempts if post.answer in {0, 200}]
        heard += [post for rogue in self._rogues for post in rogue.taken]
        return [name for post in sorted(heard, key=_when) for name in told(post.body["title"], post.body["message"])]

    @contextlib.contextmanager
    def away(self) -> Iterator[int]:
        """Let somebody else have the port."""
        self.hook.refuse()
        yield self.hook.port
        self.hook.ok()

    @contextlib.contextmanager
    def answering(self, code: int, body: bytes = b"", **headers: str) -> Iterator[None]:
        """Answer everything with this."""
        self.hook.status(code, body, {name.replace("_", "-"): value for name, value in headers.items()})
        yield
        self.hook.ok()

    @contextlib.contextmanager
    def hanging(self) -> Iterator[None]:
        """Read everything, and answer nothing."""
        self.hook.hang()
        yield
        self.hook.ok()

    @contextlib.contextmanager
    def mute(self) -> Iterator[None]:
        """Accept nobody."""
        with self.away() as port, mute(port):
            yield

    @contextlib.contextmanager
    def taken_over(self, treat: Treat) -> Iterator[None]:
        """Let a rogue treat the clients."""
        with self.away() as port, Rogue(port, treat) as rogue:
            self._rogues.append(rogue)
            yield

    def close(self) -> None:
        self.hook.close()


def _when(post: Post) -> float:
    return post.at


class Named(Web):
    """A webhook that is reached by a name."""

    host = HOST

    def __init__(self) -> None:
        super().__init__()
        self.names = Names().__enter__()

    def close(self) -> None:
        self.names.__exit__(None, None, None)
        super().close()


class Secure(Web):
    """A webhook with TLS, whose authority is trusted."""

    scheme = "jsons"

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        self._authority = trustme.CA()
        path = Path(self._folder.name) / "ca.pem"
        self._authority.cert_pem.write_to_path(path)
        self.environment = {"REQUESTS_CA_BUNDLE": str(path)}
        self.hook.tls = self._context(datetime(2100, 1, 1, tzinfo=UTC))

    @contextlib.contextmanager
    def expired(self) -> Iterator[None]:
        """Show a certificate of some years ago."""
        valid, self.hook.tls = self.hook.tls, self._context(datetime(2020, 1, 1, tzinfo=UTC))
        yield
        self.hook.tls = valid

    def _context(self, until: datetime) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert("127.0.0.1", not_after=until).configure_cert(context)
        return context

    def close(self) -> None:
        super().close()
        self._folder.cleanup()


class _Server(MailServer):
    full = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any, /) -> str:  # noqa: N802 - aiosmtpd's name
        return self.full or await super().handle_DATA(server, session, envelope)


class Mail(Target):
    """A mail server."""

    patience = replace(PATIENCE, send=20)
    """Apprise lets 5.5 s pass between two mails, which nobody can scale."""

    def __init__(self) -> None:
        self.server = _Server(password=SECRET)

    @property
    def url(self) -> str:
        return self.server.url_with(verify="no", cto=f"{self.patience.answer:g}", format="text")

    def accounts(self) -> list[str]:
        return [name for mail in self.server.messages for name in told(mail["subject"], mail.get_content())]

    @contextlib.contextmanager
    def full(self, answer: str) -> Iterator[None]:
        """Take no mail for want of space."""
        self.server.full = answer
        yield
        self.server.full = ""

    @contextlib.contextmanager
    def changed(self) -> Iterator[None]:
        """Have another password for a while."""
        self.server.password = "another"
        yield
        self.server.password = SECRET

    def close(self) -> None:
        self.server.close()


def repeats(accounts: Sequence[str]) -> int:
    """Count what was told again."""
    return len(accounts) - len(set(accounts))
