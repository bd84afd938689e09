"""What is wrong or was, and who was told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from monitor.config import Config
from monitor.model import MONITOR, Alert, Kind, Told
from monitor.poll.group import KINDS, place_of, rule_of
from monitor.rules import RULES
from monitor.store import Tx, casebook, outbox

_YIELDS = {rule.name: rule.yields_to for rule in RULES if rule.yields_to}
_OF_ALL = {kind.value: (kind,) for kind in KINDS} | {Kind.UNREACHABLE.value: KINDS}
"""Which alerts about an API speak for a rule of an account: that it is refused says that it is not read, too."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a channel was last told, and where the message stays that has not reached it, if one has not."""

    told: Told
    outbox: str | None
    """``waiting`` or ``given_up``."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert as it is shown."""

    alert: Alert
    ended_at: datetime | None = None
    heard: Sequence[Heard] | None = None
    """None once it has ended: it is then no longer known."""
    speakers: Sequence[str] = ()
    """Where nobody was told of it: the rules whose alerts are told in its place, those about a whole API included."""


def open_alerts(tx: Tx, config: Config | None, chosen: Sequence[str] = ()) -> list[Shown]:
    """Return the open alerts, of all accounts or of those that are chosen, and who was told of them.

    Without a configuration it is not known which accounts are of one API, and so which alert speaks for all of them.
    """
    told, undelivered, every = casebook.all_told(tx), _undelivered(tx), casebook.open_alerts(tx)
    levels = {(one.account, one.rule): one.level for one in every}

    def shown(one: Alert) -> Shown:
        heard = [_heard(hearer, undelivered.get((one.id, hearer.channel))) for hearer in told.get(one.id, [])]
        betters = [] if heard else _betters(one, config)
        return Shown(one, heard=heard, speakers=[who[1] for who in betters if levels.get(who, 0) >= one.level])

    return [shown(one) for one in every if not chosen or one.account in chosen]


def _betters(silent: Alert, config: Config | None) -> list[tuple[str, str]]:
    """Return which alerts may speak for one: that of the rule it yields to, and those about all accounts of its API."""
    account = config.accounts.get(silent.account) if config else None
    place = place_of(account.base_url) if account else ""
    of_all = [(MONITOR, rule_of(kind, place)) for kind in _OF_ALL.get(silent.rule, ()) if place]
    return [(silent.account, _YIELDS[silent.rule]), *of_all] if silent.rule in _YIELDS else of_all


def _undelivered(tx: Tx) -> Mapping[tuple[str, str], tuple[datetime, str]]:
    """Return the last message about each alert that has not reached a channel: when it was decided, and its state."""
    return {
        (change.alert, queued.message.channel): (queued.message.decided_at, queued.state)
        for queued in outbox.listing(tx)
        for change in queued.message.changes
    }


def _heard(told: Told, undelivered: tuple[datetime, str] | None) -> Heard:
    """Say whether what a channel is known to have been told has reached it; what it was told before may have."""
    is_that = undelivered is not None and undelivered[0] >= told.at
    return Heard(told, undelivered[1] if undelivered and is_that else None)


def alert(one: Alert) -> dict[str, object]:
    """Return an alert."""
    return asdict(one) | {"level": one.level.word, "worst": one.worst.word}


def shown(one: Shown) -> dict[str, object]:
    """Return an alert, when it ended, and who was told what of it."""
    told = None if one.heard is None else [_told(heard) for heard in one.heard]
    return alert(one.alert) | {"ended_at": one.ended_at, "told": told, "told_by": list(one.speakers)}


def _told(heard: Heard) -> dict[str, object]:
    return asdict(heard.told) | {"level": heard.told.level.word, "outbox": heard.outbox}
