"""Fifty dead channels and a live one: the threads, descriptors and memory of the daemon, and the live one's delay."""

import itertools
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from receivers import Webhook
from shell import Api
from soak.run import Manner, samples, subject
from soak.slopes import Sample

from faults import rogue
from faults.rogue import Rogue
from faults.targets import PATIENCE

EACH = 10
"""Channels of each of the five kinds of death."""
DEAD = 5 * EACH
SPEED = 40.0
"""Of the daemon's clock: the longest back-off, a quarter of an hour, is 22 s. No two pictures are the same then."""
USUAL = 2.0
MOST = 15.0
"""Seconds until the live channel hears; most at the first alert, for which all of them load what they need."""
MOST_THREADS = 3 * (DEAD + 1) + 12
"""Of a channel one that sends and two that hang; the rest is the daemon's own: disk, pulse, names looked up."""
MOST_DESCRIPTORS = 2 * MOST_THREADS + 40
"""A hanging send has a socket; the rest is the daemon's own."""
MOST_MEMORY = 24 * 2**20
"""What the second half may bring, messages that wait included."""
_LEVELS = itertools.cycle([("20", "WARNING"), ("4", "CRITICAL")])


@dataclass(frozen=True)
class Crowd:
    """What came of it."""

    samples: list[Sample]
    delays: list[float]
    """Real seconds from a change to the live channel, a poll's interval included."""
    attempts: int
    """Sends that failed."""
    waiting: int

    @property
    def threads(self) -> int:
        """The most that there were."""
        return max(sample.threads for sample in self.samples)

    @property
    def descriptors(self) -> int:
        """The most that there were."""
        return max(sample.descriptors for sample in self.samples)

    def rss(self, part: slice) -> int:
        """Return the least memory within a part of the samples."""
        return min(sample.rss for sample in self.samples[part])

    @property
    def growth(self) -> int:
        """What the second half brought, floor against floor."""
        half, quarter = len(self.samples) // 2, max(len(self.samples) // 4, 1)
        return self.rss(slice(-quarter, None)) - self.rss(slice(half - quarter, half))


def meet(folder: Path, seconds: float) -> Crowd:
    """Let a daemon live with them for so long."""
    with Api() as api, Webhook() as live, _dead() as urls:
        api.change(balance_usd=90, alert_threshold=0, low_balance_alert=False)
        channels = [f'[channels.{name}]\nurl = "{url}"\n' for name, url in {**urls, "live": live.url}.items()]
        head = f'database = "sqlite:///{folder}/monitor.db"\ninterval = "5s"\n'
        (folder / "config.toml").write_text(head + api.settings("".join(channels)))
        manner = Manner(polls=0, speed=SPEED, every=0.5, deadline=PATIENCE.send)
        with subject(folder, manner) as process:
            delays, stopped = list[float](), threading.Event()
            changes = threading.Thread(target=_change, args=(api, live, delays, stopped), daemon=True)
            found = list[Sample]()
            for sample in samples(process):
                if not found:
                    changes.start()
                found.append(sample)
                if sample.seconds > seconds:
                    break
            stopped.set()
            changes.join(20)
            process.terminate()
            process.communicate(timeout=30)
    return Crowd(found, delays, *_counts(folder / "monitor.db"))


@contextmanager
def _dead() -> Iterator[dict[str, str]]:
    """Yield the URLs of channels that are dead, each in its way."""
    with ExitStack() as all_of_them:
        hangs, broken, gone = (all_of_them.enter_context(Webhook()) for _ in range(3))
        hangs.hang()
        broken.status(500, b"out of order")
        gone.refuse()
        dripping = _free_port()
        all_of_them.enter_context(Rogue(dripping, rogue.drip))
        ports = {"hangs": hangs.port, "broken": broken.port, "gone": gone.port, "drips": dripping}
        places = {kind: f"127.0.0.1:{port}" for kind, port in ports.items()} | {"nameless": "desk.invalid"}
        yield {
            f"{kind}_{number}": f"json://{place}/{number}?{PATIENCE.options}"
            for kind, place in places.items()
            for number in range(EACH)
        }


def _free_port() -> int:
    with Webhook() as held:
        return held.port


def _change(api: Api, live: Webhook, delays: list[float], stopped: threading.Event) -> None:
    """Let an account get better and worse all the time."""
    for balance, level in _LEVELS:
        before, began = len(live.posts), time.monotonic()
        api.change(balance_usd=balance)
        while not (news := [one for one in live.posts[before:] if _tells(one.body, level)]):
            if stopped.wait(0.005) or time.monotonic() - began > 20:  # a hole in the delays would not be seen
                delays.append(time.monotonic() - began)
                return
        delays.append(news[0].at - began)
        if stopped.wait(0.2):
            return


def _tells(body: dict[str, str], level: str) -> bool:
    """Say whether a message tells of it, be it among other things."""
    return any(line.startswith(f"[{level}] main:") for line in [body["title"], *body["message"].splitlines()])


def _counts(database: Path) -> tuple[int, int]:
    """Return how many attempts failed, and how many messages wait."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as disk:
        (failed,) = disk.execute("SELECT count(*) FROM deliveries WHERE error IS NOT NULL").fetchone()
        (waiting,) = disk.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()
    return int(failed), int(waiting)


def wrong(crowd: Crowd) -> list[str]:
    """Say what is not as promised."""
    found = {
        f"{crowd.threads} threads": crowd.threads > MOST_THREADS,
        f"{crowd.descriptors} descriptors": crowd.descriptors > MOST_DESCRIPTORS,
        f"{crowd.growth} bytes more memory": crowd.growth > MOST_MEMORY,
        f"the live channel was told after {crowd.delays} s": median(crowd.delays) > USUAL or max(crowd.delays) > MOST,
    }
    return [what for what, is_so in found.items() if is_so]


def report(crowd: Crowd) -> list[str]:
    """Write down the figures."""
    first, last, mib = crowd.samples[0], crowd.samples[-1], 2**20
    return [
        f"{DEAD} dead channels ({EACH} each that hang, drip, refuse, answer 500 or have no name) and a live one",
        f"{last.seconds:.0f} s at {SPEED:g} times the speed",
        f"{crowd.attempts:,} attempts failed, {crowd.waiting:,} messages wait",
        f"threads: {first.threads} at the start, at most {crowd.threads} (bound {MOST_THREADS})",
        f"descriptors: {first.descriptors} at the start, at most {crowd.descriptors} (bound {MOST_DESCRIPTORS})",
        f"memory: {first.rss / mib:.1f} MiB at the start, {last.rss / mib:.1f} MiB at the end",
        f"memory, second half: {crowd.growth / mib:+.1f} MiB (bound {MOST_MEMORY / mib:g})",
        f"live channel: {len(crowd.delays)} changes, told after {median(crowd.delays):.2f} s (bound {USUAL:g})",
        f"live channel, at most: {max(crowd.delays):.2f} s (bound {MOST:g})",
    ]
