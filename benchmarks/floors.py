"""The floors: bare loops over the same bytes or rows, each a script of its own: `floors.py NAME ARGUMENTS…`.

They import what they need and nothing of the reconciler. Rows lie in tables of their own, made by `fill`.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any

UPSERT = (
    "INSERT INTO entities VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (tenant, kind, key) DO UPDATE SET origin = excluded.origin, body = excluded.body"
)
TABLES = (
    "CREATE TABLE IF NOT EXISTS entities (tenant TEXT, kind TEXT, key TEXT, origin TEXT, body TEXT NOT NULL,"
    " PRIMARY KEY (tenant, kind, key))",
    "CREATE TABLE IF NOT EXISTS digests (tenant TEXT, kind TEXT, key TEXT, digest BLOB NOT NULL,"
    " PRIMARY KEY (tenant, kind, key)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS journal (tenant TEXT, changes TEXT NOT NULL)",
)


def events(folder: str) -> None:
    """The C parser alone over a catalog's files, event by event."""
    from _ruamel_yaml import CParser  # noqa: PLC0415 - each floor pays for what it uses
    from ruamel.yaml.events import StreamEndEvent  # noqa: PLC0415

    for data in _contents(folder):
        read: Callable[[], object] = CParser(data).get_event
        while read().__class__ is not StreamEndEvent:
            pass


def values(folder: str) -> None:
    """PyYAML's C loader over a catalog's files, all of it kept, as a plan needs it."""
    yaml: Any = import_module("yaml")
    kept = [list(yaml.load_all(data, Loader=yaml.CSafeLoader)) for data in _contents(folder)]
    assert kept


def digests(folder: str, database: str) -> None:
    """A digest of every file's bytes, and every entity's digest as it is stored."""
    assert all(blake2b(data, digest_size=32).digest() for data in _contents(folder))
    for _ in _rows(database, "SELECT kind, key, digest FROM digests"):
        pass


def both_sides(folder: str, database: str) -> None:
    """The events of the catalog's files, and the body of every entity decoded."""
    import orjson  # noqa: PLC0415

    events(folder)
    for _, _, body in _rows(database, "SELECT kind, key, body FROM entities"):
        orjson.loads(body)


def every_body(database: str) -> None:
    """Every body read, decoded and hashed."""
    import orjson  # noqa: PLC0415

    for _, _, body in _rows(database, "SELECT kind, key, body FROM entities"):
        orjson.loads(body)
        blake2b(body.encode(), digest_size=32).digest()


def write(database: str, rows: str, first: str, number: str, journal: str) -> None:
    """The rows of `rows` into each of so many tenants from `first` on, one durable transaction a tenant.

    As all or nothing as an apply's. ``journal``: "journal", or "" for the rows alone.
    """
    tenants, changed, record = _work(rows, first, int(number))
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    for tenant in tenants:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(UPSERT, [(tenant, *row) for row in changed])
        if journal:
            connection.execute("INSERT INTO journal VALUES (?, ?)", (tenant, record))
        connection.execute("COMMIT")


def copy(url: str, rows: str, first: str, number: str) -> None:
    """The same rows, journal included, into PostgreSQL by COPY, one transaction a tenant."""
    psycopg: Any = import_module("psycopg")
    tenants, changed, record = _work(rows, first, int(number))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS floor_entities, floor_journal")
        connection.execute(
            "CREATE TABLE floor_entities"
            " (tenant text, kind text, key text, origin text, body text, PRIMARY KEY (tenant, kind, key))"
        )
        connection.execute("CREATE TABLE floor_journal (tenant text, changes text)")
        for tenant in tenants:
            with connection.transaction(), connection.cursor() as cursor:
                with cursor.copy("COPY floor_entities FROM STDIN") as into:
                    for row in changed:
                        into.write_row((tenant, *row))
                cursor.execute("INSERT INTO floor_journal VALUES (%s, %s)", (tenant, record))


def _work(rows: str, first: str, number: int) -> tuple[list[str], list[tuple[str, ...]], str]:
    """The tenants, the rows of each (kind, key, origin, body), and the text of the journal's record of them."""
    import orjson  # noqa: PLC0415

    changed = [tuple(row) for row in orjson.loads(Path(rows).read_bytes())]
    # The body before and after: an apply's record says more.
    record = "".join(f'{{"before":{body},"after":{body}}}' for *_, body in changed)
    if number == 1:
        return [first], changed, record
    return [f"r{at:04d}" for at in range(1, 1 + number)], changed, record


def _contents(folder: str) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(Path(folder).rglob("*.yaml")) if ".reconcile" not in path.parts)


def _rows(database: str, query: str) -> Iterable[Any]:
    return sqlite3.connect(f"{Path(database).absolute().as_uri()}?mode=ro", uri=True).execute(query)


FLOORS: dict[str, Callable[..., None]] = {
    floor.__name__: floor for floor in (events, values, digests, both_sides, every_body, write, copy)
}

if __name__ == "__main__":
    FLOORS[sys.argv[1]](*sys.argv[2:])
