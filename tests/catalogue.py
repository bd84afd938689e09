"""One message of each kind, made by the monitor itself: what docs/messages.md shows, and a test holds true.

``PYTHONPATH=tests python -m catalogue > docs/messages.md`` writes the page anew.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from world import MAIN, OPS, World, reading

from monitor import messages, poll
from monitor.deliver import watch
from monitor.deliver.ledger import plan
from monitor.model import Failure, Kind, Level, Message, Seen
from monitor.store import outbox

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
ZONE = 'timezone = "Europe/Berlin"\n'
DOWN = Failure(Kind.UNREACHABLE, "HTTP 503")
BATCH = '[accounts.batch]\napi_key = "key-of-batch-0001"\n'
COOL = '[rules.balance_usd]\ncooldown = "off"\n'
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'
_HEAD = """\
# Messages

One of each kind, word for word, as the monitor itself makes them; a test holds this page to the code. The first line
of each is the title. Colours and icons come from the severity, which Apprise gets beside it: critical is a *failure*, a
warning and what has eased are a *warning*, an end is a *success*, news is *info*.

All that is said of an account rests on its latest reading, whose time is in the message; when polls fail, the message
says "last known". A fall of the balance is never called usage: it may be an expiry, and the API does not say which.
"""


def day(world: World, hours: int, rate: float = 1.0, start: float = 300) -> float:
    """Let so many hours pass in which so much goes an hour, and return what is left."""
    left = start
    for _ in range(hours * 2):
        left -= rate / 2
        world.sees_balance(left, after=HOUR / 2)
    world.heard()
    return left


# -- the balance ------------------------------------------------------------------------------------------------------


def low(world: World) -> list[Message]:
    left = day(world, 40, rate=0.25, start=36)
    world.sees(reading(left - 1.5, available_credits=21000, available_points=3500), after=5 * MINUTE)
    return world.heard()


def worse_eased_ended(world: World) -> list[Message]:
    world.reads(20)
    world.heard()
    world.reads("4.068", 20, 104)
    return world.heard()


def reminder(world: World) -> list[Message]:
    left = day(world, 30, rate=0.1, start=24)
    world.sees_balance(left - 2, after=DAY)
    return world.heard()


def several(world: World) -> list[Message]:
    world.sees(reading(4, available_credits=900))
    return world.heard()


def own_word(world: World) -> list[Message]:
    world.sees(reading(80, alert_threshold=100, low_balance_alert=False))
    return world.heard()


def thresholds(world: World) -> list[Message]:
    world.reads(40)
    world.reload(ZONE + MAIN + OPS + "[rules.balance_usd]\nwarning = 50\n")
    world.reads(40)
    return world.heard()


# -- how money goes ---------------------------------------------------------------------------------------------------


def runway(world: World) -> list[Message]:
    left = day(world, 24 * 5, start=300)
    for _ in range(40):
        left -= 0.5
        world.sees_balance(left, after=HOUR / 2)
    return world.heard()


def budget(world: World) -> list[Message]:
    day(world, 13, start=500)
    left = day(world, 19, start=487)
    told = []
    for _ in range(10):
        left -= 0.5
        world.sees_balance(left, after=HOUR / 2)
        told += world.heard()
    return told


def spike(world: World) -> list[Message]:
    left = day(world, 24 * 9, rate=3, start=5000)
    for _ in range(2):
        left -= 20
        world.sees_balance(left, after=HOUR / 2)
    return world.heard()[:1]


def top_up(world: World) -> list[Message]:
    left = day(world, 30, start=200)
    world.sees_balance(left + 100, after=5 * MINUTE)
    told = world.heard()
    world.sees(DOWN, after=HOUR)
    world.sees_balance(left + 190, after=HOUR)
    return told + world.heard()


# -- polls ------------------------------------------------------------------------------------------------------------


def unreachable(world: World) -> list[Message]:
    world.reads(60)
    world.fails(times=4, reason="HTTP 503")
    world.reads(60)
    return world.heard()


def together(world: World) -> list[Message]:
    fine: dict[str, Seen] = dict.fromkeys(world.config.accounts, reading(60))
    down: dict[str, Seen] = dict.fromkeys(fine, DOWN)
    back = fine | {"a07": DOWN}
    for seen in (fine, *[down] * 12, back, back):
        for name in fine:
            world.sees(seen[name], name, 5 * MINUTE / 12)
        world.watches()
    return world.heard()


def refused(world: World) -> list[Message]:
    world.reads(60)
    world.fails("refused", times=2, reason="HTTP 401: Failed to verify api key")
    world.reads(60)
    return world.heard()


def unreadable(world: World) -> list[Message]:
    world.fails("unreadable", times=3, reason="balance_usd is missing")
    return world.heard()


def stale(world: World) -> list[Message]:
    world.sees(reading(60, updated_at=world.now - 8 * DAY))
    return world.heard()


def another(world: World) -> list[Message]:
    world.sees(reading(60, account_id="1001"))
    world.sees(reading(900, account_id="2002"))
    return world.heard()


# -- who hears, and when ----------------------------------------------------------------------------------------------


def newcomer(world: World) -> list[Message]:
    world.reads(20)
    world.heard()
    world.reload(ZONE + MAIN + OPS + MAIL)
    world.reads(20)
    return world.heard("mail")


def unwatched(world: World) -> list[Message]:
    world.reads(20)
    world.heard()
    world.reload(ZONE + MAIN + OPS + "[rules.balance_usd]\nenabled = false\n")
    return world.heard()


def night(world: World) -> list[Message]:
    world.now += 13 * HOUR
    world.reads(20)
    world.sees_balance(40, after=2 * HOUR)
    world.now += 8 * HOUR
    world.rouses()
    return world.heard()


def late(world: World) -> list[Message]:
    world.reads(4)
    world.now += 35 * MINUTE
    return caught_up(world)


def hindsight(world: World) -> list[Message]:
    for balance, minutes in ((20, 0), (4, 22), (21, 51), (104, 29)):
        world.sees_balance(balance, after=minutes * MINUTE)
    world.now += 3 * HOUR
    return caught_up(world)


def many_in_hindsight(world: World) -> list[Message]:
    for balance, account in ((20, "main"), (4, "batch"), (104, "main")):
        world.sees_balance(balance, after=20 * MINUTE, account=account)
    world.now += 3 * HOUR
    return caught_up(world)


def caught_up(world: World) -> list[Message]:
    """Return what is sent of what waits, once a channel takes something again."""
    with world.store.transaction() as tx:
        found = plan(tx, world.config, world.config.channels["ops"], world.now).parcel
    return [found.words] if found else []


def passed_on(world: World) -> list[Message]:
    world.reads(4)
    with world.store.transaction() as tx:
        waiting = [one.message for one in outbox.waiting(tx, "ops")]
        return poll.pass_on(tx, waiting, replace(world.config.channels["ops"], name="mail"))


def given_up(world: World) -> list[Message]:
    world.reads(4)
    with world.store.transaction() as tx:
        lost = [one.message for one in outbox.waiting(tx, "ops")]
        return poll.give_up(tx, world.config, lost, why="failing for two days: HTTP 404 Not Found", now=world.now)


# -- the monitor itself -----------------------------------------------------------------------------------------------


def undelivered(world: World) -> list[Message]:
    world.reads(4)
    told: list[Message] = []
    for step in range(6):
        with world.store.transaction() as tx:
            health = outbox.health(tx, "ops")
            failing = world.now if step == 0 else health.failing_since
            kept = outbox.Health(
                channel="ops",
                failing_since=None if step == 5 else failing,
                last_error="HTTP 500 Internal Server Error",
                last_success_at=world.now if step == 5 else None,
            )
            outbox.save_health(tx, kept)
            told += watch(tx, world.config, world.now).told
        world.now += 4 * MINUTE
    return [message for message in told if message.channel == "mail"]


def unusable(world: World) -> list[Message]:
    world.reload(ZONE + MAIN + OPS + '[channels.mail]\nurl_file = "/run/secrets/mail"\n')
    return world.heard()


def disk(world: World) -> list[Message]:
    path = "/var/lib/balance-monitor/monitor.db"
    with world.store.transaction() as tx:
        poll.tell_home(tx, world.config, poll.Home(path, last="the disk is full", is_over=False), world.now)
        poll.tell_home(tx, world.config, poll.Home(path), world.now)
        poll.tell_lost(tx, world.config, path, world.now)
    return world.heard()


def self_test(world: World) -> list[Message]:
    title, body = messages.self_test("ops")
    known = {"id": "", "event": "", "channel": "ops", "account": "", "changes": ()}
    return [Message(**known, decided_at=world.now, severity=Level.INFO, title=title, body=body)]  # type: ignore[arg-type]


def digest(world: World) -> list[Message]:
    """Let four days pass, in the last of which more goes, one account is topped up and the other alerts."""
    main, batch, found = 300.0, 102.0, world.digests()
    for hour in range(1, 95):
        main += (100 if hour == 80 else 0) - (0.75 if hour > 70 else 0.5)
        batch -= 1
        world.sees_balance(main, after=HOUR)
        world.sees_balance(batch, after=timedelta(0), account="batch")
        found = world.digests() or found
    world.heard()
    return found


CREDITS = "[rules.available_credits]\n"
NAP = '[channels.ops]\nurl = "json://localhost/ops"\nquiet_hours = "22:00-07:00"\n'
Tell = Callable[[World], list[Message]]
KINDS: tuple[tuple[str, str, str, Tell], ...] = (
    ("A balance that is low", "", MAIN + OPS, low),
    (
        "Worse, better, fine again",
        "Whoever was told of an alert hears every change of it up to its end.",
        MAIN + OPS,
        worse_eased_ended,
    ),
    ("It lasts", "Each `remind_every`: a day for a warning, four hours for what is critical.", MAIN + OPS, reminder),
    ("Several rules at one reading", "One message, with a line for each.", MAIN + OPS + CREDITS, several),
    (
        "The API's own alert",
        "Raised by the flag or by the numbers; where the two disagree, the message says so.",
        MAIN + OPS,
        own_word,
    ),
    ("Thresholds that were changed", "", MAIN + OPS, thresholds),
    ("It will not last", "", MAIN + OPS, runway),
    (
        "A budget, and the new period that ends its alert",
        "",
        MAIN + OPS + '[rules.budget]\nperiod = "day"\nwarning = 20\ncritical = "off"\n',
        budget,
    ),
    ("An hour like no other", "", MAIN + OPS + "[rules.spend_spike]\n[rules.runway]\nenabled = false\n", spike),
    ("Money came in", "After a gap in the readings only what it went up by at least is known.", MAIN + OPS, top_up),
    ("The API cannot be reached", "", MAIN + OPS, unreachable),
    (
        "All accounts of one API fail alike",
        "One message for all of them, and one for their return; who is left is then told alone.",
        "".join(f'[accounts.a{place:02}]\napi_key = "key-of-a{place:02}-0001"\n' for place in range(1, 13)) + OPS,
        together,
    ),
    ("The key is refused", "", MAIN + OPS, refused),
    ("The answer cannot be used", "", MAIN + OPS, unreadable),
    ("The balance no longer moves", "", MAIN + OPS + "[rules.stale]\n", stale),
    ("The key belongs to another account now", "", MAIN + OPS, another),
    ("To a channel that is new", "What is open is told once.", MAIN + OPS, newcomer),
    ("No longer watched", "", MAIN + OPS, unwatched),
    ("After quiet hours", "What came and went in them is one line.", MAIN + NAP, night),
    ("Late", "A message that could not be sent for two minutes says so, and how things stand now.", MAIN + OPS, late),
    (
        "In hindsight",
        "What waited for longer goes as one: a line for each alert, and what happened when.",
        MAIN + OPS + COOL,
        hindsight,
    ),
    ("In hindsight, of several accounts", "", MAIN + BATCH + OPS + COOL, many_in_hindsight),
    ("Passed on to a fallback", "", MAIN + OPS + MAIL + 'min_level = "off"\n', passed_on),
    ("Given up after two days", "Told through the other channels.", MAIN + OPS + MAIL, given_up),
    (
        "A channel does not deliver, and delivers again",
        "Told through its fallback, or the others.",
        MAIN + OPS + MAIL,
        undelivered,
    ),
    ("A channel without its secret", "", MAIN + OPS, unusable),
    ("The disk", "", MAIN + OPS, disk),
    (
        "The digest",
        "By the schedule of `[digest]`: the worst accounts first, of very many the worst fifty.",
        MAIN + BATCH + OPS + '[digest]\nschedule = "0 9 * * *"\n',
        digest,
    ),
    ("`channels test`", "", MAIN + OPS, self_test),
)


def page() -> Iterator[str]:
    """Yield the page, piece by piece."""
    yield _HEAD
    for heading, remark, text, tell in KINDS:
        yield f"\n## {heading}\n"
        yield f"\n{remark}\n" * bool(remark)
        for message in told(text, tell):
            yield f"\n```\n{message.title}\n\n{message.body}\n```\n"


def told(text: str, tell: Tell) -> list[Message]:
    """Return the messages of one kind."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), ZONE + text, environ={})
        try:
            return tell(world)
        finally:
            world.close()


if __name__ == "__main__":
    sys.stdout.writelines(page())
