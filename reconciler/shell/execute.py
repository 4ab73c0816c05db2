"""Executing a plan: tenant by tenant, each in one transaction with its journal record, or not at all.

Nothing is decided here: a tenant whose state moved is refused, and so is what depends on it; the others go on.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from reconciler.core.codec import change_to_data
from reconciler.model.entity import Entity, entity
from reconciler.model.keys import address
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
    """Under what a plan is applied: its digest, the time (ISO 8601), who, and the commit that was planned from."""

    plan: str
    at: str
    by: str
    commit: str | None


def execute(plan: Plan, warrant: Warrant, store_of: Callable[[str], TenantStore]) -> Iterator[Applied]:
    """Carry a plan out, upstreams first. ``store_of`` raises `StoreError` for a tenant that cannot be reached.

    What is below a tenant that was refused or failed is refused too (TREE-04). So is what was planned against a state
    that moved since, be it of a tenant that the plan leaves as it is, or that it only read (TREE-03). A provider's own
    system holds nobody up: what comes down is its catalog.
    """
    outlines = plan.outlines
    known: tuple[Read | TenantPlan, ...] = (*plan.read, *(each.bare for each in outlines))
    upstreams = {each.tenant: each.upstream for each in known}
    relied_on = {above for each in outlines if each.summary.changes for above in _above(each.tenant, upstreams)}
    relied_on -= {each.tenant for each in outlines if not each.bare.upstream}
    stopped: dict[str, str] = {}
    for read in plan.read:
        if read.tenant in relied_on and (moved := _moved(read, store_of)):
            stopped[read.tenant] = "is not as it was when the plan was made"
            yield moved
    for tenant in plan.tenants:
        above = next((each for each in _above(tenant.tenant, upstreams) if each in stopped), None)
        if above is not None:
            who = f"its upstream {above}" if above == tenant.upstream else f"{above}, above its upstream,"
            yield Applied(tenant.tenant, Result.REFUSED, f"{who} {stopped[above]}")
            continue
        done = _moved(tenant, store_of) if tenant.tenant in relied_on and not tenant.changes else None
        done = done or _apply(tenant, warrant, store_of)
        if done.result in (Result.REFUSED, Result.FAILED) and tenant.upstream:
            stopped[tenant.tenant] = "was not applied"
        yield done


def _above(tenant: str, upstreams: Mapping[str, str]) -> Iterator[str]:
    """The tenants above one, as far as the plan knows them, nearest first."""
    while tenant in upstreams:
        tenant = upstreams[tenant]
        yield tenant


def _moved(read: Read | TenantPlan, store_of: Callable[[str], TenantStore]) -> Applied | None:
    """The refusal of a tenant whose state is not the one that was planned against; `None` where it is."""
    if isinstance(read, TenantPlan) and read.status is TenantStatus.ERROR:
        return None
    try:
        store = store_of(read.tenant)
        now = store.observe(read.tenant)
        if now.fingerprint == read.fingerprint:
            return None
        return _told(read.tenant, Stale(now.fingerprint, tuple(store.moved_since(read.tenant, read.revision))))
    except StoreError as error:
        return Applied(read.tenant, Result.FAILED, str(error))


def _apply(tenant: TenantPlan, warrant: Warrant, store_of: Callable[[str], TenantStore]) -> Applied:
    if tenant.status is TenantStatus.ERROR:
        return Applied(tenant.tenant, Result.FAILED, tenant.problem or "it could not be planned")
    if not tenant.changes:
        return Applied(tenant.tenant, Result.UNCHANGED)
    record = Record(
        tenant.tenant,
        warrant.plan,
        warrant.at,
        warrant.by,
        warrant.commit,
        tuple(change_to_data(change) for change in tenant.changes),
        {"allowed": list(tenant.allowed)} if tenant.allowed else {},
    )
    writes = [write for change in tenant.changes for write in writes_of(change)]
    try:
        outcome = store_of(tenant.tenant).commit(record, writes, expected=tenant.fingerprint, revision=tenant.revision)
    except StoreError as error:
        return Applied(tenant.tenant, Result.FAILED, str(error))
    return _told(tenant.tenant, outcome)


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
