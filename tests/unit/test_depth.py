"""Long chains of resellers: no recursion over the levels of the tree, and work that grows with their number."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from typing import Any

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.tree.schedule import scheduled
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Plan, Scheduled, Source, TenantPlan, TenantStatus
from reconciler.model.values.entity import state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.shell.runs.execute import Applied, ApplyContext, Result, Step, execute
from reconciler.stores.base import TenantStore

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
    return tree([f"r{number - 1}" if number else "top" for number in range(length)], delegate)


def wide(width: int) -> Catalog:
    """A provider with resellers directly below it, to which nothing is handed down."""
    return tree(["top"] * width, "[]")


def tree(upstreams: list[str], delegate: str) -> Catalog:
    """A provider, and a reseller for each upstream; all policies are in the catalog's file."""
    policies = (
        f"---\n{{kind: SyncPolicy, reseller: r{number}, upstream: {upstream}, delegate: {{plans: {delegate}}}}}\n"
        for number, upstream in enumerate(upstreams)
    )
    workspace = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")
    catalog, problems = load([workspace, SourceFile("n/all.yaml", (CATALOG + "".join(policies)).encode())])
    assert catalog is not None, problems
    assert not problems
    return catalog


def planned(catalog: Catalog) -> tuple[list[TenantPlan], tuple[Scheduled, ...]]:
    """The plans of all tenants, none of which has anything yet, and what is scheduled."""
    nothing = Observed({}, state_fingerprint({}), 0)
    fold = TreePlanner(catalog, lambda _: nothing, RULES, ON)
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


def calls_of(work: Callable[[], object]) -> int:
    """How many Python functions are called, or generators resumed, by some work."""
    counted = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal counted
        counted += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return counted


def growth(works: Iterable[Callable[[], object]]) -> float:
    """Of three works of which each has as much more to do than the one before: how much more the last step costs.

    What is done once does not count.
    """
    short, middle, long = map(calls_of, works)
    return (long - middle) / (middle - short)


def test_planning_grows_with_the_number_of_levels_and_not_with_its_square() -> None:
    catalogs = [chain(length, delegate="[basic]") for length in (60, 180, 300)]
    assert growth(partial(planned, catalog) for catalog in catalogs) < 1.03


def test_a_tenant_to_which_nothing_comes_costs_little() -> None:
    """With all options on, neither its provider's defaults nor its empty mirror is worked out for each."""
    none, short, long = (chain(length, delegate="[]") for length in (1, 20, 120))
    planned(none)  # what is computed once in a process does not count
    each = (calls_of(partial(planned, long)) - calls_of(partial(planned, short))) / 100
    assert each < CALLS_OF_ONE


def test_a_file_of_many_policies_is_not_read_again_for_each() -> None:
    """The state and the document of each tenant are released once it is planned; those of the others stay."""
    catalogs = [wide(width) for width in (60, 180, 300)]
    assert growth(partial(planned_and_released, catalog) for catalog in catalogs) < 1.03


def planned_and_released(catalog: Catalog) -> list[str]:
    """The tenants, planned as a command plans them."""
    nothing = Observed({}, state_fingerprint({}), 0)
    return TreePlanner(catalog, lambda _: nothing, RULES, ON).plan_into({}, None, lambda _: None)


CALLS_OF_ONE = 700
"""How many calls the plan of a reseller may take to which nothing comes; each is about a tenth of a microsecond."""


def test_so_does_applying() -> None:
    plans = []
    for length in (200, 600, 1000):
        tenants = [changed_plan(f"r{number}", f"r{number - 1}" if number else "top") for number in range(length)]
        plans.append(Plan("2026-12-01T00:00:00Z", Source(None, None, False, "sha256:0"), tenants))
        assert [each.tenant for each in carried_out(plans[-1])] == [each.tenant for each in tenants]
    assert growth(partial(carried_out, plan) for plan in plans) < 1.03


def changed_plan(tenant: str, upstream: str) -> TenantPlan:
    created = Change(tenant, EntityId("Role", "clerk"), Action.CREATE, None, {"kind": "Role", "key": "clerk"})
    return TenantPlan(tenant, upstream, TenantStatus.CHANGES, state_fingerprint({}), 0, (created,))


def carried_out(plan: Plan) -> list[Applied]:
    """What becomes of every tenant of a plan, all of which are written without a fault."""

    def run_steps(steps: Iterable[Step]) -> Iterator[Applied]:
        return (Applied(step.tenant, Result.APPLIED) for step in steps)

    warrant = ApplyContext("sha256:0", "2026-12-01T00:00:00Z", "ana", None)
    return list(execute(plan, warrant, no_store, run_steps=run_steps))


def no_store(tenant: str) -> TenantStore:
    raise AssertionError(f"nobody asks for the store of {tenant}")
