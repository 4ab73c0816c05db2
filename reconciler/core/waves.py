"""A level of the tree as tasks: each says all that planning one tenant takes, so that it can be done anywhere.

Levels are waves: what is in one depends on nothing else in it, only on the levels above.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from graphlib import TopologicalSorter
from typing import TypeAlias

from reconciler.core.delegation import PLAN
from reconciler.core.denials import mirrored_kinds
from reconciler.core.desired import Upstream
from reconciler.core.planning import Observed, Planned, compare, plan_tenant
from reconciler.core.price_list import PRODUCT
from reconciler.core.shape import RuleBook
from reconciler.core.upstream import asks_further_up
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId
from reconciler.model.policy import SyncPolicy
from reconciler.model.settings import Policy
from reconciler.model.source import Catalog


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

    ``informed``: the upstream knows all that is known further up, or there is nothing further up. ``above``: whether
    there are resellers below the tenant, so that all of its state is asked for afterwards. ``observed``: its state, if
    it was read already.
    """

    policy: Policy
    upstream: Upstream
    allowed: frozenset[str] = frozenset()
    informed: bool = True
    above: bool = True
    observed: Observed | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A tenant's plan, its state afterwards, and the state that it was planned from."""

    planned: Planned
    observed: Observed


@dataclass(frozen=True, slots=True)
class FurtherUp:
    """The tenant asks for what only is known further up (AP-21). ``observed``: its state, where it need not be read
    again."""

    observed: Observed | None = None


Answer: TypeAlias = Told | Unreadable | FurtherUp
Wave: TypeAlias = Callable[[Iterable[Task], int], Iterator[tuple[Task, Answer]]]
"""Plans the tenants of one level, in whatever order, each with its task. The number: of the tasks, or somewhat more."""


def waves(catalog: Catalog) -> Iterator[list[str]]:
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
    model = catalog.policies[reseller].model
    assert isinstance(model, SyncPolicy)
    return model.upstream


def plan_task(task: Task, observe: Observe, rules: RuleBook, on: date) -> Answer:
    """The plan of one tenant. ``on`` is the day whose amounts hold."""
    observed = task.observed or observe(task.policy)
    if isinstance(observed, Unreadable):
        return observed
    if not task.informed and asks_further_up(task.policy, task.upstream, observed.state):
        return FurtherUp(observed)
    comparison = compare(task.policy, task.upstream, observed.state, rules, on)
    return Told(plan_tenant(task.policy, comparison, observed, task.allowed), observed)


def in_turn(observe: Observe, rules: RuleBook, on: date) -> Wave:
    """One tenant after the other, here."""
    return lambda tasks, _: ((task, plan_task(task, observe, rules, on)) for task in tasks)


def brief(answer: Answer, task: Task) -> Answer:
    """The answer without what nobody looks at: it may have a long way to go."""
    match answer:
        case Told() if not task.above:
            after = dict(_looked_at(answer.planned.after))
            return Told(replace(answer.planned, after=after), replace(answer.observed, state={}))
        case FurtherUp():
            return FurtherUp()
        case _:
            return answer


def _looked_at(state: State) -> Iterator[tuple[EntityId, Entity]]:
    """Of a tenant with nobody below it: what is mirrored, and which plans and products it has, and whence.

    `core.mirror` and `core.schedule` look at nothing else of it.
    """
    mirrored = mirrored_kinds()
    for id, each in state.items():
        if id.kind in mirrored:
            yield id, each
        elif id.kind in (PLAN, PRODUCT):
            status = {name: each.body[name] for name in ("status",) if name in each.body}
            yield id, Entity(id, status, each.origin)
