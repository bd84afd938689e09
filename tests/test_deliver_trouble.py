"""Lanes go on whatever we ourselves or the configuration do wrong; fallbacks hear of it at once."""

import asyncio
import logging
import time
from datetime import timedelta
from pathlib import Path

import pytest
from lanes import Post, Service, notifier, run, threads, until
from receivers import Webhook

from monitor.config import Channel
from monitor.deliver import Sender, Shared
from monitor.model import Message, Outcome
from monitor.store import outbox

# -- trouble of our own -----------------------------------------------------------------------------------------------


def test_a_lane_goes_on_after_a_mistake_of_ours_in_the_database(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(hook: Webhook) -> None:
        post = Post(tmp_path, speed=40, ops=hook.url)
        async with post.open():
            post.broken("channels")
            await post.put()
            await until(lambda: "lane_failed" in caplog.text)
            assert hook.titles == []
            post.mended("channels")
            await until(post.is_empty)
            assert hook.titles == ["message 1"]
        post.store.close()

    with Webhook() as hook, caplog.at_level(logging.ERROR):
        run(story(hook))


def test_stopping_does_not_wait_for_a_lane_that_waits_for_the_database_to_recover(tmp_path: Path) -> None:
    async def story() -> None:
        post = Post(tmp_path, ops="json://localhost/ops")
        post.broken("channels")
        async with post.open():
            await asyncio.sleep(0.1)
            begun = time.monotonic()
            await post.lanes["ops"].stop(5)
            assert time.monotonic() - begun < 3
        post.store.close()

    run(story())


def test_a_message_that_was_taken_is_not_sent_again_while_that_cannot_be_written_down(tmp_path: Path) -> None:
    async def story() -> None:
        post = Post(tmp_path, speed=100, ops="json://localhost/ops")

        class Breaking(Service):
            def send(self, message: Message) -> Outcome:
                if not self.began:
                    post.broken("deliveries")
                return super().send(message)

        service = Breaking()
        post.connect = service.connect
        async with post.open():
            await post.put()
            await post.put()
            await until(lambda: len(service.began) == 1)
            await asyncio.sleep(0.5)  # several rounds of ten seconds each
            assert service.began == ["message 1"]
            post.mended("deliveries")
            await until(post.is_empty)
            assert service.began == ["message 1", "message 2"]
        post.store.close()

    run(story())


@pytest.mark.parametrize("error", [ValueError("our own"), SystemExit(3)])
def test_a_sender_that_raises_ends_neither_the_lane_nor_the_program_and_counts_as_failed(
    tmp_path: Path, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        post = Post(tmp_path, speed=100, ops="json://localhost/ops")

        class Raising(Service):
            def send(self, message: Message) -> Outcome:
                if not self.began:
                    self.began.append("raised")
                    raise error
                return super().send(message)

        service = Raising()
        post.connect = service.connect
        async with post.open():
            title = await post.put()
            await until(post.is_empty)
            assert await post.errors(f"{title} to ops") == [f"an error of our own ({type(error).__name__})", None]
        assert "send_raised" in caplog.text
        post.store.close()

    run(story())


def test_a_service_that_cannot_be_loaded_counts_as_failed_until_it_can(tmp_path: Path) -> None:
    async def story() -> None:
        service, post, tries = Service(), Post(tmp_path, speed=100, ops="json://localhost/ops"), []

        def connect(_: Channel) -> Sender:
            tries.append(time.monotonic())
            if len(tries) < 3:
                raise ImportError("half installed")
            return service

        post.connect = connect
        async with post.open():
            await until(lambda: len(tries) == 1)  # in advance: nobody is told yet
            title = await post.put()
            await until(post.is_empty)
            assert await post.errors(f"{title} to ops") == ["an error of our own (ImportError)", None]
        post.store.close()

    run(story())


# -- reloads and fallbacks --------------------------------------------------------------------------------------------


def test_a_corrected_url_is_tried_at_once_whatever_the_back_off_and_an_unchanged_one_is_kept(tmp_path: Path) -> None:
    async def story(wrong: Webhook, right: Webhook) -> None:
        wrong.status(404)
        post, connected = Post(tmp_path, ops=wrong.url), []

        def connect(channel: Channel) -> Sender:
            connected.append(channel)
            return notifier(channel)

        post.connect = connect
        async with post.open():
            await post.put()
            await until(lambda: len(wrong.attempts) == 1)
            post.lanes["ops"].adopt(post.config.channels["ops"])
            await asyncio.sleep(0.1)
            assert (len(wrong.attempts), len(connected)) == (1, 1)  # it keeps waiting
            post.config = post.channels(ops=right.url)
            post.lanes["ops"].adopt(post.config.channels["ops"])
            await until(post.is_empty, 5)
            assert right.titles == ["message 1"]
            assert len(wrong.attempts) == 1
        post.store.close()

    with Webhook() as wrong, Webhook() as right:
        run(story(wrong, right))


def test_a_corrected_url_is_not_held_up_by_calls_that_hang_at_the_old_one(tmp_path: Path) -> None:
    async def story(right: Webhook) -> None:
        service, post = Service(), Post(tmp_path, speed=400, deadline=0.15, ops="json://localhost/ops")
        post.connect = service.connect
        service.gate.clear()
        async with post.open():
            await post.put()
            await until(lambda: len(service.began) == 2)
            post.deadline, post.config = 5, post.channels(ops=right.url)
            post.lanes["ops"]._shared = Shared(
                lambda: post.config, post.store, post.clock, notifier, post.wake, deadline=5
            )
            post.lanes["ops"].adopt(post.config.channels["ops"])
            await until(post.is_empty, 5)
            assert right.titles == ["message 1"]
            service.gate.set()
            await until(lambda: threads() <= 1)
        post.store.close()

    with Webhook() as right:
        run(story(right))


def test_a_channel_whose_secret_was_missing_delivers_once_it_is_there(tmp_path: Path) -> None:
    async def story(hook: Webhook) -> None:
        post = Post(tmp_path, ops='url_file = "/nonexistent/url"\n')
        async with post.open():
            await asyncio.sleep(0.6)  # nothing to load in advance
            title = await post.put()
            await until(lambda: post.was_tried(f"{title} to ops"))
            (error,) = await post.errors(f"{title} to ops")
            assert error is not None
            assert "/nonexistent/url" in error
            post.config = post.channels(ops=hook.url)
            post.lanes["ops"].adopt(post.config.channels["ops"])
            await until(post.is_empty, 5)
            assert hook.titles == ["message 1"]
        post.store.close()

    with Webhook() as hook:
        run(story(hook))


def test_the_fallback_delivers_as_soon_as_fifteen_minutes_are_over(tmp_path: Path) -> None:
    async def story(dead: Webhook, mail: Webhook) -> None:
        dead.status(500)
        speed = 225  # fifteen minutes in four seconds
        ops = f'url = "{dead.url}"\nfallback = "mail"\n'
        post = Post(tmp_path, speed=speed, ops=ops, mail=mail.url)
        async with post.open():
            await asyncio.sleep(0.9)  # Apprise is loaded by then
            begun = time.monotonic()
            await post.put("ops")
            await until(lambda: len(mail.posts) == 1)
            assert 4 <= time.monotonic() - begun < 5.4  # its own next attempt would be after 21 minutes
            assert "Sent to mail because ops does not deliver." in mail.posts[0].body["message"]
        post.store.close()

    with Webhook() as dead, Webhook() as mail:
        run(story(dead, mail))


def test_what_a_channel_could_not_deliver_for_two_days_is_told_through_another_at_once(tmp_path: Path) -> None:
    async def story(dead: Webhook, live: Webhook) -> None:
        dead.status(500)
        post = Post(tmp_path, dead=dead.url, live=live.url)
        old = post.clock.now() - timedelta(days=3)
        with post.store.transaction() as tx:
            outbox.save_health(tx, outbox.Health(channel="dead", failing_since=old, failures=300))
        post.clock.move(-timedelta(days=3))
        async with post.open():
            await post.put("dead")
            await until(lambda: len(dead.attempts) == 1)
            post.clock.move(timedelta(days=3))
            await post.store.do(lambda tx: outbox.hurry(tx, "dead"))
            post.wake(["dead"])
            await until(lambda: len(live.posts) == 1)
            assert "gave up delivering 1 message to dead (failing for two days: HTTP 500" in live.titles[0]
        post.store.close()

    with Webhook() as dead, Webhook() as live:
        run(story(dead, live))
