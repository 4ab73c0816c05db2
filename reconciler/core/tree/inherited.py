"""Entities and prices that a tenant does not get because they are withheld or blocked there or above (TREE-02)."""

from collections.abc import Iterator, Mapping

from reconciler.core.desired import CYCLES, PLAN, PRODUCT, InheritedBlock, Upstream, delegated_list
from reconciler.core.planning import Planned
from reconciler.core.schema import copy_of, kind_shapes, reference_nodes_of_kind, references
from reconciler.model.documents.catalog import ACTIVE
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import Action, Root, Verdict
from reconciler.model.plans.plan import Deferred, TenantPlan
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.entity import entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body

PRICE_DEPTH = 3
"""The length of the path of a purchase price: ``billing_cycles.P1M.purchase_price``."""


def held_at(policy: Policy, planned: Planned, above: Upstream) -> Mapping[EntityId, InheritedBlock]:
    """The entities that a tenant does not get, or that stay disabled there, with the root cause.

    A copy that stays disabled because its original does has the original's cause; a dependency of an entity that is not
    created has that entity's cause.
    """
    plans = (EntityId(PLAN, key) for key in delegated_list(policy, above))
    still = {
        id: InheritedBlock(above.held[id].root, planned.after[id].body)
        for id in plans
        if id in above.held and id in planned.after and planned.after[id].body.get("status", ACTIVE) != ACTIVE
    }
    not_created = {_id_in_tenant(each, planned): each for each in _not_created(planned.plan)}
    held = still | {id: _held(policy.reseller, each, above.held) for id, each in not_created.items()}
    return held | _held_dependencies(held, planned, above)


def _id_in_tenant(deferred: Deferred, planned: Planned) -> EntityId:
    """The identity in the tenant: the old key, if the entity's rename is held too (AP-21)."""
    before = deferred.change.before
    old = entity(before).id if before else deferred.change.entity
    return old if old in planned.after else deferred.change.entity


def mirrors_held(
    policy: Policy, planned: Planned, known: Mapping[EntityId, InheritedBlock]
) -> Mapping[EntityId, InheritedBlock]:
    """The mirrors of a reseller's subscriptions that its distributor does not get, with the root cause (TREE-02)."""
    return {each.change.entity: _held(policy.upstream, each, known) for each in _not_created(planned.plan)}


def prices_held(plan: TenantPlan) -> Mapping[tuple[str, str], Root]:
    """Why prices of a reseller's list do not become its purchase prices, by product and unit (SUB-13)."""
    found = (
        ((each.change.entity.key, field.path[1]), each)
        for each in plan.deferred
        if each.change.entity.kind == PRODUCT and each.reason in (Verdict.WITHHELD, Verdict.BLOCKED)
        for field in each.change.fields
        if len(field.path) == PRICE_DEPTH and (field.path[0], field.path[-1]) == (CYCLES, "purchase_price")
    )
    return {at: _root(plan.tenant, each) for at, each in found}


def _not_created(plan: TenantPlan) -> Iterator[Deferred]:
    for each in plan.deferred:
        returns = any((field.path, field.after) == (("status",), ACTIVE) for field in each.change.fields)
        if each.reason != Verdict.UNMANAGED and (each.change.action is Action.CREATE or returns):
            yield each


def _held(tenant: str, deferred: Deferred, above: Mapping[EntityId, InheritedBlock]) -> InheritedBlock:
    after = deferred.change.after
    body = entity(after).body if after else {}
    if known := above.get(deferred.change.entity):
        return InheritedBlock(known.root, body)
    return InheritedBlock(_root(tenant, deferred), body)


def _root(tenant: str, deferred: Deferred) -> Root:
    place = Place(deferred.policy.file, deferred.policy.line) if deferred.policy else None
    verdict = Verdict(deferred.reason)
    return Root(tenant, verdict, deferred.rule, deferred.allowed_by, deferred.detail, place, deferred.hold)


def _held_dependencies(
    held: Mapping[EntityId, InheritedBlock], planned: Planned, above: Upstream
) -> dict[EntityId, InheritedBlock]:
    """The dependencies that are not created either, each with the cause of the first entity that needs it.

    A disabled copy that is not enabled again brings no dependencies (decision 002).
    """
    dependencies: dict[EntityId, InheritedBlock] = {}
    queue = sorted(id for id in held if id not in planned.after)
    while queue:
        by = queue.pop(0)
        holder = dependencies.get(by) or held[by]
        for id in references(holder.body, reference_nodes_of_kind(by.kind)):
            if id in held or id in dependencies or id in planned.after:
                continue
            if body := _as_created(id, above):
                dependencies[id] = InheritedBlock(holder.root, body)
                queue.append(id)
    return dependencies


def _as_created(id: EntityId, above: Upstream) -> Body | None:
    """The body that a dependency would have, if the upstream has it or inherits a block of it."""
    if id in above.state:
        return copy_of(above.state[id].body, kind_shapes()[id.kind].fields, above.key)
    return above.held[id].body if id in above.held else None
