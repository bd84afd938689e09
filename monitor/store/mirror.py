"""A copy in memory of all that decisions and deliveries need, exact after every transaction.

While the disk works it only follows: the statements that changed the file are made here again. When the disk fails,
the same code runs on it instead, and what happened meanwhile is written back when the disk works again. History that
is already on the disk is not in it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Engine, Table, create_engine, event
from sqlalchemy.pool import StaticPool

from monitor.store import schema
from monitor.store.engine import raw

STATE = (
    schema.accounts,
    schema.figures,
    schema.states,
    schema.told,
    schema.later,
    schema.channels,
    schema.daemon,
    schema.digest,
)
"""Tables that are written back whole."""
CASES = (schema.alerts, schema.outbox)
"""Tables of which only a part is here: written back row by row."""
ASKED = (schema.snoozes,)
"""Tables in which people ask for something: what the disk has counts."""
SUMS = (schema.hours,)
"""Tables of which only the latest rows are here, each of them whole: they take the place of those on the disk."""
FOLLOWED = (*STATE, *CASES, *ASKED, *SUMS)
"""Tables that are here as they are on the disk."""
HISTORY = (schema.readings, schema.failures, schema.deliveries)
"""Tables that begin empty here, and whose rows are appended to those on the disk."""
COMMANDED = (schema.outbox, schema.channels, schema.snoozes)
"""Tables that commands of other processes write."""

_MOST_HISTORY = 100_000
"""Rows of each table of history that memory holds while the disk fails; the oldest go first."""
_KEPT_HOURS = 7 * 86_400_000_000
"""Microseconds of hours that it holds meanwhile."""
_TURNS = 5000
"""So many transactions between two clearings."""
_KEPT_DAYS = 3
_RECENT = f"COALESCE(settled_at, decided_at) >= (SELECT MAX(decided_at) FROM outbox) - {_KEPT_DAYS * 86_400_000_000}"
"""Younger than anything that may still be asked of: messages are given up after two days."""
_LIVE = {
    schema.alerts.name: "ended_at IS NULL",
    schema.outbox.name: f"state IN ('waiting', 'given_up') OR {_RECENT}",
    schema.hours.name: "start >= COALESCE((SELECT until FROM figures WHERE account = hours.account), 0)",
}
_FROM = {schema.hours.name: "figures CROSS JOIN hours ON hours.account = figures.account AND start >= until"}
"""How to find what is live without looking at every row of years."""
_END_RUNS = "UPDATE accounts SET reading_id = NULL, failure_id = NULL"
"""Ids of runs here and on the disk have nothing to do with each other."""
_MARKS = {len(table.columns): ", ".join("?" * len(table.columns)) for table in (*FOLLOWED, *HISTORY)}


PARTIAL = "partial"
"""In the ``info`` of a connection to which only what is live is known."""
NOTES = "notes"
"""Where a connection's ``info`` has the list of what it changed, if anybody follows."""


@dataclass(frozen=True, slots=True)
class Note:
    """A statement that changed the disk."""

    statement: str
    parameters: Any
    many: bool


class Notes:
    """What the present transaction of a disk's engine has changed so far."""

    def __init__(self, engine: Engine) -> None:
        self.taken: list[Note] = []
        event.listen(engine, "begin", lambda _connection: self.taken.clear())
        event.listen(engine, "after_cursor_execute", self._take)

    def _take(self, *told: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own, by position
        _connection, _cursor, statement, parameters, context, many = told
        if not (context.isinsert or context.isupdate or context.isdelete) or context.compiled is None:
            return
        if getattr(context.compiled.statement, "table", None) in FOLLOWED:
            self.taken.append(Note(statement, parameters, many))


class Mirror:
    """The copy; used by one thread at a time."""

    def __init__(self) -> None:
        arguments = {"check_same_thread": False}
        self._engine = create_engine("sqlite://", poolclass=StaticPool, connect_args=arguments, hide_parameters=True)
        event.listen(self._engine, "connect", _leave_transactions_to_us)
        event.listen(self._engine, "begin", lambda connection: raw(connection).execute("BEGIN"))
        self.connection = self._engine.connect()
        self.connection.info[PARTIAL] = True
        schema.metadata.create_all(self._engine, checkfirst=False)
        self._raw: sqlite3.Connection = raw(self.connection)
        self._turns = 0
        self.most, self.every = _MOST_HISTORY, _TURNS
        self.knew_all = True
        """Whether all that is live on the disk was read when this began."""

    def load(self, disk: sqlite3.Connection, tables: Iterable[Table] = FOLLOWED) -> None:
        """Take over what is live on the disk."""
        for table in tables:
            self.take(read(disk, [table]))

    def salvage(self, disk: sqlite3.Connection) -> bool:
        """Take over what a damaged file still has, table by table; say whether that was all of it."""
        is_all = True
        for table in FOLLOWED:
            try:
                self.load(disk, [table])
            except sqlite3.Error:
                is_all = False
        return is_all

    def take(self, found: "Rows") -> None:
        """Take over what was read."""
        for table, rows in found:
            self._in_one(partial(self._replace, table, rows))

    def _replace(self, table: Table, rows: Sequence[Any]) -> None:
        self._raw.execute(f"DELETE FROM {table.name}")
        self._raw.executemany(_insert(table), rows)

    def follow(self, notes: Sequence[Note]) -> None:
        """Make here what a transaction has just made on the disk."""
        if notes:
            self._in_one(partial(self._repeat, notes))
        self._turns += 1
        if self._turns % self.every == 0:
            self.prune()

    def _repeat(self, notes: Sequence[Note]) -> None:
        for note in notes:
            execute = self._raw.executemany if note.many else self._raw.execute
            execute(note.statement, note.parameters)

    def prune(self) -> None:
        """Drop what is over: the disk has it."""
        for table, where in _LIVE.items():
            self._raw.execute(f"DELETE FROM {table} WHERE NOT ({where})")

    def take_over(self) -> None:
        """Get ready to stand in for the disk: runs of readings begin anew, since the old ones are there."""
        self._raw.execute(_END_RUNS)

    def bound(self) -> None:
        """Let history not fill the memory: the oldest rows go."""
        self._turns += 1
        if self._turns % self.every == 0:
            for table in HISTORY:
                newest = f"(SELECT MAX(id) FROM {table.name})"
                self._raw.execute(f"DELETE FROM {table.name} WHERE id <= {newest} - {self.most}")
            self._raw.execute(f"DELETE FROM hours WHERE start < (SELECT MAX(start) FROM hours) - {_KEPT_HOURS}")

    def come_home(self, found: "Rows") -> None:
        """Follow the disk again, after all was written back to it; what is not known here was read from it."""
        for table in HISTORY:
            self._raw.execute(f"DELETE FROM {table.name}")
        self.take_over()
        self.take(found)
        self.knew_all = True

    def copy(self) -> sqlite3.Connection:
        """Return a copy of this copy, for a thread that the disk may hold up; close it after use."""
        other = sqlite3.connect(":memory:", check_same_thread=False)
        self._raw.backup(other)
        return other

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()
        self._engine.dispose()

    def _in_one(self, act: Callable[[], object]) -> None:
        self._raw.execute("BEGIN")
        try:
            act()
        except BaseException:
            self._raw.execute("ROLLBACK")
            raise
        self._raw.execute("COMMIT")


Rows = Sequence[tuple[Table, Sequence[Any]]]
"""What is live, table by table."""


def read(disk: sqlite3.Connection, tables: Iterable[Table]) -> Rows:
    """Read what is live on the disk."""
    return [(table, disk.execute(_live(table)).fetchall()) for table in tables]


def _live(table: Table) -> str:
    if table.name in _FROM:
        columns = ", ".join(f"{table.name}.{column.name}" for column in table.columns)
        return f"SELECT {columns} FROM {_FROM[table.name]}"
    return f"SELECT {_columns(table)} FROM {table.name} WHERE {_LIVE.get(table.name, '1')}"


def write_back(copy: sqlite3.Connection, disk: sqlite3.Connection, *, knew_all: bool = True) -> None:
    """Write all that happened in memory to the disk, within the caller's transaction.

    What waits or is open on the disk and unknown to memory comes from a transaction that was taken for lost and made
    again: it is superseded. What a command settled on the disk meanwhile, or let wait anew, stays so. If memory did not
    know all of the disk when it began, what it does not know goes on instead: people were told, or are yet to be.
    """
    for table in STATE:
        if knew_all:
            disk.execute(f"DELETE FROM {table.name}")
        disk.executemany(_insert(table, "INSERT OR REPLACE"), _states(copy, disk, table))
    disk.execute(_END_RUNS)
    for table in ASKED:
        disk.executemany(_insert(table, "INSERT OR IGNORE"), _rows(copy, table))
    for table in SUMS:
        disk.executemany(_insert(table, "INSERT OR REPLACE"), _rows(copy, table))
    _write_alerts(copy, disk)
    _write_outbox(copy, disk, knew_all=knew_all)
    for table in HISTORY:
        columns = [column.name for column in table.columns if column.name != "id"]
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        rows = copy.execute(f"SELECT {names} FROM {table.name} ORDER BY id")
        disk.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)


def _states(copy: sqlite3.Connection, disk: sqlite3.Connection, table: Table) -> Iterable[Any]:
    """Return the rows to write; where an alert is open on the disk only, the state that it belongs to stays."""
    if table is not schema.states:
        return _rows(copy, table)
    is_open = set(disk.execute("SELECT account, rule FROM states WHERE alert IS NOT NULL"))
    alert = list(table.columns).index(table.c.alert)
    return [row for row in _rows(copy, table) if row[alert] is not None or row[:2] not in is_open]


def _write_alerts(copy: sqlite3.Connection, disk: sqlite3.Connection) -> None:
    known = {row[0] for row in copy.execute("SELECT id FROM alerts")}
    known |= {row[0] for row in disk.execute("SELECT alert FROM states WHERE alert IS NOT NULL")}
    for (one,) in disk.execute("SELECT id FROM alerts WHERE ended_at IS NULL").fetchall():
        if one not in known:
            disk.execute("UPDATE alerts SET ended_at = started_at WHERE id = ?", (one,))
            disk.execute("DELETE FROM told WHERE alert = ?", (one,))
    disk.executemany(_insert(schema.alerts, "INSERT OR REPLACE"), _rows(copy, schema.alerts))


def _write_outbox(copy: sqlite3.Connection, disk: sqlite3.Connection, *, knew_all: bool) -> None:
    columns = [column.name for column in schema.outbox.columns if column.name != "position"]
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    there = dict(disk.execute("SELECT id, state FROM outbox").fetchall())
    retried = _retried(copy, disk)
    rows = copy.execute(f"SELECT {names} FROM outbox ORDER BY position").fetchall()
    known = {row[0] for row in rows}
    disk.executemany(
        f"INSERT INTO outbox ({names}) VALUES ({marks})",
        [row for row in rows if row[0] not in there],
    )
    sets = ", ".join(f"{column} = ?" for column in columns)
    disk.executemany(
        f"UPDATE outbox SET {sets} WHERE id = ?",
        [(*row, row[0]) for row in rows if there.get(row[0]) == "waiting" and row[0] not in retried],
    )
    if not knew_all:
        return
    superseded = [(one,) for one, state in there.items() if state == "waiting" and one not in known]
    disk.executemany("UPDATE outbox SET state = 'dropped', settled_at = decided_at WHERE id = ?", superseded)


def _retried(copy: sqlite3.Connection, disk: sqlite3.Connection) -> set[str]:
    """Return what was given up in memory, and is to be tried anew by a command that knew only the disk."""
    given_up = dict(copy.execute("SELECT id, waits_since FROM outbox WHERE state = 'given_up'").fetchall())
    waiting = disk.execute("SELECT id, waits_since FROM outbox WHERE state = 'waiting'")
    return {one for one, since in waiting if since > given_up.get(one, since)}


def _rows(copy: sqlite3.Connection, table: Table) -> sqlite3.Cursor:
    return copy.execute(f"SELECT {_columns(table)} FROM {table.name}")


def _columns(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def _insert(table: Table, how: str = "INSERT") -> str:
    return f"{how} INTO {table.name} ({_columns(table)}) VALUES ({_MARKS[len(table.columns)]})"


def _leave_transactions_to_us(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
