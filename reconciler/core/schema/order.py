"""The order of changes: an entity is created before the entities that reference it, and removed after them."""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from graphlib import TopologicalSorter

from reconciler.core.schema.fields import kind_shapes
from reconciler.core.schema.references import has_reference, kinds_in, reference_nodes
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, TenantPlan


def execution_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Creations and updates first, each after what it references; then removals, in reverse order."""
    return tuple(sorted(changes, key=_rank))


def _rank(change: Change) -> tuple[bool, int, str, str]:
    ranks = kind_ranks()
    rank = ranks.get(change.entity.kind, len(ranks))
    removal = change.action is Action.DELETE
    return (removal, -rank if removal else rank, change.entity.kind, change.entity.key)


def under_its_own_keys(plan: TenantPlan) -> TenantPlan:
    """A plan in which every removed entity has the key that the tenant stores it under.

    Removals are judged under the key that the upstream gave the entity (AP-21), which the tenant never gets.
    """
    own = {each.entity: each.was for each in plan.changes if each.action is Action.DELETE and each.was != each.entity}
    if not own:
        return plan
    changes = (
        replace(
            each,
            entity=own.get(each.entity, each.entity),
            needed_by=tuple(own.get(needing, needing) for needing in each.needed_by),
        )
        for each in plan.changes
    )
    return replace(plan, changes=execution_order(changes))


@cache
def kind_ranks() -> dict[str, int]:
    """The rank of every synchronised kind: after all kinds that its entities reference."""
    graph = {
        kind: sorted(kind_shapes().keys() & set(kinds_in(reference_nodes(shape.fields, has_reference))) - {kind})
        for kind, shape in sorted(kind_shapes().items())
    }
    return {kind: rank for rank, kind in enumerate(TopologicalSorter(graph).static_order())}
