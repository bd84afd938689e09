"""Who hears of it: webhooks that flap, and what each was told by which life of the daemon."""

import random
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from receivers import Post, Webhook

from monitor.model import Level

MODES = ("ok", "ok", "ok", "slow", "slow", "error", "hang", "refuse")
_LINE = re.compile(r"\[(OK|WARNING|CRITICAL)\] (\w+): \$([\d,.]+) left")


@dataclass(frozen=True, slots=True)
class News:
    """A level that an account came to, at a balance that it has never had before or since."""

    account: str
    level: Level
    balance: Decimal

    def __str__(self) -> str:
        return f"{self.account} {self.level.word} at ${self.balance}"


@dataclass(frozen=True, slots=True)
class Heard:
    """One message that a service took."""

    life: int
    news: tuple[News, ...]


class Inbox(Webhook):
    """One channel's service; the life that sends says its number in a header."""

    def __init__(self, name: str, heard: Callable[[], None]) -> None:
        super().__init__(self._notice)
        self.name = name
        self.heard: list[Heard] = []
        self.known: set[News] = set()
        self.killer: Callable[[int, str], bool] | None = None
        """Called with the life and the title while a message is being taken: true, if it ended the sender."""
        self._tell = heard
        self._slow = 0.0

    def url_for(self, life: int) -> str:
        """Its Apprise URL for one life."""
        return f"{self.url}?+X-Life={life}"

    def turn(self, mode: str) -> None:
        """Become well, slow or ill."""
        self._slow = 0.1 if mode == "slow" else 0.0
        match mode:
            case "error":
                self.status(500)
            case "hang":
                self.hang()
            case "refuse":
                self.refuse()
            case _:
                self.ok()

    def _notice(self, post: Post) -> None:
        if post.answer != 200 or not isinstance(post.body, dict):
            return  # not taken, or cut off in the middle: no service takes half a message
        news = news_of(post.body["title"], post.body["message"])
        life, killer = int(post.headers["X-Life"]), self.killer
        self.heard.append(Heard(life, news))
        self.known.update(news)
        self._tell()
        if killer is not None and killer(life, post.body["title"]):
            return
        threading.Event().wait(self._slow)


def news_of(title: str, body: str) -> tuple[News, ...]:
    """Return what a message says of balances: a line for each change if it stands for several, else its title."""
    body = body.partition("In order:\n")[2] or body
    lines = [line for line in body.splitlines() if _LINE.match(line)] or [title]
    found = [match for line in lines if (match := _LINE.match(line))]
    return tuple(News(one[2], Level[one[1]], Decimal(one[3].replace(",", "").rstrip("."))) for one in found)


class Flapping:
    """Lets services go from well to ill and back, each in its own rhythm, until stopped."""

    def __init__(self, inboxes: Sequence[Inbox], seed: int) -> None:
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._flap, args=(inbox, random.Random(f"{seed} {inbox.name}")), daemon=True)  # noqa: S311 - a rhythm
            for inbox in inboxes
        ]
        for thread in self._threads:
            thread.start()

    def _flap(self, inbox: Inbox, chance: random.Random) -> None:
        while not self._stopped.is_set():
            inbox.turn(chance.choice(MODES))
            self._stopped.wait(chance.uniform(0.05, 0.35))
        inbox.turn("ok")

    def stop(self) -> None:
        """Leave every service well."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()
