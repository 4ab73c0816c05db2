"""The memory store, for tests and experiments. It is lost when the process ends."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import RLock

import orjson

from reconciler.core.records import disputed_origins, index_changes
from reconciler.core.schema import RuleBook
from reconciler.model.plans.origins import RecordedOrigin, RecordedOrigins
from reconciler.model.values.entity import Entity, State, fingerprint, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    Current,
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
    TenantWrite,
    WriteLogEntry,
    guarded,
    written_after,
)
from reconciler.stores.recorded_origins import fingerprint_with_origins, mentioned_entities, origins_text


@dataclass(slots=True)
class MemoryStore:
    """A store in this process. A write replaces a tenant's snapshot as a whole, so readers see consistent states.

    ``rules``: for the guard; by default all declared rules. ``left``: the fingerprint after each applied plan, by
    tenant and plan.
    """

    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    moves: dict[str, list[WriteLogEntry]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    origin_index: dict[str, dict[EntityId, RecordedOrigin]] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)
    rules: RuleBook | None = None
    left: dict[tuple[str, str], str] = field(default_factory=dict)

    def tenants(self) -> Sequence[str]:
        with self.lock:
            return sorted(tenant for tenant, snapshot in self.snapshots.items() if snapshot.entities)

    def state_versions(self, tenants: Iterable[str]) -> Mapping[str, StateVersion]:
        with self.lock:
            kept = {tenant: self.snapshots.get(tenant) for tenant in tenants}
        none = StateVersion(fingerprint(()), 0)
        return {
            tenant: StateVersion(each.fingerprint, each.revision) if each else none for tenant, each in kept.items()
        }

    def observe(self, tenant: str, *, verify: bool = False) -> Snapshot:  # noqa: ARG002 - it is what it holds
        with self.lock:
            kept = self.snapshots.get(tenant) or Snapshot(tenant, {}, fingerprint(()), 0)
        return replace(kept, entities={id: _copy(each) for id, each in kept.entities.items()})

    def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:  # noqa: ARG002 - bodies cost nothing here
        return None

    def moved_since(self, tenant: str, revision: int) -> Sequence[WriteLogEntry]:
        with self.lock:
            return [move for move in self.moves.get(tenant, ()) if move.revision > revision]

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        with self.lock:
            return [_as_read(record) for record in self.records if tenant in (None, record.tenant)]

    def recent(self, tenant: str | None, *, since: str, limit: int | None) -> RecentRecords:
        return RecentRecords.of(self.history(tenant), since, limit)

    def recorded_origins(self, tenant: str) -> RecordedOrigins:
        with self.lock:
            return dict(sorted(self.origin_index.get(tenant, {}).items()))

    def close(self) -> None:
        """Does nothing."""

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        with self.lock:
            for each in self.records:
                if (each.tenant, each.plan) == (record.tenant, record.plan):
                    return self._applied(each, revision)
            now = self.observe(record.tenant)
            if now.fingerprint != expected:
                return Stale(now.fingerprint, tuple(self.moved_since(record.tenant, revision)))
            done = self._write(record.tenant, writes, actor=record.by, at=record.at, record=record)
            self.left[record.tenant, record.plan] = done.fingerprint
            return done

    def _applied(self, record: Record, revision: int) -> AlreadyApplied:
        """The outcome for a plan that is already in the journal."""
        if self.observe(record.tenant).fingerprint == self.left.get((record.tenant, record.plan)):
            return AlreadyApplied(record.at, stands=True, notes=record.notes)
        moved = written_after(self.moved_since(record.tenant, revision), record.by, record.at)
        return AlreadyApplied(record.at, moved=moved, notes=record.notes)

    def write(self, parts: Sequence[TenantWrite]) -> tuple[Committed, ...] | Refusal:
        try:
            with self._transaction():
                return tuple([self._write_part(part) for part in parts])
        except Refused as refused:
            return refused.refusal

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction, which an exception rolls back."""
        with self.lock:
            snapshots, records = self.snapshots.copy(), list(self.records)
            moves = {tenant: list(each) for tenant, each in self.moves.items()}
            origin_index = self.origin_index.copy()
            try:
                yield
            except BaseException:
                self.snapshots, self.moves, self.records, self.origin_index = snapshots, moves, records, origin_index
                raise

    def _write_part(self, part: TenantWrite) -> Committed:
        guarded(part, self.observe(part.tenant).entities.get, rules=self.rules)
        if part.record is None:
            now = self.observe(part.tenant)
            if now.fingerprint != part.expected:
                raise Refused(Stale(now.fingerprint, tuple(self.moved_since(part.tenant, part.revision))))
            return self._write(part.tenant, part.writes, actor=part.by, at=part.at)
        done = self.commit(part.record, part.writes, expected=part.expected, revision=part.revision)
        if not isinstance(done, Committed):
            raise Refused(done)
        return done

    def overwrite(self, tenant: str, change: Sequence[EntityWrite] | Merge, *, actor: str, at: str) -> Committed:
        with self.lock:
            if not callable(change):
                return self._write(tenant, change, actor=actor, at=at)
            now = self.observe(tenant)
            edit = change(Current(now, self.recorded_origins(tenant)))
            if not edit:
                return Committed(now.fingerprint, now.revision)
            return self._write(tenant, edit.writes, actor=actor, at=at, record=edit.record)

    def _write(
        self, tenant: str, writes: Sequence[EntityWrite], *, actor: str, at: str, record: Record | None = None
    ) -> Committed:
        kept = _as_read(record) if record else None  # before anything is written: what is no value writes nothing
        before = self.observe(tenant)
        entities = _written(before.entities, writes)
        index = self.origin_index.get(tenant, {})
        if kept:
            changed = {**index, **index_changes(index, kept.changes, kept.notes)}
            index = {id: each for id, each in changed.items() if each is not None}
        recorded_origins = disputed_origins(index, entities)
        fingerprint = fingerprint_with_origins(state_fingerprint(entities), origins_text(recorded_origins))
        now = Snapshot(tenant, entities, fingerprint, before.revision + 1, recorded_origins)
        self.snapshots[tenant] = now
        self.origin_index[tenant] = index
        written = dict.fromkeys(each.entity for each in writes)
        moved = [*written, *sorted(mentioned_entities(written, kept) - written.keys())]
        self.moves.setdefault(tenant, []).extend(WriteLogEntry(now.revision, each, actor, at) for each in moved)
        if kept:
            self.records.append(kept)
        return Committed(now.fingerprint, now.revision)


def _written(state: State, writes: Sequence[EntityWrite]) -> State:
    """The state after the writes, sorted."""
    after = {**state, **{each.entity: each.after and _copy(each.after) for each in writes}}
    return {id: entity for id, entity in sorted(after.items()) if entity is not None}


def _copy(entity: Entity) -> Entity:
    """A copy, as from any other store, so that callers cannot change the stored state."""
    return Entity(entity.id, orjson.loads(orjson.dumps(entity.body)), entity.origin)


def _as_read(record: Record) -> Record:
    changes, notes = orjson.loads(orjson.dumps([list(record.changes), record.notes]))
    return replace(record, changes=tuple(changes), notes=notes)
