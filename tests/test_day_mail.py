"""A mail server of a day on which something is wrong with it: nothing is lost, and what is wrong is said."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from day import HOUR, MINUTE, RAISED, Stage, low, mended, refused, staged
from pixels import read
from places import Mail, Told, opened
from shell import run


@pytest.fixture
def mail() -> Iterator[Mail]:
    place = Mail()
    yield place
    place.close()


@pytest.fixture
def stage(mail: Mail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with staged(mail, tmp_path, monkeypatch) as found:
        yield found


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ("a password", "authentication failed: 535 5.7.8 ******** is not the password of ops"),
        ("unknown", "certificate verify failed: unable to get local issuer certificate"),
        ("expired", "certificate verify failed: certificate has expired"),
        ("another host", "certificate verify failed: IP address mismatch, certificate is not valid for '127.0.0.1'."),
    ],
)
def test_what_is_wrong_is_told_the_message_waits_and_it_arrives_once_that_is_mended(
    stage: Stage, mail: Mail, spoil: str, reason: str
) -> None:
    mail.server.refusal = f"535 5.7.8 {mail.server.password} is not the password of ops"
    spoilt(mail, spoil)
    assert asyncio.run(refused(stage)) == reason
    shown, tested = run("status").stdout, run("channels", "test")
    (row,) = [line.split("\t") for line in shown.splitlines() if line.startswith("ops\t")]
    assert row[2:5] == ["1", "0", "never"]
    assert row[5].partition(": ")[2] == reason
    assert (tested.exit_code, tested.stdout) == (1, f"ops: not delivered: {reason}\n")
    assert "sesame-open" not in stage.log.getvalue()
    assert mail.read() == []
    spoilt(mail, "nothing")
    asyncio.run(mended(stage))
    assert mail.read() == [Told(RAISED.title, RAISED.body, "#b42318")]  # a second attempt has no picture


def spoilt(mail: Mail, what: str) -> None:
    """Spoil something at the server, and mend all else."""
    mail.server.present(what)
    mail.server.password = "another-password" if what == "a password" else "sesame-open"


def test_a_mail_says_the_same_twice_shows_a_picture_and_is_kept_together_with_those_about_its_alert(
    stage: Stage, mail: Mail
) -> None:
    async def story() -> None:
        async with stage.daemon():
            await low(stage)
            await stage.told(1)
            await stage.reads("4.068", at=5 * MINUTE + 4 * HOUR)
            await stage.told(2)

    asyncio.run(story())
    first, second = mail.server.messages
    shape = [(part.get_content_type(), part.get_filename()) for part in first.walk()]
    assert shape == [
        ("multipart/mixed", None),
        ("multipart/alternative", None),
        ("text/plain", None),
        ("text/html", None),
        ("image/png", "main_eu.png"),
    ]
    assert read(opened(first).pictures[0]).size == (720, 540)
    assert (first["From"], first["To"]) == ("monitor@example.org", "team@example.org")
    assert (first["Auto-Submitted"], first["X-Application"]) == ("auto-generated", "balance-monitor")
    alert = first["X-Balance-Monitor-Alert"]
    assert first["References"] == second["References"] == f"<{alert}@balance-monitor>"
    assert second["X-Balance-Monitor-Alert"] == alert
    assert len({first["X-Balance-Monitor-Message"], second["X-Balance-Monitor-Message"], None}) == 3
    assert len({first["Message-ID"], second["Message-ID"], None}) == 3
