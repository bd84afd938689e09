"""What users get who write nothing but a URL: the real program, nothing scaled, one service slow and one hanging."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from live import Api, Run, settings
from receivers import Webhook

from faults import rogue
from faults.rogue import Rogue
from monitor.notify import PATIENCE

SLOW = 30.0
MOST = 5.0
"""Seconds of a live channel's send, on a busy machine: its first loads what it needs."""
TITLE = "[WARNING] main: $20.00 left (at or below $25.00)"


@dataclass(frozen=True)
class Met:
    """What the log says, and how often the slow one was told."""

    delivered: dict[str, Any]
    """The channel that was slow."""
    failing: dict[str, Any]
    """The channel that hangs."""
    live: float
    """Seconds of the live channel's send."""
    told: int


def meet(folder: Path) -> Met:
    """Send to a service that answers after 30 s, to one that never does, and to one that is well."""
    with Api() as api, Webhook() as slow, Webhook() as hanging, Webhook() as live:
        api.change(balance_usd=20, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        slow.refuse()
        hanging.hang()
        urls = (slow.url, hanging.url, live.url)
        with Rogue(slow.port, rogue.slow(SLOW)) as late, Run(folder, settings(api, *urls)) as run:
            run.start()
            (first,) = live.wait_posts(1, 30)
            failing = run.wait_event("channel_failing", seconds=90)
            delivered = {event["channel"]: event for event in run.events("delivered")}
            run.stop()
            told = [post.body["title"] for post in late.taken].count(TITLE)
    assert first.body["title"] == TITLE
    return Met(delivered.get("c0", {}), failing, delivered["c2"]["seconds"], told)


def report(met: Met) -> Sequence[str]:
    """Write down the figures."""
    return [
        "default URLs, nothing scaled:",
        f"a service that answers after {SLOW:g} s: attempt {met.delivered.get('attempt')}, told {met.told} time(s)",
        f"one that hangs: {met.failing['error']} (after {met.failing['seconds']:.0f} s)",
        f"the live one: told in {met.live:.2f} s",
    ]


def wrong(met: Met) -> Sequence[str]:
    """Say what is not as promised."""
    found = {
        f"the slow one was told {met.told} times": met.told != 1 or met.delivered.get("attempt") != 1,
        f"of the one that hangs: {met.failing['error']}": met.failing["error"] != f"no answer within {PATIENCE:g} s",
        f"the live one was told in {met.live} s": met.live > MOST,
    }
    return [what for what, is_so in found.items() if is_so]
