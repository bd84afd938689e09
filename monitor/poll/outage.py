"""Accounts of one API that fail alike are one alert of the monitor's own, in place of one for each of them.

Each account keeps its own state and alert; while the common one is as bad, its own says nothing new. What is open,
since when they recover and who was told are in the database, as with any alert: a restart repeats and forgets nothing.

The state of the common alert is that of any rule, with two of its columns in a meaning of their own: ``cooling``, at a
level, is since when accounts are read again; ``limits`` says whether all of it was snoozed at the last look.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor import together
from monitor.alerts import Found, Ruling, State
from monitor.alerts.outage import Course, Failing, Return, Silence, alike, is_apart
from monitor.config import Account, Config
from monitor.model import MONITOR, Alert, Change, Kind, Level, Message
from monitor.poll.group import KINDS, Group, group_of, groups_of, place_of, rule_of
from monitor.poll.letters import audience_of_any, by_channel, catch_up, compose
from monitor.poll.own import Move, find_own, unwatch_own
from monitor.store import Tx, casebook, memory, outbox, snoozes
from monitor.store.memory import Memory
from monitor.together import Part

_SNOOZED = "snoozed"


@dataclass(frozen=True, slots=True)
class Common:
    """What became of common alerts."""

    told: Sequence[Message] = ()
    moves: Sequence[Move] = ()
    covered: Mapping[str, Level] = field(default_factory=dict)
    """Up to which level the rules of the account that was polled say nothing of their own."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at one common alert brought: what each channel is to be told, and which accounts it is about."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    note: str = ""
    moves: Sequence[Move] = ()


def _write(tx: Tx, config: Config, looks: Sequence[_Look], now: datetime) -> Common:
    """Write one message a channel of all that was found: several common alerts may end with one reading."""
    heard = catch_up(tx, MONITOR, by_channel(look.changes for look in looks))
    note = "\n".join(dict.fromkeys(look.note for look in looks if look.note))
    told = compose(heard, None, config, now, note=note)
    return Common(told, [move for look in looks for move in look.moves])


# -- at a poll --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One poll of one account, and what was remembered before and after it."""

    account: Account
    before: Memory
    after: Memory
    now: datetime


def share(tx: Tx, config: Config, judged: Sequence[Ruling], sight: Sight) -> Common:
    """Open or worsen what an account has in common with others, before anything is told of it alone.

    It costs nothing while an account is fine, and one look where it is not.
    """
    about = {ruling.case.rule.name: ruling for ruling in judged if ruling.alert is not None}
    mine = {kind: about[kind.value] for kind in KINDS if kind.value in about}
    failure, is_back = sight.after.failure, sight.after.failure is None and sight.before.failure is not None
    if len(config.accounts) == 1 or not (mine or is_back):
        return Common()
    place, states = place_of(sight.account.base_url), _known(tx)
    known = {kind: states.get(rule_of(kind, place), State()) for kind in KINDS}
    if failure is not None:
        return _share_failure(tx, config, mine, known, sight=sight, failure=failure.kind)
    if is_back:
        _note_return(tx, place, known, sight.now)
    levels = {kind: state.level for kind, state in known.items()}
    said = dict.fromkeys((kind for kind, one in mine.items() if _was_said(one, known[kind])), Level.CRITICAL)
    return Common(covered={kind.value: said.get(kind, max(levels.values())) for kind in mine})


def _was_said(ruling: Ruling, common: State) -> bool:
    """Say whether others have spoken for an alert to their end, and it lasts only until its own is confirmed."""
    alert, state = ruling.alert, ruling.state
    is_ending = state.down_warning or state.down_critical
    return bool(alert and is_ending and common.ended_at and common.ended_at > alert.started_at)


def _share_failure(
    tx: Tx, config: Config, mine: Mapping[Kind, Ruling], known: Mapping[Kind, State], *, sight: Sight, failure: Kind
) -> Common:
    levels, looks = {kind: state.level for kind, state in known.items()}, []
    for kind, ruling in mine.items():
        if _speaks(ruling, _covered(levels, kind, failure)):
            looks.append(_judge(tx, config, replace(known[kind], level=ruling.state.level), kind=kind, sight=sight))
            levels[kind] = max([levels[kind], *(move.now for move in looks[-1].moves)])
    covered = {kind.value: _covered(levels, kind, failure) for kind in mine}
    return replace(_write(tx, config, looks, sight.now), covered=covered)


def _known(tx: Tx) -> dict[str, State]:
    """Return the states of common alerts, also of those that are over."""
    kinds = {kind.value for kind in KINDS}
    return {rule: one for rule, one in casebook.states(tx, MONITOR).items() if rule.partition(".")[0] in kinds}


def _covered(levels: Mapping[Kind, Level], kind: Kind, failure: Kind) -> Level:
    """Say up to which level others speak for a rule of an account; that it is refused says that it is not read."""
    return max(levels[kind], levels[failure]) if kind is Kind.UNREACHABLE else levels[kind]


def _speaks(ruling: Ruling, covered: Level) -> bool:
    """Say whether somebody may be about to be told of an account alone; who was told already goes on to be."""
    return ruling.state.level > covered and not ruling.case.told


def _note_return(tx: Tx, place: str, known: Mapping[Kind, State], now: datetime) -> None:
    for kind, state in known.items():
        if state.level is not Level.OK and state.cooling is None:
            casebook.keep_state(tx, MONITOR, rule_of(kind, place), replace(state, cooling=now))


def _judge(tx: Tx, config: Config, state: State, *, kind: Kind, sight: Sight) -> _Look:
    """Bring the alert of one kind to this level, if the account is not alone and has no trouble of its own."""
    group = group_of(config, kind, place_of(sight.account.base_url))
    since, interval = sight.after.failing_since, sight.account.interval
    if since is None or len(group.accounts) == 1:
        return _Look()
    one = _Open.of(tx, config, group, state, now=sight.now)
    if one.alert is not None and one.alert.level is not Level.OK:
        return _Look() if is_apart(since, one.alert.started_at, interval) else one.worsen()
    one = replace(one, state=replace(state, cooling=None))
    last = memory.last_reading(tx, group.names)
    if is_apart(since, last, interval):
        return _Look()
    silence = Silence(failing=group.failing(tx), total=len(group.accounts), last_reading=last)
    if not silence.is_common(kind, interval=interval, now=sight.now):
        return _Look()
    return one.tell(silence.failing, began=min(failing.since for failing in silence.since_then(kind)))


# -- between polls ----------------------------------------------------------------------------------------------------


def watch_outages(tx: Tx, config: Config, now: datetime) -> Common:
    """Follow what is open: reminders, channels that are new, and the return of the accounts."""
    states = {rule: state for rule, state in _known(tx).items() if state.level is not Level.OK or state.cooling}
    groups = groups_of(config, states) if states else {}
    looks = [_Open.of(tx, config, group, states[rule], now=now).follow() for rule, group in groups.items()]
    found = _write(tx, config, looks, now)
    outbox.queue(tx, found.told)
    return found


def let_go(tx: Tx, config: Config, now: datetime) -> list[Message]:
    """End what a changed configuration has left with less than two accounts: told to whoever was told of it."""
    known = _known(tx)
    groups = groups_of(config, known) if known else {}
    gone = [rule for rule, state in known.items() if rule not in groups or _has_left(tx, groups[rule], state)]
    return [message for rule in gone for message in unwatch_own(tx, config, rule, now)]


def _has_left(tx: Tx, group: Group, state: State) -> bool:
    """Say whether those who failed alike are gone, and others are there in their place."""
    return state.level is not Level.OK and state.cooling is None and len(group.failing(tx)) < 2  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class _Open:
    """A common alert at one moment: open, about to be, or over and not yet told to be."""

    tx: Tx
    config: Config
    group: Group
    state: State
    alert: Alert | None
    now: datetime

    @classmethod
    def of(cls, tx: Tx, config: Config, group: Group, state: State, *, now: datetime) -> "_Open":
        alert, _ = casebook.alert_of(tx, MONITOR, group.rule)
        return cls(tx, config, group, state, alert, now)

    def follow(self) -> _Look:
        """Look at it between polls."""
        if self.alert is None:
            return _Look()
        if self.state.level is Level.OK:
            return self._tell_held(self.alert)
        failing, began = self.group.failing(self.tx), self.alert.started_at
        read, last = memory.read_since(self.tx, self.group.names, began)
        since = self.state.cooling or (last if read else None)
        if since is None:
            return self.tell(failing, began=began)
        longest = max(one.interval for one in self.group.accounts.values())
        back = Return(failing=failing, read=read, last_reading=last, began=since, longest=longest)
        match back.course(self.now):
            case Course.GOES_ON:
                return replace(self, state=replace(self.state, cooling=None)).tell(failing, began=began)
            case Course.ENDS:
                return self._end(self.alert, failing, lasted=since - began)
            case Course.RECOVERS:
                self._keep(replace(self.state, cooling=since))
                return _Look()

    def worsen(self) -> _Look:
        """Tell that it has got worse; while they recover only if it is about half of them still."""
        failing = self.group.failing(self.tx)
        began = self.alert.started_at if self.alert else self.now
        is_small = len(failing) == 1 or 2 * len(failing) < len(self.group.accounts)
        return _Look() if self.state.cooling and is_small else self.tell(failing, began=began)

    def tell(self, failing: Sequence[Failing], *, began: datetime) -> _Look:
        """Tell that accounts fail alike, at the level of the state, or remind of it."""
        level, silent = self.state.level, self._silent(failing)
        ran_out = self.state.limits == _SNOOZED and silent < level
        found = Found(
            level=level,
            phrase=self._phrase(failing, began),
            since=began,
            pause=timedelta(0) if ran_out else self.group.usual.remind_every.at(level),
            words_count=False,
            silent=silent,
        )
        changes = self._tell(found, [self.group.accounts[one.account] for one in failing])
        self._keep(replace(self.state, limits=_SNOOZED if silent >= level else ""))
        return _Look(changes, _named("Without a reading", failing), self._moves(found))

    def _end(self, alert: Alert, failing: Sequence[Failing], *, lasted: timedelta) -> _Look:
        """Tell the end; one soon after the end before only once it has lasted for the cooldown."""
        total = len(self.group.accounts)
        found = Found(
            level=Level.OK,
            phrase=together.read_again(Part(total - len(failing), total, self.group.place), lasted),
            silent=alert.worst if self.state.limits == _SNOOZED else Level.OK,
        )
        pause, before = self.group.usual.cooldown.at(alert.worst), self.state.ended_at
        if pause is not None and before is not None and self.now - before < pause:
            over = replace(alert, level=Level.OK, phrase=found.phrase)
            casebook.save_alert(self.tx, over, self.now, is_new=False, is_over=False)
            self._keep(State(ended_at=self.now, cooling=self.now))
            return _Look(moves=self._moves(found))
        changes = self._tell(found, list(self.group.accounts.values()))
        self._keep(State(ended_at=self.now))
        return _Look(changes, _named("Still without a reading", failing), self._moves(found))

    def _tell_held(self, alert: Alert) -> _Look:
        """Tell an end that was held, if it has lasted."""
        pause = self.group.usual.cooldown.at(alert.worst)
        if pause is not None and self.state.cooling is not None and self.now - self.state.cooling < pause:
            return _Look()
        changes = self._tell(Found(level=Level.OK, phrase=alert.phrase), list(self.group.accounts.values()))
        self._keep(State(ended_at=self.state.ended_at))
        return _Look(changes)

    def _tell(self, found: Found, accounts: Sequence[Account]) -> Mapping[str, Change]:
        listeners = audience_of_any(self.config, accounts, self.now)
        return find_own(self.tx, self.group.rule, found, self.now, listeners=listeners)

    def _keep(self, state: State) -> None:
        casebook.keep_state(self.tx, MONITOR, self.group.rule, state)

    def _moves(self, found: Found) -> list[Move]:
        before = self.alert.level if self.alert else Level.OK
        move = Move(rule=self.group.rule, before=before, now=found.level, said=found.phrase)
        return [move] if before is not found.level else []

    def _phrase(self, failing: Sequence[Failing], began: datetime) -> str:
        """Say what they have in common, with the reason of most; once some fail in another way, what they had."""
        some = alike(failing, self.group.kind)
        if self.alert is not None and (not some or len(some) < len(failing)):
            return self.alert.phrase
        since_then = [one for one in some if one.since >= began] or some
        # The daemon's own absence is no silence: it moves since when each account fails, but no alert.
        silence = self.now - min(one.since for one in since_then)
        reason = Counter(one.reason for one in since_then).most_common(1)[0][0]
        part = Part(len(some), len(self.group.accounts), self.group.place)
        return together.failing(self.group.kind, part, silence=silence, reason=reason)

    def _silent(self, failing: Sequence[Failing]) -> Level:
        """Return the worst level that somebody has silenced for each of them."""
        levels: dict[str, Level] = {}
        for one in snoozes.present(self.tx, self.now):
            if one.is_about(self.group.kind.value):
                levels[one.account] = max(one.level, levels.get(one.account, Level.OK))
        return min((levels.get(one.account, Level.OK) for one in failing), default=Level.OK)


def _named(what: str, failing: Sequence[Failing]) -> str:
    return together.names(what, [one.account for one in failing])
