"""Long chains of resellers: no recursion over the levels of the tree, and work that grows with their number."""

import inspect
import sys
from datetime import date
from typing import Any

from reconciler.core.fold import Fold
from reconciler.core.planning import Observed
from reconciler.core.preconditions import PRECONDITIONS
from reconciler.core.schedule import scheduled
from reconciler.core.shape import rule_book
from reconciler.core.validate import load
from reconciler.model.entity import state_fingerprint
from reconciler.model.plan import Scheduled, TenantPlan
from reconciler.model.source import Catalog, SourceFile

CATALOG = """
{kind: Provider, key: top, currency: EUR, defaults: {options: all}}
---
{kind: ServiceTerm, key: annual}
---
{kind: PlanCategory, key: business}
---
{kind: ProductCategory, key: software}
---
{kind: Product, key: office, category: software}
---
kind: Plan
key: basic
product: office
plan_category: business
service_term: annual
periods: {P1M: {fees: {recurring: [{from: 2026-01-01, amount: 6.00}, {from: 2027-01-01, amount: 6.60}]}}}
"""
RULES = rule_book(frozenset(PRECONDITIONS))
ON = date(2026, 12, 1)


def chain(length: int, *, delegate: str) -> Catalog:
    """A provider with resellers of which each is the upstream of the next."""
    policies = (
        f"---\n{{kind: SyncPolicy, reseller: r{number}, upstream: {f'r{number - 1}' if number else 'top'}, "
        f"delegate: {{plans: {delegate}}}}}\n"
        for number in range(length)
    )
    workspace = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")
    catalog, problems = load([workspace, SourceFile("n/all.yaml", (CATALOG + "".join(policies)).encode())])
    assert catalog is not None, problems
    assert not problems
    return catalog


def planned(catalog: Catalog) -> tuple[list[TenantPlan], tuple[Scheduled, ...]]:
    """The plans of all tenants, none of which has anything yet, and what is scheduled."""
    nothing = Observed({}, state_fingerprint({}), 0)
    fold = Fold(catalog, lambda _: nothing, RULES, ON)
    plans = list(fold.plans(None))
    return plans, scheduled(fold, [plan.tenant for plan in plans if plan.upstream])


def test_a_chain_is_deeper_than_the_stack() -> None:
    """Every level needs labels of the levels above (``match``), and has an amount to come of the topmost."""
    catalog = chain(300, delegate="{match: {}}")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 200)
    try:
        plans, coming = planned(catalog)
    finally:
        sys.setrecursionlimit(limit)
    assert [len(plan.changes) for plan in plans] == [6] * 300
    assert [len(each.tenants) for each in coming] == [300]


def calls_of(length: int) -> int:
    """How many Python functions are called to plan a chain."""
    catalog, counted = chain(length, delegate="[basic]"), 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        planned(catalog)
    finally:
        sys.setprofile(before)
    return counted


def test_the_work_grows_with_the_number_of_levels_and_not_with_its_square() -> None:
    """Measured between two long chains, so that what is done once does not count."""
    short, middle, long = calls_of(60), calls_of(180), calls_of(300)
    assert (long - middle) / (middle - short) < 1.03
