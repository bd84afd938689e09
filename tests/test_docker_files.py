"""What can be said of the image without building it."""

import json
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from live import COMMAND, clean_environment

from monitor import __version__, config

TOP = Path(__file__).parent.parent
DOCKERFILE = (TOP / "Dockerfile").read_text()
PAGE = (TOP / "docs/docker.md").read_text()


def test_the_image_is_labelled_with_this_version() -> None:
    assert f"\nARG VERSION={__version__}\n" in DOCKERFILE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_python_itself_has_started_is_kept(number: signal.Signals, tmp_path: Path) -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)
    *first, program = json.loads(entry)
    assert program == "balance-monitor"
    environment = clean_environment(LEGNEXT_API_KEY="sk-1", XDG_STATE_HOME=str(tmp_path))
    # This shell signals itself where the first process of a container would still hear nothing.
    script = f'kill -{number.name.removeprefix("SIG")} $$; exec "$@"'
    words = [*first, "sh", "-c", script, "sh", *COMMAND, "run"]
    with subprocess.Popen(words, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as daemon:
        try:
            assert daemon.stdout is not None
            if number == signal.SIGHUP:  # there is nothing yet to be read again
                assert "first_start" in daemon.stdout.readline()
                daemon.terminate()
            assert daemon.wait(30) == 0
        finally:
            daemon.kill()


IN_ITS_PLACE = {"your-legnext-key": "a-key-in-its-place", "change-me": "a-token-in-its-place"}


def manifests() -> dict[str, Any]:
    """Return what the page says to give to Kubernetes, by kind."""
    (block,) = re.findall(r"^```yaml\n(apiVersion: .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return {each["kind"]: each for each in yaml.safe_load_all(block)}


def test_what_kubernetes_mounts_is_a_configuration_that_polls_and_tells(tmp_path: Path) -> None:
    kinds = manifests()
    file, secrets = tmp_path / "config.toml", tmp_path / "secrets"
    file.write_text(kinds["ConfigMap"]["data"]["config.toml"])
    secrets.mkdir()
    for name, text in kinds["Secret"]["stringData"].items():
        (secrets / name).write_text(IN_ITS_PLACE.get(text, text))
    loaded = config.load(file, {}, secrets_dirs=[secrets])
    assert (list(loaded.accounts), list(loaded.channels), loaded.warnings) == (["main"], ["ops"], ())


def test_the_pod_is_made_for_the_image() -> None:
    spec = manifests()["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")  # a second daemon would not get the database
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    user = pod["securityContext"]
    assert f"\nUSER {user['runAsUser']}:{user['runAsGroup']}\n" in DOCKERFILE
    assert container["image"].endswith(f":{__version__}")
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {
        "/data",
        "/etc/balance-monitor",
        "/run/secrets",
        "/tmp",  # noqa: S108 - of the container
    }
    # The token of the service account would have to be mounted into the read-only folder of the secrets.
    assert pod["automountServiceAccountToken"] is False
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == ["balance-monitor", "healthcheck"]


def test_compose_asks_for_health_as_the_image_does() -> None:
    service = yaml.safe_load((TOP / "compose.yaml").read_text())["services"]["balance-monitor"]
    health = service["healthcheck"]
    times = f"--interval={health['interval']} --timeout={health['timeout']} --start-period={health['start_period']}"
    command = json.dumps(health["test"][1:])
    assert f"\nHEALTHCHECK {times} --retries={health['retries']} CMD {command}\n" in DOCKERFILE
