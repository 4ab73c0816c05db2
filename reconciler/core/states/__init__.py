"""The states of tenants: whole, or read on demand by their digests.

Nothing here decides anything.
"""

from reconciler.core.states.lazy_state import SINGLE_READS, LazyState, SharedContents
from reconciler.core.states.managed_digest import of_actual, of_copy, shape_version
from reconciler.core.states.state_view import (
    StateView,
    Unavailable,
    changed,
    corrected,
    digests_of,
    entities_with_origin,
    fetched,
    kinds_of,
    origin_of,
    whole,
)

__all__ = [
    "SINGLE_READS",
    "LazyState",
    "SharedContents",
    "StateView",
    "Unavailable",
    "changed",
    "corrected",
    "digests_of",
    "entities_with_origin",
    "fetched",
    "kinds_of",
    "of_actual",
    "of_copy",
    "origin_of",
    "shape_version",
    "whole",
]
