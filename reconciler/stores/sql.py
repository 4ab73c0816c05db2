"""The SQL store, through SQLAlchemy Core; what differs between databases stands in `engines` and `rows`.

One transaction a write. Digests of entities and a fingerprint of the whole stand beside the rows and are written with
them; a row that was changed behind our back has lost its digest, and its tenant the fingerprint, and both are then
taken of the row itself.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, insert, select, text

from reconciler.model.entity import Entity, fingerprint
from reconciler.model.keys import EntityId
from reconciler.stores import schema
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    Denied,
    EntityWrite,
    Move,
    Outcome,
    Record,
    Refusal,
    Refused,
    Snapshot,
    Stale,
    Standing,
    StoreError,
    TenantWrite,
    guarded,
)
from reconciler.stores.engines import Readable, Writable
from reconciler.stores.rows import delete_rows, insert_rows, upsert_rows


class SqlReader:
    """The half that planning gets: it has no method that writes, and its connections cannot."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    def tenants(self) -> Sequence[str]:
        with self._database.reading() as connection:
            return sorted(connection.scalars(select(schema.entities.c.tenant).distinct())) if connection else []

    def observe(self, tenant: str, *, verify: bool = False) -> Snapshot:
        with self._database.reading() as connection:
            if connection is None:
                return Snapshot(tenant, {}, fingerprint(()), 0)
            kept = _standing(connection, tenant)
            entities = {each.id: each for each in _entities(connection, tenant, self._database.where)}
            now = None if verify else kept.fingerprint
            now = now or fingerprint((id, each.digest()) for id, each in entities.items())
            return Snapshot(tenant, dict(sorted(entities.items())), now, kept.revision)

    def standings(self, tenants: Iterable[str]) -> Mapping[str, Standing]:
        none = Standing(fingerprint(()), 0)
        with self._database.reading() as connection:
            if connection is None:
                return dict.fromkeys(tenants, none)
            rows = {row.tenant: row for row in connection.execute(select(schema.tenants))}
            found: dict[str, Standing] = {}
            for tenant in tenants:
                row = rows.get(tenant)
                if row is None and not _has_rows(connection, tenant):
                    found[tenant] = none
                elif row is not None and row.fingerprint is not None:
                    found[tenant] = Standing(row.fingerprint, row.revision)
            return found

    def moved_since(self, tenant: str, revision: int) -> Sequence[Move]:
        with self._database.reading() as connection:
            return _moves(connection, tenant, revision) if connection else []

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        with self._database.reading() as connection:
            return _records(connection, tenant, self._database.where) if connection else []

    def close(self) -> None:
        self._database.close()


class SqlStore(SqlReader):
    """The whole store."""

    def __init__(self, database: Writable) -> None:
        super().__init__(database)
        self._writable = database

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        part = TenantWrite(record.tenant, tuple(writes), record.by, record.at, expected, revision, record)
        try:
            with self._writable.writing(record.tenant) as connection:
                return self._write_part(connection, part)
        except Refused as refused:
            assert not isinstance(refused.refusal, Denied), "the reconciler itself is not guarded"
            return refused.refusal

    def write(self, parts: Sequence[TenantWrite]) -> tuple[Committed, ...] | Refusal:
        try:
            with self._writable.writing(*(part.tenant for part in parts)) as connection:
                return tuple([self._write_part(connection, part) for part in parts])
        except Refused as refused:
            return refused.refusal

    def _write_part(self, connection: Connection, part: TenantWrite) -> Committed:
        where = self._writable.where
        if part.record is not None:
            applied = _applied_at(connection, part.tenant, part.record.plan)
            if applied is not None:
                raise Refused(AlreadyApplied(applied))
        guarded(part, lambda id: _entity(connection, part.tenant, id, where))
        held = _held(connection, part.tenant, where)
        if held.fingerprint() != part.expected:  # as the rows say that they are; now as they are
            held = _held(connection, part.tenant, where, verify=True)
        if held.fingerprint() != part.expected:
            raise Refused(Stale(held.fingerprint(), tuple(_moves(connection, part.tenant, part.revision))))
        if part.record is not None:
            connection.execute(insert(schema.journal), [_journal_row(part.record)])
        return _write(connection, held, part.writes, actor=part.by, at=part.at)

    def overwrite(self, tenant: str, writes: Sequence[EntityWrite], *, actor: str, at: str) -> Committed:
        with self._writable.writing(tenant) as connection:
            return _write(connection, _held(connection, tenant, self._writable.where), writes, actor=actor, at=at)


@dataclass(frozen=True, slots=True)
class _Held:
    """What a write has to know of a tenant's state: not the bodies. ``unkept``: whose digest is not kept, or wrong."""

    tenant: str
    revision: int
    digests: Mapping[EntityId, str]
    unkept: frozenset[EntityId] = frozenset()

    def fingerprint(self) -> str:
        return fingerprint(self.digests.items())


def _held(connection: Connection, tenant: str, where: str, *, verify: bool = False) -> _Held:
    """``verify``: of the bodies, whatever digests are kept."""
    table = schema.entities
    query = select(table.c.kind, table.c.key, table.c.digest).where(table.c.tenant == tenant)
    kept = {EntityId(kind, key): digest for kind, key, digest in connection.execute(query)}
    found: dict[EntityId, str] = {}
    if verify or None in kept.values():
        without = () if verify else (table.c.digest.is_(None),)
        found = {each.id: each.digest() for each in _entities(connection, tenant, where, *without)}
    unkept = frozenset(id for id, digest in found.items() if kept[id] != digest)
    return _Held(tenant, _standing(connection, tenant).revision, {**kept, **found}, unkept)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a tenant as a whole; no fingerprint, once a row was changed past us."""

    fingerprint: str | None
    revision: int


def _standing(connection: Connection, tenant: str) -> _Kept:
    table = schema.tenants
    query = select(table.c.fingerprint, table.c.revision).where(table.c.tenant == tenant)
    row = connection.execute(query).first()
    return _Kept(row.fingerprint, row.revision) if row else _Kept(None, 0)


def _has_rows(connection: Connection, tenant: str) -> bool:
    """Of a tenant to which nobody ever wrote by us."""
    query = select(schema.entities.c.key).where(schema.entities.c.tenant == tenant).limit(1)
    return connection.execute(query).first() is not None


def _entities(connection: Connection, tenant: str, where: str, *which: ColumnElement[bool]) -> Iterator[Entity]:
    table = schema.entities
    query = select(table.c.kind, table.c.key, table.c.origin, table.c.body).where(table.c.tenant == tenant, *which)
    for kind, key, origin, body in connection.execute(query).all():
        yield Entity(EntityId(kind, key), _json(body, dict, f"{where}: the body of {tenant}/{kind}/{key}"), origin)


def _entity(connection: Connection, tenant: str, id: EntityId, where: str) -> Entity | None:
    table = schema.entities
    query = select(table.c.origin, table.c.body).where(
        table.c.tenant == tenant, table.c.kind == id.kind, table.c.key == id.key
    )
    for origin, body in connection.execute(query):
        return Entity(id, _json(body, dict, f"{where}: the body of {tenant}/{id.kind}/{id.key}"), origin)
    return None


def _json(text: str, kind: type, what: str) -> Any:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise StoreError(f"{what} is damaged: it is not JSON ({error})") from error
    if not isinstance(value, kind):
        raise StoreError(f"{what} is damaged: it is not a {'map' if kind is dict else 'list'}")
    return value


def _moves(connection: Connection, tenant: str, revision: int) -> list[Move]:
    table = schema.moves
    query = select(table).where(table.c.tenant == tenant, table.c.revision > revision).order_by(table.c.id)
    return [Move(row.revision, EntityId(row.kind, row.key), row.actor, row.at) for row in connection.execute(query)]


def _applied_at(connection: Connection, tenant: str, plan: str) -> str | None:
    table = schema.journal
    return connection.scalar(select(table.c.at).where(table.c.tenant == tenant, table.c.plan == plan))


def _write(connection: Connection, held: _Held, writes: Sequence[EntityWrite], *, actor: str, at: str) -> Committed:
    revision = held.revision + 1
    last = {each.entity: each.after for each in writes}
    gone = [_key(held.tenant, id) for id, after in last.items() if after is None]
    new = {id: after.digest() for id, after in last.items() if after is not None}
    here = [_entity_row(held.tenant, after, new[id]) for id, after in last.items() if after is not None]
    move = {"tenant": held.tenant, "revision": revision, "actor": actor, "at": at}
    delete_rows(connection, schema.entities, gone)
    upsert_rows(connection, schema.entities, here)
    insert_rows(connection, schema.moves, [{**move, "kind": kind, "key": key} for kind, key in last])
    digests = {id: digest for id, digest in held.digests.items() if id not in last} | new
    unkept = [{**_key(held.tenant, id), "digest": digests[id]} for id in sorted(held.unkept - last.keys())]
    if unkept:
        connection.execute(_KEEP, unkept)
    now = fingerprint(digests.items())
    connection.execute(_COUNT, {"tenant": held.tenant, "revision": revision, "fingerprint": now})
    return Committed(now, revision)


_KEEP = text('UPDATE entities SET digest = :digest WHERE tenant = :tenant AND kind = :kind AND "key" = :key')
_COUNT = text(
    "INSERT INTO tenants (tenant, revision, fingerprint) VALUES (:tenant, :revision, :fingerprint)"
    " ON CONFLICT (tenant) DO UPDATE SET revision = excluded.revision, fingerprint = excluded.fingerprint"
)
"""The last of a write: whatever was written to the entities before took the fingerprint away."""


def _key(tenant: str, id: EntityId) -> dict[str, Any]:
    return {"tenant": tenant, "kind": id.kind, "key": id.key}


def _entity_row(tenant: str, entity: Entity, digest: str) -> dict[str, Any]:
    body = orjson.dumps(entity.body, option=orjson.OPT_SORT_KEYS).decode()
    return {**_key(tenant, entity.id), "origin": entity.origin, "body": body, "digest": digest}


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


def _records(connection: Connection, tenant: str | None, where: str) -> list[Record]:
    query = select(schema.journal).order_by(schema.journal.c.id)
    if tenant is not None:
        query = query.where(schema.journal.c.tenant == tenant)
    return [_record(row, where) for row in connection.execute(query)]


def _record(row: Any, where: str) -> Record:
    what = f"{where}: the journal's record of {row.tenant} at {row.at}"
    changes = tuple(_json(row.changes, list, what))
    return Record(row.tenant, row.plan, row.at, row.by, row.commit, changes, _json(row.notes, dict, what))
