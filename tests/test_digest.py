"""A digest comes when its schedule says, once, whatever happens to the daemon and its clock; and says how it stands."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from test_mirror import find_again, lose
from world import MAIN, OPS, World, reading

from monitor.deliver.ledger import plan
from monitor.model import MONITOR, Level, Message
from monitor.poll import CHANNELS, digest, tell_own
from monitor.store import digests, history, outbox

Worlds = Callable[..., World]
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
DIGEST = '[digest]\nschedule = "0 9 * * *"\n'
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'
BATCH = '[accounts.batch]\napi_key = "key-of-batch-0002"\n'


def looks(world: World, at: datetime | None = None) -> list[Message]:
    """Let the daemon look at a time whether a digest is due, and send it."""
    world.now = at or world.now
    return world.digests()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def world(worlds: Worlds) -> World:
    """Give an account and a channel that gets a digest each day at nine; it is 13 January, ten o'clock."""
    made = worlds(MAIN + OPS + DIGEST)
    assert looks(made) == []
    return made


def subjects(world: World, channel: str = "ops") -> list[str]:
    return [title for title in world.titles(channel) if "digest" in title]


# -- when -------------------------------------------------------------------------------------------------------------


def test_the_first_one_comes_at_the_next_time_of_the_schedule_and_tells_of_the_time_since_the_one_before(
    world: World,
) -> None:
    assert looks(world, at("2026-01-14 08:59:59")) == []
    (message,) = looks(world, at("2026-01-14 09:00:03"))
    assert message.title == "[INFO] monitor: digest of 1 account since Tue 13 Jan 09:00 UTC"
    assert (message.account, message.severity, message.channel) == (MONITOR, Level.INFO, "ops")
    assert looks(world) == []
    assert subjects(world) == [message.title]
    (following,) = looks(world, at("2026-01-15 09:00"))
    assert following.title == "[INFO] monitor: digest of 1 account since Wed 14 Jan 09:00 UTC"


@pytest.mark.parametrize(("late", "count"), [(12 * HOUR - MINUTE, 1), (12 * HOUR + MINUTE, 0)])
def test_one_that_was_missed_by_less_than_twelve_hours_is_sent_once(world: World, late: timedelta, count: int) -> None:
    world.restart()
    assert len(looks(world, at("2026-01-14 09:00") + late)) == count
    assert looks(world, world.now + MINUTE) == []
    assert len(looks(world, at("2026-01-15 09:00"))) == 1


def test_after_one_that_was_left_out_the_next_one_tells_of_both_times(world: World) -> None:
    looks(world, at("2026-01-14 09:00"))
    assert looks(world, at("2026-01-15 22:00")) == []
    (message,) = looks(world, at("2026-01-16 09:00"))
    assert message.title.endswith("since Wed 14 Jan 09:00 UTC")


def test_of_several_that_were_missed_one_is_sent(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + '[digest]\nschedule = "*/10 * * * *"\n')
    looks(world)
    (message,) = looks(world, world.now + 30 * DAY)
    assert message.title.endswith("since Tue 13 Jan 09:50 UTC")
    assert looks(world) == []


def test_a_restart_sends_none_twice_and_a_crash_before_it_was_queued_loses_none(world: World) -> None:
    now = at("2026-01-14 09:00:05")
    with world.store.transaction() as tx:
        assert digest.due(tx, world.config, now) is not None
    world.restart()
    assert len(looks(world, now)) == 1
    world.restart(MINUTE)
    assert looks(world) == []
    assert len(subjects(world)) == 1


def test_two_that_were_put_together_beside_each_other_are_sent_once(world: World) -> None:
    now = at("2026-01-14 09:00:05")
    with world.store.transaction() as tx:
        found = digest.due(tx, world.config, now)
        assert found is not None
        entries = {"main": digest.entry(tx, "main", found.period, world.config.retention)}
        assert digest.send(tx, world.config, found, entries, now)
        assert digest.send(tx, world.config, found, entries, now) is None


def test_one_that_is_taken_out_while_it_is_put_together_is_not_sent(world: World) -> None:
    now = at("2026-01-14 09:00:05")
    with world.store.transaction() as tx:
        found = digest.due(tx, world.config, now)
    assert found is not None
    world.reload(MAIN + OPS)
    with world.store.transaction() as tx:
        assert digest.send(tx, world.config, found, {}, now) is None


def test_another_schedule_counts_from_when_it_was_seen_and_the_time_since_the_last_one_goes_on(world: World) -> None:
    looks(world, at("2026-01-14 09:00"))
    world.reload(MAIN + OPS + '[digest]\nschedule = "0 8 * * *"\n')
    assert looks(world, at("2026-01-14 09:30")) == []
    (message,) = looks(world, at("2026-01-15 08:00"))
    assert message.title.endswith("since Wed 14 Jan 09:00 UTC")


def test_another_time_zone_is_another_schedule(world: World) -> None:
    looks(world, at("2026-01-14 09:00"))
    world.reload('timezone = "America/New_York"\n' + MAIN + OPS + DIGEST)
    assert looks(world, at("2026-01-14 10:00")) == []
    (message,) = looks(world, at("2026-01-14 14:00"))
    assert message.title.endswith("since Wed 14 Jan 04:00 EST")


def test_one_that_is_taken_out_is_forgotten_and_begins_anew_when_it_comes_back(world: World) -> None:
    world.reload(MAIN + OPS)
    assert looks(world, at("2026-01-14 08:00")) == []
    assert looks(world, at("2026-01-14 08:01")) == []
    with world.store.transaction() as tx:
        assert digests.read(tx) is None
    world.reload(MAIN + OPS + DIGEST)
    assert looks(world, at("2026-01-14 10:00")) == []
    assert len(looks(world, at("2026-01-15 09:00"))) == 1


def test_a_clock_that_is_set_back_sends_none_twice_and_one_that_was_far_ahead_leaves_none_out(world: World) -> None:
    assert len(looks(world, at("2026-01-14 09:00"))) == 1
    assert looks(world, at("2026-01-14 08:30")) == []
    assert looks(world, at("2026-01-14 09:30")) == []
    assert len(looks(world, at("2030-01-14 09:00"))) == 1
    assert looks(world, at("2026-01-15 08:00")) == []
    assert len(looks(world, at("2026-01-15 09:00"))) == 1


def test_what_was_sent_while_the_disk_failed_is_not_sent_again(world: World) -> None:
    lose(world.store)
    assert len(looks(world, at("2026-01-14 09:00"))) == 1
    find_again(world.store)
    assert looks(world) == []
    world.restart(MINUTE)
    assert looks(world) == []
    assert len(subjects(world)) == 1


@pytest.mark.parametrize(
    ("zone", "schedule", "begins", "sent"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28 12:00", ["29 03:30", "30 02:30", "31 02:30"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24 12:00", ["25 02:30", "26 02:30", "27 02:30"]),
        ("Australia/Lord_Howe", "15 2 * * *", "2026-10-03 12:00", ["04 02:45", "05 02:15", "06 02:15"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04 12:00", ["05 01:45", "06 01:45", "07 01:45"]),
        ("Asia/Kathmandu", "0 9 * * *", "2026-01-13 12:00", ["14 09:00", "15 09:00", "16 09:00"]),
        ("UTC", "0 9 29 2 *", "2028-02-27 12:00", ["29 09:00"]),
        ("UTC", "0 9 31 * *", "2026-01-30 12:00", ["31 09:00"]),
    ],
)
def test_nights_in_which_clocks_change_and_odd_days_bring_each_one_once(
    worlds: Worlds, zone: str, schedule: str, begins: str, sent: Sequence[str]
) -> None:
    world = worlds(f'timezone = "{zone}"\n{MAIN}{OPS}[digest]\nschedule = "{schedule}"\n')
    place = ZoneInfo(zone)
    now = datetime.fromisoformat(begins).replace(tzinfo=place).astimezone(UTC)
    end, found = now + 3 * DAY, []
    while now < end:
        if looks(world, now):
            found.append(f"{now.astimezone(place):%d %H:%M}")
        now += 5 * MINUTE
    assert found == sent


# -- to whom ----------------------------------------------------------------------------------------------------------


def test_it_goes_to_all_that_are_not_only_a_fallback_whatever_their_level_or_to_those_that_are_named(
    worlds: Worlds,
) -> None:
    text = MAIN + OPS + 'min_level = "critical"\n' + MAIL + 'min_level = "off"\n' + DIGEST
    world = worlds(text)
    looks(world)
    assert [message.channel for message in looks(world, at("2026-01-14 09:00"))] == ["ops"]
    world.reload(text + 'channels = ["mail"]\n')
    assert [message.channel for message in looks(world, at("2026-01-15 09:00"))] == ["mail"]


def test_a_channel_reads_only_of_accounts_of_which_it_hears_and_nothing_at_all_of_none(worlds: Worlds) -> None:
    pager = '[channels.pager]\nurl = "json://localhost/pager"\naccounts = []\n'
    world = worlds(MAIN + BATCH + 'channels = ["mail"]\n' + OPS + MAIL + pager + DIGEST)
    looks(world)
    world.reads(40).reads(30, account="batch")
    messages = {message.channel: message for message in looks(world, at("2026-01-14 09:00"))}
    assert set(messages) == {"ops", "mail"}
    assert "batch" not in messages["ops"].body
    assert "main: $40.00 left" in messages["ops"].body
    assert "batch: $30.00 left" in messages["mail"].body
    assert "digest of 2 accounts" in messages["mail"].title
    assert messages["ops"].event != messages["mail"].event


def test_those_that_read_the_same_are_told_of_one_event(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + MAIL + DIGEST)
    looks(world)
    one, other = looks(world, at("2026-01-14 09:00"))
    assert (one.body, one.event) == (other.body, other.event)


def test_a_channel_that_sleeps_gets_it_when_it_wakes(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + 'quiet_hours = "08:00-10:00"\n' + DIGEST)
    looks(world)
    looks(world, at("2026-01-14 09:00"))

    def next_up(now: datetime) -> str:
        with world.store.transaction() as tx:
            parcel = plan(tx, world.config, world.config.channels["ops"], now).parcel
        return f"{parcel.words.title}\n{parcel.words.body}" if parcel else ""

    assert next_up(at("2026-01-14 09:59")) == ""
    assert "digest" in next_up(at("2026-01-14 10:00"))
    assert "Late" not in next_up(at("2026-01-14 10:00"))
    assert "Late" in next_up(at("2026-01-14 10:03"))


def test_one_that_goes_late_beside_other_news_of_the_monitor_loses_nothing_of_what_it_tells(world: World) -> None:
    world.reads(90)
    looks(world, at("2026-01-14 09:00"))
    with world.store.transaction() as tx:
        outbox.queue(tx, tell_own(tx, world.config, CHANNELS, (Level.WARNING, "channel x cannot be used"), world.now))
    with world.store.transaction() as tx:
        parcel = plan(tx, world.config, world.config.channels["ops"], world.now + 5 * MINUTE).parcel
    assert parcel is not None
    assert "main: $90.00 left" in parcel.words.body


# -- what -------------------------------------------------------------------------------------------------------------


def told(world: World, when: str) -> str:
    """Return the digest that is sent at a time."""
    (message,) = looks(world, at(when))
    return message.body


def polls(world: World, hours: int, fall: float = 0, account: str = "main", start: float = 100) -> None:
    """Poll an account hourly, its balance falling evenly."""
    for hour in range(1, hours + 1):
        world.sees(reading(round(start - fall * hour, 6)), account, HOUR)


def test_nothing_is_known_of_an_account_that_was_never_read(world: World) -> None:
    assert told(world, "2026-01-14 09:00") == "main: not read yet\nnot known yet how much went; no polls"


def test_what_went_since_the_last_one_is_held_against_the_day_before(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + DIGEST)
    looks(world, at("2026-01-13 08:00"))
    world.sees_balance(100, after=at("2026-01-13 09:00") - world.now)
    assert "not known yet how much went; 100 % of 1 poll" in told(world, "2026-01-13 09:00")
    polls(world, 24, 0.5)
    assert "$12.00 gone; 100 % of 24 polls" in told(world, "2026-01-14 09:00")
    polls(world, 24, 0.75, start=88)
    assert "$18.00 gone, 50 % more than before; 100 % of 24 polls" in told(world, "2026-01-15 09:00")


def test_alerts_top_ups_and_polls_that_failed_are_told(world: World) -> None:
    world.reads(40, 20, 140)
    world.fails(times=1).reads(4)
    with world.store.transaction() as tx:
        outbox.queue(tx, tell_own(tx, world.config, CHANNELS, (Level.WARNING, "channel x cannot be used"), world.now))
    world.now = at("2026-01-14 09:00")
    body = told(world, "2026-01-14 09:00")
    assert "The monitor itself: channel x cannot be used." in body
    assert "$120.00 came in; 1 alert ended; 80 % of 5 polls" in body
    assert "[CRITICAL] $4.00 left (at or below $5.00)" in body


def test_a_rise_is_told_of_once_also_where_days_begin_within_an_hour(worlds: Worlds) -> None:
    world = worlds('timezone = "Asia/Kathmandu"\n' + MAIN + OPS + DIGEST)  # nine o'clock there is 03:15
    looks(world, at("2026-01-13 03:00"))
    world.sees_balance(10, after=MINUTE)
    world.sees_balance(20, after=10 * MINUTE)
    bodies = [told(world, "2026-01-13 03:15")]
    world.sees_balance(120, after=20 * MINUTE)
    bodies += [told(world, "2026-01-14 03:15"), told(world, "2026-01-15 03:15")]
    assert [("came in" in body) for body in bodies] == [False, True, False]
    assert "$110.00 came in" in bodies[1]


def test_polls_of_a_long_rest_are_counted_in_proportion(world: World) -> None:
    world.now = at("2026-01-13 20:00")
    for _ in range(48):  # until midnight
        world.sees(reading(40), after=5 * MINUTE)

    def count(since: str, until: str) -> int:
        with world.store.transaction() as tx:
            return history.tried(tx, "main", at(f"2026-01-13 {since}"), at(f"2026-01-13 {until}")).polls

    assert count("10:00", "23:59") == 47
    assert [count("10:00", "22:00"), count("22:00", "23:59")] == [24, 23]
    assert [count("21:00", "22:00"), count("20:05", "20:10"), count("10:00", "20:05")] == [12, 1, 1]
    assert [count("10:00", "20:04"), count("10:00", "10:00")] == [0, 0]


def test_polls_are_counted_as_far_back_as_all_of_them_are_kept(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + '[digest]\nschedule = "0 9 * * wed"\n[retention]\nraw = "2d"\n')
    looks(world, at("2026-01-13 10:00"))
    world.now = at("2026-01-20 10:00")
    world.reads(40)
    assert told(world, "2026-01-21 09:00").endswith("100 % of 1 poll since Mon 19 Jan 09:00 UTC")
