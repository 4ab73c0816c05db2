"""One tenant at a time: adopt its state, release an entity, list its subscriptions and act on them."""

from dataclasses import replace
from datetime import datetime

from reconciler.app.errors import Unknown
from reconciler.app.planning import recorded_source
from reconciler.app.tree_planning import or_raise, tree_planner
from reconciler.app.workspaces import Workspace
from reconciler.core.inspect import Adoption, ListedSubscription, adoption, list_subscriptions
from reconciler.core.subscriptions import BadSetting, CannotAct
from reconciler.core.tree import Unreadable, upstream_key
from reconciler.core.workspace import resolve_policy
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.field_types import did_you_mean
from reconciler.shell.connections.access import Access, place_of
from reconciler.shell.tenants.actions import ActionRequest, NoSubscription, PerformedAction, perform
from reconciler.shell.tenants.releasing import CannotRelease, ReleaseRequest, ReleaseResult
from reconciler.shell.tenants.releasing import release as release_entity
from reconciler.stores.base import StoreError


def adoption_of(workspace: Workspace, access: Access, tenant: str) -> Adoption:
    """A live tenant's state as the catalog that it can be brought under. Raises `Unknown` and `StoreError`."""
    policies = workspace.catalog.policies
    policy = resolve_policy(workspace.catalog, tenant) if workspace.known(tenant) in policies else None
    if policy is None or policy.upstream in policies:
        whose = f'its upstream is the reseller "{policy.upstream}"' if policy else "it is a provider"
        raise Unknown(f"{tenant} cannot be exported as a catalog: {whose}, and a catalog is what a provider has")
    observed = access.observe(tenant, place_of(workspace.catalog, tenant))
    if isinstance(observed, Unreadable):
        raise StoreError(observed.problem)
    return adoption(tenant, policy.upstream, observed.restored_state(policy.upstream).state)


def release(workspace: Workspace, access: Access, request: ReleaseRequest) -> ReleaseResult:
    """Give up an entity that came down, or take that back (ORIGIN-03). Raises `Unknown` and `StoreError`."""
    try:
        return release_entity(request, access.writer(place_of(workspace.catalog, workspace.known(request.tenant))))
    except CannotRelease as error:
        near = f": {did_you_mean(str(request.entity), map(str, error.near))}" if error.near else ""
        raise Unknown(f"{error}{near}") from error


def act(workspace: Workspace, access: Access, request: ActionRequest) -> PerformedAction:
    """Act on a subscription, through the guard, with its mirrors. Raises `Unknown` and `StoreError`."""
    workspace.known(request.tenant)
    request = replace(request, commit=recorded_source(workspace).recorded)
    try:
        return perform(request, tree_planner(workspace, access, request.now), access)
    except (BadSetting, CannotAct) as error:
        raise Unknown(str(error)) from error
    except NoSubscription as error:
        near = did_you_mean(request.key, error.known)
        raise Unknown(f'{request.tenant} has no subscription "{request.key}": {near}') from error


def subscriptions(workspace: Workspace, access: Access, tenant: str, *, now: datetime) -> list[ListedSubscription]:
    """A tenant's subscriptions by key, each with what is pending (SUB-19). Raises `Unknown` and `StoreError`."""
    policies, planner = workspace.catalog.policies, tree_planner(workspace, access, now)
    state = or_raise(planner.observe_distributor(workspace.known(tenant))).state
    below = sorted(each for each in policies if upstream_key(workspace.catalog, each) == tenant)
    plan = _planned(planner.mirrors_to(tenant, below))
    if tenant not in policies:
        return list(list_subscriptions(tenant, state, plan, None))
    distributor = upstream_key(workspace.catalog, tenant)
    theirs = or_raise(planner.observe_distributor(distributor)).state
    above = (distributor, theirs, _planned(planner.mirrors_to(distributor, [tenant])))
    return list(list_subscriptions(tenant, state, plan, above))


def _planned(plan: TenantPlan | None) -> TenantPlan | None:
    """A tenant's plan. Raises `StoreError` for one that could not be made."""
    if plan is not None and plan.problem:
        raise StoreError(plan.problem)
    return plan
