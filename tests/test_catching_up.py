"""What people hear after an outage of their channel: in a few messages, and nothing that is no longer true."""

import functools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from oncall import PagerDuty
from played import REFUSED, Story
from world import MAIN, OPS, START, World, reading

from monitor.apart import apart
from monitor.deliver import late
from monitor.deliver.ledger import Attempt, plan, settle
from monitor.model import ENDS, MONITOR, Level, Message, Outcome, Seen, Sent
from monitor.poll import tell_own
from monitor.store import casebook, outbox
from monitor.store.turns import Waiting

Worlds = Callable[..., World]
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NAMES = ("main", "batch", "web", "app", "jobs")
FIVE = "".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n' for name in NAMES)
COOL = '[rules.balance_usd]\ncooldown = "off"\n'
CREDITS = '[rules.available_credits]\ncooldown = "off"\n'
PAGER = f'[channels.ops]\nurl = "{PagerDuty.URL}"\n'
LOW, WORSE = "[WARNING] main: $20.00 left (at or below $25.00)", "[CRITICAL] main: $4.00 left (at or below $5.00)"
NOW = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)


class Channel(Story):
    """A channel whose service is away until a moment, and takes everything then."""

    def __init__(self, world: World, until: timedelta) -> None:
        super().__init__(world, self.take)
        self.got: list[Message] = []
        self.until = until

    def take(self, message: Message) -> Outcome:
        if self.clock.time < START + self.until:
            return REFUSED
        self.got.append(message)
        return Sent()

    def sees_at(self, when: timedelta, seen: Seen, account: str = "main") -> None:
        self.at(when, lambda: self.world.sees(seen, account, after=timedelta(0)))

    def known(self) -> dict[tuple[str, str], Level]:
        """Return the level of each rule of each account to somebody who read all that came."""
        told = [change for message in self.got for change in message.changes if change.rule]
        return {(one.account, one.rule): Level.OK if one.cause in ENDS else one.level for one in told}

    def true(self) -> dict[tuple[str, str], Level]:
        """Return what they really are."""
        with self.world.store.transaction() as tx:
            cases = [(one.name, casebook.cases(tx, one.name, one.rules)) for one in self.world.config.accounts.values()]
        return {(name, case.rule.name): case.state.level for name, found in cases for case in found}


def test_after_a_day_without_a_channel_200_changes_are_a_few_messages_that_tell_the_truth(worlds: Worlds) -> None:
    chance = random.Random(2026)  # noqa: S311 - a story
    story = Channel(worlds(FIVE + OPS + COOL + CREDITS), until=DAY)
    for place in range(300):
        when = place * DAY / 300 + MINUTE
        seen = reading(chance.choice((3, 4, 20, 22, 90, 300)), available_credits=chance.choice((500, 3000, 90000)))
        story.sees_at(when, seen, chance.choice(NAMES))
    story.run(DAY - SECOND)
    decided = sum(len(message.changes) for message in story.waiting())
    assert decided > 200
    assert story.got == []
    story.run(DAY + HOUR)
    assert story.waiting() == []
    assert len(story.got) <= 3
    assert {key: story.true()[key] for key in story.known()} == story.known()
    assert len(story.known()) == 2 * len(NAMES)
    assert all(message.body.startswith("Late: decided from 2026-01-13 10:") for message in story.got)
    assert all(len(message.body) < 6000 for message in story.got)


def test_a_channel_that_fails_is_tried_with_all_that_waits_about_one_account(worlds: Worlds) -> None:
    story = Channel(worlds(FIVE + OPS), until=HOUR)
    for place, name in enumerate(NAMES):
        story.reads_at(SECOND * (1 + place), 20, name)
        story.reads_at(MINUTE + SECOND * (1 + place), 4, name)
    story.run(HOUR - SECOND)
    assert {one.title for one in story.tries if 10 * MINUTE < one.at < 30 * MINUTE} == {
        "[CRITICAL] main: $4.00 left (at or below $5.00), since 2026-01-13 10:00 UTC"
    }
    story.run(2 * HOUR)
    assert [message.title for message in story.got[1:]] == [
        "[CRITICAL] 4 accounts, told late: 4 open (batch, web, app, jobs)"
    ]


# -- pagers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balances", "expected"),
    [
        (
            (20, 4, 100),
            [
                f"{WORSE}, since 2026-01-13 10:00 UTC, over by now",
                "[OK] main: $100.00 left (above $25.00)",
            ],
        ),
        (
            (20, 100, 4),
            ["[CRITICAL] main: $4.00 left (at or below $5.00), since 2026-01-13 10:20 UTC, after 1 alert that is over"],
        ),
        (
            (20, 100) * 3,
            [
                f"{LOW}, since 2026-01-13 10:40 UTC, after 2 alerts that are over, over by now",
                "[OK] main: $100.00 left (above $25.00)",
            ],
        ),
    ],
)
def test_a_pager_opens_once_what_it_did_not_hear_of_and_closes_it_by_a_message_of_its_own(
    worlds: Worlds, balances: tuple[int, ...], expected: list[str]
) -> None:
    story = Channel(worlds(MAIN + PAGER + COOL), until=2 * HOUR)
    for place, balance in enumerate(balances):
        story.reads_at(SECOND + place * 10 * MINUTE, balance)
    story.run(4 * HOUR)
    assert story.taken == expected
    assert [len(message.changes) for message in story.got] == [1] * len(expected)


def test_a_pager_that_knows_of_an_alert_hears_just_its_end(worlds: Worlds) -> None:
    story = Channel(worlds(MAIN + PAGER + COOL), until=timedelta(0))
    story.reads_at(SECOND, 20)
    story.run(MINUTE)
    story.until = 2 * HOUR
    for place, balance in enumerate((4, 100)):
        story.reads_at(2 * MINUTE + place * 10 * MINUTE, balance)
    story.run(4 * HOUR)
    assert story.taken[1:] == ["[OK] main: was critical until 2026-01-13 10:12 UTC, now $100.00 left (above $25.00)"]


def test_a_pager_hears_of_each_rule_by_itself(worlds: Worlds) -> None:
    story = Channel(worlds(MAIN + PAGER + COOL + CREDITS), until=2 * HOUR)
    for place, (balance, credits_) in enumerate(((20, 900), (4, 900), (4, 90000))):
        seen = reading(balance, available_credits=credits_)
        story.sees_at(SECOND + place * 10 * MINUTE, seen)
    story.run(4 * HOUR)
    assert [title.partition(" left")[0] for title in story.taken] == [
        "[CRITICAL] main: $4.00",
        "[CRITICAL] main: 900 credits",
        "[OK] main: 90,000 credits",
    ]


@pytest.mark.parametrize(
    ("changes", "pages"),
    [
        ("+a -a +b", "+a -a +b"),
        ("+a +b -b -a", "+a +b -b -a"),
        ("+a -a +b -b +a -a", "+a -a +b -b +a -a"),
        ("+a -a +a +b", "+a +b"),
        ("+a +b -a +a -b", "+a +b -b"),
    ],
)
def test_a_pager_that_hears_late_of_the_monitors_own_alerts_closes_none_before_it_opened_it(
    worlds: Worlds, changes: str, pages: str
) -> None:
    world = worlds(MAIN + PAGER)
    story = Channel(world, until=HOUR)

    def own(change: str) -> None:
        found = (Level.WARNING if change[0] == "+" else Level.OK, "said")
        story.do(lambda tx: outbox.queue(tx, tell_own(tx, world.config, change[1], found, world.now)))

    for place, change in enumerate(changes.split()):
        story.at(place * MINUTE, functools.partial(own, change))
    story.run(2 * HOUR)
    heard = [change for message in story.got for one in apart(message) for change in one.changes]
    assert " ".join(("-" if one.cause in ENDS else "+") + one.rule for one in heard) == pages


# -- what goes together -----------------------------------------------------------------------------------------------


def queue(*words: str) -> list[Waiting]:
    """Return what waits, each written as ``account kind``; a kind of - goes alone."""
    pairs = [word.split() for word in words]
    return [
        Waiting(str(place), account, "" if kind == "-" else kind, NOW) for place, (account, kind) in enumerate(pairs, 1)
    ]


@pytest.mark.parametrize(
    ("waiting", "most", "together"),
    [
        (("a low", "b low", "a runway", "b low"), 200, "1234"),
        (("a low", "b low", "a runway", "b low", "c low"), 2, "1234"),
        (("a low", "b low", "a runway"), 1, "13"),
        (("a low", "b -", "a low"), 200, "1"),
        (("a -", "a low"), 200, "1"),
        (("a low", f"{MONITOR} {MONITOR}", "b low"), 200, "13"),
        ((f"{MONITOR} {MONITOR}", "b low", f"{MONITOR} {MONITOR}"), 200, "13"),
    ],
)
def test_all_about_the_first_accounts_goes_as_one_up_to_what_goes_alone(
    waiting: tuple[str, ...], most: int, together: str
) -> None:
    assert late.together(queue(*waiting), most=most) == list(together)


@pytest.mark.parametrize(
    ("waiting", "together"),
    [(("a low", "b low", "a runway", "a low"), "14"), (("a -", "a low"), "1")],
)
def test_where_changes_are_kept_apart_all_of_one_rule_of_one_account_goes_as_one(
    waiting: tuple[str, ...], together: str
) -> None:
    assert late.of_one_alert(queue(*waiting)) == list(together)


@pytest.mark.parametrize(
    ("balance", "quiet", "since"),
    [
        (20, "", timedelta(0)),
        (20, "12:00-13:00", timedelta(0)),
        (20, "09:00-11:00", HOUR),  # waiting for their end is not being late
        (4, "09:00-11:00", timedelta(0)),  # which what is critical does not do
    ],
)
def test_a_message_is_late_two_minutes_after_it_could_go(
    worlds: Worlds, balance: int, quiet: str, since: timedelta
) -> None:
    world = worlds(MAIN + OPS)
    world.sees_balance(balance, after=timedelta(0))
    (message,) = world.heard()
    assert message.decided_at == NOW
    world.reload(MAIN + OPS + (f'quiet_hours = "{quiet}"\n' if quiet else ""))
    assert not late.is_late(message, world.config, NOW + since + 2 * MINUTE)
    assert late.is_late(message, world.config, NOW + since + 2 * MINUTE + SECOND)


def test_a_message_to_a_channel_that_left_is_late_like_any_other(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS)
    world.sees_balance(20, after=timedelta(0))
    (message,) = world.heard()
    world.reload(MAIN + OPS.replace("ops", "others"))
    assert not late.is_late(message, world.config, NOW + 2 * MINUTE)
    assert late.is_late(message, world.config, NOW + 2 * MINUTE + SECOND)


def test_what_stands_for_others_another_time_has_another_id_and_the_same_for_the_same(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS)
    parcels = []
    for balance in (20, 4, None, 20):
        if balance is not None:
            world.sees_balance(balance, after=3 * MINUTE)
        with world.store.transaction() as tx:
            parcel = plan(tx, world.config, world.config.channels["ops"], world.now).parcel
        assert parcel is not None
        parcels.append(parcel)
    ids = [parcel.words.id for parcel in parcels]
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3
    with world.store.transaction() as tx:
        settle(tx, world.config, Attempt(parcel=parcels[-1], outcome=Sent(), now=world.now, seconds=0), 0)
        assert outbox.waiting(tx, "ops") == []
