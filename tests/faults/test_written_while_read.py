"""Others write to a tenant while a plan reads it: it is read again, or is in error by itself, and the plan is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace

import pytest

from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.states.lazy_state import LazyState
from reconciler.core.states.managed_digest import of_actual
from reconciler.core.states.state_view import Unavailable
from reconciler.core.tree.levels import READS, Unreadable, upstream_key
from reconciler.core.tree.schedule import Schedule
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.plan import TenantPlan, TenantStatus
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.shell.engines import engine_of
from tests.scenarios.runner import RULES, Scenario, plannable, tree_planner

MOVED = "was written to while it was read"
SHAPES = {
    "AP-06-TREE-01-one-plan-covers-every-level",
    "CB-08-CB-35-a-plan-taken-off-is-disabled-all-the-way-down",
    "SUB-01-SUB-04-TREE-01-a-mirror-is-mirrored-on",
    "SUB-13-TREE-01-prices-of-a-resellers-reseller",
    "TREE-03-SUB-01-only-the-selected-distributor-is-written",
    "TREE-03-an-upstream-that-is-not-selected-counts-as-it-is",
}
"""A middle level and leaves below it, mirrors at every level, and what is read without being planned."""


@dataclass
class Moving:
    """States told by digests. A sketch can be read as long as nobody wrote to its tenant.

    ``moves``: whether somebody writes to a tenant before its so-manyth reading of bodies or digests, from 1 on.
    """

    planner: TreePlanner
    moves: Callable[[str, int], bool]
    reads: dict[str, int] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    observed: dict[str, int] = field(default_factory=dict)

    def observe(self, policy: Policy) -> Observed | Unreadable:
        tenant = policy.reseller
        self.observed[tenant] = self.observed.get(tenant, 0) + 1
        found = self.planner.observe(policy)
        return found if isinstance(found, Unreadable) else replace(found, state=self._sketch(tenant, found.state))

    def _sketch(self, tenant: str, state: State) -> LazyState:
        revision = self.revisions.get(tenant, 0)

        def as_sketched() -> None:
            self.reads[tenant] = number = self.reads.get(tenant, 0) + 1
            if self.moves(tenant, number):
                self.revisions[tenant] = self.revisions.get(tenant, 0) + 1
            if self.revisions.get(tenant, 0) != revision:
                raise Unavailable(f"{tenant} {MOVED}")

        def read(ids: Collection[EntityId] | None) -> Iterable[Entity]:
            as_sketched()
            return [*state.values()] if ids is None else [state[id] for id in ids]

        def told(_: Collection[EntityId] | None) -> Iterable[tuple[EntityId, str]]:
            as_sketched()
            return [(id, each.digest()) for id, each in state.items()]

        synced = {id: of_actual(each) for id, each in state.items()}
        return LazyState(synced, lambda: ((id, each.origin) for id, each in state.items()), read, told)


def plans(scenario: Scenario, moves: Callable[[str, int], bool]) -> tuple[dict[str, TenantPlan], Moving, object]:
    """As `app.make_plan` does it."""
    planner = tree_planner(scenario.given, RULES)
    moving = Moving(planner, moves)
    planner = replace(planner, observe=moving.observe, engine=engine_of(RULES, incremental=True))
    schedule = Schedule.of(planner)
    kept: dict[str, TenantPlan] = {}
    order = planner.plan_into(kept, scenario.given.selected, schedule.note)
    return {key: kept[key] for key in order}, moving, (schedule.entries(), planner.read_besides())


def below(scenario: Scenario, tenant: str) -> set[str]:
    """A tenant and what is below it."""
    catalog = scenario.given.catalog
    assert catalog is not None
    found = {tenant}
    while more := {each for each in catalog.policies if upstream_key(catalog, each) in found} - found:
        found |= more
    return found


@pytest.fixture(params=[each for each in plannable() if each.name in SHAPES], ids=lambda each: each.name)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    found: Scenario = request.param
    return found


def test_the_shapes_are_there() -> None:
    assert {each.name for each in plannable()} >= SHAPES


def test_one_write_before_any_reading_changes_nothing_of_the_plan(scenario: Scenario) -> None:
    """Before each reading of each tenant in turn: it is read again."""
    right, undisturbed, besides = plans(scenario, lambda *_: False)
    assert undisturbed.reads, "nothing is read by digests"
    for tenant, reads in undisturbed.reads.items():
        for at in range(1, reads + 1):
            found, moving, found_besides = plans(scenario, lambda who, number: (who, number) == (tenant, at))  # noqa: B023
            assert (found, found_besides) == (right, besides), (tenant, at)
            assert moving.observed[tenant] > undisturbed.observed[tenant], (tenant, at)


def test_a_tenant_that_keeps_moving_is_in_error_and_so_is_what_is_below(scenario: Scenario) -> None:
    right, undisturbed, _ = plans(scenario, lambda *_: False)
    for tenant in undisturbed.reads:
        found, moving, _ = plans(scenario, lambda who, _: who == tenant)  # noqa: B023
        concerned = below(scenario, tenant)
        assert moving.observed[tenant] == READS
        for each, plan in right.items():
            if each in concerned:
                assert found[each].status is TenantStatus.ERROR
                assert f"{tenant} {MOVED}" in (found[each].problem or "")
            elif not below(scenario, each) & concerned:  # who is above it may lack its mirrors
                assert found[each] == plan
            else:
                assert each not in found or found[each].status is not TenantStatus.ERROR
