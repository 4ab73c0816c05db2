"""Who plans and applies makes no difference: for random trees of resellers, whole and in part, the bytes are the same.

What goes to another process goes through bytes here as well, and back; `tests/cli/test_executors.py` has real ones.
"""

import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from reconciler.core.planning.tenant_plan import Observed, PlainEngine
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.core.savedplan.codec import encode
from reconciler.core.tree.levels import PlanLevel, Unreadable, sequentially
from reconciler.core.tree.schedule import scheduled
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import SourceFile
from reconciler.model.plans.plan import Plan, Source
from reconciler.model.values.entity import State
from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.pools.executors import Pool
from reconciler.shell.runs.apply_workers import apply_on_pool
from reconciler.shell.runs.execute import ApplyContext, execute
from reconciler.shell.runs.plan_workers import in_process_first, plan_on_pool
from reconciler.stores.base import EntityWrite
from reconciler.stores.registry import open_store
from tests.laws.grown import ON, RULES, WORKSPACE, Grown

NOW = "2026-12-01T00:00:00Z"
CONTEXT = ApplyContext("sha256:plan", NOW, "somebody", None)


class Posted(Executor):
    """Does every task at once, by what is left of it after a way through bytes, and so with its result.

    ``sizes``: of the last argument of each task, which is what belongs to it alone.
    """

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        self.sizes.append(len(args[-1]))
        function, given = pickle.loads(pickle.dumps((fn, args)))
        future.set_result(pickle.loads(pickle.dumps(function(*given, **kwargs))))
        return future


@contextmanager
def threads() -> Iterator[Pool]:
    with ThreadPoolExecutor(3) as executor:
        yield Pool(executor, 3, afar=False)


_numbers = count(1)


def place(here: Grown) -> StoreLocation:
    """A new store that has the forest's states."""
    url = f"memory:forest-{next(_numbers)}"
    store = open_store(url, root=Path())
    for tenant, state in here.states.items():
        writes = [EntityWrite(each, None, entity) for each, entity in state.items()]
        store.overwrite(tenant, writes, actor="tenant", at=NOW)
    return StoreLocation(url)


def planned(
    here: Grown, where: StoreLocation, pool: Pool | None, selected: frozenset[str] | None, *, late: bool = False
) -> Plan:
    """``late``: by the pool only from the third tenant of a level on."""
    with Access(Path(), {}) as access:

        def observe(policy: Policy) -> Observed | Unreadable:
            return access.observe(policy.reseller, where)

        planner = TreePlanner(here.catalog, observe, here.rules, ON)
        if pool:
            trees = here.catalog.providers.__getitem__
            plan_level = plan_on_pool(pool, access, lambda _: where, trees)
            begun = sequentially(observe, PlainEngine(here.rules))
            planner = replace(
                planner,
                plan_level=in_process_first(begun, lambda: plan_level, sample=2, worth=0) if late else plan_level,
            )
        tenants = tuple(planner.plans(selected))
        coming = scheduled(planner, [each.tenant for each in tenants if each.tenant in here.catalog.policies])
        source = Source(None, None, False, here.catalog.digest)
        return Plan(NOW, source, tenants, read=planner.read_besides(), scheduled=coming)


def some(here: Grown) -> frozenset[str]:
    """About half of the tenants."""
    tenants = sorted(here.catalog.policies)
    return frozenset(Random(len(tenants)).sample(tenants, (len(tenants) + 1) // 2))


def test_whoever_plans_the_plan_is_the_same(here: Grown) -> None:
    where = place(here)
    for selected in (None, some(here)):
        expected = encode(planned(here, where, None, selected))
        late = selected is None
        assert encode(planned(here, where, Pool(Posted(), 3), selected, late=late)) == expected
        with threads() as pool:
            assert encode(planned(here, where, pool, selected)) == expected


def test_whoever_applies_what_is_written_and_told_is_the_same(here: Grown) -> None:
    before, after = place(here), place(here)
    plan = planned(here, before, None, None)
    with Access(Path(), {}) as access:
        results = list(execute(plan, CONTEXT, lambda _: access.writer(before)))
        run_steps = apply_on_pool(Pool(Posted(), 2), access, lambda _: after, count=len(plan.tenants))
        assert list(execute(plan, CONTEXT, lambda _: access.writer(before), run_steps=run_steps)) == results
        for tenant in here.catalog.policies:
            assert access.reader(before).observe(tenant) == access.reader(after).observe(tenant)
        assert list(access.reader(before).history()) == list(access.reader(after).history())


def test_what_goes_to_another_process_is_small(here: Grown) -> None:
    """What a task takes is its policy; the documents of the catalog go once, beside the tasks."""
    posted = Posted()
    tops = frozenset(key for key, above in here.forest.upstream.items() if above not in here.catalog.policies)
    planned(here, place(here), Pool(posted, 1), tops)
    assert sum(posted.sizes) < 8_000 * (len(tops) + 1)


def test_others_are_called_only_when_it_pays(here: Grown) -> None:
    where, tenants = place(here), here.catalog.policies

    def never() -> PlanLevel:
        raise AssertionError("it does not take that long")

    with Access(Path(), {}) as access:

        def observe(policy: Policy) -> Observed | Unreadable:
            return access.observe(policy.reseller, where)

        begun = sequentially(observe, PlainEngine(here.rules))
        planner = TreePlanner(here.catalog, observe, here.rules, ON, plan_level=in_process_first(begun, never))
        assert {each.tenant for each in planner.plans(None)} >= tenants.keys()


OF_A_RESELLERS_OWN = """\
kind: Provider
key: northwind
currency: EUR
---
kind: SyncPolicy
reseller: contoso
upstream: northwind
---
kind: SyncPolicy
reseller: fabrikam
upstream: contoso
delegate: {plans: [own]}
options: all
"""
_AROUND = """\
{kind: ServiceTerm, key: annual}
---
{kind: PlanCategory, key: office}
---
{kind: ProductCategory, key: software}
---
{kind: Product, key: suite, category: software}
---
"""
_OWN = """\
kind: Plan
key: own
product: suite
plan_category: office
service_term: annual
periods: {P1M: {fees: {recurring: %s}}}
"""


def test_what_a_reseller_announced_itself_is_listed_whoever_plans() -> None:
    """Its plans are not those of the provider that have dated amounts."""
    files = [WORKSPACE, SourceFile("northwind/all.yaml", OF_A_RESELLERS_OWN.encode())]
    catalog, problems = load(files)
    assert catalog is not None, problems
    dated = "[{from: 2026-01-01, amount: 6.00}, {from: 2027-01-01, amount: 6.60}]"
    states = {"contoso": given(_AROUND + _OWN % dated), "fabrikam": {}}
    here: Any = SimpleNamespace(catalog=catalog, states=states, rules=RULES)
    where = place(here)
    for _ in range(2):  # once the plan comes, and once it is there
        expected = planned(here, where, None, None)
        assert [each.date for each in expected.scheduled] == ["2027-01-01"]
        found = planned(here, where, Pool(Posted(), 2), None)
        assert encode(found) == encode(expected)
        with Access(Path(), {}) as access:
            list(execute(found, CONTEXT, lambda _: access.writer(where)))


def given(text: str) -> State:
    patches, problems = read_state(text, "state.yaml")
    assert problems == []
    return {id: each for id, each in patched({}, patches, replace=False) if each}
