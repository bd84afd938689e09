"""To which URL a message goes, and what a URL says of its service."""

import pytest
from test_vendors import RAISED, RESOLVED, change, message

from monitor import address
from monitor.apart import apart
from monitor.model import Cause, Level
from monitor.notify import fault


@pytest.mark.parametrize(
    ("url", "made_out"),
    [
        ("ntfy://host/{account}/x?a={rule}", "ntfy://host/main_eu/x?a=balance_usd"),
        ("slack://a/b/c/#x", "slack://a/b/c/#x"),
        (
            "pagerduty://k@a",
            (
                "pagerduty://k@a?dedup=main_eu.balance_usd&source=balance-monitor&component=main_eu"
                "&action=map&overflow=truncate"
            ),
        ),
        ("pagerduty://k@a/me?dedup=x", "pagerduty://k@a/me?dedup=x&action=map&overflow=truncate"),
        ("pagerduty://{rule}@a?component=x", "pagerduty://balance_usd@a?component=x&action=map&overflow=truncate"),
        ("mqtt://h/a", "mqtt://h/a?qos=1"),
        ("mqtts://h/{account}?qos=2", "mqtts://h/main_eu?qos=2"),
        ("splunk://r@k/{account}?action=warning", "splunk://r@k/main_eu?action=warning&overflow=truncate"),
        ("signl4://k?dedup=x&overflow=split", "signl4://k?dedup=x&overflow=split&action=map"),
        ("json://h", "json://h?%2BX-Balance-Monitor-Message=m1&%2BX-Balance-Monitor-Alert=main_eu-balance_usd"),
    ],
)
def test_a_url_is_made_out_for_what_a_message_is_about(url: str, made_out: str) -> None:
    assert address.made_out(url, RAISED).replace(RAISED.id, "m1") == made_out


def test_news_has_a_name_where_a_rule_would_stand() -> None:
    assert address.made_out("ntfy://h/{account}-{rule}", message("t", "b", change(rule=""))) == "ntfy://h/main_eu-news"
    assert address.made_out("ntfy://h/{account}-{rule}", message("t", "b")) == "ntfy://h/monitor-news"


def test_a_name_is_escaped_in_a_url() -> None:
    found = address.made_out("ntfy://h/{rule}", message("t", "b", change(rule="a/b?c&d")))
    assert found == "ntfy://h/a%2Fb%3Fc%26d"


def test_opsgenie_is_closed_as_the_url_says_if_it_says_how() -> None:
    assert address.made_out("opsgenie://k?action=close", RESOLVED).startswith("opsgenie://k?action=close&alias=")


@pytest.mark.parametrize(
    ("url", "apart", "pager"),
    [
        ("opsgenie://k", True, True),
        ("ntfy://h/{account}", True, False),
        ("ntfy://h/{rule}", True, False),
        ("ntfy://h/x", False, False),
        ("nothing", False, False),
    ],
)
def test_pagers_and_urls_with_names_keep_changes_apart(url: str, *, apart: bool, pager: bool) -> None:
    assert (address.keeps_apart(url), address.is_pager(url)) == (apart, pager)


def test_no_longer_watched_is_an_end_to_a_pager_alone() -> None:
    gone = message("t", "b", change(Cause.UNWATCHED), severity=Level.INFO)
    assert address.severity("opsgenie://k", gone) is Level.OK
    assert address.severity("slack://k", gone) is Level.INFO
    assert address.severity("opsgenie://k", message("t", "b")) is Level.CRITICAL


@pytest.mark.parametrize(
    "url",
    [
        "pagerduty://0123456789abcdef0123456789abcdef@key/{account}/{rule}?dedup={account}.{rule}",
        "opsgenie://key/%23team?alias={account}-{rule}",
        "splunk://route@" + "a" * 36 + "/{account}-{rule}",
        "victorops://route@" + "a" * 36,
        "signl4://secretsecret?dedup={account}.{rule}",
        "pagertree://int_abcdefghij0",
        "ntfy://localhost/{account}",
        "mailtos://user:pass@example.org?to={account}@example.org",
    ],
)
def test_apprise_takes_urls_with_names_and_those_of_pagers(url: str) -> None:
    assert fault(url) is None


def test_one_message_for_each_change_says_what_is_its_own_and_what_is_known() -> None:
    body = (
        "[CRITICAL] main_eu: $4.07 left (at or below $5.00)\n[INFO] main_eu: up\nRule balance_usd: critical.\n"
        "Balance: $4.07."
    )
    news = change(Cause.NEWS, rule="")
    whole = message("[CRITICAL] … (and 1 more)", body, change(), news)
    first, second = apart(whole)
    assert (first.title, first.body) == (
        RAISED.title,
        "Rule balance_usd: critical.\n[INFO] main_eu: up\nBalance: $4.07.",
    )
    assert second.changes == (news,)
    assert apart(first) == [first]
    bare = apart(message("t", "", news, news))
    assert [one.body for one in bare] == [one.title for one in bare]
