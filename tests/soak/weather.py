"""What happens to a daemon meanwhile: levels, faults of every kind, a channel that flaps, reloads."""

import json
import os
import random
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

from receivers import Webhook
from shell import Api

from monitor.simulator.faults import FAULTS

ACCOUNTS = tuple(f"a{number}" for number in range(60))
_REQUESTS = 40
"""After so many requests something changes."""
_COMES_AND_GOES = ACCOUNTS[-6:]
_BALANCES = (3, 4, 15, 20, 80, 90)
_NUMBERS = {
    "status": ("402", "403", "404", "429", "500", "503"),
    "code": ("401", "402", "422", "429", "500"),
    "retry_after": ("3", "1800"),
    "slow": ("2",),
    "drip": ("0.01",),
}
_RARE = {"huge", "gzip_bomb", "hang", "slow", "drip"}
"""Costly for the simulated API, or for the second that a poll may take."""
_HEAD = """
interval = "5m"
timeout = "1s"
database = "sqlite:///{folder}/monitor.db"
[retention]
raw = "2d"
hourly = "4d"
[rules.balance_usd]
warning = {warning}
[channels.well]
url = "{well}"
[channels.flapping]
url = "{flapping}?turn={turn}"
"""


class Weather:
    """Changes something all the time, until stopped."""

    def __init__(self, folder: Path, api: Api, inboxes: Sequence[Webhook], seed: int) -> None:
        self.path = folder / "config.toml"
        self._folder, self._api, self._inboxes = folder, api, inboxes
        self._chance = random.Random(seed)  # noqa: S311 - weather
        self._turn = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._pid = 0
        for account in ACCOUNTS:
            api.change(account, balance_usd=90, low_balance_alert=False, alert_threshold=0)
        self.path.write_text(self._settings())

    def start(self, pid: int) -> None:
        """Begin, around this process."""
        self._pid = pid
        self._thread.start()

    def stop(self) -> None:
        """End, with services that hold nobody up."""
        self._stopped.set()
        self._thread.join()
        self._inboxes[1].ok()

    def _go_on(self) -> None:
        """Change things in step with the polls, however fast these come."""
        done = 0
        while not self._stopped.wait(0.05):
            due = sum(map(self._api.simulator.requests, ACCOUNTS)) // _REQUESTS
            for tick in range(done, due):
                self._change(tick)
            done = max(done, due)

    def _change(self, tick: int) -> None:
        self._api.change(self._chance.choice(ACCOUNTS), balance_usd=self._chance.choice(_BALANCES))
        if tick % 2 == 0:
            self._api.change(self._chance.choice(ACCOUNTS), fault=self._fault(), times=self._chance.randint(1, 8))
        if tick % 2 == 1:
            self._flap()
        if tick % 25 == 0:
            self._reload()

    def _fault(self) -> str:
        common = self._chance.random() > 0.05
        name = self._chance.choice([fault for fault in FAULTS if (fault in _RARE) is not common])
        return f"{name}:{self._chance.choice(_NUMBERS[name])}" if name in _NUMBERS else name

    def _flap(self) -> None:
        flapping = self._inboxes[1]
        match self._chance.choice(("ok", "ok", "ok", "ok", "error", "hang", "refuse")):
            case "error":
                flapping.status(503, b'{"error": "not now"}')
            case "hang":
                flapping.hang()
            case "refuse":
                flapping.refuse()
            case _:
                flapping.ok()

    def _reload(self) -> None:
        """Accounts and a channel come and go, another changes its address, a threshold moves; one is refused."""
        self._turn += 1
        text = self._settings()
        self.path.write_text(text + "nonsense = true\n" if self._turn % 10 == 0 else text)
        os.kill(self._pid, signal.SIGHUP)

    def _settings(self) -> str:
        well, flapping, guest = (inbox.url for inbox in self._inboxes)
        head = _HEAD.format(
            folder=self._folder, well=well, flapping=flapping, turn=self._turn // 5, warning=25 + self._turn % 3
        )
        watched = ACCOUNTS if self._turn % 3 else ACCOUNTS[: -len(_COMES_AND_GOES)]
        keys = self._api.simulator.keys
        accounts = [
            f'[accounts.{name}]\napi_key = "{keys[name]}"\nbase_url = {json.dumps(self._api.address)}\n'
            for name in watched
        ]
        guests = f'[channels.guest]\nurl = "{guest}"\n' if self._turn % 2 else ""
        return head + guests + "".join(accounts)
