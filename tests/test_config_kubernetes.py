"""What Kubernetes puts beside us is harmless, and nobody is told of it; what people mistype still is."""

import pytest

from monitor.config import load

GIVEN = {"LEGNEXT_API_KEY": "sk-1234567890", "BALANCE_MONITOR_CHANNELS__OPS__URL": "json://localhost/hook"}
SERVICE_LINKS = {
    "SERVICE_HOST": "10.96.7.4",
    "SERVICE_PORT": "8080",
    "SERVICE_PORT_HTTP": "8080",
    "SERVICE_PORT_METRICS_2": "9090",
    "PORT": "tcp://10.96.7.4:8080",
    "PORT_8080_TCP": "tcp://10.96.7.4:8080",
    "PORT_8080_TCP_ADDR": "10.96.7.4",
    "PORT_8080_TCP_PORT": "8080",
    "PORT_8080_TCP_PROTO": "tcp",
    "PORT_53_UDP": "udp://[fd00::7]:53",
    "PORT_53_UDP_PROTO": "udp",
}


def warnings(**variables: str) -> tuple[str, ...]:
    """Return what is said of these variables, named without their prefix."""
    environ = {f"BALANCE_MONITOR_{name}": value for name, value in variables.items()}
    return load(None, GIVEN | environ, secrets_dirs=[]).warnings


def test_what_kubernetes_sets_beside_a_service_of_our_name_is_nobodys_mistake() -> None:
    assert warnings(**SERVICE_LINKS) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "8080"),
        ("HOST", "10.96.7.4"),
        ("SERVICE_HOSTS", "10.96.7.4"),
        ("SERVICE_PORT", "http"),
        ("PORT_8080_TCP_PROTOCOL", "tcp"),
        ("PORT_TCP", "tcp://10.96.7.4:8080"),
        ("SERVICE_HOST__MAIN", "10.96.7.4"),
        ("service_host", "10.96.7.4"),
    ],
)
def test_what_only_resembles_such_a_variable_is_told(name: str, value: str) -> None:
    (warning,) = warnings(**{name: value})
    assert warning.startswith(f"BALANCE_MONITOR_{name}: no key of the configuration")
