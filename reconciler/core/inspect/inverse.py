"""The plan that undoes an applied one: its changes in reverse, for entities that nothing changed since.

An entity that is no longer as the plan left it is blocked and named, and so are its dependencies; the rest of its
tenant is undone. A mirror is not undone: it follows its source, and would only be drift (SUB-40, SUB-41).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TypeAlias

from reconciler.core.planning import Observed
from reconciler.core.schema import execution_order, kind_shapes, reference_nodes_of_kind, references
from reconciler.core.subscriptions import mirrored_kinds
from reconciler.model.plans.change import Action, HeldBy, HoldKind
from reconciler.model.plans.plan import Change, Deferred, FieldChange, Plan, PlanWarning, TenantPlan, TenantStatus
from reconciler.model.values.entity import State, entity
from reconciler.model.values.keys import EntityId, address
from reconciler.model.values.plain_values import Body, get

STALE, MIRROR_STAYS, MIRROR_FOLLOWS = "TREE-04", "SUB-41", "SUB-40"
BY_HAND = "undo it by hand, or leave it"

ReadState: TypeAlias = Callable[[str], Observed | str]
"""Returns a tenant's state, or why it cannot be read."""
Warn: TypeAlias = Callable[[str, State, tuple[Change, ...]], tuple[PlanWarning, ...]]
"""Returns the warnings for a tenant, its state and the changes that undo the plan."""

_OPPOSITE = {Action.CREATE: Action.DELETE, Action.DELETE: Action.CREATE, Action.UPDATE: Action.UPDATE}


def no_warnings(_tenant: str, _state: State, _changes: tuple[Change, ...]) -> tuple[PlanWarning, ...]:
    """Warns of nothing: for callers that know no policies."""
    return ()


def inverse(plan: Plan, look: ReadState, warn: Warn = no_warnings) -> Iterator[TenantPlan]:
    """The inverse by tenant, in the plan's order; tenants that the plan did not change have none."""
    return (_undone(tenant, look(tenant.tenant), warn) for tenant in plan.tenants if tenant.changes)


def _undone(tenant: TenantPlan, observed: Observed | str, warn: Warn) -> TenantPlan:
    if isinstance(observed, str):
        return TenantPlan(
            tenant.tenant, tenant.upstream, TenantStatus.ERROR, "", problem=observed, currency=tenant.currency
        )
    state = observed.state
    mirrors = {each.entity: _follows(each) for each in tenant.changes if _mirror(each)}
    moved = {each.entity: f"{why}: {BY_HAND}" for each in tenant.changes if (why := _changed_since(each, state))}
    held = moved | mirrors
    while more := _still_needed(tenant, state, frozenset(held)) | _not_restorable(tenant, state, frozenset(held)):
        held |= more
    changes = execution_order(_swapped(each) for each in tenant.changes if each.entity not in held)
    return TenantPlan(
        tenant=tenant.tenant,
        upstream=tenant.upstream,
        status=TenantStatus.CHANGES if changes else TenantStatus.BLOCKED,
        fingerprint=observed.fingerprint,
        revision=observed.revision,
        currency=tenant.currency,
        changes=changes,
        deferred=tuple(_blocked(each, state, held[each.entity]) for each in tenant.changes if each.entity in held),
        warnings=warn(tenant.tenant, state, changes),
    )


def _still_needed(tenant: TenantPlan, state: State, held: frozenset[EntityId]) -> dict[EntityId, str]:
    """Entities whose removal or rename is blocked because a remaining or restored entity references them, and why."""
    undone = {each.entity: each for each in tenant.changes if each.entity not in held}
    gone = {id for id, each in undone.items() if each.action is Action.CREATE or each.was != id}
    bodies = {id: each.body for id, each in state.items() if id not in gone}
    bodies |= {id: entity(each.before).body for id, each in undone.items() if each.before is not None}
    needed: dict[EntityId, str] = {}
    for id, body in sorted(bodies.items(), key=lambda item: item[0]):
        for target in references(body, reference_nodes_of_kind(id.kind)) if id.kind in kind_shapes() else ():
            if target in gone:
                needing = f"{address(tenant.tenant, target)} is needed by {address(tenant.tenant, id)}"
                needed[target] = f"{needing}: {BY_HAND}"
    return needed


def _mirror(change: Change) -> bool:
    """Whether the change is of a mirror."""
    there = change.after or change.before or {}
    return change.entity.kind in mirrored_kinds() and there.get("origin") is not None


def _follows(change: Change) -> str:
    reseller = (change.after or change.before or {})["origin"]
    source = EntityId(change.entity.kind, change.entity.key.removeprefix(f"{reseller}."))
    return (
        f"{change.address} is a mirror: it follows {address(reseller, source)}, and what its prices come from; "
        "undo it there, and the mirror follows"
    )


def _not_restorable(tenant: TenantPlan, state: State, held: frozenset[EntityId]) -> dict[EntityId, str]:
    """Entities whose restoration is blocked because they reference an entity that is not restored, and why."""
    lost = {each.was for each in tenant.changes if each.entity in held} - state.keys()
    wanting: dict[EntityId, str] = {}
    for each in tenant.changes:
        if each.entity not in held and each.before is not None:
            for target in lost.intersection(
                references(entity(each.before).body, reference_nodes_of_kind(each.entity.kind))
            ):
                lost_target = f"{address(tenant.tenant, target)}, which does not come back"
                wanting[each.entity] = f"{each.address} needs {lost_target}: {BY_HAND}"
    return wanting


def _changed_since(change: Change, state: State) -> str:
    """Why the entity cannot be restored: it is not as the plan left it, or its former key is in use (AP-21)."""
    have = state.get(change.entity)
    if have != (entity(change.after) if change.after is not None else None):
        return f"{change.address} is not as the plan left it"
    if change.was != change.entity and change.was in state:
        return f"{address(change.tenant, change.was)}, which it was, is there again"
    return ""


def _swapped(change: Change) -> Change:
    return replace(
        change,
        entity=change.was,
        action=_OPPOSITE[change.action],
        before=change.after,
        after=change.before,
        fields=tuple(_swapped_field(each, change.before or {}) for each in change.fields),
        cause=None,
        declared_at=None,
        needed_by=(),
    )


def _swapped_field(field: FieldChange, before: Body) -> FieldChange:
    """The reversed field. No document declares the restored value; a dated amount is restored as a whole, not as on the
    day.
    """
    there = get(before, field.path)
    dated = isinstance(there, list) and any(isinstance(each, Mapping) and "amount" in each for each in there)
    after = there if dated else field.before
    return replace(field, before=field.after, after=after, cause=None, declared_at=None)


def _blocked(change: Change, state: State, why: str) -> Deferred:
    """A changed entity is not undone, since that would undo what somebody else did."""
    have = state.get(change.entity)
    before: Body | None = have.document() if have else None
    rule = STALE
    if _mirror(change):
        rule = MIRROR_STAYS if change.action is Action.CREATE else MIRROR_FOLLOWS
    back = replace(_swapped(change), before=before)
    held = HeldBy(HoldKind.PRECONDITION, change.tenant)
    return Deferred("blocked", rule, change.allowed_by, why, None, replace(back, entity=change.entity), held)
