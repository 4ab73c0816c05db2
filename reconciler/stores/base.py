"""What a store is. Readers have no method that writes, so that a plan cannot."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeAlias

from reconciler.core.schema import RuleBook
from reconciler.core.states import Unavailable
from reconciler.core.subscriptions import denial
from reconciler.model.plans.origins import Lineage
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.model.values.quotes import readable
from reconciler.model.values.urls import redacted, without_values
from reconciler.stores.failures import Failure


class StoreError(Unavailable):
    """A store could not be reached, read or written; the message is for people, ``failure`` for programs.

    Nothing was written, unless it is an `OutcomeUnknown`. Whoever wrote it, a driver or a plugin: no URL in it holds
    more than may be shown, no credential of the environment stands in it, and no quote is longer than helps.
    """

    def __init__(self, message: object = "", failure: Failure = Failure.ERROR) -> None:
        self.failure = failure
        super().__init__(readable(redacted(without_values(str(message), os.environ))))


class OutcomeUnknown(StoreError):
    """A write failed at COMMIT or after it: it was made whole or not at all, and it is not known which.

    ``where`` and ``why``: the store, and what failed, for messages.
    """

    where: str = ""
    why: str = ""

    @classmethod
    def of(cls, where: str, why: str, failure: Failure) -> Self:
        """With the message for people, which says how to find out."""
        made = cls(f"{where}: {why}, during the commit, so that it is {_NOT_KNOWN}", failure)
        made.where, made.why = where, why
        return made


_NOT_KNOWN = (
    "not known whether it was made; it was made whole or not at all. `reconcile tenant show` and `history` say, once "
    "the store can be read. To apply the same plan again is safe; look before you repeat an action or an import"
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A tenant's whole state at one moment, sorted. A tenant that was never written is empty, at revision 0.

    ``fingerprint`` is of the contents (`reconciler.model.values.entity.fingerprint`) and of the lineage, if there is
    any (`reconciler.stores.lineages.sealed`); ``revision`` counts the writes. ``lineage``: what the index of what came
    down says otherwise than the entities, and what was released (ORIGIN-02, ORIGIN-03).
    """

    tenant: str
    entities: State
    fingerprint: str
    revision: int
    lineage: Lineage = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteLogEntry:
    """An entity that was written: by which write (``revision``), and by whom (``actor``)."""

    revision: int
    entity: EntityId
    actor: str
    at: str


@dataclass(frozen=True, slots=True)
class EntityWrite:
    """One entity's new state: ``after`` ``None`` removes it. ``before`` is what the writer read.

    A later write of the same entity, in one call, wins.
    """

    entity: EntityId
    before: Entity | None
    after: Entity | None


@dataclass(frozen=True, slots=True)
class Record:
    """A journal record: what one apply did to one tenant.

    ``plan`` is the digest of the plan applied (unique for a tenant: that makes applying a plan once-only);
    ``changes`` are the plan's entries as data: address, actions, before, after, fields. ``at`` is ISO 8601.
    """

    tenant: str
    plan: str
    at: str
    by: str
    commit: str | None
    changes: tuple[Body, ...] = field(default=())
    notes: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Committed:
    """The write was made; the tenant's state is now this."""

    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True)
class Stale:
    """Refused: the tenant's state is not the one expected. ``moved``: what was written since, as far as known."""

    fingerprint: str
    moved: tuple[WriteLogEntry, ...]


@dataclass(frozen=True, slots=True)
class AlreadyApplied:
    """Refused: the journal has this plan for this tenant already, applied ``at``.

    ``stands``: whether the tenant's state is the one that it left (TREE-05); if not, ``moved`` is what was written
    since, as far as known. ``notes``: of the journal's record.
    """

    at: str
    stands: bool = field(default=False, compare=False)
    moved: tuple[WriteLogEntry, ...] = field(default=(), compare=False)
    notes: Body = field(default_factory=dict, compare=False)


def written_after(moves: Iterable[WriteLogEntry], by: str, at: str) -> tuple[WriteLogEntry, ...]:
    """Of the moves since a plan was made, in order, those after its own application, which is the first by this one."""
    found = list(moves)
    own = next((each.revision for each in found if (each.actor, each.at) == (by, at)), 0)
    return tuple(each for each in found if each.revision > own)


Outcome: TypeAlias = Committed | Stale | AlreadyApplied


@dataclass(frozen=True, slots=True)
class Denied:
    """Refused: the guard over mirrored subscriptions denies it to who writes (SUB-17 to SUB-39)."""

    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class TenantWrite:
    """One tenant's part of a write of several. ``expected``: the fingerprint that its state must still have.

    ``record``: what is journalled with it. ``role`` and ``action``: of whom the guard is to know, and what they do
    (`reconciler.model.documents.subscriptions`); without a role, the reconciler writes.
    """

    tenant: str
    writes: tuple[EntityWrite, ...]
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
    """A tenant as it stands within a write, which nobody else writes to until that ends.

    ``came_down``: as `TenantReader.came_down` has it.
    """

    snapshot: Snapshot
    came_down: Lineage


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be written to one tenant. ``record``: what is journalled with it (ORIGIN-02, ORIGIN-03).

    One without writes and record changes nothing, not even the revision.
    """

    writes: tuple[EntityWrite, ...] = ()
    record: Record | None = None

    def __bool__(self) -> bool:
        return bool(self.writes or self.record)


Merge: TypeAlias = Callable[[Current], Edit]
"""Computes an edit from the tenant as it is. It may be called several times, and must not use the store itself."""


Refusal: TypeAlias = Stale | AlreadyApplied | Denied


class Refused(Exception):
    """Ends a transaction that is refused; a store never lets it out."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


def guarded(part: TenantWrite, held: Callable[[EntityId], Entity | None], *, rules: RuleBook | None = None) -> None:
    """Raise `NotPlain` for what the guard denies. ``held``: what the store has now, whatever the writer read.

    ``rules``: all that is declared, by default.
    """
    for write in part.writes if part.role is not None else ():
        found = denial(part.role, part.action, held(write.entity), write.after, rules=rules)
        if found:
            raise Refused(Denied(found.rule, found.detail))


@dataclass(frozen=True, slots=True)
class Standing:
    """What a tenant's state is known by, without reading it: as in its `Snapshot`."""

    fingerprint: str
    revision: int


class TenantReader(Protocol):
    """The half of a store that planning gets."""

    def tenants(self) -> Sequence[str]:
        """The keys of the tenants that have state, sorted."""

    def observe(self, tenant: str, *, verify: bool = False) -> Snapshot:
        """The tenant's whole state, from one consistent read. Raises `StoreError`; a short read never passes.

        ``verify``: take the fingerprint from what was read, and believe nothing that was kept beside it.
        """

    def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:
        """The tenant's state, its bodies to be read when asked for (`LazyState`); ``None`` where that cannot be had.

        ``verify``: its digests are taken from the bodies, all of which are read; no digest that is kept is believed.
        Asking for a body raises `StoreError` once the state is not the one that was sketched any more.
        """

    def standings(self, tenants: Iterable[str]) -> Mapping[str, Standing]:
        """Of these tenants, what is known without reading states; one that is left out has to be observed."""

    def moved_since(self, tenant: str, revision: int) -> Sequence[WriteLogEntry]:
        """What was written after ``revision``, in order."""

    def history(self, tenant: str | None = None) -> Iterable[Record]:
        """The journal, oldest first; of every tenant without ``tenant``."""

    def came_down(self, tenant: str) -> Lineage:
        """Where each of the tenant's entities came down from, as the last journal record about it says (ORIGIN-02).

        It is kept as an index, written in the transaction of each record; the journal is not read for it.
        """

    def close(self) -> None:
        """Release connections. The store is not used afterwards."""


class TenantStore(TenantReader, Protocol):
    """A store that is written to: everything of one call in one transaction, or nothing.

    A call that fails wrote nothing; where that cannot be said, it raises `OutcomeUnknown`.
    """

    def commit(self, record: Record, writes: Sequence[EntityWrite], *, expected: str, revision: int) -> Outcome:
        """Apply ``record.tenant``'s part of a plan and journal it, if its fingerprint is still the ``expected`` one.

        ``revision`` is the one that was read with it: what moved since is told by it.
        """

    def write(self, parts: Sequence[TenantWrite]) -> tuple[Committed, ...] | Refusal:
        """Write to several tenants in one transaction (SUB-19), under the guard; refused, nothing is written at all."""

    def overwrite(self, tenant: str, change: Sequence[EntityWrite] | Merge, *, actor: str, at: str) -> Committed:
        """Write as the outside world does (`tenant import`): no expectation and no guard, but a move for each entity.

        ``change``: the writes, or a function that computes them from the tenant as it is within this write, so that
        nothing that others write is lost. Whatever the function raises ends the write, and nothing is written.
        """
