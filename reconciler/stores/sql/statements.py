"""Frequent statements, compiled once per database and passed directly to its driver.

SQLAlchemy's execution costs more than the small queries of a write themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from sqlalchemy import ClauseElement, Connection
from sqlalchemy.sql.compiler import SQLCompiler

Row: TypeAlias = Mapping[str, Any]
"""Values by column or parameter name."""


@dataclass(frozen=True, slots=True)
class Statement:
    """``clause``: its parameters are `bindparam`s, of text and whole numbers.

    ``columns``: those that an INSERT fills.
    """

    clause: ClauseElement
    columns: tuple[str, ...] | None = None
    _compiled: dict[str, tuple[str, tuple[str, ...] | None]] = field(default_factory=dict)

    def rows(self, connection: Connection, **values: Any) -> Sequence[tuple[Any, ...]]:
        """All rows, as the driver returns them."""
        sql, names = self._for(connection)
        found: Any = connection.exec_driver_sql(sql, _arguments(names, values)).cursor
        return cast(Sequence[tuple[Any, ...]], found.fetchall())

    def run(self, connection: Connection, **values: Any) -> None:
        """Run a statement without results."""
        sql, names = self._for(connection)
        connection.exec_driver_sql(sql, _arguments(names, values))

    def run_each(self, connection: Connection, rows: Iterable[Row]) -> None:
        """Run the statement once per row."""
        sql, names = self._for(connection)
        if arguments := [_arguments(names, row) for row in rows]:
            connection.exec_driver_sql(sql, cast(Any, arguments))

    def _for(self, connection: Connection) -> tuple[str, tuple[str, ...] | None]:
        """The SQL text, and the parameter names if parameters are positional."""
        dialect = connection.dialect
        if dialect.name not in self._compiled:
            made = cast(SQLCompiler, self.clause.compile(dialect=dialect, column_keys=self.columns))
            self._compiled[dialect.name] = str(made), tuple(made.positiontup) if made.positiontup else None
        return self._compiled[dialect.name]


def _arguments(names: tuple[str, ...] | None, values: Row) -> Any:
    return dict(values) if names is None else tuple([values[name] for name in names])
