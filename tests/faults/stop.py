"""The real program is stopped while twenty sends hang, and started again when the services are well."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from live import Api, Run, settings, until
from receivers import Webhook

from faults import rogue
from faults.rogue import Rogue

COUNT = 20
MOST = 8.0
"""Seconds for a stop, as promised."""
TITLE = "[WARNING] main: $20.00 left (at or below $25.00)"


@dataclass(frozen=True)
class Stopped:
    """What came of it."""

    seconds: float
    """From SIGTERM to the end of the process."""
    code: int
    lost: list[int]
    """Channels that never heard."""
    repeats: int
    """What came again, since nobody could know that it had been read before the stop."""


def stop(folder: Path, how: str) -> Stopped:
    """Stop a daemon whose sends all ``hang`` or ``drip``, and look what became of them after the next start."""
    with Api() as api, Webhook() as hook, ExitStack() as ill:
        api.change(balance_usd=20, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        before = ill.enter_context(_struck(hook, how))
        urls = [f"{hook.url}/{number}" for number in range(COUNT)]
        with Run(folder, settings(api, *urls)) as run:
            run.start()
            until(lambda: len(before()) >= COUNT, "a send of each channel", 40)
            began = time.monotonic()
            code = run.stop(seconds=60)
            seconds = time.monotonic() - began
            read = before()
            ill.close()
            run.start()
            until(lambda: len(run.events("delivered")) >= COUNT, "all of them", 60)
            run.stop()
    heard = {int(post.path.rsplit("/", 1)[1].partition("?")[0]) for post in hook.posts if post.body["title"] == TITLE}
    return Stopped(seconds, code, sorted(set(range(COUNT)) - heard), len(read) + len(hook.posts) - COUNT)


@contextmanager
def _struck(hook: Webhook, how: str) -> Iterator[Callable[[], list[str]]]:
    """Let all sends hang or drip; yields what says whose have been read."""
    if how == "hang":
        hook.hang()
        yield lambda: [post.path for post in hook.attempts if post.answer == 0]
        hook.ok()
    else:
        hook.refuse()
        with Rogue(hook.port, rogue.drip) as dripping:
            yield lambda: [post.path for post in dripping.taken]
        hook.ok()


def impatient(folder: Path) -> int:
    """Stop a daemon with a hanging send by one SIGTERM after another, the last while the interpreter joins its threads.

    Returns its exit code.
    """
    with Api() as api, Webhook() as hook:
        api.change(balance_usd=20)
        hook.hang()
        with Run(folder, settings(api, hook.url)) as run:
            run.start()
            hook.wait_attempts(1, 20)
            while (code := run.ended(0.002)) is None:
                with contextlib.suppress(ProcessLookupError):
                    run.send(signal.SIGTERM)
            return code


def report(stopped: Stopped, how: str) -> str:
    """Write down the figures."""
    lost = f"{len(stopped.lost)} lost" if stopped.lost else "nothing lost"
    return (
        f"SIGTERM while {COUNT} sends {how}: exit {stopped.code} after {stopped.seconds:.1f} s (bound {MOST:g});\n"
        f"after the next start {lost}, {stopped.repeats} repeats of {COUNT} that had been read"
    )
