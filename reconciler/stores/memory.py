"""The memory store: for tests and for trying things out. It is gone with the process."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import RLock

from reconciler.model.entity import Entity, State, state_fingerprint
from reconciler.model.keys import EntityId
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    EntityWrite,
    Move,
    Outcome,
    Record,
    Snapshot,
    Stale,
)


@dataclass(slots=True)
class MemoryStore:
    """A store in this process. A write replaces a tenant's state whole, so that a reader never sees half of one."""

    states: dict[str, State] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    moves: dict[str, list[Move]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    def tenants(self) -> Sequence[str]:
        return sorted(tenant for tenant, state in self.states.items() if state)

    def observe(self, tenant: str) -> Snapshot:
        with self.lock:
            state = self.states.get(tenant, {})
            return Snapshot(tenant, state, state_fingerprint(state), self.revisions.get(tenant, 0))

    def moved_since(self, tenant: str, revision: int) -> Sequence[Move]:
        return [move for move in self.moves.get(tenant, ()) if move.revision > revision]

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        return [record for record in self.records if tenant in (None, record.tenant)]

    def close(self) -> None:
        """Nothing is held."""

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        with self.lock:
            for each in self.records:
                if (each.tenant, each.plan) == (record.tenant, record.plan):
                    return AlreadyApplied(each.at)
            now = self.observe(record.tenant)
            if now.fingerprint != expected:
                return Stale(now.fingerprint, tuple(self.moved_since(record.tenant, revision)))
            self.records.append(record)
            return self._write(record.tenant, writes, actor=record.by, at=record.at)

    def overwrite(self, tenant: str, writes: Sequence[EntityWrite], *, actor: str, at: str) -> Committed:
        with self.lock:
            return self._write(tenant, writes, actor=actor, at=at)

    def _write(self, tenant: str, writes: Sequence[EntityWrite], *, actor: str, at: str) -> Committed:
        revision = self.revisions.get(tenant, 0) + 1
        self.states[tenant] = written(self.states.get(tenant, {}), writes)
        self.revisions[tenant] = revision
        self.moves.setdefault(tenant, []).extend(Move(revision, each.entity, actor, at) for each in writes)
        return Committed(state_fingerprint(self.states[tenant]), revision)


def written(state: Mapping[EntityId, Entity], writes: Sequence[EntityWrite]) -> dict[EntityId, Entity]:
    """The state with the writes made."""
    after = dict(state)
    for each in writes:
        if each.after is None:
            after.pop(each.entity, None)
        else:
            after[each.entity] = each.after
    return after
