"""The vendor's own Python SDK reads the simulated API: it is faithful for a client that we did not write."""

from collections.abc import Iterator

import legnext
import pytest
from legnext.types import errors
from live import Api


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api() as simulated:
        yield simulated


@pytest.fixture
def client(api: Api) -> Iterator[legnext.Client]:
    api.change(fault=None, shape="envelope", spend_usd_per_hour=0)
    with legnext.Client(api_key=api.keys["main"], base_url=f"{api.address}/api", timeout=5, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("shape", ["envelope", "bare"])
def test_the_vendor_s_client_reads_a_balance(api: Api, client: legnext.Client, shape: str) -> None:
    api.change(balance_usd="4.068", available_points=1068, shape=shape, alert_threshold=10, low_balance_alert=False)
    balance = client.account.balance()
    assert (balance.balance_usd, balance.available_credits, balance.available_points) == (4.068, 3000, 1068)
    assert (balance.alert_threshold, balance.low_balance_alert) == (10, False)
    assert balance.account_id == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("refused_key", errors.AuthenticationError),
        ("status:400", errors.ValidationError),
        ("error_shape", errors.ValidationError),
        ("status:404", errors.NotFoundError),
        ("status:429", errors.RateLimitError),
        ("status:500", errors.ServerError),
        ("status:503", errors.ServerError),
    ],
)
def test_the_vendor_s_client_understands_an_error(
    api: Api, client: legnext.Client, fault: str, error: type[errors.LegnextError]
) -> None:
    api.change(fault=fault)
    with pytest.raises(error):
        client.account.balance()


def test_the_vendor_s_client_is_refused_with_another_key(api: Api) -> None:
    with (
        legnext.Client(api_key="another-key", base_url=f"{api.address}/api", max_retries=0) as client,
        pytest.raises(errors.AuthenticationError),
    ):
        client.account.balance()
