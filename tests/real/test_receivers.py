"""What people read of an account's day at servers as Debian ships them: sent by the real daemon, to the character."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from day import MINUTE, RAISED, Stage, check_day, low, staged
from places import Place, Told
from shell import run
from test_vendors import DIGEST

from monitor.model import NotSent, Outcome, Sent
from monitor.notify import Notifier
from real.servers import PASSWORD, USER, Mosquitto, Ntfy, Postfix

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
SERVERS: dict[str, Callable[[], Place]] = {"postfix": Postfix, "mosquitto": Mosquitto, "ntfy": Ntfy}
REFUSED = "authentication failed: Not authorized"


@pytest.mark.parametrize("server", SERVERS)
def test_a_day_is_read_to_the_character(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(SERVERS[server]()) as place:
        check_day(place, tmp_path, monkeypatch)


def send(url: str, **changes: str) -> Outcome:
    return Notifier(url, redact=str).send(replace(DIGEST, **changes))  # type: ignore[arg-type]


def test_a_broker_that_refuses_the_login_says_so_and_gets_the_message_once_when_it_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(stage: Stage, broker: Mosquitto) -> None:
        async with stage.daemon():
            await low(stage)
            assert await stage.fails(times=3) == REFUSED
            broker.admit(USER, PASSWORD)
            stage.clock.time += MINUTE
            await stage.told(1)

    with closing(Mosquitto()) as broker, staged(broker, tmp_path, monkeypatch) as stage:
        broker.admit(USER, "another-password")
        assert run("channels", "test").stdout == f"ops: not delivered: {REFUSED}\n"
        asyncio.run(story(stage, broker))
        assert REFUSED in run("status").stdout
        assert run("channels", "test").stdout == "ops: delivered\n"
        broker.wait(2)
        assert broker.read()[0] == Told(RAISED.title, RAISED.body)
        assert (
            broker.read()[1].title == "[TEST] ops: this is what an alert looks like"
        )  # none of the attempts came between


def test_ntfy_makes_no_file_of_a_long_message_and_says_whom_it_does_not_let_in() -> None:
    lines = [f"account_{number}: $4.07 left, lasts about 9 hours (6 to 14)" for number in range(100)]
    with closing(Ntfy()) as server:
        assert send(server.url, body="\n".join(lines)) == Sent()
        told = server.read()
        assert [line for one in told for line in one.body.split("\n")] == lines
        assert all(one.title.startswith(DIGEST.title) for one in told)
        assert send(server.url.replace(PASSWORD, "wrong-password")) == NotSent("unauthorized")
        assert send(server.url.replace(f"{USER}:{PASSWORD}@", "")) == NotSent("forbidden")
