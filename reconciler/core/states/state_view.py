"""States in memory or read on demand, with functions that read no more bodies than necessary.

A tenant's state is a mapping of entities. One whose bodies are read on demand is a `StateView`; callers of the
functions here need not know which kind they have.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, ItemsView, Iterable, Iterator, Mapping, Set, ValuesView

from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId


class Unavailable(Exception):
    """A state, or a part of it, could not be read; the message is for people."""


class StateView(Mapping[EntityId, Entity], ABC):
    """A state whose identities and origins are known, and whose bodies are read on demand.

    Reading a body raises `Unavailable` if the state changed since it was first read.
    """

    @property
    @abstractmethod
    def kinds(self) -> Set[str]:
        """The kinds of the entities, and perhaps of removed ones."""

    @abstractmethod
    def origin(self, id: EntityId) -> str | None:
        """The origin of an entity; ``None`` for an own one or a missing one."""

    @abstractmethod
    def fetch(self, ids: Iterable[EntityId] | None = None) -> None:
        """Reads the bodies of these entities (``None``: of all) at once."""

    @abstractmethod
    def corrected(self, entities: Iterable[Entity]) -> "StateView":
        """The state with these entities replaced."""

    def whole(self) -> State:
        """All entities, read and sorted."""
        return dict(sorted(self.items()))

    def digests(self, ids: Collection[EntityId]) -> Mapping[EntityId, str]:
        """`Entity.digest` of these entities, all of which must exist; of others too, if that is faster to read."""
        self.fetch(ids)
        return {id: self[id].digest() for id in ids}

    def items(self) -> ItemsView[EntityId, Entity]:
        self.fetch()
        return super().items()

    def values(self) -> ValuesView[Entity]:
        self.fetch()
        return super().values()


class ChangedView(StateView):
    """A view with some entities replaced or removed (``None``); the rest is not read for it."""

    def __init__(self, before: StateView, changes: Mapping[EntityId, Entity | None]) -> None:
        self.before = before
        self.changes = changes

    @property
    def kinds(self) -> Set[str]:
        return self.before.kinds | {id.kind for id in self.changes}

    def origin(self, id: EntityId) -> str | None:
        if id not in self.changes:
            return self.before.origin(id)
        found = self.changes[id]
        return found.origin if found else None

    def fetch(self, ids: Iterable[EntityId] | None = None) -> None:
        self.before.fetch(ids)

    def corrected(self, entities: Iterable[Entity]) -> "ChangedView":
        return ChangedView(self.before, {**self.changes, **{each.id: each for each in entities}})

    def __getitem__(self, id: EntityId) -> Entity:
        if id not in self.changes:
            return self.before[id]
        found = self.changes[id]
        if found is None:
            raise KeyError(id)
        return found

    def __contains__(self, id: object) -> bool:
        return self.changes[id] is not None if id in self.changes else id in self.before  # type: ignore[index]

    def __iter__(self) -> Iterator[EntityId]:
        yield from (id for id in self.before if self.changes.get(id, self) is not None)
        yield from (id for id, each in self.changes.items() if each is not None and id not in self.before)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def whole(state: State) -> State:
    """The state with every body read."""
    return state.whole() if isinstance(state, StateView) else state


def fetched(state: State, ids: Iterable[EntityId] | None = None) -> State:
    """The same state, after reading the bodies of these entities (``None``: of all) at once."""
    if isinstance(state, StateView):
        state.fetch(ids)
    return state


def kinds_of(state: State) -> Set[str]:
    """The kinds of the entities, and perhaps of removed ones."""
    return state.kinds if isinstance(state, StateView) else {id.kind for id in state}


def origin_of(state: State, id: EntityId) -> str | None:
    """The origin of an entity; ``None`` for a tenant's own or a missing one."""
    if isinstance(state, StateView):
        return state.origin(id)
    have = state.get(id)
    return have.origin if have else None


def entities_with_origin(state: State, origin: str) -> Iterator[EntityId]:
    """The entities with an origin."""
    return (id for id in state if origin_of(state, id) == origin)


def digests_of(state: State, ids: Collection[EntityId]) -> Mapping[EntityId, str]:
    """`Entity.digest` of these entities, all of which must exist, and perhaps of others."""
    return state.digests(ids) if isinstance(state, StateView) else {id: state[id].digest() for id in ids}


def changed(state: State, changes: Mapping[EntityId, Entity | None]) -> State:
    """The state after changes; ``None`` removes an entity."""
    if isinstance(state, StateView):
        return ChangedView(state, changes)
    after = {**state, **changes}
    return {id: each for id, each in after.items() if each is not None}


def corrected(state: State, entities: Iterable[Entity]) -> State:
    """The state with these entities replaced, sorted as before."""
    if isinstance(state, StateView):
        return state.corrected(entities)
    return dict(sorted({**state, **{each.id: each for each in entities}}.items()))
