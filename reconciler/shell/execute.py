"""Executing a plan: tenant by tenant, each in one transaction with its journal record, or not at all.

Nothing is decided here: a tenant whose state moved is refused, and so is what depends on it; the others go on. What is
done of one level of the tree depends on nothing else in that level: `carriers` may do it side by side.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, groupby
from typing import TypeAlias, assert_never

from reconciler.core.entries import change_to_data, data_in_tenant
from reconciler.model.entity import Entity, entity
from reconciler.model.keys import address
from reconciler.model.memory import MemoryOfThings
from reconciler.model.plan import Change, Plan, Read, TenantPlan, TenantStatus
from reconciler.model.values import Body
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    EntityWrite,
    Move,
    Outcome,
    Record,
    Stale,
    StoreError,
    TenantStore,
)

NAMED = 20
"""How many entities that moved are named when a tenant is refused."""


class Result(StrEnum):
    """How a tenant's part of a plan ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Applied:
    """A tenant's part of a plan, carried out or not, and why not."""

    tenant: str
    result: Result
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Warrant:
    """Under what a plan is applied: its digest, the time (ISO 8601), who, and the commit that was planned from.

    ``run``: a name of this one application, where a step may be done twice: by it, what was done is known to be ours.
    """

    plan: str
    at: str
    by: str
    commit: str | None
    run: str = ""


RUN = "run"
"""The note in the journal that names the application of a plan that wrote the record."""


@dataclass(frozen=True, slots=True)
class Check:
    """See that a tenant's state is the one that was planned against."""

    tenant: str
    fingerprint: str
    revision: int


@dataclass(frozen=True, slots=True)
class Write:
    """Write a tenant's part of the plan, with its record, to the state that was planned against."""

    record: Record
    writes: tuple[EntityWrite, ...]
    fingerprint: str
    revision: int

    @property
    def tenant(self) -> str:
        return self.record.tenant


Step: TypeAlias = Check | Write | Applied
"""What is to be done of one tenant; or what is known without doing anything."""
StoreOf: TypeAlias = Callable[[str], TenantStore]
"""A tenant's store. Raises `StoreError` for one that cannot be reached."""
Carry: TypeAlias = Callable[[Iterable[Step]], Iterator[Applied]]
"""Does the steps of one level, and tells of each, in their order."""


def execute(plan: Plan, warrant: Warrant, store_of: StoreOf, *, carry: Carry | None = None) -> Iterator[Applied]:
    """Carry a plan out, upstreams first. ``carry``: how; one tenant after the other, by default.

    What is below a tenant that was refused or failed is refused too (TREE-04). So is what was planned against a state
    that moved since, be it of a tenant that the plan leaves as it is, or that it only read (TREE-03). A provider's own
    system holds nobody up: what comes down is its catalog.
    """
    carry = carry or (lambda steps: (done(step, store_of) for step in steps))
    written = Written()
    outlines = plan.outlines
    known: tuple[Read | TenantPlan, ...] = (*plan.read, *(each.bare for each in outlines))
    upstreams = {each.tenant: each.upstream for each in known}
    relied_on = {above for each in outlines if each.summary.changes for above in _above(each.tenant, upstreams)}
    relied_on -= {each.tenant for each in outlines if not each.bare.upstream}
    stopped: dict[str, str] = {}
    for moved in carry(_check(read) for read in plan.read if read.tenant in relied_on):
        if moved.result is not Result.UNCHANGED:
            stopped[moved.tenant] = "is not as it was when the plan was made"
            yield moved
    for _, wave in groupby(plan.tenants, lambda tenant: len([*_above(tenant.tenant, upstreams)])):
        steps = (
            _held_up(each, upstreams, stopped) or _step(each, warrant, written, relied_on=each.tenant in relied_on)
            for each in wave
        )
        for each in carry(steps):
            held_up = any(above in stopped for above in _above(each.tenant, upstreams))
            if each.result in (Result.REFUSED, Result.FAILED) and upstreams[each.tenant] and not held_up:
                stopped[each.tenant] = "was not applied"
            yield each


def _above(tenant: str, upstreams: Mapping[str, str]) -> Iterator[str]:
    """The tenants above one, as far as the plan knows them, nearest first."""
    while tenant in upstreams:
        tenant = upstreams[tenant]
        yield tenant


def _held_up(tenant: TenantPlan, upstreams: Mapping[str, str], stopped: Mapping[str, str]) -> Applied | None:
    """The refusal of a tenant below one that was not applied."""
    above = next((each for each in _above(tenant.tenant, upstreams) if each in stopped), None)
    if above is None:
        return None
    who = f"its upstream {above}" if above == tenant.upstream else f"{above}, above its upstream,"
    return Applied(tenant.tenant, Result.REFUSED, f"{who} {stopped[above]}")


@dataclass(slots=True)
class Written:
    """Changes as they are written: for the journal, and to the rows. What tenants have in common is made once."""

    known: MemoryOfThings[Change, tuple[Body, tuple[EntityWrite, ...]]] = field(default_factory=MemoryOfThings)

    def of(self, change: Change) -> tuple[Body, tuple[EntityWrite, ...]]:
        if change.common is None:
            return self._made(change)
        data, writes = self.known.of(change.common, self._made)
        return data_in_tenant(data, change), writes

    def _made(self, change: Change) -> tuple[Body, tuple[EntityWrite, ...]]:
        return change_to_data(change), tuple(writes_of(change))


def _step(tenant: TenantPlan, warrant: Warrant, written: Written, *, relied_on: bool) -> Step:
    """What is to be done of a tenant. ``relied_on``: whether something below it changes."""
    if tenant.status is TenantStatus.ERROR:
        return Applied(tenant.tenant, Result.FAILED, tenant.problem or "it could not be planned")
    if not tenant.changes:
        return _check(tenant) if relied_on else Applied(tenant.tenant, Result.UNCHANGED)
    notes = {"allowed": list(tenant.allowed)} if tenant.allowed else {}
    changes, writes = zip(*map(written.of, tenant.changes), strict=True)
    record = Record(
        tenant.tenant,
        warrant.plan,
        warrant.at,
        warrant.by,
        warrant.commit,
        changes,
        {**notes, RUN: warrant.run} if warrant.run else notes,
    )
    return Write(record, tuple(chain.from_iterable(writes)), tenant.fingerprint, tenant.revision)


def _check(read: Read | TenantPlan) -> Check:
    return Check(read.tenant, read.fingerprint, read.revision)


def done(step: Step, store_of: StoreOf) -> Applied:
    """Do one step."""
    try:
        match step:
            case Applied():
                return step
            case Check():
                return _checked(step, store_of(step.tenant))
            case Write():
                return _written(step, store_of(step.tenant))
            case _:
                assert_never(step)
    except StoreError as error:
        return Applied(step.tenant, Result.FAILED, str(error))


def _checked(step: Check, store: TenantStore) -> Applied:
    now = store.standings((step.tenant,)).get(step.tenant) or store.observe(step.tenant)
    if now.fingerprint == step.fingerprint:
        return Applied(step.tenant, Result.UNCHANGED)
    return _told(step.tenant, Stale(now.fingerprint, tuple(store.moved_since(step.tenant, step.revision))))


def _written(step: Write, store: TenantStore) -> Applied:
    """One that is found in the journal under this very run was done by a worker that died before it could tell."""
    outcome = store.commit(step.record, step.writes, expected=step.fingerprint, revision=step.revision)
    if isinstance(outcome, AlreadyApplied) and _is_ours(step.record, store):
        return Applied(step.tenant, Result.APPLIED)
    return _told(step.tenant, outcome)


def _is_ours(record: Record, store: TenantStore) -> bool:
    run = record.notes.get(RUN)
    made = (each for each in store.history(record.tenant) if (each.tenant, each.plan) == (record.tenant, record.plan))
    return bool(run) and any(each.notes.get(RUN) == run for each in made)


def _told(tenant: str, outcome: Outcome) -> Applied:
    match outcome:
        case Committed():
            return Applied(tenant, Result.APPLIED)
        case AlreadyApplied(at):
            return Applied(tenant, Result.REFUSED, f"this plan was applied to it already, at {at}")
        case Stale(_, moved):
            what = _named(tenant, moved) or "something that no write of ours did; plan again"
            return Applied(tenant, Result.REFUSED, f"its state moved since the plan was made: {what}")
        case _:
            assert_never(outcome)


def _named(tenant: str, moved: Sequence[Move]) -> str:
    """Every entity that moved once, with who wrote it last; of very many, the first and how many more."""
    last = {move.entity: f"{address(tenant, move.entity)} (by {move.actor}, {move.at})" for move in moved}
    named = list(last.values())
    rest = [f"and {len(named) - NAMED} more"] if len(named) > NAMED else []
    return ", ".join([*named[:NAMED], *rest])


def writes_of(change: Change) -> Iterator[EntityWrite]:
    """One write; of a rename two (AP-21): the old key goes, the new one comes."""
    before, after = _entity(change.before), _entity(change.after)
    if before is None or before.id == change.entity:
        yield EntityWrite(change.entity, before, after)
        return
    yield EntityWrite(before.id, before, None)
    if after is not None:
        yield EntityWrite(change.entity, None, after)


def _entity(document: Body | None) -> Entity | None:
    return entity(document) if document is not None else None
