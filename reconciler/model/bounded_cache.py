"""Caches with a size limit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
MOST = 8192
"""The default number of entries: about as many as a large tenant has entities."""


@dataclass(slots=True)
class BoundedCache(Generic[K, V]):
    """A cache by key. If an entry would exceed the total weight ``most``, the cache is cleared first."""

    most: int = MOST
    known: dict[K, V] = field(default_factory=dict)
    weight: int = 0

    def keep(self, key: K, found: V, weight: int = 1) -> V:
        """Stores a value and returns it."""
        if self.weight + weight > self.most:
            self.known.clear()
            self.weight = 0
        self.known[key] = found
        self.weight += weight
        return found


@dataclass(slots=True)
class IdentityCache(Generic[K, V]):
    """A cache keyed by object identity; it keeps its keys alive."""

    made: BoundedCache[int, tuple[K, V]] = field(default_factory=BoundedCache)

    def of(self, thing: K, make: Callable[[K], V]) -> V:
        """The cached result of ``make`` for this object."""
        found = self.made.known.get(id(thing))
        return (found or self.made.keep(id(thing), (thing, make(thing))))[1]
