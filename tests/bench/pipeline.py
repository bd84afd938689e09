"""(a) A poll through the whole pipeline against the least that any poll must do."""

import asyncio
import json
from pathlib import Path

import httpx
from live import Api, settings

from bench.blocks import compare
from bench.figure import Figure
from bench.ground import daemon_on, scale

_STEADY: tuple[str, dict[str, str]] = ("the balance stays", {})
_CHANGING = ("the balance changes", {"balance_usd": "900000", "spend_usd_per_hour": "3600000"})


def measure(folder: Path) -> list[Figure]:
    """Compare a poll of the daemon with a bare GET of the same answer, both over one reused connection each."""
    with Api() as api:
        found = []
        for what, changes in (_STEADY, _CHANGING):
            api.change(**changes)
            found += _measure(folder / what.replace(" ", "_"), api, what)
    return found


def _measure(folder: Path, api: Api, what: str) -> list[Figure]:
    poll, bare, ratio = asyncio.run(_compare(folder, api))
    return [
        Figure("a", f"CPU of a poll over a bare GET, {what}", ratio, "x", bound=2.0, goal=1.5),
        Figure("a", "  a poll, from the request to the commit", poll * 1000, "ms"),
        Figure("a", "  a bare httpx GET and json.loads", bare * 1000, "ms"),
    ]


async def _compare(folder: Path, api: Api) -> tuple[float, float, float]:
    url, headers = f"{api.address}/api/account/balance", {"x-api-key": api.keys["main"]}
    async with daemon_on(folder, settings(api)) as daemon, httpx.AsyncClient() as client:

        async def bare() -> None:
            json.loads((await client.get(url, headers=headers)).content)

        return await compare(lambda: daemon._polls.tick("main"), bare, blocks=scale(40, 4), size=scale(100, 10))
