"""What goes as one after it waited for too long: everything about its account, and if the channel is well, about all.

As with what is merged, nothing is written together: messages stay one by one in the outbox, and this is decided anew
at each look.
"""

import itertools
from collections.abc import Sequence
from datetime import datetime

from monitor.config import Config
from monitor.messages import LATE
from monitor.model import MONITOR, Level, Message
from monitor.store.turns import Waiting


def is_late(message: Message, config: Config, now: datetime) -> bool:
    """Say whether a message has waited for too long; what comes in quiet hours and can wait does so for their end."""
    channel, since = config.channels.get(message.channel), message.decided_at
    if channel is not None and Level.CRITICAL not in {message.severity, *(one.before for one in message.changes)}:
        since = config.wakes(channel, since)
    return now - since > LATE


def together(queue: Sequence[Waiting], *, most: int) -> list[str]:
    """Choose what goes with the first that waits: all about the first so many accounts.

    What goes alone passes nothing and is passed by nothing; what the monitor says of itself goes by itself.
    """
    head = queue[0]
    run = list(itertools.takewhile(lambda one: one.kind, queue))
    alike = [one for one in run if (one.account == MONITOR) is (head.account == MONITOR)]
    names = set(list(dict.fromkeys(one.account for one in alike))[:most])
    return [one.id for one in alike if one.account in names] or [head.id]


def of_one_alert(queue: Sequence[Waiting]) -> list[str]:
    """Choose what goes with the first where changes are kept apart: all about the same rule of the same account."""
    head = queue[0]
    alike = (one for one in queue if (one.account, one.kind) == (head.account, head.kind))
    return [one.id for one in alike] if head.kind else [head.id]
