"""A level of the tree as tasks: each says all that planning one tenant takes, so that it can be done anywhere.

Levels are waves: what is in one depends on nothing else in it, only on the levels above.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from graphlib import TopologicalSorter
from typing import TypeAlias, TypeVar

from reconciler.core.desired import Upstream, asks_further_up
from reconciler.core.planning import Engine, Observed, Planned, plan_tenant
from reconciler.core.states import Unavailable, fetched
from reconciler.core.tree.afterwards import read_afterwards
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog
from reconciler.model.values.keys import EntityId

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A tenant whose state could not be read, and why. Never taken for an empty one. ``tenant``: which, if another."""

    problem: str
    tenant: str = ""


Observe: TypeAlias = Callable[[Policy], Observed | Unreadable]
"""Reads a tenant's state; the shell's."""


@dataclass(frozen=True, slots=True)
class Task:
    """One tenant to plan, and everything that it is planned from but its state.

    ``on``: the day whose amounts hold for it (DATE-01). ``informed``: the upstream knows all that is known
    further up, or there is nothing further up. ``above``: whether there are resellers below the tenant, so that all of
    its state is asked for afterwards. ``observed``: its state, if it was read already. ``dated``: of its plans, those
    that may have dated amounts (``None``: all).
    """

    policy: Policy
    upstream: Upstream
    on: date
    allowed: frozenset[str] = frozenset()
    informed: bool = True
    above: bool = True
    observed: Observed | None = None
    dated: frozenset[EntityId] | None = None


@dataclass(frozen=True, slots=True)
class TenantResult:
    """A tenant's plan, its state afterwards, and the state that it was planned from."""

    planned: Planned
    observed: Observed


@dataclass(frozen=True, slots=True)
class NeedsAncestors:
    """The tenant asks for what only is known further up (AP-21). ``observed``: its state, where it need not be read
    again."""

    observed: Observed | None = None


Answer: TypeAlias = TenantResult | Unreadable | NeedsAncestors
Wave: TypeAlias = Callable[[Iterable[Task], int], Iterator[tuple[Task, Answer]]]
"""Plans the tenants of one level, in whatever order, each with its task. The number: of the tasks, or somewhat more."""


def levels(catalog: Catalog) -> Iterator[list[str]]:
    """The resellers of each level, the topmost first; by key within a level."""
    upstreams = {reseller: upstream_key(catalog, reseller) for reseller in sorted(catalog.policies)}
    sorter = TopologicalSorter({reseller: [above] for reseller, above in upstreams.items()})
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        if wave := [key for key in ready if key in upstreams]:
            yield wave
        sorter.done(*ready)


def upstream_key(catalog: Catalog, reseller: str) -> str:
    """The provider or reseller above a reseller."""
    return catalog.upstream_of[reseller]


def plan_task(task: Task, observe: Observe, engine: Engine) -> Answer:
    """The plan of one tenant. Whatever is asked of its state afterwards is read by then:
    a write that comes later concerns nobody but this tenant's apply.
    """

    def planned(observed: Observed) -> TenantResult | NeedsAncestors:
        trace = observed.traced(task.upstream.key)
        if not task.informed and asks_further_up(task.policy, task.upstream, trace.state):
            return NeedsAncestors(observed)
        comparison = engine.compare(task.policy, task.upstream, trace, task.on)
        done = TenantResult(plan_tenant(task.policy, comparison, observed, task.allowed), observed)
        _read_ahead(done, task)
        return done

    return read_again(lambda: observe(task.policy), planned, first=task.observed)


READS = 3
"""So many times a tenant is read to which others write meanwhile. After that it is in error, and nobody else is."""


def read_again(
    observe: Callable[[], Observed | Unreadable], use: Callable[[Observed], _Made], *, first: Observed | None = None
) -> _Made | Unreadable:
    """What is made of a tenant's state. Where that cannot be read to its end, as others wrote to it meanwhile, all is
    done anew with another reading. ``first``: one that is there already.
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
    """Read what is asked of a tenant's state once it was planned (`brief`). Raises `Unavailable`."""
    after = done.planned.after
    if task.above:
        fetched(done.observed.state)
        fetched(after)
    else:
        read_afterwards(after, task.dated)


def in_turn(observe: Observe, engine: Engine) -> Wave:
    """One tenant after the other, here."""
    return lambda tasks, _: ((task, plan_task(task, observe, engine)) for task in tasks)
