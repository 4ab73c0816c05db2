"""Plans of a workspace: the plan, its inverse, its causes, and that of the mirrors alone. Nothing is written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.app.errors import Invalid, Unknown
from reconciler.app.journals import history
from reconciler.app.opening import open_workspace
from reconciler.app.tree_planning import tree_planner, with_executors
from reconciler.app.workspaces import Workspace
from reconciler.core.desired import hidden_templates
from reconciler.core.inspect import LastAppliedChange, inverse, last_applied_changes, with_causes
from reconciler.core.planning import Observed, warnings_in
from reconciler.core.savedplan import Spool
from reconciler.core.tree import Schedule
from reconciler.core.workspace import resolve_policy
from reconciler.model.plans.plan import Change, Plan, PlanWarning, Source, TenantPlan
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import timestamp
from reconciler.shell.connections.access import Access, place_of
from reconciler.shell.days import day_of, days_of, moments_of
from reconciler.shell.repository.provenance import Commits


def source_of(workspace: Workspace, base: str | None = None) -> Source:
    """Where a plan of this workspace comes from, with the author, subject and date of its commit, as reports say them.

    Starts a git process for these; where only the commit is recorded, `recorded_source` is enough.
    """
    source = recorded_source(workspace, base)
    if not workspace.repository or not source.commit:
        return source
    author, subject, date = workspace.repository.commit_facts(source.commit)
    return replace(source, author=author, subject=subject, date=date)


def recorded_source(workspace: Workspace, base: str | None = None) -> Source:
    """Where a plan or an action comes from, as journals record it: the commit, without its author, subject and date."""
    commit = workspace.revision or workspace.checkout.commit
    dirty = False if workspace.revision else workspace.checkout.dirty
    return Source(commit, base, dirty, workspace.catalog.digest)


def make_plan(  # noqa: PLR0913 - all but the first two are optional
    workspace: Workspace,
    access: Access,
    *,
    now: datetime,
    selected: frozenset[str] | None = None,
    allow: Iterable[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Plan:
    """The plan of the selected tenants (``None``: of all). Writes nothing anywhere: it gets readers only.

    ``allow``: guards that are overridden for this plan, as ``GUARD:TENANT``, patterns on both sides. Raises `Unknown`
    and, where there is no room for the plan, `StoreError`; and `ExecutorError`.
    """
    planner = tree_planner(workspace, access, now, workspace.allowances(allow), progress)
    planner = with_executors(planner, workspace, access, selected, progress)
    schedule = Schedule.of(planner)
    spool = _spool(workspace, access)
    done = spool.tenants(planner.plan_into(spool, selected, schedule.note))
    return Plan(timestamp(now), source_of(workspace), done, read=planner.read_besides(), scheduled=schedule.entries())


def inverse_plan(workspace: Workspace, access: Access, plan: Plan, *, now: datetime) -> Plan:
    """The plan that undoes an applied one, as far as nothing moved since. It warns as every plan does."""
    catalog = workspace.catalog

    def look(tenant: str) -> Observed | str:
        if tenant not in workspace.tenants():
            return f'the workspace has no policy for "{tenant}" any more'
        observed = access.observe(tenant, place_of(catalog, tenant))
        return observed if isinstance(observed, Observed) else observed.problem

    def dated(tenant: TenantPlan) -> TenantPlan:
        known = tenant.tenant in workspace.tenants()
        return replace(tenant, day=day_of(catalog, tenant.tenant, now).isoformat() if known else "")

    def warn(tenant: str, state: State, changes: tuple[Change, ...]) -> tuple[PlanWarning, ...]:
        if tenant not in catalog.policies:  # a provider gets mirrors only
            return ()
        hidden = hidden_templates(catalog.providers[catalog.provider_of[tenant]].documents)
        return warnings_in(resolve_policy(catalog, tenant), state, hidden, changes, on=day_of(catalog, tenant, now))

    back = _spooled(_spool(workspace, access), map(dated, inverse(plan, look, warn)))
    return Plan(timestamp(now), source_of(workspace), back)


def with_base(workspace: Workspace, access: Access, plan: Plan, base: str, *, now: datetime) -> Plan:
    """The plan with the cause of every change, determined by comparison with a revision.

    Raises `Unknown`, `StoreError` and `ExecutorError`.
    """
    try:
        before = open_workspace(workspace.root, base)
    except Invalid as error:
        raise Unknown(f"causes cannot be told from {base}, which is not valid: {error.problems[0]}") from error
    with before:
        planner = tree_planner(workspace, access, now)
        days, moments = days_of(before.catalog, now), moments_of(before.catalog, now)
        planner = replace(planner, catalog=before.catalog, on=days, at=moments)
        planned = {each.tenant for each in plan.outlines} & {*before.catalog.policies, *before.catalog.providers}
        planner = with_executors(planner, workspace, access, frozenset(planned))
        earlier = access.spool()
        planner.plan_into(earlier, frozenset(planned), lambda _: None)
        tenants = (
            with_causes(each, earlier.get(each.tenant), _journal(workspace, access, each.tenant))
            for each in plan.tenants
        )
        done = _spooled(access.spool(), tenants)
        return replace(plan, tenants=done, source=replace(plan.source, base=before.revision))


def _spool(workspace: Workspace, access: Access) -> Spool:
    """A spool that adds the commits of lines to the plans that it keeps."""
    repository = workspace.repository
    return access.spool(Commits(repository, workspace.revision).of_plan) if repository else access.spool()


def _spooled(spool: Spool, plans: Iterable[TenantPlan]) -> Sequence[TenantPlan]:
    """Tenants' plans in their order, each made when the one before is kept."""
    order = []
    for each in plans:
        spool[each.tenant] = each
        order.append(each.tenant)
    return spool.tenants(order)


def _journal(workspace: Workspace, access: Access, tenant: str) -> Mapping[EntityId, LastAppliedChange]:
    return last_applied_changes(record.changes for record in history(workspace, access, tenant))


def mirror_plan(workspace: Workspace, access: Access, *, now: datetime, tenants: Iterable[str] = ()) -> Plan:
    """The plan of the mirrors alone, every catalog left as it is: what `watch` makes. Raises `Unknown`."""
    selected = workspace.chosen(tuple(tenants))
    plans = _spooled(access.spool(), tree_planner(workspace, access, now).mirrors(selected))
    return Plan(timestamp(now), recorded_source(workspace), plans)
