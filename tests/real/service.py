"""The monitor as a service on a machine of its own, a simulated API that it asks and a mail server that it tells."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from receivers import MailServer
from shell import Api

from real.ground import PROJECT, pip_here, source
from real.network import Network
from real.nspawn import Machine, until

NAME = "balance-monitor"
CONFIG = f"/etc/{NAME}/config.toml"
STATE = f"/var/lib/private/{NAME}"
CHECKOUT = f"/srv/{NAME}"
UNITS = (f"/etc/systemd/system/{NAME}.service", f"{CHECKOUT}/systemd/{NAME}-failure.service")
QUICK = f"/etc/systemd/system/{NAME}.service.d/90-quick.conf"
"""What takes a minute as the unit has it takes seconds by this."""
LOW = "[CRITICAL] main: $4.07 left (at or below $5.00)"
SECRETS = KEY, PASSWORD = "lgnx-5b1f7a90c2e84d36-planted", "planted-9Xw2Lm5Qt7"
PAGE = PROJECT / "docs" / "systemd.md"
_TESTED = f"/etc/systemd/system/{NAME}.service.d/95-tested.conf"
_YOUR_KEY = "your-legnext-key"
_YOUR_URLS = (
    "slack://AAAAAAAAA/BBBBBBBBB/CCCCCCCCCCCCCCCCCCCCCCCC/#billing",
    "mailtos://user:password@mail.example.com?to=ops@example.com",
)
# Like the real one it puts each command into the journal, and then makes it.
_SUDO = """#!/bin/sh
logger --tag sudo "root : USER=root ; COMMAND=$*"
exec "$@"
"""
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def steps(heading: str) -> list[str]:
    """Return the blocks of commands below a heading of the page, in their order."""
    _, *parts = _HEADING.split(PAGE.read_text())
    return _BLOCK.findall(dict(zip(parts[::2], parts[1::2], strict=True))[heading])


class Service:
    """The service, the machine that it runs on, and whom it speaks with."""

    def __init__(self, machine: Machine, api: Api, mail: MailServer) -> None:
        self.machine, self.api, self.mail = machine, api, mail
        self._mails = [mail]
        self.config = ""
        """Its configuration, once it is installed."""

    # -- what a person sees -------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Its process, as the machine counts; 0 if there is none."""
        return int(self.machine.show(NAME, "MainPID"))

    @property
    def state(self) -> str:
        """Whether it is active, activating, inactive or failed."""
        return self.machine.show(NAME, "ActiveState")

    @property
    def says(self) -> str:
        """What it says of itself in a line."""
        return self.machine.show(NAME, "StatusText")

    @property
    def titles(self) -> list[str]:
        """The titles of all mails so far."""
        return [str(message["Subject"]) for mail in self._mails for message in mail.messages]

    @property
    def polls(self) -> int:
        """How often the API has been asked."""
        return self.api.requests()

    def now(self) -> datetime:
        """Return the machine's time."""
        return datetime.now(UTC)

    def outbox(self) -> list[dict[str, Any]]:
        """Return what waits, as root sees it beside the service."""
        found: list[dict[str, Any]] = json.loads(self.machine.run("balance-monitor outbox list --json"))
        return found

    def polled_at(self) -> datetime:
        """Return the time of the last poll that it has written down, as root sees it beside the service."""
        known = json.loads(self.machine.run("balance-monitor status --json"))
        return datetime.fromisoformat(known["accounts"][0]["polled_at"])

    def status(self) -> str:
        """Return what systemctl status shows, whatever it exits with."""
        return self.machine.attempt(f"systemctl status --no-pager --full {NAME}").said

    def journal(self, options: str = "") -> str:
        """Return lines of its journal."""
        return self.machine.run(f"journalctl --unit {NAME} --no-pager {options}")

    def follow(self, step: str) -> str:
        """Do a step of the page as it is written, but for the key and the channel, which are those of this test."""
        done = step.replace(_YOUR_KEY, KEY)
        for url in _YOUR_URLS:
            done = done.replace(url, self.mail.url)
        fetches = "systemd/install" in step or "apt-get" in step
        variables = _environ(self.api) | {name: text for name, text in os.environ.items() if name.lower() in _PROXIES}
        return self.machine.run(f"cd {CHECKOUT}\n{done}", environ=variables, is_outside=fetches, timeout=300)

    def lines(self, priority: str) -> list[str]:
        """Return the lines of its journal that are as grave as that, or graver."""
        return self.journal(f"--output=cat --priority={priority}").splitlines()

    # -- waiting ------------------------------------------------------------------------------------------------------

    def wait_active(self, *, other_than: int = 0) -> None:
        """Wait until it is up, with another process than one that there was."""
        until(lambda: self.state == "active" and self.pid not in (0, other_than), "it is active")

    def wait_polls(self, count: int) -> None:
        """Wait for so many further polls."""
        enough = self.polls + count
        until(lambda: self.polls >= enough, f"{count} further polls")

    def wait_poll_since(self, moment: datetime) -> None:
        """Wait until a poll that was made since then is written down, and with it all that it has decided."""
        until(lambda: self.polled_at() > moment, "a poll is written down")

    def wait_says(self, words: str) -> None:
        """Wait until its line says that."""
        until(lambda: words in self.says, f"it says {words!r}")

    def wait_titles(self, count: int) -> None:
        """Wait until that many mails have come, from the beginning."""
        until(lambda: len(self.titles) >= count, f"mail {count}")

    # -- changing things ----------------------------------------------------------------------------------------------

    def set(self, lines: str) -> None:
        """Set lines of the unit's [Service] section until the end of the test."""
        self.machine.put(_TESTED, f"[Service]\n{lines}\n")
        self.machine.run("systemctl daemon-reload")

    @contextmanager
    def mail_is_down(self) -> Iterator[None]:
        """Let the mail server refuse connections for a while; then there is one again, at the same address."""
        self.mail.close()
        try:
            yield
        finally:
            with self.machine.network.inside():
                self.mail = MailServer(password=PASSWORD, port=self.mail.port)
            self._mails.append(self.mail)

    @contextmanager
    def mail_hangs(self) -> Iterator[None]:
        """Let the mail server take connections and say nothing for a while."""
        with self.mail_is_down():
            with self.machine.network.inside():
                silent = socket.create_server(("127.0.0.1", self.mail.port))
            with silent:
                yield

    def close(self) -> None:
        """Close the mail server, whichever it is by now."""
        self.mail.close()

    def _has_told_the_end(self) -> bool:
        ours = [title for title in self.titles if "] main: " in title]
        return not ours or ours[-1].startswith("[OK]")

    def calm(self) -> None:
        """Bring it back to where all is well, told and quiet, whatever a test has done."""
        self.api.change(balance_usd="72.048", fault=None)
        if self.machine.attempt(f"rm {_TESTED}").code == 0:
            self.machine.run(f"systemctl daemon-reload; systemctl stop {NAME}")
        if self.machine.run(f"cat {CONFIG}") != self.config:
            self.machine.put(CONFIG, self.config)
            self.machine.attempt(f"systemctl reload {NAME}")
        self.machine.run(f"systemctl reset-failed {NAME}; systemctl start {NAME}")
        self.wait_says("main: $72.05, ok")
        until(lambda: self._has_told_the_end() and not self.outbox(), "all is told, the end last")


@contextmanager
def installed(debian: Path) -> Iterator[Service]:
    """Install and start the service on a machine by the page's own steps, as they are written."""
    with beside(debian) as service:
        service.machine.run("useradd --create-home ada")  # somebody else on the machine
        for step in steps("Five minutes to the first alert"):
            service.follow(step)
            if "warning = 1000000" in step:
                service.wait_titles(1)
        service.wait_titles(2)
        service.config = service.machine.run(f"cat {CONFIG}")
        yield service


@contextmanager
def beside(debian: Path) -> Iterator[Service]:
    """Boot a machine with an API and a mail server beside it; nothing is installed yet.

    The environment that it gives to all services leads ours to that API.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="nspawn-")))
        network = Network()
        stack.callback(network.close)
        settings, reads = pip_here()
        machine = stack.enter_context(Machine(debian, folder, network, reads=reads))
        with network.inside():
            api = stack.enter_context(Api(api_key=KEY))
            service = Service(machine, api, MailServer(password=PASSWORD))
        stack.callback(service.close)
        _furnish(machine, settings, api)
        machine.boot()
        grows = machine.run("systemctl --version").split()[1] >= "254"  # and has a limit then
        limit = "RestartMaxDelaySec=600ms\n" if grows else ""
        machine.put(QUICK, f"[Service]\nWatchdogSec=5\nRestartSec=500ms\n{limit}")
        yield service


def _environ(api: Api) -> dict[str, str]:
    """Return what leads the program to an API that is not the real one, and has it tell each end, and no news."""
    return {
        "BALANCE_MONITOR_INTERVAL": "5s",
        "BALANCE_MONITOR_ACCOUNTS__MAIN__BASE_URL": api.address,
        "BALANCE_MONITOR_RULES__BALANCE_USD__COOLDOWN": "off",
        "BALANCE_MONITOR_RULES__LOW_BALANCE_ALERT__COOLDOWN": "off",
        "BALANCE_MONITOR_RULES__TOP_UP__ENABLED": "false",
    }


def _furnish(machine: Machine, settings: str, api: Api) -> None:
    variables = " ".join(f"{name}={value}" for name, value in _environ(api).items())
    machine.put("/etc/systemd/system.conf.d/tests.conf", f"[Manager]\nDefaultEnvironment={variables}\n")
    for names in ("/etc/resolv.conf", "/etc/hosts"):
        machine.put(names, Path(names).read_text())
    machine.put("/etc/pip.conf", settings, 0o600)
    machine.put("/usr/local/bin/sudo", _SUDO, 0o755)
    machine.put("/var/log/journal/README", "what is in this folder outlives a reboot\n")
    source(machine.upper / CHECKOUT.lstrip("/"))
