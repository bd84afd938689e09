"""The image: what is in it, what is not, and what it says of itself."""

import json
from pathlib import Path

import pytest

from monitor import __version__
from real.engine import IMAGE, Engine

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

LARGEST = 100_000_000
WHAT_IS_INSTALLED = """
import importlib.metadata as m, json, re
plain = lambda name: re.sub("[-_.]+", "-", re.match("[A-Za-z0-9._-]+", name)[0]).lower()
there = {plain(d.name): d for d in m.distributions()}
reached, left = set(), ["balance-monitor"]
while left:
    name = left.pop()
    if name in there and name not in reached:
        reached.add(name)
        left += [plain(r) for r in there[name].requires or () if "extra ==" not in r]
print(json.dumps([sorted(there), sorted(reached)]))
"""
WHAT_IS_COMPILED = """
import json, pathlib, sys
import alembic.command, apprise, monitor.cli.healthcheck, monitor.cli.run, monitor.cli.status
apprise.Apprise().add("json://localhost")
specs = [module.__spec__ for module in list(sys.modules.values())]
cached = {spec.origin: pathlib.Path(spec.cached) for spec in specs if spec and spec.cached}
unchecked = (1).to_bytes(4, "little")
print(json.dumps([len(cached), [f for f, c in cached.items() if not c.exists() or c.read_bytes()[4:8] != unchecked]]))
"""


def python(engine: Engine, script: str) -> list[list[str]]:
    done = engine.once("--entrypoint=python", command=["-c", script])
    assert (done.returncode, done.stderr) == (0, "")
    return list(json.loads(done.stdout))


def test_our_layers_are_small(image: Engine, figures: list[str]) -> None:
    sizes = [int(size) for size in image.docker("history", "--human=false", "--format={{.Size}}", IMAGE).split()]
    ours = sum(sizes[:-1])  # the base, which was imported, is one layer
    figures.append(f"docker: our layers over the base are {ours / 1e6:.1f} MB, the base is {sizes[-1] / 1e6:.0f} MB")
    assert ours <= LARGEST


def test_it_holds_what_the_program_needs_and_nothing_that_builds_or_installs(image: Engine) -> None:
    there, needed = python(image, WHAT_IS_INSTALLED)
    assert {"sqlalchemy", "apprise", "tzdata"} < set(needed)
    assert there == needed


def test_whatever_a_start_loads_has_its_bytecode_the_standard_library_too(image: Engine) -> None:
    count, bare = python(image, WHAT_IS_COMPILED)
    assert int(str(count)) > 500
    assert bare == []


def test_it_runs_without_rights_keeps_state_in_data_and_says_what_it_is(image: Engine) -> None:
    (found,) = json.loads(image.docker("image", "inspect", IMAGE))
    config = found["Config"]
    assert (config["User"], config["StopSignal"], list(config["Volumes"])) == ("10001:10001", "SIGTERM", ["/data"])
    assert (config["Entrypoint"], config["Cmd"]) == (["env", "--block-signal=TERM,HUP", "balance-monitor"], ["run"])
    assert config["Healthcheck"]["Test"] == ["CMD", "balance-monitor", "healthcheck"]
    assert list(config["ExposedPorts"]) == ["8080/tcp"]
    labels = {name.rpartition(".")[2]: text for name, text in config["Labels"].items()}
    assert labels["title"] == "balance-monitor"
    assert labels["version"] == __version__
    done = image.once(command=["--version"])
    assert (done.returncode, done.stdout) == (0, f"balance-monitor {__version__}\n")


def test_no_secret_from_beside_the_build_is_in_a_layer_or_in_the_history(image: Engine, tmp_path: Path) -> None:
    assert "planted" not in image.docker("history", "--no-trunc", IMAGE)
    assert "planted" not in image.docker("image", "inspect", IMAGE)
    image.docker("save", f"--output={tmp_path}/image.tar", IMAGE)
    everything = (tmp_path / "image.tar").read_bytes()
    assert b"Tell people before the money runs out." in everything  # what is in a file of the image is found
    assert [secret for secret in (b"sk-planted", b"slack://planted") if secret in everything] == []
