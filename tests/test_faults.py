"""Whatever the API does wrong: the right kind of failure, nothing said about the balance, and a sentence for people."""

import asyncio
from collections.abc import Callable

import pytest
from world import World

from monitor.model import Failure, Kind, Seen
from monitor.provider import Legnext
from monitor.simulator import Account, Simulator

REFUSED = ["refused_key", "status:401", "status:402", "status:403", "code:401", "code:402", "code:403"]
UNREADABLE = [
    *(f"status:{status}" for status in (400, 404, 405, 406, 407, 408, 409, 410, 413, 415, 418, 422, 426, 451)),
    *(f"code:{code}" for code in (0, 201, 400, 404, 422, 999)),
    *("error_shape", "html", "empty", "null", "nan", "text", "missing", "cut", "huge", "gzip_bomb", "redirect"),
]
UNREACHABLE = [
    *(f"status:{status}" for status in (429, 500, 501, 502, 503, 504, 520, 599)),
    *("code:429", "code:500", "code:503", "retry_after:30", "truncated", "drip", "slow:5", "hang", "reset", "close"),
]
FAULTS = (
    dict.fromkeys(REFUSED, Kind.REFUSED)
    | dict.fromkeys(UNREADABLE, Kind.UNREADABLE)
    | dict.fromkeys(UNREACHABLE, Kind.UNREACHABLE)
)


async def _ask(fault: str) -> Seen:
    simulator = Simulator([Account(name="main", balance_usd="4.07", fault=fault)])
    provider = Legnext(pauses=(0.01, 0.01))
    async with simulator.serve() as address:
        try:
            return await provider.observe(api_key=simulator.keys["main"], base_url=address, timeout=1.0)
        finally:
            await provider.aclose()


@pytest.mark.parametrize(("fault", "kind"), FAULTS.items())
def test_a_fault_is_a_failure_of_its_kind_that_says_nothing_about_the_balance(
    fault: str, kind: Kind, worlds: Callable[..., World]
) -> None:
    seen = asyncio.run(_ask(fault))
    assert isinstance(seen, Failure)
    assert seen.kind is kind
    assert 0 < len(seen.reason) <= 160
    assert seen.reason.isprintable()
    assert "simulated-main" not in seen.reason
    for balance in (100, 4):
        world = worlds()
        world.reads(balance)
        world.heard()
        for _ in range(30):
            world.sees(seen)
        world.reads(balance)
        said = [change.rule for message in world.heard() for change in message.changes]
        assert said
        assert "balance_usd" not in said  # neither raised, nor resolved, nor told anew
