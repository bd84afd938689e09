"""docs/docker.md from its first block to its last, as somebody types it who has nothing yet.

What the tests add: the network of their API and receiver, short intervals, and what a person pastes.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from live import Api, until
from receivers import Webhook

from real.engine import Engine
from real.ground import source

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

CRITICAL = "[CRITICAL] main: $4.07 left (at or below $5.00)"
KEPT = "balance-monitor-balance-monitor-1"
ALONE = "balance-monitor"
ADDED = """
services:
  balance-monitor:
    build: {{network: host, args: {{REVISION: "${{REVISION:-first}}"}}}}
    network_mode: host
    environment: {{BALANCE_MONITOR_INTERVAL: 5s, BALANCE_MONITOR_ACCOUNTS__MAIN__BASE_URL: "{address}"}}
    healthcheck: {{interval: 1s}}
"""
SHELL = """
docker() {{
  if [ "$1 $2" != "run -d" ]; then command docker "$@"; return; fi
  shift 2
  command docker run -d --network host --health-interval 1s \
    -e BALANCE_MONITOR_INTERVAL=5s -e BALANCE_MONITOR_ACCOUNTS__MAIN__BASE_URL={address} "$@"
}}
"""


class Page:
    """The blocks of the page, and how far somebody has come."""

    def __init__(self, engine: Engine, folder: Path, api: Api, hook: Webhook) -> None:
        self._engine, self.folder, self.api, self.hook = engine, folder, api, hook
        text = (folder / "docs/docker.md").read_text()
        self.left: list[str] = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        (folder / "here.yaml").write_text(ADDED.format(address=api.address))
        self._pasted = {"accounts__main__api_key": api.keys["main"], "channels__ops__url": hook.url}

    def go_on(self, upto: str, **variables: str) -> str:
        """Run the blocks up to and with the next that has these words; return what that one printed."""
        while True:
            block = self.left.pop(0)
            printed = self._type(block, variables)
            if upto in block:
                return printed

    def _type(self, block: str, variables: dict[str, str]) -> str:
        pasted = next((text for name, text in self._pasted.items() if block == f"cat > secrets/{name}\n"), "")
        done = subprocess.run(
            ["bash", "-e", "-c", SHELL.format(address=self.api.address) + block],  # noqa: S607
            cwd=self.folder,
            env=self._engine.environment | {"COMPOSE_FILE": "compose.yaml:here.yaml"} | variables,
            input=f"{pasted}\n",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def inspect(self, name: str) -> dict[str, Any]:
        (found,) = json.loads(self._engine.docker("inspect", name))
        return dict(found)

    def events(self, name: str, event: str) -> int:
        """Count the lines about an event in a container's log."""
        return self._engine.docker("logs", name).count(f'"event": "{event}"')


@pytest.fixture(scope="module")
def page(composed: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = source(tmp_path_factory.mktemp("copy"))
    with ExitStack() as stack:
        yield Page(composed, folder, stack.enter_context(Api()), stack.enter_context(Webhook()))
        for name in composed.docker("ps", "--all", "--quiet").split():
            composed.docker("rm", "--force", name)


def test_from_nothing_to_the_first_alert_and_its_end(page: Page) -> None:
    asked = page.go_on("channels test")
    assert "/etc/balance-monitor/config.toml: ok (1 account, 1 channel)" in asked
    assert "ops: delivered" in asked
    assert "OK - main: $72.05" in asked
    page.go_on("up -d --wait")
    assert page.inspect(KEPT)["State"]["Health"]["Status"] == "healthy"
    assert page.go_on("warning = 100000") == "Reloaded.\n"
    page.hook.wait_posts(2, 30)
    assert page.go_on("config.toml.before") == "Reloaded.\n"
    page.hook.wait_posts(3, 30)
    assert page.hook.titles[1:] == [
        "[WARNING] main: $72.05 left (at or below $100,000.00)",
        "[OK] main: $72.05 left (above $25.00)",
    ]


def test_from_day_to_day(page: Page) -> None:
    printed = page.go_on("outbox")
    assert "(healthy)" in printed
    assert '"event": "started"' in printed
    assert "Healthy, up for " in printed
    assert "ops: delivered" in printed


def test_a_backup_of_the_running_daemon_comes_back_with_all_that_was_told(page: Page) -> None:
    page.api.change(balance_usd=20)
    page.hook.wait_posts(5, 30)
    page.go_on("VACUUM INTO")
    page.go_on("< backup.db")
    assert page.events(KEPT, "first_start") == 0


def test_an_upgrade_and_the_way_back_tell_nothing_again(page: Page) -> None:
    before, seen = page.inspect(KEPT)["Image"], page.api.requests()
    page.go_on("docker tag", REVISION="second")
    assert page.inspect(KEPT)["Image"] != before
    page.api.wait_for_poll(seen)
    page.go_on("TAG=before")
    assert page.inspect(KEPT)["Image"] == before
    page.api.change(balance_usd="4.07")
    page.hook.wait_posts(6, 30)  # in order: what had been told again would be before it
    assert page.hook.titles[4:] == ["[WARNING] main: $20.00 left (at or below $25.00)", CRITICAL]
    page.go_on("docker compose down")


def test_without_compose_by_files_and_by_the_environment(page: Page) -> None:
    page.go_on("docker run")
    page.hook.wait_posts(7, 30)  # a volume of its own, so a first start
    assert "main\tcritical" in page.go_on("docker stop")
    variables = {"LEGNEXT_API_KEY": page.api.keys["main"], "BALANCE_MONITOR_CHANNELS__OPS__URL": page.hook.url}
    page.go_on("docker run", **variables)
    until(lambda: page.inspect(ALONE)["State"]["Health"]["Status"] == "healthy", "healthy", 60)
    page.api.change(balance_usd=90)
    page.hook.wait_posts(8, 30)
    assert page.hook.titles[6:] == [CRITICAL, "[OK] main: $90.00 left (above $50.00) (and 1 more)"]  # and what came in


def test_the_public_certificates_are_there_to_add_a_companys_to_and_nothing_of_the_page_is_left(page: Page) -> None:
    page.go_on("ca-certificates.crt")
    assert "BEGIN CERTIFICATE" in (page.folder / "config/ca.pem").read_text()
    assert page.left == []
