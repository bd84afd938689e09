"""(c) From the low answer to the message: a crowd of accounts falls one by one, each heard by a webhook of its own."""

import statistics
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from live import Api, Run, until
from receivers import Webhook

from bench.figure import Figure
from bench.ground import Request, requests, scale

_COUNT = scale(200, 5)
_PAUSE = 0.25


def measure(folder: Path) -> list[Figure]:
    """Say how long it takes from the answer that is low to the message at a local webhook.

    Each account has a channel of its own, so that no message waits for another and none are merged.
    """
    times = _times(folder / "text", chart=False)
    middle, most = statistics.median(times), statistics.quantiles(times, n=100)[98]
    pictured = statistics.median(_times(folder / "pictures", chart=True))
    return [
        Figure("c", f"99 % of {len(times)} messages are there after", most * 1000, "ms", bound=250, goal=100),
        Figure("c", "  half of them after", middle * 1000, "ms"),
        Figure("c", "  half of those with a picture after", pictured * 1000, "ms"),
    ]


def _times(folder: Path, *, chart: bool) -> list[float]:
    folder.mkdir()
    scenario = folder / "falling.toml"
    scenario.write_text(f"[accounts.some]\ncopies = {_COUNT}\nbalance_usd = 100\n")
    with Api(str(scenario)) as api, Webhook() as webhook:
        text = _settings(api, webhook.port, chart=chart)
        with Run(folder, text) as run:
            run.start()
            return _fall(api, webhook)


def _fall(api: Api, webhook: Webhook) -> list[float]:
    for name in api.keys:
        until(lambda name=name: api.requests(name) > 0, f"the first poll of {name}", 60)  # type: ignore[misc]
    time.sleep(scale(10, 2))  # every channel has loaded what it needs
    fell, asked = _let_fall(api)
    webhook.wait_posts(_COUNT, timeout=60)
    asked |= set(requests(api))
    return [_since(name, fell[name], at, asked) for name, at in _arrivals(webhook).items()]


def _let_fall(api: Api) -> tuple[dict[str, float], set[Request]]:
    """Let one account fall after the other; return when, and the polls meanwhile (the log forgets)."""
    fell, asked = {}, set[Request]()
    for place, name in enumerate(api.keys):
        api.change(name, balance_usd="1")
        fell[name] = time.time()
        time.sleep(_PAUSE)
        if place % 20 == 0:
            asked |= set(requests(api))
    return fell, asked


def _settings(api: Api, port: int, *, chart: bool) -> str:
    parts = ['interval = "5s"\n']
    for name, key in api.keys.items():
        parts.append(f'[accounts.{name}]\napi_key = "{key}"\nbase_url = "{api.address}"\n')
        parts.append(f'[channels.{name}]\nurl = "json://127.0.0.1:{port}/{name}"\naccounts = ["{name}"]\n')
        parts.append(f"chart = {str(chart).lower()}\n")
    return "".join(parts)


def _arrivals(webhook: Webhook) -> Mapping[str, float]:
    """Return when the first message of each account was there, by the wall clock."""
    wall = time.time() - time.monotonic()
    return {post.path.strip("/"): post.at + wall for post in reversed(webhook.posts)}


def _since(name: str, fell: float, arrived: float, asked: Iterable[Request]) -> float:
    """Count from the first answer after the fall; or the last before the message, if they came at the same moment."""
    times = sorted(one.at for one in asked if one.account == name and one.at <= arrived)
    return arrived - next((at for at in times if at >= fell), times[-1])
