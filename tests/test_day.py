"""What people read of an account's day at each receiver: sent by the real daemon, and correct to the character."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from day import RAISED, Stage, check_day, low, staged
from internet import Answer
from places import PLACES, Place, Played


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with closing(PLACES[request.param]()) as found:
        yield found


def test_a_day_is_read_to_the_character(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_day(place, tmp_path, monkeypatch)


HEADER = (timedelta(seconds=90),) * 2
"""What the header asks for."""


@pytest.mark.parametrize(
    ("name", "answer", "pause"),
    [
        ("Slack webhook", "rate_limited", HEADER),
        ("Slack bot", {"ok": False, "error": "ratelimited"}, HEADER),
        ("Telegram", {"ok": False, "parameters": {"retry_after": 90}}, (timedelta(seconds=90),) * 2),
        ("Discord", {"message": "You are being rate limited.", "retry_after": 64.5}, (timedelta(seconds=64.5),) * 2),
        ("PagerDuty", {"status": "throttle exceeded"}, HEADER),
        ("Opsgenie", {"message": "You are making too many requests!"}, HEADER),
    ],
)
def test_a_service_that_is_asked_too_often_is_left_alone_for_a_while_and_then_told(
    name: str,
    answer: object,
    pause: tuple[timedelta, timedelta],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(stage: Stage) -> timedelta:
        async with stage.daemon():
            await low(stage)
            why = await stage.fails(times=1)
            assert why is not None
            assert why.startswith("HTTP 429 Too Many Requests")
            until = (await stage.health()).next_attempt_at
            assert until is not None
            asked = until - stage.clock.time
            stage.clock.time = until
            await stage.told(1)
            return asked

    with closing(PLACES[name]()) as place, staged(place, tmp_path, monkeypatch) as stage:
        assert isinstance(place, Played)
        # Apprise itself asks Discord a second time, at once.
        place.vendor.busy(Answer(429, answer, {"Retry-After": "90"}), times=2 if name == "Discord" else 1)
        assert pause[0] <= asyncio.run(story(stage)) <= pause[1]
        (told,) = place.read()
        assert (told.title, told.body) == (RAISED.title, RAISED.body)
