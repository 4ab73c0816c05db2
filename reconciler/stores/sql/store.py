# long: the reader and the writer of one protocol, and the statements that both use
"""The SQL store on SQLAlchemy Core; differences between databases are in `databases` and `rows`.

Each write is one transaction. Digests of entities and a fingerprint of the state are written with the rows. Triggers
clear the digest of a row that is changed by other means, and its tenant's fingerprint; both are then computed anew.
"""

import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, groupby, islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, select, text

from reconciler.core.records import JournalEntries
from reconciler.core.states import SINGLE_READS, LazyState, SharedContents, shape_version
from reconciler.model.documents.kinds import TENANT
from reconciler.model.plans.origins import RecordedOrigins
from reconciler.model.shared_values import SharedValues
from reconciler.model.values.entity import Entity, State, fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    Current,
    Denied,
    Edit,
    EntityWrite,
    Merge,
    Outcome,
    RecentRecords,
    Record,
    Refusal,
    Refused,
    Snapshot,
    Stale,
    StateVersion,
    StoreError,
    TenantWrite,
    WriteLogEntry,
    guarded,
    written_after,
)
from reconciler.stores.recorded_origins import (
    disputed_after_write,
    disputed_origins_text,
    fingerprint_with_origins,
    mentioned_entities,
    origins_from_text,
    origins_text,
)
from reconciler.stores.sql import schema
from reconciler.stores.sql.databases import Readable, Writable
from reconciler.stores.sql.digest_reader import DigestReader
from reconciler.stores.sql.in_doubt import Intended, settled, was_made
from reconciler.stores.sql.origin_index import read_index, update_index
from reconciler.stores.sql.row_digests import RowDigestCache, damage, loaded, made
from reconciler.stores.sql.rows import delete_rows, insert_rows, upsert_rows
from reconciler.stores.sql.statements import Statement
from reconciler.stores.sql.versions import SchemaVersion

_T = TypeVar("_T")


class SqlReader:
    """The reading half, for planning: no writing methods, and read-only connections."""

    def __init__(self, database: Readable) -> None:
        self._database = database
        self._row_digests = RowDigestCache()
        self._digest_reader = DigestReader()

    def tenants(self) -> Sequence[str]:
        with self._database.reading() as connection:
            return sorted(connection.scalars(select(schema.entities.c.tenant).distinct())) if connection else []

    def observe(self, tenant: str, *, verify: bool = False) -> Snapshot:
        with self._database.reading() as connection:
            if connection is None:
                return Snapshot(tenant, {}, fingerprint(()), 0)
            return _observed(connection, tenant, self._database.where, verify=verify)

    def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:
        with self._database.reading() as connection:
            if connection is None:
                return Snapshot(tenant, {}, fingerprint(()), 0)
            kept = _stored_tenant(connection, tenant)
            known = kept.has_managed_digests and not verify
            if known and (common := self._digest_reader.common(connection, tenant, kept.rest)):
                own = _OWN.rows(connection, tenant=tenant, kind=TENANT)
                if all(synced is not None for synced, *_ in own):
                    return self._of_common(tenant, kept, common, own)
            parts = self._digest_reader.parts(connection, tenant) if known else None
            if parts is None:
                believed = kept.fingerprint is not None and not verify
                origins = None if believed else read_index(connection, tenant)
                return self._of_bodies(tenant, kept, _BODIES.rows(connection, tenant=tenant), origins)
        synced: dict[EntityId, str] = {}
        for part in parts:
            synced.update(part.synced)
        state = LazyState(
            synced,
            lambda: chain.from_iterable(part.origins for part in parts),
            lambda some: self._bodies(tenant, kept, some),
            lambda some: self._digests_of(tenant, kept, some),
        )
        return kept.snapshot(tenant, state)

    def _of_common(
        self, tenant: str, kept: "_StoredTenant", common: SharedContents, own: Sequence[tuple[Any, ...]]
    ) -> Snapshot:
        """A lazy state of contents that other tenants share, and the tenant's own document."""
        what = f"{self._database.where}: the body of {tenant}"
        entities = ((made((*row,), what), synced) for synced, *row in own)
        state = LazyState.of_common(
            common,
            {each.id: (each, synced) for each, synced in entities},
            lambda some: self._bodies(tenant, kept, some),
            lambda some: self._digests_of(tenant, kept, some),
        )
        return kept.snapshot(tenant, state)

    def _of_bodies(
        self, tenant: str, kept: "_StoredTenant", rows: Sequence[tuple[Any, ...]], origins: RecordedOrigins | None
    ) -> Snapshot | None:
        """A lazy state with digests computed from the bodies; ``None`` if a body is invalid.

        ``origins``: the whole index, if the stored disputed part is not trusted.
        """
        found = {EntityId(*row[:2]): row for row in rows}
        what = f"{self._database.where}: the body of {tenant}"
        found_digests: dict[EntityId, tuple[str, str]] = {}
        for id, row in found.items():
            if (taken := self._row_digests.of(row, what)) is None:
                return None
            found_digests[id] = taken
        state = LazyState(
            {id: synced for id, (_, synced) in found_digests.items()},
            lambda: ((id, row[2]) for id, row in found.items()),
            lambda some: [made(found[id], what) for id in (found if some is None else some)],
            lambda _: ((id, digest) for id, (digest, _) in found_digests.items()),
        )
        now = fingerprint((id, digest) for id, (digest, _) in found_digests.items())
        if origins is not None:
            here = (made(found[id], what) for id in origins if id in found)
            kept = replace(kept, lineage=disputed_origins_text(origins, here))
        return replace(kept, fingerprint=now).snapshot(tenant, state)

    def _bodies(self, tenant: str, kept: "_StoredTenant", ids: Collection[EntityId] | None) -> Sequence[Entity]:
        """Some entities (``None``: all) of a tenant that still stands as it did."""
        where = self._database.where
        with self._as_sketched(tenant, kept) as connection:
            if ids is None:
                return _entities(connection, tenant, where)
            if len(ids) <= SINGLE_READS:
                return [each for id in ids if (each := _entity(connection, tenant, id, where))]
            return [each for some in _by_kind(ids) for each in _some_entities(connection, tenant, where, *some)]

    def _digests_of(
        self, tenant: str, kept: "_StoredTenant", ids: Collection[EntityId] | None
    ) -> Iterable[tuple[EntityId, str]]:
        """The digests of some entities (``None``: all) of a tenant that still stands as it did."""
        with self._as_sketched(tenant, kept) as connection:
            if ids is not None and len(ids) <= SINGLE_READS:
                found = ((id, _DIGEST.rows(connection, tenant=tenant, kind=id.kind, key=id.key)) for id in ids)
                return [(id, digest) for id, rows in found for (digest,) in rows]
            found_digests = self._digest_reader.digests(connection, tenant)
            return (
                _digests(connection, tenant, self._database.where)[0].items()
                if found_digests is None
                else found_digests
            )

    @contextmanager
    def _as_sketched(self, tenant: str, kept: "_StoredTenant") -> Iterator[Connection]:
        with self._database.reading() as connection:
            if connection is None or _stored_tenant(connection, tenant) != kept:
                raise StoreError(f"{self._database.where}: {tenant} was written to while it was read; plan again")
            yield connection

    def state_versions(self, tenants: Iterable[str]) -> Mapping[str, StateVersion]:
        none = StateVersion(fingerprint(()), 0)
        with self._database.reading() as connection:
            if connection is None:
                return dict.fromkeys(tenants, none)
            rows = {row.tenant: row for row in connection.execute(select(schema.tenants))}
            found: dict[str, StateVersion] = {}
            for tenant in tenants:
                row = rows.get(tenant)
                if row is None and not _has_rows(connection, tenant):
                    found[tenant] = none
                elif row is not None and row.fingerprint is not None:
                    found[tenant] = StateVersion(fingerprint_with_origins(row.fingerprint, row.lineage), row.revision)
            return found

    def moved_since(self, tenant: str, revision: int) -> Sequence[WriteLogEntry]:
        with self._database.reading() as connection:
            return _moves(connection, tenant, revision) if connection else []

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        with self._database.reading() as connection:
            return _records(connection, tenant, self._database.where) if connection else []

    def recent(self, tenant: str | None, *, since: str, limit: int | None) -> RecentRecords:
        with self._database.reading() as connection:
            if connection is None:
                return RecentRecords((), {})
            records = _recent(connection, tenant, since, limit, where=self._database.where)
            return RecentRecords(records, _journal_counts(connection, tenant))

    def recorded_origins(self, tenant: str) -> RecordedOrigins:
        with self._database.reading() as connection:
            return dict(sorted(read_index(connection, tenant).items())) if connection else {}

    def version(self) -> SchemaVersion:
        return self._database.version()

    def close(self) -> None:
        self._database.close()


class SqlStore(SqlReader):
    """The complete store."""

    def __init__(self, database: Writable) -> None:
        super().__init__(database)
        self._writable = database

    def migrate(self) -> SchemaVersion:
        self._writable.bring_up_to_date(make=True)
        return self.version()

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        part = TenantWrite(record.tenant, writes, record.by, record.at, expected, revision, record)
        try:
            with self._writing(record.tenant) as transaction:
                return self._write_part(transaction, part)
        except Refused as refused:
            assert not isinstance(refused.refusal, Denied), "the reconciler itself is not guarded"
            return refused.refusal

    def write(self, parts: Sequence[TenantWrite]) -> tuple[Committed, ...] | Refusal:
        try:
            with self._writing(*(part.tenant for part in parts)) as transaction:
                return tuple([self._write_part(transaction, part) for part in parts])
        except Refused as refused:
            return refused.refusal

    @contextmanager
    def _writing(self, *tenants: str) -> Iterator["_Transaction"]:
        """A transaction that locks these tenants. If COMMIT fails, the outcome is looked up."""
        intended: list[Intended] = []
        with settled(lambda: self._was_made(tenants, intended)), self._writable.writing(*tenants) as connection:
            yield _Transaction(connection, intended)

    def _was_made(self, tenants: tuple[str, ...], intended: Sequence[Intended]) -> bool | None:
        """Whether the write was made, read through a new connection under the writers' lock. Raises `StoreError`."""
        try:
            with self._writable.writing(*tenants) as connection:
                raise _Found(was_made(connection, intended))
        except _Found as found:
            return found.made

    def _write_part(self, transaction: "_Transaction", part: TenantWrite) -> Committed:
        connection, where = transaction.connection, self._writable.where
        if part.record is not None:
            for at, by, notes in _APPLIED.rows(connection, tenant=part.tenant, plan=part.record.plan):
                what = f"{where}: the journal's record of {part.tenant} at {at}"
                raise Refused(_applied(connection, part, where, at=at, by=by, notes=loaded(notes, dict, what)))
        guarded(part, lambda id: _entity(connection, part.tenant, id, where))
        kept = _stored_or_new(connection, part.tenant)
        right = kept.has_managed_digests
        if not right or kept.fingerprint_with_origins != part.expected:
            right = _verified(connection, part, kept, where) and right
        done = self._write(connection, part, kept, right=right)
        row = _journal_row(part.record, left=done.fingerprint) if part.record is not None else None
        if row is not None:
            _JOURNAL.run(connection, **row)
        transaction.intended.append(Intended(part, done, row))
        return done

    def overwrite(self, tenant: str, change: Sequence[EntityWrite] | Merge, *, actor: str, at: str) -> Committed:
        try:
            with self._writing(tenant) as transaction:
                connection = transaction.connection
                edit = self._edit(connection, tenant, change)
                kept = _stored_or_new(connection, tenant)
                if not kept.has_managed_digests:
                    _digests(connection, tenant, self._writable.where)  # what is damaged is not written over unseen
                row = _journal_row(edit.record) if edit.record is not None else None
                if row is not None:
                    _JOURNAL.run(connection, **row)
                part = TenantWrite(tenant, edit.writes, actor, at, kept.fingerprint_with_origins, record=edit.record)
                done = self._write(connection, part, kept, right=kept.has_managed_digests)
                transaction.intended.append(Intended(part, done, row))
                return done
        except _NothingToWrite as nothing:
            return nothing.stands

    def _edit(self, connection: Connection, tenant: str, change: Sequence[EntityWrite] | Merge) -> Edit:
        """The edit to make. Raises `_NothingToWrite` if nothing changes."""
        if not callable(change):
            return Edit(tuple(change))
        now = _observed(connection, tenant, self._writable.where)
        edit = change(Current(now, dict(sorted(read_index(connection, tenant).items()))))
        if not edit:
            raise _NothingToWrite(Committed(now.fingerprint, now.revision))
        return edit

    def _write(self, connection: Connection, part: TenantWrite, kept: "_StoredTenant", *, right: bool) -> Committed:
        """``right``: whether the stored digests, and the stored disputed origins, are complete and match the rows."""
        where = self._writable.where
        tenant, revision = part.tenant, kept.revision + 1
        last = {each.entity: number for number, each in enumerate(part.writes)}
        concerned = mentioned_entities(last, part.record)
        here = read_index(connection, tenant, concerned)
        if part.record is not None:
            here = update_index(connection, part.record, here)
        disputed = disputed_after_write(
            origins_from_text(kept.lineage, tenant) if right else {}, here, self._rows(connection, part, last)
        )
        move = {"tenant": tenant, "revision": revision, "actor": part.by, "at": part.at}
        for ids in _in_blocks([*last, *sorted(concerned - last.keys())]):
            insert_rows(connection, schema.moves, [{**move, "kind": kind, "key": key} for kind, key in ids])
        found = self._digest_reader.fingerprints(connection, tenant) if right else None
        now, rest = found or self._recomputed(connection, tenant)
        if right:
            rest_of = ((id, _entity(connection, tenant, id, where)) for id in concerned - last.keys())
            lineage = origins_text(disputed_after_write(disputed, here, rest_of))
        else:
            lineage = _disputed_origins(connection, tenant, _entities(connection, tenant, where))
        counted = {"tenant": tenant, "revision": revision, "fingerprint": now, "shape": shape_version(), "rest": rest}
        _COUNT.run(connection, **counted, lineage=lineage or None)
        return Committed(fingerprint_with_origins(now, lineage), revision)

    def _rows(
        self, connection: Connection, part: TenantWrite, last: Mapping[EntityId, int]
    ) -> Iterator[tuple[EntityId, Entity | None]]:
        """Write the rows of a part, block by block, and yield each entity as it is then. ``last``: by entity, the
        number of its last write, which counts.
        """
        tenant = part.tenant
        counting = (each for number, each in enumerate(part.writes) if last[each.entity] == number)
        for some in _in_blocks(counting):
            gone = [each.entity for each in some if each.after is None]
            delete_rows(
                connection, schema.entities, [{"tenant": tenant, "kind": id.kind, "key": id.key} for id in gone]
            )
            rows = [self._row_digests.row(tenant, each.after) for each in some if each.after is not None]
            upsert_rows(connection, schema.entities, rows)
            yield from ((each.entity, each.after) for each in some)

    def _recomputed(self, connection: Connection, tenant: str) -> tuple[str, str]:
        """Recompute the digests of all rows; returns the fingerprint, and that of all but the tenant's own document."""
        rows = [self._row_digests.row_of(tenant, each) for each in _entities(connection, tenant, self._writable.where)]
        _KEEP.run_each(connection, rows)
        digests = [(EntityId(row["kind"], row["key"]), row["digest"]) for row in rows]
        return fingerprint(digests), fingerprint(each for each in digests if each[0].kind != TENANT)


@dataclass(frozen=True, slots=True)
class _Transaction:
    """A write transaction; ``intended``: its writes so far."""

    connection: Connection
    intended: list[Intended]


class _Found(Exception):
    """Ends a transaction that only read."""

    def __init__(self, made: bool | None) -> None:
        self.made = made
        super().__init__("looked up")


class _NothingToWrite(Exception):
    """Ends a transaction without writes; it is rolled back."""

    def __init__(self, stands: Committed) -> None:
        self.stands = stands
        super().__init__("nothing to write")


def _applied(  # noqa: PLR0913 - a row of the journal, beside where it was found
    connection: Connection, part: TenantWrite, where: str, *, at: str, by: str, notes: dict[str, Any]
) -> AlreadyApplied:
    """What became of a tenant since the journal has this plan; what an earlier release applied counts as moved."""
    left = notes.pop(_LEFT, None)
    try:
        kept = _stored_tenant(connection, part.tenant)
        if left is not None and kept.fingerprint_with_origins != left:
            _verified(connection, replace(part, expected=left), kept, where)
    except Refused as refused:
        moved = refused.refusal.moved if isinstance(refused.refusal, Stale) else ()
        return AlreadyApplied(at, moved=written_after(moved, by, at), notes=notes)
    return AlreadyApplied(at, stands=left is not None, notes=notes)


_LEFT = "left"
"""The key of a note, in the database only, with the fingerprint of the resulting state (TREE-05)."""


def _disputed_origins(connection: Connection, tenant: str, entities: Iterable[Entity]) -> str:
    """The text of a tenant's disputed origins, computed from its entities."""
    return disputed_origins_text(read_index(connection, tenant), entities)


def _verified(connection: Connection, part: TenantWrite, kept: "_StoredTenant", where: str) -> bool:
    """Whether the stored digests are right, if the state is the expected one; else raises `Refused`.

    Compares the stored digests first, then those computed from the rows.
    """
    for verify in (False, True):
        digests, right = _digests(connection, part.tenant, where, verify=verify)
        lineage = kept.lineage
        if kept.fingerprint is None or verify:
            lineage = _disputed_origins(connection, part.tenant, _entities(connection, part.tenant, where))
        now = fingerprint_with_origins(fingerprint(digests.items()), lineage)
        if now == part.expected:
            return right
    raise Refused(Stale(now, tuple(_moves(connection, part.tenant, part.revision))))


def _digests(
    connection: Connection, tenant: str, where: str, *, verify: bool = False
) -> tuple[Mapping[EntityId, str], bool]:
    """The digests of all entities, and whether the rows had them. ``verify``: compute them from the bodies."""
    kept = {EntityId(kind, key): digest for kind, key, digest in _DIGESTS.rows(connection, tenant=tenant)}
    found: dict[EntityId, str] = {}
    if verify:
        found = {each.id: each.digest() for each in _entities(connection, tenant, where)}
    elif None in kept.values():
        without = schema.entities.c.digest.is_(None)
        found = {each.id: each.digest() for each in _some_entities(connection, tenant, where, without)}
    return {**kept, **found}, all(kept[id] == digest for id, digest in found.items())


@dataclass(frozen=True, slots=True)
class _StoredTenant:
    """The row of a tenant. ``fingerprint`` is ``None`` once an entity's row was changed by other means.

    ``lineage``: the disputed origins as text (`reconciler.stores.recorded_origins`); valid only with a fingerprint.
    """

    fingerprint: str | None
    revision: int
    shape: str | None = None
    rest: str | None = None
    lineage: str | None = None

    @property
    def fingerprint_with_origins(self) -> str:
        """The fingerprint of the state together with the disputed origins."""
        return fingerprint_with_origins(self.fingerprint or "", self.lineage)

    def snapshot(self, tenant: str, state: State) -> Snapshot:
        """The snapshot of a state that was read at this version."""
        return Snapshot(
            tenant, state, self.fingerprint_with_origins, self.revision, origins_from_text(self.lineage, tenant)
        )

    @property
    def has_managed_digests(self) -> bool:
        """Whether every row has a valid digest of its managed part."""
        return self.fingerprint is not None and self.shape == shape_version()


def _stored_tenant(connection: Connection, tenant: str) -> _StoredTenant:
    """Raises `StoreError` for a revision that is no number, which SQLite takes."""
    for row in _STANDING.rows(connection, tenant=tenant):
        kept = _StoredTenant(*row)
        with damage(f"the revision of {tenant}"):
            operator.index(kept.revision)
        return kept
    return _StoredTenant(None, 0)


def _stored_or_new(connection: Connection, tenant: str) -> _StoredTenant:
    """What is kept of a tenant that is to be written; of one without any row, what an empty state has.

    So its first rows, with their digests, are not read again.
    """
    kept = _stored_tenant(connection, tenant)
    if kept.fingerprint is None and kept.revision == 0 and not _has_rows(connection, tenant):
        return _StoredTenant(fingerprint(()), 0, shape_version(), fingerprint(()))
    return kept


def _observed(connection: Connection, tenant: str, where: str, *, verify: bool = False) -> Snapshot:
    """A tenant's complete state, as from `TenantReader.observe`."""
    kept = _stored_tenant(connection, tenant)
    entities = {each.id: each for each in _entities(connection, tenant, where)}
    if kept.fingerprint is None or verify:
        now = fingerprint((id, each.digest()) for id, each in entities.items())
        kept = replace(kept, fingerprint=now, lineage=_disputed_origins(connection, tenant, entities.values()))
    return kept.snapshot(tenant, dict(sorted(entities.items())))


def _by_kind(ids: Collection[EntityId]) -> Iterator[tuple[ColumnElement[bool], ColumnElement[bool]]]:
    """Conditions that find these entities, for a query each."""
    table = schema.entities
    for kind, each in groupby(sorted(ids), key=lambda id: id.kind):
        keys = [id.key for id in each]
        for start in range(0, len(keys), _AT_ONCE):
            yield table.c.kind == kind, table.c.key.in_(keys[start : start + _AT_ONCE])


def _in_blocks(found: Iterable[_T]) -> Iterator[list[_T]]:
    """Lists of at most `_BLOCK` values: as many rows are made at once, whatever the tenant's size."""
    rest = iter(found)
    while block := list(islice(rest, _BLOCK)):
        yield block


_BLOCK = 5_000
_AT_ONCE = 500
"""A number of parameters that every database accepts."""


def _has_rows(connection: Connection, tenant: str) -> bool:
    """Of a tenant to which nobody ever wrote by us."""
    query = select(schema.entities.c.key).where(schema.entities.c.tenant == tenant).limit(1)
    return connection.execute(query).first() is not None


def _entities(connection: Connection, tenant: str, where: str) -> list[Entity]:
    shared = SharedValues()
    return [made(row, f"{where}: the body of {tenant}", shared) for row in _BODIES.rows(connection, tenant=tenant)]


def _some_entities(connection: Connection, tenant: str, where: str, *which: ColumnElement[bool]) -> list[Entity]:
    rows = connection.execute(_ROWS.where(*which), {"tenant": tenant}).all()
    shared = SharedValues()
    return [made((*row,), f"{where}: the body of {tenant}", shared) for row in rows]


def _entity(connection: Connection, tenant: str, id: EntityId, where: str) -> Entity | None:
    for row in _BODY.rows(connection, tenant=tenant, kind=id.kind, key=id.key):
        return made(row, f"{where}: the body of {tenant}")
    return None


def _moves(connection: Connection, tenant: str, revision: int) -> list[WriteLogEntry]:
    table = schema.moves
    query = select(table).where(table.c.tenant == tenant, table.c.revision > revision).order_by(table.c.id)
    return [
        WriteLogEntry(row.revision, EntityId(row.kind, row.key), row.actor, row.at) for row in connection.execute(query)
    ]


def _journal_row(record: Record, left: str | None = None) -> dict[str, Any]:
    notes = record.notes if left is None else {**record.notes, _LEFT: left}
    return {
        "tenant": record.tenant,
        "plan": record.plan,
        "at": record.at,
        "by": record.by,
        "commit": record.commit,
        "changes": _changes_text(record.changes),
        "notes": orjson.dumps(notes).decode(),
    }


def _changes_text(changes: Sequence[Body]) -> str:
    if isinstance(changes, JournalEntries):
        return "".join(map(bytes.decode, changes.pieces()))
    return orjson.dumps(list(changes)).decode()


def _records(connection: Connection, tenant: str | None, where: str) -> list[Record]:
    query = select(schema.journal).order_by(schema.journal.c.id)
    if tenant is not None:
        query = query.where(schema.journal.c.tenant == tenant)
    return [_record(row, where) for row in connection.execute(query)]


def _recent(connection: Connection, tenant: str | None, since: str, limit: int | None, *, where: str) -> list[Record]:
    """The last records. They are found by time and tenant before their changes, which may be large, are read."""
    at, of, number = schema.journal.c.at, schema.journal.c.tenant, schema.journal.c.id
    found = select(number).where(at >= since).order_by(at.desc(), of.desc(), number.desc()).limit(limit)
    if tenant is not None:
        found = found.where(of == tenant)
    query = select(schema.journal).where(number.in_(found)).order_by(number)
    records = [_record(row, where) for row in connection.execute(query)]
    return sorted(records, key=lambda record: (record.at, record.tenant))


def _journal_counts(connection: Connection, tenant: str | None) -> dict[str, int]:
    query = select(schema.journal.c.tenant, func.count()).group_by(schema.journal.c.tenant)
    if tenant is not None:
        query = query.where(schema.journal.c.tenant == tenant)
    return {row[0]: row[1] for row in connection.execute(query)}


def _record(row: Any, where: str) -> Record:
    what = f"{where}: the journal's record of {row.tenant} at {row.at}"
    changes = tuple(loaded(row.changes, list, what))
    with damage(what):
        if not all(isinstance(each, dict) for each in changes):
            raise TypeError("a change is a map")
    notes = {name: value for name, value in loaded(row.notes, dict, what).items() if name != _LEFT}
    return Record(row.tenant, row.plan, row.at, row.by, row.commit, changes, notes)


_OF_TENANT = schema.entities.c.tenant == bindparam("tenant")
_BY_ID = schema.entities.c.kind == bindparam("kind"), schema.entities.c.key == bindparam("key")
_ROWS = select(*(schema.entities.c[name] for name in ("kind", "key", "origin", "body"))).where(_OF_TENANT)
_BODIES = Statement(_ROWS)
_OWN = Statement(
    select(*(schema.entities.c[name] for name in ("synced", "kind", "key", "origin", "body"))).where(
        _OF_TENANT, schema.entities.c.kind == bindparam("kind")
    )
)
_BODY = Statement(_ROWS.where(*_BY_ID))
_DIGEST = Statement(select(schema.entities.c.digest).where(_OF_TENANT, *_BY_ID))
_DIGESTS = Statement(select(*(schema.entities.c[name] for name in ("kind", "key", "digest"))).where(_OF_TENANT))
_STANDING = Statement(
    select(*(schema.tenants.c[name] for name in ("fingerprint", "revision", "shape", "rest", "lineage"))).where(
        schema.tenants.c.tenant == bindparam("tenant")
    )
)
_APPLIED = Statement(
    select(*(schema.journal.c[name] for name in ("at", "by", "notes"))).where(
        schema.journal.c.tenant == bindparam("tenant"), schema.journal.c.plan == bindparam("plan")
    )
)
_JOURNAL = Statement(insert(schema.journal).inline(), ("tenant", "plan", "at", "by", "commit", "changes", "notes"))
_KEEP = Statement(
    text(
        "UPDATE entities SET digest = :digest, synced = :synced"
        ' WHERE tenant = :tenant AND kind = :kind AND "key" = :key'
    )
)
_COUNT = Statement(
    text(
        "INSERT INTO tenants (tenant, revision, fingerprint, shape, rest, lineage)"
        " VALUES (:tenant, :revision, :fingerprint, :shape, :rest, :lineage)"
        " ON CONFLICT (tenant) DO UPDATE SET"
        " revision = excluded.revision, fingerprint = excluded.fingerprint, shape = excluded.shape,"
        " rest = excluded.rest, lineage = excluded.lineage"
    )
)
"""The last of a write: whatever was written to the entities before took the fingerprint away."""
