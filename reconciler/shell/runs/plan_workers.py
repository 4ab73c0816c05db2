"""Plans the tenants of one level on a pool. `core.tree.levels` defines the tasks, `executors` the pools.

Threads only read states, which is mostly waiting; this thread compares them one after the other. Processes read and
compare: they get batches of tasks and open the stores themselves, with credentials from their own environment.
"""

import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from statistics import median
from time import monotonic
from typing import NamedTuple, TypeAlias, cast

from reconciler.core.desired import Upstream
from reconciler.core.planning import Observed, declared_rules
from reconciler.core.tree import PlanLevel, Task, TaskResult, TenantResult, Unreadable, plan_task, trimmed
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import ProviderTree
from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.engines import engine_of
from reconciler.shell.pools.executors import Call, ExecutorError, Lost, Pool
from reconciler.shell.pools.payloads import OpenedTree, Packer, Payload, opened_tree, payload_of, unpacked

BATCH = 32
"""Most tenants in a batch; submitting one to a cluster takes about as long as planning a tenant."""

SAMPLE = 64
"""Number of tenants to plan in this process to estimate the time of the others."""
WORTH_SECONDS = 10
"""Estimated time from which processes are started: starting takes a second or two, and plans must be sent back."""

LocateStore: TypeAlias = Callable[[Policy], StoreLocation]
Trees: TypeAlias = Callable[[str], ProviderTree]


def plan_on_pool(pool: Pool, access: Access, where: LocateStore, trees: Trees) -> PlanLevel:
    """A function that plans the tenants of one level on a pool. ``trees``: by provider."""
    plan_level = _TaskSender(pool, access, where, trees).plan_level if pool.afar else _reading(pool, access, where)

    def plan(tasks: Iterable[Task], count: int) -> Iterator[tuple[Task, TaskResult]]:
        for task, answer in plan_level(tasks, count):
            if isinstance(answer, TenantResult):
                access.seen[task.policy.reseller] = (where(task.policy), answer.observed.fingerprint)
            yield task, answer

    return plan


def in_process_first(
    here: PlanLevel, others: Callable[[], PlanLevel], *, sample: int = SAMPLE, worth: float = WORTH_SECONDS
) -> PlanLevel:
    """Plan a level in this process first; if the rest would take longer than ``worth``, continue with ``others``.

    Uses the median time, because the first tenant of a template fills the cache for the others. If most changes come
    from the cache, sending them back would take longer than making them here.
    """

    def plan(tasks: Iterable[Task], count: int) -> Iterator[tuple[Task, TaskResult]]:
        coming, took, taken_over = iter(tasks), [0.0], [False]
        started = monotonic()
        for task, answer in here(islice(coming, sample), min(count, sample)):
            took.append(monotonic() - started)
            taken_over.append(_is_taken_over(answer))
            yield task, answer
            started = monotonic()
        left = max(count - sample, 0)
        pays = median(took) * left > worth and median(taken_over) < 1
        plan_level = others() if pays else here
        yield from plan_level(coming, left)

    return plan


def _is_taken_over(answer: TaskResult) -> bool:
    """Whether most changes of a plan come from the cache (decision 024)."""
    if not isinstance(answer, TenantResult):
        return False
    plan = answer.planned.plan
    changes = (*plan.changes, *(each.change for each in plan.deferred))
    return sum(each.common is not None for each in changes) * 2 > len(changes) > 0


def _reading(pool: Pool, access: Access, where: LocateStore) -> PlanLevel:
    engine = engine_of(declared_rules(), incremental=access.incremental)

    def observe(task: Task) -> Observed | Unreadable:
        return task.observed or access.of_this_thread().sketch(task.policy.reseller, where(task.policy))

    def again(policy: Policy) -> Observed | Unreadable:
        return access.of_this_thread().sketch(policy.reseller, where(policy))

    def plan(tasks: Iterable[Task], _: int) -> Iterator[tuple[Task, TaskResult]]:
        for task, observed in pool.each(tasks, lambda task: (observe, (task,))):
            if isinstance(observed, Unreadable):
                yield task, observed
            else:
                read = replace(task, observed=observed)
                yield task, plan_task(read, again, engine)

    return plan


class RemoteTask(NamedTuple):
    """A task for another process. ``upstream``: the index of its payload; ``None``: the provider."""

    policy: Policy
    upstream: int | None
    allowed: frozenset[str]
    has_ancestors: bool
    has_resellers: bool
    place: StoreLocation


class PlanBatch(NamedTuple):
    """Tasks of one level and provider, with everything they need besides the provider's documents.

    ``on``: the provider's day, which holds for all these tasks (DATE-01). ``allowed_hosts``: of the process that runs
    the command.
    """

    root: Path
    allowed_hosts: str
    verify: bool
    incremental: bool
    on: date
    upstreams: tuple[Payload, ...]
    remote_tasks: bytes


@dataclass(slots=True)
class _TaskSender:
    """Serializes and submits tasks. ``packed``: the last upstream serialized, since tasks are sorted by upstream."""

    pool: Pool
    access: Access
    where: LocateStore
    trees: Trees
    packers: dict[str, Packer] = field(default_factory=dict)
    packed: tuple[Upstream, Payload] | None = None

    def plan_level(self, tasks: Iterable[Task], count: int) -> Iterator[tuple[Task, TaskResult]]:
        for batch, answers in self.pool.each(_batches(tasks, self.pool.share_of(count, BATCH)), self._call):
            if isinstance(answers, Lost):
                raise ExecutorError(f"{answers.problem}; nothing was planned")
            yield from zip(batch, cast(list[TaskResult], answers), strict=True)

    def _call(self, tasks: Sequence[Task]) -> Call:
        packer = self._packer(tasks[0].policy.provider)
        upstreams: list[Payload] = []
        remote_tasks = [self._remote_task(task, packer, upstreams) for task in tasks]
        access, on = self.access, tasks[0].on
        head = access.root, access.allowed_hosts, access.verify, access.incremental
        batch = PlanBatch(*head, on, tuple(upstreams), packer.pack(remote_tasks))
        tree = self.pool.share(*packer.tree)
        return plan_batch, (packer.tree.digest, tree, pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))

    def _packer(self, provider: str) -> Packer:
        if provider not in self.packers:
            self.packers[provider] = Packer(self.trees(provider))
        return self.packers[provider]

    def _remote_task(self, task: Task, packer: Packer, upstreams: list[Payload]) -> RemoteTask:
        policy, number = task.policy, None
        if policy.upstream != policy.provider:
            if self.packed is None or self.packed[0] is not task.upstream:
                self.packed = (task.upstream, payload_of(packer.pack(task.upstream)))
            if self.packed[1] not in upstreams[-1:]:
                upstreams.append(self.packed[1])
            number = len(upstreams) - 1
        return RemoteTask(policy, number, task.allowed, task.has_ancestors, task.has_resellers, self.where(policy))


def _batches(tasks: Iterable[Task], size: int) -> Iterator[list[Task]]:
    """Batches in the order of the tasks, each of one provider."""
    batch: list[Task] = []
    for task in tasks:
        if batch and (len(batch) == size or batch[0].policy.provider != task.policy.provider):
            yield batch
            batch = []
        batch.append(task)
    if batch:
        yield batch


def plan_batch(digest: str, tree: bytes, content: bytes) -> list[TaskResult]:
    """Plan a `PlanBatch` in a worker. It only reads, so it may run any number of times."""
    here = opened_tree(Payload(digest, tree))
    batch: PlanBatch = pickle.loads(content)
    remote_tasks: list[RemoteTask] = pickle.loads(batch.remote_tasks)
    hosts = batch.allowed_hosts
    with Access(batch.root, os.environ, verify=batch.verify, operators_hosts=hosts) as access:
        return [_answer(remote_task, batch, here, access) for remote_task in remote_tasks]


def _answer(remote_task: RemoteTask, batch: PlanBatch, here: OpenedTree, access: Access) -> TaskResult:
    offered = here.upstream(batch.on)
    engine = here.engine(declared_rules(), batch.on, incremental=batch.incremental)
    upstream = offered if remote_task.upstream is None else unpacked(batch.upstreams[remote_task.upstream])
    dated = here.dated[batch.on] if remote_task.upstream is None else None
    task = Task(
        remote_task.policy,
        upstream,
        batch.on,
        remote_task.allowed,
        remote_task.has_ancestors,
        remote_task.has_resellers,
        dated=dated,
    )
    answer = plan_task(task, lambda policy: access.sketch(policy.reseller, remote_task.place), engine)
    return trimmed(answer, task, dated)
