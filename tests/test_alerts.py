"""The state machine piece by piece: streaks, thresholds that move, and the whole rule of who hears what."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from world import START, reading

from monitor import alerts, messages
from monitor.alerts import Case, Found, Listener, Ruling, State, advance, due, follow, own, unwatch
from monitor.model import Alert, Cause, Failure, Kind, Level, Seen, Told
from monitor.rules import BalanceUsd, Flag, Look, LowBalanceAlert, Pauses, Rule, Verdict

OK, INFO, WARNING, CRITICAL = Level.OK, Level.INFO, Level.WARNING, Level.CRITICAL
HOUR = timedelta(hours=1)
OPS = Listener("ops", INFO)


def verdict(level: Level, held: Level | None = None) -> Verdict:
    return Verdict(level, level if held is None else held, Flag(raised=True))


def alert(level: Level = WARNING, worst: Level | None = None) -> Alert:
    return Alert(
        id="1",
        account="main",
        rule="balance_usd",
        level=level,
        worst=level if worst is None else worst,
        started_at=START,
        phrase="low",
    )


def decide(
    seen: Seen, *cases: Case, listeners: Sequence[Listener] = (OPS,), after: timedelta = timedelta(0)
) -> list[Ruling]:
    look = Look(
        account="main",
        seen=seen,
        now=START + after,
        interval=timedelta(minutes=5),
        failing_since=None,
        needed={},
    )
    judged = alerts.judge(cases, look, say=messages.phrase, new_id=lambda rule: f"new {rule}")
    return alerts.tell(judged, listeners, look.now)


def case(rule: Rule | None = None, level: Level = OK, *told: Told) -> Case:
    rule = rule or BalanceUsd()
    state = State(level=level, limits=rule.limits)
    return Case(rule, state, alert(level) if level else None, {one.channel: one for one in told})


# -- streaks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([WARNING], [OK]),
        ([WARNING, WARNING], [OK, WARNING]),
        ([WARNING, OK, WARNING], [OK, OK, OK]),
        ([CRITICAL, WARNING], [OK, WARNING]),
        ([CRITICAL, CRITICAL], [OK, CRITICAL]),
        ([WARNING, WARNING, CRITICAL, CRITICAL], [OK, WARNING, WARNING, CRITICAL]),
        ([CRITICAL, CRITICAL, WARNING, WARNING, OK, OK], [OK, CRITICAL, CRITICAL, WARNING, WARNING, OK]),
        ([CRITICAL, CRITICAL, OK, OK], [OK, CRITICAL, CRITICAL, OK]),
        ([WARNING, WARNING, OK, WARNING, OK], [OK, WARNING, WARNING, WARNING, WARNING]),
    ],
)
def test_two_in_a_row_raise_a_level_and_two_in_a_row_clear_it(seen: list[Level], expected: list[Level]) -> None:
    state, reached = State(), []
    for level in seen:
        state = advance(state, verdict(level), confirm=2, limits="")
        reached.append(state.level)
    assert reached == expected


def test_what_is_held_by_its_margin_does_not_clear() -> None:
    state = advance(State(level=WARNING), verdict(OK, held=WARNING), confirm=1, limits="")
    assert state.level is WARNING
    assert advance(state, verdict(OK), confirm=1, limits="").level is OK


def test_streaks_that_do_not_matter_are_zero_so_that_equal_states_are_equal() -> None:
    state = State()
    for _ in range(5):
        state = advance(state, verdict(OK), confirm=3, limits="")
    assert state == State()
    for _ in range(5):
        state = advance(state, verdict(CRITICAL), confirm=3, limits="")
    assert state == State(level=CRITICAL)


@pytest.mark.parametrize(
    ("before", "levels", "was"),
    [
        (State(limits="old"), [WARNING], "old"),  # the change is being confirmed: it will have to say so
        (State(limits="old"), [WARNING, WARNING], "old"),
        (State(limits="old"), [WARNING, OK], ""),
        (State(limits="old"), [OK], ""),
        (State(limits="new"), [WARNING], ""),
        (State(), [WARNING], ""),
        (State(limits="old", was="new", up_warning=1), [WARNING], "old"),
        (State(limits="new", was="new", up_warning=1), [WARNING], ""),  # there and back
    ],
)
def test_former_thresholds_are_kept_while_a_change_is_being_confirmed(
    before: State, levels: list[Level], was: str
) -> None:
    state = before
    for level in levels:
        state = advance(state, verdict(level), confirm=3, limits="new")
    assert (state.was, state.limits) == (was, "new")


# -- one alert --------------------------------------------------------------------------------------------------------


def test_an_alert_opens_moves_and_ends() -> None:
    fresh = alert(OK)
    assert follow(None, OK, "fine", fresh=lambda: fresh) is None
    opened = follow(None, WARNING, "low", fresh=lambda: fresh)
    assert opened is not None
    assert (opened.id, opened.level, opened.worst) == ("1", WARNING, WARNING)
    worse = follow(opened, CRITICAL, "lower", fresh=lambda: fresh)
    ended = follow(worse, OK, "fine", fresh=lambda: fresh)
    assert ended is not None
    assert (ended.level, ended.worst, ended.phrase) == (OK, CRITICAL, "fine")


# -- who hears what ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "told", "wanted", "rose", "pause", "after", "cause"),
    [
        # nobody was told yet
        (WARNING, None, True, True, None, HOUR, Cause.RAISED),
        (WARNING, None, True, False, None, HOUR, Cause.OPEN),
        (WARNING, None, False, True, None, HOUR, None),
        (OK, None, True, False, None, HOUR, None),
        # who was told hears the end and every change, wanted or not
        (OK, WARNING, False, False, None, HOUR, Cause.ENDED),
        (CRITICAL, WARNING, False, True, None, HOUR, Cause.WORSE),
        (WARNING, CRITICAL, False, False, None, HOUR, Cause.EASED),
        # reminders
        (WARNING, WARNING, True, False, HOUR, HOUR, Cause.REMINDER),
        (WARNING, WARNING, True, False, HOUR, HOUR / 2, None),
        (WARNING, WARNING, False, False, HOUR, HOUR, None),
        (WARNING, WARNING, True, False, None, 1000 * HOUR, None),
    ],
)
def test_whether_a_channel_must_be_told_and_why(  # noqa: PLR0917 - a table
    level: Level,
    told: Level | None,
    wanted: object,
    rose: object,
    pause: timedelta | None,
    after: timedelta,
    cause: Cause | None,
) -> None:
    known = None if told is None else Told("ops", told, START)
    assert due(alert(level), known, START + after, wanted=bool(wanted), rose=bool(rose), pause=pause) is cause


@pytest.mark.parametrize(
    ("listener", "level", "wants"),
    [
        (Listener("ops", INFO), WARNING, True),
        (Listener("ops", INFO), INFO, True),
        (Listener("ops", CRITICAL), WARNING, False),
        (Listener("ops", CRITICAL), CRITICAL, True),
        (Listener("ops", None), CRITICAL, False),
        (Listener("ops", INFO, hears=False), CRITICAL, False),
    ],
)
def test_a_channel_wants_what_is_at_its_level_and_of_its_accounts(
    listener: Listener, level: Level, wants: object
) -> None:
    assert listener.wants(level) is wants


# -- one poll ---------------------------------------------------------------------------------------------------------


def test_a_poll_that_raises_an_alert_tells_it() -> None:
    (ruling,) = decide(reading(20), case())
    assert ruling.state.level is WARNING
    assert ruling.alert is not None
    assert (ruling.alert.id, ruling.alert.started_at) == ("new balance_usd", START)
    change = ruling.changes["ops"]
    assert (change.cause, change.level, change.before) == (Cause.RAISED, WARNING, OK)
    assert change.phrase == "$20.00 left (at or below $25.00)"


def test_a_poll_that_finds_nothing_opens_nothing() -> None:
    (ruling,) = decide(reading(100), case())
    assert (ruling.alert, ruling.changes) == (None, {})


def test_a_poll_that_ends_an_alert_tells_who_was_told_and_nobody_else() -> None:
    told = Told("ops", WARNING, START)
    (ruling,) = decide(reading(100), case(None, WARNING, told), listeners=[OPS, Listener("mail", INFO)])
    assert ruling.alert is not None
    assert ruling.alert.level is OK
    assert {name: change.cause for name, change in ruling.changes.items()} == {"ops": Cause.ENDED}


def test_a_failure_changes_no_state_but_reminders_and_new_channels_are_still_told() -> None:
    told = Told("ops", WARNING, START)
    lost = Failure(Kind.UNREACHABLE, "no answer")
    listeners = [OPS, Listener("mail", INFO)]
    before = case(BalanceUsd(remind_every=Pauses(HOUR, HOUR)), WARNING, told)
    (ruling,) = decide(lost, before, listeners=listeners, after=HOUR)
    assert (ruling.state, ruling.alert) == (before.state, before.alert)
    assert {name: change.cause for name, change in ruling.changes.items()} == {
        "ops": Cause.REMINDER,
        "mail": Cause.OPEN,
    }


def test_a_change_that_new_thresholds_brought_says_the_former_ones() -> None:
    before = Case(BalanceUsd(warning=50), State(limits="warning $25.00, critical $5.00"))
    (ruling,) = decide(reading(40), before)
    assert ruling.changes["ops"].was == "warning $25.00, critical $5.00"


def test_a_rule_says_nothing_of_its_own_while_another_says_the_same_as_bad_or_worse() -> None:
    seen = reading(4, low_balance_alert=True)
    balance, flag = decide(seen, case(), case(LowBalanceAlert()))
    assert (balance.state.level, flag.state.level) == (CRITICAL, WARNING)
    assert set(balance.changes) == {"ops"}
    assert flag.changes == {}
    assert flag.alert is not None  # it is open all the same
    _, louder = decide(reading(20, low_balance_alert=True), case(), case(LowBalanceAlert(level="critical")))
    assert louder.changes["ops"].cause is Cause.RAISED


def test_what_was_hidden_is_told_as_open_once_the_other_ends() -> None:
    told = Told("ops", WARNING, START)
    quiet = Case(LowBalanceAlert(), State(level=WARNING), alert(WARNING))
    balance, flag = decide(reading(100, low_balance_alert=True), case(None, WARNING, told), quiet)
    assert balance.changes["ops"].cause is Cause.ENDED
    assert flag.changes["ops"].cause is Cause.OPEN


# -- the monitor's own alerts, and what is no longer watched ----------------------------------------------------------


def follow_own(
    before: Alert | None, found: Found, *listeners: Listener, told: Sequence[Told] = (), after: timedelta = timedelta(0)
) -> tuple[Alert | None, dict[str, Cause]]:
    """Follow an alert of the monitor's own, and say who is told why."""
    known = {one.channel: one for one in told}
    found_out = own(before, known, found, START + after, listeners=listeners, fresh=lambda: alert(OK))
    return found_out.alert, {name: change.cause for name, change in found_out.changes.items()}


def test_an_alert_of_the_monitor_s_own_is_told_once_and_its_end_too() -> None:
    lost, well = Found(level=WARNING, phrase="a channel is lost"), Found(level=OK, phrase="all is well")
    opened, raised = follow_own(None, lost, OPS, Listener("pager", CRITICAL))
    assert opened is not None
    assert raised == {"ops": Cause.RAISED}
    told = [Told("ops", WARNING, START)]
    assert follow_own(opened, lost, OPS, told=told, after=100 * HOUR) == (opened, {})
    ended, causes = follow_own(opened, well, OPS, told=told)
    assert ended is not None
    assert (ended.level, causes) == (OK, {"ops": Cause.ENDED})
    assert follow_own(None, well, OPS) == (None, {})


@pytest.mark.parametrize(("words_count", "causes"), [(True, {"ops": Cause.OPEN}), (False, {})])
def test_other_words_are_told_anew_only_where_they_mean_another_thing(
    *, words_count: bool, causes: dict[str, Cause]
) -> None:
    opened, _ = follow_own(None, Found(level=WARNING, phrase="one channel is lost"), OPS)
    two = Found(level=WARNING, phrase="two channels are lost", words_count=words_count)
    moved, again = follow_own(opened, two, OPS, told=[Told("ops", WARNING, START)])
    assert again == causes
    assert moved is not None
    assert moved.phrase == "two channels are lost"


def test_an_alert_of_the_monitor_s_own_that_reminds_does_so_to_those_who_are_to_hear() -> None:
    opened, _ = follow_own(None, Found(level=WARNING, phrase="lost"), OPS)
    found = Found(level=WARNING, phrase="lost for longer", pause=4 * HOUR, words_count=False)
    told = [Told("ops", WARNING, START), Told("mail", WARNING, START)]
    listeners = [OPS, Listener("mail", INFO, hears=False)]
    assert follow_own(opened, found, *listeners, told=told, after=3 * HOUR)[1] == {}
    assert follow_own(opened, found, *listeners, told=told, after=4 * HOUR)[1] == {"ops": Cause.REMINDER}


def test_what_is_no_longer_watched_is_told_to_whoever_was_told() -> None:
    changes = unwatch(alert(CRITICAL), [Told("ops", CRITICAL, START), Told("mail", WARNING, START)])
    assert {name: (change.cause, change.before) for name, change in changes.items()} == {
        "ops": (Cause.UNWATCHED, CRITICAL),
        "mail": (Cause.UNWATCHED, WARNING),
    }
