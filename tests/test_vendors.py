"""What arrives at Slack, Telegram, Discord, PagerDuty and Opsgenie, read as their readers do, and what they refuse."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace

import pytest
from internet import Answer, Internet
from oncall import Opsgenie, PagerDuty
from receivers import Webhook
from vendors import Discord, Slack, Telegram, Vendor

from monitor.dress import Form
from monitor.model import Cause, Change, Level, Message, NotSent, Outcome, Sent
from monitor.notify import _KEPT, Notifier

NOW = datetime(2026, 1, 13, 10, 0, tzinfo=UTC)
IDS = count(1)
WILD = (
    "_a_ *b* **c** `d` ~e~ ~~f~~ <b>g</b> &amp; & <!channel> <@U123> @channel @everyone @here <@123> <@&4> "
    "[x](http://y) <http://z|z> ||h|| #i > j 1. k \\l |m main_eu_west _"
)


def change(cause: Cause = Cause.RAISED, *, rule: str = "balance_usd", account: str = "main_eu") -> Change:
    ended = cause in {Cause.ENDED, Cause.PASSED}
    return Change(
        alert=f"{account}-{rule}",
        account=account,
        rule=rule,
        cause=cause,
        level=Level.OK if ended else Level.CRITICAL,
        before=Level.CRITICAL if ended else Level.OK,
        phrase="$4.07 left (at or below $5.00)",
    )


def message(title: str, body: str, *changes: Change, severity: Level = Level.CRITICAL) -> Message:
    return Message(
        id=f"m{next(IDS)}",
        event="e",
        channel="ops",
        account=changes[0].account if changes else "monitor",
        decided_at=NOW,
        severity=severity,
        title=title,
        body=body,
        changes=changes,
    )


KNOWN = "Balance: $4.07, 3,000 credits, read 2026-01-13 10:33:56 UTC.\nRunway: about 2 days (1 to 4), from 2 days."
RAISED = message(
    "[CRITICAL] main_eu: $4.07 left (at or below $5.00)", f"Rule balance_usd: critical.\n{KNOWN}", change()
)
REMINDER = message(
    "[CRITICAL] main_eu: still $4.07 left (at or below $5.00)",
    f"Rule balance_usd: still critical.\n{KNOWN}",
    change(Cause.REMINDER),
)
RESOLVED = message(
    "[OK] main_eu: $104.00 left (above $25.00)",
    f"Rule balance_usd: fine again (was critical).\n{KNOWN}",
    change(Cause.ENDED),
    severity=Level.OK,
)
DIGEST = message(
    "[INFO] monitor: digest of 2 accounts since Mon 5 Jan 09:00 UTC",
    "Together: $46.17 left; $62.40 gone.\n1 of 2 accounts alerts.\n\nbatch_1: $4.07 left\n[CRITICAL] $4.07 left\n\n"
    "main: $42.10",
    severity=Level.INFO,
)
HEADER = timedelta(seconds=40)
"""What the header of a refusal asks for."""
KINDS = {"raised": RAISED, "reminder": REMINDER, "resolved": RESOLVED, "digest": DIGEST}
CHATS: dict[str, tuple[Callable[[], Vendor], str]] = {
    "Slack webhook": (Slack, Slack.WEBHOOK_URL),
    "Slack bot": (Slack, Slack.BOT_URL),
    "Telegram": (Telegram, Telegram.URL),
    "Telegram, Markdown asked for": (Telegram, Telegram.URL + "?format=markdown&mdv=v2"),
    "Slack, text asked for": (Slack, Slack.WEBHOOK_URL + "?format=text"),
    "Discord": (Discord, Discord.URL),
}

Play = Callable[[Vendor], None]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    """Let a vendor be the internet."""
    with Internet({}) as internet:
        for name, value in internet.environment.items():
            monkeypatch.setenv(name, value)
        yield lambda vendor: internet.hosts.update(vendor.hosts)


def send(url: str, *messages: Message, form: Form = Form.AUTO) -> list[Outcome]:
    return [Notifier(url, redact=str, form=form).send(one) for one in messages]


# Chats


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chat", CHATS)
def test_each_kind_of_message_is_read_to_the_character(play: Play, chat: str, kind: str) -> None:
    make, url = CHATS[chat]
    vendor, sent = make(), KINDS[kind]
    play(vendor)
    assert send(url, sent) == [Sent()]
    (seen,) = vendor.seen
    assert seen.text == f"{sent.title}\n{sent.body}"
    assert seen.mentions == seen.links == ()


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("chat", CHATS)
def test_whatever_is_said_is_read_as_it_was_said_and_rings_up_nobody(play: Play, chat: str, form: Form) -> None:
    make, url = CHATS[chat]
    vendor = make()
    play(vendor)
    wild = message(f"[WARNING] main_eu: no reading ({WILD})", f"Polls fail now: {WILD}.\n{WILD}\n#{WILD}\n> {WILD}")
    assert send(url, wild, form=form) == [Sent()]
    (seen,) = vendor.seen
    assert seen.text.replace("\n\n", "\n") == f"{wild.title}\n{wild.body}"
    assert seen.mentions == seen.links == ()
    assert {part.replace("\u200b", "") for part in seen.bold} <= {wild.title, "Polls fail now:"}


def test_slack_shows_what_a_line_is_about_in_bold_and_the_level_as_a_colour(play: Play) -> None:
    slack = Slack()
    play(slack)
    send(Slack.WEBHOOK_URL, RAISED)
    assert slack.seen[0].bold == ("Rule balance_usd:", "Balance:", "Runway:")
    assert slack.seen[0].colour == "#A32037"


def test_slack_is_sent_plain_text_where_its_markdown_could_not_show_what_is_said(play: Play) -> None:
    slack = Slack()
    play(slack)
    send(Slack.WEBHOOK_URL, message("[OK] a: b", "Balance: *no* markup"))
    assert (slack.seen[0].text, slack.seen[0].bold) == ("[OK] a: b\nBalance: *no* markup", ())


def test_discord_shows_the_title_and_what_lines_are_about_in_bold(play: Play) -> None:
    discord = Discord()
    play(discord)
    send(Discord.URL, RAISED)
    assert discord.seen[0].bold[1:] == ("Rule balance_usd:", "Balance:", "Runway:")


@pytest.mark.parametrize(
    ("make", "url", "reason"),
    [
        (Slack, Slack.WEBHOOK_URL[:-1] + "x", "HTTP 404 Not Found: no_service"),
        (Slack, Slack.BOT_URL[:-12] + "x/%23billing", "invalid_auth"),
        (Slack, Slack.BOT_URL + "2", "channel_not_found"),
        (Telegram, Telegram.URL.replace("I/", "J/"), "HTTP 401 Unauthorized: Unauthorized"),
        (Telegram, Telegram.URL + "7", "HTTP 400 Bad Request: Bad Request: chat not found"),
        (Discord, Discord.URL + "x", "HTTP 401 Unauthorized: Invalid Webhook Token"),
        (
            PagerDuty,
            PagerDuty.URL.replace("f@", "@"),
            "HTTP 400 Bad Request: Event object is invalid",
        ),
        (Opsgenie, Opsgenie.URL + "0", "HTTP 401 Unauthorized: Could not authenticate"),
    ],
)
def test_what_a_service_refuses_is_told_in_its_own_words(
    play: Play, make: Callable[[], Vendor], url: str, reason: str
) -> None:
    vendor = make()
    play(vendor)
    assert send(url, RAISED) == [NotSent(reason)]
    assert vendor.seen == []


@pytest.mark.parametrize(
    ("make", "url"),
    [*CHATS.values(), (PagerDuty, PagerDuty.URL), (Opsgenie, Opsgenie.URL)],
)
def test_too_many_requests_are_no_delivery_and_the_next_attempt_is(
    play: Play, make: Callable[[], Vendor], url: str
) -> None:
    vendor = make()
    vendor.busy(Answer(429, "rate_limited", {"Retry-After": "1"}), times=2 if make is Discord else 1)
    play(vendor)
    (outcome,) = send(url, RAISED)
    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("HTTP 429 Too Many Requests")
    assert send(url, RAISED) == [Sent()]


@pytest.mark.parametrize(
    ("make", "url", "answer", "wait"),
    [
        (Telegram, Telegram.URL, {"error_code": 429, "parameters": {"retry_after": 35}}, timedelta(seconds=35)),
        (
            Discord,
            Discord.URL,
            {"message": "You are being rate limited.", "retry_after": 64.5},
            timedelta(seconds=64.5),
        ),
        (Telegram, Telegram.URL, {"error_code": 429, "parameters": {"retry_after": 90_000}}, timedelta(hours=1)),
        (Telegram, Telegram.URL, {"error_code": 429, "parameters": {"retry_after": 0}}, HEADER),
        (Telegram, Telegram.URL, {"error_code": 429, "parameters": "soon"}, HEADER),
        (Slack, Slack.WEBHOOK_URL, "rate_limited", HEADER),
    ],
)
def test_how_long_a_service_asks_us_to_wait_is_heard_in_its_answer_and_else_in_its_header(
    play: Play, make: Callable[[], Vendor], url: str, answer: object, wait: timedelta | None
) -> None:
    vendor = make()
    vendor.busy(Answer(429, answer, {"Retry-After": f"{HEADER.seconds}"}), times=2)
    play(vendor)
    (outcome,) = send(url, RAISED)
    assert isinstance(outcome, NotSent)
    assert outcome.wait == wait


# Pagers


def test_what_a_raise_opens_at_pagerduty_its_end_closes_for_each_rule_of_each_account(play: Play) -> None:
    pager = PagerDuty()
    play(pager)
    others = [change(rule="runway"), change(account="batch")]
    send(PagerDuty.URL, RAISED, *(message("[CRITICAL] x", "Rule x: critical.", one) for one in others))
    assert set(pager.open) == {"main_eu.balance_usd", "main_eu.runway", "batch.balance_usd"}
    assert pager.open["main_eu.balance_usd"] == f"{RAISED.title}\r\n{RAISED.body}"
    send(PagerDuty.URL, REMINDER, RESOLVED)
    assert set(pager.open) == {"main_eu.runway", "batch.balance_usd"}
    assert pager.incidents[0].events == ["trigger", "trigger", "resolve"]
    assert pager.incidents[0].severity == "critical"


def test_opsgenie_closes_by_the_alias_and_so_also_after_a_restart(play: Play) -> None:
    pager = Opsgenie()
    play(pager)
    assert send(Opsgenie.URL, RAISED) == [Sent()]
    assert pager.open == {"main_eu.balance_usd": RAISED.title}
    assert send(Opsgenie.URL, REMINDER, RESOLVED) == [Sent(), Sent()]
    assert (pager.open, pager.lost) == ({}, [])
    assert pager.incidents[0].events == ["create", "create", "close"]


@pytest.mark.parametrize(
    "url",
    [
        "opsgenie://ops@" + Opsgenie.KEY + "/?region=eu&alias=prod-{rule}-{account}",
        "opsgenie://any/?apikey=" + Opsgenie.KEY + "&alias=prod-{rule}-{account}&priority=p1",
    ],
)
def test_opsgenie_takes_the_alias_the_region_and_the_key_of_the_url(play: Play, url: str) -> None:
    pager = Opsgenie()
    play(pager)
    assert send(url, RAISED) == [Sent()]
    assert set(pager.open) == {"prod-balance_usd-main_eu"}
    assert send(url, RESOLVED) == [Sent()]
    assert (pager.open, pager.lost) == ({}, [])


@pytest.mark.parametrize(("make", "url"), [(PagerDuty, PagerDuty.URL), (Opsgenie, Opsgenie.URL)])
def test_a_rule_that_is_no_longer_watched_closes_its_incident_and_one_message_can_stand_for_several(
    play: Play, make: Callable[[], PagerDuty | Opsgenie], url: str
) -> None:
    pager = make()
    play(pager)
    both = [change(), change(rule="runway")]
    assert send(url, message("[CRITICAL] main_eu: x (and 1 more)", "…", *both)) == [Sent()]
    assert set(pager.open) == {"main_eu.balance_usd", "main_eu.runway"}
    gone = [change(Cause.UNWATCHED), change(Cause.UNWATCHED, rule="runway")]
    assert send(url, message("[INFO] main_eu: gone (and 1 more)", "…", *gone, severity=Level.INFO)) == [Sent()]
    assert pager.open == {}


@pytest.mark.parametrize(("make", "url"), [(PagerDuty, PagerDuty.URL), (Opsgenie, Opsgenie.URL)])
def test_what_is_too_long_for_a_pager_still_pages(
    play: Play, make: Callable[[], PagerDuty | Opsgenie], url: str
) -> None:
    pager = make()
    play(pager)
    long = message(f"[CRITICAL] main_eu: {'x' * 200}", "\n".join(["Rule balance_usd: critical."] * 35), change())
    assert send(url, long) == [Sent()]
    assert list(pager.open) == ["main_eu.balance_usd"]


def test_messages_of_one_pager_keep_its_pause_whatever_they_are_about(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(PagerDuty())
    pauses: list[float] = []
    monkeypatch.setattr("monitor.notify.time", SimpleNamespace(sleep=pauses.append, monotonic=lambda: 100.0))
    notifier = Notifier(PagerDuty.URL, redact=str)
    for account in ("main", "batch", "spare"):
        assert notifier.send(message("[CRITICAL] x", "y", change(account=account))) == Sent()
    assert pauses == [5.5, 5.5]  # none before the first


def test_no_more_than_a_handful_of_ways_out_is_kept_for_ten_thousand_accounts() -> None:
    assert _KEPT <= 64
    notifier = Notifier(PagerDuty.URL, redact=str)
    for number in range(200):
        notifier._ways(f"{PagerDuty.URL}/?dedup=a{number}&action=map")
    assert notifier._ways.cache_info().currsize == _KEPT


def test_a_repeat_after_a_crash_opens_nothing_twice(play: Play) -> None:
    pager = PagerDuty()
    play(pager)
    send(PagerDuty.URL, RAISED, RAISED)
    assert [one.events for one in pager.incidents] == [["trigger", "trigger"]]


@pytest.mark.parametrize(
    ("url", "host", "code", "end"),
    [
        ("splunk://route@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "alert.victorops.com", 200, "RECOVERY"),
        ("victorops://route@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", "alert.victorops.com", 200, "RECOVERY"),
        ("signl4://secretsecret", "connect.signl4.com", 200, "resolved"),
        ("pagertree://int_abcdefghij0", "api.pagertree.com", 202, "resolve"),
        ("squadcast://" + "a" * 40, "api.squadcast.com", 202, "resolve"),
        ("ilert://il1api0123456789abcdef", "api.ilert.com", 202, "RESOLVE"),
        ("incidentio://01HXXXXXXXXXXXXXXXXXXXXXXX?token=abcdef0123456789", "api.incident.io", 202, "resolved"),
        ("firehydrant://fhb-abcdef0123", "signals.firehydrant.com", 202, "CLOSED"),
        ("goalerts://goalert.example.org/8d3a3d8e-0000-4000-8000-0123456789ab", "goalert.example.org", 202, "close"),
    ],
)
def test_every_other_pager_is_sent_the_beginning_and_the_end_under_one_key(
    monkeypatch: pytest.MonkeyPatch, url: str, host: str, code: int, end: str
) -> None:
    with Internet({host: lambda _: Answer(code, {"result": "success"})}) as internet:
        for name, value in internet.environment.items():
            monkeypatch.setenv(name, value)
        assert send(url, RAISED, RESOLVED) == [Sent(), Sent()]
        begun, ended = (request.body.decode() for _, request, _ in internet.requests)
    assert "main_eu.balance_usd" in begun
    assert "main_eu.balance_usd" in ended
    assert f'"{end}"' in ended or f"={end}" in ended
    assert f'"{end}"' not in begun
    assert f"={end}" not in begun


def test_a_webhook_is_told_which_message_it_is_and_about_which_alert() -> None:
    with Webhook() as hook:
        send(hook.url, RAISED, RAISED)
        first, again = hook.posts
    assert first.headers["X-Balance-Monitor-Message"] == again.headers["X-Balance-Monitor-Message"] == RAISED.id
    assert first.headers["X-Balance-Monitor-Alert"] == "main_eu-balance_usd"
    assert first.body == {
        "version": "1.0",
        "title": RAISED.title,
        "message": RAISED.body,
        "attachments": [],
        "type": "failure",
    }
