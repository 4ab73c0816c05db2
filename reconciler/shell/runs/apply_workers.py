"""Runs the steps of one level of a plan on a pool; see `execute` for the steps.

A step may run twice if a worker dies after running it. It is still written once: the journal accepts a plan once per
tenant, and the second attempt recognises the first one's record by its run id (docs/decisions/021).
"""

import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.pools.executors import Call, Lost, Pool
from reconciler.shell.runs.execute import Applied, Code, Result, RunSteps, Step, StoreOf, run_step, store_failure
from reconciler.stores.base import StoreError, TenantStore

BATCH = 16
"""Most steps in a batch; if a worker is lost, the outcome of this many steps is unknown."""
UNKNOWN = "it was applied completely or not at all; run the same command again to find out"
UNTOUCHED = "nothing was written"
MOST_IDLE_STEPS = 512
"""Most steps without work to attach to a batch."""

LocateTenant: TypeAlias = Callable[[str], StoreLocation]
"""The store location of a tenant. Raises `StoreError` for an unknown tenant."""


class PlacedStep(NamedTuple):
    """A step and its store location; ``None``: there is nothing to do."""

    step: Step
    place: StoreLocation | None


class ApplyBatch(NamedTuple):
    """Steps of one level with everything they need. ``allowed_hosts``: of the process that runs the command."""

    root: Path
    allowed_hosts: str
    placed: tuple[PlacedStep, ...]


def apply_on_pool(pool: Pool, access: Access, where: LocateTenant, *, count: int) -> RunSteps:
    """A function that runs the steps of one level on a pool. ``count``: the number of tenants of the plan."""
    size = pool.share_of(count, BATCH) if pool.afar else 1

    def call(placed: list[PlacedStep]) -> Call | None:
        to_do = tuple(each for each in placed if each.place)
        if not to_do:
            return None
        if not pool.afar:
            return _do_all, (to_do, access.of_this_thread)
        batch = ApplyBatch(access.root, access.allowed_hosts, to_do)
        return do_batch, (pickle.dumps(batch, pickle.HIGHEST_PROTOCOL),)

    def run_steps(steps: Iterable[Step]) -> Iterator[Applied]:
        for placed, found in pool.each(_batches((_placed(step, where) for step in steps), size), call):
            yield from batch_results(placed, found)

    return run_steps


def batch_results(placed: Iterable[PlacedStep], found: list[Applied] | Lost | None) -> Iterator[Applied]:
    """The result of every step of a batch, from the result of the pool."""
    results = iter(found if isinstance(found, list) else ())
    for each in placed:
        if isinstance(each.step, Applied):
            yield each.step
        elif isinstance(found, Lost):
            problem = f"{found.problem}; {UNKNOWN if found.begun else UNTOUCHED}"
            yield Applied(each.step.tenant, Result.FAILED, problem, Code.UNKNOWN)
        else:
            yield next(results)


def _placed(step: Step, where: LocateTenant) -> PlacedStep:
    if isinstance(step, Applied):
        return PlacedStep(step, None)
    try:
        return PlacedStep(step, where(step.tenant))
    except StoreError as error:
        return PlacedStep(store_failure(step.tenant, error), None)


def _batches(placed: Iterable[PlacedStep], size: int) -> Iterator[list[PlacedStep]]:
    batch: list[PlacedStep] = []
    to_do = 0
    for each in placed:
        batch.append(each)
        to_do += each.place is not None
        if to_do == size or len(batch) == MOST_IDLE_STEPS:
            yield batch
            batch, to_do = [], 0
    if batch:
        yield batch


def do_batch(content: bytes) -> list[Applied]:
    """Run an `ApplyBatch` in a worker, with credentials from the environment of the worker."""
    batch: ApplyBatch = pickle.loads(content)
    with Access(batch.root, os.environ, operators_hosts=batch.allowed_hosts) as access:
        return _do_all(batch.placed, lambda: access)


def _do_all(placed: Iterable[PlacedStep], access: Callable[[], Access]) -> list[Applied]:
    return [run_step(step, _store(access(), place)) for step, place in placed if place]


def _store(access: Access, place: StoreLocation) -> StoreOf:
    def store_of(_: str) -> TenantStore:
        return access.writer(place)

    return store_of
