"""What people on a channel hear when many accounts are in trouble at once; time is played, the rest is real."""

import random
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from played import REFUSED, Story
from world import OPS, START, World

from monitor.deliver.ledger import Attempt, plan, settle
from monitor.model import Failure, Kind, Level, Message, NotSent, Outcome, Sent
from monitor.store import Store, outbox

Worlds = Callable[..., World]
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\nmin_level = "off"\n'
LINE = re.compile(r"^\[[A-Z]+\] (a\d+): ")
TEN = "a0, a1, a2, a3, a4, a5, a6, a7, a8, a9"


def crowd(count: int, rest: str = OPS) -> str:
    accounts = (f'[accounts.a{number}]\napi_key = "key-of-a{number}-0001"\n' for number in range(count))
    return "".join(accounts) + rest


class Crowd(Story):
    """A story about many accounts, with every message as the service took it."""

    def __init__(self, world: World, channel: str = "ops") -> None:
        super().__init__(world, self.take, channel)
        self.got: list[Message] = []
        self.dislikes: Callable[[Message], bool] = lambda _: False

    def take(self, message: Message) -> Outcome:
        if self.dislikes(message):
            return NotSent("HTTP 400 Bad Request")
        self.got.append(message)
        return Sent()

    def all_read(self, balance: object, when: timedelta, *, within: timedelta = 2 * SECOND, count: int = 0) -> None:
        """Let all accounts, or the first of them, be polled one after the other."""
        names = list(self.world.config.accounts)[: count or None]
        for place, name in enumerate(names):
            self.reads_at(when + within * (place / len(names)), balance, name)

    def lines(self) -> list[str]:
        """Return every line about an account: of a message about one, its title."""
        return [line for one in self.got for line in lines_of(one)]

    def named(self) -> Counter[str]:
        """Return how often each account was told of."""
        return Counter(found[1] for line in self.lines() if (found := LINE.match(line)))


def lines_of(message: Message) -> list[str]:
    return [line for line in message.body.splitlines() if LINE.match(line)] or [message.title]


def each_once(count: int) -> Counter[str]:
    return Counter({f"a{number}": 1 for number in range(count)})


# -- a storm ----------------------------------------------------------------------------------------------------------


def test_many_accounts_that_run_low_together_are_two_messages_and_each_is_named_in_one_line(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(150)))
    story.all_read(20, MINUTE)
    story.run(5 * MINUTE)
    assert story.taken == [
        "[WARNING] a0: $20.00 left (at or below $25.00)",
        "[WARNING] 149 accounts: balance_usd (a1, a2, a3, a4, a5, a6, a7, a8, a9, a10 and 139 more)",
    ]
    assert story.named() == each_once(150)
    assert [round(one.at.total_seconds()) for one in story.tries] == [60, 90]


def test_more_than_fit_into_one_message_are_a_handful_of_them_right_after_each_other(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(420)))
    story.all_read(20, MINUTE)
    story.run(5 * MINUTE)
    assert [len(one.changes) for one in story.got] == [1, 200, 200, 19]
    assert story.named() == each_once(420)
    assert story.tries[-1].at < 92 * SECOND


def test_purchases_that_land_together_are_told_together(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(30), environ={}))
    story.all_read(100, SECOND)
    story.all_read(200, 5 * MINUTE)
    story.run(10 * MINUTE)
    assert len(story.got) == 2
    assert story.taken[1].startswith("[INFO] 29 accounts: news (a1, ")
    assert story.named() == each_once(30)


def test_whoever_runs_on_from_low_to_critical_in_a_storm_is_told_both_in_order(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(100)))
    story.all_read(20, MINUTE)
    story.all_read(4, MINUTE + 5 * SECOND)
    story.run(5 * MINUTE)
    assert len(story.got) <= 4
    assert story.named() == Counter({f"a{number}": 2 for number in range(100)})
    for number in range(100):
        mine = [line for line in story.lines() if f" a{number}: " in line]
        assert [line.split()[0] for line in mine] == ["[WARNING]", "[CRITICAL]"]


def test_a_trickle_is_a_message_every_half_a_minute(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(120)))
    story.all_read(20, MINUTE, within=4 * MINUTE)
    story.run(10 * MINUTE)
    assert 8 <= len(story.got) <= 10
    assert story.named() == each_once(120)


def test_the_worsening_and_the_end_of_one_account_alone_go_at_once(world: World) -> None:
    story = Story(world, lambda _: Sent())
    for place, balance in enumerate((20, 4, 20, 100)):
        story.reads_at((1 + place) * SECOND, balance)
    story.run(MINUTE)
    assert [one.at for one in story.tries] == [SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND]
    assert all("accounts" not in title for title in story.taken)


def test_two_rules_do_not_hold_each_other(worlds: Worlds) -> None:
    world = worlds(crowd(4))
    story = Crowd(world)
    story.reads_at(SECOND, 20, "a0")
    story.reads_at(2 * SECOND, 20, "a1")
    for _ in range(2):
        story.at(3 * SECOND, lambda: world.sees(Failure(Kind.REFUSED, "HTTP 401"), "a2", timedelta(0)))
    story.run(2 * MINUTE)
    assert [one.at < 10 * SECOND for one in story.tries] == [True, True, False]
    assert [title.split(":")[0] for title in story.taken] == ["[WARNING] a0", "[CRITICAL] a2", "[WARNING] a1"]


def test_a_restart_forgets_neither_what_was_sent_nor_what_is_held(worlds: Worlds) -> None:
    world = worlds(crowd(20))
    story = Crowd(world)
    story.all_read(20, MINUTE)
    story.run(70 * SECOND)
    assert len(story.got) == 1
    world.restart()
    story.run(3 * MINUTE)
    assert len(story.got) == 2
    assert story.named() == each_once(20)
    assert abs(story.tries[-1].at - 90 * SECOND) < SECOND


def test_a_clock_that_was_set_back_holds_nothing_for_longer(worlds: Worlds) -> None:
    world = worlds(crowd(3))
    story = Crowd(world)
    story.reads_at(HOUR, 20, "a0")
    story.run(HOUR + SECOND)
    story.clock.time = START
    story.reads_at(timedelta(0), 20, "a1")
    story.reads_at(SECOND, 20, "a2")
    story.run(HOUR - MINUTE)
    assert [one.at for one in story.tries[1:]] == [timedelta(0), 30 * SECOND]


# -- a service in trouble ---------------------------------------------------------------------------------------------


def test_after_an_outage_what_waits_arrives_in_a_handful_of_messages_and_says_that_it_is_late(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(150)))
    story.dislikes = lambda _: story.clock.time < START + 50 * MINUTE
    story.all_read(20, MINUTE)
    story.run(2 * HOUR)
    assert len(story.got) <= 3
    assert story.named() == each_once(150)
    late = story.got[-1].body.splitlines()
    assert late[0].startswith("Late: decided 2026-01-13 10:01:")
    assert sum(line.startswith("Now: ") for line in late) == 10
    assert story.health().failures == 0


def test_what_the_service_took_is_settled_one_by_one_and_a_failure_is_the_first_ones_alone(worlds: Worlds) -> None:
    world = worlds(crowd(5))
    story = Crowd(world)
    story.dislikes = lambda message: "accounts" in message.title and story.clock.time < START + 95 * SECOND
    story.all_read(20, MINUTE)
    story.run(5 * MINUTE)
    assert story.states() == {}
    with world.store.transaction() as tx:
        ids = [row.id for row in tx.exec_driver_sql("SELECT id FROM outbox ORDER BY position")]
        errors = [[error for _, _, error in outbox.attempts(tx, one)] for one in ids]
    assert errors == [[None], ["HTTP 400 Bad Request", None], [None], [None], [None]]


def test_one_that_the_service_never_takes_is_found_among_many_and_holds_up_nobody_for_an_hour(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(150)))
    story.dislikes = lambda message: " a99: " in message.title + message.body
    story.all_read(20, MINUTE)
    story.run(62 * MINUTE)
    assert story.named() == each_once(150) - Counter(["a99"])
    assert [title.split(":")[0] for title in story.states()["waiting"]] == ["[WARNING] a99"]
    story.run(3 * HOUR)
    story.all_read(4, 3 * HOUR, count=2)
    story.run(3 * HOUR + MINUTE)
    assert story.tries[-1].at - 3 * HOUR < 31 * SECOND


def test_a_service_that_takes_only_few_at_once_gets_all_of_them_within_minutes(worlds: Worlds) -> None:
    story = Crowd(worlds(crowd(150)))
    story.dislikes = lambda message: len(message.body.splitlines()) > 40
    story.all_read(20, MINUTE)
    story.run(5 * MINUTE)
    assert story.named() == each_once(150)
    assert len(story.got) < 10


def test_a_fallback_gets_what_was_passed_on_as_one(worlds: Worlds) -> None:
    world = worlds(crowd(30, OPS + 'fallback = "mail"\n' + MAIL))
    dead = Crowd(world)
    dead.answer = lambda _: REFUSED
    dead.all_read(20, MINUTE)
    dead.run(20 * MINUTE)
    mail = Crowd(world, "mail")
    mail.clock.time = dead.clock.time
    mail.run(21 * MINUTE)
    assert len(mail.got) <= 2
    assert mail.named() == each_once(30)


def test_a_crash_between_taken_and_written_down_repeats_that_message_and_loses_none(worlds: Worlds) -> None:
    world = worlds(crowd(10))
    story = Crowd(world)
    story.all_read(20, MINUTE)
    story.run(80 * SECOND)
    with world.store.transaction() as tx:
        lost = plan(tx, world.config, world.config.channels["ops"], START + 95 * SECOND)
    assert lost.parcel is not None
    assert len(lost.parcel.others) == 8
    world.restart()
    story.run(3 * MINUTE)
    assert story.got[-1].title == lost.parcel.words.title
    assert story.named() == each_once(10)


def test_what_was_dropped_by_hand_while_it_was_sent_stays_dropped(worlds: Worlds) -> None:
    world = worlds(crowd(3))
    story = Crowd(world)
    story.all_read(20, MINUTE)
    story.run(80 * SECOND)
    with world.store.transaction() as tx:
        now = START + 95 * SECOND
        todo = plan(tx, world.config, world.config.channels["ops"], now)
        assert todo.parcel is not None
        outbox.drop(tx, todo.parcel.others[0].message, now)
        attempt = Attempt(parcel=todo.parcel, outcome=Sent(), now=now, seconds=1)
        settle(tx, world.config, attempt, 0)
        found = outbox.find(tx, todo.parcel.others[0].message.id)
    assert found is not None
    assert found.state == "dropped"


# -- people -----------------------------------------------------------------------------------------------------------


def test_what_is_retried_by_hand_waits_for_no_others(worlds: Worlds) -> None:
    world = worlds(crowd(4))
    story = Crowd(world)
    story.all_read(20, MINUTE)

    def retry() -> None:
        command = Store.open_existing(f"sqlite:///{world.store.path}")
        with command.transaction() as tx:
            outbox.retry(tx, outbox.waiting(tx, "ops")[-1].message, world.now)
        command.close()

    story.at(65 * SECOND, retry)
    story.run(66 * SECOND)
    assert story.named() == each_once(4)
    assert story.taken[-1].startswith("[WARNING] a3: ")
    assert story.taken[-2].startswith("[WARNING] 2 accounts: balance_usd (a1, a2)")


def test_in_quiet_hours_only_what_is_critical_goes_together(worlds: Worlds) -> None:
    world = worlds(crowd(30, OPS + 'quiet_hours = "10:10-12:00"\n'))
    story = Crowd(world)
    story.dislikes = lambda _: story.clock.time < START + 11 * MINUTE
    story.all_read(20, 9 * MINUTE, count=10)
    story.all_read(4, 9.5 * MINUTE, count=5)
    story.all_read(4, 20 * MINUTE)
    story.run(100 * MINUTE)
    assert {one.severity for one in story.got} == {Level.CRITICAL}
    assert Counter(line.split()[0] for line in story.lines()) == {"[CRITICAL]": 30}
    assert len(story.got) <= 5
    story.run(3 * HOUR)
    assert Counter(line.split()[0] for line in story.lines()) == {"[CRITICAL]": 30, "[WARNING]": 10}


def test_a_long_queue_is_looked_at_a_piece_at_a_time(worlds: Worlds) -> None:
    world = worlds(crowd(2))
    story = Crowd(world)
    story.dislikes = lambda _: story.clock.time < START + 2 * HOUR
    for turn in range(400):
        story.all_read(20 if turn % 2 else 100, MINUTE + turn * 5 * SECOND)
    story.run(3 * HOUR)
    with world.store.transaction() as tx:
        assert outbox.counts(tx) == {}
    assert len(story.got) < 20


def test_whatever_the_order_nobody_is_flooded_and_each_account_hears_its_own_in_order(worlds: Worlds) -> None:
    chance, world = random.Random(7), worlds(crowd(60))  # noqa: S311 - an order
    story = Crowd(world)
    happened: dict[str, list[str]] = {f"a{number}": [] for number in range(60)}
    for _ in range(240):
        name, balance = chance.choice(list(happened)), chance.choice((100, 20, 4))
        when = MINUTE + chance.uniform(0, 60) * SECOND

        def read(name: str = name, balance: Any = balance) -> None:
            polled = world.sees_balance(balance, after=timedelta(0), account=name)
            happened[name] += [message.title for message in polled.messages]

        story.at(when, read)
    story.run(5 * MINUTE)
    heard = {name: [line for line in story.lines() if f"] {name}: " in line] for name in happened}
    assert heard == happened
    assert len(story.got) <= 8
