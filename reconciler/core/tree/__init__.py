"""All tenants, level by level: catalogs go down the tree, mirrors go up.

No rule about a field stands here.
"""

from reconciler.core.tree.afterwards import dated_plans
from reconciler.core.tree.answers import brief
from reconciler.core.tree.fold import Allowed, Fold, tenants_in_order
from reconciler.core.tree.levels import (
    Answer,
    FurtherUp,
    Task,
    Told,
    Unreadable,
    Wave,
    in_turn,
    plan_task,
    upstream_key,
    waves,
)
from reconciler.core.tree.mirroring import Lifted, Source, compare_mirror, lift, nothing_yet
from reconciler.core.tree.schedule import Schedule

__all__ = [
    "Allowed",
    "Answer",
    "Fold",
    "FurtherUp",
    "Lifted",
    "Schedule",
    "Source",
    "Task",
    "Told",
    "Unreadable",
    "Wave",
    "brief",
    "compare_mirror",
    "dated_plans",
    "in_turn",
    "lift",
    "nothing_yet",
    "plan_task",
    "tenants_in_order",
    "upstream_key",
    "waves",
]
