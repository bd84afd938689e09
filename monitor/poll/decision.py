"""What one poll leads to. Pure: the daemon and a replay decide by the same functions."""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor import alerts, messages
from monitor.alerts import Case, Listener, Ruling, Say
from monitor.config import Account, Config
from monitor.figures import Money
from monitor.model import Change, Level, Reading, Seen, Snooze
from monitor.poll.letters import new_id
from monitor.rules import Look
from monitor.store.memory import Memory

Asked = Callable[[], Sequence[Snooze]]
"""Returns the silences that somebody asked for; looked up only where there is something to be silent about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One poll of an account: what it saw, and what was known before it and is after it."""

    config: Config
    account: Account
    before: Memory
    after: Memory
    seen: Seen
    now: datetime
    money: Money | None
    """What is known of the spending; None on a failure."""

    def is_calm(self, cases: Sequence[Case]) -> bool:
        """Say whether it leaves everything as it is, and nobody has anything to hear."""
        return not self._may_be_news and alerts.is_calm(cases, self.look)

    @property
    def _may_be_news(self) -> bool:
        """Whether it may be worth a message of its own, or the return of an account that failed."""
        old, new = self.before.reading, self.seen
        if not isinstance(new, Reading):
            return False
        if self.before.failure is not None or old is None:
            return True
        return new.balance_usd > old.balance_usd or self.before.is_of_another(new)

    def judge(self, cases: Sequence[Case], *, say: Say | None = None) -> list[Ruling]:
        """Judge every rule; ``say`` is how to say what it found, if not at once in words."""
        say = say or functools.partial(messages.phrase, zone=self.config.timezone)
        return alerts.judge(cases, self.look, say=say, new_id=new_id)

    def news(self, listeners: Iterable[Listener], snoozes: Asked) -> list[Mapping[str, Change]]:
        """Say what channels are told that is no alert."""
        return [told for told in (self._owner_news(listeners), self._rise_news(listeners, snoozes)) if told]

    @property
    def look(self) -> Look:
        """What the rules are shown of it."""
        return Look(
            account=self.account.name,
            seen=self.seen,
            now=self.now,
            interval=self.account.interval,
            failing_since=self.after.failing_since or self.before.failing_since,
            needed={rule.needs: rule.name for rule in self.account.rules if rule.needs},
            money=self.money,
            read_before=self.before.read_at,
            zone=self.config.timezone,
        )

    def _owner_news(self, listeners: Iterable[Listener]) -> Mapping[str, Change]:
        """Tell that the key now belongs to another account."""
        if not isinstance(self.seen, Reading) or not self.before.is_of_another(self.seen):
            return {}
        change = messages.account_changed(self.account.name, str(self.before.owner), str(self.seen.account_id))
        return {listener.channel: change for listener in listeners if listener.wants(change.level)}

    def _rise_news(self, listeners: Iterable[Listener], snoozes: Asked) -> Mapping[str, Change]:
        """Tell what came in, unless the key is of another account now, or somebody has asked for silence."""
        old, new, read_at = self.before.reading, self.seen, self.before.read_at
        if old is None or read_at is None or not isinstance(new, Reading) or new.balance_usd <= old.balance_usd:
            return {}
        if self.before.is_of_another(new):
            return {}
        gap = self.before.failure is not None or self.now - read_at > pause(self.account)
        look = self.look
        found = {
            rule.name: fact for rule in self.account.rules if (fact := rule.notice(old, look, gap=gap)) is not None
        }
        asked = [one for one in snoozes() if one.holds(self.now)] if found else []
        said = [fact for name, fact in found.items() if not any(one.is_about(name) for one in asked)]
        news = [messages.news(self.account.name, messages.phrase(fact, Level.INFO, self.now)) for fact in said]
        return {one.channel: change for change in news for one in listeners if one.wants(change.level)}


def pause(account: Account) -> timedelta:
    """Return after how long without a poll nobody has looked."""
    return 3 * account.interval + account.timeout
