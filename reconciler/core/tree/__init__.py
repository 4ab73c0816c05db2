"""Plans all tenants, level by level: catalogs go down the tree, mirrors go up.

Nothing here contains a rule about a field.
"""

from reconciler.core.tree.afterwards import dated_plans
from reconciler.core.tree.levels import (
    NeedsAncestors,
    PlanLevel,
    Task,
    TaskResult,
    TenantResult,
    Unreadable,
    levels,
    plan_task,
    sequentially,
    upstream_key,
)
from reconciler.core.tree.mirroring import DistributorPlan, MirrorSource, compare_mirror, empty_plan, merge_mirrors
from reconciler.core.tree.schedule import Schedule
from reconciler.core.tree.task_results import trimmed
from reconciler.core.tree.tree_planner import Allowed, TreePlanner, tenants_in_order

__all__ = [
    "Allowed",
    "DistributorPlan",
    "MirrorSource",
    "NeedsAncestors",
    "PlanLevel",
    "Schedule",
    "Task",
    "TaskResult",
    "TenantResult",
    "TreePlanner",
    "Unreadable",
    "compare_mirror",
    "dated_plans",
    "empty_plan",
    "levels",
    "merge_mirrors",
    "plan_task",
    "sequentially",
    "tenants_in_order",
    "trimmed",
    "upstream_key",
]
