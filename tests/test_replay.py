"""A replay says what the daemon would have sent: the same words, in the same order, to the same channels."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world import MAIN, START, World, parse, reading

from monitor.model import Failure, Kind, Seen
from monitor.replay import Said, replay
from monitor.rules import RULES as ALL_RULES

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NEWS: dict[str, str] = {}
"""What goes up is told."""

Polls = Sequence[tuple[datetime, Seen]]

RULES = (
    "",
    "[rules.balance_usd]\nwarning = 50\ncritical = 20\nconfirm = 2\n",
    '[rules.balance_usd]\ncooldown = "off"\nremind_every = "20m"\n',
    '[rules.available_credits]\nremind_every = "1h"\n[rules.low_balance_alert]\nlevel = "critical"\n',
    '[rules.refused]\nconfirm = 1\n[rules.unreachable]\nwarning = "20m"\ncritical = "30m"\n',
    '[rules.budget]\nperiod = "day"\nwarning = 20\ncritical = 60\n[rules.stale]\nwarning = "2h"\n',
    "[rules.spend_spike]\nminimum_usd = 5\nfactor = 1\n[rules.top_up]\nminimum_usd = 10\n",
)
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata")
CHANNELS = """
[channels.ops]
url = "json://localhost/ops"
[channels.pager]
url = "json://localhost/pager"
min_level = "critical"
[channels.night]
url = "json://localhost/night"
quiet_hours = "11:00-17:00"
[channels.other]
url = "json://localhost/other"
accounts = []
"""


def heard(said: Sequence[Said], channel: str) -> list[tuple[datetime, str, str]]:
    its = [message for one in said for message in one.messages if message.channel == channel]
    return [(message.decided_at, message.title, message.body) for message in its]


def lived(world: World, polls: Polls) -> None:
    """Let the daemon live through polls; quiet hours that are over are seen just before the next one."""
    for at, seen in polls:
        world.now = at
        world.rouses()
        world.sees(seen, after=timedelta(0))


def same(folder: Path, text: str, polls: Polls) -> None:
    """Hold what a replay says against what the daemon queues."""
    world = World(folder, MAIN)
    world.config = parse(folder, text, NEWS)
    try:
        lived(world, polls)
        said = list(replay(world.config, world.config.accounts["main"], polls, START))
        assert said or len(polls) < 50
        for channel in world.config.channels:
            queued = [(one.decided_at, one.title, one.body) for one in world.heard(channel)]
            assert heard(said, channel) == queued
    finally:
        world.close()


SEEN = st.one_of(
    st.builds(
        reading,
        st.sampled_from(["-1", "0", "4.068", "5", "5.004", "20", "25", "26", "40", "51", "60", "204"]),
        account_id=st.sampled_from([None, "52", "52", "53"]),
        low_balance_alert=st.sampled_from([None, True, False]),
        available_credits=st.sampled_from([3000, 90000]),
        alert_threshold=st.sampled_from([10, 100]),
        updated_at=st.sampled_from([None, START, START - DAY]),
    ),
    st.sampled_from(list(Kind)).map(lambda kind: Failure(kind, "boom")),
)
PAUSES = st.sampled_from([5, 5, 5, 5, 5, 10, 16, 60, 300, 1500, 50_000])


STEPS = st.lists(st.tuples(SEEN, PAUSES, st.integers(1, 6)), max_size=25)


def polled(steps: Sequence[tuple[Seen, int, int]]) -> Polls:
    """Return polls: each step is what is seen, after so many minutes, so many times in a row."""
    polls: list[tuple[datetime, Seen]] = []
    at = START
    for seen, pause, times in steps:
        at += pause * MINUTE
        polls += [(at + place * 5 * MINUTE, seen) for place in range(times)]
        at = polls[-1][0]
    return polls


def whatever_is_seen(rules: Sequence[str], zone: str, steps: Sequence[tuple[Seen, int, int]]) -> None:
    with TemporaryDirectory() as folder:
        same(Path(folder), f'timezone = "{zone}"\n{"".join(rules)}{MAIN}{CHANNELS}', polled(steps))


SOME_RULES = st.sampled_from([(one,) for one in RULES] + [(RULES[1], RULES[5]), (RULES[4], RULES[6])])


@settings(max_examples=50)
@given(SOME_RULES, st.sampled_from(ZONES), STEPS)
def test_it_says_what_the_daemon_queues_whatever_is_seen(
    rules: Sequence[str], zone: str, steps: list[tuple[Seen, int, int]]
) -> None:
    whatever_is_seen(rules, zone, steps)


@pytest.mark.slow
@pytest.mark.timeout(600)
@settings(max_examples=200)
@given(SOME_RULES, st.sampled_from(ZONES), STEPS)
def test_it_says_what_the_daemon_queues_over_hundreds_of_stories(
    rules: Sequence[str], zone: str, steps: list[tuple[Seen, int, int]]
) -> None:
    whatever_is_seen(rules, zone, steps)


def weeks(seed: int) -> Polls:
    """Return a month of spending by day and night, with purchases, single failures, outages and pauses."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    balance, at, polls = Decimal(60), START, list[tuple[datetime, Seen]]()
    for number in range(700):
        at += timedelta(minutes=chance.choice([60, 60, 60, 120, 900 if chance.random() < 0.05 else 60]))
        busy = 8 <= at.hour < 20
        balance -= Decimal(chance.randrange(600 if busy else 60)) / 1000 * chance.choice([1, 1, 1, 9])
        if balance < 3 and chance.random() < 0.05:
            balance += 80
        fails = chance.random() < 0.02 or number % 200 > 194
        polls.append((at, Failure(Kind.UNREACHABLE, "no answer") if fails else reading(balance, account_id="1")))
    return polls


HOURLY = 'interval = "1h"\ntimezone = "Europe/Berlin"\n'


@pytest.mark.parametrize("rules", [0, *(pytest.param(rules, marks=pytest.mark.slow) for rules in (5, 6))])
def test_it_says_what_the_daemon_queues_over_weeks_of_spending(rules: int, tmp_path: Path) -> None:
    same(tmp_path, f"{HOURLY}{RULES[rules]}{MAIN}{CHANNELS}", weeks(rules))


def test_it_begins_as_a_daemon_that_has_looked_before_without_any_rules(tmp_path: Path) -> None:
    polls = weeks(7)
    begin = polls[400][0]
    off = "".join(f"[rules.{rule.name}]\nenabled = false\n" for rule in ALL_RULES)
    world = World(tmp_path, MAIN)
    try:
        world.config = parse(tmp_path, f"{HOURLY}{off}{MAIN}{CHANNELS}", NEWS)
        lived(world, [one for one in polls if one[0] < begin])
        world.config = parse(tmp_path, f"{HOURLY}{MAIN}{CHANNELS}", NEWS)
        lived(world, [one for one in polls if one[0] >= begin])
        said = list(replay(world.config, world.config.accounts["main"], polls, begin))
        assert heard(said, "ops") == [(one.decided_at, one.title, one.body) for one in world.heard("ops")]
        assert len(said) > 10
    finally:
        world.close()


def at(clock: str, balance: object) -> tuple[datetime, Seen]:
    return START.replace(hour=int(clock[:2]), minute=int(clock[3:])), reading(balance)


def night(folder: Path, *polls: tuple[datetime, Seen]) -> list[tuple[str, str]]:
    """Return what the channel hears that has its quiet hours from 11 to 17, and hold it against the daemon."""
    same(folder, f"{MAIN}{CHANNELS}", polls)
    config = parse(folder, f"{MAIN}{CHANNELS}", NEWS)
    said = list(replay(config, config.accounts["main"], polls, START))
    return [(f"{when:%H:%M}", title) for when, title, _ in heard(said, "night")]


def test_what_ended_in_quiet_hours_is_told_at_the_first_poll_after_them(tmp_path: Path) -> None:
    found = night(tmp_path, at("10:30", 60), at("10:55", 24), at("11:30", 60), at("16:59", 60), at("17:04", 60))
    assert found == [
        ("10:55", "[WARNING] main: $24.00 left (at or below $25.00)"),
        ("17:04", "[OK] main: $60.00 left (above $25.00), after 35 minutes (and 1 more)"),
    ]


def test_what_came_and_went_and_what_is_open_still_is_told_after_quiet_hours(tmp_path: Path) -> None:
    steps = (at("10:30", 60), at("11:30", 24), at("12:00", 60), at("13:30", 70), at("16:00", 24), at("17:04", 23))
    assert night(tmp_path, *steps) == [
        ("17:04", "[OK] main: $60.00 left (above $25.00), after 30 minutes at warning (and 2 more)"),
        ("17:04", "[WARNING] main: $23.00 left (at or below $25.00)"),
    ]


def test_after_months_a_forecast_still_rests_on_the_last_four_weeks(tmp_path: Path) -> None:
    """A dollar an hour, so that a week is left at $168."""
    config = parse(tmp_path, f'interval = "1h"\n{MAIN}{CHANNELS}', NEWS)
    polls = [(START + number * HOUR, reading(2000 - number)) for number in range(1850)]
    (said,) = replay(config, config.accounts["main"], polls, START)
    assert said.message.title == "[WARNING] main: about 7 days left (at or below 7 days)"
    assert abs(said.message.decided_at - (START + 1832 * HOUR)) < 2 * HOUR
    assert said.message.body.endswith("from 28 days of readings.")
