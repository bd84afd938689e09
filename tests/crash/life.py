"""One life of the daemon after another, each the fork of a process that has imported everything: begins in 10 ms."""

import asyncio
import json
import os
import ssl
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import httpx

from crash.bugs import BUGS, Planted
from crash.points import Moments, Point
from crash.watched import Statements, WatchedProvider, WatchedSender, WatchedStore
from monitor import config as configuration
from monitor import log, notify
from monitor.app import Daemon
from monitor.app.outside import Outside
from monitor.app.signals import signals
from monitor.clock import Clock
from monitor.config import Channel, Config, Unusable
from monitor.deliver import Sender
from monitor.notify import Notifier
from monitor.provider import Legnext


@dataclass(frozen=True, slots=True)
class Order:
    """How one life is to go."""

    config: str
    log: str
    marks: str
    """The file to write down in at which moment it ended."""
    speed: float
    base: str
    """The time at ``start``, a value of ``time.monotonic``: it goes on over the lives."""
    start: float
    point: Point | None = None
    nth: int = 1
    bug: str = ""


class _Epoch(Clock):
    """A sped-up clock that goes on over the lives, as wall time does."""

    def __init__(self, order: Order) -> None:
        super().__init__(order.speed)
        self._base, self._start = datetime.fromisoformat(order.base), order.start


def main() -> None:
    """Read an order a line, and answer each with the pid of its life, then with how that ended."""
    notify.fault("json://localhost")  # loads Apprise
    context = httpx.create_ssl_context()
    for line in sys.stdin:
        order = Order(**json.loads(line))
        pid = os.fork()
        if pid == 0:
            _live(order, context)
        _say(pid)
        _say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _live(order: Order, context: ssl.SSLContext) -> None:
    """Run the daemon in this process until its end, and never return."""
    code = 1
    try:
        stream = Path(order.log).open("a")  # noqa: SIM115 - as long as the process
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
        log.setup(level="info", format="json", stream=stream, environ={})
        asyncio.run(_run(order, context))
        code = 0
    except BaseException:  # noqa: BLE001 - nobody above; it must be seen, and must not go on as the parent
        log.get("monitor.crash").exception("life_failed")
    finally:
        os._exit(code)


async def _run(order: Order, context: ssl.SSLContext) -> None:
    path = Path(order.config)
    settings = _load(path)
    marks = os.open(order.marks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    moments = Moments(Point(order.point) if order.point else None, order.nth, marks)
    bug = BUGS.get(order.bug, Planted())
    store = _open(bug.store, settings, moments)
    daemon = Daemon(
        settings,
        store,
        clock=_Epoch(order),
        load=lambda: _load(path),
        outside=Outside(
            connect=_connect(bug, store, moments),
            provider=WatchedProvider(Legnext(ssl_context=context), moments),
        ),
    )
    with signals(daemon):
        await daemon.run()
    store.close()


def _load(path: Path) -> Config:
    return configuration.load(path, {}, secrets_dirs=[])


def _open(kind: type[WatchedStore], settings: Config, moments: Moments) -> WatchedStore:
    statements = Statements(moments)
    with statements.of("migration"):
        store = kind.start(settings.database)
    assert isinstance(store, WatchedStore)
    store.moments, store.statements = moments, statements
    moments.pass_by(Point.MIGRATED)
    return store


def _connect(bug: Planted, store: WatchedStore, moments: Moments) -> Callable[[Channel], Sender]:
    def connect(channel: Channel) -> Sender:
        assert not isinstance(channel.url, Unusable)
        notifier = Notifier(channel.url.get_secret_value(), redact=log.redact)
        return bug.sender(WatchedSender(notifier, moments), store.path)

    return connect


def dump(order: Order) -> str:
    """Return an order as its line."""
    return json.dumps(asdict(order)) + "\n"


if __name__ == "__main__":
    main()
