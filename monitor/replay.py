"""The configured rules over polls of the past: what would have been sent, and when.

It decides by the same functions as the daemon, and remembers in memory what the daemon remembers in its database; it
reads and sends nothing. Snoozes are no part of it, nor is what the monitor tells of itself.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from operator import attrgetter

from monitor import messages
from monitor.alerts import Case, Listener, Ruling, is_calm, tell
from monitor.config import Account, Config
from monitor.figures import LONGEST, Figures
from monitor.model import Cause, Change, Level, Message, Reading, Seen
from monitor.poll.decision import Poll, pause
from monitor.poll.letters import audience, by_channel, compose, missed, part
from monitor.poll.money import stand, weigh
from monitor.rules import Fact
from monitor.spending import HOUR, Balance, Hour, Tally, hour_of, known
from monitor.store.memory import Memory, follow

WARM = timedelta(days=35)
"""Polls from that long before the beginning on say what the daemon would know of the spending by then."""
_ANY = datetime.fromtimestamp(0, UTC)
_ROWS = LONGEST // HOUR + 48
"""Hours that anybody still asks for, and some more."""


@dataclass(frozen=True, slots=True)
class Said:
    """What channels would have been sent at one moment in the same lines."""

    messages: tuple[Message, ...]
    """One a channel; what they say beside the lines may differ by what the channel knew."""
    from_the_start: frozenset[str]
    """Rules of it that never saw it otherwise: they tell it because the replay begins there."""

    @property
    def message(self) -> Message:
        """The first of them."""
        return self.messages[0]

    @property
    def channels(self) -> list[str]:
        """Who would have been sent it."""
        return [message.channel for message in self.messages]


def replay(config: Config, account: Account, polls: Iterable[tuple[datetime, Seen]], since: datetime) -> Iterator[Said]:
    """Yield what would have been sent from a moment on if the daemon had begun then with these rules.

    Polls are in order; those before the moment are remembered, and no more.
    """
    daemon = Daemon(config, account)
    for at, seen in polls:
        if at < since:
            daemon.remember(seen, at)
        elif sent := daemon.sees(seen, at):
            yield from _together(sent, daemon.found)


def _together(sent: Sequence[Message], found: Collection[str]) -> Iterator[Said]:
    """Put together what several channels are told alike; ``found`` are alerts that were there from the start."""
    alike: dict[tuple[str, ...], list[Message]] = {}
    for message in sent:
        alike.setdefault((message.title, *map(messages.title, message.changes)), []).append(message)
    for same in alike.values():
        begun = [one for one in same[0].changes if one.cause in {Cause.RAISED, Cause.OPEN} and one.alert in found]
        yield Said(tuple(same), frozenset(one.rule for one in begun))


class Daemon:
    """What the daemon would know and do of one account."""

    def __init__(self, config: Config, account: Account) -> None:
        self.found: set[str] = set()
        """The alerts that were raised by rules that never saw it fine."""
        self._config, self._account = config, account
        self._gap = pause(account)
        self._memory = Memory(account=account.name)
        self._ledger = _Ledger()
        self._cases = [Case(rule) for rule in account.rules]
        self._untried = {rule.name for rule in account.rules}
        """Rules that have neither seen it fine nor raised an alert."""
        self._began = False
        """Whether a poll was decided."""
        self._words = _Words(config.timezone)
        is_always_awake = all(channel.quiet is None for channel in config.channels.values())
        self._listeners = audience(config, account, _ANY) if is_always_awake else []
        """Who listens, where that is the same at any time."""
        self._later: dict[str, list[Change]] = {}
        """What channels are told once their quiet hours are over."""

    def remember(self, seen: Seen, now: datetime) -> Poll:
        """Let a poll be remembered, without a decision."""
        before = self._memory
        self._memory, over = follow(before, seen, now, gap=self._gap, new=0)
        self._ledger.add(over)
        is_read = isinstance(seen, Reading)
        return Poll(
            config=self._config,
            account=self._account,
            before=before,
            after=self._memory,
            seen=seen,
            now=now,
            money=weigh(self._ledger, self._config, self._account, self._memory, None) if is_read else None,
        )

    def sees(self, seen: Seen, now: datetime) -> list[Message]:
        """Let a poll be decided, and return what is sent, after what waited for the end of quiet hours."""
        roused = self._rouse(now) if self._later else []
        poll = self.remember(seen, now)
        listeners = self._listeners or audience(self._config, self._account, now)
        told = [] if self._began and is_calm(self._cases, poll.look) else self._rule(poll, listeners)
        for news in poll.news(listeners, tuple):
            at_once, waits = part(self._config, news, now)
            self._keep(waits)
            told.append(at_once)
        if not told:
            return roused
        heard = {name: [*self._later.pop(name, ()), *changes] for name, changes in by_channel(told).items()}
        return [*roused, *self._compose(heard, now)]

    def _rule(self, poll: Poll, listeners: Sequence[Listener]) -> list[Mapping[str, Change]]:
        """Judge every rule, return what channels are told of it now, and keep what they are told later."""
        rulings = tell(poll.judge(self._cases, say=self._words.put_off), listeners, poll.now)
        self._cases = [ruling.case_after(poll.now) for ruling in rulings]
        self._began = True
        if self._untried:
            self._try(rulings)
        for ruling in rulings:
            if ruling.later:
                self._keep(missed(ruling.alert, self._words.say(ruling.later), poll.now))
        told = [self._words.say(ruling.changes) for ruling in rulings if ruling.changes]
        self._words.keep(case.alert.phrase for case in self._cases if case.alert)
        return [*told]

    def _compose(self, heard: dict[str, list[Change]], now: datetime) -> list[Message]:
        level = max((case.state.level for case in self._cases), default=Level.OK)
        standing = stand(self._ledger, self._memory, level)
        return compose(heard, standing, self._config, now)

    def _rouse(self, now: datetime) -> list[Message]:
        """Tell channels whose quiet hours are over what waits for them."""
        awake = [name for name in self._config.channels if name in self._later]
        awake = [name for name in awake if not self._config.sleeps(self._config.channels[name], now)]
        return self._compose({name: self._later.pop(name) for name in awake}, now) if awake else []

    def _keep(self, told: dict[str, Change]) -> None:
        for channel, change in told.items():
            self._later.setdefault(channel, []).append(change)

    def _try(self, rulings: Sequence[Ruling]) -> None:
        """Note which rules have seen it fine by now, and what those raise that have not."""
        for ruling in rulings:
            rule, state = ruling.case.rule, ruling.state
            if rule.name not in self._untried:
                continue
            if ruling.alert is not None:
                self.found.add(ruling.alert.id)
            elif state.limits != rule.limits or state.up_warning or state.up_critical:
                continue  # it cannot tell yet, or is not sure
            self._untried.discard(rule.name)


class _Words:
    """Puts into words only what is told: an alert is judged anew at each poll, and nobody reads most of that."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._count = 0
        self._facts: dict[str, tuple[Fact, Level, datetime]] = {}

    def put_off(self, fact: Fact, level: Level, now: datetime) -> str:
        """Return what stands for the words."""
        self._count += 1
        self._facts[key := str(self._count)] = fact, level, now
        return key

    def say(self, changes: Mapping[str, Change]) -> dict[str, Change]:
        """Return changes with their words."""
        return {name: replace(one, phrase=self._phrase(one.phrase)) for name, one in changes.items()}

    def _phrase(self, key: str) -> str:
        fact, level, now = self._facts[key]
        return messages.phrase(fact, level, now, zone=self._zone)

    def keep(self, keys: Iterable[str]) -> None:
        """Forget all but these."""
        if self._facts:
            self._facts = {key: self._facts[key] for key in keys}


class _Ledger:
    """The hours that are over, in order, and the figures that were taken of them last."""

    is_whole = True

    def __init__(self) -> None:
        self._rows: list[Hour] = []
        self._figures: Figures | None = None

    def add(self, hours: Iterable[Hour]) -> None:
        """Add what has become known of hours that are over, the oldest first."""
        self._rows.extend(hours)  # time only goes on here: none comes twice
        if len(self._rows) > 2 * _ROWS:
            del self._rows[:-_ROWS]

    def hours(self, tally: Tally, latest: Balance, since: datetime) -> Sequence[Hour]:
        """Return every hour from a moment on, the one that goes on included."""
        start = max(hour_of(since), hour_of(tally.since))
        over = self._rows[bisect_left(self._rows, start, key=attrgetter("start")) :]
        return over + [hour for hour in known(tally, latest) if hour.start >= start]

    def figures(self) -> Figures | None:
        """Return the figures."""
        return self._figures

    def keep(self, figures: Figures) -> None:
        """Keep figures that were taken anew."""
        self._figures = figures
