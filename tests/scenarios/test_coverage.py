"""Every rule has a scenario, and every declaration of the rules makes a difference to one."""

from functools import cache

import pytest

from reconciler.core.schema.fields import RuleBook
from tests.scenarios import runner
from tests.scenarios.runner import RULES, Scenario

SHOWN = (
    *(f"CB-{number:02}" for number in range(1, 36)),
    *(f"AP-{number:02}" for number in range(1, 22)),
    *(f"IW-{number:02}" for number in range(1, 24)),
    *(f"SUB-{number:02}" for number in range(1, 42)),
    *(f"TREE-{number:02}" for number in range(1, 5)),
    "DATE-01",
    "GUARD-01",
    *(f"ORIGIN-{number:02}" for number in range(1, 5)),
)
SCENARIOS = runner.scenarios()


@pytest.mark.parametrize("rule", SHOWN)
def test_every_rule_has_a_scenario(rule: str) -> None:
    assert [scenario.name for scenario in SCENARIOS if rule in scenario.ids]


@pytest.mark.parametrize("declaration", sorted(RULES.declarations()))
def test_without_any_one_declaration_a_scenario_fails(declaration: str) -> None:
    rules = RULES.without(declaration)
    assert any(_fails(scenario, rules) for scenario in _likely_first(declaration)), "no scenario misses it"


def _fails(scenario: Scenario, rules: RuleBook) -> bool:
    """Whether it comes out otherwise than its folder says. A crash is no difference, and passes through."""
    _passes(scenario)
    outcome = runner.run(scenario.given, rules, scenario.questions)
    return outcome != scenario.expected


@cache
def _passes(scenario: Scenario) -> None:
    assert scenario.actual == scenario.expected, f"{scenario.name} fails with all declarations in force"


def _likely_first(declaration: str) -> list[Scenario]:
    """The scenarios that mention most of what a declaration is about, the short ones first."""
    words = set(declaration.replace(":", ".").split(".")) - {"*"}

    def rank(scenario: Scenario) -> tuple[int, int]:
        text = _mentioned(scenario)
        return -sum(word in text for word in words), len(text)

    return sorted(SCENARIOS, key=rank)


@cache
def _mentioned(scenario: Scenario) -> str:
    after = "".join(file.read_text("utf-8") for _, file in runner.after_files(scenario))
    acts = " ".join(scenario.acts.lines)
    return f"{scenario.name} {scenario.expected.text} {scenario.expected.acts} {acts} {after}"
