"""What of a tenant is compared, and what is known of the rest. `Scope` itself compares everything, and knows nothing.

This is the one seam for an engine that does less work: it gives a comparison a scope of its own, which answers as
comparing everything would. The rules ask the scope, and know nothing of who answers.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.desired import Desired, Wanted
from reconciler.core.planning.price_changes import PriceChanges
from reconciler.core.states import came_down, origin_of
from reconciler.model.plans.change import Judged
from reconciler.model.plans.plan import Change, Deferred
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body


@dataclass(frozen=True, slots=True)
class EntityOutcome:
    """What becomes of one entity of a tenant.

    ``change`` and ``after`` are ``None`` where nothing of it applies. ``held``: what is deferred, each with the judged
    differences that it is worded from. ``moves``: the prices that the change moves. ``context_free``: it depends on
    nothing in the tenant but the entity itself, and that something wants it there.
    """

    change: Change | None
    after: Entity | None
    held: tuple[tuple[tuple[Judged, ...], Deferred], ...]
    moves: PriceChanges
    context_free: bool


class Scope:
    """Everything is compared. Entities are compared with what is wanted of them; see `Comparison`."""

    @property
    def removes(self) -> bool:
        """Whether something may have to be removed, so that the tenant is looked through for it."""
        return True

    @property
    def known(self) -> Mapping[EntityId, EntityOutcome]:
        """The outcomes of entities that differ and are not compared."""
        return {}

    def wanted(self, desired: Desired) -> Iterable[Wanted]:
        """What is to be compared of what is wanted."""
        return desired.wanted.values()

    def holders(self, desired: Desired, id: EntityId) -> Iterable[EntityId]:
        """What is wanted and needs an entity."""
        return desired.holders.get(id, ())

    def unwanted(self, desired: Desired, actual: State) -> Iterable[EntityId]:
        """What came down to the tenant and may not be wanted any more."""
        return came_down(actual, desired.upstream.key)

    def copies(self, kind: str, desired: Desired, actual: State) -> Mapping[EntityId, Body]:
        """The entities of a kind that came down to the tenant, as they are there."""
        ours = (id for id in actual if id.kind == kind and origin_of(actual, id) == desired.upstream.key)
        return {id: actual[id].body for id in ours}

    def in_sync(self, _id: EntityId) -> bool:
        """Whether an entity is known to be in sync, and so names what its upstream's body names."""
        return False

    def is_named(self, _id: EntityId) -> bool:
        """Whether something that is known to be in sync names an entity that is not wanted."""
        return False

    def record(self, _desired: Desired, _actual: State, _outcome: Callable[[EntityId], EntityOutcome]) -> None:
        """Take note of the outcomes of entities that were compared. ``outcome``: finds the one of an entity."""


EVERYTHING = Scope()
