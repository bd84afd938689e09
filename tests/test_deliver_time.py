"""What people on a channel hear, and when, while its service fails for minutes, hours or days; time is played."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from played import REFUSED, Story
from world import MAIN, OPS, START, World, reading

from monitor.deliver import watch
from monitor.deliver.ledger import Attempt, pause, plan, settle
from monitor.deliver.words import parcel
from monitor.log.lines import KEYS
from monitor.model import Message, NotSent, Outcome, Sent
from monitor.store import Store, durations, life, outbox
from monitor.store.life import Life
from monitor.store.outbox import Health

Worlds = Callable[..., World]
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'
LAST = '[channels.mail]\nurl = "json://localhost/mail"\nmin_level = "off"\n'
BACKED = MAIN + OPS + 'fallback = "mail"\n'

LOW, WORSE = "[WARNING] main: $20.00 left (at or below $25.00)", "[CRITICAL] main: $4.00 left (at or below $5.00)"
EASED = "[WARNING] main: $20.00 left (at or below $25.00), eased from critical"
FINE = "[OK] main: $100.00 left (above $25.00)"


def take(_: Message) -> Outcome:
    return Sent()


def refuse(_: Message) -> Outcome:
    return REFUSED


def down(story: Story, *outages: tuple[timedelta, timedelta]) -> None:
    """Let the service refuse everything during these, and take it otherwise."""

    def answer(_: Message) -> Outcome:
        now = story.clock.time - START
        return REFUSED if any(begin <= now < end for begin, end in outages) else Sent()

    story.answer = answer


def is_about(one: timedelta, other: timedelta) -> bool:
    return abs(one - other) < 2 * SECOND


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[str], list[dict[str, Any]]]:
    caplog.set_level(logging.DEBUG, "monitor")

    def find(event: str) -> list[dict[str, Any]]:
        return [getattr(record, KEYS) for record in caplog.records if record.getMessage() == event]

    return find


# -- back-off ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("failures", "seconds"), [(1, 10), (2, 20), (3, 40), (7, 640), (8, 900), (10**6, 900)])
def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_chance_only_shortens_it(failures: int, seconds: float) -> None:
    assert pause(failures, 0) == timedelta(seconds=seconds)
    assert pause(failures, 1) == timedelta(seconds=seconds * 0.8)
    assert pause(failures, 1) < pause(failures, 0.5) < pause(failures, 0)


def test_a_service_that_asks_for_more_time_gets_it_and_less_makes_nobody_hurry(world: World) -> None:
    story = Story(world, lambda _: NotSent("HTTP 429 Too Many Requests", next(waits)))
    waits = iter([timedelta(seconds=1), timedelta(minutes=30), None])
    story.reads_at(SECOND, 4)
    story.run(until=31 * MINUTE)
    first, second, third = [one.at for one in story.tries]
    assert timedelta(seconds=8) <= second - first <= timedelta(seconds=10)
    assert third - second == 30 * MINUTE


def test_a_failing_service_is_tried_ever_more_seldom_with_the_first_message_alone(world: World) -> None:
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.reads_at(MINUTE, 4)
    story.run(29 * MINUTE)
    titles = [one.title for one in story.tries]
    assert set(titles[:3]) == {LOW}
    assert set(titles[4:]) == {f"{WORSE}, since 2026-01-13 10:00 UTC"}  # with what waits behind it, once it is late
    gaps = [after.at - before.at for before, after in pairwise(story.tries)]
    for gap, seconds in zip(gaps, (10, 20, 40, 80, 160, 320, 640), strict=False):
        assert 0.8 * seconds - 0.1 <= gap.total_seconds() <= seconds + 1
    assert len(gaps) >= 7


def test_the_wait_survives_a_restart(world: World) -> None:
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.run(10 * MINUTE)
    count, due = len(story.tries), story.health().next_attempt_at
    assert due is not None
    world.restart()
    story.run(40 * MINUTE)
    assert abs(story.tries[count].at - (due - START)) < SECOND


def test_every_attempt_is_recorded_with_its_time_its_seconds_and_its_error(world: World) -> None:
    story = Story(world, take)
    down(story, (timedelta(0), 15 * SECOND))
    story.reads_at(SECOND, 20)
    story.at(SECOND, lambda: None)
    story.run(HOUR)
    with world.store.transaction() as tx:
        message = outbox.find(tx, "")
        assert message is not None
        found = outbox.attempts(tx, message.message.id)
    assert [error for _, _, error in found] == [REFUSED.reason, REFUSED.reason, None][-len(found) :]
    assert [one.was_taken for one in story.tries] == [error is None for _, _, error in found]
    for one, (at, seconds, _) in zip(story.tries, found, strict=True):
        assert is_about(one.at, at - START)
        assert 0 <= seconds < 5
    assert (message.state, message.attempts) == ("sent", len(found))


def test_after_a_recovery_the_channel_is_well_and_its_last_error_can_still_be_seen(world: World, logged: Any) -> None:
    story = Story(world, take)
    down(story, (timedelta(0), 5 * MINUTE))
    story.reads_at(SECOND, 20)
    story.run(HOUR)
    health = story.health()
    assert (health.failures, health.failing_since, health.next_attempt_at) == (0, None, None)
    assert health.last_success_at is not None
    assert (health.last_error, health.last_error_at is not None) == (REFUSED.reason, True)
    assert [entry["error"] for entry in logged("channel_failing")] == [REFUSED.reason]  # an outage, at its edges
    assert len(logged("channel_recovered")) == len(logged("delivered")) == 1


def test_a_retry_from_another_process_does_not_wait_for_the_back_off(world: World) -> None:
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)

    def retry() -> None:
        command = Store.open_existing(f"sqlite:///{world.store.path}")
        with command.transaction() as tx:
            (queued,) = outbox.listing(tx)
            outbox.retry(tx, queued.message, world.now)
        command.close()

    story.at(23 * MINUTE, retry)
    story.run(24 * MINUTE)
    assert is_about(story.tries[-1].at, 23 * MINUTE)


def test_a_message_that_another_process_drops_is_not_sent_and_those_behind_it_are(world: World) -> None:
    story = Story(world, take)
    down(story, (timedelta(0), 10 * MINUTE))
    story.reads_at(SECOND, 20)
    story.reads_at(MINUTE, 4)
    story.at(5 * MINUTE, lambda: story.do(lambda tx: outbox.drop(tx, outbox.waiting(tx, "ops")[0].message, world.now)))
    story.run(HOUR)
    assert story.taken == [WORSE]


# -- outages ----------------------------------------------------------------------------------------------------------


def test_after_a_short_outage_everything_arrives_once_and_in_order(world: World) -> None:
    story = Story(world, take)
    down(story, (timedelta(0), 50 * SECOND))
    for number, balance in enumerate((20, 4, 20, 100)):
        story.reads_at(SECOND + number * 10 * SECOND, balance)
    story.run(DAY)
    assert story.taken == [LOW, WORSE, EASED, FINE]


@pytest.mark.parametrize("minutes", [5, 30, 55, 600])
def test_after_a_longer_one_what_came_and_went_arrives_as_one_message(world: World, minutes: int) -> None:
    story = Story(world, take)
    down(story, (timedelta(0), minutes * MINUTE))
    for number, balance in enumerate((20, 4, 20, 100)):
        story.reads_at(SECOND + number * MINUTE, balance)
    story.run(DAY)
    assert story.taken == [
        "[OK] main: was critical from 2026-01-13 10:00 to 10:03 UTC, now $100.00 left (above $25.00)"
    ]


def test_a_low_that_is_over_by_now_but_for_its_end_says_so(worlds: Worlds) -> None:
    story = Story(worlds(MAIN + OPS + '[rules.balance_usd]\ncooldown = "24h"\n'), take)
    for number, balance in enumerate((20, 100, 20, 100)):
        story.reads_at(SECOND + number * MINUTE, balance)
    story.run(MINUTE + 30 * SECOND)
    down(story, (MINUTE, 30 * MINUTE))
    story.run(HOUR)
    assert story.taken == [LOW, FINE, f"{LOW}, over by now"]


def test_a_late_message_says_when_it_was_decided_and_how_things_stand_now(world: World) -> None:
    bodies: list[str] = []
    story = Story(world, take)
    down(story, (timedelta(0), 30 * MINUTE))
    answer = story.answer

    def keep(message: Message) -> Outcome:
        bodies.append(message.body)
        return answer(message)

    story.answer = keep
    story.reads_at(SECOND, 4)
    story.reads_at(20 * MINUTE, 100)
    story.run(HOUR)
    assert "Late" not in bodies[0]
    late = next(body for body in bodies if "Late" in body)
    assert late.startswith("Late: decided 2026-01-13 10:00:01 UTC, ")
    assert "Now: main is critical. Balance: $4.00, read 2026-01-13 10:00:01 UTC." in late
    assert "Then:\nRule balance_usd: critical.\nBalance: $4.00, read 2026-01-13 10:00:01 UTC.\n" in late
    assert "Now: main is ok. Balance: $100.00, read 2026-01-13 10:20:00 UTC." in bodies[-1]
    assert bodies[-1].endswith(
        "Then:\nRule balance_usd: fine again (was critical).\nIn order:\n"
        "[CRITICAL] main: $4.00 left (at or below $5.00), 2026-01-13 10:00:01 UTC\n"
        "[OK] main: $100.00 left (above $25.00), 2026-01-13 10:20:00 UTC"
    )


# -- giving up --------------------------------------------------------------------------------------------------------


def test_giving_up_after_two_days_is_logged_and_told_to_the_others_once_an_outage(worlds: Worlds, logged: Any) -> None:
    world = worlds(MAIN + OPS + MAIL + 'accounts = ["none"]\n[accounts.none]\napi_key = "key-of-none-0003"\n')
    story = Story(world, take)
    down(story, (timedelta(0), 50 * HOUR), (60 * HOUR, 120 * HOUR))
    story.reads_at(SECOND, 20)
    story.reads_at(HOUR, 4)
    story.reads_at(47 * HOUR, 20)
    story.run(47.9 * HOUR)
    assert story.waiting("mail") == []
    story.run(59 * HOUR)
    assert story.states() == {"given_up": [LOW, WORSE]}
    assert story.taken == [EASED]  # nothing behind was lost
    assert [entry["title"] for entry in logged("gave_up")] == [LOW, WORSE]
    (told,) = story.waiting("mail")
    assert told.title == (
        f"[CRITICAL] monitor: gave up delivering 1 message to ops (failing for two days: {REFUSED.reason}); "
        f"the first: {LOW}"
    )
    assert story.wakes == [(story.wakes[0][0], ["mail"])]
    story.reads_at(61 * HOUR, 100)
    story.run(119 * HOUR)
    assert len(story.waiting("mail")) == 2  # another outage


def test_a_message_given_up_that_is_retried_has_two_days_again_also_behind_others(world: World) -> None:
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.reads_at(MINUTE, 4)
    story.run(50 * HOUR)
    assert story.states() == {"given_up": [LOW, WORSE]}

    def retry() -> None:
        with world.store.transaction() as tx:
            for queued in outbox.listing(tx):
                outbox.retry(tx, queued.message, world.now)

    story.at(50 * HOUR, retry)
    story.run(97 * HOUR)
    assert story.states() == {"waiting": [LOW, WORSE]}
    story.answer = take
    story.run(98 * HOUR)
    assert story.taken == [LOW, WORSE]


def test_days_without_a_daemon_do_not_count_towards_giving_up(world: World) -> None:
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.run(HOUR)
    last = Life(pid=1, version="1", started_at=START, beat_at=story.clock.time, config="", accounts=1)
    story.do(lambda tx: life.write(tx, last))
    story.clock.time += 5 * DAY
    story.do(lambda tx: durations.skip_absence(tx, story.clock.time))
    story.run(5 * DAY + 2 * HOUR)  # the network is not up yet
    assert story.states() == {"waiting": [LOW]}
    story.answer = take
    story.run(5 * DAY + 3 * HOUR)
    assert story.taken == [LOW]


# -- a message that the service will never take -----------------------------------------------------------------------


def dislike(story: Story, *titles: str) -> None:
    """Let the service refuse these, also as a line of what stands for several."""

    def answer(message: Message) -> Outcome:
        said = f"{message.title}, 20\n{message.body}".replace(", over by now", "")
        is_bad = any(f"{title}, 20" in said for title in titles)
        return NotSent("HTTP 400 Bad Request") if is_bad else Sent()

    story.answer = answer


def test_a_message_that_is_never_taken_holds_up_those_behind_it_for_less_than_an_hour(
    worlds: Worlds, logged: Any
) -> None:
    world = worlds(MAIN + OPS + MAIL)
    story = Story(world, take)
    dislike(story, WORSE)
    for number, balance in enumerate((20, 4, 20, 100, 20)):
        story.reads_at(SECOND + number * MINUTE, balance)
    story.run(61 * MINUTE)
    again = (
        "[WARNING] main: still $20.00 left (at or below $25.00), since 2026-01-13 10:04 UTC, after 1 alert that is over"
    )
    assert story.taken == [LOW, EASED, again]
    assert story.states() == {"waiting": [WORSE]}
    assert [entry["title"] for entry in logged("set_aside")] == [WORSE]
    story.reads_at(2 * HOUR, 100)
    story.run(2 * HOUR + SECOND)
    assert (story.tries[-1].at, story.taken[-1]) == (2 * HOUR, FINE)  # the channel is well: at once
    assert story.health().failures == 0


def test_in_quiet_hours_it_holds_up_what_is_critical_for_no_longer(worlds: Worlds) -> None:
    batch = '[accounts.batch]\napi_key = "key-of-batch-0002"\n'
    story = Story(worlds(MAIN + batch + OPS + 'quiet_hours = "10:00-20:00"\n'), take)
    story.answer = lambda message: NotSent("HTTP 400 Bad Request") if "main" in message.title else Sent()
    story.reads_at(SECOND, 4)
    story.reads_at(10 * MINUTE, 4, "batch")
    story.run(61 * MINUTE)
    assert story.taken == [WORSE.replace("main", "batch")]
    assert story.states() == {"waiting": [WORSE]}


def test_the_message_set_aside_is_tried_on_and_given_up_alone_and_loudly_after_two_days(
    worlds: Worlds, logged: Any
) -> None:
    world = worlds(MAIN + OPS + MAIL)
    story = Story(world, take)
    dislike(story, LOW)
    story.reads_at(SECOND, 20)
    story.reads_at(MINUTE, 4)
    story.run(47.9 * HOUR)
    assert story.states() == {"waiting": [LOW]}
    assert sum(one.title == LOW for one in story.tries) > 150
    world.heard("mail")
    story.run(48.5 * HOUR)
    assert story.states() == {"given_up": [LOW]}
    (told,) = story.waiting("mail")
    assert "gave up delivering 1 message to ops (refused for two days: HTTP 400 Bad Request)" in told.title
    assert [entry["title"] for entry in logged("gave_up")] == [LOW]
    assert story.health().gave_up_at is None  # the channel itself gave up nothing: its next outage is told


def test_two_such_messages_in_a_row_do_not_hold_up_the_others_for_ever_either(world: World) -> None:
    story = Story(world, take)
    dislike(story, LOW, WORSE)
    for number, balance in enumerate((20, 4, 20, 100)):
        story.reads_at(SECOND + number * MINUTE, balance)
    story.run(75 * MINUTE)
    assert story.taken == [f"{EASED}, over by now", FINE]
    assert story.states() == {"waiting": [LOW, WORSE]}


def test_such_a_message_alone_waits_and_is_taken_should_the_service_ever_do_so(world: World) -> None:
    story = Story(world, take)
    dislike(story, LOW)
    story.reads_at(SECOND, 20)
    story.run(2 * HOUR)
    story.reads_at(2 * HOUR, 4)
    story.run(5 * HOUR)
    assert story.taken == [WORSE]
    story.answer = take
    story.run(6 * HOUR)
    assert story.taken == [WORSE, LOW]


def test_a_service_that_recovers_just_as_the_next_message_is_tried_gets_the_first_at_once_after_it(
    world: World,
) -> None:
    story = Story(world, take)
    story.answer = lambda message: Sent() if story.taken or message.title == f"{WORSE}, over by now" else REFUSED
    for number, balance in enumerate((20, 4, 20, 100)):
        story.reads_at(SECOND + number * MINUTE, balance)
    story.run(2 * HOUR)
    assert story.taken == [f"{WORSE}, over by now", f"{LOW}, over by now", FINE]
    assert story.tries[-1].at - story.tries[-3].at < SECOND


@pytest.mark.parametrize("answer", [Sent(), REFUSED])
def test_a_channel_that_leaves_during_an_attempt_and_comes_back_has_no_past(worlds: Worlds, answer: Outcome) -> None:
    world = worlds(MAIN + OPS + MAIL)
    ops = world.config.channels["ops"]
    world.reads(4)
    with world.store.transaction() as tx:
        one = plan(tx, world.config, ops, world.now).parcel
    assert one is not None
    world.reload(MAIN + MAIL)
    with world.store.transaction() as tx:
        settle(tx, world.config, Attempt(parcel=one, outcome=answer, now=world.now, seconds=3), 0)
        assert outbox.health(tx, "ops") == Health(channel="ops")
    world.reload(MAIN + OPS + MAIL)
    with world.store.transaction() as tx:
        assert watch(tx, world.config, world.now + 3 * DAY).told == []


# -- the fallback -----------------------------------------------------------------------------------------------------


def test_a_message_goes_to_the_fallback_when_its_channel_has_failed_for_fifteen_minutes_to_the_second(
    worlds: Worlds, logged: Any
) -> None:
    world = worlds(BACKED + LAST)
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.reads_at(5 * MINUTE, 4)
    story.run(15 * MINUTE)
    assert story.waiting("mail") == []
    story.run(16 * MINUTE)
    (copy,) = story.waiting("mail")
    assert (copy.title, copy.decided_at) == (LOW, START + SECOND)
    assert copy.body.endswith("Sent to mail because ops does not deliver.")
    story.run(3 * HOUR)
    assert [message.title for message in story.waiting("mail")] == [LOW, WORSE]  # once for each message
    assert [channels for _, channels in story.wakes] == [["mail"], ["mail"]]
    assert is_about(story.wakes[0][0], 15 * MINUTE)
    assert is_about(story.wakes[1][0], 20 * MINUTE)
    assert [entry["fallback"] for entry in logged("passed_on")] == ["mail", "mail"]


def test_a_message_that_comes_long_into_an_outage_has_its_own_fifteen_minutes(worlds: Worlds) -> None:
    world = worlds(BACKED + LAST + '[accounts.batch]\napi_key = "key-of-batch-0002"\n')
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.reads_at(5 * HOUR, 4, "batch")
    story.run(6 * HOUR)
    assert is_about(story.wakes[1][0], 5 * HOUR + 15 * MINUTE)


def test_a_message_set_aside_goes_to_the_fallback_too_once_it_was_refused_for_fifteen_minutes(
    worlds: Worlds, logged: Any
) -> None:
    world = worlds(BACKED + LAST + '[accounts.batch]\napi_key = "key-of-batch-0002"\n')

    def tries(place: int, outcome: Outcome, *, is_probe: bool = False) -> None:
        with world.store.transaction() as tx:
            one = parcel(tx, world.config, [outbox.waiting(tx, "ops")[place]], START)
            settle(tx, world.config, Attempt(parcel=one, outcome=outcome, now=START, seconds=0, is_probe=is_probe), 0)

    world.sees_balance(4, after=timedelta(0))
    world.sees_balance(4, after=timedelta(0), account="batch")
    tries(0, REFUSED)
    tries(1, Sent(), is_probe=True)
    story = Story(world, refuse)
    story.run(14 * MINUTE)
    assert story.health().failing_since is None
    assert story.waiting("mail") == []
    story.run(HOUR)
    assert len(story.tries) >= 4
    (copy,) = story.waiting("mail")
    assert (copy.title, copy.decided_at) == (WORSE, START)
    assert copy.body.endswith("Sent to mail because ops does not deliver.")
    ((when, channels),) = story.wakes
    assert (is_about(when, 15 * MINUTE), channels) == (True, ["mail"])
    assert [entry["fallback"] for entry in logged("passed_on")] == ["mail"]


def test_where_it_was_set_aside_in_a_channel_that_has_left_since_nobody_is_sent_it(worlds: Worlds) -> None:
    world = worlds(BACKED + LAST)
    world.sees_balance(4, after=timedelta(0))
    with world.store.transaction() as tx:
        (queued,) = outbox.waiting(tx, "ops")
        aside = replace(queued, first_attempt_at=START, aside_until=START)
        one = parcel(tx, world.config, [aside], START)
    world.reload(MAIN + LAST)
    world.heard("mail")
    with world.store.transaction() as tx:
        attempt = Attempt(parcel=one, outcome=REFUSED, now=START + HOUR, seconds=0)
        assert settle(tx, world.config, attempt, 0).passed_on == []


def test_what_waits_for_the_end_of_quiet_hours_has_its_fifteen_minutes_after_them(worlds: Worlds) -> None:
    digest = '[digest]\nschedule = "0 11 * * *"\nchannels = ["ops"]\n'
    world = worlds(MAIN + OPS + 'fallback = "mail"\nquiet_hours = "10:00-20:00"\n' + LAST + digest)
    story = Story(world, refuse)
    story.at(SECOND, world.digests)
    story.at(HOUR, world.digests)
    story.reads_at(HOUR + MINUTE, 4)
    story.run(10 * HOUR + 14 * MINUTE)
    assert [message.title for message in story.waiting("mail")] == [WORSE]
    assert is_about(story.wakes[0][0], HOUR + 16 * MINUTE)
    story.run(11 * HOUR)
    assert [message.title.partition(" of")[0] for message in story.waiting("mail")] == [WORSE, "[INFO] monitor: digest"]
    assert 10 * HOUR + 15 * MINUTE <= story.wakes[1][0] <= 10 * HOUR + 16 * MINUTE


def test_a_channel_that_recovers_within_fifteen_minutes_passes_nothing_on(worlds: Worlds) -> None:
    world = worlds(BACKED + LAST)
    story = Story(world, take)
    down(story, (timedelta(0), 7 * MINUTE), (20 * MINUTE, 27 * MINUTE))
    story.reads_at(SECOND, 20)
    story.reads_at(20 * MINUTE, 4)
    story.run(3 * HOUR)
    assert (story.taken, story.waiting("mail")) == ([LOW, WORSE], [])


def test_a_fallback_that_is_sent_its_own_copy_gets_no_second_one(worlds: Worlds) -> None:
    world = worlds(BACKED + MAIL + 'min_level = "critical"\n')
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.reads_at(MINUTE, 4)
    story.run(3 * HOUR)
    assert [message.title for message in story.waiting("mail")] == [WORSE]
    assert story.wakes == []


def test_a_fallback_that_heard_a_part_of_an_event_gets_the_rest_and_nothing_twice(worlds: Worlds) -> None:
    world = worlds("[rules.available_credits]\nwarning = 5000\n" + BACKED + MAIL + 'min_level = "critical"\n')
    story = Story(world, refuse)
    world.sees(reading(4, available_credits=3000), after=SECOND)
    story.run(HOUR)
    own, copy = story.waiting("mail")
    credit = "[WARNING] main: 3,000 credits left (at or below 5,000 credits)"
    assert [own.title, copy.title] == [WORSE, credit]
    assert "Rule available_credits: warning." in copy.body
    assert "balance_usd" not in copy.body
    world.sees(reading(100, available_credits=9000))
    assert len(story.waiting("mail")[-1].changes) == 2


def test_a_fallback_that_heard_worse_of_an_alert_is_not_told_afterwards_how_it_began(worlds: Worlds) -> None:
    world = worlds(BACKED + MAIL + 'min_level = "critical"\n')
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.reads_at(MINUTE, 4)
    story.reads_at(20 * MINUTE, 4)
    story.run(HOUR)
    assert [message.title for message in story.waiting("mail")] == [WORSE]


def test_a_fallback_that_heard_the_end_of_an_alert_is_not_told_afterwards_how_it_began(worlds: Worlds) -> None:
    world = worlds(BACKED + MAIL + 'min_level = "critical"\n')
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    story.reads_at(MINUTE, 4)
    story.reads_at(2 * MINUTE, 100)
    story.run(HOUR)
    assert [message.title for message in story.waiting("mail")] == [WORSE, FINE]


def test_a_fallback_hears_once_of_what_got_worse_before_it_was_told(worlds: Worlds) -> None:
    world = worlds(BACKED + LAST)
    story = Story(world, refuse)
    story.reads_at(SECOND, 20)
    for minutes in (5, 16, 21, 26):  # passed on after 15 and after 20 minutes, but polls go on between them
        story.reads_at(minutes * MINUTE, 4)
    story.run(HOUR)
    assert [message.title for message in story.waiting("mail")] == [LOW, WORSE]


def test_a_fallback_does_not_hear_after_the_end_that_things_got_worse(worlds: Worlds) -> None:
    world = worlds(BACKED + LAST)
    story = Story(world, refuse)
    for minutes, balance in ((0, 20), (5, 4), (17, 100)):
        story.reads_at(SECOND + minutes * MINUTE, balance)
    story.run(HOUR)
    assert [message.title for message in story.waiting("mail")] == [LOW, FINE]


def test_whoever_heard_of_an_alert_as_a_fallback_hears_its_end(worlds: Worlds) -> None:
    world = worlds(BACKED + LAST)
    story = Story(world, refuse)
    story.reads_at(SECOND, 4)
    story.reads_at(HOUR, 100)
    story.run(2 * HOUR)
    assert [message.title for message in story.waiting("mail")] == [WORSE, FINE]


def test_what_was_passed_on_is_still_delivered_by_its_own_channel(worlds: Worlds) -> None:
    world = worlds(BACKED + LAST)
    story = Story(world, take)
    down(story, (timedelta(0), HOUR))
    story.reads_at(SECOND, 4)
    story.run(3 * HOUR)
    assert (story.taken, len(story.waiting("mail"))) == ([WORSE], 1)


def test_a_channel_that_cannot_be_used_fails_with_its_reason_and_goes_to_its_fallback(worlds: Worlds) -> None:
    world = worlds(MAIN + '[channels.ops]\nurl_file = "/nonexistent/url"\nfallback = "mail"\n' + LAST)
    story = Story(world, take)
    story.reads_at(SECOND, 4)
    story.run(HOUR)
    assert story.tries == []
    assert "/nonexistent/url" in (story.health().last_error or "")
    assert [message.title for message in story.waiting("mail")][1:] == [WORSE]
    assert [message.title for message in story.waiting("ops")][1:] == [WORSE]
