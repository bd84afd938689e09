"""Every mistake is one sentence with its place and a remedy, and all of them are told at once."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.config import ConfigError, load

KEY = "sk-1234567890"
MAIN = f'[accounts.main]\napi_key = "{KEY}"\n'
URL = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
OPS = f'[channels.ops]\nurl = "{URL}"\n'
DURATION = 'not a duration: write it like "30s", "5m", "12h", "7d" or "1h30m"'
TABLE = "not a table: write it as a [table] with keys, in a variable as JSON"
LIST = 'not a list of names: write it like ["ops", "mail"], in a variable also ops,mail'
NAME = "not a name: write lower-case letters and digits, with single underscores between, at most 64 characters"
BASE_URL = 'not an address: write it like "https://api.legnext.ai"'
ONLY_HOST = "only scheme, host, port and path may stand here: remove user, password, ? and #"
PATH = "not the path of a file: write it out after sqlite:///, without ~ and ?"
APPRISE = 'not an Apprise URL: write it like "slack://…" or "mailtos://…", without white space'
ADDRESS = 'not an address: write it like "https://…", without white space'
ABOVE = "belongs above the first [table]"
EXAMPLE = "remove it; config.example.toml has every key there is"
ASCII = "not an API key, which is printable ASCII without spaces: copy it again"
UNDELIVERED = "undelivered counts time, not polls: it takes only enabled, remind_every and warning"
ABOUT_CHANNELS = "undelivered is about channels, not accounts: write it in [rules.undelivered]"
OFTEN = 'shorter than a minute: write at least "1m", or "off"'
BOTH_WAYS = "warning and critical contradict each other: critical must be below warning"


def mistakes(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """Tell what loading a file with that text complains of, the file's name left out."""
    file = folder / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(file, environ or {}, secrets_dirs=[folder / "secrets"])
    assert str(caught.value) == "\n".join(caught.value.problems)
    return [problem.replace(f"{file}: ", "").replace(f"{folder}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("interval = 5\n", 'interval: a duration needs a unit: write "5s", "5m", "5h" or "5d"'),
        ('interval = "4s"\n', 'interval: too short: write at least "5s"'),
        ("interval = 07:00:00\n", f"interval: {DURATION}"),
        ('timeout = "0s"\n', 'timeout: too short: write at least "1s"'),
        ('timezone = "Europe/Berlinn"\n', 'timezone: not a time zone: did you mean "Europe/Berlin"?'),
        ('timezone = "America"\n', "timezone: not a time zone: did you mean"),
        ('timezone = "../x"\n', 'timezone: not a time zone: write a name such as "Europe/Berlin" or "UTC"'),
        ("timezone = 1\n", 'timezone: not a time zone: write a name such as "Europe/Berlin" or "UTC"'),
        ('database = "postgresql://x"\n', "database: not a database of this release: write sqlite:/// and a path"),
        ("database = 1\n", "database: not a database of this release: write sqlite:/// and a path"),
        ('database = "sqlite:///"\n', f"database: {PATH}"),
        ('database = "sqlite:///~/x.db"\n', f"database: {PATH}"),
        ('database = "sqlite:///x.db?mode=ro"\n', f"database: {PATH}"),
        ('heartbeat_url = "hc-ping.com/pw-secret"\n', f"heartbeat_url: {ADDRESS}"),
        ('heartbeat_url = "ftp://hc-ping.com/pw-secret"\n', f"heartbeat_url: {ADDRESS}"),
        ('heartbeat_url = "https:///pw-secret"\n', f"heartbeat_url: {ADDRESS}"),
        ('heartbeat_url = "https://hc-ping.com:port/pw-secret"\n', f"heartbeat_url: {ADDRESS}"),
        ('heartbeat_url = "https://hc-ping.com/pw secret"\n', f"heartbeat_url: {ADDRESS}"),
        ('heartbeat_url = "https://hc-ping.com/pw\\nsecret"\n', f"heartbeat_url: {ADDRESS}"),
        ('heartbeat_url = "https://…"\n', "heartbeat_url: still a placeholder: write the address itself"),
        ('heartbeat_url = "https://..."\n', "heartbeat_url: still a placeholder: write the address itself"),
        ('heartbeat_url = " "\n', "heartbeat_url: empty: write the address, or remove the key"),
        ("heartbeat_fail_url = 5\n", "heartbeat_fail_url: not a text: put it in quotes"),
        ('heartbeat_fail_url_file = ""\n', "heartbeat_fail_url_file: empty: write something, or remove the key"),
        ("retention = 5\n", f"retention: {TABLE}"),
        ('[retention]\nraw = "47h"\n', 'retention.raw: too short: write at least "2d"'),
        ("[retention]\nhourly = 400\n", 'retention.hourly: a duration needs a unit: write "400s", "400m", "400h" or'),
        ("log = 3\n", f"log: {TABLE}"),
        (
            '[log]\nlevel = "loud"\n',
            "log.level: not one of the words for this: write 'debug', 'info', 'warning' or 'error'",
        ),
        ("rules = 3\n", f"rules: {TABLE}"),
        ("[rules]\nbalance_usd = 3\n", f"rules.balance_usd: {TABLE}"),
        ('[rules.refused]\nlevel = "info"\n', "rules.refused.level: not a level: write warning or critical"),
        ("[rules.refused]\nconfirm = 0\n", "rules.refused.confirm: too small: write at least 1"),
        ("[rules.refused]\nconfirm = 2000\n", "rules.refused.confirm: too large: write at most 1000"),
        ("[rules.refused]\nconfirm = 1.5\n", "rules.refused.confirm: not a whole number: write one such as 3"),
        ('[rules.refused]\nenabled = "perhaps"\n', "rules.refused.enabled: neither true nor false: write one of them"),
        ("[rules.balance_usd]\nwarning = nan\n", "rules.balance_usd.warning: not an amount: write a finite number"),
        ("[rules.balance_usd]\nwarning = true\n", "rules.balance_usd.warning: not an amount: write a number such as"),
        ('[rules.undelivered]\nwarning = "soon"\n', f"rules.undelivered.warning: {DURATION}"),
        ("[rules.undelivered]\nwarning = 15\n", 'rules.undelivered.warning: a duration needs a unit: write "15s"'),
        ('[rules.undelivered]\nenabled = "perhaps"\n', "rules.undelivered.enabled: neither true nor false: write"),
        ('[rules.undelivered]\nremind_every = "10s"\n', "rules.undelivered.remind_every: shorter than a minute"),
        ('[rules.unreachable]\nwarning = "soon"\n', f"rules.unreachable.warning: {DURATION}"),
        ('[rules.refused]\nremind_every = "10s"\n', "rules.refused.remind_every: shorter than a minute"),
        ("[rules.refused]\nremind_every.critical = 5\n", "rules.refused.remind_every: a duration needs a unit"),
    ],
)
def test_a_wrong_value_is_told_with_its_place_and_a_remedy(tmp_path: Path, text: str, sentence: str) -> None:
    (found,) = mistakes(tmp_path, text + MAIN)
    assert found.startswith(sentence)
    assert "secret" not in found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("api_key = 12345678", "api_key: not a text: put it in quotes"),
        ('api_key = " "', "api_key: empty: write the API key itself"),
        ('api_key = "…"', "api_key: still a placeholder: write the API key itself"),
        ('api_key = "<your key>"', "api_key: still a placeholder: write the API key itself"),
        ('api_key = "YOUR-API-KEY"', "api_key: still a placeholder: write the API key itself"),
        ('api_key = "changeme"', "api_key: still a placeholder: write the API key itself"),
        ('api_key = "two words"', f"api_key: {ASCII}"),
        ('api_key = "schlüssel"', f"api_key: {ASCII}"),
        ('api_key = "with\\u0007bell"', f"api_key: {ASCII}"),
        ('api_key_file = ""', "api_key_file: empty: write something, or remove the key"),
        ("api_key_file = 5", "api_key_file: not a text: put it in quotes"),
        ("interval = 60", 'interval: a duration needs a unit: write "60s", "60m", "60h" or "60d"'),
        ("base_url = 5", f"base_url: {BASE_URL}"),
        ('base_url = "ftp://x"', f"base_url: {BASE_URL}"),
        ('base_url = "http://"', f"base_url: {BASE_URL}"),
        ('base_url = "http://x:port"', f"base_url: {BASE_URL}"),
        ('base_url = "http://[::1"', f"base_url: {BASE_URL}"),
        ('base_url = "http://a b"', f"base_url: {BASE_URL}"),
        ('base_url = "http://user:pw-secret@x"', f"base_url: {ONLY_HOST}"),
        ('base_url = "http://x/?key=pw-secret"', f"base_url: {ONLY_HOST}"),
        ('base_url = "http://x/#pw-secret"', f"base_url: {ONLY_HOST}"),
        ("channels = [1]", f"channels: {LIST}"),
        ("channels = {}", f"channels: {LIST}"),
        ("rules = 3", f"rules: {TABLE}"),
        ("rules.refused = 3", f"rules.refused: {TABLE}"),
        ("rules.refused.confirm = 0", "rules.refused.confirm: too small: write at least 1"),
    ],
)
def test_an_accounts_wrong_value_is_told_once(tmp_path: Path, text: str, sentence: str) -> None:
    key = "" if text.startswith("api_key") else f'api_key = "{KEY}"\n'
    found = mistakes(tmp_path, f'[accounts.other]\napi_key = "other-key"\n[accounts.main]\n{key}{text}\n')
    assert found == [f"accounts.main.{sentence}"]
    assert "secret" not in found[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('url = ""', "url: empty: write an Apprise URL"),
        ("url = 5", "url: not a text: put it in quotes"),
        ('url = "slack://…"', "url: still a placeholder: write the Apprise URL itself"),
        ('url = "slack://..."', "url: still a placeholder: write the Apprise URL itself"),
        ('url = "pw-secret"', f"url: {APPRISE}"),
        ('url = "slack://a b"', f"url: {APPRISE}"),
        (
            f'url = "{URL}"\nmin_level = "ok"',
            "min_level: not one of the words for this: write 'info', 'warning', 'critical' or 'off'",
        ),
        (f'url = "{URL}"\naccounts = 5', f"accounts: {LIST}"),
        (f'url = "{URL}"\nfallback = 5', "fallback: not a text: put it in quotes"),
        (f'url = "{URL}"\nfallback = "mial"', "fallback: there is no channel mial: did you mean mail?"),
        (
            f'url = "{URL}"\nfallback = "pager"',
            "fallback: there is no channel pager: write [channels.pager], or take the name out",
        ),
        (f'url = "{URL}"\nfallback = "ops"', "fallback: its own fallback: name another channel"),
        (f'url = "{URL}"\naccounts = ["mian"]', "accounts: there is no account mian: did you mean main?"),
        (
            f'url = "{URL}"\nfallback = "slack://pw-secret"',
            "fallback: not the name of one of the channels: write the name that stands in [channels.NAME]",
        ),
    ],
)
def test_a_channels_wrong_value_is_told_once(tmp_path: Path, text: str, sentence: str) -> None:
    found = mistakes(tmp_path, f'{MAIN}[channels.mail]\nurl = "{URL}"\n[channels.ops]\n{text}\n')
    assert found == [f"channels.ops.{sentence}"]


def test_an_account_without_any_key_is_told_how_to_give_one(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "[accounts.main]\n[accounts.other]\n[channels.ops]\n") == [
        "accounts.main: no api_key: write api_key or api_key_file, or set LEGNEXT_API_KEY",
        "accounts.other: no api_key: write api_key or api_key_file, or set BALANCE_MONITOR_ACCOUNTS__OTHER__API_KEY",
        "channels.ops: no url: write url or url_file, or set BALANCE_MONITOR_CHANNELS__OPS__URL",
    ]


def test_an_account_that_only_variables_make_is_told_by_its_path(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, MAIN, {"BALANCE_MONITOR_ACCOUNTS__OTHER__INTERVAL": "1m"})
    assert found.startswith("accounts.other: no api_key: write api_key or api_key_file")


def test_with_no_account_at_all_the_two_ways_to_make_one_are_told(tmp_path: Path) -> None:
    assert mistakes(tmp_path, OPS) == ["no account: set LEGNEXT_API_KEY, or write [accounts.main] with an api_key"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("intervall = 5\n", "intervall: unknown key: did you mean interval?"),
        ('[retention]\ndaily = "9d"\n', f"retention.daily: unknown key: {EXAMPLE}"),
        ('[pager]\nname = "off"\n', f"pager: unknown key: {EXAMPLE}"),
        ('heartbeat = "https://x"\n', "heartbeat: unknown key: did you mean heartbeat_url?"),
        (OPS + 'heartbeat_url = "https://x"\n', f"channels.ops.heartbeat_url: unknown key: heartbeat_url {ABOVE}"),
        ('[digest]\nshedule = "0 9 * * mon"\n', "digest.shedule: unknown key: did you mean schedule?"),
        ("[rules.runaway]\n", "rules.runaway: unknown key: did you mean runway?"),
        ("[rules.balance]\n", "rules.balance: unknown key: did you mean balance_usd?"),
        ('[rules.refused]\nhush = "1h"\n', f"rules.refused.hush: unknown key: {EXAMPLE}"),
        *(
            (f"[rules.undelivered]\n{key} = 3\n", f"rules.undelivered.{key}: unknown key: {UNDELIVERED}")
            for key in ("confirm", "clear_margin", "critical", "level")
        ),
        ("[rules.undelivered]\nwarnign = 3\n", "rules.undelivered.warnign: unknown key: did you mean warning?"),
        (
            MAIN + 'rules.undelivered.warning = "1h"\n',
            f"accounts.main.rules.undelivered: unknown key: {ABOUT_CHANNELS}",
        ),
        (
            "[rules.refused]\nremind_every = { warn = 1 }\n",
            "rules.refused.remind_every.warn: unknown key: did you mean warning?",
        ),
        ('[log]\nlevle = "info"\n', "log.levle: unknown key: did you mean level?"),
        (MAIN + 'chanels = ["ops"]\n', "accounts.main.chanels: unknown key: did you mean channels?"),
        (
            MAIN + "rules.balance_usd.warnin = 5\n",
            "accounts.main.rules.balance_usd.warnin: unknown key: did you mean warning?",
        ),
        (OPS + 'timezone = "UTC"\n', "channels.ops.timezone: unknown key: timezone belongs above the first [table]"),
        (OPS + 'interval = "5m"\n', "channels.ops.interval: unknown key: interval belongs above the first [table]"),
        (MAIN + 'timeout = "5s"\n', "accounts.main.timeout: unknown key: timeout belongs above the first [table]"),
        (OPS + "picture = true\n", f"channels.ops.picture: unknown key: {EXAMPLE}"),
        ('"a key" = 1\n', f"'a key': unknown key: {EXAMPLE}"),
    ],
)
def test_an_unknown_key_is_told_with_what_may_have_been_meant(tmp_path: Path, text: str, sentence: str) -> None:
    assert mistakes(tmp_path, text, {"LEGNEXT_API_KEY": KEY}) == [sentence]


@pytest.mark.parametrize("name", ["Main", "a__b", "_a", "a_", "a-b", "ä", "x" * 65, '"a b"', '""'])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    quoted = name if name.isascii() else f'"{name}"'
    found = mistakes(tmp_path, f'[accounts.{quoted}]\napi_key = "{KEY}"\n[channels.{quoted}]\nurl = "{URL}"\n')
    assert [sentence.partition(": ")[2] for sentence in found] == [NAME, NAME]


def test_monitor_is_reserved_as_a_name(tmp_path: Path) -> None:
    reserved = '"monitor" is reserved for the monitor\'s own alerts: choose another name'
    text = f'[accounts.monitor]\napi_key = "{KEY}"\n[channels.monitor]\nurl = "{URL}"\n'
    assert mistakes(tmp_path, text) == [f"accounts.monitor: {reserved}", f"channels.monitor: {reserved}"]


def test_a_name_that_was_refused_is_not_missed_elsewhere(tmp_path: Path) -> None:
    text = f'{MAIN}channels = ["monitor"]\n[channels.monitor]\nurl = "{URL}"\n'
    assert len(mistakes(tmp_path, text)) == 1


def test_all_mistakes_from_all_sources_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "log__format").write_text("xml")
    (tmp_path / "secrets" / "timezone").mkdir()
    (tmp_path / "secrets" / "log__level").write_text("")
    (tmp_path / "secrets" / "accounts__third__api_key").write_text("two pw-secrets")
    environ = {
        "BALANCE_MONITOR_INTERVAL": "soon",
        "BALANCE_MONITOR_ACCOUNTS__OTHER__API_KEY": "two pw-secrets",
        "BALANCE_MONITOR_LOG": '{"colour": true}',
        "BALANCE_MONITOR_RULES__BALANCE_USD": "not json",
        "BALANCE_MONITOR_RULES__REFUSED__REMIND_EVERY": "1s",
        "BALANCE_MONITOR_CHANNELS__OPS__URL": "pw-secret",
    }
    text = 'tiemout = "5s"\n' + MAIN + 'channels = ["pager"]\n[rules.unreachable]\nwarning = 5\n'
    found = mistakes(tmp_path, text, environ)
    assert found == [
        "secrets/log__level (for log.level): the file is empty: put the secret into it",
        f"BALANCE_MONITOR_LOG: colour: unknown key: {EXAMPLE}",
        "tiemout: unknown key: did you mean timeout?",
        f"BALANCE_MONITOR_INTERVAL: {DURATION}",
        "secrets/log__format: not one of the words for this: write 'auto', 'json', 'console' or 'journal'",
        f"BALANCE_MONITOR_RULES__BALANCE_USD: {TABLE}",
        f"BALANCE_MONITOR_ACCOUNTS__OTHER__API_KEY: {ASCII}",
        f"BALANCE_MONITOR_CHANNELS__OPS__URL: {APPRISE}",
        'rules.unreachable.warning: a duration needs a unit: write "5s", "5m", "5h" or "5d"',
        f"BALANCE_MONITOR_RULES__REFUSED__REMIND_EVERY: {OFTEN}",
        f"secrets/accounts__third__api_key (for accounts.third.api_key): {ASCII}",
        "accounts.main.channels: there is no channel pager: write [channels.pager], or take the name out",
    ]
    assert "pw-secret" not in "".join(found)


def test_a_table_in_a_variable_must_be_json(tmp_path: Path) -> None:
    environ = {"BALANCE_MONITOR_ACCOUNTS": '{"main": '}
    assert mistakes(tmp_path, "", environ) == [f"BALANCE_MONITOR_ACCOUNTS: {TABLE}"]
    environ = {"BALANCE_MONITOR_ACCOUNTS": '{"a":' * 100_000, "BALANCE_MONITOR_CHANNELS": "[1]"}
    assert mistakes(tmp_path, "", environ) == [f"BALANCE_MONITOR_{name}: {TABLE}" for name in ("ACCOUNTS", "CHANNELS")]


def test_a_secret_given_in_both_forms_by_one_source_is_refused(tmp_path: Path) -> None:
    text = f'{MAIN}api_key_file = "x"\n[accounts.other]\napi_key = "other-key"\n'
    assert mistakes(tmp_path, text) == [
        "accounts.main.api_key: also given as accounts.main.api_key_file: keep one of the two"
    ]
    variable = "BALANCE_MONITOR_CHANNELS__OPS__URL"
    found = mistakes(tmp_path, MAIN, {variable: URL, f"{variable}_FILE": "x"})
    assert found == [f"{variable}: also given as {variable}_FILE: keep one of the two"]


def test_a_wrong_legnext_api_key_is_told_once(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "", {"LEGNEXT_API_KEY": "two words"}) == [f"LEGNEXT_API_KEY: {ASCII}"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'interval = "5m"\n[log\n', "not TOML: Expected ']' at the end of a table declaration (at line 2, column 5)"),
        (b'interval = "5m"\ninterval = "6m"\n', "not TOML: Cannot overwrite a value (at line 2, column 16)"),
        (b"# caf\xe9", "not UTF-8 at byte 6: save the file as UTF-8"),
        (b"interval = " + b"9" * 5000, "not TOML that anybody would write: shorten its numbers and its nesting"),
        (b"interval = " + b"[" * 100_000, "not TOML that anybody would write: shorten its numbers and its nesting"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_line_and_column(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file, {"LEGNEXT_API_KEY": KEY}, secrets_dirs=[])
    assert str(caught.value).startswith(f"{file}: {sentence}")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\): correct the path or its permissions"):
        load(tmp_path, {}, secrets_dirs=[])


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"\xef\xbb\xbf" + MAIN.encode())
    assert "main" in load(file, {}, secrets_dirs=[]).accounts


def test_a_timeout_that_was_set_must_fit_every_interval(tmp_path: Path) -> None:
    advice = "lower the timeout, or raise the interval"
    assert mistakes(tmp_path, 'timeout = "10m"\n' + MAIN) == [
        f"timeout: longer than the default interval, 5m: {advice}"
    ]
    text = f'timeout = "1m"\n{MAIN}interval = "30s"\n'
    assert mistakes(tmp_path, text) == [f"timeout: longer than accounts.main.interval: {advice}"]
    text = f'timeout = "1m"\ninterval = "30s"\n{MAIN}'
    found = mistakes(tmp_path, text, {"BALANCE_MONITOR_TIMEOUT": "40s"})
    assert found[0].startswith("BALANCE_MONITOR_TIMEOUT: longer than ")


def test_hourly_readings_must_not_be_kept_shorter_than_all_of_them(tmp_path: Path) -> None:
    text = f'{MAIN}[retention]\nraw = "10d"\nhourly = "9d"\n'
    assert mistakes(tmp_path, text) == [
        "retention.hourly: shorter than retention.raw, 10d: raise it, or lower raw",
    ]
    variable = "BALANCE_MONITOR_RETENTION__RAW"
    (found,) = mistakes(tmp_path, f'{MAIN}[retention]\nhourly = "9d"\n', {variable: "240h"})
    assert found == f"retention.hourly: shorter than {variable}, 10d: raise it, or lower raw"


def test_fallbacks_that_form_a_circle_are_named(tmp_path: Path) -> None:
    ways = {"a": "b", "b": "c", "c": "b", "d": "a", "e": "e"}
    text = "".join(f'[channels.{name}]\nurl = "{URL}"\nfallback = "{to}"\n' for name, to in ways.items())
    assert mistakes(tmp_path, MAIN + text) == [
        "channels.b.fallback: a circle of fallbacks, b -> c -> b: end it somewhere",
        "channels.e.fallback: its own fallback: name another channel",
    ]


def test_two_set_thresholds_that_contradict_name_both_places(tmp_path: Path) -> None:
    text = MAIN + "[rules.balance_usd]\nwarning = 5\ncritical = 6\n"
    places = "rules.balance_usd.warning and rules.balance_usd.critical"
    assert mistakes(tmp_path, text) == [f"{places}: {BOTH_WAYS}"]
    text = MAIN + "[rules.balance_usd]\nwarning = 5\n[accounts.main.rules.balance_usd]\ncritical = 6\n"
    places = "rules.balance_usd.warning and accounts.main.rules.balance_usd.critical"
    assert mistakes(tmp_path, text) == [f"{places}: {BOTH_WAYS}"]
    variable = "BALANCE_MONITOR_RULES__BALANCE_USD__WARNING"
    found = mistakes(tmp_path, MAIN + "[accounts.main.rules.balance_usd]\ncritical = 6\n", {variable: "5"})
    assert found == [f"{variable} and accounts.main.rules.balance_usd.critical: {BOTH_WAYS}"]


def test_a_global_mistake_is_not_told_again_for_each_account(tmp_path: Path) -> None:
    text = MAIN + "[rules.balance_usd]\nwarning = []\n[accounts.main.rules.balance_usd]\ncritical = 6\n"
    assert mistakes(tmp_path, text) == [
        "rules.balance_usd.warning: not an amount: write a number such as 25 or 4.50",
    ]
