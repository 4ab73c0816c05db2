"""Clean random forests, in which nothing is left to do until entities are called otherwise.

The provider renames some of its entities, and resellers rename some plans of their own; lists and links follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from reconciler.model.values.entity import State, entity
from reconciler.model.values.keys import EntityId
from tests.laws.forest_catalogs import Document, Id
from tests.laws.forest_renames import moved, new_keys
from tests.laws.forests import Forest, forest
from tests.laws.grown import Grown, grown

SHARE = 0.3
"""How much is renamed."""


@dataclass(frozen=True)
class Renamed:
    """A clean forest before and after entities were renamed upstream; ``names``: the new keys."""

    before: Grown
    after: Grown
    names: Mapping[Id, str]


def renamed(seed: int) -> Renamed:
    """The forest of a seed, of whose tenants nothing but their own plans is kept: the rest came down as it is now."""
    found = forest(seed)
    own = {tenant: [_plain(each) for each in found.states[tenant] if _is_own(each, tenant)] for tenant in found.states}
    before = grown(replace(found, states={tenant: tuple(each) for tenant, each in own.items()})).applied
    names = new_keys([*found.catalog, *(each for documents in own.values() for each in documents)], Random(seed), SHARE)
    after = grown(Forest(tuple(moved(found.catalog, names)), dict.fromkeys(found.states, ()), found.upstream))
    states = {tenant: _renamed_there(state, own[tenant], names) for tenant, state in before.states.items()}
    return Renamed(before, replace(after, states=states), names)


def _is_own(document: Document, tenant: str) -> bool:
    return document["kind"] == "Plan" and document["key"] == f"own-{tenant}" and "origin" not in document


def _plain(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "moved_from"}


def _renamed_there(state: State, own: list[Document], names: Mapping[Id, str]) -> State:
    """As the reseller would do it: its own plans have new keys and say so. What came down is as it was."""
    after = dict(state)
    for each in own:
        if new := names.get((each["kind"], each["key"])):
            have = after.pop(EntityId(each["kind"], each["key"])).document()
            here = entity({**have, "key": new, "moved_from": [each["key"]]})
            after[here.id] = here
    return after
