"""What is wrong or was, and who was told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from monitor.model import Alert, Told
from monitor.store import Tx, casebook, outbox


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


def open_alerts(tx: Tx, chosen: Sequence[str] = ()) -> list[Shown]:
    """Return the open alerts, of all accounts or of those that are chosen, and who was told of them."""
    told, undelivered = casebook.all_told(tx), _undelivered(tx)
    return [
        Shown(alert, heard=[_heard(one, undelivered.get((alert.id, one.channel))) for one in told.get(alert.id, [])])
        for alert in casebook.open_alerts(tx)
        if not chosen or alert.account in chosen
    ]


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
    return alert(one.alert) | {"ended_at": one.ended_at, "told": told}


def _told(heard: Heard) -> dict[str, object]:
    return asdict(heard.told) | {"level": heard.told.level.word, "outbox": heard.outbox}
