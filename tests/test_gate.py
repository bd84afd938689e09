"""A gate lets so many pass at once, and nobody blocks it."""

import asyncio

import pytest

from monitor.gate import Gate


class Crowd:
    """People who go through a gate, and stay there until they are told to leave."""

    def __init__(self, places: int, seconds: float) -> None:
        self.gate, self.inside, self.most = Gate(places, seconds=seconds), 0, 0
        self.leave = asyncio.Event()
        self.entered = asyncio.Semaphore(0)

    async def go(self) -> None:
        async with self.gate.place():
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.entered.release()
            await self.leave.wait()
            self.inside -= 1


def test_so_many_pass_at_once_and_the_others_when_they_have_left() -> None:
    async def run() -> None:
        crowd = Crowd(3, seconds=3600)
        people = [asyncio.ensure_future(crowd.go()) for _ in range(10)]
        for _ in range(3):
            await crowd.entered.acquire()
        await asyncio.sleep(0.05)
        assert crowd.inside == 3
        crowd.leave.set()
        await asyncio.gather(*people)
        assert crowd.most == 3

    asyncio.run(run())


def test_who_stays_for_long_keeps_nobody_out_and_opens_no_second_place_when_leaving() -> None:
    async def run() -> None:
        crowd = Crowd(1, seconds=0.01)
        people = [asyncio.ensure_future(crowd.go()) for _ in range(5)]
        for _ in range(5):
            await crowd.entered.acquire()
        assert crowd.most == 5
        crowd.leave.set()
        await asyncio.gather(*people)
        later = Crowd(1, seconds=3600)
        later.gate._places = crowd.gate._places
        people = [asyncio.ensure_future(later.go()) for _ in range(2)]
        await later.entered.acquire()
        await asyncio.sleep(0.05)
        assert later.inside == 1
        later.leave.set()
        await asyncio.gather(*people)

    asyncio.run(run())


def test_a_place_is_given_back_whatever_went_wrong() -> None:
    async def run() -> None:
        gate = Gate(1, seconds=3600)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                async with gate.place():
                    1 / 0  # noqa: B018 - any mistake
        async with asyncio.timeout(5), gate.place():
            pass

    asyncio.run(run())
