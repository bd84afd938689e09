"""Trouble at home with real disks: one that is full, one that is read-only; the daemon is a process.

The disk is mounted in a namespace of the daemon's own, and ends with it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from live import Api, Run, settings, until
from receivers import Webhook

LOW = "[WARNING] main: $20.00 left (at or below $25.00)"
WORSE = "[CRITICAL] main: $4.00 left (at or below $5.00)"
FINE = "[OK] main: $204.00 left (above $25.00)"
IS_ROOT = os.geteuid() == 0
SMALL = "mount -t tmpfs -o size=4m tmpfs {disk}"
READ = """
import json, sqlite3, sys
print(json.dumps(sqlite3.connect(sys.argv[1], timeout=5).execute("SELECT title, state FROM outbox").fetchall()))
"""
READ_ONLY = "mount --bind {disk} {disk} && mount -o remount,ro,bind {disk}"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Mounted(Run):
    """``balance-monitor run`` with its database on a disk that only it sees."""

    def __init__(self, folder: Path, config: str) -> None:
        self.disk = folder / "disk"
        self.disk.mkdir()
        self.mount = ""
        super().__init__(folder, f'database = "sqlite:///{self.disk}/monitor.db"\n{config}')

    def _command(self, *words: str) -> list[str]:
        plain = super()._command(*words)
        if not self.mount or words != ("run",):
            return plain
        rights = [] if IS_ROOT else ["--user", "--map-root-user"]
        return ["unshare", "--mount", *rights, "sh", "-c", f'{self.mount} && exec "$@"', "sh", *plain]

    def mounted(self, how: str) -> "Mounted":
        self.mount = how.format(disk=self.disk)
        return self

    def inside(self, *words: str) -> str:
        """Run a command where the daemon's disk is, and return what it prints."""
        rights = [] if IS_ROOT else ["--user", "--preserve-credentials"]
        enter = ["nsenter", "-t", str(self.pid), "--mount", *rights, *words]
        return subprocess.run(enter, check=True, capture_output=True, text=True).stdout

    def fill(self) -> Path:
        """Fill the disk to its last byte, and return what fills it, as seen from outside."""
        filler = Path(f"/proc/{self.pid}/root{self.disk}/filler")
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        return filler

    def titles(self) -> list[list[str]]:
        """Return what the file says of each message."""
        found: list[list[str]] = json.loads(self.inside(sys.executable, "-c", READ, f"{self.disk}/monitor.db"))
        return found


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as simulated:
        simulated.change(balance_usd=20, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)
        yield simulated


def expect(hook: Webhook, *titles: str, seconds: float = 60) -> None:
    """Wait for these titles at the end of what has arrived, in any order."""
    until(lambda: set(titles) <= set(hook.titles), f"{titles} among {hook.titles}", seconds)


def trouble(run: Mounted, why: str) -> tuple[str, str]:
    database = f"the database {run.disk}/monitor.db"
    return (
        f"[WARNING] monitor: {database} cannot be used ({why}); all goes on from memory",
        f"[OK] monitor: {database} works again",
    )


def test_on_a_full_disk_alerts_go_out_and_are_written_down_once_there_is_room(api: Api, tmp_path: Path) -> None:
    with Webhook() as hook, Mounted(tmp_path, settings(api, hook.url)).mounted(SMALL) as run:
        full, fine = trouble(run, "the disk is full")
        run.start()
        expect(hook, LOW)
        filler = run.fill()
        api.change(balance_usd=4)
        expect(hook, WORSE, full)
        polls = api.requests()
        until(lambda: api.requests() > polls + 1, "polls go on", 30)
        filler.unlink()
        expect(hook, fine)
        api.change(balance_usd=204)
        expect(hook, FINE)
        until(lambda: [FINE, "sent"] in run.titles(), "all is written down")
        assert sorted(run.titles()) == sorted([title, "sent"] for title in [LOW, WORSE, full, fine, FINE])
        assert run.stop() == 0
    assert sorted(hook.titles) == sorted([LOW, WORSE, full, fine, FINE])
    assert len(run.events("database_failing")) == 1


def test_a_start_on_a_read_only_disk_goes_on_with_what_it_remembers(api: Api, tmp_path: Path) -> None:
    with Webhook() as hook, Mounted(tmp_path, settings(api, hook.url)) as run:
        read_only, fine = trouble(run, "it is read-only")
        run.start()
        expect(hook, LOW)
        run.wait_event("delivered")
        assert run.stop() == 0
        run.mounted(READ_ONLY).start()
        expect(hook, read_only)
        api.change(balance_usd=4)
        expect(hook, WORSE)
        until(lambda: "as of" in run.command("status").stdout, "status says that it is not of now", 60)
        assert json.loads(run.command("status", "--json").stdout)["daemon"]["database_trouble"] == "it is read-only"
        health = run.command("healthcheck")
        assert health.returncode == 0
        assert (
            health.stdout == "healthy, though the database cannot be used (it is read-only): all goes on from memory\n"
        )
        run.inside("mount", "-o", "remount,rw,bind", str(run.disk))
        expect(hook, fine)
        assert json.loads(run.command("status", "--json").stdout)["daemon"]["healthy"] is True
        assert [WORSE, "sent"] in run.titles()
        assert run.stop() == 0
    assert hook.titles == [LOW, read_only, WORSE, fine]


def test_what_cannot_be_written_down_at_a_stop_is_said_to_be_lost(api: Api, tmp_path: Path) -> None:
    with Webhook() as hook, Mounted(tmp_path, settings(api, hook.url)) as run:
        run.start()
        expect(hook, LOW)
        for file in run.disk.glob("monitor.db*"):
            file.unlink()
        (run.disk / "monitor.db").mkdir()
        expect(hook, trouble(run, "it was deleted or replaced while it was open")[0])
        assert run.stop() == 0
        (lost,) = run.events("memory_lost")
        assert lost["note"] == "what was decided since then is not on the disk"
