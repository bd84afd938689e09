"""``reload``: whoever changed the configuration hears what the daemon thinks of it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from live import Api, Run, settings, until

from monitor.cli.common import Stop
from monitor.cli.reload import wait
from monitor.pulse import feel


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Api() as api, Run(tmp_path, settings(api)) as daemon:
        yield daemon.start()


def test_a_good_configuration_is_taken_and_a_bad_one_refused_with_every_mistake(run: Run) -> None:
    done = run.command("reload")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Reloaded.\n", "")
    good = run.path.read_text()
    run.path.write_text("foo = 1\n" + good.replace('"5s"', "5"))
    for _ in range(2):  # the same answer again is an answer
        done = run.command("reload")
        assert (done.returncode, done.stdout) == (1, "")
        first, second = done.stderr.splitlines()
        assert first == f"Error: {run.path}: foo: unknown key: remove it; config.example.toml has every key there is"
        assert second.startswith(f'Error: {run.path}: interval: a duration needs a unit: write "5s"')
    run.path.write_text(good)
    assert run.command("reload").stdout == "Reloaded.\n"
    assert len(run.events("reloaded")) == 2


def test_without_a_daemon_there_is_nothing_to_reload(run: Run) -> None:
    assert run.stop() == 0
    done = run.command("reload")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Error: no daemon that runs on {run.folder}/balance-monitor/monitor.db answers: "
        "start balance-monitor run, or become its user\n"
    )


def test_a_daemon_that_is_killed_meanwhile_is_no_longer_waited_for(run: Run) -> None:
    database = run.folder / "balance-monitor" / "monitor.db"
    until(lambda: feel(database) is not None, "an answer")
    before = feel(database)
    assert before is not None
    run.stop(signal.SIGKILL)
    with pytest.raises(Stop, match=r"has not said within 0\.2 s that it has reloaded"):
        wait(database, before, patience=0.2)
