"""A machine of one's own: a Debian tree that systemd-nspawn boots for real, over which nothing lasts.

All that the machine writes goes into a folder of the test; its mounts and its processes end with it, also when the
tests are killed. Its 127.0.0.1 is that of a network of its own, in which tests can have servers.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from real.network import Network

T = TypeVar("T")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WANTS_TO_BOOT = 133
"""What systemd-nspawn ends with for a reboot, and leaves to whoever started it."""
# Two systemds in one control group would end each other's services. The mount is seen by nobody else, and goes with the
# last process; when whoever runs the tests dies, so does the machine.
_BOOT = r"""
set -e
for group in $GROUPS_OF_ITS_OWN; do echo $$ > "$group/cgroup.procs"; done
mount -t overlay overlay -o "lowerdir=$LOWER,upperdir=$UPPER,workdir=$WORK" "$ROOT"
exec setpriv --pdeathsig TERM systemd-nspawn --quiet --boot --directory="$ROOT" --machine="$NAME" --register=no \
  --keep-unit --resolv-conf=off --timezone=off --link-journal=no --console=read-only "$@"
"""


def until(condition: Callable[[], T], what: str, timeout: float = 60) -> T:
    """Wait until something holds, and return what it was; fail with the last that was seen."""
    end = time.monotonic() + timeout
    while not (seen := condition()):
        assert time.monotonic() < end, f"not within {timeout:g} s: {what} (last seen: {seen!r})"
        time.sleep(0.2)
    return seen


@dataclass(frozen=True)
class Answer:
    """How a command ended, and all that it said."""

    code: int
    said: str


class Machine:
    """A machine, from ``boot`` to ``stop``: a tree, what it writes itself, and paths of ours that it may read."""

    def __init__(self, tree: Path, folder: Path, network: Network, *, reads: Sequence[Path] = ()) -> None:
        self.name = f"{tree.name}-{os.getpid()}"
        self.upper = folder / "upper"
        """What is written here before the boot is there after it."""
        self.network = network
        self._tree, self._folder, self._reads = tree, folder, reads
        self.groups = [group / self.name for group in _control_groups()]
        self._process: subprocess.Popen[bytes] | None = None
        for part in ("upper", "work", "root"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the machine's before it boots, or while it runs."""
        if self._process is None:
            there = self.upper / path.lstrip("/")
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(text)
            there.chmod(mode)
        else:
            self.run(f'mkdir -p "$(dirname {path})" && install -m {mode:o} /dev/stdin {path}', given=text)

    def boot(self) -> None:
        """Start it, and wait until its system is up."""
        for group in self.groups:
            group.mkdir(exist_ok=True)  # there from before a reboot
        environ = {
            "PATH": _PATH,
            "GROUPS_OF_ITS_OWN": " ".join(map(str, self.groups)),
            "LOWER": str(self._tree),
            "UPPER": str(self.upper),
            "WORK": str(self._folder / "work"),
            "ROOT": str(self._folder / "root"),
            "NAME": self.name,
        }
        command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", _BOOT, "boot"]
        with (self._folder / "console.log").open("wb") as console, self.network.inside():
            self._process = subprocess.Popen(
                [*command, *(f"--bind-ro={path}" for path in self._reads)],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop it
            )
        until(lambda: self._has_ended() or (self.leader and self._is_up()), f"{self.name} is up")
        assert not self._has_ended(), f"{self.name} did not boot:\n{self.console()}"

    def _is_up(self) -> bool:
        return self.attempt("systemctl is-system-running").said.strip() in ("running", "degraded")

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def console(self) -> str:
        """Return what its console was sent."""
        return (self._folder / "console.log").read_text(errors="replace")

    @property
    def leader(self) -> int:
        """The process, as this machine counts, that is its first one; 0 while there is none."""
        if self._process is None:
            return 0
        with suppress(OSError):
            children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
            return next((int(one) for one in children if Path(f"/proc/{one}/comm").read_text() == "systemd\n"), 0)
        return 0

    def attempt(self, script: str, *, user: str = "root", given: str = "", **more: Any) -> Answer:
        """Run a script in the machine, in the user's home, and return how it ended.

        ``environ`` adds to its environment; ``is_outside`` has it use the network of this machine, as pip must.
        """
        return self._do(script, user, given, **more)

    def _do(
        self,
        script: str,
        user: str,
        given: str,
        *,
        environ: Mapping[str, str] | None = None,
        is_outside: bool = False,
        timeout: float = 120,
    ) -> Answer:
        spaces = ("mount", "uts", "ipc", "pid", "cgroup") if is_outside else ("all",)
        variables = {"PATH": _PATH, "LANG": "C.UTF-8", "HOME": _home(user), "USER": user, **(environ or {})}
        done = subprocess.run(
            [
                *("nsenter", "--target", str(self.leader), *(f"--{space}" for space in spaces)),
                # No login: it would write the script into the journal.
                *("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--reset-env"),
                *("env", *(f"{name}={value}" for name, value in variables.items())),
                *("bash", "-c", f"set -eo pipefail\ncd\n{script}"),
            ],
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Answer(done.returncode, done.stdout)

    def run(self, script: str, **more: Any) -> str:
        """Run a script in the machine to its good end, and return what it said."""
        answer = self.attempt(script, **more)
        assert answer.code == 0, f"{self.name}: {script}\nexit {answer.code}\n{answer.said}"
        return answer.said

    def show(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run(f"systemctl show --property {name} --value {unit}").strip()

    def reboot(self) -> None:
        """Start its system anew, as its own administrator would."""
        assert self._process is not None
        self.attempt("systemctl reboot")
        assert self._process.wait(60) == _WANTS_TO_BOOT, self.console()
        self.boot()

    def stop(self) -> None:
        """Shut it down, or end it when it does not, and take away what the kernel keeps of it."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()  # its first process, and with it all others, goes along
                self._process.wait(30)
            self._process = None
        for group in self.groups:
            _remove(group)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()


def _home(user: str) -> str:
    return "/root" if user == "root" else f"/home/{user}"


_CONTROL_GROUPS = re.compile(r"^\S+ \S+ \S+ \S+ (\S+) .* - (cgroup2?) \S+ (\S+)$", re.MULTILINE)


def _control_groups() -> list[Path]:
    """Return where we are in the hierarchies that systemd keeps its services in: one, or two where there are both."""
    ours = dict(line.split(":", 2)[1:] for line in Path("/proc/self/cgroup").read_text().splitlines())
    found = []
    for where, kind, options in _CONTROL_GROUPS.findall(Path("/proc/self/mountinfo").read_text()):
        if kind == "cgroup2":
            found.append(Path(where) / ours[""].lstrip("/"))
        elif "name=systemd" in options.split(","):
            found.append(Path(where) / ours["name=systemd"].lstrip("/"))
    return found


def _remove(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):  # what still ends in it: an empty group is all that is left
            Path(folder).rmdir()
