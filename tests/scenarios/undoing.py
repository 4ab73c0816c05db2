"""The plan that undoes the one of a scenario, once the tenants went on."""

from collections.abc import Iterable, Mapping

from reconciler.core.inverse import inverse
from reconciler.core.patch import patched
from reconciler.core.planning import Observed
from reconciler.core.state import StatePatch
from reconciler.model.entity import State, state_fingerprint
from reconciler.model.plan import Plan


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
