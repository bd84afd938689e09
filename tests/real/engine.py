"""A container engine of our own, in a temporary folder and on its own socket, with Compose; gone at the end."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from live import until

from real.ground import run, tree

BASE = "python:3.13-slim-trixie"
IMAGE = "balance-monitor"
HARDENED = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=128m",
    "--pids-limit=100",
)
"""How the image is run here: with the least that it can have."""
HERE = "--network=host"
"""The network of the tests, with their API and their receivers."""
OFTEN = ("--health-interval=1s", "--health-retries=1", "--health-start-period=60s")
_BOUND_TO_US = ("setpriv", "--pdeathsig=TERM")
_IN_MEMORY = 'mount -t tmpfs tmpfs "$0" && exec dockerd "$@"'
_CLIENT = "/usr/bin/docker"  # of the same package as the engine, whatever else comes first in the path
_PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"
_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_LEFT_OUT = ("./dev/*", "./var/cache/*", "./var/lib/apt/lists/*", "./usr/share/doc", "./usr/share/man")


class Container:
    """One container, looked at from outside."""

    def __init__(self, engine: "Engine", name: str) -> None:
        self._engine, self.name = engine, name

    def inspect(self) -> dict[str, Any]:
        """Return all that the engine says of it."""
        (found,) = json.loads(self._engine.docker("inspect", self.name))
        return dict(found)

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.inspect()["State"])

    def wait_health(self, wanted: str, seconds: float = 60) -> None:
        """Wait until the engine takes it for healthy, or for unhealthy."""
        until(lambda: self.state["Health"]["Status"] == wanted, f"{self.name} {wanted}", seconds)

    def output(self) -> str:
        """Return what it printed, on both streams."""
        return self._engine.docker("logs", self.name)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of its log about an event."""
        lines = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def wait_event(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait for a line of its log."""
        until(lambda: len(self.events(name)) >= count, f"{name} in the log of {self.name}", 30)
        return self.events(name)[count - 1]

    def signal(self, number: signal.Signals) -> None:
        """Signal its process behind the engine's back."""
        os.kill(self.state["Pid"], number)

    def stop(self) -> int:
        """Have it stopped as it is by default, killed after 10 s, and return its exit code."""
        self._engine.docker("stop", self.name)
        return int(self.state["ExitCode"])


class Engine:
    """The engine, the images that it has, and the client's environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0
        clients = folder / "bin"
        clients.mkdir()
        (clients / "docker").symlink_to(_CLIENT)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "COMPOSE_"))},
            "PATH": f"{clients}:{os.environ['PATH']}",
            "DOCKER_HOST": f"unix://{folder}/docker.sock",
            "DOCKER_CONFIG": str(folder / "client"),
            "DOCKER_BUILDKIT": "1",
        }

    def docker(self, *words: str | Path, stdin: IO[bytes] | int | None = subprocess.DEVNULL, **more: Any) -> str:
        """Run a command of the client to its good end, and return what it printed."""
        return run("docker", *words, env=self.environment, stdin=stdin, **more)

    @contextmanager
    def container(self, *options: str) -> Iterator[Container]:
        """Start the daemon in a container, which is removed at the end."""
        self._count += 1
        name = f"c{self._count}"
        try:
            self.docker("run", "--detach", f"--name={name}", *HARDENED, *options, IMAGE)
            yield Container(self, name)
        finally:
            self.docker("rm", "--force", "--volumes", name)

    def once(self, *options: str, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        """Run a command in a container to its end, and return its exit code and what it printed."""
        words = ["docker", "run", "--rm", *HARDENED, *options, IMAGE, *command]
        silent = subprocess.DEVNULL
        return subprocess.run(
            words, env=self.environment, capture_output=True, text=True, timeout=120, check=False, stdin=silent
        )

    def volume(self) -> str:
        """Name a volume that there is not yet."""
        self._count += 1
        return f"v{self._count}"

    def take_base(self) -> None:
        """Import Debian's Python under the upstream tag, as upstream has its own: with pip, without any bytecode."""
        there = tree("trixie", "python", ["python3", "python3-pip"])
        extra = self.folder / "extra/usr/local/bin"
        extra.mkdir(parents=True)
        links = {"python3": "/usr/bin/python3", "python": "python3", "pip": "/usr/bin/pip"}
        for name, target in links.items():
            (extra / name).symlink_to(target)
        pack = ["tar", "-c", "--anchored", *(f"--exclude={path}" for path in _LEFT_OUT)]
        pack += ["--no-anchored", "--exclude=__pycache__", "--exclude=EXTERNALLY-MANAGED", "-C", str(there), "."]
        pack += ["-C", str(self.folder / "extra"), *(f"usr/local/bin/{name}" for name in links)]
        change = ("--change", f"ENV PATH={_PATH}", "--change", 'CMD ["python3"]')
        with subprocess.Popen(pack, stdout=subprocess.PIPE) as packed:
            self.docker("import", *change, "-", BASE, stdin=packed.stdout)
        assert packed.returncode == 0

    def take_compose(self) -> None:
        """Put Compose beside the client."""
        plugins = self.folder / "client/cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(tree("trixie", "compose", ["docker-compose"], runs=False) / _PLUGIN)


@contextmanager
def running() -> Iterator[Engine]:
    """Run an engine; at the end it, its containers and its folder are gone."""
    folder = Path(tempfile.mkdtemp(prefix="engine-"))  # short: the path of a socket has a hundred letters
    (folder / "data").mkdir()
    options = [f"--data-root={folder}/data", f"--exec-root={folder}/run", f"--pidfile={folder}/pid"]
    options += [f"--host=unix://{folder}/docker.sock", "--bridge=none", "--iptables=false", "--ip6tables=false"]
    engine = Engine(folder)
    with (folder / "log").open("wb") as log:
        # In a session of its own, so that Ctrl-C is for us; should we be killed, it hears of it. What it stores is in
        # memory, half a gigabyte, and its mounts are its own: when it has gone, nothing is left of either.
        command = [*_BOUND_TO_US, "unshare", "--mount", "sh", "-c", _IN_MEMORY, f"{folder}/data", *options]
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        until(lambda: daemon.poll() is not None or (folder / "docker.sock").exists(), "the engine's socket", 60)
        assert daemon.poll() is None, (folder / "log").read_text()
        yield engine
    finally:
        daemon.terminate()
        daemon.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
