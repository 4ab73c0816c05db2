"""A level of the tree as tasks: each says all that planning one tenant takes, so that it can be done anywhere.

Levels are waves: what is in one depends on nothing else in it, only on the levels above.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from graphlib import TopologicalSorter
from typing import TypeAlias, TypeVar

from reconciler.core.copying import own_items
from reconciler.core.delegation import PLAN
from reconciler.core.descent import Traced
from reconciler.core.desired import Upstream
from reconciler.core.diff import Comparison
from reconciler.core.mirror import mirrored_from
from reconciler.core.planning import Observed, Planned, compare, plan_tenant
from reconciler.core.price_list import PRODUCT
from reconciler.core.shape import kind_shapes
from reconciler.core.shared import Sharing
from reconciler.core.sketch import Changed, Sketch, Unavailable, fetched, origin_of
from reconciler.core.upstream import asks_further_up
from reconciler.model.entity import Entity, State
from reconciler.model.keys import EntityId
from reconciler.model.settings import Policy
from reconciler.model.source import Catalog, ProviderTree

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

    ``on``: the day whose amounts hold for it (DATE-01). ``informed``: the upstream knows all that is known further up,
    or there is nothing further up. ``above``: whether there are resellers below the tenant, so that all of its state is
    asked for afterwards. ``observed``: its state, if it was read already. ``dated``: of its plans, those that may have
    dated amounts (``None``: all).
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
    return catalog.upstream_of[reseller]


def plan_task(task: Task, observe: Observe, sharing: Sharing) -> Answer:
    """The plan of one tenant, by what it shares with others. Whatever is asked of its state afterwards is read by then:
    a write that comes later concerns nobody but this tenant's apply.
    """

    def planned(observed: Observed) -> Told | FurtherUp:
        trace = observed.traced(task.upstream.key)
        if not task.informed and asks_further_up(task.policy, task.upstream, trace.state):
            return FurtherUp(observed)
        comparison = _compared(task, trace, sharing)
        done = Told(plan_tenant(task.policy, comparison, observed, task.allowed), observed)
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


def _read_ahead(done: Told, task: Task) -> None:
    """Read what is asked of a tenant's state once it was planned (`brief`). Raises `Unavailable`."""
    after = done.planned.after
    if task.above:
        fetched(done.observed.state)
        fetched(after)
    elif isinstance(after, Sketch | Changed):
        mirrored_from(after)
        fetched(after, [id for id in after if id.kind == PLAN and (task.dated is None or id in task.dated)])


def _compared(task: Task, trace: Traced, sharing: Sharing) -> Comparison:
    """By what is shared, where the tenant's digests are known and tell enough; else in full."""
    policy, upstream, state = task.policy, task.upstream, trace.state
    if not isinstance(state, Sketch):
        return compare(policy, upstream, trace, sharing.rules, task.on)
    short = sharing.compare(policy, upstream, trace, task.on)
    return short or compare(policy, upstream, replace(trace, state=state.whole()), sharing.rules, task.on)


def in_turn(observe: Observe, sharing: Sharing) -> Wave:
    """One tenant after the other, here."""
    return lambda tasks, _: ((task, plan_task(task, observe, sharing)) for task in tasks)


def dated_plans(provider: ProviderTree) -> frozenset[EntityId]:
    """A provider's plans with dated amounts: those that are not as their documents say."""
    return frozenset(provider.documents.dated(PLAN))


def brief(answer: Answer, task: Task, dated: frozenset[EntityId] | None) -> Answer:
    """The answer without what nobody looks at: it may have a long way to go. Nothing of it has to be read any more.

    ``dated``: the plans that may have dated amounts (``None``: all).
    """
    match answer:
        case Told() if not task.above:
            after = dict(_looked_at(answer.planned.after, dated))
            return Told(replace(answer.planned, after=after), replace(answer.observed, state={}))
        case Told():
            after, before = dict(answer.planned.after.items()), dict(answer.observed.state.items())
            return Told(replace(answer.planned, after=after), replace(answer.observed, state=before))
        case FurtherUp():
            return FurtherUp()
        case _:
            return answer


def _looked_at(state: State, dated: frozenset[EntityId] | None) -> Iterator[tuple[EntityId, Entity]]:
    """What is read of a tenant with nobody below it, once it was planned.

    For mirroring, what `core.mirror` says; for the schedule, whence its products came, and of its plans the status and
    the items that are its own. ``dated``: the plans that may have amounts to come (``None``: all).
    """
    mirrored = mirrored_from(state)
    yield from mirrored.items()
    yield from ((id, Entity(id, {}, origin_of(state, id))) for id in state if id.kind == PRODUCT and id not in mirrored)
    plans = [id for id in state if id.kind == PLAN and (dated is None or id in dated)]
    fetched(state, plans)
    for id in plans:
        yield id, _scheduled_of(state[id])


def _scheduled_of(plan: Entity) -> Entity:
    """The part of a tenant's plan that `core.schedule` reads."""
    status = {name: plan.body[name] for name in ("status",) if name in plan.body}
    own = own_items(plan.body, kind_shapes()[PLAN].fields, plan.origin or "")
    return Entity(plan.id, {**status, **{name: items for name, items in own.items() if items}}, plan.origin)
