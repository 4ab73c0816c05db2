"""The plan that undoes the one of a scenario, once the tenants went on."""

from collections.abc import Iterable, Mapping

from reconciler.core.inspect.inverse import inverse
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import StatePatch
from reconciler.model.plans.plan import Plan
from reconciler.model.values.entity import State, state_fingerprint


def inverse_of(plan: Plan, states: Mapping[str, State], since: Mapping[str, Iterable[StatePatch]]) -> Plan:
    """The plan that undoes an applied one, once the tenants wrote what they did since."""
    moved = {tenant: _written(states.get(tenant, {}), since.get(tenant, ())) for tenant in {*states, *since}}

    def look(tenant: str) -> Observed:
        state = moved.get(tenant, {})
        return Observed(state, state_fingerprint(state), 0)

    return Plan(plan.timestamp, plan.source, tuple(inverse(plan, look)))


def _written(state: State, patches: Iterable[StatePatch]) -> State:
    found = {**state, **dict(patched(state, list(patches), replace=False))}
    return {id: each for id, each in found.items() if each is not None}
