"""An upgrade, the way back, and the end: the last tests of the service, which leave nothing of it."""

import pytest

from real.nspawn import until
from real.service import CHECKOUT, CONFIG, LOW, NAME, QUICK, STATE, Service, steps

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
_LATER = '''"""What a later version would add."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{down}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table("of_the_next_release", sa.Column("one", sa.Integer(), primary_key=True))
'''


def _make_newer(service: Service) -> str:
    """Make of the checkout a version that is newer, also in its database; return the revision of before."""
    run = service.machine.run
    down = run(f"sed -n 's/^REVISIONS = .*\"\\([0-9]*\\)\")$/\\1/p' {CHECKOUT}/monitor/store/engine.py").strip()
    run(f"sed -i 's/^\\(REVISIONS = .*\\))$/\\1, \"9999\")/' {CHECKOUT}/monitor/store/engine.py")
    run(f"sed -i 's/^__version__ = .*/__version__ = \"99.0\"/' {CHECKOUT}/monitor/__init__.py")
    service.machine.put(f"{CHECKOUT}/monitor/store/migrations/versions/9999_later.py", _LATER.format(down=down))
    return down


def test_an_upgrade_goes_on_where_the_release_before_was_and_there_is_a_way_back(service: Service) -> None:
    service.api.change(balance_usd="4.07")
    before = len(service.titles)
    service.wait_titles(before + 1)
    version, pid, down = service.machine.run("balance-monitor --version"), service.pid, _make_newer(service)
    upgrade, back = steps("Upgrade, and back")

    service.follow(upgrade)
    moment = service.now()
    assert "99.0" in service.machine.run("balance-monitor --version")
    assert service.pid != pid
    service.wait_poll_since(moment)
    assert "database_upgraded" in service.journal("--output=cat")

    answer = service.machine.attempt(f"cd {CHECKOUT}\n{back}")
    assert answer.said.splitlines()[-1].startswith("systemd/install: the service does not start: see systemctl status")
    assert service.machine.run("balance-monitor --version") == version
    kept = f"monitor.db.of-{down}"
    assert answer.code != 0
    until(lambda: kept in service.journal("--output=cat --priority=err --lines=5"), "the journal names the copy")
    # As the page says what to do then.
    service.machine.run(
        f"systemctl stop {NAME}; cd {STATE}; mkdir aside; mv monitor.db monitor.db-wal monitor.db-shm aside || true\n"
        f"mv {kept} monitor.db; systemctl reset-failed {NAME}; systemctl start {NAME}"
    )
    service.wait_poll_since(service.now())
    assert [title for title in service.titles[before:] if "] main: " in title] == [LOW]
    assert service.machine.run("ls -d /opt/balance-monitor*").split() == [
        "/opt/balance-monitor",
        "/opt/balance-monitor.1",
    ]


def test_what_is_removed_leaves_configuration_secrets_and_state_until_it_is_purged(service: Service) -> None:
    service.machine.run(f"rm {QUICK}")
    (remove,) = steps("Remove")
    service.follow(remove)
    assert service.state == "inactive"
    assert service.machine.attempt(f"systemctl cat {NAME}").code != 0
    assert service.machine.attempt("command -v balance-monitor").code != 0
    assert sorted(_what_is_left(service)) == sorted([f"/etc/{NAME}", f"/var/lib/{NAME}", STATE])
    assert service.machine.run(f"cat {CONFIG}") == service.config
    assert "monitor.db" in service.machine.run(f"ls {STATE}")
    assert "accounts__main__api_key" in service.machine.run("ls /etc/credstore")

    service.machine.run(f"cd {CHECKOUT}; sudo systemd/install --remove --purge")
    assert _what_is_left(service) == []
    assert service.machine.run("ls --almost-all /etc/credstore") == ""


def _what_is_left(service: Service) -> list[str]:
    return service.machine.run(f"find / -xdev -name '*balance-monitor*' -not -path '{CHECKOUT}*'").split()
