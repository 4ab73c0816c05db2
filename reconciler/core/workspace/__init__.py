"""Turns documents into a valid catalog, the tree of tenants and the policies in force.

Nothing here reads the state of a tenant.
"""

from reconciler.core.workspace.arrange import words
from reconciler.core.workspace.load import load
from reconciler.core.workspace.policies import GIVEN, GUARD_DEFAULTS, Layers, provider_currency, resolve_policy
from reconciler.core.workspace.tenant_tree import circles

__all__ = [
    "GIVEN",
    "GUARD_DEFAULTS",
    "Layers",
    "circles",
    "load",
    "provider_currency",
    "resolve_policy",
    "words",
]
