"""The image for the tests: built once, by an engine of their own, beside secrets that must not get into it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Api
from receivers import Webhook

from real.engine import IMAGE, Engine, running
from real.ground import need, source

PLANTED = {
    "config.toml": '[accounts.main]\napi_key = "sk-planted-in-a-file"\n',
    ".env": "LEGNEXT_API_KEY=sk-planted-in-dot-env\n",
    "secrets/accounts__main__api_key": "sk-planted-in-secrets\n",
    "monitor/__pycache__/left.pyc": "sk-planted-in-a-cache",
}


@pytest.fixture(scope="session")
def engine(figures: list[str]) -> Iterator[Engine]:
    """Run a container engine."""
    need("dockerd", "containerd", "runc", "setpriv", "unshare", "mmdebstrap", "tar")
    began = time.monotonic()
    with running() as found:
        yield found
    figures.append(f"docker: all of it took {time.monotonic() - began:.0f} s")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the project as somebody has it who works with it: with keys lying around."""
    folder = source(tmp_path_factory.mktemp("project"))
    for name, text in PLANTED.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture(scope="session")
def image(engine: Engine, project: Path, figures: list[str]) -> Engine:
    """Give an engine that has the image."""
    began = time.monotonic()
    engine.take_base()
    based = time.monotonic()
    secrets = {"LEGNEXT_API_KEY": "sk-planted-in-environment", "BALANCE_MONITOR_CHANNELS__OPS__URL": "slack://planted"}
    engine.environment |= secrets
    engine.docker("build", "--network=host", f"--tag={IMAGE}", project)
    for name in secrets:
        del engine.environment[name]
    figures.append(f"docker: the base {based - began:.0f} s, the build {time.monotonic() - based:.0f} s")
    return engine


@pytest.fixture(scope="session")
def composed(image: Engine) -> Engine:
    """Give an engine that also has Compose."""
    image.take_compose()
    return image


@pytest.fixture
def api() -> Iterator[Api]:
    """Serve the simulated API on 127.0.0.1."""
    with Api() as found:
        yield found


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """Receive messages."""
    with Webhook() as found:
        yield found
