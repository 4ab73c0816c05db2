"""A PostgreSQL schema with some tenants, and what is written to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from threading import Thread
from time import sleep
from typing import Any

from reconciler.stores.base import TenantStore
from reconciler.stores.sql.postgresql_databases import PostgresqlReading, PostgresqlWriting
from reconciler.stores.sql.postgresql_databases import Server as Address
from reconciler.stores.sql.store import SqlReader, SqlStore
from tests.contract.samples import commit, contents, plan, put, record, remove
from tests.postgresql import Server

WRITES = [
    *put(*(plan(f"p{number:02}", "7.00") for number in range(10)), *(plan(f"new-{number}") for number in range(10))),
    *remove(*(plan(f"p{number:02}") for number in range(10, 15))),
]
SECOND = record("contoso", "2", changes=[{"address": "contoso/plan/p01"}])


def fill(server: Server, schema: str) -> str:
    with closing(writer(server.url(schema))) as store:
        commit(store, record("contoso", "1"), put(*(plan(f"p{number:02}") for number in range(20))))
        commit(store, record("fabrikam", "1"), put(plan("basic")))
    return schema


def writer(url: str, busy_seconds: float = 5) -> TenantStore:
    return SqlStore(PostgresqlWriting(Address(url, "the database"), busy_seconds))


def reader(url: str, busy_seconds: float = 5) -> SqlReader:
    return SqlReader(PostgresqlReading(Address(url, "the database"), busy_seconds))


def held(server: Server, schema: str) -> Mapping[str, Any]:
    """All that is there."""
    with closing(reader(server.url(schema))) as store:
        return contents(store)


def start_and_wait_for_a_lock(other: Thread, server: Server) -> None:
    """Until the other thread, started here, waits for somebody in the server."""
    other.start()
    for _ in range(500):
        if server.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            return
        sleep(0.01)
    raise AssertionError("nobody waits for a lock")
