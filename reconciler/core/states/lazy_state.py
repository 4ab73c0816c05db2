"""A tenant's state as its store's digests describe it: identities are known, and bodies are read on demand."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.states.managed_digest import of_actual
from reconciler.core.states.state_view import StateView
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId

SINGLE_READS = 8
"""The number of bodies that are read one by one; further reads fetch all of them at once."""


@dataclass(frozen=True, eq=False)
class SharedContents:
    """The identical part of several tenants' states: everything but their own documents. Compared by object identity.

    ``synced`` and ``origins``: as in `LazyState`. ``digests``: of the whole entities (`Entity.digest`).
    """

    synced: Mapping[EntityId, str]
    origins: Mapping[EntityId, str | None]
    digests: Mapping[EntityId, str]

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(id.kind for id in self.synced)


class LazyState(StateView):
    """A tenant's state whose bodies are read on demand.

    ``synced``: the digest of the managed part of every entity (`reconciler.core.states.managed_digest`). ``origins``:
    pairs, made into a mapping on demand. ``read``: reads the entities with these identities (``None``: all).
    ``read_digests``: reads their digests (`Entity.digest`). Both raise `Unavailable` if the state changed since.
    """

    common: SharedContents | None = None
    own: Mapping[EntityId, Entity] = {}

    def __init__(
        self,
        synced: Mapping[EntityId, str],
        origins: Callable[[], Iterable[tuple[EntityId, str | None]]],
        read: Callable[[Collection[EntityId] | None], Iterable[Entity]],
        read_digests: Callable[[Collection[EntityId] | None], Iterable[tuple[EntityId, str]]],
    ) -> None:
        self.synced = synced
        self._origins = origins
        self._read = read
        self._read_digests = read_digests
        self._known: dict[EntityId, Entity] = {}
        self._single_reads = 0

    @classmethod
    def of_common(
        cls,
        common: SharedContents,
        own: Mapping[EntityId, tuple[Entity, str]],
        read: Callable[[Collection[EntityId] | None], Iterable[Entity]],
        read_digests: Callable[[Collection[EntityId] | None], Iterable[tuple[EntityId, str]]],
    ) -> "LazyState":
        """The state of a tenant with shared contents and its ``own`` entities, each with its digest as in
        ``synced``.
        """
        made = cls({**common.synced, **{id: synced for id, (_, synced) in own.items()}}, tuple, read, read_digests)
        made.common = common
        made.own = {id: each for id, (each, _) in own.items()}
        made._known = dict(made.own)
        return made

    def corrected(self, entities: Iterable[Entity]) -> "LazyState":
        """The state with these entities replaced. The digests of whole entities stay those of the rows."""
        changes = {each.id: each for each in entities}
        origins = {**self.origins, **{id: each.origin for id, each in changes.items()}}
        synced = {**self.synced, **{id: of_actual(each) for id, each in changes.items()}}
        made = LazyState(synced, origins.items, self._read, self._read_digests)
        made._known = {**self._known, **changes}
        return made

    @cached_property
    def kinds(self) -> frozenset[str]:
        if self.common:
            return self.common.kinds.union(id.kind for id in self.own)
        return frozenset(id.kind for id in self.synced)

    @cached_property
    def origins(self) -> Mapping[EntityId, str | None]:
        if self.common:
            return {**self.common.origins, **{id: each.origin for id, each in self.own.items()}}
        return dict(self._origins())

    def origin(self, id: EntityId) -> str | None:
        """The origin of an entity; ``None`` for an own one or a missing one."""
        if self.common is None:
            return self.origins.get(id)
        own = self.own.get(id)
        return own.origin if own else self.common.origins.get(id)

    def fetch(self, ids: Iterable[EntityId] | None = None) -> None:
        """Reads the bodies of these entities (``None``: of all) that were not read yet."""
        wanted = self.synced.keys() if ids is None else self.synced.keys() & set(ids)
        missing = wanted - self._known.keys()
        if not missing:
            return
        for each in self._read(self._or_all(missing)):
            self._known.setdefault(each.id, each)  # corrected entities stay

    def digests(self, ids: Collection[EntityId]) -> dict[EntityId, str]:
        """The digests of these whole entities, all of which must exist; of others too, if that is faster to read."""
        if self.common and self.common.digests.keys() >= set(ids):
            return {id: self.common.digests[id] for id in ids}
        return dict(self._read_digests(self._or_all(ids))) if ids else {}

    def _or_all(self, ids: Collection[EntityId]) -> Collection[EntityId] | None:
        """The entities to read: these, or everything if that is at most twice as much."""
        return None if 2 * len(ids) > len(self.synced) else sorted(ids)

    def whole(self) -> State:
        """All entities, read and sorted."""
        self.fetch()
        return dict(sorted(self._known.items()))

    def __getitem__(self, id: EntityId) -> Entity:
        if id not in self._known:
            if id not in self.synced:
                raise KeyError(id)
            self._single_reads += 1
            self.fetch((id,) if self._single_reads <= SINGLE_READS else None)
        return self._known[id]

    def __contains__(self, id: object) -> bool:
        return id in self.synced

    def __iter__(self) -> Iterator[EntityId]:
        return iter(self.synced)

    def __len__(self) -> int:
        return len(self.synced)
