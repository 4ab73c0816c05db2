"""Answers questions about plans: why, what if, from which cause, and how to undo.

Nothing here changes an existing plan.
"""

from reconciler.core.inspect.adopting import Adoption, adoption
from reconciler.core.inspect.causes import BACKLOG, DRIFT, PR, LastAppliedChange, last_applied_changes, with_causes
from reconciler.core.inspect.explaining import Account, Explanation, explain, left_alone, misnamed
from reconciler.core.inspect.hidden import hidden_template_warnings
from reconciler.core.inspect.inverse import inverse
from reconciler.core.inspect.listed_subscriptions import ListedSubscription, PendingChanges, list_subscriptions
from reconciler.core.inspect.listing import ListedPlan, list_plans, matching, ordered
from reconciler.core.inspect.what_if import Supposition, options_named, suppose

__all__ = [
    "BACKLOG",
    "DRIFT",
    "PR",
    "Account",
    "Adoption",
    "Explanation",
    "LastAppliedChange",
    "ListedPlan",
    "ListedSubscription",
    "PendingChanges",
    "Supposition",
    "adoption",
    "explain",
    "hidden_template_warnings",
    "inverse",
    "last_applied_changes",
    "left_alone",
    "list_plans",
    "list_subscriptions",
    "matching",
    "misnamed",
    "options_named",
    "ordered",
    "suppose",
    "with_causes",
]
