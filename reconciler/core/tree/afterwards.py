"""What is read of a tenant's state once the tenant was planned: by mirroring, and by the schedule.

A state that others write to meanwhile is read to this end before its plan counts as made, and of a state that is sent
back from another process nothing else is sent.
"""

from reconciler.core.desired import PLAN, PRODUCT
from reconciler.core.schema import kind_shapes, own_items
from reconciler.core.states import fetched, origin_of
from reconciler.core.subscriptions import mirrored_from
from reconciler.model.documents.source import ProviderTree
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId


def dated_plans(provider: ProviderTree) -> frozenset[EntityId]:
    """A provider's plans with dated amounts: those that are not as their documents say."""
    return frozenset(provider.documents.dated(PLAN))


def read_afterwards(state: State, dated: frozenset[EntityId] | None) -> State:
    """What is read of a tenant with nobody below it: its subscriptions, whence its products came, and its plans.

    ``dated``: the plans that may have amounts to come (``None``: all). Raises `Unavailable`.
    """
    products = {id: Entity(id, {}, origin_of(state, id)) for id in state if id.kind == PRODUCT}
    mirrored = mirrored_from(state)
    plans = [id for id in state if id.kind == PLAN and (dated is None or id in dated)]
    fetched(state, plans)
    return {**products, **mirrored, **{id: scheduled_part(state[id]) for id in plans}}


def scheduled_part(plan: Entity) -> Entity:
    """The part of a tenant's plan that the schedule reads: its status, and the items that are the tenant's own."""
    status = {name: plan.body[name] for name in ("status",) if name in plan.body}
    own = own_items(plan.body, kind_shapes()[PLAN].fields, plan.origin or "")
    return Entity(plan.id, {**status, **{name: items for name, items in own.items() if items}}, plan.origin)
