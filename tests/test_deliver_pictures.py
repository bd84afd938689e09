"""Messages with a picture: what each service gets, and that no picture ever costs or delays a message."""

import asyncio
import base64
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from lanes import Post, keep, run, until
from pixels import Pixels, read
from receivers import MailServer, Webhook
from test_chart import SCENES
from world import MAIN, World

from monitor.chart import NARROW, Chart, draw
from monitor.config import Channel
from monitor.deliver.pictures import Refusals, drawn, has_picture
from monitor.deliver.words import Parcel
from monitor.model import Cause, Change, Level, Message, NotSent, Outcome, Sent
from monitor.notify import Notifier
from monitor.picture import _apart, png
from monitor.store import Tx
from monitor.store.outbox import Queued

HOUR = timedelta(hours=1)
PNG = png(draw(SCENES["flat"], NARROW))


def fallen(folder: Path, channels: str, *, polls: Callable[[World], object] = lambda world: world.reads(4)) -> None:
    """Let a balance fall over three days up to now, and something happen then that is told."""
    world = World(folder, MAIN + "[rules.runway]\nenabled = false\n" + channels)
    world.now = datetime.now(UTC) - 72 * HOUR
    for hour in range(72):
        world.sees_balance(100 - hour, after=HOUR - timedelta(seconds=5))
    polls(world)
    world.close()


def opened(folder: Path, **texts: str) -> Post:
    """Open the store that such a balance is in, with lanes for these channels."""
    post = Post(folder, speed=100)
    post.config = post.channels(**texts)
    return post


async def deliver(folder: Path, holds: Callable[[], bool], **texts: str) -> None:
    """Deliver what waits until something holds."""
    post = opened(folder, **texts)
    async with post.open():
        await until(holds, 20)
    post.store.close()


def picture_of(post: Any) -> Pixels:
    (attached,) = post.body["attachments"]
    assert (attached["filename"], attached["mimetype"]) == ("main.png", "image/png")
    return read(base64.b64decode(attached["base64"]))


def attachments(message: EmailMessage) -> list[EmailMessage]:
    return list(message.iter_attachments())


# -- what arrives -----------------------------------------------------------------------------------------------------


def test_a_webhook_gets_the_picture_beside_the_text_and_a_mail_as_an_attachment(
    tmp_path: Path, webhook: Webhook, mail: MailServer
) -> None:
    mail.messages.clear()
    texts = {"hook": f'url = "{webhook.url}"\n', "mail": f'url = "{mail.url}"\n'}
    fallen(tmp_path, "".join(f"[channels.{name}]\n{text}" for name, text in texts.items()))

    run(deliver(tmp_path, lambda: bool(webhook.posts and mail.messages), **texts))
    for post in webhook.posts:
        found = picture_of(post)
        assert found.size == (720, 540)
    assert webhook.posts[-1].body["title"] == "[CRITICAL] main: $4.00 left (at or below $5.00)"
    for message in mail.messages:
        (attached,) = attachments(message)
        assert (attached.get_content_type(), attached.get_filename()) == ("image/png", "main.png")
        assert read(attached.get_content()).size == (720, 540)
        body = message.get_body(("plain",))
        assert body is not None
        assert "Balance: $4.00, read " in body.get_content()


@pytest.mark.parametrize("form", ["form", "xml"])
def test_plugins_that_open_a_path_get_the_picture_too(webhook: Webhook, form: str) -> None:
    outcome = Notifier(webhook.url.replace("json://", f"{form}://"), redact=keep).send(message(), PNG)
    assert outcome == Sent()
    (post,) = webhook.posts
    assert (PNG if form == "form" else base64.b64encode(PNG)[:40]) in post.body


def test_nothing_of_a_picture_stays_open_or_on_the_disk(
    webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notifier = Notifier(webhook.url, redact=keep)
    assert notifier.send(message(), PNG) == Sent()
    before = sorted(path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.is_symlink())
    assert notifier.send(message(), PNG) == Sent()
    after = [path.readlink().name for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [name for name in (*before, *after) if "main.png" in name]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "shows"),
    [
        ("json://localhost/", True),
        ("mailtos://user:pass@example.org?to=a@example.org", True),
        ("slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general", True),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", False),
        ("gotify://localhost/token", False),
        ("slack://nonsense", False),
    ],
)
def test_only_a_service_that_can_show_one_is_offered_a_picture(url: str, shows: bool) -> None:  # noqa: FBT001
    assert Notifier(url, redact=keep).shows_pictures is shows


# -- which messages have one ------------------------------------------------------------------------------------------


def change(account: str = "main", rule: str = "balance_usd") -> Change:
    return Change(
        alert="a1",
        account=account,
        rule=rule,
        cause=Cause.RAISED,
        level=Level.CRITICAL,
        before=Level.OK,
        phrase="$4.07 left",
    )


def message(*changes: Change, account: str = "main", name: str = "m1") -> Message:
    return Message(
        id=name,
        event="e1",
        channel="ops",
        account=account,
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
        severity=Level.CRITICAL,
        title="title",
        body="body",
        changes=changes,
    )


def parcel(what: Message, attempts: int = 0) -> Parcel:
    queued = Queued(
        what,
        state="waiting",
        attempts=attempts,
        waits_since=what.decided_at,
        first_attempt_at=None,
        aside_until=None,
        settled_at=None,
    )
    return Parcel(queued, (), what)


def channel(*, chart: bool = True) -> Channel:
    return Channel(name="ops", url=None, min_level=None, accounts=None, fallback=None, chart=chart)  # type: ignore[arg-type]


def test_a_message_about_one_account_that_rests_on_a_reading_has_one_at_its_first_attempt() -> None:
    assert has_picture(channel(), parcel(message(change())))
    assert has_picture(channel(), parcel(message(change(), change(rule="runway"))))
    assert has_picture(channel(), parcel(message(change(rule="unreachable"), change(rule="top_up"))))
    assert not has_picture(channel(chart=False), parcel(message(change())))
    assert not has_picture(channel(), parcel(message(change()), attempts=1))


@pytest.mark.parametrize(
    "what",
    [
        message(),
        message(change(), change(account="batch")),
        message(change(account="batch"), account="monitor"),
        message(change(rule="unreachable"), change(rule="refused")),
        message(change(rule="unreadable")),
    ],
)
def test_tests_digests_merged_ones_and_those_about_polls_have_none(what: Message) -> None:
    assert not has_picture(channel(), parcel(what))


@pytest.mark.parametrize(
    ("text", "polls"),
    [
        ("chart = false\n", lambda world: world.reads(4)),
        ("", lambda world: world.fails("refused", times=2)),
    ],
)
def test_a_channel_without_charts_and_messages_about_polls_get_the_text(
    tmp_path: Path, webhook: Webhook, text: str, polls: Callable[[World], object]
) -> None:
    texts = {"hook": f'url = "{webhook.url}"\n{text}min_level = "critical"\n'}
    fallen(tmp_path, f"[channels.hook]\n{texts['hook']}", polls=polls)
    run(deliver(tmp_path, lambda: bool(webhook.posts), **texts))
    assert [post.body["attachments"] for post in webhook.posts] == [[]]


def test_an_account_that_has_left_the_configuration_is_told_of_without_a_picture(
    tmp_path: Path, webhook: Webhook
) -> None:
    texts = {"hook": f'url = "{webhook.url}"\nmin_level = "critical"\n'}
    fallen(tmp_path, f"[channels.hook]\n{texts['hook']}")

    async def story() -> None:
        post = opened(tmp_path, **texts)
        post.config = replace(post.config, accounts={})
        async with post.open():
            await until(lambda: bool(webhook.posts), 20)
        post.store.close()

    run(story())
    assert [post.body["attachments"] for post in webhook.posts] == [[]]


# -- what goes wrong --------------------------------------------------------------------------------------------------


class Broken(tzinfo):
    """A zone that nobody can tell the time in."""

    def utcoffset(self, _when: datetime | None) -> timedelta:
        raise RuntimeError("planted")

    def dst(self, _when: datetime | None) -> None:
        return None

    def tzname(self, _when: datetime | None) -> str:
        return "BRK"


def test_a_picture_that_cannot_be_drawn_is_left_out() -> None:
    found = SCENES["flat"]
    broken = Chart(account="main", span=found.span, course=found.course, standing=found.standing, zone=Broken())
    assert drawn(None, message()) is None
    assert drawn(broken, message()) is None
    assert drawn(found, message()) == PNG


def test_even_a_rasteriser_that_crashes_costs_nothing_but_the_picture(
    tmp_path: Path, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "planted" / "resvg_py.py"
    package.parent.mkdir()
    package.write_text("import os\ndef svg_to_bytes(**_): os.abort()\n")
    monkeypatch.setenv("PYTHONPATH", f"{package.parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    _apart.cache_clear()
    texts = {"hook": f'url = "{webhook.url}"\nmin_level = "critical"\n'}
    fallen(tmp_path, f"[channels.hook]\n{texts['hook']}")

    run(deliver(tmp_path, lambda: bool(webhook.posts), **texts))
    assert [post.body["attachments"] for post in webhook.attempts] == [[]]  # at once: at the first attempt


def test_what_cannot_be_read_for_a_picture_costs_nothing_but_the_picture(tmp_path: Path, webhook: Webhook) -> None:
    texts = {"hook": f'url = "{webhook.url}"\nmin_level = "critical"\n'}
    fallen(tmp_path, f"[channels.hook]\n{texts['hook']}")

    async def story() -> None:
        post = opened(tmp_path, **texts)
        post.broken("FROM readings")
        async with post.open():
            await until(lambda: bool(webhook.posts), 20)
        post.mended("FROM readings")
        post.store.close()

    run(story())
    assert [one.body["attachments"] for one in webhook.attempts] == [[]]


def test_a_service_that_refuses_the_picture_gets_the_text_at_the_next_attempt(tmp_path: Path, webhook: Webhook) -> None:
    texts = {"hook": f'url = "{webhook.url}"\nmin_level = "critical"\n'}
    fallen(tmp_path, f"[channels.hook]\n{texts['hook']}")
    webhook.status(413, b"too large")

    async def story() -> None:
        post = opened(tmp_path, **texts)
        async with post.open():
            await until(lambda: bool(webhook.attempts), 20)
            webhook.ok()
            await until(lambda: bool(webhook.posts), 20)
        post.store.close()

    run(story())
    first, *_, last = webhook.attempts
    assert len(first.body["attachments"]) == 1
    assert (last.answer, last.body["attachments"]) == (200, [])
    assert last.body["title"] == first.body["title"]


def test_a_service_that_refuses_pictures_again_and_again_is_no_longer_offered_any() -> None:
    refusals = Refusals()
    no: Outcome = NotSent("HTTP 413")
    for name in ("m1", "m2"):
        assert not refusals.are_many
        assert refusals.heard(message(name=name), no, pictured=True) == no
        assert refusals.heard(message(name=name), no, pictured=False) == no
        assert refusals.heard(message(name=name), Sent(), pictured=False) == Sent()
    assert refusals.are_many


def test_a_service_that_was_away_for_a_moment_is_still_offered_pictures() -> None:
    refusals = Refusals()
    for name in ("m1", "m2", "m3"):
        refusals.heard(message(name=name), NotSent("no answer in time"), pictured=True)
        refusals.heard(message(name=name), Sent(), pictured=False)
        refusals.heard(message(name="other"), Sent(), pictured=False)
        refusals.heard(message(name="next"), Sent(), pictured=True)
    assert not refusals.are_many


def test_pictures_are_drawn_in_the_channels_own_thread_while_the_loop_goes_on(tmp_path: Path) -> None:
    texts = {"hook": 'url = "json://localhost/"\nmin_level = "critical"\n'}
    fallen(tmp_path, f"[channels.hook]\n{texts['hook']}")

    class Slow:
        """A sender that shows pictures, and holds up whoever asks it."""

        shows_pictures = True

        def __init__(self) -> None:
            self.thread, self.pictures, self.gate = "", list[bytes | None](), threading.Event()

        def send(self, _message: Message, picture: bytes | None = None) -> Outcome:
            self.thread = threading.current_thread().name
            self.pictures.append(picture)
            self.gate.wait(20)
            return Sent()

    async def story() -> None:
        slow = Slow()
        post = opened(tmp_path, **texts)
        post.connect = lambda _: slow
        async with post.open():
            await until(lambda: bool(slow.pictures), 20)
            await asyncio.wait_for(post.store.do(_nothing), 5)  # the loop and the disk go on
            slow.gate.set()
            await until(post.is_empty, 20)
        post.store.close()
        assert slow.thread == "channel-hook"
        assert slow.pictures[0] is not None
        assert read(slow.pictures[0]).size == (720, 540)

    run(story())


def _nothing(_tx: Tx) -> None:
    """Do nothing."""
