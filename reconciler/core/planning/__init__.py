"""One tenant's plan: differences, verdicts, guards, and the resulting changes.

Nothing here knows other tenants or a cache.
"""

from reconciler.core.planning.diff import Comparison, differences
from reconciler.core.planning.guards import GUARDS
from reconciler.core.planning.judge import Judgement, judge
from reconciler.core.planning.leftovers import is_removable, named_by
from reconciler.core.planning.plan_builder import changed_leaves
from reconciler.core.planning.plan_warnings import SCHEDULE, VISIBLE, warnings_in
from reconciler.core.planning.preconditions import ADOPT, PRECONDITIONS, declared_rules, templates_of
from reconciler.core.planning.reasons import (
    deciding_place,
    declared_at,
    deferral_reason,
    detail,
    note_of,
    permitted_by,
    withheld_rule,
)
from reconciler.core.planning.scope import EntityOutcome, Scope
from reconciler.core.planning.tenant_plan import (
    Engine,
    Observed,
    PlainEngine,
    Planned,
    compare,
    decide,
    overrides_of,
    plan_tenant,
    status_of,
)

__all__ = [
    "ADOPT",
    "GUARDS",
    "PRECONDITIONS",
    "SCHEDULE",
    "VISIBLE",
    "Comparison",
    "Engine",
    "EntityOutcome",
    "Judgement",
    "Observed",
    "PlainEngine",
    "Planned",
    "Scope",
    "changed_leaves",
    "compare",
    "decide",
    "deciding_place",
    "declared_at",
    "declared_rules",
    "deferral_reason",
    "detail",
    "differences",
    "is_removable",
    "judge",
    "named_by",
    "note_of",
    "overrides_of",
    "permitted_by",
    "plan_tenant",
    "status_of",
    "templates_of",
    "warnings_in",
    "withheld_rule",
]
