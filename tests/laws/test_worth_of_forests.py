"""The forests are worth their trees: at least half of them have each of what makes a tree hard, as plans show it."""

from collections import Counter
from collections.abc import Iterator

import pytest

from reconciler.model.documents.options import GUARDS
from reconciler.model.plans.change import Action
from tests.laws.forest_catalogs import PROVIDER
from tests.laws.forests import forest
from tests.laws.grown import Grown, Tenant, grown

SEEDS = range(60)
HARD = (
    "a withheld level",
    "a cause from above",
    "a veto",
    "own plans",
    "an own plan passed on",
    "changes at level 2 or below",
    "a price list at level 2 or below",
    "a tripped guard",
    "a tripped guard with tenants below",
    "a rename",
    "a rename at level 2 or below",
    "dated amounts",
)
"""What at least half of the forests have."""


def test_the_forests_are_worth_their_trees(capsys: pytest.CaptureFixture[str]) -> None:
    counts = Counter(found for seed in SEEDS for found in set(_found(grown(forest(seed)))))
    with capsys.disabled():
        print(f"\n{len(SEEDS)} forests: " + ", ".join(f"{counts[what]} with {what}" for what in (*HARD, *GUARDS)))
    assert all(counts[what] >= len(SEEDS) / 2 for what in HARD), counts
    assert all(counts[guard] for guard in GUARDS), counts


def _found(here: Grown) -> Iterator[str]:
    if any(isinstance(amount, list) for each in here.forest.catalog for amount in _amounts(each)):
        yield "dated amounts"
    inner = {*here.forest.upstream.values()}
    for tenant in here.tenants.values():
        deep = tenant.policy.upstream != PROVIDER
        yield from _in_plan(tenant, deep=deep)
        yield from _deferred(tenant, above_others=tenant.key in inner)


def _amounts(document: dict[str, object]) -> Iterator[object]:
    for value in document.values():
        if isinstance(value, dict):
            yield from _amounts(value)
        elif not (isinstance(value, list) and value and isinstance(value[0], str)) and value != []:
            yield value


def _in_plan(tenant: Tenant, *, deep: bool) -> Iterator[str]:
    if any(id.kind == "Plan" and each.origin is None for id, each in tenant.observed.state.items()):
        yield "own plans"
    for change in tenant.plan.changes:
        rules = {change.rule, *(each.rule for each in change.fields)}
        if "AP-21" in rules:
            yield "a rename"
        if deep and "AP-21" in rules:
            yield "a rename at level 2 or below"
        if deep and change.action is Action.CREATE:
            yield "changes at level 2 or below"
        if deep and tenant.policy.listed and any(rule.startswith("IW-") for rule in rules):
            yield "a price list at level 2 or below"
        if change.entity.key.startswith("own-") and change.entity.kind == "Plan" and change.after:
            yield "an own plan passed on"


def _deferred(tenant: Tenant, *, above_others: bool) -> Iterator[str]:
    for each in tenant.plan.deferred:
        if above_others and each.reason == "withheld":
            yield "a withheld level"
        if each.detail.startswith(("withheld at ", "blocked at ")):
            yield "a cause from above"
        elif each.rule == "CB-34":
            yield "a veto"
        elif each.rule == "GUARD-01":
            yield "a tripped guard"
            if above_others:
                yield "a tripped guard with tenants below"
            yield from (guard for guard in GUARDS if f"guard {guard}: " in each.detail)
