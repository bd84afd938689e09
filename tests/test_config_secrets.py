"""Secrets never show, and every string that could give one away is known."""

from pathlib import Path

import pytest

from monitor.config import load

KEY = "sk-1234567890"


def secrets_of(folder: Path, url: str) -> frozenset[str]:
    file = folder / "config.toml"
    file.write_text(f'[accounts.main]\napi_key = "{KEY}"\n[channels.ops]\nurl = "{url}"\n')
    config = load(file, {}, secrets_dirs=[])
    assert KEY in config.secrets
    assert url in config.secrets
    for shown in (repr(config), repr(config.accounts), repr(config.channels), str(config)):
        assert not [secret for secret in config.secrets if secret in shown]
    return config.secrets - {KEY, url}


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        (
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
            {"T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7FQ", "#general"},
        ),
        ("mailtos://ann:p%40ssword@mail.example.com?to=ann", {"p%40ssword", "p@ssword"}),
        ("mailtos://ann:password@example.com", {"password"}),
        ("mailtos://ann:short@example.com", set()),
        (
            "tgram://123456789:AbCdEf_GhIjKl/-1001234567",
            {"123456789:AbCdEf_GhIjKl", "123456789", "AbCdEf_GhIjKl", "-1001234567"},
        ),
        ("pover://uUserKey1234@tToken567890", {"uUserKey1234", "tToken567890"}),
        ("json://hooks.example.com:8080/services/webhook/B0aXyZ12?format=markdown", {"B0aXyZ12"}),
        (
            "json://example.com/?+Authorization=Bearer%20abc123def&x=1",
            {"Bearer%20abc123def", "Bearer abc123def", "abc123def", "Bearer"},
        ),
        ("json://example.com/abcdefghijklmnopqrstuvwx", {"abcdefghijklmnopqrstuvwx"}),
        ("json://localhost", set()),
    ],
)
def test_the_parts_of_a_channels_url_that_may_be_secret_are_known(tmp_path: Path, url: str, parts: set[str]) -> None:
    assert secrets_of(tmp_path, url) == parts


def test_unusable_secrets_are_no_secrets(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        f'[accounts.main]\napi_key = "{KEY}"\n[accounts.b]\napi_key_file = "x"\n[channels.c]\nurl_file = "x"\n'
    )
    assert load(file, {}, secrets_dirs=[]).secrets == {KEY}
