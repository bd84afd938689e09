"""What is done to the clock does nothing to the monitor: steps, a suspended process and nights of 23 and 25 hours.

The program as a process; libfaketime gives it a wall clock that is stepped while durations stay real. The stories take
place at the same time, since most of each is waiting.
"""

import re
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from live import Api, settings
from receivers import Webhook
from wall import MISSING, OnWall, Wall, library

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(library() is None, reason=MISSING),
]

INTERVAL = 8
LOW = "[WARNING] low: $20.00 left (at or below $25.00)"
STILL = "[WARNING] low: still $20.00 left (at or below $25.00)"
NIGHTS = {
    "spring in Berlin": ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC), "01:59:.. CET", "03:00:.. CEST"),
    "autumn in Berlin": ("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC), "02:59:.. CEST", "02:00:.. CET"),
    "spring on Lord Howe": (
        "Australia/Lord_Howe",
        datetime(2027, 10, 2, 15, 30, tzinfo=UTC),
        r"01:59:.. \+1030",
        r"02:30:.. \+11",
    ),
    "autumn on Lord Howe": (
        "Australia/Lord_Howe",
        datetime(2027, 4, 3, 15, tzinfo=UTC),
        r"01:59:.. \+11",
        r"01:30:.. \+1030",
    ),
}
"""The zone, the moment of the change, and how the clocks there show the seconds before and after it."""

REMIND = '[rules.balance_usd]\nremind_every = "1m"\n'


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "Future[None]"]]:
    """Begin all stories at once."""

    def folder(name: str) -> Path:
        return tmp_path_factory.mktemp(name.replace(" ", "_"))

    with ThreadPoolExecutor(2 + len(NIGHTS)) as pool:
        begun = {name: pool.submit(live_through_a_night, folder(name), *night) for name, night in NIGHTS.items()}
        begun["steps"] = pool.submit(live_through_steps, folder("steps"))
        begun["suspension"] = pool.submit(live_through_suspension, folder("suspension"))
        yield begun


def api_with(*names: str) -> Api:
    """Simulate accounts that spend nothing; ``low`` has 20 USD, all others 100."""
    api = Api()
    for name in names:
        if name not in api.keys:
            api.create(name)
        balance = 20 if name == "low" else 100
        api.change(name, balance_usd=balance, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
    return api


def test_clock_steps_fire_nothing_skip_nothing_and_are_logged(stories: dict[str, "Future[None]"]) -> None:
    stories["steps"].result()


def test_a_suspended_process_goes_on_without_a_false_message(stories: dict[str, "Future[None]"]) -> None:
    stories["suspension"].result()


@pytest.mark.parametrize("night", NIGHTS)
def test_a_night_in_which_clocks_are_changed_is_like_any_other(stories: dict[str, "Future[None]"], night: str) -> None:
    stories[night].result()


# -- the stories ------------------------------------------------------------------------------------------------------


def live_through_steps(folder: Path) -> None:
    """Step the clock by an hour and more, with an account that is low, an outage, and a channel that fails."""
    names = ("main", "low", "down")
    wall = Wall(folder)
    with api_with(*names) as api, Webhook() as hook, Webhook() as flaky:
        text = _plain(settings(api, hook.url, flaky.url, interval=f"{INTERVAL}s", accounts=names))
        with OnWall(folder, text + REMIND + '[rules.unreachable]\nwarning = "25s"\n', wall) as run:
            flaky.status(503)
            run.start()
            flaky.wait_attempts(1, 30)
            api.change("down", fault="status:503")
            run.wait_event("account_failing", seconds=30)
            wall.step(timedelta(hours=1, seconds=1.7))
            run.wait_event("clock_stepped", seconds=30)
            flaky.wait_attempts(2, 40)
            wall.step(-timedelta(hours=2, seconds=3.3))
            run.wait_event("clock_stepped", 2, seconds=30)
            flaky.wait_attempts(3, 60)
            hook.wait_posts(2, 60)
            wall.step(timedelta(hours=1))
            run.wait_event("clock_stepped", 3, seconds=30)
            api.change("down", fault=None)
            hook.wait_posts(3, 30)
            wall.step(-timedelta(hours=1))
            flaky.ok()
            flaky.wait_posts(3, 90)
            hook.wait_posts(4, 90)
            assert run.stop() == 0
        seconds = [round(step["seconds"]) for step in run.events("clock_stepped")]
        assert seconds == [3602, -7203, 3600, -3600]
        assert_steady(api.polls())
        assert_told_at_their_time(api, hook)
        assert_tried_at_its_time(flaky)
        assert [line for line in run.log() if line["level"] == "error"] == []


def assert_a_minute_apart(api: Api, hook: Webhook) -> None:
    """No reminder came before its time: each is for a poll, and may be slow to arrive itself."""
    now = time.time() - time.monotonic()
    due = api.polls("low")[0]
    for reminder in (post for post in hook.posts if post.body["title"] == STILL):
        due += 60
        assert now + reminder.at > due - 0.5


def assert_told_at_their_time(api: Api, hook: Webhook) -> None:
    """Each message once, the outage as long as it was, and reminders a minute apart."""
    low, down, again, *reminders = hook.titles
    assert low == LOW
    silence = re.fullmatch(r"\[WARNING\] down: no reading for (\d+) seconds \(HTTP 503.*\)", down)
    assert silence
    assert 23 <= int(silence[1]) <= 90
    assert re.fullmatch(r"\[OK\] down: readings again, after (\d\d seconds|1 minute.*) without", again)
    assert set(reminders) == {STILL}
    assert_a_minute_apart(api, hook)


def assert_tried_at_its_time(flaky: Webhook) -> None:
    """The waits after failures are as long as without steps, and nothing counts as late."""
    first, second, third = (attempt.at for attempt in flaky.attempts[:3])
    assert 7.9 < second - first < 40
    assert 15.9 < third - second < 60
    assert flaky.titles[0] == LOW
    assert len(set(flaky.titles)) == len(flaky.titles)
    assert not any("Late" in post.body["message"] for post in flaky.posts)


def live_through_suspension(folder: Path) -> None:
    """Stop the process for three intervals; then let it sleep for a day and an hour, as a laptop does."""
    wall = Wall(folder)
    with api_with("main", "low") as api, Webhook() as hook:
        text = _plain(settings(api, hook.url, interval=f"{INTERVAL}s", accounts=("main", "low")))
        with OnWall(folder, text, wall) as run:
            run.start()
            hook.wait_posts(1, 30)
            api.wait_for_poll(api.requests())
            run.send(signal.SIGSTOP)
            before = api.requests()
            time.sleep(3 * INTERVAL)
            assert api.requests() == before
            resumed = resume(run, api)
            assert len([at for at in api.polls() if resumed <= at < resumed + INTERVAL]) <= 2  # no burst of missed ones
            run.send(signal.SIGSTOP)
            wall.step(timedelta(hours=25))
            resume(run, api)
            run.wait_event("clock_stepped")
            api.wait_for_poll(api.requests())
            assert run.command("healthcheck").returncode == 0
            assert run.stop() == 0
        assert hook.titles == [LOW]
        assert [round(step["seconds"]) for step in run.events("clock_stepped")] == [25 * 3600]


def resume(run: OnWall, api: Api) -> float:
    """Let it go on, and see the next poll come within an interval; return when that was."""
    polls = api.requests()
    at = time.time()
    run.send(signal.SIGCONT)
    api.wait_for_poll(polls)
    assert api.polls()[polls] - at < 2 * INTERVAL  # its time, and late by one interval at most
    return at


def live_through_a_night(folder: Path, zone: str, change: datetime, before: str, after: str) -> None:
    """Let the clocks be changed between an alert and its reminder."""
    wall = Wall(folder, at=change - timedelta(seconds=40))
    with api_with("main", "low") as api, Webhook() as hook:
        text = f'timezone = "{zone}"\n' + _plain(
            settings(api, hook.url, interval=f"{INTERVAL}s", accounts=("main", "low"))
        )
        with OnWall(folder, text + REMIND, wall, TZ=zone) as run:
            run.start()
            hook.wait_posts(2, 120)
            assert run.stop() == 0
        assert hook.titles == [LOW, STILL]
        alert, reminder = hook.posts
        assert_a_minute_apart(api, hook)
        assert_read(alert.body["message"], before)
        assert_read(reminder.body["message"], after)
        assert_steady(api.polls())
        assert [line for line in run.log() if line["level"] == "error" or line["event"] == "clock_stepped"] == []


def assert_read(body: str, when: str) -> None:
    assert re.search(rf"read \d{{4}}-\d\d-\d\d {when}\.", body), body


def assert_steady(polls: Sequence[float]) -> None:
    """No poll was late by more than an interval."""
    gaps = [later - earlier for earlier, later in pairwise(polls)]
    assert len(gaps) > 5
    assert max(gaps) <= 2 * INTERVAL, gaps


def _plain(text: str) -> str:
    """Leave pictures out: waiting for the process that draws them fails where the clock is played."""
    return re.sub(r"(\[channels\.\w+\]\n)", r"\1chart = false\n", text)
