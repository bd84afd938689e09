"""The program on a workstation, without a service: pipx puts it into the path."""

import sys
from pathlib import Path

import pytest
from live import clean_environment
from shell import Api

from real.ground import run, source

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_pipx_installs_the_checkout_and_the_program_runs(tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "tools")
    run(tmp_path / "tools/bin/pip", "install", "--quiet", "pipx")
    checkout = source(tmp_path / "checkout")
    environ = clean_environment(PIPX_HOME=str(tmp_path / "pipx"), PIPX_BIN_DIR=str(tmp_path / "bin"))
    environ.pop("PYTHONPATH", None)  # the program must find itself
    run(tmp_path / "tools/bin/pipx", "install", "--python", sys.executable, ".", cwd=checkout, env=environ)
    with Api() as api:
        (tmp_path / "config.toml").write_text(api.settings())
        said = run(tmp_path / "bin/balance-monitor", "check", cwd=tmp_path, env=environ)
    assert "$72.05" in said
