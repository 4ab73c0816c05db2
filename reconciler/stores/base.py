"""The store protocol. Readers have no writing methods, so planning cannot write."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeAlias

from reconciler.core.schema import RuleBook
from reconciler.core.states import Unavailable
from reconciler.core.subscriptions import denial
from reconciler.model.plans.origins import RecordedOrigins
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.model.values.quotes import readable
from reconciler.model.values.urls import redacted, without_values
from reconciler.stores.failures import Failure


class StoreError(Unavailable):
    """A store could not be reached, read or written. The message is for users, ``failure`` for programs.

    Nothing was written, unless it is an `OutcomeUnknown`. Messages of drivers and plugins are cleaned: URLs and
    credentials of the environment are redacted, and long quotes shortened.
    """

    def __init__(self, message: object = "", failure: Failure = Failure.ERROR) -> None:
        self.failure = failure
        super().__init__(readable(redacted(without_values(str(message), os.environ))))


class OutcomeUnknown(StoreError):
    """A write failed at or after COMMIT: it was made completely or not at all, and it is unknown which.

    ``where`` and ``why``: the store, and what failed, for messages.
    """

    where: str = ""
    why: str = ""

    @classmethod
    def of(cls, where: str, why: str, failure: Failure) -> Self:
        """The error with a message that explains how to find out."""
        made = cls(f"{where}: {why}, during the commit, so that it is {_NOT_KNOWN}", failure)
        made.where, made.why = where, why
        return made


_NOT_KNOWN = (
    "not known whether it was made; it was made whole or not at all. `reconcile tenant show` and `history` say, once "
    "the store can be read. To apply the same plan again is safe; look before you repeat an action or an import"
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tenant's complete state at one moment, sorted. A tenant never written to is empty, at revision 0.

    ``fingerprint`` is of the contents (`reconciler.model.values.entity.fingerprint`) and of the disputed origins, if
    there are any (`reconciler.stores.recorded_origins.fingerprint_with_origins`); ``revision`` counts the writes.
    ``recorded_origins``: those of the index that differ from the entities', and those of released entities (ORIGIN-02,
    ORIGIN-03).
    """

    tenant: str
    entities: State
    fingerprint: str
    revision: int
    recorded_origins: RecordedOrigins = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteLogEntry:
    """A write of an entity: its ``revision`` and ``actor``."""

    revision: int
    entity: EntityId
    actor: str
    at: str


@dataclass(frozen=True, slots=True)
class EntityWrite:
    """One entity's new state; ``after`` ``None`` removes it. ``before`` is the state that the writer read.

    The last write of an entity within a call wins.
    """

    entity: EntityId
    before: Entity | None
    after: Entity | None


@dataclass(frozen=True, slots=True)
class Record:
    """A journal record: the changes of one apply to one tenant.

    ``plan`` is the digest of the plan applied (unique for a tenant: that makes applying a plan once-only);
    ``changes`` are the plan's entries as data: address, actions, before, after, fields; of very many, a sequence that
    decodes them on each pass (`JournalEntries`). ``at`` is ISO 8601.
    """

    tenant: str
    plan: str
    at: str
    by: str
    commit: str | None
    changes: Sequence[Body] = field(default=())
    notes: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecentRecords:
    """The last records of a journal, oldest first by time and tenant, and the number of all records of each tenant."""

    records: Sequence[Record]
    counts: Mapping[str, int]

    @classmethod
    def of(cls, records: Iterable[Record], since: str, limit: int | None) -> Self:
        """Those of a whole journal, for stores that read it as a whole anyway."""
        found = sorted(records, key=lambda record: (record.at, record.tenant))
        counts = Counter(each.tenant for each in found)
        recent = [each for each in found if each.at >= since]
        return cls(recent if limit is None else recent[-limit:], counts)


@dataclass(frozen=True, slots=True)
class Committed:
    """The write was made; describes the tenant's new state."""

    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True)
class Stale:
    """Refused: the tenant's state is not the expected one. ``moved``: the known writes since."""

    fingerprint: str
    moved: tuple[WriteLogEntry, ...]


@dataclass(frozen=True, slots=True)
class AlreadyApplied:
    """Refused: the journal already has this plan for this tenant, applied ``at``.

    ``stands``: whether the tenant's state is the one that it left (TREE-05); if not, ``moved`` is what was written
    since, as far as known. ``notes``: of the journal's record.
    """

    at: str
    stands: bool = field(default=False, compare=False)
    moved: tuple[WriteLogEntry, ...] = field(default=(), compare=False)
    notes: Body = field(default_factory=dict, compare=False)


def written_after(moves: Iterable[WriteLogEntry], by: str, at: str) -> tuple[WriteLogEntry, ...]:
    """The writes after a plan was applied, from all writes since it was made; the apply is the first by this user."""
    found = list(moves)
    own = next((each.revision for each in found if (each.actor, each.at) == (by, at)), 0)
    return tuple(each for each in found if each.revision > own)


Outcome: TypeAlias = Committed | Stale | AlreadyApplied


@dataclass(frozen=True, slots=True)
class Denied:
    """Refused: the guard of mirrored subscriptions denies the write to this role (SUB-17 to SUB-39)."""

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class TenantWrite:
    """One tenant's part of a write of several. ``expected``: the fingerprint that its state must still have.

    ``record``: what is journalled with it. ``role`` and ``action``: who writes, and what they do, for the guard
    (`reconciler.model.documents.subscriptions`); without a role, the reconciler writes.
    """

    tenant: str
    writes: Sequence[EntityWrite]
    by: str
    at: str
    expected: str
    revision: int = 0
    record: Record | None = None
    role: str | None = None
    action: str | None = None

    def __post_init__(self) -> None:
        if self.record and self.record.tenant != self.tenant:
            raise ValueError(f"a part of {self.tenant} cannot be journalled for {self.record.tenant}")


@dataclass(frozen=True, slots=True)
class Current:
    """A tenant's current state within a write transaction, which excludes other writers.

    ``recorded_origins``: as `TenantReader.recorded_origins` has it.
    """

    snapshot: Snapshot
    recorded_origins: RecordedOrigins


@dataclass(frozen=True, slots=True)
class Edit:
    """The writes to one tenant. ``record``: journalled with them (ORIGIN-02, ORIGIN-03).

    Without writes and record nothing changes, not even the revision.
    """

    writes: tuple[EntityWrite, ...] = ()
    record: Record | None = None

    def __bool__(self) -> bool:
        return bool(self.writes or self.record)


Merge: TypeAlias = Callable[[Current], Edit]
"""Computes an edit from the current state. May be called several times, and must not use the store itself."""


Refusal: TypeAlias = Stale | AlreadyApplied | Denied


class Refused(Exception):
    """Ends a refused transaction; never leaves the store."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


def guarded(part: TenantWrite, held: Callable[[EntityId], Entity | None], *, rules: RuleBook | None = None) -> None:
    """Raise `Refused` for a write that the guard denies. ``held``: what the store has now, whatever the writer read.

    ``rules``: by default all declared rules.
    """
    for write in part.writes if part.role is not None else ():
        found = denial(part.role, part.action, held(write.entity), write.after, rules=rules)
        if found:
            raise Refused(Denied(found.rule, found.detail))


@dataclass(frozen=True, slots=True)
class StateVersion:
    """The fingerprint and revision of a tenant's state, as in its `Snapshot`, without the state."""

    fingerprint: str
    revision: int


class TenantReader(Protocol):
    """The reading half of a store, for planning."""

    def tenants(self) -> Sequence[str]:
        """The keys of tenants with state, sorted."""

    def observe(self, tenant: str, *, verify: bool = False) -> Snapshot:
        """The tenant's complete state, from one consistent read. Raises `StoreError`, also for an incomplete read.

        ``verify``: compute the fingerprint from the state and ignore cached digests.
        """

    def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:
        """The tenant's state with bodies loaded on demand (`LazyState`); ``None`` if that is not supported.

        ``verify``: read all bodies and compute digests from them, ignoring cached ones. Loading a body raises
        `StoreError` if the state has changed meanwhile.
        """

    def state_versions(self, tenants: Iterable[str]) -> Mapping[str, StateVersion]:
        """The versions of states that are known without reading them; tenants left out must be observed."""

    def moved_since(self, tenant: str, revision: int) -> Sequence[WriteLogEntry]:
        """The writes after ``revision``, in order."""

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        """The journal of a tenant or of all, oldest first."""

    def recent(self, tenant: str | None, *, since: str, limit: int | None) -> RecentRecords:
        """The last records of the journal of a tenant or of all: those from a time on, and the ``limit`` last of these.

        Reads no other record's changes, where the store can. `RecentRecords.of` is what it is equal to.
        """

    def recorded_origins(self, tenant: str) -> RecordedOrigins:
        """The origin of each of the tenant's entities, according to its last journal record (ORIGIN-02).

        Read from an index that is updated in the transaction of each record, not from the journal.
        """

    def close(self) -> None:
        """Release connections. The store must not be used afterwards."""


class TenantStore(TenantReader, Protocol):
    """A writable store: each call is one transaction.

    A failed call wrote nothing; if that is not certain, it raises `OutcomeUnknown`.
    """

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        """Apply ``record.tenant``'s part of a plan and journal it, if the fingerprint is still the ``expected`` one.

        ``revision``: the one that was read with it, to report later writes.
        """

    def write(self, parts: Sequence[TenantWrite]) -> tuple[Committed, ...] | Refusal:
        """Write to several tenants in one transaction (SUB-19), under the guard. A refusal writes nothing."""

    def overwrite(self, tenant: str, change: Sequence[EntityWrite] | Merge, *, actor: str, at: str) -> Committed:
        """Write without expected fingerprint and guard (`tenant import`), with a write log entry per entity.

        ``change``: the writes, or a function that computes them from the current state within the transaction, so that
        concurrent writes are not lost. An exception of the function aborts the write.
        """
