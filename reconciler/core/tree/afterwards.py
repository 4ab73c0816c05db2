"""The parts of a tenant's state that mirroring and the schedule read after the tenant was planned.

They are read before the plan counts as made, in case others write to the state; and nothing else of a state is sent
back from another process.
"""

from reconciler.core.desired import PLAN, PRODUCT
from reconciler.core.schema import kind_shapes, own_items
from reconciler.core.states import StateView, origin_of
from reconciler.core.subscriptions import mirrored_from, mirrored_ids
from reconciler.model.documents.source import ProviderTree
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId


def dated_plans(provider: ProviderTree) -> frozenset[EntityId]:
    """A provider's plans with dated amounts, whose copies depend on the day."""
    return frozenset(provider.documents.dated(PLAN))


def read_afterwards(state: State, dated: frozenset[EntityId] | None) -> State:
    """Reads what is needed of a tenant without resellers: its subscriptions, the origins of its products, and its
    plans.

    ``dated``: the plans that may have future amounts (``None``: all). Raises `Unavailable`.
    """
    fetch_afterwards(state, dated)
    products = {id: Entity(id, {}, origin_of(state, id)) for id in state if id.kind == PRODUCT}
    plans = {id: scheduled_part(state[id]) for id in _scheduled(state, dated)}
    return {**products, **mirrored_from(state), **plans}


def fetch_afterwards(state: State, dated: frozenset[EntityId] | None) -> None:
    """Reads the bodies of `read_afterwards` at once, if the state has not read them. Raises `Unavailable`."""
    if isinstance(state, StateView):
        state.fetch([*mirrored_ids(state), *_scheduled(state, dated)])


def _scheduled(state: State, dated: frozenset[EntityId] | None) -> list[EntityId]:
    return [id for id in state if id.kind == PLAN and (dated is None or id in dated)]


def scheduled_part(plan: Entity) -> Entity:
    """The part of a tenant's plan that the schedule reads: its status, and the tenant's own items."""
    status = {name: plan.body[name] for name in ("status",) if name in plan.body}
    own = own_items(plan.body, kind_shapes()[PLAN].fields, plan.origin or "")
    return Entity(plan.id, {**status, **{name: items for name, items in own.items() if items}}, plan.origin)
