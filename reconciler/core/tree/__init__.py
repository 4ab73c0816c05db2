"""Plans all tenants, level by level: catalogs go down the tree, mirrors go up.

Nothing here contains a rule about a field.
"""

from reconciler.core.tree.afterwards import dated_plans
from reconciler.core.tree.answers import brief
from reconciler.core.tree.fold import Allowed, Fold, tenants_in_order
from reconciler.core.tree.levels import (
    Answer,
    NeedsAncestors,
    Task,
    TenantResult,
    Unreadable,
    Wave,
    in_turn,
    levels,
    plan_task,
    upstream_key,
)
from reconciler.core.tree.mirroring import DistributorPlan, MirrorSource, compare_mirror, merge_mirrors, nothing_yet
from reconciler.core.tree.schedule import Schedule

__all__ = [
    "Allowed",
    "Answer",
    "DistributorPlan",
    "Fold",
    "MirrorSource",
    "NeedsAncestors",
    "Schedule",
    "Task",
    "TenantResult",
    "Unreadable",
    "Wave",
    "brief",
    "compare_mirror",
    "dated_plans",
    "in_turn",
    "levels",
    "merge_mirrors",
    "nothing_yet",
    "plan_task",
    "tenants_in_order",
    "upstream_key",
]
