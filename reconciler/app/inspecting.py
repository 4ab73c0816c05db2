"""Questions about one tenant or all: why, what if, and which plans can be delegated. Nothing is written."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from reconciler.app.errors import Unknown
from reconciler.app.tree_planning import or_raise, tree_planner
from reconciler.app.workspaces import Workspace
from reconciler.core.desired import Upstream, provider_upstream
from reconciler.core.inspect import (
    Explanation,
    ListedPlan,
    Supposition,
    left_alone,
    list_plans,
    misnamed,
    options_named,
)
from reconciler.core.inspect import explain as explain_entity
from reconciler.core.inspect import suppose as suppose_options
from reconciler.core.planning import Comparison, compare, declared_rules
from reconciler.core.schema import fields_of
from reconciler.core.subscriptions import Projection, mirrored_kinds
from reconciler.core.tree import compare_mirror, upstream_key
from reconciler.core.workspace import resolve_policy
from reconciler.model.documents.options import GROUPS, MIRROR, OPTIONS
from reconciler.model.documents.settings import Policy
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.keys import EntityId, noun
from reconciler.model.values.plain_values import Path as FieldPath
from reconciler.shell.connections.access import Access


@dataclass(frozen=True, slots=True)
class Subject:
    """What to explain: an entity of a tenant, or with ``path`` one field of it and what is below."""

    tenant: str
    entity: EntityId
    path: FieldPath | None = None


def explain(workspace: Workspace, access: Access, subject: Subject, *, now: datetime) -> Explanation:
    """Account for one entity or field of a tenant. Raises `Unknown` and `StoreError`."""
    tenant, entity = subject.tenant, subject.entity
    wrong = misnamed(fields_of(entity.kind), subject.path) if subject.path else None
    if wrong:
        raise Unknown(f"{noun(entity.kind)}: {wrong}")
    if entity.kind in mirrored_kinds():
        return _explain_mirror(workspace, access, subject, now)
    if tenant in workspace.catalog.providers:
        raise Unknown(f"{tenant} is a provider: explain what a reseller gets of it, or a subscription mirrored to it")
    policy, upstream, comparison = _compared(workspace, access, tenant, now)
    if not (entity in comparison.desired.wanted or entity in comparison.actual or comparison.released(entity)):
        if entity in upstream.state:
            raise Unknown(f"{entity} of {policy.upstream} is not offered to {tenant}: nothing in its policy selects it")
        near = [str(id) for id in {*comparison.desired.wanted, *comparison.actual}]
        raise Unknown(f'neither {tenant} nor its catalog has "{entity}": {did_you_mean(str(entity), near)}')
    return explain_entity(comparison, policy, entity, subject.path)


def _explain_mirror(workspace: Workspace, access: Access, subject: Subject, now: datetime) -> Explanation:
    """Account for what is mirrored to a distributor, or why it is not (SUB-01, SUB-02)."""
    tenant, entity = subject.tenant, subject.entity
    reseller = entity.key.partition(".")[0]
    if reseller not in workspace.catalog.policies or upstream_key(workspace.catalog, reseller) != tenant:
        above = upstream_key(workspace.catalog, tenant) if tenant in workspace.catalog.policies else None
        state = or_raise(tree_planner(workspace, access, now).observe_distributor(tenant)).state
        raise Unknown(left_alone(tenant, entity, state, above))
    projection = _projection(workspace, access, reseller, now)
    comparison = compare_mirror(projection, declared_rules())
    if not (entity in comparison.desired.wanted or entity in comparison.actual or comparison.released(entity)):
        raise Unknown(projection.why_absent(entity))
    return explain_entity(comparison, projection.policy, entity, subject.path)


def _projection(workspace: Workspace, access: Access, reseller: str, now: datetime) -> Projection:
    """A reseller's subscriptions as its distributor should have them, all else planned. Raises `StoreError`."""
    return or_raise(tree_planner(workspace, access, now).projection(reseller))


def suppose(
    workspace: Workspace, access: Access, tenant: str, options: tuple[Iterable[str], Iterable[str]], *, now: datetime
) -> Supposition:
    """What would change in a tenant with some options on and others off. Raises `Unknown` and `StoreError`."""
    try:
        enable, disable = map(options_named, options)
    except KeyError as error:
        name = str(error.args[0])
        raise Unknown(f'there is no option "{name}": {did_you_mean(name, (*GROUPS, *OPTIONS))}') from error
    if both := sorted({*enable} & {*disable}):
        raise Unknown(f"{', '.join(both)}: on and off at once")
    policy, _, comparison = _compared(workspace, access, tenant, now)
    supposed = suppose_options(comparison, policy, enable, disable)
    if MIRROR not in (*enable, *disable):
        return supposed
    projection = _projection(workspace, access, tenant, now)
    above = suppose_options(compare_mirror(projection, declared_rules()), policy, enable, disable)
    return supposed.beside(above, at=policy.upstream)


def _compared(workspace: Workspace, access: Access, tenant: str, now: datetime) -> tuple[Policy, Upstream, Comparison]:
    """A tenant's policy, its upstream, and what it should have beside what it has. Raises `StoreError`."""
    planner = tree_planner(workspace, access, now)
    for above in planner.above(tenant):
        planner.plan(above)
    policy = resolve_policy(workspace.catalog, tenant)
    observed = or_raise(planner.observe(policy))
    restored = observed.restored_state(policy.upstream)
    upstream = or_raise(planner.upstream_of(policy, restored.state))
    return policy, upstream, compare(policy, upstream, restored, planner.rules, planner.day_of(tenant))


def plans(workspace: Workspace, access: Access, *, now: datetime) -> list[ListedPlan]:
    """The plans of every delegator, provider or reseller, and to whom each is delegated. Raises `StoreError`."""
    policies = [resolve_policy(workspace.catalog, reseller) for reseller in sorted(workspace.catalog.policies)]
    planner = tree_planner(workspace, access, now)
    upstreams = {
        key: provider_upstream(tree, planner.day_of(key)) for key, tree in sorted(workspace.catalog.providers.items())
    }
    for policy in policies:
        if policy.upstream not in upstreams:
            upstreams[policy.upstream] = or_raise(planner.upstream_of(policy))
    return list(list_plans(upstreams, policies))
