"""The service as the page installs it, seen from outside and from inside its walls."""

import base64
import json
from pathlib import PurePosixPath

import pytest

from real.service import CHECKOUT, NAME, PAGE, SECRETS, STATE, UNITS, Service

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]  # the first of them waits for the installation
_PROBE = f"{CHECKOUT}/tests/real/probe.py"
_PLACES = "/etc /run /var /opt/balance-monitor* /tmp /home /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
_SEARCH = "grep --recursive --text --files-with-matches --no-messages --fixed-strings --devices=skip --file=-"


def test_the_steps_of_the_page_end_in_a_service_that_shows_the_balance_and_tells_by_mail(service: Service) -> None:
    shown = service.status()
    assert "Active: active (running)" in shown
    assert 'Status: "main: $72.05, ok"' in shown
    assert service.titles[:2] == [
        "[WARNING] main: $72.05 left (at or below $1,000,000.00)",
        "[OK] main: $72.05 left (above $25.00)",
    ]


def test_the_journal_has_at_each_priority_what_belongs_there(service: Service) -> None:
    first, *warnings = service.lines("warning")
    assert first.startswith("first_start ")
    assert any('said="$72.05 left (at or below $1,000,000.00)"' in line for line in warnings)
    assert [line for line in warnings if not line.startswith("alert ") or " now=ok " in line] == []
    notes = service.lines("info")
    for title in service.titles:
        assert any(line.startswith("delivered ") and f'title="{title}"' in line for line in notes), title


def test_systemd_has_nothing_to_say_against_the_units(service: Service) -> None:
    for unit in UNITS:
        assert service.machine.run(f"systemd-analyze verify {unit}") == ""


def test_its_exposure_is_at_most_one_and_a_half(service: Service, figures: list[str]) -> None:
    told = service.machine.run(f"systemd-analyze security --no-pager --offline=true --threshold=15 {NAME}.service")
    last = told.strip().splitlines()[-1]
    exposure = last.partition(": ")[2].split()[0]
    figures.append(f"systemd {service.machine.run('systemctl --version').split()[1]}: exposure {exposure} of 10")
    assert f"gives it {exposure} of 10" in PAGE.read_text()


def test_no_other_user_finds_a_secret_anywhere(service: Service) -> None:
    secrets = "\n".join(SECRETS)
    assert service.machine.attempt(f"{_SEARCH} {_PLACES}", user="ada", given=secrets).said == ""
    assert service.machine.attempt(f"ls /run/credentials/{NAME}.service", user="ada").code != 0
    # The same search, made by root, finds them where they are.
    found = service.machine.attempt(f"{_SEARCH} /etc /run", given=secrets).said.split()
    assert {PurePosixPath(one).parent.name for one in found} == {"credstore", f"{NAME}.service"}


def test_nothing_that_shows_the_service_shows_a_secret(service: Service) -> None:
    shows = (
        f"systemctl show {NAME}",
        f"systemctl cat {NAME}",
        f"systemctl status --full --lines=1000 {NAME}",
        "journalctl --output=export",
        "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ",
        f"cat {STATE}/*",
    )
    for command in shows:
        text = base64.b64decode(service.machine.attempt(f"{command} | base64 --wrap=0").said)
        assert len(text) > 100, command
        assert [secret for secret in SECRETS if secret.encode() in text] == [], command


def test_the_process_has_no_right_and_no_file_but_its_state(service: Service) -> None:
    process = f"/proc/{service.pid}"
    lines = service.machine.run(f"cat {process}/status").splitlines()
    status = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[kind][0], 16) == 0, kind
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    assert all(61184 <= int(one) <= 65519 for one in status["Uid"] + status["Gid"])  # those that systemd lends
    # A link of these has the w of its file's mode of opening.
    script = f"find {process}/fd -perm -u=w -printf '%l\\n'"
    opened = {path for path in service.machine.run(script).split() if path.startswith("/")}
    assert f"{STATE}/monitor.db" in opened
    assert [path for path in opened if not path.startswith(f"{STATE}/")] == []


def test_within_its_walls_nothing_can_be_written_but_its_state_and_a_tmp_of_its_own(service: Service) -> None:
    service.machine.run(f"systemctl stop {NAME}")
    service.set(
        f"Type=oneshot\nRestart=no\nWatchdogSec=0\nExecStartPre=\nExecStart=\nExecStart=/usr/bin/python3 {_PROBE}"
    )
    service.machine.run("touch /tmp/of-others /var/tmp/of-others")
    service.machine.run(f"systemctl start {NAME}")
    found = json.loads(service.journal("--output=cat _COMM=python3 | tail --lines=1"))
    assert found["seen"] > 1000
    assert set(found["folders"]) == {"/tmp", "/var/tmp", STATE}  # noqa: S108 - of its own, and empty
    assert f"{STATE}/monitor.db" in found["files"]
    assert [path for path in found["files"] if not path.startswith(f"{STATE}/")] == []
    assert found["tmp"] == []
