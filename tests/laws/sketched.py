"""States told by digests, as a store tells them, and how often the short way was taken with them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.states.lazy_state import LazyState
from reconciler.core.states.managed_digest import of_actual
from reconciler.core.tree.levels import Unreadable
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.shell.engines import engine_of


@dataclass
class Reads:
    """What was read of the sketches: bodies, and of how many."""

    bodies: int = 0
    there: int = 0
    whole: int = 0
    sketches: list[LazyState] = field(default_factory=list)


def sketch(state: State, reads: Reads) -> LazyState:
    """A state as its digests tell it."""

    def read(ids: Collection[EntityId] | None) -> Iterable[Entity]:
        found = list(state.values()) if ids is None else [state[id] for id in ids]
        reads.bodies += len(found)
        reads.whole += ids is None
        return found

    def told(_: Collection[EntityId] | None) -> Iterable[tuple[EntityId, str]]:
        return [(id, each.digest()) for id, each in state.items()]

    made = LazyState({id: of_actual(each) for id, each in state.items()}, lambda: origins(state), read, told)
    reads.there += len(state)
    reads.sketches.append(made)
    return made


def origins(state: State) -> Iterable[tuple[EntityId, str | None]]:
    return ((id, each.origin) for id, each in state.items())


def plans_by_digests(
    planner: TreePlanner, selected: frozenset[str] | None = None
) -> tuple[tuple[TenantPlan, ...], Reads]:
    """What a fold plans that is given digests only, and what it read."""
    reads = Reads()

    def observe(policy: Policy) -> Observed | Unreadable:
        found = planner.observe(policy)
        return found if isinstance(found, Unreadable) else replace(found, state=sketch(found.state, reads))

    return tuple(
        replace(planner, observe=observe, engine=engine_of(planner.rules, incremental=True)).plans(selected)
    ), reads
