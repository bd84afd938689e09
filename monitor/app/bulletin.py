"""How things stand, in the one line that a service manager shows: ``main: $42.10, ok``."""

from collections.abc import Callable

from monitor import messages
from monitor.config import Config
from monitor.manager import Manager
from monitor.model import MONITOR, Level
from monitor.store import Store, Tx, casebook, memory
from monitor.store.life import Life

MOST = 6
"""Accounts that are named: the worst ones first."""


class Bulletin:
    """Written anew whenever it is posted; costs nothing where nobody reads it."""

    def __init__(self, config: Callable[[], Config], store: Store, manager: Manager) -> None:
        self._config, self._store, self._manager = config, store, manager

    async def post(self, life: Life) -> None:
        """Tell the manager how things stand."""
        if not self._manager.listens:
            return
        config = self._config()
        known = await self._store.do(lambda tx: standing(tx, config))
        ill = self._store.trouble
        lines = [
            f"reload refused, the old configuration goes on: {life.reload_error}" if life.reload_error else "",
            f"the database cannot be used ({ill.reason}), all goes on from memory" if ill else "",
            f"the polls of {life.overdue} accounts are overdue" if life.overdue else "",
            known,
        ]
        self._manager.tell_status("; ".join(line for line in lines if line))


def standing(tx: Tx, config: Config) -> str:
    """Say how the accounts stand, the worst ones first, and what is wrong with the monitor itself."""
    levels = casebook.levels(tx)
    names = sorted(config.accounts, key=lambda name: (-levels.get(name, Level.OK), name))
    alerting = sum(name in config.accounts for name in levels)
    shown = [memory.standing(memory.recall(tx, name), levels.get(name, Level.OK)) for name in names[:MOST]]
    own = [one.phrase for one in casebook.open_alerts(tx, MONITOR)] if MONITOR in levels else []
    return "; ".join([messages.in_a_line(shown, accounts=len(names), alerting=alerting), *own])
