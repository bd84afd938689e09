"""What the rig makes of it: what receivers got against what happened, and the tables against those without kills."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crash.people import Inbox, News, news_of
from crash.points import IN_FLIGHT, Point
from crash.record import Life, Record


@dataclass(frozen=True, slots=True)
class Repeat:
    """A message that a service took again: first from one life, then from another."""

    channel: str
    place: int
    """Which of the messages that the service took is repeated, perhaps in several parts."""
    life: int
    """The life that sent it before."""
    again: int
    was_last: bool
    """Nothing was taken from that life after it: it may have been in flight at the kill."""
    news: tuple[News, ...]


def repeats(inbox: Inbox) -> list[Repeat]:
    """Return every message that a channel's service took not for the first time."""
    last_of_life = {heard.life: place for place, heard in enumerate(inbox.heard)}
    found, before = list[Repeat](), dict[News, int]()
    for place, heard in enumerate(inbox.heard):
        earlier = {before[news] for news in heard.news if news in before}
        for first in earlier:
            life = inbox.heard[first].life
            found.append(Repeat(inbox.name, first, life, heard.life, last_of_life[life] == first, heard.news))
        before.update(dict.fromkeys(heard.news, place))
    return found


def judge(record: Record) -> list[str]:
    """Return what a run did wrong by what everybody heard, one sentence each."""
    again = {inbox.name: repeats(inbox) for inbox in record.inboxes}
    return [
        *record.troubles,
        *(problem for inbox in record.inboxes for problem in _untold(record, inbox)),
        *(problem for found in again.values() for problem in _repeated(record, found)),
        *_expected(record, again),
        *_as_decided(record),
        *_database(record),
        *_log(record.folder / "log.jsonl"),
    ]


def _order(inbox: Inbox) -> list[News]:
    """Return what a channel heard, each thing once."""
    return list(dict.fromkeys(news for heard in inbox.heard for news in heard.news))


def _untold(record: Record, inbox: Inbox) -> Iterator[str]:
    """Every change of level is told at least once, in order."""
    order = _order(inbox)
    for account, happened in record.happened.items():
        heard = [news for news in order if news.account == account]
        yield from (f"{inbox.name} was never told: {news}" for news in happened if news not in inbox.known)
        yield from (f"{inbox.name} was told what never happened: {news}" for news in heard if news not in happened)
        true = [news for news in heard if news in happened]
        due = [news for news in happened if news in inbox.known]
        yield from (
            f"{inbox.name} was told out of order: {one}" for one, other in zip(true, due, strict=True) if one != other
        )


def _repeated(record: Record, found: Sequence[Repeat]) -> Iterator[str]:
    """Each kill repeats at most the one message in flight."""
    killed = {life.number for life in record.kills}
    for one in found:
        what = f"{one.channel} was told twice of {', '.join(map(str, one.news))}"
        if one.life == one.again:
            yield f"{what}, by one life of the daemon"
        elif one.life not in killed:
            yield f"{what}, though life {one.life} was not killed"
        elif not one.was_last:
            yield f"{what}, which was not in flight when life {one.life} was killed"


def _expected(record: Record, again: dict[str, list[Repeat]]) -> Iterator[str]:
    """Whoever is killed between taken and settled repeats that message; elsewhere on a message's way, none of it."""
    for life in record.kills:
        if life.mark is None or life.mark.about is None:
            continue
        about = life.mark.about
        is_due = about.taken and life.mark.point in IN_FLIGHT
        count = len({one.place for one in again[about.channel] if one.life == life.number})
        if count != is_due:
            yield (
                f"life {life.number}, killed {life.mark.point} ({about.title}), "
                f"led to {count} repeats at {about.channel} instead of {int(is_due)}"
            )


def _as_decided(record: Record) -> Iterator[str]:
    """Each channel hears everything about an account in the order in which it was decided."""
    with closing(sqlite3.connect(f"file:{record.database}?mode=ro", uri=True)) as other:
        for inbox in record.inboxes:
            rows = other.execute(
                "SELECT title, body FROM outbox WHERE channel = ? ORDER BY position", (inbox.name,)
            ).fetchall()
            decided = dict.fromkeys(news for title, body in rows for news in news_of(title, body))
            due = sorted((news for news in decided if news in inbox.known), key=_account)
            heard = sorted((news for news in _order(inbox) if news in decided), key=_account)
            wrong = next((one for one, two in zip(heard, due, strict=True) if one != two), None)
            if wrong is not None:
                yield f"{inbox.name} was told out of the order of the decisions: {wrong}"


def _account(news: News) -> str:
    return news.account


def _database(record: Record) -> Iterator[str]:
    with closing(sqlite3.connect(f"file:{record.database}?mode=ro", uri=True)) as other:
        for (said,) in other.execute("PRAGMA integrity_check"):
            if said != "ok":
                yield f"the database is damaged: {said}"


_BUSY = "polls_overdue"
"""Late by some tens of milliseconds, which is an interval of the sped-up clock: the machine's doing."""


def _log(path: Path) -> Iterator[str]:
    """The daemon itself met nothing that it would call an error."""
    for line in path.read_text().splitlines():
        if not line.startswith("{"):
            yield f"the daemon printed: {line}"
        elif (
            line.endswith("}")
            and (said := json.loads(line))["level"] in {"error", "critical"}
            and said["event"] != _BUSY
        ):
            yield f"the daemon logged an error: {line[:600]}"


def compare(record: Record, reference: Record) -> list[str]:
    """Return what is left in the database otherwise than by the same story without kills."""
    mine, other = remains(record.database), remains(reference.database)
    return [
        f"{table}: {len(mine[table])} rows here and {len(other[table])} without kills, "
        f"first difference: {_difference(mine[table], other[table])}"
        for table in other
        if mine[table] != other[table]
    ]


def _difference(mine: list[Any], other: list[Any]) -> str:
    pairs = zip([*mine, None], [*other, None], strict=False)
    return next((f"{one} instead of {two}" for one, two in pairs if one != two), "")


_TABLES = {
    "states": "SELECT states.account, states.rule, states.level, up_warning, up_critical, down_warning, down_critical, "
    "limits, was, alerts.account, alerts.rule, alerts.ended_at IS NULL "
    "FROM states LEFT JOIN alerts ON alerts.id = states.alert ORDER BY states.account, states.rule",
    "alerts": "SELECT account, rule, level, worst, phrase, ended_at IS NULL FROM alerts "
    "ORDER BY account, rule, started_at",
    "told": "SELECT alerts.account, alerts.rule, channel, told.level "
    "FROM told LEFT JOIN alerts ON alerts.id = told.alert ORDER BY alerts.account, alerts.rule, channel",
    "outbox": "SELECT channel, account, severity, title, state, passed_on, aside_until, changes FROM outbox "
    "ORDER BY channel, account, position",
    "deliveries": "SELECT channel, message IN (SELECT id FROM outbox), count(*) FROM deliveries WHERE error IS NULL "
    "GROUP BY 1, 2 ORDER BY 1, 2",
    "channels": "SELECT name, failures, failing_since, next_attempt_at, gave_up_at, fallback FROM channels "
    "ORDER BY name",
    "accounts": "SELECT name, balance_usd, owner, failing_since, failure_kind, wait_until FROM accounts ORDER BY name",
    "balances": "SELECT account, balance_usd FROM readings ORDER BY account, id",
    "failures": "SELECT account, kind, reason FROM failures",
}


def remains(database: Path) -> dict[str, list[Any]]:
    """Return what is left in a database, ids and times aside."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as other:
        found = {table: [list(row) for row in other.execute(query)] for table, query in _TABLES.items()}
    for row in found["outbox"]:
        row[-1] = [{key: value for key, value in change.items() if key != "alert"} for change in json.loads(row[-1])]
    # A pause ends a run of equal readings, and so does a restart: how many rows there are says nothing.
    found["balances"] = [list(row) for row in dict.fromkeys(map(tuple, found["balances"]))]
    return found


@dataclass(frozen=True, slots=True)
class Figures:
    """A run in numbers."""

    kills: int
    random: int
    hits: Counter[Point]
    changes: int
    messages: int
    taken: int
    """By services, repeats included."""
    repeats: int
    in_flight: int
    """Chosen kills between taken and settled: each leads to one repeat."""


def figures(record: Record) -> Figures:
    """Count."""
    again = [one for inbox in record.inboxes for one in repeats(inbox)]
    taken = sum(len(inbox.heard) for inbox in record.inboxes)
    return Figures(
        kills=len(record.kills),
        random=sum(life.mark is None for life in record.kills),
        hits=record.hits,
        changes=sum(map(len, record.happened.values())),
        messages=taken - len(again),
        taken=taken,
        repeats=len(again),
        in_flight=sum(_in_flight(life) for life in record.kills),
    )


def _in_flight(life: Life) -> bool:
    about = life.mark.about if life.mark else None
    return life.mark is not None and life.mark.point in IN_FLIGHT and about is not None and about.taken
