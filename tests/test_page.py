"""The page of the daemon as a process: its port, a port that is taken, a reload, an end, and what it costs others."""

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from live import Api, Run, clean_environment, settings, until
from receivers import Webhook
from site_of import BEARER, TOKEN
from year import write_year

from monitor.config import Listen
from monitor.schedule import phase_of
from monitor.web.bind import bind


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api("drain") as it:
        yield it


def page_of(run: Run, count: int = 1) -> str:
    return str(run.wait_event("page", count)["address"]).rstrip("/")


def listening(run: Run, text: str, listen: str, more: str = "") -> None:
    run.path.write_text(f'{text}[web]\nlisten = "{listen}"\n{more}')


@contextmanager
def looked_at(folder: Path, text: str, listen: str = "127.0.0.1:0", more: str = "") -> Iterator[Run]:
    """Run the daemon as people do, with what the file says."""
    with Run(folder, BALANCE_MONITOR_WEB__LISTEN="") as run:
        listening(run, text, listen, more)
        yield run.start()


def daemon_of(run: Run) -> dict[str, object]:
    found: dict[str, object] = json.loads(run.command("status", "--json").stdout)["daemon"]
    return found


def test_a_port_that_is_taken_is_said_and_tried_again_and_the_monitoring_goes_on(tmp_path: Path, api: Api) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with looked_at(tmp_path, settings(api), f"127.0.0.1:{port}") as run:
            reason = f"127.0.0.1:{port} cannot be listened on (Address already in use)"
            assert run.wait_event("page_unavailable")["reason"] == reason
            known = api.requests()
            assert daemon_of(run)["page_trouble"] == reason
            assert f"The page is not served: {reason}." in run.command("status").stdout
            assert run.command("healthcheck").returncode == 0
            api.wait_for_poll(known)
            other.close()
            assert page_of(run) == f"http://127.0.0.1:{port}"
            assert httpx.get(f"http://127.0.0.1:{port}/healthz").json()["status"] == "ok"
            assert daemon_of(run)["page_trouble"] is None
            assert len(run.events("page_unavailable")) == 1
            assert run.stop() == 0


def test_a_reload_moves_the_page_guards_it_and_takes_it_away(tmp_path: Path, api: Api) -> None:
    text = settings(api)
    with looked_at(tmp_path, text) as run:
        first = page_of(run)
        assert httpx.get(f"{first}/metrics").status_code == 200
        listening(run, text, "127.0.0.1:0", f'token = "{TOKEN}"\n')
        assert run.command("reload").returncode == 0
        assert httpx.get(f"{first}/metrics").status_code == 401
        assert httpx.get(f"{first}/metrics", headers=BEARER).status_code == 200
        port = free_port()
        listening(run, text, f"127.0.0.1:{port}")
        assert run.command("reload").returncode == 0
        second = page_of(run, 2)
        assert second.endswith(str(port))
        assert httpx.get(f"{second}/readyz").json() == {"ready": True}
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{first}/readyz")
        listening(run, text, "off")
        assert run.command("reload").returncode == 0
        until(lambda: is_gone(second), "the end of the page")
        listening(run, text, "0.0.0.0:1")
        refused = run.command("reload")
        assert (refused.returncode, "there is no token" in refused.stderr) == (1, True)
        assert run.stop() == 0


def is_gone(address: str) -> bool:
    try:
        httpx.get(f"{address}/readyz")
    except httpx.TransportError:
        return True
    return False


def test_a_token_that_cannot_be_read_keeps_the_page_shut_and_stops_nothing(tmp_path: Path, api: Api) -> None:
    with looked_at(tmp_path, settings(api), more='token_file = "gone"\n') as run:
        assert "gone (for web.token): there is no such file" in run.wait_event("page_unavailable")["reason"]
        known = api.requests()
        api.wait_for_poll(known)
        (tmp_path / "gone").write_text(TOKEN)
        assert run.command("reload").returncode == 0
        address = page_of(run)
        assert httpx.get(f"{address}/metrics", headers=BEARER).status_code == 200


def test_a_stop_waits_for_nobody_who_only_holds_the_line(tmp_path: Path, api: Api) -> None:
    with looked_at(tmp_path, settings(api)) as run:
        host, _, port = page_of(run).removeprefix("http://").rpartition(":")
        assert httpx.get(f"http://{host}:{port}/readyz").status_code == 200
        with closing(socket.create_connection((host, int(port)))) as idle, closing(socket.socket()) as half:
            half.connect((host, int(port)))
            half.sendall(b"GET /metrics HTTP/1.1\r\n")
            began = time.monotonic()
            assert run.stop() == 0
            assert time.monotonic() - began < 5
            assert idle.recv(1) == b""


def test_what_is_snoozed_on_the_page_is_known_to_commands_and_a_test_message_arrives(tmp_path: Path, api: Api) -> None:
    with (
        Webhook() as webhook,
        looked_at(tmp_path, settings(api, webhook.url), more=f'token = "{TOKEN}"\n') as run,
        httpx.Client(base_url=page_of(run), headers=BEARER, timeout=30) as client,
    ):
        tried = client.post("/api/v1/channels/c0/test").json()
        assert tried == {"channel": "c0", "delivered": True, "reason": None}
        webhook.wait_posts(1)
        assert client.post("/api/v1/accounts/main/snooze", json={"for": "4h"}).status_code == 200
        assert "SNOOZED\tRULE\tUP TO\tFOR\nmain\tall\twarning" in run.command("status").stdout


@pytest.mark.parametrize("module", ["monitor", "monitor.cli", "monitor.cli.status", "monitor.cli.run"])
def test_whoever_does_not_serve_the_page_loads_nothing_of_it(module: str) -> None:
    code = f"import {module}, sys; print([one for one in {HEAVY} if one in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean_environment()
    )
    assert done.stdout == "[]\n"


HEAVY = ("starlette", "uvicorn", "jinja2", "prometheus_client")


def test_a_daemon_whose_page_is_off_loads_nothing_of_it_either(tmp_path: Path, api: Api) -> None:
    with Run(tmp_path, settings(api), PYTHONPROFILEIMPORTTIME="1") as run:
        run.start()
        api.wait_for_poll(api.requests())
        loaded = run.log_path.read_text()
        assert "apscheduler" in loaded
        assert not [one for one in HEAVY if f" {one}\n" in loaded]


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("localhost", "127.0.0.1"), ("::1", "[::1]")])
def test_names_and_both_kinds_of_addresses_can_be_listened_on(host: str, shown: str) -> None:
    with closing(bind(host, 0)) as bound:
        name, port, *_ = bound.getsockname()
        assert str(Listen(name, port)) == f"{shown}:{port}"


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_what_is_no_address_of_this_machine_cannot(host: str) -> None:
    with pytest.raises(OSError, match=r"."):
        bind(host, 0)


# -- polls meanwhile --------------------------------------------------------------------------------------------------

ACCOUNTS, INTERVAL = 60, 5


@pytest.mark.slow
def test_whoever_looks_all_the_time_delays_no_poll(tmp_path: Path) -> None:
    """Metrics, the overview and a year of history in a loop: 99 of a hundred polls still start within half a second."""
    scenario = tmp_path / "crowd.toml"
    scenario.write_text(f'[accounts.some]\ncopies = {ACCOUNTS}\nbalance_usd = 5000\nspend_usd_per_hour = "120"\n')
    with Api(str(scenario)) as api:
        text = settings(api, interval=f"{INTERVAL}s", accounts=tuple(api.keys))
        with (
            looked_at(tmp_path, text, more='[retention]\nraw = "400d"\n') as run,
            closing(Looking(page_of(run))) as looking,
        ):
            api.wait_for_poll(0, "some_1")
            database = next(tmp_path.rglob("monitor.db"))
            write_year(database, "some_1", _now())
            looking.start()
            began = time.time()
            time.sleep(3 * INTERVAL)
            late = [
                (at - phase_of(name, INTERVAL)) % INTERVAL for name in api.keys for at in api.polls(name) if at >= began
            ]
            assert looking.answers > 20
            assert len(late) > 2 * ACCOUNTS
            assert statistics.quantiles(late, n=100)[98] < 0.5, f"{looking.answers} answers meanwhile"


def _now() -> datetime:
    return datetime.now(UTC)


class Looking:
    """Somebody who asks for all of it, again and again, until closed."""

    PATHS = ("/metrics", "/api/v1/accounts", "/api/v1/accounts/some_1/history?since=365d", "/badge/some_1.svg")

    def __init__(self, address: str) -> None:
        self.answers = 0
        self._address, self._is_over = address, threading.Event()
        self._threads = [threading.Thread(target=self._look, args=[path]) for path in self.PATHS]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def _look(self, path: str) -> None:
        with httpx.Client(base_url=self._address, timeout=30) as client:
            while not self._is_over.is_set():
                with suppress(httpx.TransportError):
                    status = client.get(path).status_code
                    assert status in {200, 503}  # on a busy machine it sends some away
                    self.answers += status == 200

    def close(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(30)
