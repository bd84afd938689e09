"""[digest]: off unless written; a mistake in it is one sentence with its key."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from monitor.config import Config, ConfigError, load
from monitor.config.load import understand
from monitor.config.show import show

KEY = {"LEGNEXT_API_KEY": "sk-1234567890"}
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'
SCHEDULE = "digest.schedule: "


def read(folder: Path, text: str, environ: Mapping[str, str] = KEY) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    return load(path, {**KEY, **environ}, secrets_dirs=[])


def test_it_is_off_unless_its_table_is_written_which_may_be_empty(tmp_path: Path) -> None:
    assert read(tmp_path, MAIL).digest is None
    digest = read(tmp_path, f"{MAIL}[digest]\n").digest
    assert digest is not None
    assert (str(digest.schedule), digest.channels) == ("0 9 * * mon", None)


def test_a_variable_writes_it_too_and_off_takes_it_away(tmp_path: Path) -> None:
    variable = "BALANCE_MONITOR_DIGEST__SCHEDULE"
    digest = read(tmp_path, MAIL, {variable: " 30  7 1 * * ", "BALANCE_MONITOR_DIGEST__CHANNELS": "mail"}).digest
    assert digest is not None
    assert (str(digest.schedule), digest.channels) == ("30 7 1 * *", frozenset({"mail"}))
    assert read(tmp_path, f"{MAIL}[digest]\n", {variable: "off"}).digest is None


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("schedule = 5", 'not a schedule of cron: write minute, hour, day, month and weekday, such as "0 9 * * mon"'),
        (
            'schedule = "0 9 * *"',
            'not a schedule of cron: write minute, hour, day, month and weekday, such as "0 9 * * mon"',
        ),
        (
            'schedule = "0 24 * * *"',
            "the hour is not as cron has it: write 0 to 23, *, a list 1,3, a range 1-5 or steps */2",
        ),
        (
            'schedule = "0 9 * * monday"',
            "the weekday is not as cron has it: write 0 to 7 or sun to sat, *, a list 1,3, a range 1-5 or steps */2",
        ),
        (
            'schedule = "0 9 31 2,4 *"',
            "none of its months has such a day, so it never comes: correct the day or the month",
        ),
    ],
)
def test_a_schedule_that_cron_would_not_take_is_one_sentence(tmp_path: Path, line: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"{MAIL}[digest]\n{line}\n")
    assert caught.value.problems == (f"{tmp_path}/config.toml: {SCHEDULE}{sentence}",)


def test_a_channel_that_is_not_there_is_told_with_what_may_have_been_meant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f'{MAIL}[digest]\nchannels = ["mial"]\n')
    assert caught.value.problems == (
        f"{tmp_path}/config.toml: digest.channels: there is no channel mial: did you mean mail?",
    )


@pytest.mark.parametrize(
    ("text", "is_heard"),
    [
        (f"{MAIL}[digest]\n", True),
        (f"{MAIL}min_level = 'off'\n[digest]\nchannels = ['mail']\n", True),
        (f"{MAIL}min_level = 'off'\n[channels.ops]\nurl = 'json://x'\nfallback = 'mail'\n[digest]\n", True),
        (f"{MAIL}[digest]\nchannels = []\n", False),
        ("[digest]\n", False),
    ],
)
def test_one_that_nobody_gets_is_a_warning(tmp_path: Path, text: str, *, is_heard: bool) -> None:
    said = "digest: no channel gets it: name one in its channels, or write [channels.mail] with a url"
    assert (said in read(tmp_path, text).warnings) is not is_heard


def test_show_says_what_counts_and_where_it_came_from(tmp_path: Path) -> None:
    def shown(text: str) -> list[str]:
        path = tmp_path / "config.toml"
        path.write_text(text)
        return [str(line) for line in show(understand(path, KEY, secrets_dirs=[])) if line.key.startswith("digest")]

    assert shown(MAIL) == ['digest.schedule = "off"   # default']
    assert shown(f'{MAIL}[digest]\nschedule = "0 9 1 * *"\n') == [
        'digest.schedule = "0 9 1 * *"   # the config file',
        'digest.channels = "all"   # default',
    ]
