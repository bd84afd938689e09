"""Two things that cost CPU, compared fairly: in turns, in blocks, by the median of the ratios."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

Step = Callable[[], Awaitable[object]]


async def cost(step: Step, times: int) -> float:
    """Return the CPU seconds of this process, all its threads included, for one step."""
    before = time.process_time()
    for _ in range(times):
        await step()
    return (time.process_time() - before) / times


async def compare(one: Step, other: Step, *, blocks: int, size: int) -> tuple[float, float, float]:
    """Return the median cost of each in seconds, and the median of their ratios block by block.

    What the machine does meanwhile (its clock, its other guests) then changes both alike.
    """
    await cost(one, size)
    await cost(other, size)
    pairs = [(await _turn(one, size), await _turn(other, size)) for _ in range(blocks)]
    ratio = statistics.median(first / second for first, second in pairs)
    first, second = (statistics.median(each) for each in zip(*pairs, strict=True))
    return first, second, ratio


async def _turn(step: Step, size: int) -> float:
    await asyncio.sleep(0)
    return await cost(step, size)
