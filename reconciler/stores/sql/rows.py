"""Writes many rows at once, in the fastest way of each database.

PostgreSQL: COPY, and to write over rows, DELETE and COPY. From a dozen rows on that is faster than a statement a row,
and always than a temporary table with ON CONFLICT, which would leave its traces in the catalog (docs/decisions/014).
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, delete
from sqlalchemy.dialects import sqlite

from reconciler.stores.sql.statements import Row, Statement


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows in order; all must have the same columns."""
    if _is_postgresql(connection):
        _copy(connection, table, rows)
    elif rows:
        _insert(table, tuple(rows[0])).run_each(connection, rows)


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert or replace rows by primary key; no key may occur twice."""
    if _is_postgresql(connection):
        delete_rows(connection, table, rows)
        _copy(connection, table, rows)
    elif rows:
        _upsert(table, tuple(rows[0])).run_each(connection, rows)


def delete_rows(connection: Connection, table: Table, keys: Sequence[Row]) -> None:
    """Delete rows by primary key (text); missing ones are ignored."""
    if _is_postgresql(connection):
        _delete_at_once(connection, table, keys)
    elif keys:
        _delete(table).run_each(connection, keys)


@cache
def _insert(table: Table, columns: tuple[str, ...]) -> Statement:
    return Statement(table.insert().inline(), columns)


@cache
def _upsert(table: Table, columns: tuple[str, ...]) -> Statement:
    made = sqlite.insert(table).inline()
    rest = {column.name: made.excluded[column.name] for column in table.columns if not column.primary_key}
    return Statement(made.on_conflict_do_update(index_elements=list(table.primary_key), set_=rest), columns)


@cache
def _delete(table: Table) -> Statement:
    return Statement(delete(table).where(*(column == bindparam(column.name) for column in table.primary_key)))


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Through the driver, since SQLAlchemy does not support COPY."""
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
        tuple(_array([key[name] for key in keys]) for name in names),
    )


def _array(texts: Sequence[str]) -> str:
    """An array literal as PostgreSQL writes it. The driver's own conversion takes ten times as long."""
    values = '","'.join(texts)
    if "\\" in values or values.count('"') != 2 * (len(texts) - 1):
        values = '","'.join([text.replace("\\", r"\\").replace('"', r"\"") for text in texts])
    return f'{{"{values}"}}'
