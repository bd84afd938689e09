"""The daemon itself in a storm: many accounts run low at the same round of polls, it is killed, and a service fails."""

import re
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from lanes import Post, run, until
from live import Api, Run, settings
from live import until as wait_until
from receivers import Post as Taken
from receivers import Webhook
from world import parse

from monitor import messages
from monitor.model import Cause, Change, Level, Message
from monitor.store import outbox

NAMES = tuple(f"a{number}" for number in range(200))
LINE = re.compile(r"^\[(?:WARNING|CRITICAL)\] (a\d+): ")


def lines(posts: list[Taken]) -> list[str]:
    """Return a line for each change that was told."""
    return [line for post in posts for line in of(post.body["title"], post.body["message"])]


def of(title: str, body: str) -> list[str]:
    return [line for line in body.splitlines() if LINE.match(line)] or [title]


def named(posts: list[Taken]) -> Counter[str]:
    return Counter(found[1] for line in lines(posts) if (found := LINE.match(line)))


def sent(folder: Path) -> Counter[str]:
    """Return how many messages were written down as sent, by channel."""
    return count(folder, "sent")


def waiting(folder: Path) -> Counter[str]:
    return count(folder, "waiting")


def count(folder: Path, state: str) -> Counter[str]:
    (path,) = folder.rglob("monitor.db")
    query = "SELECT channel, count(*) FROM outbox WHERE state = ? GROUP BY channel"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as disk:
        return Counter(dict(disk.execute(query, (state,))))


@pytest.mark.slow
def test_two_hundred_accounts_that_run_low_at_once_are_a_handful_of_messages_over_a_kill_and_an_outage(
    tmp_path: Path,
) -> None:
    with Api() as api, Webhook() as well, Webhook() as ill:
        for name in NAMES:
            api.create(name, balance_usd=1000, spend_usd_per_hour=0, low_balance_alert=False)
        ill.status(500)
        with Run(tmp_path, settings(api, well.url, ill.url, accounts=NAMES)).start() as daemon:
            wait_until(lambda: all(api.requests(name) for name in NAMES), "a first poll of all")
            for name in NAMES:
                api.change(name, balance_usd=20)
            well.wait_posts(1, 20)
            wait_until(lambda: sent(tmp_path)["c0"] >= 1, "the first one written down")
            wait_until(lambda: waiting(tmp_path)["c0"] > 50, "many that are held")
            assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
            daemon.start()
            wait_until(lambda: len(ill.attempts) > 2, "some attempts at the one that fails", 40)
            ill.ok()
            wait_until(lambda: sent(tmp_path) == {"c0": 200, "c1": 200}, "everything", 80)
            assert daemon.stop() == 0
        assert named(well.posts) == Counter(NAMES)  # each in one line
        assert named(ill.posts) == Counter(NAMES)
        assert len(well.posts) <= 4
        assert len(ill.posts) <= 6
        assert " accounts: balance_usd (" in well.titles[1]


def test_a_lane_sends_the_first_at_once_and_the_others_together_through_a_real_service(tmp_path: Path) -> None:
    async def story(hook: Webhook) -> None:
        post = Post(tmp_path, speed=30, ops=hook.url)  # half a minute in a second
        accounts = "".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n' for name in NAMES)
        post.config = parse(tmp_path, accounts + f'[channels.ops]\nurl = "{hook.url}"\n')
        async with post.open():
            for name in NAMES:
                one = message(post, name)
                await post.store.do(lambda tx, one=one: outbox.queue(tx, [one]))  # type: ignore[misc]
                post.wake(["ops"])
                await until(lambda: len(hook.posts) > 0)
            await until(post.is_empty)
        assert named(hook.posts) == Counter(NAMES)
        assert hook.titles[0] == "[WARNING] a0: $20.00 left"
        assert len(hook.posts) <= 8  # a busy machine may take minutes of these to queue them
        assert hook.posts[1].at - hook.posts[0].at > 0.9
        post.store.close()

    with Webhook() as hook:
        run(story(hook))


def message(post: Post, account: str) -> Message:
    change = Change(
        alert="",
        account=account,
        rule="balance_usd",
        cause=Cause.RAISED,
        level=Level.WARNING,
        before=Level.OK,
        phrase="$20.00 left",
    )
    return Message(
        id=account,
        event=account,
        channel="ops",
        account=account,
        decided_at=post.clock.now(),
        severity=Level.WARNING,
        title=messages.title(change),
        body="Rule balance_usd: warning.",
        changes=(change,),
    )
