"""Every rule has a scenario, and every declaration of the rules makes a difference to one."""

from functools import cache

import pytest

from reconciler.core.schema.rule_book import RuleBook
from reconciler.model.plans.rules import RULES as RULE_TEXTS
from tests.scenarios import runner
from tests.scenarios.runner import RULES, Scenario

SCENARIOS = runner.scenarios()


@pytest.mark.parametrize("rule", RULE_TEXTS)
def test_every_rule_has_a_scenario(rule: str) -> None:
    assert [scenario.name for scenario in SCENARIOS if rule in scenario.ids], f"add a folder tests/scenarios/{rule}-…"


def test_every_scenario_names_rules_that_there_are() -> None:
    ids = {(id, scenario.name) for scenario in SCENARIOS for id in scenario.ids or ("none",)}
    assert sorted(name for id, name in ids if id not in RULE_TEXTS and id != "LAW") == []


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
