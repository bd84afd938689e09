"""A channel that has not delivered for long is told of through others: what the people on each channel hear."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from live import Api, Run, settings
from receivers import Webhook
from world import MAIN, START, World

from monitor import config as configuration
from monitor.config import Unusable
from monitor.deliver import watch
from monitor.deliver.undelivered import audience
from monitor.model import MONITOR, Cause, Level
from monitor.poll import Move, pass_on
from monitor.rules import REMINDERS, Undelivered
from monitor.store import casebook, durations, life, outbox
from monitor.store.life import Life

Worlds = Callable[..., World]
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULE = "[rules.undelivered]\n"
ERROR = "HTTP 500 Internal Server Error"
RAISED = f"[WARNING] monitor: channel ops has not delivered for 15 minutes ({ERROR}); 1 message waits"


def channel(name: str, **keys: str) -> str:
    rest = "".join(f'{key} = "{value}"\n' for key, value in keys.items())
    return f'[channels.{name}]\nurl = "json://localhost/{name}"\n{rest}'


OPS, MAIL, PAGER = channel("ops"), channel("mail"), channel("pager", min_level="critical")


class Ways:
    """A world whose channels fail and deliver as the test says, looked at by the daemon's housekeeping."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.moves: list[Move] = []

    def fails(self, name: str = "ops", error: str = ERROR) -> None:
        """Let a channel fail from now on."""
        with self.world.store.transaction() as tx:
            known = outbox.health(tx, name)
            since = known.failing_since or self.world.now
            failing = replace(known, failures=known.failures + 1, failing_since=since, last_error=error)
            outbox.save_health(tx, failing)

    def delivers(self, name: str = "ops") -> None:
        """Let a channel deliver again, and take what waits for it."""
        self.world.heard(name)
        with self.world.store.transaction() as tx:
            fine = outbox.Health(channel=name, last_success_at=self.world.now, last_error=ERROR)
            outbox.save_health(tx, replace(fine, fallback=outbox.health(tx, name).fallback))

    def look(self, after: timedelta = timedelta(0)) -> None:
        self.world.now += after
        with self.world.store.transaction() as tx:
            self.moves += watch(tx, self.world.config, self.world.now).moves

    def looks(self, during: timedelta, every: timedelta = 5 * MINUTE) -> None:
        for _ in range(during // every):
            self.look(every)

    def told(self, name: str) -> list[str]:
        """Return the titles that the monitor itself has for a channel."""
        return [message.title for message in self.world.heard(name) if message.account == MONITOR]


@pytest.fixture
def ways(worlds: Worlds) -> Callable[..., Ways]:
    def make(text: str) -> Ways:
        made = Ways(worlds(MAIN + text))
        made.world.reads(100)
        made.world.reads(20)  # something that waits for each channel
        for name in made.world.config.channels:
            if name != "ops":
                made.world.heard(name)
        return made

    return make


# -- told, and to whom ------------------------------------------------------------------------------------------------


def test_a_channel_that_fails_for_a_quarter_of_an_hour_is_told_to_the_others_that_want_a_warning(
    ways: Callable[..., Ways],
) -> None:
    some = ways(OPS + MAIL + PAGER)
    some.fails()
    some.look(15 * MINUTE - timedelta(seconds=1))
    assert some.told("mail") == []
    some.look(timedelta(seconds=1))
    assert some.told("mail") == [RAISED]
    assert some.told("pager") == some.told("ops") == []


def test_it_is_told_once_however_long_it_lasts_and_its_words_change(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL)
    some.fails()
    some.looks(20 * HOUR)
    some.fails(error="no answer in time")
    some.looks(3 * HOUR)
    assert some.told("mail") == [RAISED]
    with some.world.store.transaction() as tx:
        (alert,) = [one for one in casebook.open_alerts(tx) if one.account == MONITOR]
    assert alert.phrase == "channel ops has not delivered for 23 hours (no answer in time); 1 message waits"
    assert alert.started_at == START + 10 * MINUTE


def test_its_end_is_told_to_whoever_was_told_with_how_long_it_lasted(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL + PAGER)
    some.fails()
    some.looks(40 * MINUTE)
    some.delivers()
    some.look(timedelta(seconds=8))
    assert some.told("mail") == [RAISED, "[OK] monitor: channel ops delivers again, after 40 minutes"]
    assert some.told("pager") == some.told("ops") == []
    some.looks(HOUR)
    assert some.told("mail") == []


def test_an_outage_that_ends_before_it_is_due_is_told_to_nobody(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL)
    some.fails()
    some.looks(10 * MINUTE)
    some.delivers()
    some.looks(HOUR)
    assert some.told("mail") == []
    assert some.moves == []


@pytest.mark.parametrize("min_level", ["off", "critical", "info"])
def test_it_is_told_through_its_fallback_alone_whatever_that_wants_otherwise(
    ways: Callable[..., Ways], min_level: str
) -> None:
    some = ways(channel("ops", fallback="sms") + MAIL + channel("sms", min_level=min_level))
    some.fails()
    some.looks(20 * MINUTE)
    some.delivers()
    some.look()
    assert some.told("sms") == [RAISED, "[OK] monitor: channel ops delivers again, after 20 minutes"]
    assert some.told("mail") == some.told("ops") == []


def test_a_fallback_that_cannot_be_used_is_no_help_so_the_others_hear_of_it(ways: Callable[..., Ways]) -> None:
    some = ways(channel("ops", fallback="sms") + MAIL + '[channels.sms]\nurl_file = "gone"\nmin_level = "off"\n')
    some.fails()
    some.looks(15 * MINUTE)
    assert some.told("mail") == [RAISED.replace("1 message waits", "2 messages wait")]  # one is about sms


def test_a_new_fallback_is_told_of_what_is_open_and_the_old_one_still_hears_the_end(ways: Callable[..., Ways]) -> None:
    rest = MAIL + channel("sms", min_level="off")
    some = ways(channel("ops", fallback="mail") + rest)
    some.fails()
    some.looks(20 * MINUTE)
    assert some.told("mail") == [RAISED]
    some.world.reload(MAIN + channel("ops", fallback="sms") + rest)
    some.look(10 * MINUTE)
    assert some.told("sms") == [RAISED.replace("15", "30")]
    some.delivers()
    some.look(10 * MINUTE)
    end = ["[OK] monitor: channel ops delivers again, after 30 minutes"]
    assert (some.told("mail"), some.told("sms")) == (end, end)


def test_each_failing_channel_has_an_alert_with_a_life_of_its_own(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL + channel("chat"))
    some.fails("ops")
    some.looks(10 * MINUTE)
    some.fails("mail")
    some.looks(20 * MINUTE)
    some.delivers("ops")
    some.looks(5 * MINUTE)
    assert some.told("chat") == [
        RAISED,
        RAISED.replace("ops", "mail"),
        "[OK] monitor: channel ops delivers again, after 30 minutes",
    ]
    with some.world.store.transaction() as tx:
        assert casebook.open_rules(tx, MONITOR) == ["undelivered.mail"]


def test_a_failing_channel_hears_of_another_one_but_never_of_itself(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL)
    some.fails("ops")
    some.fails("mail")
    some.looks(HOUR)
    assert [title.split()[3] for title in some.told("ops")] == ["mail"]
    assert [title.split()[3] for title in some.told("mail")] == ["ops"]


def test_what_a_fallback_is_passed_on_never_tells_it_of_itself(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + channel("mail", fallback="ops"))
    some.world.heard("ops")
    some.fails("ops")
    some.looks(15 * MINUTE)
    with some.world.store.transaction() as tx:
        left = [queued.message for queued in outbox.waiting(tx, "mail")]
        assert [message.changes[0].rule for message in left] == ["undelivered.ops"]
        assert pass_on(tx, left, some.world.config.channels["ops"]) == []


def test_without_another_channel_it_is_in_the_log_and_among_the_open_alerts(ways: Callable[..., Ways]) -> None:
    some = ways(OPS)
    some.fails()
    some.looks(HOUR)
    some.delivers()
    some.look()
    assert some.told("ops") == []
    assert [(move.rule, move.before.word, move.now.word) for move in some.moves] == [
        ("undelivered.ops", "ok", "warning"),
        ("undelivered.ops", "warning", "ok"),
    ]
    assert some.moves[0].said == RAISED.partition("monitor: ")[2]
    assert some.moves[1].said == "channel ops delivers again, after 1 hour"


# -- reminders, restarts, absence, the clock --------------------------------------------------------------------------


def test_it_is_said_again_as_often_as_configured(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL + RULE + 'remind_every = "4h"\n')
    some.fails()
    some.looks(9 * HOUR)
    assert some.told("mail") == [
        RAISED,
        f"[WARNING] monitor: still channel ops has not delivered for 4 hours and 15 minutes ({ERROR}); 1 message waits",
        f"[WARNING] monitor: still channel ops has not delivered for 8 hours and 15 minutes ({ERROR}); 1 message waits",
    ]


def test_a_restart_repeats_nothing_and_forgets_nothing(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL + RULE + 'remind_every = "1d"\n')
    some.fails()
    some.looks(20 * MINUTE)
    for _ in range(5):
        some.world.restart(10 * MINUTE)
        some.look()
    assert some.told("mail") == [RAISED]
    some.looks(DAY)
    assert len(some.told("mail")) == 1  # the reminder
    some.world.restart()
    some.delivers()
    some.look()
    (end,) = some.told("mail")
    assert end.startswith("[OK] monitor: channel ops delivers again, after 1 day")


def _beat(some: Ways) -> None:
    beat = Life(
        pid=1, version="1", started_at=START, beat_at=some.world.now, config="", accounts=1, stopped_at=some.world.now
    )
    with some.world.store.transaction() as tx:
        life.write(tx, beat)


@pytest.mark.parametrize("before", [5, 20])
def test_the_daemon_s_own_absence_does_not_count_and_ends_nothing(ways: Callable[..., Ways], before: int) -> None:
    some = ways(OPS + MAIL)
    some.fails()
    some.looks(before * MINUTE)
    _beat(some)
    some.world.now += 8 * HOUR
    with some.world.store.transaction() as tx:
        durations.skip_absence(tx, some.world.now)
    some.look()
    assert some.told("mail") == ([RAISED] if before >= 15 else [])
    some.looks(15 * MINUTE - before * MINUTE if before < 15 else HOUR)
    assert some.told("mail") == ([RAISED] if before < 15 else [])


@pytest.mark.parametrize("step", [HOUR, -HOUR, 3 * DAY, -3 * DAY])
def test_a_step_of_the_clock_raises_repeats_and_ends_nothing(ways: Callable[..., Ways], step: timedelta) -> None:
    some = ways(OPS + MAIL)
    some.fails()
    some.looks(10 * MINUTE)

    def jump() -> None:
        some.world.now += step
        with some.world.store.transaction() as tx:
            durations.move_clock(tx, step)
        some.look()

    jump()
    assert some.told("mail") == []
    some.look(5 * MINUTE)
    assert some.told("mail") == [RAISED]
    jump()
    some.delivers()
    some.look()
    assert some.told("mail") == ["[OK] monitor: channel ops delivers again, after 15 minutes"]


# -- what is no longer watched ----------------------------------------------------------------------------------------

GONE = f"[INFO] monitor: undelivered.ops is no longer watched (was warning: {RAISED.partition('monitor: ')[2]})"


@pytest.mark.parametrize(
    "text",
    [
        MAIL,
        OPS + MAIL + RULE + "enabled = false\n",
        OPS + MAIL + RULE + 'warning = "off"\n',
        '[channels.ops]\nurl_file = "gone"\n' + MAIL,
    ],
)
def test_a_channel_that_leaves_or_a_rule_that_is_turned_off_is_told_as_no_longer_watched(
    ways: Callable[..., Ways], text: str
) -> None:
    some = ways(OPS + MAIL)
    some.fails()
    some.looks(15 * MINUTE)
    assert some.told("mail") == [RAISED]
    some.world.reload(MAIN + text)
    some.looks(HOUR)
    assert GONE in some.told("mail")
    some.looks(HOUR)
    assert some.told("mail") == []
    assert some.moves[-1] == Move(rule="undelivered.ops", before=Level.WARNING, now=Level.OK, said="no longer watched")
    with some.world.store.transaction() as tx:
        assert casebook.open_rules(tx, MONITOR) in ([], ["channels"])


def test_a_channel_that_cannot_be_used_is_told_by_another_rule_and_by_this_one_never(ways: Callable[..., Ways]) -> None:
    some = ways('[channels.ops]\nurl_file = "gone"\n' + MAIL)
    some.fails()
    some.looks(HOUR)
    assert isinstance(some.world.config.channels["ops"].url, Unusable)
    assert some.told("mail") == []
    assert some.moves == []


@pytest.mark.parametrize("setting", ["enabled = false", 'warning = "off"'])
def test_a_rule_that_is_off_tells_nothing(ways: Callable[..., Ways], setting: str) -> None:
    some = ways(OPS + MAIL + RULE + setting + "\n")
    some.fails()
    some.looks(HOUR)
    assert some.told("mail") == []


def test_a_threshold_that_is_raised_while_it_is_open_ends_nothing_that_has_not_ended(ways: Callable[..., Ways]) -> None:
    some = ways(OPS + MAIL)
    some.fails()
    some.looks(20 * MINUTE)
    some.world.reload(MAIN + OPS + MAIL + RULE + 'warning = "6h"\n')
    some.looks(HOUR)
    assert some.told("mail") == [RAISED]
    some.delivers()
    some.look()
    assert some.told("mail") == ["[OK] monitor: channel ops delivers again, after 1 hour and 20 minutes"]


# -- whatever happens -------------------------------------------------------------------------------------------------

NAMES = ("ops", "mail", "sms")
SETTINGS = {
    "others": OPS + MAIL + channel("sms"),
    "fallback": channel("ops", fallback="sms") + MAIL + channel("sms", min_level="off"),
    "chain": channel("ops", fallback="mail") + channel("mail", fallback="sms") + channel("sms"),
    "off": OPS + MAIL + channel("sms") + RULE + "enabled = false\n",
    "fewer": MAIL + channel("sms"),
}
STEPS = st.one_of(
    st.tuples(st.sampled_from(["fails", "delivers"]), st.sampled_from(NAMES)),
    st.tuples(st.just("looks"), st.sampled_from([1, 8, 16, 300])),
    st.tuples(st.sampled_from(["restart"]), st.just("")),
    st.tuples(st.just("reload"), st.sampled_from(sorted(SETTINGS))),
)


@given(st.lists(STEPS, max_size=25))
@settings_of_hypothesis(max_examples=40)
def test_whoever_hears_every_message_knows_which_channels_fail_and_none_hears_of_itself(
    steps: list[tuple[str, object]],
) -> None:
    with TemporaryDirectory() as folder:
        some = Ways(World(Path(folder), MAIN + SETTINGS["others"]))
        known: dict[str, set[str]] = {name: set() for name in NAMES}

        def hear() -> None:
            for name in some.world.config.channels:
                for message in some.world.heard(name):
                    (change,) = message.changes
                    about = change.rule.removeprefix("undelivered.")
                    assert about != name
                    is_open = change.level is Level.WARNING and change.cause is not Cause.UNWATCHED
                    assert (about in known[name]) is (not is_open or change.cause is Cause.REMINDER), message.title
                    (known[name].add if is_open else known[name].remove)(about)

        for what, how in steps:
            _step(some, what, how)
            some.look()
            hear()
            for gone in set(NAMES) - some.world.config.channels.keys():
                known[gone].clear()  # a channel that left and came back begins afresh
        for name in some.world.config.channels:
            some.delivers(name)
        some.look()
        hear()
        assert known == {name: set() for name in NAMES}
        some.world.close()


def _step(some: Ways, what: str, how: object) -> None:
    match what, how:
        case (("fails" | "delivers"), str(name)) if name in some.world.config.channels:
            getattr(some, what)(name)
        case "looks", int(minutes):
            some.look(minutes * MINUTE)
        case "restart", _:
            some.world.restart()
        case "reload", str(text):
            some.world.reload(MAIN + SETTINGS[text])


# -- the rule, and who listens ----------------------------------------------------------------------------------------


def test_the_rule_has_these_defaults() -> None:
    rule = Undelivered()
    assert (rule.warning, rule.enabled, rule.remind_every) == (15 * MINUTE, True, REMINDERS)
    assert set(Undelivered.model_fields) == {"warning", "enabled", "remind_every"}


@pytest.mark.parametrize(
    ("warning", "failing", "level"),
    [
        ("15m", None, Level.OK),
        ("15m", 15 * MINUTE - timedelta(microseconds=1), None),
        ("15m", 15 * MINUTE, Level.WARNING),
        ("0s", timedelta(0), Level.WARNING),
        ("off", DAY, None),
    ],
)
def test_the_rule_judges_by_how_long_a_channel_fails(
    warning: str, failing: timedelta | None, level: Level | None
) -> None:
    since = None if failing is None else START - failing
    assert Undelivered.model_validate({"warning": warning}).judge(since, START) is level


def test_the_failing_channel_is_never_among_those_who_are_told(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(MAIN + channel("ops", fallback="sms") + MAIL + channel("sms", min_level="off"))
    loaded = configuration.load(file, {}, secrets_dirs=[])
    for name, wanted in {"ops": {"sms"}, "mail": {"ops"}, "sms": {"ops", "mail"}}.items():
        listeners = audience(loaded, loaded.channels[name], START)
        assert name not in [listener.channel for listener in listeners]
        assert {listener.channel for listener in listeners if listener.wants(Level.WARNING)} == wanted


# -- the daemon -------------------------------------------------------------------------------------------------------


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as simulated:
        simulated.change(balance_usd=20, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        yield simulated


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_daemon_tells_of_a_channel_that_fails_and_of_its_end_whatever_is_restarted(
    api: Api, tmp_path: Path
) -> None:
    with Webhook() as ops, Webhook() as mail, Run(tmp_path) as run:
        ops.status(500)
        run.path.write_text(settings(api, ops.url, mail.url) + RULE + 'warning = "5s"\n')
        run.start()
        raised = mail.wait_posts(2, 30)[1].body
        assert raised["title"].startswith("[WARNING] monitor: channel c0 has not delivered for ")
        assert raised["title"].endswith(f"seconds ({ERROR}); 1 message waits")
        document = json.loads(run.command("status", "--json").stdout)
        assert [(one["account"], one["rule"]) for one in document["alerts"] if one["account"] == MONITOR] == [
            (MONITOR, "undelivered.c0")
        ]
        assert "monitor\twarning\tundelivered.c0\t" in run.command("status").stdout
        assert run.stop() == 0
        run.start()
        polls = api.requests()
        api.wait_for_poll(polls + 1)
        assert len(mail.posts) == 2
        ops.ok()
        mail.wait_posts(3, 60)
        assert mail.titles[2].startswith("[OK] monitor: channel c0 delivers again, after ")
        assert run.stop() == 0
        assert [title for title in ops.titles if "monitor" in title] == []
        alerts = [line for line in run.events("alert") if line["account"] == MONITOR]
        assert [(line["rule"], line["now"], line["level"]) for line in alerts] == [
            ("undelivered.c0", "warning", "warning"),
            ("undelivered.c0", "ok", "info"),
        ]


def test_when_fifty_channels_die_at_once_each_is_told_to_all_others_over_some_looks(worlds: Worlds) -> None:
    names = [f"c{number}" for number in range(50)]
    world = worlds(MAIN + "".join(map(channel, names)))
    ways = Ways(world)
    for name in names:
        ways.fails(name)
    world.now += 15 * MINUTE
    told = list[int]()
    while not told or told[-1]:
        with world.store.transaction() as tx:
            told.append(sum(len(one.changes) for one in watch(tx, world.config, world.now).told))
        world.now += timedelta(seconds=10)
    assert sum(told) == 50 * 49
    assert max(told) < 1100  # a transaction for all of them would hold up the polls for seconds
    heard = world.heard("c0")
    assert len(heard) == 3  # and not forty-nine
    assert {change.rule for message in heard for change in message.changes} == {f"undelivered.{n}" for n in names[1:]}
