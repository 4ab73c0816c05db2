"""A store with faults: a real one, and what can happen before it is reached and after it has answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.plans.origins import RecordedOrigins
from reconciler.stores.base import (
    Committed,
    EntityWrite,
    Merge,
    Outcome,
    RecentRecords,
    Record,
    Refusal,
    Snapshot,
    StateVersion,
    StoreError,
    TenantWrite,
    WriteLogEntry,
)
from reconciler.stores.memory import MemoryStore


@dataclass
class FaultyStore:
    """``before`` and ``after`` a tenant's commit, something happens once; ``commits`` says what was tried.

    What happens may raise: before, the commit is not made; after, it is, and nobody is told.
    """

    store: MemoryStore = field(default_factory=MemoryStore)
    before: dict[str, Callable[[], object]] = field(default_factory=dict)
    after: dict[str, Callable[[], object]] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)

    def tenants(self) -> Sequence[str]:
        return self.store.tenants()

    def observe(self, tenant: str, *, verify: bool = False) -> Snapshot:
        return self.store.observe(tenant, verify=verify)

    def state_versions(self, tenants: Iterable[str]) -> Mapping[str, StateVersion]:
        return self.store.state_versions(tenants)

    def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:
        return self.store.sketch(tenant, verify=verify)

    def moved_since(self, tenant: str, revision: int) -> Sequence[WriteLogEntry]:
        return self.store.moved_since(tenant, revision)

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        return self.store.history(tenant)

    def recent(self, tenant: str | None, *, since: str, limit: int | None) -> RecentRecords:
        return self.store.recent(tenant, since=since, limit=limit)

    def recorded_origins(self, tenant: str) -> RecordedOrigins:
        return self.store.recorded_origins(tenant)

    def close(self) -> None:
        self.store.close()

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        self.commits.append(record.tenant)
        self.before.pop(record.tenant, _nothing)()
        outcome = self.store.commit(record, writes, expected=expected, revision=revision)
        self.after.pop(record.tenant, _nothing)()
        return outcome

    def write(self, parts: Sequence[TenantWrite]) -> tuple[Committed, ...] | Refusal:
        return self.store.write(parts)

    def overwrite(self, tenant: str, change: Sequence[EntityWrite] | Merge, *, actor: str, at: str) -> Committed:
        return self.store.overwrite(tenant, change, actor=actor, at=at)


def _nothing() -> None:
    """Nothing happens."""


def failing(words: str) -> Callable[[], object]:
    """The store says that it failed."""

    def fail() -> None:
        raise StoreError(words)

    return fail
