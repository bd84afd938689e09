"""Messages arrive at least once and in order, with real threads and services that hang, die and wake."""

import asyncio
import threading
import time
from pathlib import Path

from lanes import Post, Service, notifier, run, threads, until
from receivers import Webhook

from monitor.config import Channel
from monitor.deliver import Lane, Sender, Shared
from monitor.model import Message, NotSent, Outcome

HUNG = "the service did not come to an end within 0.15 s"
HELD = "the service still holds the last 2 sends: no more until one has come back"

# -- order, once, at least --------------------------------------------------------------------------------------------


def test_messages_arrive_once_and_in_order(tmp_path: Path) -> None:
    async def story(hook: Webhook) -> None:
        post = Post(tmp_path, ops=hook.url)
        async with post.open():
            titles = [await post.put() for _ in range(20)]
            await until(post.is_empty)
            assert hook.titles == titles
        post.store.close()

    with Webhook() as hook:
        run(story(hook))


def test_a_crash_between_the_sending_and_its_note_repeats_just_that_message(tmp_path: Path) -> None:
    disk = threading.Event()

    class Cut:
        """Really sends, and then finds the disk at work on something else."""

        def __init__(self, channel: Channel, post: Post) -> None:
            self.real, self.post = notifier(channel), post

        def send(self, message: Message) -> Outcome:
            outcome = self.real.send(message)
            if message.title == "message 2" and not disk.is_set():
                self.post.store._worker.submit(lambda: disk.wait(10))
            return outcome

    async def story(hook: Webhook) -> None:
        post = Post(tmp_path, ops=hook.url)
        post.connect = lambda channel: Cut(channel, post)
        async with post.open():
            for _ in range(3):
                await post.put()
            await until(lambda: len(hook.posts) == 2)
            await asyncio.sleep(0.05)
            await post.lanes["ops"].stop(0)
            disk.set()
        post.reopen()
        async with post.open():
            await until(post.is_empty)
        assert hook.titles == ["message 1", "message 2", "message 2", "message 3"]
        post.store.close()

    with Webhook() as hook:
        run(story(hook))


# -- a dead service ---------------------------------------------------------------------------------------------------


def test_a_dead_service_holds_up_nobody_else_and_gets_everything_in_order_when_it_wakes(tmp_path: Path) -> None:
    async def tell(post: Post, live: Webhook, count: int) -> None:
        delays = []
        for _ in range(count):
            begun, before = time.monotonic(), len(live.posts)
            await post.put()
            await until(lambda before=before: len(live.posts) > before)  # type: ignore[misc]
            delays.append(time.monotonic() - begun)
        assert sorted(delays)[count // 2] < 1  # one of them may meet a busy machine
        assert max(delays) < 4

    async def story(dead: Webhook, live: Webhook) -> None:
        dead.hang()
        post = Post(tmp_path, speed=40, deadline=0.4, dead=dead.url, live=live.url)
        async with post.open():
            await asyncio.sleep(0.9)  # Apprise is loaded by then
            await tell(post, live, 5)
            await until(lambda: len(dead.attempts) >= 2)
            await tell(post, live, 2)
        post.reopen()
        async with post.open():
            await asyncio.sleep(0.6)
            await tell(post, live, 3)
            dead.ok()
            await until(post.is_empty, 20)
        assert live.titles == [f"message {number}" for number in range(1, 11)]
        assert dead.titles == live.titles
        post.store.close()

    with Webhook() as dead, Webhook() as live:
        run(story(dead, live))


def test_a_call_past_its_deadline_counts_as_failed_and_at_most_two_threads_hang(tmp_path: Path) -> None:
    async def story() -> None:
        service, post = Service(), Post(tmp_path, speed=400, deadline=0.15, ops="json://localhost/ops")
        post.connect = service.connect
        service.gate.clear()
        async with post.open():
            title = await post.put()
            errors: list[str | None] = []
            while len(errors) < 5:
                await asyncio.sleep(0.02)
                errors = await post.errors(f"{title} to ops")
            assert errors[:5] == [HUNG, HUNG, *[HELD] * 3]
            assert len(service.began) == 2
            assert threads() == 2
            service.answers = [NotSent("no"), NotSent("no")]
            service.gate.set()
            await until(post.is_empty)
            assert len(service.began) == 3  # neither had been taken
        post.store.close()

    run(story())


def test_a_hanging_call_that_ends_well_after_all_is_not_repeated_and_the_next_message_follows(tmp_path: Path) -> None:
    async def story() -> None:
        service, post = Service(), Post(tmp_path, deadline=0.15, ops="json://localhost/ops")
        post.connect = service.connect
        service.gate.clear()
        async with post.open():
            await post.put()
            await post.put()
            await until(lambda: threads() == 1)
            await until(lambda: post.was_tried("message 1 to ops"))
            service.gate.set()
            await until(post.is_empty, 5)  # long before the back-off is over
            assert service.began == ["message 1", "message 2"]
            assert await post.errors("message 1 to ops") == [HUNG, None]
        post.store.close()

    run(story())


def test_a_service_that_hangs_while_it_is_loaded_is_left_too_and_never_sends_behind_our_back(tmp_path: Path) -> None:
    async def story() -> None:
        service, post, loading = Service(), Post(tmp_path, speed=400, deadline=0.15, ops="json://l/ops"), []
        go = threading.Event()

        def connect(_: Channel) -> Sender:
            loading.append(threading.current_thread())
            if len(loading) == 1:
                go.wait(10)
            return service

        post.connect = connect
        async with post.open():
            await until(lambda: len(loading) == 1)  # in advance, without a message
            await post.put()
            await until(post.is_empty)
            go.set()
            loading[0].join(5)
            assert service.began == ["message 1"]
        post.store.close()

    run(story())


def test_a_hanging_call_that_ends_after_the_program_did_does_no_harm(tmp_path: Path) -> None:
    service, post = Service(), Post(tmp_path, deadline=0.15, ops="json://localhost/ops")

    async def story() -> None:
        post.connect = service.connect
        service.gate.clear()
        async with post.open():
            await post.put()
            await until(lambda: len(service.began) == 1)
            await asyncio.sleep(0.3)

    run(story())
    service.gate.set()
    for thread in threading.enumerate():
        if thread.name == "channel-ops":
            thread.join(5)
    assert threads() == 0
    post.store.close()


def test_stopping_takes_no_longer_than_its_time_while_a_send_hangs_and_loses_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        service, post = Service(), Post(tmp_path, ops="json://localhost/ops")
        post.connect = service.connect
        service.gate.clear()
        async with post.open():
            await post.put()
            await post.put()
            await until(lambda: len(service.began) == 1)
            begun = time.monotonic()
            await post.lanes["ops"].stop(0.2)
            assert 0.15 < time.monotonic() - begun < 3
        service.gate.set()
        post.reopen()
        async with post.open():
            await until(post.is_empty)
        assert service.began == ["message 1", "message 1", "message 2"]
        post.store.close()

    run(story())


def test_stopping_waits_for_a_send_that_ends_in_time(tmp_path: Path) -> None:
    async def story() -> None:
        service, post = Service(), Post(tmp_path, ops="json://localhost/ops")
        post.connect = service.connect
        service.gate.clear()
        async with post.open():
            await post.put()
            await until(lambda: len(service.began) == 1)
            asyncio.get_running_loop().call_later(0.1, service.gate.set)
            await post.lanes["ops"].stop(5)
            assert await post.is_empty()
        post.store.close()

    run(story())


def test_stopping_does_not_wait_for_a_back_off(tmp_path: Path) -> None:
    async def story() -> None:
        service, post = Service(NotSent("no")), Post(tmp_path, ops="json://localhost/ops")
        post.connect = service.connect
        async with post.open():
            title = await post.put()
            await until(lambda: post.was_tried(f"{title} to ops"))
            begun = time.monotonic()
            await post.lanes["ops"].stop(5)
            assert time.monotonic() - begun < 3
        post.store.close()

    run(story())


def test_a_lane_that_never_began_can_be_stopped(tmp_path: Path) -> None:
    async def story() -> None:
        post = Post(tmp_path, ops="json://localhost/ops")
        channel = post.config.channels["ops"]
        shared = Shared(lambda: post.config, post.store, post.clock, post.connect, post.wake)
        await Lane(channel, shared).stop(1)
        post.store.close()

    run(story())
