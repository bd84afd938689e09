"""The machines of these tests: they boot, keep what they write, reach a server of the test's, and leave nothing."""

from pathlib import Path

import pytest
from receivers import Webhook

from real.network import Network
from real.nspawn import Machine

pytestmark = pytest.mark.real
_FETCH = "import urllib.request; urllib.request.urlopen({!r}, b'{{}}', 5)"


def test_a_machine_boots_and_keeps_over_a_reboot_what_was_written(debian: Path, tmp_path: Path) -> None:
    with Machine(debian, tmp_path, Network()) as machine:
        machine.put("/etc/before", "written before the boot")
        machine.boot()
        machine.put("/srv/notes/since", "and since", 0o600)
        machine.reboot()
        assert machine.run("cat /etc/before /srv/notes/since") == "written before the bootand since"
        machine.run("useradd --create-home ada")
        assert machine.run("id --user --name; pwd", user="ada") == "ada\n/home/ada\n"
        assert machine.attempt("cat /srv/notes/since", user="ada").code == 1
        leader = machine.leader
        groups = machine.groups
    assert not Path(f"/proc/{leader}").exists()
    assert [group for group in groups if group.exists()] == []
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert not (debian / "etc/before").exists()


def test_its_network_holds_what_a_test_serves_in_it_and_nothing_else(debian: Path, tmp_path: Path) -> None:
    network = Network()
    with Machine(debian, tmp_path, network) as machine, Webhook() as outside:
        machine.boot()
        with network.inside(), Webhook() as inside:
            machine.run(f'python3 -c "{_FETCH.format(inside.address)}"')
            assert len(inside.posts) == 1
        assert machine.attempt(f'python3 -c "{_FETCH.format(outside.address)}"').code == 1
        machine.run(f'python3 -c "{_FETCH.format(outside.address)}"', is_outside=True)
