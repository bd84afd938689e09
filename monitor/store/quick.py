"""The few statements that every poll makes, put together once.

SQLAlchemy writes them and knows their types; the driver makes them, for a fifth of the CPU time that it takes to go
through all of SQLAlchemy anew. Statements that are seldom made have no need of this.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Select, Update
from sqlalchemy.dialects.sqlite import dialect

from monitor.store.mirror import FOLLOWED, NOTES, Note, raw

_DIALECT = dialect()
_Process = Callable[[Any], Any] | None


class Quick:
    """A statement with named values: those of its own, and those that it is given each time."""

    def __init__(self, statement: "Select[Any] | Insert | Update") -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self._sql = compiled.string
        self._given = [(name, _writes(compiled.binds[name].type)) for name in compiled.positiontup or ()]
        self._own = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
        self._is_followed = not isinstance(statement, Select) and statement.table in FOLLOWED
        columns = list(statement.selected_columns) if isinstance(statement, Select) else []
        self._row: Any = namedtuple("_row", [column.name for column in columns])  # type: ignore[misc]  # noqa: PYI024 - made of a query's columns
        reads = [_reads(column.type) for column in columns]
        self._reads = [(place, read) for place, read in enumerate(reads) if read is not None]
        """What must be read as more than SQLite knows."""

    def run(self, tx: Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Make it within a transaction."""
        every = {**self._own, **values}
        parameters = [every[name] if write is None else write(every[name]) for name, write in self._given]
        if self._is_followed and (notes := tx.info.get(NOTES)) is not None:
            notes.append(Note(self._sql, parameters, many=False))
        return raw(tx).execute(self._sql, parameters)

    def rows(self, tx: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Return what a query finds, each row with its columns as attributes."""
        return [self._read(row) for row in self.run(tx, values).fetchall()]

    def _read(self, row: Sequence[Any]) -> Any:  # noqa: ANN401 - see above
        found = list(row)
        for place, read in self._reads:
            if found[place] is not None:  # as None as it is in SQL
                found[place] = read(found[place])
        return self._row._make(found)


def _writes(kind: Any) -> _Process:  # noqa: ANN401 - a type of SQLAlchemy's
    process: _Process = kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return process


def _reads(kind: Any) -> _Process:  # noqa: ANN401 - a type of SQLAlchemy's
    process: _Process = kind.dialect_impl(_DIALECT).result_processor(_DIALECT, None)
    return process
