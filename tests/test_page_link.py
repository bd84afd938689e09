"""A message says where to look at it, if there is a page that people can find."""

from collections.abc import Callable
from datetime import timedelta

from world import MAIN, OPS, World

from monitor import mail
from monitor.deliver.ledger import plan
from monitor.model import Level, Message
from monitor.poll import CHANNELS, tell_own
from monitor.store import outbox

Worlds = Callable[..., World]
WEB = '[web]\nurl = "https://monitor.example/"\n'
BATCH = '[accounts.batch]\napi_key = "key-of-batch-0001"\n'


def next_up(world: World) -> Message:
    with world.store.transaction() as tx:
        parcel = plan(tx, world.config, world.config.channels["ops"], world.now).parcel
    assert parcel is not None
    return parcel.words


def test_one_account_s_message_leads_to_its_page_in_time_and_late(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + WEB)
    world.reads(4)
    assert next_up(world).body.endswith("\nPage: https://monitor.example/accounts/main")
    world.now += timedelta(hours=1)
    assert next_up(world).body.startswith("Late: ")
    assert next_up(world).body.endswith("\nPage: https://monitor.example/accounts/main")


def test_what_is_about_several_or_the_monitor_itself_leads_to_all_of_it(worlds: Worlds) -> None:
    world = worlds(MAIN + BATCH + OPS + WEB)
    for account in ("main", "batch"):
        world.sees_balance(4, after=timedelta(0), account=account)
    assert next_up(world).body.endswith("\nPage: https://monitor.example/")
    other = worlds(MAIN + OPS + WEB)
    with other.store.transaction() as tx:
        outbox.queue(tx, tell_own(tx, other.config, CHANNELS, (Level.WARNING, "unusable"), other.now))
    assert next_up(other).body.endswith("\nPage: https://monitor.example/")


def test_an_account_that_is_no_longer_watched_has_no_page(worlds: Worlds) -> None:
    world = worlds(MAIN + BATCH + OPS + WEB)
    world.sees_balance(4, after=timedelta(0), account="batch")
    world.heard()
    world.reload(MAIN + OPS + WEB)
    assert next_up(world).body.endswith("\nPage: https://monitor.example/")


def test_without_a_page_nothing_is_said_of_it(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS)
    world.reads(4)
    assert "Page" not in next_up(world).body


def test_in_a_mail_it_is_the_one_link(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + WEB)
    world.fails("refused", times=2, reason="see <a href='https://evil.example'>here</a> https://evil.example")
    html = mail.html(next_up(world))
    assert html.count("<a ") == html.count('<a href="https://monitor.example/accounts/main"') == 1
