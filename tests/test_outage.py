"""Accounts of one API that fail alike are one message: what the people on each channel hear, and what they do not."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from live import Api as Simulated
from live import Run, settings
from receivers import Webhook
from world import OPS, START, World, reading

from monitor.model import MONITOR, Cause, Failure, Kind, Level, Seen, Snooze
from monitor.poll import Move, settle
from monitor.poll.group import place_of, rule_of
from monitor.store import casebook, durations, life, snoozes
from monitor.store.life import Life

Worlds = Callable[..., World]
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
PLACE = "api.legnext.ai"
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'
PAGER = '[channels.pager]\nurl = "json://localhost/pager"\nmin_level = "critical"\n'
DOWN, DEAD = Failure(Kind.UNREACHABLE, "connection refused"), Failure(Kind.REFUSED, "HTTP 401")
ALL = f"[WARNING] monitor: no reading from any of the 10 accounts of {PLACE} for 15 minutes (connection refused)"
WORSE = f"[CRITICAL] monitor: no reading from any of the 10 accounts of {PLACE} for 2 hours (connection refused)"
OVER = f"[OK] monitor: readings again from all 10 accounts of {PLACE}, after 1 hour"


def accounts(names: Sequence[str], **keys: str) -> str:
    rest = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    return "".join(f'[accounts.{name}]\napi_key = "key-of-{name}-0001"\n{rest}' for name in names)


TEN = [f"a{number}" for number in range(10)]
CONFIG = accounts(TEN) + OPS


class Api:
    """Accounts that are polled in turn, spread over the interval, while an API is as the test says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.odd: dict[str, Seen] = {}
        """What single accounts see in place of the rest."""
        self.moves: list[Move] = []

    def all_see(self, seen: Seen, during: timedelta) -> "Api":
        """Let time go by in which every account sees this, but for those that see something of their own."""
        end = self.world.now + during
        for is_look, turns in groupby(self._turns(end), key=lambda turn: not turn[0]):
            if is_look:
                self._look(turns)
            else:
                self._poll(seen, turns)
        self.world.now = end
        return self

    def _look(self, turns: Iterable[tuple[str, datetime]]) -> None:
        for _, self.world.now in turns:
            self.world.rouses()
            self.moves += self.world.watches().moves

    def _poll(self, seen: Seen, turns: Iterable[tuple[str, datetime]]) -> None:
        config = self.world.config
        with self.world.store.transaction() as tx:  # of many polls: this is about what is told, not about the disk
            for name, when in turns:
                self.moves += settle(tx, config, config.accounts[name], self.odd.get(name, seen), when).common

    def works(self, during: timedelta = 10 * MINUTE) -> "Api":
        return self.all_see(reading(100), during)

    def is_down(self, during: timedelta) -> "Api":
        return self.all_see(DOWN, during)

    def _turns(self, end: datetime) -> Iterator[tuple[str, datetime]]:
        """Return who is polled when until then, each at a phase of its own; nobody: the daemon looks after things."""
        found = [("", START + count * 30 * SECOND) for count in range((end - START) // (30 * SECOND) + 1)]
        configured = self.world.config.accounts
        for place, (name, account) in enumerate(configured.items()):
            phase = account.interval * place / len(configured) + SECOND
            found += [(name, START + phase + count * account.interval) for count in range((end - START) // MINUTE + 1)]
        return iter(sorted(((name, at) for name, at in found if self.world.now < at <= end), key=lambda one: one[1]))


@pytest.fixture
def apis(worlds: Worlds) -> Callable[..., Api]:
    def make(text: str = CONFIG) -> Api:
        return Api(worlds(text))

    return make


@pytest.fixture
def api(apis: Callable[..., Api]) -> Api:
    """Give ten accounts that were read for ten minutes."""
    return apis().works()


def asks_for_silence(world: World, names: Sequence[str], length: timedelta | None, rule: str = "") -> None:
    until = None if length is None else world.now + length
    with world.store.transaction() as tx:
        for name in names:
            snoozes.ask(tx, Snooze(account=name, rule=rule, level=Level.WARNING, until=until))


# -- its beginning ----------------------------------------------------------------------------------------------------


def test_an_hour_without_the_api_is_one_message_and_its_end_another(api: Api) -> None:
    api.is_down(HOUR).works(HOUR)
    assert api.world.titles() == [ALL, OVER]
    assert [(move.before, move.now) for move in api.moves] == [(0, Level.WARNING), (Level.WARNING, 0)]


def test_it_names_the_first_ten_accounts(apis: Callable[..., Api]) -> None:
    api = apis(accounts([f"a{number:02}" for number in range(12)]) + OPS).works().is_down(HOUR)
    (message,) = api.world.heard()
    assert message.account == MONITOR
    assert message.body.splitlines() == [
        f"Rule unreachable.{PLACE}: warning.",
        "Without a reading: a00, a01, a02, a03, a04, a05, a06, a07, a08, a09 and 2 more.",
    ]


def test_each_account_keeps_its_own_state(api: Api) -> None:
    api.is_down(HOUR)
    assert {api.world.level(name) for name in TEN} == {Level.WARNING}
    with api.world.store.transaction() as tx:
        alerts, told = casebook.open_alerts(tx), casebook.all_told(tx)
    assert sorted(alert.account for alert in alerts) == [*TEN, MONITOR]
    (common,) = [alert for alert in alerts if alert.account == MONITOR]
    assert common.rule == f"unreachable.{PLACE}"
    assert list(told) == [common.id]
    assert common.started_at - START < 11 * MINUTE
    assert common.phrase.endswith("for 1 hour (connection refused)")


def test_from_warning_to_critical_is_one_more_message(api: Api) -> None:
    api.is_down(3 * HOUR).works(HOUR)
    assert api.world.titles() == [ALL, WORSE, OVER.replace("1 hour", "3 hours")]


def test_a_channel_for_what_is_critical_hears_that_and_the_end(apis: Callable[..., Api]) -> None:
    api = apis(CONFIG + PAGER).works().is_down(3 * HOUR).works(HOUR)
    assert api.world.titles("pager") == [WORSE, OVER.replace("1 hour", "3 hours")]


def test_an_outage_that_passes_before_it_is_due_is_told_to_nobody(api: Api) -> None:
    api.is_down(10 * MINUTE).works(HOUR)
    assert api.world.titles() == []
    assert api.moves == []


def test_refused_for_all_is_one_message_although_nobody_is_read_either(api: Api) -> None:
    api.all_see(DEAD, 3 * HOUR).works(HOUR)
    assert api.world.titles() == [
        f"[CRITICAL] monitor: {PLACE} refuses the keys of all 10 accounts (HTTP 401)",
        OVER.replace("1 hour", "3 hours"),
    ]


def test_unreadable_for_all_is_one_message_and_another_once_it_is_critical_that_nobody_is_read(api: Api) -> None:
    api.all_see(Failure(Kind.UNREADABLE, "not JSON"), 3 * HOUR).works(HOUR)
    *first, last = api.world.heard()
    assert [message.title for message in first] == [
        f"[WARNING] monitor: the answers of {PLACE} to all 10 accounts cannot be used (not JSON)",
        WORSE.replace("connection refused", "not JSON"),
    ]
    over = OVER.replace("1 hour", "3 hours")
    assert last.title == f"{over} (and 1 more)"
    assert last.body.splitlines() == [
        over,
        over,
        f"Rule unreachable.{PLACE}: fine again (was critical).",
        f"Rule unreadable.{PLACE}: fine again (was warning).",
    ]


def test_an_api_that_first_does_not_answer_and_then_refuses_all_is_told_as_both(api: Api) -> None:
    api.is_down(HOUR).all_see(DEAD, HOUR)
    assert api.world.titles() == [ALL, f"[CRITICAL] monitor: {PLACE} refuses the keys of all 10 accounts (HTTP 401)"]


def test_keys_that_all_are_refused_and_then_cannot_be_asked_about_are_told_as_both(api: Api) -> None:
    api.all_see(DEAD, HOUR).is_down(3 * HOUR + 30 * MINUTE)
    said = f"{PLACE} refuses the keys of all 10 accounts (HTTP 401)"
    assert api.world.titles() == [
        f"[CRITICAL] monitor: {said}",
        ALL.replace("15 minutes (connection refused)", "1 hour (HTTP 401)"),
        WORSE,
        f"[CRITICAL] monitor: still {said}",
    ]


def test_the_daemon_is_reminded_by_the_rule_that_most_accounts_have(apis: Callable[..., Api]) -> None:
    own = '[accounts.a3.rules.unreachable]\nremind_every = "10m"\n'
    api = apis(CONFIG + own + '[rules.unreachable]\nremind_every = "45m"\n').works().is_down(HOUR + 10 * MINUTE)
    first, reminder = api.world.titles()
    assert first == ALL
    assert reminder.startswith(f"[WARNING] monitor: still no reading from any of the 10 accounts of {PLACE} for 1 hour")


def test_many_keys_refused_one_after_the_other_are_common_before_all_were_polled(apis: Callable[..., Api]) -> None:
    names = [f"a{number:02}" for number in range(40)]
    api = apis(accounts(names) + OPS + "[rules.refused]\nconfirm = 1\n").works().all_see(DEAD, HOUR)
    titles = api.world.titles()
    assert titles[:9] == [f"[CRITICAL] {title.split()[1]} the API refuses the key (HTTP 401)" for title in titles[:9]]
    assert titles[9:] == [f"[CRITICAL] monitor: {PLACE} refuses the keys of 10 of the 40 accounts (HTTP 401)"]


# -- who has a trouble of its own -------------------------------------------------------------------------------------


def test_an_account_alone_with_a_dead_key_is_told_alone(api: Api) -> None:
    api.odd["a3"] = DEAD
    api.works(HOUR)
    assert api.world.titles() == [
        "[CRITICAL] a3: the API refuses the key (HTTP 401)",
        "[WARNING] a3: no reading for 15 minutes (HTTP 401)",
    ]
    assert api.moves == []


@pytest.mark.parametrize("confirm", [1, 2])
def test_two_of_three_dead_keys_are_told_one_by_one(apis: Callable[..., Api], confirm: int) -> None:
    api = apis(accounts(["a", "b", "c"]) + OPS + f"[rules.refused]\nconfirm = {confirm}\n").works()
    api.odd = {"b": DEAD, "c": DEAD}
    api.works(10 * MINUTE)
    assert api.world.titles() == [f"[CRITICAL] {name}: the API refuses the key (HTTP 401)" for name in "bc"]
    assert api.moves == []


@pytest.mark.parametrize("dead", [["a0"], TEN[:7]])
def test_long_dead_keys_neither_cause_nor_prevent_it(api: Api, dead: list[str]) -> None:
    api.odd = dict.fromkeys(dead, DEAD)
    api.works(110 * MINUTE)  # they come to two hours in the middle of the outage
    assert {message.account for message in api.world.heard()} == set(dead)
    api.is_down(HOUR)
    heard = api.world.heard()
    assert [message.title for message in heard if message.account == MONITOR] == [ALL]
    assert {message.account for message in heard} == {*dead, MONITOR}
    assert all(" for 2 hours (" in message.title for message in heard if message.account != MONITOR)
    del api.odd["a0"]
    api.works(HOUR)
    over = [message for message in api.world.heard() if message.account == MONITOR]
    left = 10 - len(dead) + 1
    whom = "all 10 accounts" if left == 10 else f"{left} of the 10 accounts"
    assert len(over) == 1
    assert over[0].title.startswith(f"[OK] monitor: readings again from {whom} of {PLACE}, after ")
    still = f"\nStill without a reading: {', '.join(dead[1:])}." if dead[1:] else ""
    assert over[0].body == f"Rule unreachable.{PLACE}: fine again (was warning).{still}"


def test_of_two_accounts_of_which_one_was_dead_before_the_other_is_told_alone(apis: Callable[..., Api]) -> None:
    api = apis(accounts(["a", "b"]) + OPS)
    api.odd = {"a": DEAD}
    api.works(HOUR)
    api.world.heard()
    api.is_down(30 * MINUTE)
    assert api.world.titles() == ["[WARNING] b: no reading for 15 minutes (connection refused)"]


def test_an_account_whose_own_key_dies_meanwhile_is_told_alone(api: Api) -> None:
    api.is_down(30 * MINUTE)
    api.odd["a3"] = DEAD
    api.is_down(30 * MINUTE)
    assert api.world.titles() == [ALL, "[CRITICAL] a3: the API refuses the key (HTTP 401)"]


def test_two_apis_do_not_touch_each_other(apis: Callable[..., Api]) -> None:
    other = accounts(["x", "y"], base_url="http://127.0.0.1:8080/v2")
    api = apis(accounts(TEN[:2]) + other + accounts(["z"], base_url="https://proxy.example") + OPS).works()
    api.odd = dict.fromkeys(["x", "y", "z"], DOWN)
    api.works(HOUR)
    where = "the 2 accounts of 127.0.0.1:8080/v2"
    assert sorted(api.world.titles()) == [
        f"[WARNING] monitor: no reading from any of {where} for 15 minutes (connection refused)",
        "[WARNING] z: no reading for 15 minutes (connection refused)",
    ]
    api.odd = {}
    api.works(HOUR)
    assert sorted(api.world.titles()) == [
        f"[OK] monitor: readings again from all {where[4:]}, after 1 hour",
        "[OK] z: readings again, after 1 hour without",
    ]


def test_an_account_alone_with_its_api_is_told_as_ever(apis: Callable[..., Api]) -> None:
    api = apis(accounts(["a"]) + accounts(["b"], base_url="https://proxy.example") + OPS).works().is_down(30 * MINUTE)
    assert sorted(api.world.titles()) == [
        f"[WARNING] {name}: no reading for 15 minutes (connection refused)" for name in "ab"
    ]


def test_who_was_told_of_an_account_before_goes_on_to_hear_of_it(apis: Callable[..., Api]) -> None:
    fast = accounts(["fast"], interval="1m") + '[accounts.fast.rules.unreachable]\nwarning = "3m"\n'
    api = apis(fast + accounts(["slow", "last"], interval="20m") + OPS).works(HOUR).is_down(150 * MINUTE).works(HOUR)
    common = f"no reading from any of the 3 accounts of {PLACE} for"
    assert api.world.titles() == [
        "[WARNING] fast: no reading for 3 minutes (connection refused)",
        f"[WARNING] monitor: {common} 1 hour and 7 minutes (connection refused)",
        "[CRITICAL] fast: no reading for 2 hours (connection refused)",
        f"[CRITICAL] monitor: {common} 2 hours and 7 minutes (connection refused)",
        "[OK] fast: readings again, after 2 hours and 30 minutes without",
        f"[OK] monitor: readings again from all 3 accounts of {PLACE}, after 2 hours and 30 minutes",
    ]


# -- its end ----------------------------------------------------------------------------------------------------------


def test_it_ends_when_the_last_one_is_back(api: Api) -> None:
    api.is_down(HOUR).works(4 * MINUTE)
    assert api.world.titles() == [ALL]
    api.works(2 * MINUTE)
    assert api.world.titles() == [OVER]


def test_who_is_still_without_a_reading_is_named_and_then_told_alone(api: Api) -> None:
    api.is_down(HOUR)
    api.odd = {"a3": DOWN, "a7": DOWN}
    api.works(30 * MINUTE)
    _, over, *alone = api.world.heard()
    assert over.title == OVER.replace("all 10", "8 of the 10")
    assert over.body.splitlines()[-1] == "Still without a reading: a3, a7."
    assert [message.title.partition(" for ")[0] for message in alone] == [
        "[WARNING] a3: no reading",
        "[WARNING] a7: no reading",
    ]
    api.odd = {}
    api.works(30 * MINUTE)
    assert [title.partition(",")[0] for title in api.world.titles()] == [
        "[OK] a3: readings again",
        "[OK] a7: readings again",
    ]


def test_all_failing_again_before_all_are_back_goes_on_as_if_nothing_had_been(api: Api) -> None:
    api.is_down(HOUR).works(MINUTE).is_down(HOUR).works(2 * MINUTE).is_down(30 * MINUTE)
    first, worse = api.world.titles()
    assert first == ALL
    assert worse == WORSE.replace("any of the 10", "6 of the 10")
    api.works(HOUR)
    (over,) = api.world.titles()
    assert over.startswith(f"[OK] monitor: readings again from all 10 accounts of {PLACE}, after 2 hours")


def test_who_alone_gets_worse_while_the_others_are_back_is_told_alone(api: Api) -> None:
    api.is_down(118 * MINUTE)
    api.odd["a3"] = DOWN
    api.works(4 * MINUTE)
    titles = api.world.titles()
    assert titles == [ALL, "[CRITICAL] a3: no reading for 2 hours (connection refused)"]


def test_where_polls_are_rare_it_ends_without_those_that_had_no_chance_yet(apis: Callable[..., Api]) -> None:
    rare = accounts(["rare"], interval="6h")
    api = apis(accounts(TEN[:3]) + rare + OPS + '[rules.unreachable]\ncritical = "off"\n').works(7 * HOUR)
    api.is_down(6 * HOUR).works(90 * MINUTE)
    titles = api.world.titles()
    assert titles[-1].startswith(f"[OK] monitor: readings again from 3 of the 4 accounts of {PLACE}")
    api.works(6 * HOUR)
    assert api.world.titles() == []


def test_an_account_that_was_not_polled_in_the_outage_is_what_shows_that_it_is_over(apis: Callable[..., Api]) -> None:
    api = apis(accounts(TEN[:3]) + accounts(["rare"], interval="2h") + OPS).works(3 * HOUR)
    api.odd = dict.fromkeys(TEN[:3], DOWN)
    api.works(100 * MINUTE)
    titles = api.world.titles()
    assert titles[0].startswith(f"[WARNING] monitor: no reading from 3 of the 4 accounts of {PLACE}")
    assert titles[1].startswith(f"[OK] monitor: readings again from 1 of the 4 accounts of {PLACE}")
    assert {title.partition(":")[0] for title in titles[2:]} == {f"[WARNING] {name}" for name in TEN[:3]}


def test_flapping_is_damped_at_the_end(api: Api) -> None:
    for _ in range(6):
        api.is_down(30 * MINUTE).works(15 * MINUTE)
    titles = api.world.titles()
    assert titles[0] == ALL
    assert len(titles) == 3  # begun, ended, begun again; the ends after that did not last
    api.works(2 * HOUR)
    (over,) = api.world.titles()
    assert over.startswith(f"[OK] monitor: readings again from all 10 accounts of {PLACE}")
    api.works(2 * HOUR)
    assert api.world.titles() == []


def test_what_is_read_in_between_is_judged_as_ever(api: Api) -> None:
    api.is_down(HOUR)
    api.odd["a3"] = reading(4)
    api.works(HOUR)
    assert sorted(api.world.titles()) == sorted([ALL, OVER, "[CRITICAL] a3: $4.00 left (at or below $5.00)"])


# -- restarts, absences, steps of the clock ---------------------------------------------------------------------------


@pytest.mark.parametrize("down", [5 * MINUTE, 20 * MINUTE])
@pytest.mark.parametrize("back", [MINUTE, 3 * MINUTE])
def test_a_restart_in_the_middle_of_an_outage_and_of_a_recovery_repeats_and_forgets_nothing(
    api: Api, down: timedelta, back: timedelta
) -> None:
    api.is_down(down)
    api.world.restart()
    api.is_down(HOUR - down).works(back)
    api.world.restart()
    api.works(HOUR)
    assert api.world.titles() == [ALL, OVER]


def is_away(api: Api, length: timedelta) -> None:
    """Let the daemon not run for so long."""
    with api.world.store.transaction() as tx:
        life.write(tx, Life(pid=1, version="0", started_at=START, beat_at=api.world.now, config="", accounts=10))
    api.world.restart(length)
    with api.world.store.transaction() as tx:
        durations.skip_absence(tx, api.world.now)


def test_the_daemon_s_own_absence_is_no_silence_and_nobody_is_back_by_it(api: Api) -> None:
    api.is_down(30 * MINUTE).works(MINUTE)
    is_away(api, 3 * HOUR)
    api.world.watches()
    assert api.world.titles() == [ALL]
    api.works(10 * MINUTE)
    (over,) = api.world.titles()
    assert over.startswith(f"[OK] monitor: readings again from all 10 accounts of {PLACE}")


def test_an_outage_over_an_absence_is_told_by_how_long_it_was_seen(api: Api) -> None:
    api.is_down(30 * MINUTE)
    is_away(api, 3 * HOUR)
    api.is_down(30 * MINUTE)
    with api.world.store.transaction() as tx:
        (common,) = casebook.open_alerts(tx, MONITOR)
    assert common.phrase.endswith("for 1 hour (connection refused)")
    assert api.world.titles() == [ALL]


@pytest.mark.parametrize("step", [5 * HOUR, -5 * HOUR])
def test_a_step_of_the_clock_neither_worsens_nor_ends_it(api: Api, step: timedelta) -> None:
    api.is_down(30 * MINUTE)
    with api.world.store.transaction() as tx:
        durations.move_clock(tx, step)
    api.world.now += step
    api.is_down(30 * MINUTE)
    assert api.world.titles() == [ALL]


# -- who is told ------------------------------------------------------------------------------------------------------


def test_channels_that_hear_one_of_the_accounts_hear_of_all(apis: Callable[..., Api]) -> None:
    some = '[channels.mail]\nurl = "json://localhost/mail"\naccounts = ["a3"]\n'
    other = '[channels.other]\nurl = "json://localhost/other"\naccounts = ["z"]\n'
    api = apis(CONFIG + accounts(["z"], base_url="https://proxy.example") + some + other).works()
    api.odd["z"] = reading(100)
    api.is_down(HOUR).works(HOUR)
    assert api.world.titles("mail") == [ALL, OVER]
    assert api.world.titles("other") == []


def test_a_channel_that_is_new_is_told_once_of_what_is_open(api: Api) -> None:
    api.is_down(HOUR)
    api.world.reload(CONFIG + MAIL)
    assert api.world.titles("mail") == []
    api.is_down(HOUR / 2).works(HOUR)
    first, last = api.world.heard("mail")
    assert first.title == ALL.replace("15 minutes", "1 hour")
    assert first.changes[0].cause is Cause.OPEN
    assert last.title == OVER.replace("1 hour", "1 hour and 30 minutes")


def test_a_snooze_of_every_account_silences_it_and_that_of_some_does_not(apis: Callable[..., Api]) -> None:
    for silenced, count in ((TEN, 0), (TEN[:9], 1)):
        api = apis().works()
        asks_for_silence(api.world, silenced, 5 * HOUR)
        api.is_down(HOUR)
        assert len(api.world.titles()) == count


def test_worse_goes_out_although_it_is_snoozed(api: Api) -> None:
    asks_for_silence(api.world, TEN, 5 * HOUR, rule="unreachable")
    api.is_down(3 * HOUR)
    assert api.world.titles() == [WORSE]


def test_a_snooze_of_another_rule_silences_nothing(api: Api) -> None:
    asks_for_silence(api.world, TEN, 5 * HOUR, rule="balance_usd")
    api.is_down(HOUR)
    assert api.world.titles() == [ALL]


def test_a_snooze_that_runs_out_while_it_lasts_is_one_reminder(api: Api) -> None:
    api.is_down(30 * MINUTE)
    asks_for_silence(api.world, TEN, 30 * MINUTE)
    api.is_down(80 * MINUTE)
    first, reminder = api.world.titles()
    assert first == ALL
    assert reminder.startswith("[WARNING] monitor: still no reading from any of the 10 accounts")


def test_what_began_and_ended_in_quiet_hours_is_one_line_at_their_end(apis: Callable[..., Api]) -> None:
    api = apis(accounts(TEN) + OPS + 'quiet_hours = "10:00-13:00"\n').works().is_down(HOUR).works(HOUR)
    assert api.world.titles() == []
    api.works(HOUR)
    (message,) = api.world.heard()
    assert message.title == f"{OVER} at warning"


def test_what_is_silent_and_over_in_quiet_hours_is_told_to_nobody(apis: Callable[..., Api]) -> None:
    api = apis(accounts(TEN) + OPS + 'quiet_hours = "10:00-13:00"\n').works()
    asks_for_silence(api.world, TEN, 5 * HOUR)
    api.is_down(HOUR).works(2 * HOUR)
    assert api.world.titles() == []


def test_what_still_lasts_at_the_end_of_quiet_hours_is_told_then(apis: Callable[..., Api]) -> None:
    api = apis(accounts(TEN) + OPS + 'quiet_hours = "10:00-11:00"\n').works().is_down(HOUR)
    (message,) = api.world.heard()
    assert message.title == ALL.replace("15 minutes", "50 minutes")


# -- reloads ----------------------------------------------------------------------------------------------------------


def test_a_base_url_that_changes_meanwhile_is_told_as_no_longer_watched(api: Api) -> None:
    api.is_down(HOUR)
    assert api.world.titles() == [ALL]
    api.world.reload(accounts(TEN, base_url="https://proxy.example") + OPS)
    (gone,) = api.world.titles()
    assert gone.startswith(
        f"[INFO] monitor: unreachable.{PLACE} is no longer watched (was warning: no reading from any"
    )
    api.is_down(10 * MINUTE)  # it is the new address that does not answer now
    (again,) = api.world.titles()
    assert again.startswith("[WARNING] monitor: no reading from any of the 10 accounts of proxy.example for")


@pytest.mark.parametrize("left", [["a0"], ["a0", "new"]])
def test_accounts_that_leave_until_one_is_left_end_it_and_that_one_is_told_alone(api: Api, left: list[str]) -> None:
    api.is_down(HOUR)
    api.world.reload(accounts(left) + OPS)
    api.is_down(6 * MINUTE)
    first, gone, alone = api.world.titles()
    assert first == ALL
    assert gone.startswith(f"[INFO] monitor: unreachable.{PLACE} is no longer watched")
    assert alone.startswith("[WARNING] a0: no reading for ")


def test_an_account_that_leaves_or_comes_is_counted_in_the_end(api: Api) -> None:
    api.is_down(HOUR)
    api.world.reload(accounts([*TEN[:8], "new"]) + OPS)
    api.works(30 * MINUTE)
    assert api.world.titles() == [ALL, OVER.replace("all 10", "all 9")]


def test_a_rule_that_is_turned_off_meanwhile_is_told_as_no_longer_watched(api: Api) -> None:
    api.is_down(HOUR)
    api.world.reload(CONFIG + "[rules.unreachable]\nenabled = false\n")
    api.is_down(HOUR)
    first, gone = api.world.titles()
    assert first == ALL
    assert gone.startswith(f"[INFO] monitor: unreachable.{PLACE} is no longer watched")


def test_a_reload_that_changes_nothing_about_it_is_silent(api: Api) -> None:
    api.is_down(30 * MINUTE)
    api.world.reload(CONFIG)
    api.is_down(30 * MINUTE).works(MINUTE)
    api.world.reload(CONFIG)
    api.works(HOUR)
    api.world.reload(CONFIG)
    assert api.world.titles() == [ALL, OVER]


# -- many -------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("down", "messages"), [(HOUR, 2), (3 * HOUR, 3)], ids=["warning", "critical"])
@pytest.mark.slow
def test_a_thousand_accounts_and_one_that_really_ran_low(
    apis: Callable[..., Api], down: timedelta, messages: int
) -> None:
    names = [f"a{number:04}" for number in range(1000)]
    api = apis(accounts(names) + OPS + MAIL + PAGER)
    api.works(6 * MINUTE).is_down(down)
    api.odd["a0333"] = reading(4)
    api.works(10 * MINUTE)
    low = "[CRITICAL] a0333: $4.00 left (at or below $5.00)"
    common = f"no reading from any of the 1,000 accounts of {PLACE} for"
    begun, worse = f"[WARNING] monitor: {common} 15 minutes", f"[CRITICAL] monitor: {common} 2 hours"
    over = f"[OK] monitor: readings again from all 1,000 accounts of {PLACE}, after {down // HOUR} hour"
    expected = [begun, *[worse] * (messages - 2), low, over]
    for channel in ("ops", "mail"):
        titles = api.world.titles(channel)
        assert len(titles) == messages + 1
        assert all(title.startswith(start) for title, start in zip(titles, expected, strict=True))
    assert len(api.world.titles("pager")) == (1 if messages == 2 else 3)


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base_url", "place"),
    [
        ("https://api.legnext.ai", "api.legnext.ai"),
        ("https://api.legnext.ai:443/v2", "api.legnext.ai/v2"),
        ("https://api.legnext.ai:8443", "api.legnext.ai:8443"),
        ("http://api.legnext.ai", "api.legnext.ai:80"),
        ("http://[::1]:8080", "[::1]:8080"),
    ],
)
def test_an_api_is_called_by_its_host_port_and_path(base_url: str, place: str) -> None:
    assert place_of(base_url) == place


def test_the_name_of_an_alert_is_never_longer_than_a_name_may_be_and_never_that_of_another() -> None:
    long = ["a" * 100 + end for end in ("/1", "/2")]
    names = {rule_of(kind, place) for place in long for kind in Kind}
    assert len(names) == 6
    assert max(map(len, names)) == 64


# -- the daemon -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_daemon_tells_it_once_whatever_is_restarted_and_shows_it(tmp_path: Path) -> None:
    names = ("main", "batch", "third")
    with Simulated() as simulated, Webhook() as ops, Run(tmp_path) as run:
        for name in names[1:]:
            simulated.create(name)
        for name in names:
            simulated.change(name, balance_usd=100, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        run.path.write_text(settings(simulated, ops.url, accounts=names))
        run.start()
        for name in names:
            simulated.wait_for_poll(0, name)
        for name in names:
            simulated.change(name, fault="status:401")
        place = simulated.address.removeprefix("http://")
        ops.wait_posts(1, 60)
        document = json.loads(run.command("status", "--json").stdout)
        assert f"refused.{place}" in [one["rule"] for one in document["alerts"] if one["account"] == MONITOR]
        assert f"monitor\tcritical\tcritical\trefused.{place}\t" in run.command("alerts").stdout
        assert run.stop() == 0
        run.start()
        before = simulated.requests()
        simulated.wait_for_poll(before + 1)
        for name in names:
            simulated.change(name, fault="none")
        ops.wait_posts(2, 60)
        assert run.stop() == 0
        begun, over = ops.titles
        assert begun.startswith(f"[CRITICAL] monitor: {place} refuses the keys of all 3 accounts (")
        assert over.startswith(f"[OK] monitor: readings again from all 3 accounts of {place}, after ")
        alerts = [line for line in run.events("alert") if line["account"] == MONITOR]
        assert [(line["rule"], line["now"], line["level"]) for line in alerts] == [
            (f"refused.{place}", "critical", "warning"),
            (f"refused.{place}", "ok", "info"),
        ]
