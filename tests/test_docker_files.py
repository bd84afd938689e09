"""What can be said of the image without building it."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from live import COMMAND, clean_environment

from monitor import __version__

TOP = Path(__file__).parent.parent
DOCKERFILE = (TOP / "Dockerfile").read_text()


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
    daemon = subprocess.Popen(words, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    if number == signal.SIGHUP:  # there is nothing yet to be read again
        assert "first_start" in daemon.stdout.readline()
        daemon.terminate()
    assert daemon.wait(30) == 0
    daemon.stdout.close()
