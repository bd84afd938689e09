"""``history --chart``: a picture as a file, and a sentence where there can be none."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pixels import read
from shell import move_home, run
from world import World

from monitor.chart import STYLESHEET

Worlds = Callable[..., World]
HOUR = timedelta(hours=1)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_home(tmp_path, monkeypatch)


@pytest.fixture
def lived(worlds: Worlds, monkeypatch: pytest.MonkeyPatch, home: Path) -> World:
    """Give a balance that has fallen until now, and a configuration without secrets in the home."""
    world = worlds()
    world.now = datetime.now(UTC) - 50 * HOUR
    for hour in range(50):
        world.sees_balance(120 - hour, after=HOUR)
    monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
    (home / "config.toml").write_text('timezone = "Europe/Berlin"\ninterval = "1h"\n[accounts.main]\n')
    return world


def words(file: Path) -> list[str]:
    return [one.text or "" for one in ET.fromstring(file.read_text()).findall(f"{SVG}text")]  # noqa: S314 - our own


@pytest.mark.usefixtures("lived")
def test_an_svg_is_light_or_dark_as_people_want_it_and_says_what_the_daemon_knows(home: Path) -> None:
    result = run("history", "main", "--since", "3d", "--chart", "main.svg")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "wrote main.svg\n", "")
    found = words(home / "main.svg")
    assert {"main", "$71.00", "warning", "warning $25", "critical $5"} <= set(found)
    assert any(one.startswith("lasts about 3 days") for one in found)
    assert found[-1].startswith("read ")
    assert found[-1].endswith(("CET", "CEST"))
    assert STYLESHEET in (home / "main.svg").read_text()


@pytest.mark.usefixtures("lived")
def test_a_png_is_one_whatever_the_case_of_its_ending(home: Path) -> None:
    (home / "x").mkdir()
    assert run("history", "main", "--chart", "x/Main.PNG").exit_code == 0
    assert read((home / "x" / "Main.PNG").read_bytes()).size == (1600, 760)


@pytest.mark.usefixtures("lived")
def test_a_time_that_is_past_has_no_runway_and_no_level(home: Path) -> None:
    assert run("history", "main", "--since", "40h", "--until", "20h", "--chart", "past.svg").exit_code == 0
    found = words(home / "past.svg")
    assert not [one for one in found if one == "warning" or one.startswith(("lasts", "read"))]
    assert " to " in found[-1]


@pytest.mark.usefixtures("lived")
def test_an_end_that_is_still_to_come_is_now(home: Path) -> None:
    assert run("history", "main", "--until", "2099-01-01", "--chart", "now.svg").exit_code == 0
    assert "$71.00" in words(home / "now.svg")


@pytest.mark.usefixtures("lived")
def test_while_the_configuration_is_wrong_it_is_drawn_without_thresholds_and_that_is_said(home: Path) -> None:
    (home / "config.toml").write_text("interval = 5\n")
    result = run("history", "main", "--chart", "main.svg")
    assert (result.exit_code, result.stdout) == (0, "wrote main.svg\n")
    assert result.stderr == (
        "Warning: the configuration is wrong (config check says how): drawn without thresholds, in UTC\n"
    )
    assert not [one for one in words(home / "main.svg") if one.startswith(("warning $", "critical $"))]


@pytest.mark.parametrize("file", ["-", "main.jpg", "main", ".svg", ""])
@pytest.mark.usefixtures("lived")
def test_another_ending_is_refused_with_the_ones_there_are(file: str) -> None:
    result = run("history", "main", "--chart", file)
    assert result.exit_code == 2
    sentence = "not the name of a picture: name a file that ends in .svg or .png, such as main.png"
    assert result.stderr == f"Error: Invalid value for '--chart': {sentence}: see balance-monitor history --help\n"


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize("other", [("--json",), ("--format", "csv")])
def test_a_picture_and_a_list_at_once_are_refused(other: tuple[str, ...], home: Path) -> None:
    result = run("history", "main", "--chart", "main.svg", *other)
    assert result.exit_code == 2
    sentence = "--chart draws what --format and --json print: give one of them"
    assert result.stderr == f"Error: {sentence}: see balance-monitor history --help\n"
    assert not (home / "main.svg").exists()


@pytest.mark.usefixtures("lived")
def test_where_nothing_was_read_there_is_a_sentence_and_no_file(home: Path) -> None:
    result = run("history", "main", "--since", "2026-01-01", "--until", "2026-01-02", "--chart", "main.png")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: no reading of main is recorded from 2026-01-01 00:00:00 CET to 2026-01-02 00:00:00 CET: "
        "choose another --since and --until\n"
    )
    assert not (home / "main.png").exists()


@pytest.mark.usefixtures("lived")
def test_a_file_that_cannot_be_written_is_said_with_the_reason() -> None:
    result = run("history", "main", "--chart", "nowhere/main.svg")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: nowhere/main.svg cannot be written (No such file or directory): name another file for --chart\n"
    )


@pytest.mark.usefixtures("lived")
def test_an_account_that_was_never_polled_is_named_with_those_there_are() -> None:
    result = run("history", "mein", "--chart", "main.svg")
    assert result.exit_code == 2
    assert result.stderr == "Error: no account with a history is named mein: did you mean main?\n"
