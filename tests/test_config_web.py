"""The table [web]: where the page is served, and who may look."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from monitor import config
from monitor.config import Config, ConfigError, Listen, Unusable
from monitor.config.check import check
from monitor.config.show import show

MAIN = '[accounts.main]\napi_key = "key-of-main-0001"\n[channels.ops]\nurl = "json://localhost/ops"\n'
TOKEN = "a-token-of-16-characters"
OPEN = "can be reached from other machines, and there is no token: set web.token, or listen on 127.0.0.1"
FORM = 'not an address to listen on: write it like "127.0.0.1:8080" or "[::1]:8080", or "off"'


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None, *, needs_secrets: bool = True) -> Config:
    path = folder / "config.toml"
    path.write_text(f"[web]\n{text}\n{MAIN}")
    return config.load(path, environ or {}, secrets_dirs=[], needs_secrets=needs_secrets)


def mistake(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as raised:
        read(folder, text, environ)
    return str(raised.value).removeprefix(f"{folder}/config.toml: ")


def test_the_page_is_for_this_machine_alone_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    web = read(tmp_path, "").web
    assert (web.listen, web.url, web.token) == (Listen("127.0.0.1", 8080), None, None)


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:0", Listen("127.0.0.1", 0)),
        ("LOCALHOST:80", Listen("localhost", 80)),
        ("[::1]:65535", Listen("::1", 65535)),
        ("127.8.9.10:8080", Listen("127.8.9.10", 8080)),
        ("off", None),
    ],
)
def test_a_page_for_this_machine_needs_no_token(text: str, listen: Listen | None, tmp_path: Path) -> None:
    assert read(tmp_path, f'listen = "{text}"').web.listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:8080", "[::]:8080", "192.168.1.5:8080", "monitor.lan:8080"])
def test_a_page_for_others_needs_a_token(listen: str, tmp_path: Path) -> None:
    assert mistake(tmp_path, f'listen = "{listen}"') == f"web.listen: {listen} {OPEN}"
    web = read(tmp_path, f'listen = "{listen}"\ntoken = "{TOKEN}"').web
    assert str(web.listen) == listen
    assert isinstance(web.token, SecretStr)


def test_who_has_no_secrets_at_hand_is_not_asked_for_a_token(tmp_path: Path) -> None:
    assert read(tmp_path, 'listen = "0.0.0.0:8080"', needs_secrets=False).web.token is None


def test_a_name_in_any_script_is_kept_as_browsers_ask_for_it(tmp_path: Path) -> None:
    assert read(tmp_path, 'url = "https://bücher.example:8443/x/"').web.url == "https://xn--bcher-kva.example:8443/x"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('listen = "8080"', f"web.listen: {FORM}"),
        ('listen = ":8080"', f"web.listen: {FORM}"),
        ('listen = "127.0.0.1:65536"', f"web.listen: {FORM}"),
        ("listen = 8080", f"web.listen: {FORM}"),
        ('listen = "http://127.0.0.1:8080"', f"web.listen: {FORM}"),
        ('listen = "[::g]:8080"', f"web.listen: {FORM}"),
        ('listen = "[1::2::3]:80"', 'web.listen: not an address of IPv6 in its brackets: write it like "[::1]:8080"'),
        ('url = "monitor.example"', 'web.url: not an address: write it like "https://monitor.example"'),
        ('url = "https://a..b"', 'web.url: not an address: write it like "https://monitor.example"'),
        (
            'token = "short"',
            "web.token: shorter than 16 characters, so it can be guessed: openssl rand -hex 16 makes one",
        ),
        ('token = ""', "web.token: empty: write a token, or remove the key"),
        (
            'token = "…"',
            "web.token: still a placeholder: write a token of your own, such as openssl rand -hex 16 makes",
        ),
        (
            'token = "two words that are long"',
            "web.token: not a token, which is printable ASCII without spaces: make one with openssl rand -hex 16",
        ),
        ('tokne = "x"', "web.tokne: unknown key: did you mean token?"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(text: str, sentence: str, tmp_path: Path) -> None:
    assert mistake(tmp_path, text) == sentence


def test_a_wrong_token_is_one_mistake_and_not_also_a_missing_one(tmp_path: Path) -> None:
    text = 'listen = "0.0.0.0:80"\ntoken = "short"'
    assert mistake(tmp_path, text).startswith("web.token: shorter")


def test_the_token_may_stand_in_a_file_in_a_secret_file_or_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f" {TOKEN}\n")
    by_file = read(tmp_path, 'token_file = "token"')
    by_variable = read(tmp_path, "", {"BALANCE_MONITOR_WEB__TOKEN": TOKEN})
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "web__token").write_text(TOKEN)
    by_secret = config.load(tmp_path / "config.toml", {}, secrets_dirs=[tmp_path / "secrets"])
    for found in (by_file, by_variable, by_secret):
        assert isinstance(found.web.token, SecretStr)
        assert found.web.token.get_secret_value() == TOKEN
        assert TOKEN in found.secrets
        assert TOKEN not in repr(found)


def test_a_token_that_cannot_be_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, 'listen = "0.0.0.0:80"\ntoken_file = "gone"')
    assert isinstance(found.web.token, Unusable)
    assert f"{tmp_path}/gone (for web.token): there is no such file" in found.warnings[0]


IMAGE = {"BALANCE_MONITOR_DEFAULT_LISTEN": "0.0.0.0:8080"}


def test_an_image_listens_to_others_once_there_is_a_token(tmp_path: Path) -> None:
    assert read(tmp_path, f'token = "{TOKEN}"', IMAGE).web.listen == Listen("0.0.0.0", 8080)
    assert read(tmp_path, f'token = "{TOKEN}"\nlisten = "off"', IMAGE).web.listen is None


def test_an_image_without_a_token_keeps_the_page_to_itself_and_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, "", IMAGE)
    assert found.web.listen == Listen("127.0.0.1", 8080)
    where = "the page is only on 127.0.0.1:8080, inside of the container"
    assert found.warnings == (f"web.token: not set, so {where}: set it, and the page is on 0.0.0.0:8080",)


def test_an_image_with_a_bad_default_says_which_variable(tmp_path: Path) -> None:
    bad = {"BALANCE_MONITOR_DEFAULT_LISTEN": "everywhere"}
    assert mistake(tmp_path, f'token = "{TOKEN}"', bad) == f"BALANCE_MONITOR_DEFAULT_LISTEN: {FORM}"


def test_config_show_masks_the_token(tmp_path: Path) -> None:
    read(tmp_path, f'token = "{TOKEN}"\nurl = "https://Monitor.example/"')
    loaded, problems = check(tmp_path / "config.toml", {})
    lines = {line.key: line.json for line in show(loaded)}
    assert problems == ()
    assert {key: lines[f"web.{key}"] for key in ("listen", "url", "token")} == {
        "listen": "127.0.0.1:8080",
        "url": "https://monitor.example",
        "token": "********",
    }
