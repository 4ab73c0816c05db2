"""The origins of a tenant's entities according to its journal (ORIGIN-02, ORIGIN-03)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path


@dataclass(frozen=True, slots=True)
class RecordedOrigin:
    """The origin of an entity according to the last journal record about it.

    ``origin``: the key of its upstream. ``items``: the paths of the delegated items, such as ``("resources", "seat")``.
    ``released``: it was released since, and is the tenant's own until that is undone (ORIGIN-03).
    """

    origin: str
    items: frozenset[Path] = frozenset()
    released: bool = False


RecordedOrigins: TypeAlias = Mapping[EntityId, RecordedOrigin]
"""Recorded origins by entity: a whole index, or the part that a plan depends on
(`reconciler.core.records.origins.disputed_origins`).
"""

RELEASED, RECLAIMED = "released", "reclaimed"
"""Notes of a journal record: the entities (``kind/key``, or ``kind/key#path`` for an item) that it releases, and those
whose release it undoes.
"""
