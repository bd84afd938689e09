"""The image at work: on a read-only disk, without capabilities, as nobody in particular, with 128 MB."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from live import Api, until
from receivers import Webhook

from real.engine import HERE, OFTEN, Container, Engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

LOW = "[WARNING] main: $20.00 left (at or below $25.00)"
KEY = "sk-5f4e3d2c1b0a9988"
TOKEN = "tok-77aa66bb55cc44dd"


def variables(api: Api, hook: Webhook) -> list[str]:
    """Return the options of a container that the environment alone configures."""
    environment = {
        "LEGNEXT_API_KEY": api.keys["main"],
        "BALANCE_MONITOR_INTERVAL": "5s",
        "BALANCE_MONITOR_ACCOUNTS__MAIN__BASE_URL": api.address,
        "BALANCE_MONITOR_CHANNELS__OPS__URL": hook.url,
    }
    return [HERE, *(f"--env={name}={value}" for name, value in environment.items())]


@pytest.fixture(scope="module", autouse=True)
def frozen(image: Engine) -> Iterator[Container]:
    """Give a container that was healthy and whose process has not gone on since: to see it takes half a minute."""
    with ExitStack() as stack:
        api, hook = stack.enter_context(Api()), stack.enter_context(Webhook())
        container = stack.enter_context(image.container(*OFTEN, *variables(api, hook)))
        container.wait_health("healthy")
        container.signal(signal.SIGSTOP)
        yield container


def test_the_environment_alone_configures_it_and_a_new_container_goes_on_where_the_old_one_was(
    image: Engine, api: Api, hook: Webhook, figures: list[str]
) -> None:
    api.change(balance_usd=20)
    options = [*OFTEN, f"--volume={image.volume()}:/data", *variables(api, hook)]
    with image.container(*options) as first:
        hook.wait_posts(1, 30)
        started = datetime.fromisoformat(first.state["StartedAt"]).timestamp()
        figures.append(f"docker: from the container's start to the first poll {api.polls()[0] - started:.2f} s")
        first.wait_health("healthy")
        status = Path(f"/proc/{first.state['Pid']}/status").read_text()
        rights = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
        figures.append(f"docker: the daemon's own memory {int(rights['RssAnon'].split()[0]) / 1000:.0f} MB")
        assert rights["Uid"].split() == ["10001"] * 4
        assert {rights[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
        assert rights["NoNewPrivs"] == "1"
        assert api.keys["main"] in json.dumps(first.inspect())  # why the page prefers files
        assert first.stop() == 0
    seen = api.requests()
    with image.container(*options) as second:
        api.wait_for_poll(seen)
        api.change(balance_usd=90)
        hook.wait_posts(2, 30)  # in order: what the first poll had told again would be before it
        assert not second.events("first_start")
        assert second.stop() == 0
    assert hook.titles == [LOW, "[OK] main: $90.00 left (above $25.00) (and 1 more)"]  # and what came in


def test_secrets_from_files_are_seen_nowhere(image: Engine, api: Api, hook: Webhook, tmp_path: Path) -> None:
    api.create("shop", balance_usd=20, api_key=KEY)
    files = {"accounts__shop__api_key": KEY, "channels__ops__url": f"{hook.url}/{TOKEN}"}
    options = [
        HERE,
        f"--env=BALANCE_MONITOR_ACCOUNTS__SHOP__BASE_URL={api.address}",
        "--env=BALANCE_MONITOR_LOG__LEVEL=debug",
    ]
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
        options.append(f"--volume={tmp_path / name}:/run/secrets/{name}:ro")
    with image.container(*OFTEN, *options) as container:
        (post, *_) = hook.wait_posts(1, 30)
        assert post.path.endswith(TOKEN)
        container.wait_health("healthy")
        shown = json.dumps(container.inspect()) + container.output()
        assert container.stop() == 0
    for secret in (KEY, TOKEN):
        assert secret not in shown


def test_a_mounted_file_configures_it_for_any_user_of_group_0(
    image: Engine, api: Api, hook: Webhook, tmp_path: Path
) -> None:
    api.change(balance_usd=20)
    table = f'[accounts.main]\napi_key = "{api.keys["main"]}"\nbase_url = "{api.address}"\n'
    (tmp_path / "config.toml").write_text(f'{table}[channels.ops]\nurl = "{hook.url}"\n')
    tmp_path.chmod(0o755)
    mounted = f"--volume={tmp_path}:/etc/balance-monitor:ro"
    with image.container(*OFTEN, HERE, mounted, f"--volume={image.volume()}:/data", "--user=123456:0") as container:
        hook.wait_posts(1, 30)
        container.wait_health("healthy")
        assert container.wait_event("started")["config"] == "/etc/balance-monitor/config.toml"
        assert container.stop() == 0
    assert hook.titles == [LOW]
    done = image.once(mounted, "--user=123456:123456", command=["run"])
    assert (done.returncode, done.stdout) == (1, "")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Error: /data/monitor.db cannot be used: ")


ASK = """
import http.client, sys
page = http.client.HTTPConnection("127.0.0.1", 8080, timeout=10)
page.request("GET", sys.argv[1], headers={"Authorization": "Bearer " + sys.argv[2]})
print(page.getresponse().status)
"""


def test_its_page_is_for_others_once_there_is_a_token(image: Engine) -> None:
    options = ["--network=none", "--env=LEGNEXT_API_KEY=sk-1234567890"]
    with image.container(*options, f"--env=BALANCE_MONITOR_WEB__TOKEN={TOKEN}") as container:
        until(lambda: container.events("page"), "the page", 30)
        assert container.events("page")[0]["address"] == "http://0.0.0.0:8080/"
        asked = (("/metrics", TOKEN), ("/metrics", "wrong"), ("/readyz", "none"))
        answers = [image.docker("exec", container.name, "python", "-c", ASK, *one).strip() for one in asked]
        assert answers == ["200", "401", "200"]
    with image.container(*options) as container:
        until(lambda: container.events("page"), "the page", 30)
        assert container.events("page")[0]["address"] == "http://127.0.0.1:8080/"
        notes = [event["note"] for event in container.events("configuration")]
        assert [note for note in notes if note.startswith("web.token: not set, so the page is only on 127.0.0.1:8080")]
        assert container.state["Running"]


def test_it_needs_no_network_to_be_healthy_for_that_is_what_alerts_are_about(image: Engine) -> None:
    with image.container(*OFTEN, "--network=none", "--env=LEGNEXT_API_KEY=sk-1") as container:
        assert container.wait_event("account_failing")["kind"] == "unreachable"
        container.wait_health("healthy")
        assert container.stop() == 0


def test_a_dead_channel_never_makes_it_unhealthy_nor_restarts_it(image: Engine, api: Api, hook: Webhook) -> None:
    api.change(balance_usd=20)
    hook.refuse()
    with image.container(*OFTEN, "--restart=always", *variables(api, hook)) as container:
        container.wait_event("channel_failing")
        after = time.time()
        until(lambda: len(_checks(container, after)) >= 3, "three more health checks", 60)
        assert {check["ExitCode"] for check in container.state["Health"]["Log"]} == {0}
        assert container.inspect()["RestartCount"] == 0
        hook.ok()
        hook.wait_posts(1, 60)
        assert container.stop() == 0
    assert [title.removesuffix(" (late)") for title in hook.titles] == [LOW]


def _checks(container: Container, after: float) -> list[dict[str, str]]:
    log = container.state["Health"]["Log"]
    return [check for check in log if datetime.fromisoformat(check["Start"]).timestamp() > after]


def test_it_stops_well_while_a_service_does_not_answer(image: Engine, api: Api, hook: Webhook) -> None:
    api.change(balance_usd=20)
    hook.hang()
    with image.container("--stop-timeout=8", *variables(api, hook)) as container:
        hook.wait_attempts(1, 30)
        assert container.stop() == 0
        assert container.events("stopped")


def test_it_stops_well_at_once_after_its_start(image: Engine, api: Api, hook: Webhook) -> None:
    with image.container("--stop-timeout=8", *variables(api, hook)) as container:
        assert container.stop() == 0


def test_a_crash_after_a_reload_is_followed_by_a_restart(image: Engine, api: Api, hook: Webhook) -> None:
    with image.container("--restart=always", *variables(api, hook)) as container:
        container.wait_event("started")
        image.docker("kill", "--signal=HUP", container.name)
        container.wait_event("reloaded")
        container.signal(signal.SIGKILL)
        container.wait_event("started", 2)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([], "no account: set LEGNEXT_API_KEY, or write [accounts.main] with an api_key"),
        (["--env=LEGNEXT_API_KEY=sk-1", "--env=BALANCE_MONITOR_INTERVAL=5"], "BALANCE_MONITOR_INTERVAL: "),
    ],
)
def test_a_configuration_that_cannot_be_used_ends_it_with_one_sentence(
    image: Engine, options: list[str], sentence: str
) -> None:
    done = image.once(*options, command=["run"])
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert sentence in line


def test_a_secret_that_its_user_may_not_read_is_told_by_its_place(image: Engine, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o600)
    place = "/run/secrets/accounts__main__api_key"
    done = image.once(f"--volume={file}:{place}:ro", command=["run"])
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"{place} (for accounts.main.api_key): cannot be read (Permission denied): let the monitor read it" in line


def test_what_kubernetes_sets_beside_a_service_of_our_name_is_harmless(image: Engine) -> None:
    links = {"PORT": "tcp://10.96.7.4:8080", "PORT_8080_TCP_ADDR": "10.96.7.4", "SERVICE_PORT": "8080"}
    options = [f"--env=BALANCE_MONITOR_{name}={value}" for name, value in links.items()]
    done = image.once(*options, "--env=LEGNEXT_API_KEY=sk-1", command=["config", "check"])
    assert (done.returncode, done.stdout) == (0, "environment: ok (1 account, 0 channels)\n")
    assert "BALANCE_MONITOR_" not in done.stderr


def test_it_is_unhealthy_when_it_no_longer_polls_and_healthy_again_when_it_does(frozen: Container) -> None:
    frozen.wait_health("unhealthy", 90)
    assert "last gave a sign of life" in frozen.state["Health"]["Log"][-1]["Output"]
    frozen.signal(signal.SIGCONT)
    frozen.wait_health("healthy")
    assert frozen.stop() == 0
