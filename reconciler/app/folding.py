"""The walk over a workspace's tree of tenants: where each is observed, and who plans its levels."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from reconciler.app.workspaces import Workspace
from reconciler.core.planning import Observed, declared_rules
from reconciler.core.tree import Allowed, Answer, Fold, NeedsAncestors, Task, Unreadable, Wave, in_turn
from reconciler.core.workspace import resolve_policy
from reconciler.model.documents.settings import Policy
from reconciler.shell.connections.access import Access, StoreLocation, place_of
from reconciler.shell.days import day_at, days_of, moments_of
from reconciler.shell.engines import engine_of
from reconciler.shell.pools.executors import Pool
from reconciler.shell.runs.plan_workers import once_it_pays, planned_by
from reconciler.stores.base import StoreError

Found = TypeVar("Found")


def fold_of(
    workspace: Workspace,
    access: Access,
    now: datetime,
    allowed: Allowed | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Fold:
    """The fold over a workspace. Each tenant is read from the store that the workspace's own policies name.

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
    fold = Fold(catalog, observe, rules, days, allowed or {}, observe_provider, moments, day_at)
    return replace(fold, engine=engine)


def _where(workspace: Workspace, policy: Policy) -> StoreLocation:
    """Where a tenant is that may not be in the workspace any more."""
    if policy.reseller in workspace.catalog.policies:
        return place_of(workspace.catalog, policy.reseller)
    return StoreLocation(policy.store or workspace.catalog.store, policy.token_env)


def spread(
    fold: Fold,
    workspace: Workspace,
    access: Access,
    selected: frozenset[str] | None,
    progress: Callable[[str], None] = lambda _: None,
) -> Fold:
    """The fold with its levels planned by the executors, if there is somebody for it. Raises `ExecutorError`."""
    policies = fold.catalog.policies
    chosen = policies.keys() if selected is None else policies.keys() & selected
    stores = {key: _place(fold, workspace, key).url for key in chosen}

    def planned_in(pool: Pool) -> Wave:
        trees = fold.catalog.providers.__getitem__
        wave = planned_by(pool, access, lambda policy: _where(workspace, policy), trees)
        return lambda tasks, count: _telling(wave(tasks, count), progress)

    if pool := access.executors.for_tenants(stores):
        return replace(fold, wave=planned_in(pool))
    if spare := access.executors.spare(stores):
        here = in_turn(fold.observe, fold.comparer)
        return replace(fold, wave=once_it_pays(here, lambda: planned_in(spare())))
    return fold


def _telling(answers: Iterable[tuple[Task, Answer]], progress: Callable[[str], None]) -> Iterator[tuple[Task, Answer]]:
    for task, answer in answers:
        if not isinstance(answer, NeedsAncestors):
            progress(task.policy.reseller)
        yield task, answer


def _place(fold: Fold, workspace: Workspace, reseller: str) -> StoreLocation:
    here = reseller in workspace.catalog.policies
    return place_of(workspace.catalog, reseller) if here else _where(workspace, resolve_policy(fold.catalog, reseller))


def readable(found: Found | Unreadable) -> Found:
    """What was read. Raises `StoreError` for what could not be."""
    if isinstance(found, Unreadable):
        raise StoreError(found.problem)
    return found
