"""The levels of the tree as tasks: each contains everything for planning one tenant, so that it can run anywhere.

The tenants of a level do not depend on each other, only on the levels above.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from typing import TypeAlias, TypeVar

from reconciler.core.desired import Upstream, needs_ancestors
from reconciler.core.planning import Engine, Observed, Planned, plan_tenant
from reconciler.core.states import Unavailable, fetched
from reconciler.core.tree.afterwards import fetch_afterwards
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog
from reconciler.model.values.keys import EntityId

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A tenant whose state could not be read, and why. It never counts as empty. ``tenant``: the unreadable one, if
    another.
    """

    problem: str
    tenant: str = ""


Observe: TypeAlias = Callable[[Policy], Observed | Unreadable]
"""Reads a tenant's state; the shell provides it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One tenant to plan, with all input except its state.

    ``on``: the day of its effective amounts (DATE-01). ``has_ancestors``: the upstream has the facts of its own
    upstreams, or there are none. ``has_resellers``: the tenant has resellers, so its whole state is needed afterwards.
    ``observed``: its state, if it was already read. ``dated``: its plans that may have dated amounts (``None``: all).
    """

    policy: Policy
    upstream: Upstream
    on: date
    allowed: frozenset[str] = frozenset()
    has_ancestors: bool = True
    has_resellers: bool = True
    observed: Observed | None = None
    dated: frozenset[EntityId] | None = None


@dataclass(frozen=True, slots=True)
class TenantResult:
    """A tenant's plan, its state afterwards, and the state that it was planned from."""

    planned: Planned
    observed: Observed


@dataclass(frozen=True, slots=True)
class NeedsAncestors:
    """The tenant cannot be planned without facts of its upstream's own upstreams (AP-21). ``observed``: its state, if
    it was read.
    """

    observed: Observed | None = None


TaskResult: TypeAlias = TenantResult | Unreadable | NeedsAncestors
PlanLevel: TypeAlias = Callable[[Iterable[Task], int], Iterator[tuple[Task, TaskResult]]]
"""Plans the tenants of one level, in any order, each with its task. The number is that of the tasks, or an
upper bound.
"""


def levels(catalog: Catalog) -> Iterator[list[str]]:
    """The resellers of each level, the topmost first; by key within a level."""
    upstreams = {reseller: upstream_key(catalog, reseller) for reseller in sorted(catalog.policies)}
    sorter = TopologicalSorter({reseller: [above] for reseller, above in upstreams.items()})
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        if level := [key for key in ready if key in upstreams]:
            yield level
        sorter.done(*ready)


def upstream_key(catalog: Catalog, reseller: str) -> str:
    """The provider or reseller above a reseller."""
    return catalog.upstream_of[reseller]


def plan_task(task: Task, observe: Observe, engine: Engine) -> TaskResult:
    """The plan of one tenant. Everything that is needed of its state afterwards is read before it returns, so that a
    later write affects only this tenant's apply.
    """

    def planned(observed: Observed) -> TenantResult | NeedsAncestors:
        restored = observed.restored_state(task.upstream.key)
        if not task.has_ancestors and needs_ancestors(task.policy, task.upstream, restored.state):
            return NeedsAncestors(observed)
        comparison = engine.compare(task.policy, task.upstream, restored, task.on)
        done = TenantResult(plan_tenant(task.policy, comparison, observed, task.allowed), observed)
        _read_ahead(done, task)
        return done

    return read_again(lambda: observe(task.policy), planned, first=task.observed)


READS = 3
"""The number of attempts to read a tenant that others write to. After the last the tenant fails, but no other does."""


def read_again(
    observe: Callable[[], Observed | Unreadable], use: Callable[[Observed], _Made], *, first: Observed | None = None
) -> _Made | Unreadable:
    """The result of ``use`` on a tenant's state, repeated with a new reading if others wrote to the state meanwhile.
    ``first``: a reading that was already made.
    """
    observed = first or observe()
    for number in range(1, READS + 1):
        if isinstance(observed, Unreadable):
            return observed
        try:
            return use(observed)
        except Unavailable as error:
            observed = observe() if number < READS else Unreadable(str(error))
    assert isinstance(observed, Unreadable), "the last reading is used, or failed"
    return observed


def _read_ahead(done: TenantResult, task: Task) -> None:
    """Reads what is needed of a tenant's state after planning (`trimmed`). Raises `Unavailable`."""
    after = done.planned.after
    if task.has_resellers:
        fetched(done.observed.state)
        fetched(after)
    else:
        fetch_afterwards(after, task.dated)


def sequentially(observe: Observe, engine: Engine) -> PlanLevel:
    """Plans the tenants one after another in this process."""
    return lambda tasks, _: ((task, plan_task(task, observe, engine)) for task in tasks)
