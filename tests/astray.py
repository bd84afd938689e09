"""The daemon with a mistake of our own in it, as a process: ``python astray.py crash|leak CONFIG``.

``crash`` raises the key and the channel's URL where people ask and send; ``leak`` turns redaction off and tells the key
as the reason of a failure: what the search for secrets must find.
"""

import asyncio
import os
import sys
from decimal import Decimal
from pathlib import Path

from monitor import config, log
from monitor.app import Daemon
from monitor.app.outside import Outside
from monitor.app.signals import signals
from monitor.clock import Clock
from monitor.config import Channel, Config, Unusable
from monitor.deliver import Sender
from monitor.model import Failure, Kind, Message, NotSent, Outcome, Reading, Seen
from monitor.notify import Notifier
from monitor.store import Store


class Leaking:
    """Passes on what nobody may know."""

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ARG002, ASYNC109 - its shape
        log.get("monitor.planted").debug("asked", key=api_key)
        return Failure(Kind.REFUSED, f"no such key: {api_key}")


class Crashing:
    """Trips over the key, but for an account that is low."""

    async def observe(self, *, api_key: str, base_url: str, timeout: float) -> Seen:  # noqa: ARG002, ASYNC109 - its shape
        accounts: dict[str, Seen] = {}
        if base_url.endswith("/low"):
            return Reading(balance_usd=Decimal(1))
        try:
            return accounts[api_key]
        except KeyError as error:
            raise RuntimeError(f"no place for {api_key!r} of {base_url}") from error


class Broken:
    """Trips over the URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, message: Message) -> Outcome:
        if message.title:
            raise ValueError(f"cannot send to {self._url}")
        return NotSent(self._url)


def _broken(channel: Channel) -> Sender:
    return Broken("" if isinstance(channel.url, Unusable) else channel.url.get_secret_value())


def _sound(channel: Channel) -> Sender:
    return Notifier("" if isinstance(channel.url, Unusable) else channel.url.get_secret_value(), redact=log.redact)


async def _live(settings: Config, *, crash: bool) -> None:
    store = Store.start(settings.database)
    provider, connect = (Crashing(), _broken) if crash else (Leaking(), _sound)
    daemon = Daemon(settings, store, clock=Clock(), outside=Outside(provider=provider, connect=connect))
    with signals(daemon):
        await daemon.run()
    store.close()


def main(mode: str, path: Path) -> None:
    """Run until SIGTERM."""
    settings = config.load(path, os.environ)
    crash = mode == "crash"
    log.hide(settings.secrets if crash else ())
    log.setup(level="debug", format=settings.log_format, stream=sys.stdout, environ=os.environ)
    asyncio.run(_live(settings, crash=crash))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
