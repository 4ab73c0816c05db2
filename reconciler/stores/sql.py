"""The SQL store, through SQLAlchemy Core: SQLite here; what differs between databases stands in `engines`.

One transaction a write. A tenant's fingerprint is taken of the rows themselves, inside the transaction that writes, so
that a row that was changed behind our back is found like any other.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from reconciler.model.entity import Entity, State, state_fingerprint
from reconciler.model.keys import EntityId
from reconciler.stores import schema
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    EntityWrite,
    Move,
    Outcome,
    Record,
    Snapshot,
    Stale,
    StoreError,
)

CHUNK = 500
"""Rows a statement; well below every database's bound on parameters."""


class SqlReader:
    """The half that planning gets: it has no method that writes, and its connections cannot."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self._where = where

    def tenants(self) -> Sequence[str]:
        with self._reading() as connection:
            return list(connection.scalars(select(schema.entities.c.tenant).distinct().order_by("tenant")))

    def observe(self, tenant: str) -> Snapshot:
        with self._reading() as connection:
            return _snapshot(connection, tenant, self._where)

    def moved_since(self, tenant: str, revision: int) -> Sequence[Move]:
        with self._reading() as connection:
            return _moves(connection, tenant, revision)

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        query = select(schema.journal).order_by(schema.journal.c.id)
        if tenant is not None:
            query = query.where(schema.journal.c.tenant == tenant)
        with self._reading() as connection:
            return [_record(row) for row in connection.execute(query)]

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One transaction, so that what is read is of one moment."""
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The database's errors as ours. The statement and its parameters are not repeated: they hold tenants' data."""
        try:
            yield
        except DBAPIError as error:
            raise StoreError(f"{self._where}: {error.orig}") from error


class SqlStore(SqlReader):
    """The whole store."""

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        with self._reading() as connection:
            applied = _applied_at(connection, record.tenant, record.plan)
            if applied is not None:
                return AlreadyApplied(applied)
            now = _snapshot(connection, record.tenant, self._where)
            if now.fingerprint != expected:
                return Stale(now.fingerprint, tuple(_moves(connection, record.tenant, revision)))
            done = _write(connection, now, writes, actor=record.by, at=record.at)
            connection.execute(insert(schema.journal), [_journal_row(record)])
            return done

    def overwrite(self, tenant: str, writes: Sequence[EntityWrite], *, actor: str, at: str) -> Committed:
        with self._reading() as connection:
            return _write(connection, _snapshot(connection, tenant, self._where), writes, actor=actor, at=at)


def _snapshot(connection: Connection, tenant: str, where: str) -> Snapshot:
    table = schema.entities
    rows = connection.execute(select(table).where(table.c.tenant == tenant))
    entities = {EntityId(row.kind, row.key): _entity(row, where) for row in rows}
    revision = connection.scalar(select(schema.tenants.c.revision).where(schema.tenants.c.tenant == tenant))
    return Snapshot(tenant, entities, state_fingerprint(entities), revision or 0)


def _entity(row: Any, where: str) -> Entity:
    try:
        body = orjson.loads(row.body)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{where}: the body of {row.tenant}/{row.kind}/{row.key} is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise StoreError(f"{where}: the body of {row.tenant}/{row.kind}/{row.key} is not a map")
    return Entity(EntityId(row.kind, row.key), body, row.origin)


def _moves(connection: Connection, tenant: str, revision: int) -> list[Move]:
    table = schema.moves
    query = select(table).where(table.c.tenant == tenant, table.c.revision > revision).order_by(table.c.id)
    return [Move(row.revision, EntityId(row.kind, row.key), row.actor, row.at) for row in connection.execute(query)]


def _applied_at(connection: Connection, tenant: str, plan: str) -> str | None:
    table = schema.journal
    return connection.scalar(select(table.c.at).where(table.c.tenant == tenant, table.c.plan == plan))


def _write(
    connection: Connection, before: Snapshot, writes: Sequence[EntityWrite], *, actor: str, at: str
) -> Committed:
    tenant, revision = before.tenant, before.revision + 1
    for start in range(0, len(writes), CHUNK):
        _write_rows(connection, tenant, writes[start : start + CHUNK])
    _set_revision(connection, tenant, revision)
    rows = [
        {
            "tenant": tenant,
            "revision": revision,
            "kind": each.entity.kind,
            "key": each.entity.key,
            "actor": actor,
            "at": at,
        }
        for each in writes
    ]
    if rows:
        connection.execute(insert(schema.moves), rows)
    return Committed(state_fingerprint(_after(before.entities, writes)), revision)


def _after(state: State, writes: Sequence[EntityWrite]) -> State:
    after = {**state, **{each.entity: each.after for each in writes if each.after is not None}}
    for each in writes:
        if each.after is None:
            after.pop(each.entity, None)
    return after


def _write_rows(connection: Connection, tenant: str, writes: Sequence[EntityWrite]) -> None:
    """Every written row anew: a removal of what was there, then what is there now."""
    table = schema.entities
    for each in writes:
        here = (table.c.tenant == tenant, table.c.kind == each.entity.kind, table.c.key == each.entity.key)
        connection.execute(delete(table).where(*here))
    rows = [_entity_row(tenant, each.after) for each in writes if each.after is not None]
    if rows:
        connection.execute(insert(table), rows)


def _entity_row(tenant: str, entity: Entity) -> dict[str, Any]:
    return {
        "tenant": tenant,
        "kind": entity.id.kind,
        "key": entity.id.key,
        "origin": entity.origin,
        "body": orjson.dumps(entity.body, option=orjson.OPT_SORT_KEYS).decode(),
    }


def _set_revision(connection: Connection, tenant: str, revision: int) -> None:
    table = schema.tenants
    changed = connection.execute(update(table).where(table.c.tenant == tenant).values(revision=revision))
    if changed.rowcount == 0:
        connection.execute(insert(table).values(tenant=tenant, revision=revision))


def _journal_row(record: Record) -> dict[str, Any]:
    return {
        "tenant": record.tenant,
        "plan": record.plan,
        "at": record.at,
        "by": record.by,
        "commit": record.commit,
        "changes": orjson.dumps(list(record.changes)).decode(),
        "notes": orjson.dumps(record.notes).decode(),
    }


def _record(row: Any) -> Record:
    changes = tuple(orjson.loads(row.changes))
    return Record(row.tenant, row.plan, row.at, row.by, row.commit, changes, orjson.loads(row.notes))
