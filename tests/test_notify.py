"""What a channel is sent arrives to the character, and what is not sent says why, with real receivers."""

import io
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest
from receivers import MailServer, Webhook

from monitor.model import Level, Message, NotSent, Outcome, Sent
from monitor.notify import Notifier, _way, fault, receivers

TITLE = "[CRITICAL] main_eu_west: $4.07 left <b>&amp; _no_ *markup* :fire:"
BODY = "Über uns: 100 € & <b>bold</b> _it_ **x**\n\n  indented\tand `code` \\n {account} 'quoted' \"twice\"\nlast line"


def message(*, severity: Level = Level.CRITICAL, title: str = TITLE, body: str = BODY) -> Message:
    return Message(
        id="m1",
        event="e1",
        channel="ops",
        account="main",
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
        severity=severity,
        title=title,
        body=body,
        changes=(),
    )


def keep(text: str) -> str:
    return text


def send(url: str, **what: str) -> Outcome:
    return Notifier(url, redact=keep).send(message(**what))  # type: ignore[arg-type]


def why(url: str) -> str:
    match send(url):
        case NotSent(reason):
            return reason
    raise AssertionError("was sent")


@pytest.fixture(autouse=True)
def fresh(mail: MailServer) -> None:
    mail.messages.clear()
    mail.unknown.clear()


# What arrives


@pytest.mark.parametrize(
    ("severity", "type_"),
    [(Level.CRITICAL, "failure"), (Level.WARNING, "warning"), (Level.OK, "success"), (Level.INFO, "info")],
)
def test_title_body_and_severity_reach_a_webhook_to_the_character(
    webhook: Webhook, severity: Level, type_: str
) -> None:
    assert Notifier(webhook.url, redact=keep).send(message(severity=severity)) == Sent()
    (post,) = webhook.posts
    assert post.body == {"version": "1.0", "title": TITLE, "message": BODY, "attachments": [], "type": type_}
    assert post.headers["User-Agent"] == "balance-monitor"


def test_a_mail_arrives_to_the_character_over_starttls_with_a_login(mail: MailServer) -> None:
    assert send(mail.url_with(verify="no", format="text")) == Sent()
    (got,) = mail.wait_messages(1)
    assert got["Subject"] == TITLE
    assert got.get_content_type() == "text/plain"
    assert got.get_content().replace("\r\n", "\n").rstrip("\n") == BODY
    assert (got["To"], got["From"]) == ("team@example.org", "monitor@example.org")
    assert got["X-Application"] == "balance-monitor"


def test_a_message_without_a_body_is_sent_by_its_title(webhook: Webhook) -> None:
    assert send(webhook.url, body="") == Sent()
    assert (webhook.posts[0].body["title"], webhook.posts[0].body["message"]) == ("", TITLE)


def test_what_is_longer_than_a_service_takes_goes_in_several_parts_cut_between_lines(webhook: Webhook) -> None:
    lines = [f"[WARNING] account_{number}: $4.07 left (at or below $25.00)" for number in range(1000)]
    assert send(webhook.url, body="\n".join(lines)) == Sent()
    assert len(webhook.posts) == 2
    assert [line for post in webhook.posts for line in post.body["message"].splitlines()] == lines
    assert all(post.body["title"].startswith(TITLE) for post in webhook.posts)


def test_a_url_may_say_what_is_to_be_done_with_what_is_too_long(webhook: Webhook) -> None:
    assert send(f"{webhook.url}?overflow=truncate", body="x" * 40_000) == Sent()
    assert send(f"{webhook.url}?overflow=upstream", body="x" * 40_000) == Sent()
    cut, whole = (post.body["message"] for post in webhook.posts)
    assert len(cut) < 33_000
    assert len(whole) == 40_000


def test_a_long_title_is_not_cut_while_its_body_is_short(webhook: Webhook) -> None:
    assert send(webhook.url, title="y" * 300) == Sent()
    assert webhook.titles == ["y" * 300]


def test_emoji_codes_and_escapes_stay_text_even_if_the_url_asks_for_them(webhook: Webhook) -> None:
    assert send(webhook.url + "?emojis=yes", title="t", body=r"a:fire:b\nc") == Sent()
    assert webhook.posts[0].body["message"] == r"a:fire:b\nc"


def test_a_mail_server_with_a_certificate_of_a_known_authority_is_trusted(
    mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(mail.ca_file))
    assert send(mail.url_with()) == Sent()


def test_one_notifier_sends_from_several_threads_at_once(webhook: Webhook) -> None:
    notifier, outcomes = Notifier(webhook.url, redact=keep), list[Outcome]()
    threads = [threading.Thread(target=lambda: outcomes.append(notifier.send(message()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert outcomes == [Sent()] * 8
    assert len(webhook.posts) == 8


def test_fifty_hanging_channels_do_not_hold_up_another(webhook: Webhook) -> None:
    assert send(webhook.url) == Sent()
    with Webhook() as stuck:
        stuck.hang()
        threads = [threading.Thread(target=send, args=(stuck.url,)) for _ in range(50)]
        for thread in threads:
            thread.start()
        stuck.wait_attempts(50, 30)
        start = time.monotonic()
        assert send(webhook.url) == Sent()
        took = time.monotonic() - start
        stuck.ok()
        for thread in threads:
            thread.join(20)
    assert took < 3  # a hanging send takes four seconds


# What is not sent, and why


@pytest.mark.parametrize(
    ("code", "body", "reason"),
    [
        (403, b"", "HTTP 403 Forbidden"),
        (404, b"no_service\n", "HTTP 404 Not Found: no_service"),
        (429, b'{"message": "You are being rate limited.", "retry_after": 1.5}', "You are being rate limited."),
        (400, b'{"ok":false,"error_code":400,"description":"chat not found"}', "HTTP 400 Bad Request: chat not found"),
        (401, b'{"errors": [{"detail": "bad token"}]}', "HTTP 401 Unauthorized: bad token"),
        (400, b'{"error": true, "message": "it\'s \\"so\\""}', 'HTTP 400 Bad Request: it\'s "so"'),
        (500, b"<html><h1>Internal error</h1></html>", "HTTP 500 Internal Server Error"),
        (500, b'{"code": 7}', "HTTP 500 Internal Server Error"),
        (502, b"x" * 201, "HTTP 502 Bad Gateway"),
        (599, b"\xff\xfe", "HTTP 599: \ufffd\ufffd"),
    ],
)
def test_a_refusal_is_told_with_its_status_and_the_services_own_words(
    webhook: Webhook, code: int, body: bytes, reason: str
) -> None:
    webhook.status(code, body)
    assert reason in why(webhook.url)


def test_a_redirect_is_not_followed_and_counts_as_not_sent(webhook: Webhook) -> None:
    with Webhook() as elsewhere:
        webhook.redirect(elsewhere.address)
        assert why(webhook.url) == "HTTP 302, a redirect, which is not followed"
        assert elsewhere.attempts == []


def test_a_service_that_hangs_is_given_up_after_its_timeouts(webhook: Webhook) -> None:
    webhook.hang()
    start = time.monotonic()
    assert why(webhook.url + "?rto=1.5") == "no answer within 1.5 s"
    assert 1.4 < time.monotonic() - start < 4


def test_a_service_that_breaks_off_is_told_as_such(webhook: Webhook) -> None:
    webhook.hang()
    threading.Timer(0.2, webhook.ok).start()
    assert why(webhook.url) == "the connection was closed without an answer"


def test_a_service_without_tls_and_one_that_ends_the_handshake_are_told_as_such(webhook: Webhook) -> None:
    def end(client: socket.socket) -> None:
        client.recv(4096)
        client.close()

    reason = why(f"jsons://127.0.0.1:{webhook.port}/hook")
    assert reason.startswith("what listens there speaks no TLS (")
    with socket.create_server(("127.0.0.1", 0)) as ending:
        threading.Thread(target=lambda: end(ending.accept()[0]), daemon=True).start()
        reason = why(f"jsons://127.0.0.1:{ending.getsockname()[1]}/hook")
    assert reason.startswith("the connection was closed in the TLS handshake (")


def test_a_service_has_its_time_to_answer_unless_the_url_says_otherwise() -> None:
    def waits(url: str) -> tuple[float, float]:
        (service,) = _way(url) or []
        return service.socket_connect_timeout, service.socket_read_timeout

    assert waits("json://localhost/hook") == (4, 40)
    assert waits("json://localhost/hook?cto=9&rto=12") == (9, 12)
    assert waits("mailtos://user:pass@localhost?to=a@example.org")[0] == 40  # the only one that mail knows
    assert waits("mailtos://user:pass@localhost?to=a@example.org&cto=7")[0] == 7


def test_a_proxy_that_refuses_is_told_without_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 407 not with Basic cGxhbnRlZDpwYXNzd29yZA==\r\n\r\n")
        client.close()

    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://planted:password@127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("NO_PROXY", "")
        threading.Thread(target=lambda: refuse(proxy.accept()[0]), daemon=True).start()
        assert why("jsons://host.invalid/secret") == "the proxy said 407 Proxy Authentication Required"


def test_nobody_listening_and_unknown_hosts_are_told_as_such(webhook: Webhook) -> None:
    webhook.close()
    assert why(webhook.url) == "connection refused"
    assert why("json://host.invalid/secret") in {
        "the host's name cannot be resolved (Name or service not known)",
        "the host's name cannot be resolved (Temporary failure in name resolution)",
    }


def test_a_wrong_password_is_told_as_a_matter_of_authentication(mail: MailServer) -> None:
    reason = why(mail.url_with(password="wrong-password", verify="no"))
    assert reason == "authentication failed: 535 5.7.8 Authentication credentials invalid"


def test_a_refused_recipient_is_told_in_the_servers_words(mail: MailServer) -> None:
    mail.unknown.add("gone@example.org")
    assert why(mail.url_with(to="gone@example.org", verify="no")) == "550 5.1.1 no such user here"


def test_an_untrusted_certificate_is_told_as_such(mail: MailServer) -> None:
    assert why(mail.url_with()).startswith("certificate verify failed: ")
    assert mail.messages == []


def test_a_mail_server_that_is_no_mail_server_is_told_somehow(webhook: Webhook) -> None:
    url = f"mailto://user:pass@127.0.0.1:{webhook.port}?from=a@example.org&to=b@example.org&cto=0.3&mode=insecure"
    assert why(url) == "no answer in time"


def test_an_optional_or_retried_channel_fails_like_any_other_and_is_tried_once(webhook: Webhook) -> None:
    webhook.status(403)
    assert why(webhook.url + "?optional=yes&retry=3&wait=0") == "HTTP 403 Forbidden"
    assert len(webhook.attempts) == 1


def test_an_error_inside_a_plugin_is_an_outcome(mail: MailServer) -> None:
    outcome = send(mail.url, title="t", body="half a character: \ud800")
    assert isinstance(outcome, NotSent)
    assert "surrogates not allowed" in outcome.reason


def test_even_a_broken_redactor_makes_an_outcome_without_details(webhook: Webhook) -> None:
    webhook.status(403)
    outcome = Notifier(webhook.url, redact=lambda text: text[10_000]).send(message())
    assert outcome == NotSent("the service did not take it (IndexError)")


def test_a_channel_whose_url_is_no_good_says_so_at_every_send() -> None:
    notifier = Notifier("slack://nonsense", redact=keep)
    assert notifier.send(message()) == NotSent("Apprise does not accept this slack:// URL")
    assert notifier.send(message()) == NotSent("Apprise does not accept this slack:// URL")


def test_a_reason_never_shows_a_secret_whatever_the_service_echoes(webhook: Webhook) -> None:
    webhook.status(400, b'{"error": "bad key sk-12345\\u0036, tried https://x/sk-123456"}')
    notifier = Notifier(webhook.url, redact=lambda text: text.replace("sk-123456", "********"))
    assert notifier.send(message()) == NotSent("HTTP 400 Bad Request: bad key ********, tried https://x/********")


def test_a_reason_is_one_printable_line_of_at_most_200_characters(webhook: Webhook) -> None:
    webhook.status(400, b'{"error": "a\\r\\n\\u001b[31mb ' + b"word " * 100 + b'"}')
    reason = why(webhook.url)
    assert reason.startswith("HTTP 400 Bad Request: a [31mb word word")
    assert len(reason) == 200
    assert reason.isprintable()


def test_an_answer_that_a_redactor_left_in_pieces_is_still_quoted(webhook: Webhook) -> None:
    webhook.status(403, b"caf\xc3\xa9 closed")
    outcome = Notifier(webhook.url, redact=lambda text: text.replace(r"c3\xa9", "********")).send(message())
    assert outcome == NotSent(r"HTTP 403 Forbidden: caf\x******** closed")


def test_what_a_plugin_only_warns_of_is_quoted() -> None:
    url = "mailto://user:pass@127.0.0.1:1?to=nonsense&from=a@example.org"
    assert why(url) == "There are no Email recipients to notify"


# Quiet and private


def test_nothing_that_apprise_says_reaches_the_log_or_standard_error(
    webhook: Webhook, capfd: pytest.CaptureFixture[str]
) -> None:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    try:
        webhook.status(403)
        fault("slack://xoxb-very-secret/token")
        why(webhook.url + "?+Authorization=very-secret")
    finally:
        logging.getLogger().removeHandler(handler)
    assert heard.getvalue() == ""
    assert capfd.readouterr() == ("", "")


def test_warnings_of_the_libraries_below_stay_unheard(webhook: Webhook) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        send(webhook.url)
        warnings.warn_explicit("certificate not checked", UserWarning, "x.py", 1, module="urllib3.connectionpool")
    assert heard == []


def test_passwords_of_netrc_are_not_sent_to_webhooks(webhook: Webhook, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password netrc-secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    program = (
        "import sys; sys.path.insert(0, 'tests'); from test_notify import Notifier, message\n"
        f"print(Notifier({webhook.url!r}, redact=str).send(message()))"
    )
    env = {name: value for name, value in os.environ.items() if name != "NETRC"} | {"HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=env, check=True
    )
    assert (done.stdout, done.stderr) == ("Sent()\n", "")
    assert "Authorization" not in webhook.posts[0].headers


def test_what_is_loaded_beforehand_is_nothing_that_the_first_message_waits_for(webhook: Webhook) -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests'); from test_notify import Notifier, message\n"
        f"notifier = Notifier({webhook.url!r}, redact=str); notifier.load(); before = set(sys.modules)\n"
        "print(notifier.send(message()), [name for name in set(sys.modules) - before if name.startswith('apprise')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "Sent() []\n"


def test_a_url_that_is_none_can_be_loaded_and_says_so_when_it_is_to_send() -> None:
    notifier = Notifier("slack://nonsense", redact=keep)
    notifier.load()
    assert isinstance(notifier.send(message()), NotSent)


def test_importing_the_module_does_not_import_apprise() -> None:
    program = "import sys, monitor.notify; print('apprise' in sys.modules, 'requests' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False False\n"


# Addresses


@pytest.mark.parametrize(
    "url",
    [
        "json://host/path",
        "  jsons://user:pass@host:8443/path?to=a,b  ",
        "mailtos://user:pass@example.org?to=a@example.org,b@example.org",
        "slack://TXXXXXXXX/BXXXXXXXX/XXXXXXXXXXXXXXXXXXXXXXXX/%23alerts",
        "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "json://host/?next=https://elsewhere/",
        "json://host/?optional=yes",
    ],
)
def test_a_good_url_has_no_fault(url: str) -> None:
    assert fault(url) is None


@pytest.mark.parametrize(
    ("url", "number"),
    [
        ("json://host", 1),
        ("ntfy://host/one", 1),
        ("ntfy://host/one/other", 2),
        ("ntfy://host/{account}", 1),
        ("mailto://user:word@example.com?to=a@example.com", 1),
        ("mailto://user:word@example.com?to=a@example.com&cc=b@example.com&bcc=c@example.com", 1),  # one mail
        ("mailto://user:word@example.com?to=a@example.com,b@example.com", 2),
        ("tgram://123456789:abcdefghijklmnopqrstuvwxyzABCDEFGHI/12315544", 1),
        ("tgram://123456789:abcdefghijklmnopqrstuvwxyzABCDEFGHI/12315544/67890", 2),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", 1),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#one/#other", 2),
        ("opsgenie://0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/@one/@other", 1),  # one incident
        ("nosuch://one/other", 1),
    ],
)
def test_whom_a_url_tells_one_after_the_other_is_counted(url: str, number: int) -> None:
    assert receivers(url) == number


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "the URL is empty"),
        ("  \n", "the URL is empty"),
        ("json://host/\nsecret", "the URL contains a line break or another control character"),
        ("secret-token", "this is not an Apprise URL: those begin with a scheme such as mailtos:// or slack://"),
        ("json://a/secret json://b", "this is more than one URL: write a channel for each"),
        ("json://a/secret,slack://b", "this is more than one URL: write a channel for each"),
        ("json://a/secret; mailto://b", "this is more than one URL: write a channel for each"),
        ("slak://secret", "the scheme slak:// is not known to Apprise, did you mean slack://?"),
        ("Mailt://secret", "the scheme mailt:// is not known to Apprise, did you mean mailto://?"),
        ("smtp://user:secret@host", "the scheme smtp:// is not known to Apprise, did you mean mailto://?"),
        ("qzqzqzqz://secret", "the scheme qzqzqzqz:// is not known to Apprise"),
        ("file:///etc/apprise.yml", "the scheme file:// is not known to Apprise"),
        ("memory://", "the scheme memory:// is not known to Apprise"),
        ("slack://secret", "Apprise does not accept this slack:// URL"),
        ("kde://]", "kde:// needs something that is not installed here: see Apprise's documentation"),
        (
            "xmpp://secret:word@host",
            'xmpp:// needs slixmpp >= 1.16.0, which is not installed here: pip install "slixmpp>=1.16.0"',
        ),
        ("macosx://", "macosx:// needs something that is not installed here: see Apprise's documentation"),
        (
            "https://example.org/config.yml?secret",
            "Apprise does not know this https:// address; a plain webhook is written jsons://",
        ),
    ],
)
def test_a_bad_url_is_explained_without_showing_it(url: str, sentence: str) -> None:
    assert fault(url) == sentence


def test_the_debug_lines_of_apprise_stay_switched_on_for_its_own_results() -> None:
    assert fault("json://host") is None
    assert logging.getLogger("apprise").isEnabledFor(logging.DEBUG)


def test_a_library_that_brings_warnings_back_as_errors_keeps_no_plugin_from_being_loaded() -> None:
    script = (
        "import warnings; from monitor import notify; notify._library();"
        "warnings.resetwarnings(); warnings.simplefilter('error');"
        "print(notify.fault('mailto://me:word@localhost'))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "None"
