"""Which tenants are read for a plan, and how often: each write of others in between could be seen."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.tree.levels import Task, TenantResult
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.values.entity import state_fingerprint
from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.pools.executors import Pool
from reconciler.shell.runs.plan_workers import plan_on_pool

ON = date(2026, 12, 1)
RULES = rule_book(frozenset(PRECONDITIONS))
EMPTY = Observed({}, state_fingerprint({}), 1)
CHAIN = ("contoso", "fabrikam", "adatum")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Three resellers, each below the one before."""
    above = ("northwind", *CHAIN)
    policies = [f"kind: SyncPolicy\nreseller: {key}\nupstream: {at}\n" for key, at in zip(CHAIN, above, strict=False)]
    texts = {
        "reconcile.yaml": "kind: Workspace\nversion: 1\n",
        "northwind/provider.yaml": "kind: Provider\nkey: northwind\ncurrency: EUR\n",
        "northwind/policies.yaml": "---\n".join(policies),
    }
    found, problems = load([SourceFile(path, text.encode()) for path, text in texts.items()])
    assert found is not None, problems
    return found


@pytest.mark.parametrize("selected", CHAIN)
def test_of_what_is_not_selected_only_the_upstream_is_read(catalog: Catalog, selected: str) -> None:
    """TREE-03: the upstream counts as it is, so what is above it makes no difference."""
    read = []

    def observe(policy: Policy) -> Observed:
        read.append(policy.reseller)
        return EMPTY

    tuple(TreePlanner(catalog, observe, RULES, ON).plans(frozenset({selected})))
    at = CHAIN.index(selected)
    assert sorted(read) == sorted(CHAIN[max(at - 1, 0) : at + 1])


def test_a_state_that_was_read_already_is_not_read_again(catalog: Catalog) -> None:
    planner = TreePlanner(catalog, lambda _: EMPTY, RULES, ON)
    (task,) = planner._tasks(["contoso"], {})
    looked_up = []

    def where(policy: Policy) -> StoreLocation:
        looked_up.append(policy.reseller)
        return StoreLocation("memory:read-once")

    with Access(Path(), {}) as access, ThreadPoolExecutor(1) as executor:
        plan_level = plan_on_pool(Pool(executor, 1, afar=False), access, where, catalog.providers.__getitem__)
        for observed, reads in ((None, 1), (EMPTY, 0)):
            looked_up.clear()
            tasks: list[Task] = [replace(task, observed=observed)]
            ((_, found),) = plan_level(tasks, 1)
            assert isinstance(found, TenantResult)
            assert len(looked_up) == reads + 1  # once more for the apply
