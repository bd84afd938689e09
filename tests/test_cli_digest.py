"""``digest --print``: the digest as it would be sent now, with and without a daemon, and what scripts read of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shell import at_terminal, move_home, run
from world import MAIN, OPS, World, reading

from monitor.cli import digest as command
from monitor.model import Failure, Kind, Level
from monitor.poll import CHANNELS, digest, tell_own

Worlds = Callable[..., World]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BATCH = '[accounts.batch]\napi_key = "key-of-batch-0002"\nchannels = ["mail"]\n'
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'
DIGEST = '[digest]\nschedule = "0 0 * * *"\n'
NOTE = "note: no [digest] is configured: this is what one of the last seven days would tell\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_home(tmp_path, monkeypatch)


@pytest.fixture
def living(worlds: Worlds, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], World]:
    """Make a world of the last two days, whose file and database the commands find."""

    def make(text: str) -> World:
        world = worlds(text)
        monkeypatch.setenv("BALANCE_MONITOR_DATABASE", f"sqlite:///{world.folder / 'monitor.db'}")
        monkeypatch.setenv("BALANCE_MONITOR_CONFIG", str(world.folder / "config.toml"))
        world.now = datetime.now(UTC) - 2 * DAY
        for hour in range(49):
            world.sees(reading(round(100 - hour * 0.5, 2)), after=HOUR if hour else timedelta(0))
        return world

    return make


def test_without_print_it_says_who_sends_it_and_how_to_see_it() -> None:
    result = run("digest")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: the daemon sends the digest by its schedule: give --print to see it as of now: "
        "see balance-monitor digest --help\n"
    )


def test_without_a_database_it_names_the_path(home: Path) -> None:
    result = run("digest", "--print")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: there is no database at {home}/balance-monitor/monitor.db")


def test_where_none_is_configured_it_is_of_the_last_seven_days_and_says_so(living: Callable[[str], World]) -> None:
    living(MAIN + OPS)
    result = run("digest", "--print")
    assert (result.exit_code, result.stderr) == (0, NOTE)
    since = datetime.now(UTC) - 7 * DAY
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"Digest of 1 account since {since:%a} {since.day} {since:%b}")
    assert (lines[1], lines[2].partition(" (")[0]) == ("", "main: $76.00 left, lasts about 6 days")
    assert lines[3:] == [
        "at least $24.00 gone (known for 2 days); 100 % of 49 polls",
        "[WARNING] about 6 days left (at or below 7 days)",
    ]


def test_it_tells_of_the_time_since_the_last_one_and_changes_nothing(living: Callable[[str], World]) -> None:
    world = living(MAIN + OPS + DIGEST)
    for _ in range(2):
        with world.store.transaction() as tx:
            digest.due(tx, world.config, world.now)
    midnight = datetime.now(UTC).replace(hour=0, minute=0)
    outputs = {run("digest", "--print").stdout.splitlines()[0] for _ in range(2)}
    assert outputs == {f"Digest of 1 account since {midnight:%a} {midnight.day} {midnight:%b} 00:00 UTC"}


def test_channels_that_hear_of_different_accounts_are_printed_one_after_the_other(
    living: Callable[[str], World],
) -> None:
    pager = '[channels.pager]\nurl = "json://localhost/pager"\naccounts = []\n'
    living(MAIN + BATCH + OPS + MAIL + pager + DIGEST)
    parts = run("digest", "--print").stdout.split("\n\n")
    assert parts[0] == "To ops:"
    assert parts[1].startswith("Digest of 1 account ")
    assert parts[3] == "To mail:"
    assert parts[4].startswith("Digest of 2 accounts ")
    assert parts[6].startswith("main: $76.00 left")
    assert parts[7].startswith("batch: not read yet")
    assert parts[-2:] == ["To pager:", "No account: there is nothing to tell of.\n"]


def test_an_account_that_only_the_daemon_knows_is_told_of_to_everybody(
    living: Callable[[str], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = living(MAIN + OPS)
    monkeypatch.setenv("BALANCE_MONITOR_CONFIG", str(world.folder / "other.toml"))
    (world.folder / "other.toml").write_text(MAIL)
    assert "main: $76.00 left" in run("digest", "--print").stdout
    (world.folder / "other.toml").write_text("")
    assert "main: $76.00 left" in run("digest", "--print").stdout


def test_scripts_read_every_figure_exactly(living: Callable[[str], World]) -> None:
    world = living(MAIN + OPS + MAIL + DIGEST + 'channels = ["ops"]\n')
    with world.store.transaction() as tx:
        digest.due(tx, world.config, world.now - DAY)
        tell_own(tx, world.config, CHANNELS, (Level.WARNING, "channel x cannot be used"), world.now)
    world.sees(Failure(Kind.UNREACHABLE, "boom"), after=timedelta(0))
    document = json.loads(run("digest", "--print", "--json").stdout)
    assert (document["configured"], document["channels"]) == (True, ["ops"])
    assert [alert["phrase"] for alert in document["monitor"]] == ["channel x cannot be used"]
    (main,) = document["accounts"]
    assert (main["account"], main["balance_usd"], main["level"]) == ("main", "76", "warning")
    assert main["failure"] == {"kind": "unreachable", "reason": "boom"}
    assert main["came_in_usd"] == "0"
    assert float(main["gone"]["usd"]) == pytest.approx(0.5 * main["gone"]["known_seconds"] / 3600, rel=1e-3)
    assert main["polls"]["polls"] == main["polls"]["readings"] + 1
    assert main["runway"]["low_seconds"] < main["runway"]["mid_seconds"] < main["runway"]["high_seconds"]
    assert [alert["rule"] for alert in main["alerts"]] == ["runway"]
    assert {document[name][-1] for name in ("before", "since", "until")} == {"Z"}


def test_what_is_not_known_is_null(living: Callable[[str], World]) -> None:
    living(MAIN + BATCH + OPS + MAIL)
    result = run("digest", "--print", "--json")
    batch, main = json.loads(result.stdout)["accounts"]
    assert result.stderr == ""
    assert json.loads(result.stdout)["channels"] == []
    assert main["gone_before"] is None
    unknown = ("balance_usd", "read_at", "failure", "gone", "gone_before", "runway")
    assert [batch[name] for name in unknown] == [None] * len(unknown)


def test_a_rise_of_this_very_hour_is_in_it(living: Callable[[str], World]) -> None:
    living(MAIN + OPS).sees(reading(176), after=timedelta(0))
    assert "$100.00 came in" in run("digest", "--print").stdout


def test_people_are_shown_how_far_it_has_come_once_that_takes_long(
    living: Callable[[str], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    living(MAIN + BATCH + OPS + MAIL)
    assert "accounts …" not in at_terminal("digest", "--print")[1]
    monkeypatch.setattr(command, "_SHOWN_AFTER", 0)
    code, shown = at_terminal("digest", "--print")
    assert code == 0
    assert "0 of 2 accounts …\r\x1b[K" in shown
    assert "\x1b[K" not in run("digest", "--print").stdout
