"""What was found out once and need not be again, as long as it does not take too much room."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
MOST = 8192
"""So many are remembered, unless it is said otherwise: about as many as a large tenant has entities."""


@dataclass(slots=True)
class BoundedCache(Generic[K, V]):
    """What was found out, by key. What would weigh more than ``most`` is forgotten, all of it, and it begins anew."""

    most: int = MOST
    known: dict[K, V] = field(default_factory=dict)
    weight: int = 0

    def keep(self, key: K, found: V, weight: int = 1) -> V:
        """Remember it."""
        if self.weight + weight > self.most:
            self.known.clear()
            self.weight = 0
        self.known[key] = found
        self.weight += weight
        return found


@dataclass(slots=True)
class IdentityCache(Generic[K, V]):
    """What was made of things, each of which is known by being the same one, and held for as long as that is."""

    made: BoundedCache[int, tuple[K, V]] = field(default_factory=BoundedCache)

    def of(self, thing: K, make: Callable[[K], V]) -> V:
        """What ``make`` makes of it, or made."""
        found = self.made.known.get(id(thing))
        return (found or self.made.keep(id(thing), (thing, make(thing))))[1]
