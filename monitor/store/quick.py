"""The few statements that every poll makes, put together once.

SQLAlchemy writes them and knows their types; the driver makes them, for a fifth of the CPU time that it takes to go
through all of SQLAlchemy anew. Statements that are seldom made have no need of this.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Select, Update
from sqlalchemy.dialects.sqlite import dialect

from monitor.store import schema
from monitor.store.engine import raw
from monitor.store.mirror import FOLLOWED, NOTES, Note

_DIALECT = dialect()
_Process = Callable[[Any], Any] | None


class Quick:
    """A statement with named values: those of its own, and those that it is given each time."""

    def __init__(self, statement: "Select[Any] | Insert | Update") -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._sql = compiled.string
        self._names = list(compiled.positiontup or ())
        self._writes = _there(_writes(compiled.binds[name].type) for name in self._names)
        """What must be written as something that SQLite knows, by its place."""
        self._own = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        self._is_followed = not isinstance(statement, Select) and statement.table in FOLLOWED
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row: Any = namedtuple("_row", [column.name for column in columns])  # type: ignore[misc]  # noqa: PYI024 - made of a query's columns
        self._reads = _there(_reads(column.type) for column in columns)
        """What must be read as more than SQLite knows."""

    def run(self, tx: Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Make it within a transaction."""
        every = {**self._own, **values}
        parameters = _through(self._writes, [every[name] for name in self._names])
        if self._is_followed and (notes := tx.info.get(NOTES)) is not None:
            notes.append(Note(self._sql, parameters, many=False))
        return raw(tx).execute(self._sql, parameters)

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Return what a query finds, each row with its columns as attributes."""
        return [self._read(row) for row in self.run(tx, values).fetchall()]

    def _read(self, row: Sequence[Any]) -> Any:  # noqa: ANN401 - see above
        return self._row._make(_through(self._reads, list(row)))


_Processes = Sequence[tuple[int, Callable[[Any], Any]]]


def _there(processes: Iterable[_Process]) -> _Processes:
    return [(place, process) for place, process in enumerate(processes) if process is not None]


def _through(processes: _Processes, values: list[Any]) -> list[Any]:
    """Process those values that need it; None is NULL whatever the type."""
    for place, process in processes:
        if values[place] is not None:
            values[place] = process(values[place])
    return values


def _writes(kind: Any) -> _Process:  # noqa: ANN401 - a type of SQLAlchemy's
    if type(kind) in schema.PLAIN:
        return schema.PLAIN[type(kind)][0]
    process: _Process = kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return process


def _reads(kind: Any) -> _Process:  # noqa: ANN401 - a type of SQLAlchemy's
    if type(kind) in schema.PLAIN:
        return schema.PLAIN[type(kind)][1]
    process: _Process = kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    return process
