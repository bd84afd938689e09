"""What counts as trouble: a rule is its configuration and a pure ``judge``.

To add a rule, write one class in the file that it belongs to, add it to ``RULES``, and give it its lines in
config.example.toml and a table test. A judge returns None for "cannot tell", and None changes nothing: unknown is never
zero and never fine.
"""

from monitor.rules.balance import AvailableCredits, AvailablePoints, BalanceUsd, LowBalanceAlert
from monitor.rules.polls import Refused, Unreachable, Unreadable
from monitor.rules.reminders import Reminders, RemindEvery, parse_reminders
from monitor.rules.rule import AlertLevel, Fact, Flag, Look, Measure, Rule, Trouble, TwoLevels, Verdict

RULES: tuple[type[Rule], ...] = (
    BalanceUsd,
    AvailableCredits,
    AvailablePoints,
    LowBalanceAlert,
    Unreachable,
    Refused,
    Unreadable,
)
"""Every rule there is, in the order in which a message names them."""

__all__ = [
    "RULES",
    "AlertLevel",
    "AvailableCredits",
    "AvailablePoints",
    "BalanceUsd",
    "Fact",
    "Flag",
    "Look",
    "LowBalanceAlert",
    "Measure",
    "Refused",
    "RemindEvery",
    "Reminders",
    "Rule",
    "Trouble",
    "TwoLevels",
    "Unreachable",
    "Unreadable",
    "Verdict",
    "parse_reminders",
]
