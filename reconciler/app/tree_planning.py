"""Builds the planner of a workspace: where each tenant is read, and which executors plan the levels."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from reconciler.app.workspaces import Workspace
from reconciler.core.planning import Observed, declared_rules
from reconciler.core.tree import (
    Allowed,
    NeedsAncestors,
    PlanLevel,
    Task,
    TaskResult,
    TreePlanner,
    Unreadable,
    sequentially,
)
from reconciler.core.workspace import resolve_policy
from reconciler.model.documents.settings import Policy
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.shell.days import day_at, days_of, moments_of
from reconciler.shell.engines import engine_of
from reconciler.shell.pools.executors import Pool
from reconciler.shell.runs.plan_workers import in_process_first, plan_on_pool
from reconciler.stores.base import StoreError

Found = TypeVar("Found")


def tree_planner(
    workspace: Workspace,
    access: Access,
    now: datetime,
    allowed: Allowed | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> TreePlanner:
    """The planner of a workspace. Each tenant is read from the store that the workspace's own policies name.

    ``progress`` is called with each tenant before it is planned.
    """

    def observe(policy: Policy) -> Observed | Unreadable:
        progress(policy.reseller)
        return access.sketch(policy.reseller, _where(workspace, policy))

    def observe_provider(provider: str) -> Observed | Unreadable:
        return access.observe(provider, place_of(workspace.catalog, provider))

    catalog, rules = workspace.catalog, declared_rules()
    days, moments = days_of(catalog, now), moments_of(catalog, now)
    engine = engine_of(rules, incremental=access.incremental)
    planner = TreePlanner(catalog, observe, rules, days, allowed or {}, observe_provider, moments, day_at)
    return replace(planner, engine=engine)


def _where(workspace: Workspace, policy: Policy) -> StoreLocation:
    """The store of a tenant, which the workspace may no longer contain."""
    if policy.reseller in workspace.catalog.policies:
        return place_of(workspace.catalog, policy.reseller)
    return StoreLocation(policy.store or workspace.catalog.store, policy.token_env)


def with_executors(
    planner: TreePlanner,
    workspace: Workspace,
    access: Access,
    selected: frozenset[str] | None,
    progress: Callable[[str], None] = lambda _: None,
) -> TreePlanner:
    """The planner with its levels planned by executors, if there are any. Raises `ExecutorError`."""
    policies = planner.catalog.policies
    chosen = policies.keys() if selected is None else policies.keys() & selected
    stores = {key: _place(planner, workspace, key).url for key in chosen}

    def planned_in(pool: Pool) -> PlanLevel:
        trees = planner.catalog.providers.__getitem__
        plan_level = plan_on_pool(pool, access, lambda policy: _where(workspace, policy), trees)
        return lambda tasks, count: _with_progress(plan_level(tasks, count), progress)

    if pool := access.executors.for_tenants(stores):
        return replace(planner, plan_level=planned_in(pool))
    if spare := access.executors.spare(stores):
        here = sequentially(planner.observe, planner.comparer)
        return replace(planner, plan_level=in_process_first(here, lambda: planned_in(spare())))
    return planner


def _with_progress(
    answers: Iterable[tuple[Task, TaskResult]], progress: Callable[[str], None]
) -> Iterator[tuple[Task, TaskResult]]:
    for task, answer in answers:
        if not isinstance(answer, NeedsAncestors):
            progress(task.policy.reseller)
        yield task, answer


def _place(planner: TreePlanner, workspace: Workspace, reseller: str) -> StoreLocation:
    here = reseller in workspace.catalog.policies
    return (
        place_of(workspace.catalog, reseller) if here else _where(workspace, resolve_policy(planner.catalog, reseller))
    )


def or_raise(found: Found | Unreadable) -> Found:
    """The value that was read. Raises `StoreError` if it could not be read."""
    if isinstance(found, Unreadable):
        raise StoreError(found.problem)
    return found
