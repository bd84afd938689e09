"""What counts as trouble: a rule is its configuration and a pure ``judge``.

To add a rule, write one class in the file that it belongs to, add it to ``RULES``, and give it its lines in
config.example.toml and a table test. A judge returns None for "cannot tell", and None changes nothing: unknown is never
zero and never fine.
"""

from monitor.rules.age import Stale
from monitor.rules.balance import AvailableCredits, AvailablePoints, BalanceUsd, LowBalanceAlert
from monitor.rules.channels import Undelivered
from monitor.rules.money import Budget, Runway, SpendSpike
from monitor.rules.pauses import PER_LEVEL, REMINDERS, Pauses, RemindEvery, parse_pauses
from monitor.rules.polls import Refused, Unreachable, Unreadable
from monitor.rules.rule import (
    Age,
    AlertLevel,
    Fact,
    Flag,
    Gone,
    Lasting,
    Look,
    Measure,
    Rise,
    Rule,
    Spike,
    Trouble,
    TwoLevels,
    Unforeseen,
    Verdict,
    Watch,
)
from monitor.rules.top_up import TopUp

RULES: tuple[type[Rule], ...] = (
    BalanceUsd,
    AvailableCredits,
    AvailablePoints,
    LowBalanceAlert,
    Runway,
    Budget,
    SpendSpike,
    Unreachable,
    Refused,
    Unreadable,
    Stale,
    TopUp,
)
"""Every rule about accounts, in the order in which a message names them."""

OWN: tuple[type[Watch], ...] = (Undelivered,)
"""Rules about the monitor itself: written in [rules.RULE] only, judged by whoever knows what they are about."""

__all__ = [
    "OWN",
    "PER_LEVEL",
    "REMINDERS",
    "RULES",
    "Age",
    "AlertLevel",
    "AvailableCredits",
    "AvailablePoints",
    "BalanceUsd",
    "Budget",
    "Fact",
    "Flag",
    "Gone",
    "Lasting",
    "Look",
    "LowBalanceAlert",
    "Measure",
    "Pauses",
    "Refused",
    "RemindEvery",
    "Rise",
    "Rule",
    "Runway",
    "SpendSpike",
    "Spike",
    "Stale",
    "TopUp",
    "Trouble",
    "TwoLevels",
    "Undelivered",
    "Unforeseen",
    "Unreachable",
    "Unreadable",
    "Verdict",
    "Watch",
    "parse_pauses",
]
