"""What becomes of the service when it hangs, is killed, or is given a configuration that is wrong."""

import pytest

from real.nspawn import until
from real.service import CONFIG, LOW, NAME, Service, steps

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]
_WRONG = 'timezone = "Mars/Olympus_Mons"\n'
_REASON = f"{CONFIG}: timezone: "


def _fails_and_comes_back(service: Service, signal: str) -> None:
    """Send the process a signal that ends it, wait for the next one, and for all that its first poll decides."""
    pid, moment = service.pid, service.now()
    service.machine.run(f"kill -{signal} {pid}")
    service.wait_active(other_than=pid)
    service.wait_poll_since(moment)


def test_a_service_that_hangs_is_started_anew_and_tells_nothing_twice(service: Service) -> None:
    before = len(service.titles)
    service.api.change(balance_usd="4.07")
    service.wait_titles(before + 1)
    _fails_and_comes_back(service, "STOP")
    said = service.journal("--output=cat")
    assert "Watchdog timeout" in said
    assert "Fatal Python error: Aborted" in said  # and then where each thread was
    assert service.outbox() == []
    assert service.titles[before:] == [LOW]


def test_a_service_that_is_killed_loses_nothing_and_tells_nothing_twice(service: Service) -> None:
    before = len(service.titles)
    with service.mail_is_down():
        service.api.change(balance_usd="4.07")
        service.wait_says("main: $4.07, critical")
        (waiting,) = service.outbox()
        _fails_and_comes_back(service, "KILL")
        assert [one["title"] for one in service.outbox()] == [waiting["title"]] == [LOW]
    said = service.machine.attempt(f"sudo balance-monitor outbox retry {waiting['id']}").said
    assert "will be tried within 5 s" in said or "it was sent" in said  # it may have been on its way already
    service.wait_titles(before + 1)
    until(lambda: not service.outbox(), "nothing waits")
    assert service.titles[before:] == [LOW]


def test_a_reload_with_a_wrong_configuration_is_refused_and_the_one_before_goes_on(service: Service) -> None:
    before, pid = len(service.titles), service.pid
    service.machine.put(CONFIG, _WRONG + service.config)
    assert service.machine.attempt(f"systemctl reload {NAME}").code != 0
    assert _REASON in service.status()
    assert _REASON in service.journal("--output=cat --priority=err --lines=5")
    service.api.change(balance_usd="4.07")
    service.wait_titles(before + 1)
    assert (service.state, service.pid) == ("active", pid)
    service.machine.put(CONFIG, service.config)
    service.machine.run(f"systemctl reload {NAME}")
    until(lambda: service.says == "main: $4.07, critical", f"nothing is refused any more: {service.says}")


def test_a_start_with_a_wrong_configuration_is_refused_until_it_is_mended(service: Service) -> None:
    service.machine.put(CONFIG, _WRONG + service.config)
    assert service.machine.attempt(f"systemctl restart {NAME}").code != 0
    assert service.state != "active"
    until(lambda: _REASON in service.status(), "systemctl status says why")
    assert _REASON in service.journal("--output=cat --priority=err --lines=5")
    service.machine.put(CONFIG, service.config)
    service.wait_active()  # by itself


def test_starts_that_fail_again_and_again_are_told_once_and_made_again_an_hour_later(service: Service) -> None:
    for step in steps("When it does not come up"):
        service.follow(step)
    before = len(service.titles)
    service.machine.put(CONFIG, _WRONG + service.config)
    service.machine.attempt(f"systemctl restart {NAME}")
    service.wait_titles(before + 1)
    host = service.machine.run("hostname").strip()
    assert service.titles[before] == f"[CRITICAL] monitor: {NAME} on {host} does not come up"
    assert _REASON in str(service.mail.messages[-1].get_content())
    assert service.state == "failed"
    again = f"{NAME}-again"
    assert "59min" in service.machine.run(f"systemctl list-timers --no-pager {again}.timer")
    service.machine.put(CONFIG, service.config)
    service.machine.run(f"systemctl reset-failed {NAME}; systemctl start {again}.service")  # as in an hour
    service.wait_active()
    assert len(service.titles) == before + 1
