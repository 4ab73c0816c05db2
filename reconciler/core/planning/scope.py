"""The part of a tenant that is compared, and the known outcomes of the rest. `Scope` itself compares everything.

This is the only seam for an engine that does less work: it gives a comparison its own scope, whose answers must equal
those of a full comparison. The rules ask the scope and do not know its type.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.desired import Desired, Wanted
from reconciler.core.planning.price_changes import PriceChanges
from reconciler.core.states import entities_with_origin, origin_of
from reconciler.model.plans.change import Judged
from reconciler.model.plans.plan import Change, Deferred
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body


@dataclass(frozen=True, slots=True)
class EntityOutcome:
    """The outcome of one entity of a tenant.

    ``change`` and ``after`` are ``None`` if nothing is applied. ``held``: what is deferred, each with the verdicts that
    it is worded from. ``price_changes``: the prices that the change changes. ``context_free``: the outcome depends only
    on the entity itself and on being wanted.
    """

    change: Change | None
    after: Entity | None
    held: tuple[tuple[tuple[Judged, ...], Deferred], ...]
    price_changes: PriceChanges
    context_free: bool


class Scope:
    """Compares every wanted entity; see `Comparison`."""

    @property
    def removes(self) -> bool:
        """Whether something may have to be removed, so that the tenant must be searched for it."""
        return True

    @property
    def known(self) -> Mapping[EntityId, EntityOutcome]:
        """The outcomes of differing entities that are not compared."""
        return {}

    def wanted(self, desired: Desired) -> Iterable[Wanted]:
        """The wanted entities to compare."""
        return desired.wanted.values()

    def holders(self, desired: Desired, id: EntityId) -> Iterable[EntityId]:
        """The wanted entities that need an entity."""
        return desired.holders.get(id, ())

    def unwanted(self, desired: Desired, actual: State) -> Iterable[EntityId]:
        """The copies in the tenant that may no longer be wanted."""
        return entities_with_origin(actual, desired.upstream.key)

    def copies(self, kind: str, desired: Desired, actual: State) -> Mapping[EntityId, Body]:
        """The copies of a kind in the tenant."""
        ours = (id for id in actual if id.kind == kind and origin_of(actual, id) == desired.upstream.key)
        return {id: actual[id].body for id in ours}

    def in_sync(self, _id: EntityId) -> bool:
        """Whether an entity is known to be in sync, and so references the same entities as its upstream's body."""
        return False

    def is_named(self, _id: EntityId) -> bool:
        """Whether an entity that is known to be in sync references this unwanted entity."""
        return False

    def record(self, _desired: Desired, _actual: State, _outcome: Callable[[EntityId], EntityOutcome]) -> None:
        """Stores the outcomes of the compared entities. ``outcome``: returns that of an entity."""


EVERYTHING = Scope()
