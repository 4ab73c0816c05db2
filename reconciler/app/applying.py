"""Carrying a plan out, tenant by tenant."""

import secrets
from datetime import datetime

from reconciler.app.errors import Unknown
from reconciler.app.workspaces import Workspace
from reconciler.core.savedplan import plan_digest
from reconciler.core.tree import upstream_key
from reconciler.model.plans.plan import Plan, Read, TenantPlan
from reconciler.model.values.plain_values import timestamp
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.shell.runs.apply_workers import apply_on_pool
from reconciler.shell.runs.execute import ApplyContext, ApplyRun, execute
from reconciler.stores.base import StoreError


def apply_plan(  # noqa: PLR0913 - as `make_plan`
    workspace: Workspace, access: Access, plan: Plan, *, now: datetime, by: str, saved: bool = False
) -> ApplyRun:
    """Carry a plan out, tenant by tenant, as the result is iterated; each is applied whole or not at all.

    ``saved``: whether the plan comes from a file; then what it says of tenants and of what was there is compared with
    what is. Raises `ExecutorError`, and `Unknown` for a tenant below another upstream, before anything is applied.
    """
    known = frozenset(workspace.tenants())
    for each in plan.outlines if saved else ():
        _expect_upstream(workspace, each.bare)

    def where(tenant: str) -> StoreLocation:
        if tenant not in known:
            raise StoreError(f'the workspace has no policy for "{tenant}" any more')
        return place_of(workspace.catalog, tenant)

    written = [each.tenant for each in plan.outlines if each.summary.changes and each.tenant in known]
    resellers: tuple[Read | TenantPlan, ...] = (
        *plan.read,
        *(each.bare for each in plan.outlines if each.bare.upstream),
    )
    looked_at = [each.tenant for each in resellers if each.tenant in known]
    stores = {tenant: where(tenant).url for tenant in (*looked_at, *written)} if written else {}
    pool = access.executors.for_tenants(stores)
    run = secrets.token_hex(8) if pool and pool.repeats else ""
    warrant = ApplyContext(plan_digest(plan), timestamp(now), by, plan.source.recorded, run, saved)
    run_steps = apply_on_pool(pool, access, where, count=len(written)) if pool else None
    steps = execute(plan, warrant, lambda tenant: access.writer(where(tenant)), run_steps=run_steps)
    return ApplyRun(warrant.plan, run, steps)


def _expect_upstream(workspace: Workspace, planned: TenantPlan) -> None:
    """See that a saved plan has a tenant below the upstream that its policy names. Raises `Unknown`."""
    policies, tenant = workspace.catalog.policies, planned.tenant
    if tenant in workspace.catalog.providers or tenant in policies:
        upstream = upstream_key(workspace.catalog, tenant) if tenant in policies else ""
        if planned.upstream != upstream:
            says = f'"{planned.upstream}"' if planned.upstream else "none"
            raise Unknown(f'the plan says that the upstream of {tenant} is {says}, its policy "{upstream}"; plan again')
