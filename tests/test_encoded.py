"""A secret in base64 is blotted out wherever it begins, and what is no secret stays as it is."""

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest

from monitor.encoded import blot

SECRET = "q7Kbv/+Wé?>secret~ÿ"


def without(text: str) -> str:
    return blot(text, lambda plain: SECRET in plain, "***")


@pytest.mark.parametrize("before", ["", "u", "us", "use", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_in_base64_is_blotted_out(before: str, encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(f"{before}{SECRET}:more".encode()).decode()
    for written in (encoded, encoded.rstrip("="), quote(encoded, safe=""), encoded.replace("/", "\\/")):
        for text in (f"Basic {written} and", f"Basic%20{written}", f"say/{written}"):
            assert encoded.strip("=")[8:-8] not in without(text).replace("\\", "")
            assert "***" in without(text)


@pytest.mark.parametrize(
    "text", ["", "a word", "2026-11-25T22:38:58Z", "/usr/lib/Python3/sitePackages", "QUJDREVGR0hJSks=", "Ab/" * 5000]
)
def test_what_hides_nothing_stays_as_it_is(text: str) -> None:
    assert without(text) == text
