"""In its quiet hours a channel hears only what is critical; the rest is told once they are over, in one message."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from world import MAIN, START, World, reading

from monitor.deliver.ledger import plan, probe
from monitor.model import Cause, Level, Message, Snooze
from monitor.poll import CHANNELS, pass_on, tell_own
from monitor.store import later, outbox, snoozes

Worlds = Callable[..., World]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
# The world begins at 10:00 UTC.
NAP = '[channels.ops]\nurl = "json://localhost/ops"\nquiet_hours = "11:00-15:00"\n'
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'
LOW = "[WARNING] main: $20.00 left (at or below $25.00)"
FINE = "[OK] main: $40.00 left (above $25.00)"
WORSE = "[CRITICAL] main: $4.00 left (at or below $5.00)"


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds(MAIN + NAP + MAIL)


def at(world: World, hours: float) -> World:
    """Let so many hours have passed since ten o'clock."""
    world.now = START + timedelta(hours=hours)
    return world


def sees(world: World, balance: object, hours: float) -> None:
    world.sees_balance(balance, after=START + timedelta(hours=hours) - world.now)


def test_a_warning_waits_for_their_end_and_is_told_at_the_next_poll(world: World) -> None:
    sees(world, 20, 1.5)
    sees(world, 20, 4.9)
    assert world.titles() == []
    assert world.titles("mail") == [LOW]
    sees(world, 20, 5)
    assert world.titles() == [LOW]


def test_what_is_critical_goes_out_and_so_does_its_easing(world: World) -> None:
    sees(world, 20, 1.5)
    sees(world, 4, 2)
    sees(world, 20, 2.5)
    assert world.titles() == [WORSE, f"{LOW}, eased from critical"]


def test_the_end_of_a_critical_goes_out(world: World) -> None:
    sees(world, 4, 2)
    sees(world, 40, 2.5)
    assert world.titles() == [WORSE, FINE]


def test_what_began_and_ended_inside_is_one_line_at_their_end(world: World) -> None:
    sees(world, 20, 2)
    sees(world, 40, 3)
    assert world.rouses() == []
    assert world.titles() == []
    at(world, 5).rouses()
    (message,) = world.heard()
    assert message.title == "[OK] main: $40.00 left (above $25.00), after 1 hour at warning"
    assert "Rule balance_usd: fine again (was warning in the quiet hours)." in message.body
    assert "Balance: $40.00" in message.body
    assert message.severity is Level.OK
    assert world.rouses() == []


def test_an_end_of_what_was_told_before_them_is_told_after_them(world: World) -> None:
    sees(world, 20, 0.5)
    assert world.titles() == [LOW]
    sees(world, 40, 2)
    assert world.titles() == []
    at(world, 5).rouses()
    assert world.titles() == ["[OK] main: $40.00 left (above $25.00), after 1 hour and 30 minutes"]


def test_several_lines_are_one_message_in_their_order(worlds: Worlds) -> None:
    rules = "[rules.balance_usd]\ncooldown = 'off'\n"
    batch = '[accounts.batch]\napi_key = "key-of-batch-0002"\n'
    world = worlds(MAIN + batch + NAP + rules)
    for account in ("main", "batch", "main"):
        world.sees_balance(20, account=account, after=START + 2 * HOUR - world.now)
        world.sees_balance(40, account=account, after=MINUTE * 10)
        world.now = START + HOUR
    at(world, 5).rouses()
    (message,) = world.heard()
    assert message.title.endswith("(and 2 more)")
    assert [change.account for change in message.changes] == ["main", "batch", "main"] or len(message.changes) == 3
    assert [change.cause for change in message.changes] == [Cause.PASSED] * 3


def test_who_is_told_of_an_account_meanwhile_hears_first_what_was_kept_about_it(worlds: Worlds) -> None:
    world = worlds(MAIN + NAP + "[rules.balance_usd]\ncooldown = 'off'\n")
    sees(world, 20, 0.5)
    world.heard()
    sees(world, 40, 2)
    sees(world, 4, 3)
    (message,) = world.heard()
    assert [change.cause for change in message.changes] == [Cause.ENDED, Cause.RAISED]
    assert message.title == f"{WORSE} (and 1 more)"
    at(world, 5).rouses()
    assert world.titles() == []


def test_a_restart_and_a_reload_without_quiet_hours_forget_nothing(worlds: Worlds) -> None:
    world = worlds(MAIN + NAP)
    sees(world, 20, 2)
    sees(world, 40, 3)
    world.restart(MINUTE)
    assert world.titles() == []
    world.reload(MAIN + NAP.replace('quiet_hours = "11:00-15:00"\n', ""))
    world.rouses()
    assert len(world.titles()) == 1


def test_what_was_kept_for_a_channel_that_leaves_goes_to_its_fallback(worlds: Worlds) -> None:
    world = worlds(MAIN + NAP + 'fallback = "mail"\n' + MAIL.replace('/mail"\n', '/mail"\nmin_level = "off"\n'))
    sees(world, 20, 0.5)
    world.heard()
    sees(world, 40, 2)
    world.reload(MAIN + MAIL)
    assert [title.split("]")[0] for title in world.titles("mail")] == ["[OK"]


def test_a_fallback_that_heard_at_once_what_was_kept_is_not_told_it_again(worlds: Worlds) -> None:
    world = worlds(MAIN + NAP + 'fallback = "mail"\n' + MAIL)
    world.sees(reading(20, account_id="1"), after=2 * HOUR)
    world.sees(reading(40, account_id="2"), after=HOUR)
    world.sees(reading(4, account_id="2"), after=2 * HOUR)
    causes = [change.cause for message in world.heard("mail") for change in message.changes]
    assert sorted(causes) == [Cause.ENDED, Cause.NEWS, Cause.RAISED, Cause.RAISED]
    with world.store.transaction() as tx:
        (late,) = (queued.message for queued in outbox.waiting(tx, "ops"))
        assert sorted(change.cause for change in late.changes) == [Cause.NEWS, Cause.PASSED, Cause.RAISED]
        assert pass_on(tx, [late], world.config.channels["mail"]) == []


def test_a_snoozed_alert_that_passed_is_not_worth_a_line(world: World) -> None:
    with world.store.transaction() as tx:
        snoozes.ask(tx, Snooze(account="main", rule="", level=Level.WARNING, until=START + 9 * HOUR))
    sees(world, 20, 2)
    sees(world, 40, 3)
    at(world, 5).rouses()
    assert world.titles() == []


def test_reminders_wait_too(worlds: Worlds) -> None:
    world = worlds(MAIN + NAP + '[rules.balance_usd]\nremind_every = "1h"\n')
    sees(world, 20, 0.5)
    world.heard()
    for hours in (1.6, 2.7, 3.8, 4.9):
        sees(world, 20, hours)
    assert world.titles() == []
    sees(world, 20, 5.1)
    assert world.titles() == ["[WARNING] main: still $20.00 left (at or below $25.00)"]


def test_news_and_the_monitors_own_warnings_wait_as_well(world: World) -> None:
    sees(world, 100, 0.5)
    world.reads(100, account_id="1")
    at(world, 2)
    world.reads(100, account_id="2")
    with world.store.transaction() as tx:
        outbox.queue(tx, tell_own(tx, world.config, CHANNELS, (Level.WARNING, "channel x cannot be used"), world.now))
    assert world.titles() == []
    assert len(world.titles("mail")) == 2
    at(world, 5).rouses()
    (message,) = world.heard()
    assert [change.account for change in message.changes] == ["main", "monitor"]
    assert "main: account_id changed from 1 to 2" in message.body


def test_an_own_alert_that_passed_is_one_line(world: World) -> None:
    at(world, 2)
    for level, words in ((Level.WARNING, "channel x cannot be used"), (Level.OK, "every channel can be used")):
        with world.store.transaction() as tx:
            outbox.queue(tx, tell_own(tx, world.config, CHANNELS, (level, words), world.now))
        world.now += 30 * MINUTE
    at(world, 5).rouses()
    assert world.titles() == ["[OK] monitor: every channel can be used, after 30 minutes at warning"]


def test_a_message_that_waits_in_the_outbox_waits_on_but_never_one_about_what_is_critical(world: World) -> None:
    sees(world, 20, 0.9)

    def next_up() -> Message | None:
        with world.store.transaction() as tx:
            parcel = plan(tx, world.config, world.config.channels["ops"], world.now).parcel
        return parcel.words if parcel else None

    assert next_up() is not None
    at(world, 1.1)
    assert next_up() is None
    sees(world, 4, 2)
    urgent = next_up()
    assert urgent is not None
    assert urgent.title == WORSE
    at(world, 5)
    first = next_up()
    assert first is not None
    assert first.title == f"{WORSE}, since 2026-01-13 10:54 UTC"  # with what waited since before


def test_a_reload_tells_of_what_is_no_longer_watched_after_them(worlds: Worlds) -> None:
    batch = '[accounts.batch]\napi_key = "key-of-batch-0002"\n'
    world = worlds(MAIN + batch + NAP)
    world.sees_balance(20, account="batch", after=MINUTE)
    world.heard()
    at(world, 2).reload(MAIN + NAP)
    assert world.titles() == []
    with world.store.transaction() as tx:
        assert later.channels(tx) == ["ops"]
    at(world, 5).rouses()
    (title,) = world.titles()
    assert title.startswith("[INFO] batch: balance_usd is no longer watched")


def test_what_was_kept_for_a_channel_that_left_is_not_told_to_one_that_comes_back(worlds: Worlds) -> None:
    batch = '[accounts.batch]\napi_key = "key-of-batch-0002"\n'
    world = worlds(MAIN + batch + NAP + MAIL)
    world.sees_balance(20, account="batch", after=MINUTE)
    world.heard()
    at(world, 2).reload(MAIN + NAP + MAIL)
    world.reload(MAIN + MAIL)
    world.reload(MAIN + NAP + MAIL)
    at(world, 5).rouses()
    assert world.titles() == []


def test_what_can_wait_is_not_even_sent_to_see_whether_the_service_takes_it(world: World) -> None:
    sees(world, 20, 0.9)
    sees(world, 4, 2)
    found = []
    for hours in (4.5, 5.5):
        at(world, hours)
        with world.store.transaction() as tx:
            urgent = outbox.waiting(tx, "ops")[-1].message
            if hours < 5:
                outbox.record(tx, urgent, START + 2 * HOUR, seconds=1, error="no")
            failed = outbox.waiting(tx, "ops")[-1]
            found.append(probe(tx, world.config, failed, world.now))
    assert found[0] is None
    assert found[1] is not None
    assert found[1].words.title == LOW
