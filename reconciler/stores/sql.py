"""The SQL store, through SQLAlchemy Core; what differs between databases stands in `engines` and `rows`.

One transaction a write. Digests of entities and a fingerprint of the whole stand beside the rows and are written with
them; a row that was changed behind our back has lost its digest, and its tenant the fingerprint, and both are then
taken of the row itself.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, groupby
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, insert, select, text

from reconciler.core.bodies import faults
from reconciler.core.sketch import Sketch
from reconciler.core.synchronised import of_actual, version
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
        self._taken = _Taken()

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

    def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:
        table = schema.entities
        with self._database.reading() as connection:
            kept = _standing(connection, tenant) if connection else None
            if connection is None or kept is None:
                return None
            if verify or not kept.tells_parts:
                columns = (table.c.kind, table.c.key, table.c.origin, table.c.body)
                rows = _plainly(connection, select(*columns).where(table.c.tenant == tenant))
                return self._of_bodies(tenant, kept, rows)
            columns = (table.c.kind, table.c.key, table.c.synced, table.c.origin)
            rows = _plainly(connection, select(*columns).where(table.c.tenant == tenant))
        kinds, keys, synced, origins = zip(*rows, strict=True) if rows else ((), (), (), ())
        ids = list(map(EntityId, kinds, keys))
        state = Sketch(
            dict(zip(ids, synced, strict=True)),
            lambda: zip(ids, origins, strict=True),
            lambda some: self._bodies(tenant, kept, some),
            lambda some: self._digests(tenant, kept, some),
        )
        return Snapshot(tenant, state, kept.fingerprint or "", kept.revision)

    def _of_bodies(self, tenant: str, kept: "_Kept", rows: Sequence[tuple[Any, ...]]) -> Snapshot | None:
        """A sketch by digests that are taken anew; ``None`` where a body is none of ours."""
        found = {EntityId(*row[:2]): row for row in rows}
        what = f"{self._database.where}: the body of {tenant}"
        told: dict[EntityId, tuple[str, str]] = {}
        for id, row in found.items():
            if (taken := self._taken.of(row, what)) is None:
                return None
            told[id] = taken
        state = Sketch(
            {id: synced for id, (_, synced) in told.items()},
            lambda: ((id, row[2]) for id, row in found.items()),
            lambda some: [_made(found[id], what) for id in (found if some is None else some)],
            lambda _: ((id, digest) for id, (digest, _) in told.items()),
        )
        return Snapshot(tenant, state, fingerprint((id, digest) for id, (digest, _) in told.items()), kept.revision)

    def _bodies(self, tenant: str, kept: "_Kept", ids: Collection[EntityId] | None) -> Sequence[Entity]:
        """Some entities (``None``: all) of a tenant that still stands as it did."""
        with self._as_sketched(tenant, kept) as connection:
            if ids is None:
                return list(_entities(connection, tenant, self._database.where))
            return [
                each for some in _by_kind(ids) for each in _entities(connection, tenant, self._database.where, *some)
            ]

    def _digests(self, tenant: str, kept: "_Kept", ids: Collection[EntityId] | None) -> Sequence[tuple[EntityId, str]]:
        """The digests of some entities (``None``: all) of a tenant that still stands as it did."""
        table = schema.entities
        query = select(table.c.kind, table.c.key, table.c.digest).where(table.c.tenant == tenant)
        queries = [query] if ids is None else [query.where(*some) for some in _by_kind(ids)]
        with self._as_sketched(tenant, kept) as connection:
            rows = chain.from_iterable(_plainly(connection, each) for each in queries)
            return [(EntityId(kind, key), digest) for kind, key, digest in rows]

    @contextmanager
    def _as_sketched(self, tenant: str, kept: "_Kept") -> Iterator[Connection]:
        with self._database.reading() as connection:
            if connection is None or _standing(connection, tenant) != kept:
                raise StoreError(f"{self._database.where}: {tenant} was written to while it was read; plan again")
            yield connection

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
        return _write(connection, held, part.writes, where=where, actor=part.by, at=part.at)

    def overwrite(self, tenant: str, writes: Sequence[EntityWrite], *, actor: str, at: str) -> Committed:
        with self._writable.writing(tenant) as connection:
            held = _held(connection, tenant, self._writable.where)
            return _write(connection, held, writes, where=self._writable.where, actor=actor, at=at)


@dataclass(slots=True)
class _Taken:
    """Digests that were taken of rows: of an entity, and of its synchronised part.

    Tenants of one template have the same rows, letter by letter, and each is looked into once.
    """

    known: dict[tuple[Any, ...], tuple[str, str] | None] = field(default_factory=dict)

    def of(self, row: tuple[Any, ...], what: str) -> tuple[str, str] | None:
        """``None`` for what is no body of ours. Raises `StoreError` for what is no JSON."""
        if row not in self.known:
            if len(self.known) >= _AT_MOST:
                self.known.clear()
            each = _made(row, what)
            sound = next(faults({each.id: each}), None) is None
            self.known[row] = (each.digest(), of_actual(each)) if sound else None
        return self.known[row]


_AT_MOST = 20_000
"""So many rows are remembered: some tens of megabytes."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What a write has to know of a tenant's state: not the bodies. ``kept``: whether all digests are, and right."""

    tenant: str
    revision: int
    digests: Mapping[EntityId, str]
    kept: bool = True

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
    standing = _standing(connection, tenant)
    known = standing.tells_parts and not unkept
    return _Held(tenant, standing.revision, {**kept, **found}, known)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a tenant as a whole; no fingerprint, once a row was changed past us."""

    fingerprint: str | None
    revision: int
    shape: str | None = None

    @property
    def tells_parts(self) -> bool:
        """Whether the digests of synchronised parts are right, in every row."""
        return self.fingerprint is not None and self.shape == version()


def _standing(connection: Connection, tenant: str) -> _Kept:
    table = schema.tenants
    query = select(table.c.fingerprint, table.c.revision, table.c.shape).where(table.c.tenant == tenant)
    row = connection.execute(query).first()
    return _Kept(row.fingerprint, row.revision, row.shape) if row else _Kept(None, 0)


def _plainly(connection: Connection, query: Select[Any]) -> Sequence[tuple[Any, ...]]:
    """Rows of text as the driver gives them: SQLAlchemy's own cost as much again as reading them."""
    rows: Sequence[tuple[Any, ...]] = connection.execute(query).cursor.fetchall()
    return rows


def _by_kind(ids: Collection[EntityId]) -> Iterator[tuple[ColumnElement[bool], ColumnElement[bool]]]:
    """Conditions that find these entities, for a query each."""
    table = schema.entities
    for kind, each in groupby(sorted(ids), key=lambda id: id.kind):
        keys = [id.key for id in each]
        for start in range(0, len(keys), _AT_ONCE):
            yield table.c.kind == kind, table.c.key.in_(keys[start : start + _AT_ONCE])


_AT_ONCE = 500
"""So many parameters any database takes."""


def _has_rows(connection: Connection, tenant: str) -> bool:
    """Of a tenant to which nobody ever wrote by us."""
    query = select(schema.entities.c.key).where(schema.entities.c.tenant == tenant).limit(1)
    return connection.execute(query).first() is not None


def _entities(connection: Connection, tenant: str, where: str, *which: ColumnElement[bool]) -> Iterator[Entity]:
    table = schema.entities
    query = select(table.c.kind, table.c.key, table.c.origin, table.c.body).where(table.c.tenant == tenant, *which)
    yield from (_made(row, f"{where}: the body of {tenant}") for row in connection.execute(query).all())


def _made(row: Sequence[Any], what: str) -> Entity:
    """The entity of a row of kind, key, origin and body. Raises `StoreError` for a body that is no JSON."""
    kind, key, origin, body = row
    return Entity(EntityId(kind, key), _json(body, dict, f"{what}/{kind}/{key}"), origin)


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


def _write(  # noqa: PLR0913 - where and what, and three that say who
    connection: Connection, held: _Held, writes: Sequence[EntityWrite], *, where: str, actor: str, at: str
) -> Committed:
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
    if not held.kept and held.digests.keys() - last.keys():
        rest = (each for each in _entities(connection, held.tenant, where) if each.id not in last)
        kept = [_digests(held.tenant, each, digests[each.id]) for each in rest]
        connection.execute(_KEEP, kept)
    now = fingerprint(digests.items())
    connection.execute(_COUNT, {"tenant": held.tenant, "revision": revision, "fingerprint": now, "shape": version()})
    return Committed(now, revision)


_KEEP = text(
    'UPDATE entities SET digest = :digest, synced = :synced WHERE tenant = :tenant AND kind = :kind AND "key" = :key'
)
_COUNT = text(
    "INSERT INTO tenants (tenant, revision, fingerprint, shape) VALUES (:tenant, :revision, :fingerprint, :shape)"
    " ON CONFLICT (tenant) DO UPDATE SET"
    " revision = excluded.revision, fingerprint = excluded.fingerprint, shape = excluded.shape"
)
"""The last of a write: whatever was written to the entities before took the fingerprint away."""


def _key(tenant: str, id: EntityId) -> dict[str, Any]:
    return {"tenant": tenant, "kind": id.kind, "key": id.key}


def _entity_row(tenant: str, entity: Entity, digest: str) -> dict[str, Any]:
    body = orjson.dumps(entity.body, option=orjson.OPT_SORT_KEYS).decode()
    return {**_digests(tenant, entity, digest), "origin": entity.origin, "body": body}


def _digests(tenant: str, entity: Entity, digest: str) -> dict[str, Any]:
    return {**_key(tenant, entity.id), "digest": digest, "synced": of_actual(entity)}


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
