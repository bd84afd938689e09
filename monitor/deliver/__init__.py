"""Use case 2: empty the outbox, at least once and in order for each channel.

``ledger`` reads and writes the outbox, each time in one transaction; a ``line`` is the way out to one URL, in a thread
of its own; a ``lane`` is one channel, which leads its messages from the one to the other; ``undelivered`` tells of
channels that have failed for long.
"""

from monitor.deliver.lane import DEADLINE, Lane, Shared
from monitor.deliver.line import Sender
from monitor.deliver.undelivered import watch

__all__ = ["DEADLINE", "Lane", "Sender", "Shared", "watch"]
