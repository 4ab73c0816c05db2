"""Every kind of document by its name.

To add a kind, write its class in `catalog` (synchronised kinds), `policy` (steering kinds) or `tenant` (kinds of
tenants' states only) and add it to its tuple here. Reading, validation, import and the JSON Schemas follow.
"""

from reconciler.model.documents import catalog, policy, tenant
from reconciler.model.documents.catalog import Document, Part

_CATALOG: tuple[type[Document], ...] = (
    catalog.ServiceTerm,
    catalog.PlanCategory,
    catalog.SalesCategory,
    catalog.ProductCategory,
    catalog.ProductGroup,
    catalog.ProductType,
    catalog.ResourceCategory,
    catalog.Resource,
    catalog.NotificationTemplate,
    catalog.NotificationSchedule,
    catalog.ExpirationSchedule,
    catalog.OrderFlow,
    catalog.Role,
    catalog.TermsAndConditions,
    catalog.Product,
    catalog.Plan,
)
_STEERING: tuple[type[Document], ...] = (
    policy.Provider,
    policy.PriceList,
    policy.ServiceTemplate,
    policy.SyncPolicy,
)
_TENANT: tuple[type[Document], ...] = (tenant.Tenant, tenant.Customer, tenant.Subscription)

WORKSPACE = "Workspace"
PROVIDER = "Provider"
SYNC_POLICY = "SyncPolicy"
TENANT = "Tenant"
"""A tenant's own document, which is not delegated."""

CATALOG_KINDS: dict[str, type[Document]] = {model.__name__: model for model in _CATALOG}
"""The kinds in a provider's catalog, which may be delegated to tenants."""
STEERING_KINDS: dict[str, type[Document]] = {model.__name__: model for model in _STEERING}
"""The kinds that decide who gets what. They exist in the workspace only, and are never copied."""
TENANT_KINDS: dict[str, type[Document]] = {model.__name__: model for model in _TENANT}
"""The kinds that only a tenant's state has."""
STATE_KINDS: dict[str, type[Document]] = CATALOG_KINDS | TENANT_KINDS
"""The kinds that a tenant's state may have."""
KINDS: dict[str, type[Document]] = CATALOG_KINDS | STEERING_KINDS | TENANT_KINDS
"""Every kind but `Workspace`, which has no key."""
WORKSPACE_KINDS: dict[str, type[Part]] = {WORKSPACE: policy.Workspace, **CATALOG_KINDS, **STEERING_KINDS}
"""The kinds in a workspace's files."""
