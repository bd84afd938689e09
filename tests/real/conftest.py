"""What the real proofs share."""

import pytest

from real.debians import both, debian, pytest_pyfunc_call, service
from real.images import api, composed, engine, hook, image, project

__all__ = [
    "api",
    "both",
    "composed",
    "debian",
    "engine",
    "hook",
    "image",
    "project",
    "pytest_pyfunc_call",
    "service",
]
_FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> list[str]:
    """Take a line about what was measured: all are shown at the end."""
    return request.config.stash.setdefault(_FIGURES, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the figures."""
    if lines := config.stash.get(_FIGURES, []):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
