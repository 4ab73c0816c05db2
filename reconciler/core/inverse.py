"""The plan that undoes an applied one: what it changed, the other way round, where nothing has moved since.

An entity that is no longer as the plan left it is blocked, and named, and so is what it needs; the rest of its tenant
is undone.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from reconciler.core.order import in_order
from reconciler.core.planning import Observed
from reconciler.core.shape import kind_shapes, references
from reconciler.model.change import Action
from reconciler.model.entity import State, entity
from reconciler.model.keys import EntityId, address
from reconciler.model.plan import Change, Deferred, FieldChange, Plan, TenantPlan, TenantStatus
from reconciler.model.values import Body

STALE = "TREE-04"

Look: TypeAlias = Callable[[str], Observed | str]
"""A tenant's state, or why it cannot be read."""

_OPPOSITE = {Action.CREATE: Action.DELETE, Action.DELETE: Action.CREATE, Action.UPDATE: Action.UPDATE}


def inverse(plan: Plan, look: Look) -> tuple[TenantPlan, ...]:
    """The tenants' parts of the inverse, in the plan's order; tenants that it left alone have none."""
    return tuple(_undone(tenant, look(tenant.tenant)) for tenant in plan.tenants if tenant.changes)


def _undone(tenant: TenantPlan, observed: Observed | str) -> TenantPlan:
    if isinstance(observed, str):
        return TenantPlan(tenant.tenant, tenant.upstream, TenantStatus.ERROR, "", problem=observed)
    state = observed.state
    held = {
        each.entity: f"{each.address} is not as the plan left it" for each in tenant.changes if not _stands(each, state)
    }
    while needed := _still_needed(tenant, state, frozenset(held)):
        held |= needed
    changes = in_order(_swapped(each) for each in tenant.changes if each.entity not in held)
    return TenantPlan(
        tenant=tenant.tenant,
        upstream=tenant.upstream,
        status=TenantStatus.CHANGES if changes else TenantStatus.BLOCKED,
        fingerprint=observed.fingerprint,
        revision=observed.revision,
        changes=changes,
        deferred=tuple(_blocked(each, state, held[each.entity]) for each in tenant.changes if each.entity in held),
    )


def _still_needed(tenant: TenantPlan, state: State, held: frozenset[EntityId]) -> dict[EntityId, str]:
    """What would be removed although something that stays, or comes back, names it; and what that is."""
    undone = {each.entity: each for each in tenant.changes if each.entity not in held}
    gone = {id for id, each in undone.items() if each.action is Action.CREATE}
    bodies = {id: each.body for id, each in state.items() if id not in gone}
    bodies |= {id: entity(each.before).body for id, each in undone.items() if each.before is not None}
    needed: dict[EntityId, str] = {}
    for id, body in sorted(bodies.items(), key=lambda item: item[0]):
        shape = kind_shapes().get(id.kind)
        for target in references(body, shape.fields) if shape else ():
            if target in gone:
                needed[target] = f"{address(tenant.tenant, target)} is needed by {address(tenant.tenant, id)}"
    return needed


def _stands(change: Change, state: State) -> bool:
    """Whether the entity is as the plan left it."""
    have = state.get(change.entity)
    return have == (entity(change.after) if change.after is not None else None)


def _swapped(change: Change) -> Change:
    return replace(
        change,
        action=_OPPOSITE[change.action],
        before=change.after,
        after=change.before,
        fields=tuple(map(_swapped_field, change.fields)),
        cause=None,
        declared_at=None,
        needed_by=(),
    )


def _swapped_field(field: FieldChange) -> FieldChange:
    """No document declares the value that comes back."""
    return replace(field, before=field.after, after=field.before, cause=None, declared_at=None)


def _blocked(change: Change, state: State, why: str) -> Deferred:
    """What moved is not undone: its way back would undo what somebody else did."""
    have = state.get(change.entity)
    before: Body | None = have.document() if have else None
    detail = f"{why}: undo it by hand, or leave it"
    back = replace(_swapped(change), before=before)
    return Deferred("blocked", STALE, change.allowed_by, detail, None, back)
