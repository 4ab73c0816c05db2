"""What `reconcile explain` answers in a scenario."""

from reconciler.core.inspect.explaining import Explanation, explain
from reconciler.core.planning.tenant_plan import compare
from reconciler.core.subscriptions.permissions import mirrored_kinds
from reconciler.core.tree.levels import Unreadable
from reconciler.core.tree.mirroring import compare_mirror
from reconciler.core.tree.tree_planner import TreePlanner, tenants_in_order
from reconciler.core.workspace.policies import resolve_policy
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path, parse_path
from reconciler.report.explanation import render_explanation


def answer(planner: TreePlanner, question: str) -> str:
    """The answer about ``contoso/plan/web-basic#published``: one entity, or a field of it. Nothing is planned yet."""
    address, _, text = question.partition("#")
    tenant, kind, key = address.split("/")
    names = {str(EntityId(name, key)): EntityId(name, key) for name in STATE_KINDS}
    id, path = names[f"{kind}/{key}"], parse_path(text) if text else None
    found = _of_mirror(planner, id, path) if id.kind in mirrored_kinds() else _of_copy(planner, tenant, id, path)
    return found + "\n" if isinstance(found, str) else render_explanation(found)


def _of_copy(planner: TreePlanner, tenant: str, id: EntityId, path: Path | None) -> Explanation:
    for above in tenants_in_order(planner.catalog):
        planner.plan(above)
    policy = resolve_policy(planner.catalog, tenant)
    observed = planner.observe(policy)
    assert not isinstance(observed, Unreadable)
    trace = observed.restored_state(policy.upstream)
    upstream = planner.upstream_of(policy, trace.state)
    assert not isinstance(upstream, Unreadable)
    return explain(compare(policy, upstream, trace, planner.rules, planner.day_of(tenant)), policy, id, path)


def _of_mirror(planner: TreePlanner, id: EntityId, path: Path | None) -> Explanation | str:
    projection = planner.projection(id.key.partition(".")[0])
    assert not isinstance(projection, Unreadable)
    compared = compare_mirror(projection, planner.rules)
    if id not in compared.desired.wanted and id not in compared.actual:
        return projection.why_absent(id)
    return explain(compared, projection.policy, id, path)
