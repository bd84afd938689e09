"""The service day by day: commands beside it, a reboot of the machine, reloads and stops."""

import time

import pytest

from real.service import CONFIG, NAME, STATE, Service

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


def test_commands_of_root_work_beside_the_service_and_while_it_is_stopped(service: Service) -> None:
    shown = service.machine.run("balance-monitor status")
    assert "Healthy" in shown
    assert "$72.05" in shown
    assert service.machine.run("balance-monitor outbox list") == "The outbox is empty: everything was delivered.\n"
    service.machine.run(f"systemctl stop {NAME}")
    shown = service.machine.run("balance-monitor status")
    assert "Not healthy: " in shown
    assert "$72.05" in shown
    assert service.outbox() == []
    assert "0" not in service.machine.run(f"stat --format %u {STATE} {STATE}/*").split()
    service.machine.run(f"systemctl start {NAME}")
    started = service.now()
    service.wait_poll_since(started)
    assert "cannot be used" not in service.journal("--output=cat")


def test_another_user_is_told_in_a_sentence_what_to_do(service: Service) -> None:
    for command in ("status", "outbox retry 01234567", "reload"):
        answer = service.machine.attempt(f"balance-monitor {command}", user="ada")
        assert answer.code == 1, answer
        (sentence,) = answer.said.splitlines()
        assert sentence.startswith("Error: "), answer
        assert STATE in sentence or f"/var/lib/{NAME}" in sentence, answer
        assert "sudo" in sentence or "become its user" in sentence, answer


def test_it_starts_with_the_machine_and_tells_nothing_by_itself(service: Service) -> None:
    before = len(service.titles)
    service.machine.reboot()
    started = service.now()
    service.wait_active()
    service.wait_poll_since(started)
    service.wait_says("main: $72.05, ok")
    assert "first_start" not in service.journal("--boot --output=cat")
    assert service.outbox() == []
    assert service.titles[before:] == []


def test_a_reload_takes_up_what_has_changed(service: Service) -> None:
    before, pid = len(service.titles), service.pid
    service.machine.put(CONFIG, service.config + "\n[accounts.main.rules.balance_usd]\nwarning = 100\n")
    service.machine.run(f"systemctl reload {NAME}")
    service.wait_titles(before + 1)
    assert service.titles[before] == "[WARNING] main: $72.05 left (at or below $100.00)"
    assert (service.state, service.pid) == ("active", pid)


def test_a_stop_ends_well_within_8_seconds_even_while_a_mail_server_hangs(service: Service) -> None:
    with service.mail_hangs():
        service.api.change(balance_usd="4.07")
        service.wait_says("main: $4.07, critical")
        before = time.monotonic()
        service.machine.run(f"systemctl stop {NAME}")
        assert time.monotonic() - before < 8
    assert service.state == "inactive"
    assert service.machine.show(NAME, "Result") == "success"
    assert service.machine.show(NAME, "ExecMainStatus") == "0"
