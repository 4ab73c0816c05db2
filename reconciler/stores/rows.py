"""Writing many rows at once, as each database does it fastest.

PostgreSQL: COPY, and to write over rows, DELETE and COPY. From a dozen rows on that is faster than a statement a row,
and always than a temporary table with ON CONFLICT, which would leave its traces in the catalog (docs/decisions/014).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ClauseElement, Connection, Table, bindparam, delete
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]
"""A value for each column, the same columns in all rows of one call."""


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, in their order."""
    if _is_postgresql(connection):
        _copy(connection, table, rows)
    else:
        _execute_many(connection, table.insert().inline(), rows)


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, over those of the same primary key; no key may stand twice."""
    if _is_postgresql(connection):
        delete_rows(connection, table, rows)
        _copy(connection, table, rows)
    else:
        made = sqlite.insert(table)
        rest = {column.name: made.excluded[column.name] for column in table.columns if not column.primary_key}
        over = made.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest)
        _execute_many(connection, over, rows)


def delete_rows(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Remove rows by their primary keys, which are text; one that is not there is no harm."""
    if _is_postgresql(connection):
        _delete_at_once(connection, table, keys)
    else:
        names = [column.name for column in table.primary_key]
        statement = delete(table).where(*(table.c[name] == bindparam(f"its_{name}") for name in names))
        _execute_many(connection, statement, [{f"its_{name}": key[name] for name in names} for key in keys])


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _execute_many(connection: Connection, statement: ClauseElement, rows: Sequence[Row]) -> None:
    """Once for each row, handed to the driver as it is: through ``execute``, thousands of rows cost twice as much."""
    if not rows:
        return
    compiled = cast(SQLCompiler, statement.compile(dialect=connection.dialect, column_keys=list(rows[0])))
    names = compiled.positiontup
    assert names is not None, "SQLite counts its parameters"
    connection.exec_driver_sql(str(compiled), [tuple(row[name] for name in names) for row in rows])


def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """By the driver: SQLAlchemy has no word for COPY."""
    if not rows:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = list(rows[0])
    driver: Any = connection.connection.driver_connection
    copying = f"COPY {quote(table.name)} ({', '.join(map(quote, names))}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(copying) as copy:
        for row in rows:
            copy.write_row([row[name] for name in names])


def _delete_at_once(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    if not keys:
        return
    quote = connection.dialect.identifier_preparer.quote
    names = [column.name for column in table.primary_key]
    columns = ", ".join(map(quote, names))
    lists = ", ".join(["%s::text[]"] * len(names))
    connection.exec_driver_sql(
        f"DELETE FROM {quote(table.name)} AS kept USING unnest({lists}) AS gone ({columns}) "
        f"WHERE {' AND '.join(f'kept.{quote(name)} = gone.{quote(name)}' for name in names)}",
        tuple(_array(key[name] for key in keys) for name in names),
    )


def _array(texts: Iterable[str]) -> str:
    """As PostgreSQL writes it; the driver takes ten times as long."""
    return "{" + ",".join('"' + text.replace("\\", r"\\").replace('"', r"\"") + '"' for text in texts) + "}"
