"""Executing a plan: tenant by tenant, each in one transaction with its journal record, or not at all.

Nothing is decided here: a tenant whose state moved is refused, and so is what depends on it; the others go on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from reconciler.core.codec import change_to_data
from reconciler.model.entity import Entity, entity
from reconciler.model.keys import address
from reconciler.model.plan import Change, Plan, TenantPlan, TenantStatus
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
    """Carry a plan out, upstreams first. ``store_of`` raises `StoreError` for a tenant that cannot be reached."""
    stopped: dict[str, str] = {}
    for tenant in plan.tenants:
        if tenant.upstream in stopped:
            done = Applied(tenant.tenant, Result.REFUSED, f"its upstream {tenant.upstream} was not applied")
        else:
            done = _apply(tenant, warrant, store_of)
        if done.result in (Result.REFUSED, Result.FAILED):
            stopped[tenant.tenant] = done.problem
        yield done


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
    )
    writes = [_write(change) for change in tenant.changes]
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


def _write(change: Change) -> EntityWrite:
    return EntityWrite(change.entity, _entity(change.before), _entity(change.after))


def _entity(document: Body | None) -> Entity | None:
    return entity(document) if document is not None else None
