"""The reconciler: catalogs and sync policies in git, and tenants that follow them. This is its Python API.

``open``, ``validate``, ``plan``, ``apply``, ``explain``, ``tenants``, and the types of what they take and return; the
guide (docs/guide/python.md) shows them. A module is imported when a name of it is first used.

Floors, imports running downwards only: ``cli``, ``app``, ``shell``, ``stores``, ``report``, ``core``, ``model``. No
module imports this package itself. Nothing here may run at import time but definitions.
"""

from typing import TYPE_CHECKING

from reconciler.lazy_exports import lazy_exports
from reconciler.version import __version__

if TYPE_CHECKING:
    from reconciler.app.api import Session, apply, explain, open, plan, tenants, validate
    from reconciler.app.errors import Invalid, Unknown
    from reconciler.core.inspect import Account, Explanation
    from reconciler.model.plans.change import Action
    from reconciler.model.plans.plan import (
        Change,
        Declared,
        Deferred,
        FieldChange,
        Plan,
        PlanWarning,
        Summary,
        TenantPlan,
        TenantStatus,
    )
    from reconciler.model.values.diagnostics import Diagnostic, Place
    from reconciler.model.values.keys import EntityId
    from reconciler.shell.repository.finding import WorkspaceError
    from reconciler.shell.runs.execute import Applied, Result
    from reconciler.stores.base import StoreError
else:
    __getattr__ = lazy_exports(
        __name__,
        {
            "reconciler.app.api": ("Session", "apply", "explain", "open", "plan", "tenants", "validate"),
            "reconciler.app.errors": ("Invalid", "Unknown"),
            "reconciler.core.inspect": ("Account", "Explanation"),
            "reconciler.model.plans.change": ("Action",),
            "reconciler.model.plans.plan": (
                "Change",
                "Declared",
                "Deferred",
                "FieldChange",
                "Plan",
                "PlanWarning",
                "Summary",
                "TenantPlan",
                "TenantStatus",
            ),
            "reconciler.model.values.diagnostics": ("Diagnostic", "Place"),
            "reconciler.model.values.keys": ("EntityId",),
            "reconciler.shell.repository.finding": ("WorkspaceError",),
            "reconciler.shell.runs.execute": ("Applied", "Result"),
            "reconciler.stores.base": ("StoreError",),
        },
    )

__all__ = [
    "Account",
    "Action",
    "Applied",
    "Change",
    "Declared",
    "Deferred",
    "Diagnostic",
    "EntityId",
    "Explanation",
    "FieldChange",
    "Invalid",
    "Place",
    "Plan",
    "PlanWarning",
    "Result",
    "Session",
    "StoreError",
    "Summary",
    "TenantPlan",
    "TenantStatus",
    "Unknown",
    "WorkspaceError",
    "__version__",
    "apply",
    "explain",
    "open",
    "plan",
    "tenants",
    "validate",
]
