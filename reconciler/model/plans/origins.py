"""Where the entities of a tenant came down from, as its journal says it (ORIGIN-02, ORIGIN-03)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path


@dataclass(frozen=True, slots=True)
class Descent:
    """What the last journal record about an entity says of its origin.

    ``origin``: the key of the upstream that it came down from. ``items``: the paths of the items that came down with
    it or later, such as ``("resources", "seat")``. ``released``: it was given up since, and is the tenant's own until
    that is undone (ORIGIN-03).
    """

    origin: str
    items: frozenset[Path] = frozenset()
    released: bool = False


Lineage: TypeAlias = Mapping[EntityId, Descent]
"""By entity. A whole index, or the part of one that a plan depends on (`reconciler.core.records.origins.at_issue`)."""

RELEASED, RECLAIMED = "released", "reclaimed"
"""Notes of a journal record: the entities (``kind/key``, or ``kind/key#path`` of an item) that it gives up, and those
for which giving up is undone."""
