"""The scope of a comparison by digests: only entities that differ from the shared desired state are compared."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

from reconciler.core.desired import Desired, Wanted
from reconciler.core.incremental.outcomes import CachedOutcomes, in_no_tenant
from reconciler.core.incremental.shared import Shared
from reconciler.core.planning import EntityOutcome, Scope
from reconciler.core.states import origin_of
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body


@dataclass(frozen=True, slots=True)
class DifferingScope(Scope):
    """Compares only what differs in a tenant; the rest equals the shared desired state (`Shared`).

    ``to_compare``: the entities whose digests differ or cannot decide. ``differing``: those, and the
    ones with outcomes ``taken_over`` from other tenants. ``unwanted_copies``: unwanted copies. ``memory``: the cache of
    outcomes for other tenants.
    """

    shared: "Shared"
    to_compare: frozenset[EntityId]
    differing: Set[EntityId]
    unwanted_copies: frozenset[EntityId]
    taken_over: Mapping[EntityId, EntityOutcome]
    memory: CachedOutcomes

    @property
    def removes(self) -> bool:
        return False

    @property
    def known(self) -> Mapping[EntityId, EntityOutcome]:
        return self.taken_over

    def wanted(self, desired: Desired) -> Iterable[Wanted]:
        return (desired.wanted[id] for id in self.to_compare if id in desired.wanted)

    def holders(self, desired: Desired, id: EntityId) -> Iterable[EntityId]:
        yield from (each for each in self.shared.desired.holders.get(id, ()) if each not in self.to_compare)
        yield from (each for each in self.to_compare if id in desired.needs.get(each, ()))

    def unwanted(self, desired: Desired, actual: State) -> Iterable[EntityId]:  # noqa: ARG002 - as `Scope` has it
        return self.unwanted_copies

    def copies(self, kind: str, desired: Desired, actual: State) -> Mapping[EntityId, Body]:
        ids = (*self.shared.by_kind.get(kind, ()), *(id for id in self.unwanted_copies if id.kind == kind))
        ours = (id for id in ids if origin_of(actual, id) == desired.upstream.key)
        wanted = self.shared.desired.wanted
        return {id: wanted[id].body if self.in_sync(id) else actual[id].body for id in ours}

    def in_sync(self, id: EntityId) -> bool:
        return id in self.shared.synced and id not in self.differing

    def is_named(self, id: EntityId) -> bool:
        return any(map(self.in_sync, self.shared.naming.get(id, ())))

    def record(self, desired: Desired, actual: State, outcome: Callable[[EntityId], EntityOutcome]) -> None:
        upstream, shared = desired.upstream, self.shared.desired
        if upstream.names:
            return
        for id in self.to_compare:
            wanted, have = desired.wanted.get(id), actual.get(id)
            if wanted is None or have is None or have.origin != upstream.key:
                continue
            as_in_others = shared.wanted.get(id) == wanted and shared.needs.get(id) == desired.needs.get(id)
            if as_in_others and (found := outcome(id)).context_free:
                self.memory.keep(id, have.digest(), in_no_tenant(found))
