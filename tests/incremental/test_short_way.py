"""The short way, by digests, gives the very plan that comparing everything gives
(`reconciler.core.incremental.shared`).
"""

from collections.abc import Mapping

from hypothesis import given

from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog
from reconciler.model.values.entity import State, state_fingerprint
from tests.laws.grown import ON, RULES, Grown
from tests.laws.renamed import Renamed
from tests.laws.sketched import plans_by_digests
from tests.laws.test_laws import Read, law, read
from tests.laws.worlds import World, worlds
from tests.scenarios import runner
from tests.scenarios.runner import Scenario
from tests.scenarios.test_scenarios import every_plannable


def _fold(catalog: Catalog, states: Mapping[str, State]) -> TreePlanner:
    def observe(policy: Policy) -> Observed:
        state = states.get(policy.reseller, {})
        return Observed(state, state_fingerprint(state), 1)

    return TreePlanner(catalog, observe, RULES, ON)


def _same(catalog: Catalog, states: Mapping[str, State]) -> None:
    expected = tuple(_fold(catalog, states).plans(None))
    plans, _ = plans_by_digests(_fold(catalog, states))
    assert plans == expected


@every_plannable
def test_of_a_scenario(scenario: Scenario) -> None:
    start = scenario.given
    played = runner.played_out(start, RULES)
    then = runner.applied(start, played.states, played.lineages)
    for each in (start, then, runner.applied(start, scenario.actual.after, scenario.actual.lineages)):
        expected = tuple(runner.tree_planner(each, RULES).plans(each.selected))
        assert plans_by_digests(runner.tree_planner(each, RULES), each.selected)[0] == expected


@law
@given(worlds(guarded=True))
def test_of_a_world(world: World) -> None:
    here = read(world)
    _of(here)
    _of(here.applied(here.plan()))


def _of(here: Read) -> None:
    (reseller,) = here.catalog.policies
    _same(here.catalog, {reseller: here.state})


def test_of_a_forest(here: Grown) -> None:
    _same(here.catalog, here.states)
    _same(here.applied.catalog, here.applied.states)


def test_of_a_forest_with_renames(renaming: Renamed) -> None:
    for each in (renaming.before, renaming.after):
        _same(each.catalog, each.states)
