"""Every scenario comes out as its folder says, converges, and does not care for order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.model.plans.plan import Change
from tests.scenarios import runner
from tests.scenarios.orders import shuffled, without_lines
from tests.scenarios.runner import Scenario
from tests.scenarios.undoing import inverse_of

SCENARIOS = runner.scenarios()
STORY_LINES = 25
ROOT = Path(__file__).parents[2]
_SEVERAL_OPTIONS = re.compile(r"(?: [a-z_]+\.[a-z_]+){2}(?: for|$)", re.MULTILINE)
every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
every_plannable = pytest.mark.parametrize("scenario", runner.plannable(), ids=lambda scenario: scenario.name)
every_state = pytest.mark.parametrize(
    "file",
    [file for scenario in SCENARIOS for _, file in runner.after_files(scenario)],
    ids=lambda file: file.relative_to(runner.HERE).as_posix(),
)


@every_scenario
def test_it_comes_out_as_expected(scenario: Scenario, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        runner.update(scenario)
        scenario = Scenario(scenario.folder)
    actual, expected = scenario.actual, scenario.expected
    assert actual.text == expected.text
    assert _texts(actual.after) == _texts(expected.after)
    assert actual.explained == expected.explained
    assert actual.inverse == expected.inverse
    assert actual.acts == expected.acts
    assert actual.rules == expected.rules


@every_plannable
def test_a_second_plan_has_nothing_to_do(scenario: Scenario) -> None:
    again = runner.planned(
        runner.applied(scenario.given, scenario.actual.after, scenario.actual.lineages), runner.RULES
    )
    assert [change.address for plan in again for change in plan.changes] == []


@every_plannable
def test_undone_at_once_everything_is_as_it_was(scenario: Scenario) -> None:
    """Mirrors aside: they follow their sources, and are blocked (SUB-40, SUB-41)."""
    played = runner.played_out(scenario.given, runner.RULES)
    start = runner.applied(scenario.given, played.states, played.lineages)
    plan = runner.made(start, runner.RULES)
    states = {**start.states, **runner.after(plan.tenants, start.states)}
    back = inverse_of(plan, states, {})
    assert [each.problem for each in back.tenants if each.problem] == []
    held = {(tenant.tenant, each.change.entity) for tenant in back.tenants for each in tenant.deferred}
    assert held == {
        (change.tenant, change.entity) for each in plan.tenants for change in each.changes if _mirror(change)
    }
    undone = {**states, **runner.after(back.tenants, states)}
    changed = [each.tenant for each in plan.tenants if each.changes]
    for tenant in changed:
        was, now = start.states.get(tenant, {}), undone[tenant]
        assert {id: each for id, each in now.items() if (tenant, id) not in held} == {
            id: each for id, each in was.items() if (tenant, id) not in held
        }


@every_plannable
def test_the_order_of_files_documents_tenants_and_keys_does_not_matter(scenario: Scenario) -> None:
    """Problems stand in the order of their places, so a workspace that is not valid is not asked."""
    for seed in range(3):
        start = shuffled(scenario, seed)
        other = runner.run(start, runner.RULES, scenario.questions)
        assert without_lines(other.text) == without_lines(scenario.actual.text)
        assert without_lines(other.acts) == without_lines(scenario.actual.acts)
        assert other.rules == scenario.actual.rules
        assert _texts(other.after) == _texts(scenario.actual.after)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_order_of_options_does_not_depend_on_the_hash_seed(seed: str) -> None:
    """Of every scenario in which something changes under several options: strings hash otherwise in another process."""
    several = [each.name for each in SCENARIOS if _SEVERAL_OPTIONS.search(each.expected.rules)]
    assert len(several) > 5
    code = f"from tests.scenarios.runner import *; print(*(Scenario(HERE / n).actual.rules for n in {several}), sep='')"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout == "".join(Scenario(runner.HERE / name).expected.rules for name in several) + "\n"


@every_state
def test_a_golden_state_is_in_its_normal_form(file: Path) -> None:
    """What a person changed by hand is still what would be written: the difference of a golden is its meaning."""
    text = file.read_text("utf-8")
    assert text == runner.documents(runner.state_of(text, file.name))


@every_scenario
def test_its_story_can_be_read_in_a_minute(scenario: Scenario) -> None:
    lines = (scenario.folder / "story.md").read_text("utf-8").splitlines()
    assert scenario.ids, f"the folder {scenario.name} names no rule"
    assert lines[0].startswith(f"# {scenario.ids[0]} ")
    assert len(lines) <= STORY_LINES
    for word in ("Given", "When", "Then"):
        assert any(line.startswith(word) for line in lines), f"the story has no {word}"


def _mirror(change: Change) -> bool:
    there = change.after or change.before or {}
    return change.entity.kind in ("Customer", "Subscription") and "origin" in there


def _texts(states: runner.States) -> dict[str, str]:
    return {tenant: runner.documents(state) for tenant, state in sorted(states.items())}
