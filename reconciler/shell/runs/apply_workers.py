"""The steps of one level of a plan, done by whoever there is: see `execute` for what a step is.

A step may be done twice where a worker died after it had done it. It is written once all the same: the journal takes a
plan once for a tenant, and what the first attempt wrote is known by the run that it names (docs/decisions/021).
"""

import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

from reconciler.shell.connections.access import Access, StoreLocation
from reconciler.shell.pools.executors import Call, Lost, Pool
from reconciler.shell.runs.execute import Applied, Carry, Code, Result, Step, StoreOf, done, failed
from reconciler.stores.base import StoreError, TenantStore

BATCH = 16
"""So many steps are a batch at most: as many are not known at once, if a worker cannot be waited for any longer."""
UNKNOWN = "it is not known whether it was applied, whole or not at all: the same command again tells"
UNTOUCHED = "nothing was written"
PASSED_ON = 512
"""So many of those that nothing is to be done for go with a batch at most."""

Where: TypeAlias = Callable[[str], StoreLocation]
"""Where a tenant is. Raises `StoreError` for one that is not known any more."""


class Placed(NamedTuple):
    """A step, and where it is to be done; ``None``: nothing is to be done."""

    step: Step
    place: StoreLocation | None


class ApplyBatch(NamedTuple):
    """Steps of one level, everything that doing them takes. ``allowed_hosts``: as whoever gave the command has it."""

    root: Path
    allowed_hosts: str
    placed: tuple[Placed, ...]


def carried_by(pool: Pool, access: Access, where: Where, *, count: int) -> Carry:
    """How a pool does the steps of one level. ``count``: of the plan's tenants."""
    size = pool.share_of(count, BATCH) if pool.afar else 1

    def call(placed: list[Placed]) -> Call | None:
        to_do = tuple(each for each in placed if each.place)
        if not to_do:
            return None
        if not pool.afar:
            return _do_all, (to_do, access.of_this_thread)
        batch = ApplyBatch(access.root, access.allowed_hosts, to_do)
        return do_batch, (pickle.dumps(batch, pickle.HIGHEST_PROTOCOL),)

    def carry(steps: Iterable[Step]) -> Iterator[Applied]:
        for placed, found in pool.each(_batches((_placed(step, where) for step in steps), size), call):
            yield from told(placed, found)

    return carry


def told(placed: Iterable[Placed], found: list[Applied] | Lost | None) -> Iterator[Applied]:
    """Of every step of a batch how it ended, by what the pool found."""
    results = iter(found if isinstance(found, list) else ())
    for each in placed:
        if isinstance(each.step, Applied):
            yield each.step
        elif isinstance(found, Lost):
            problem = f"{found.problem}; {UNKNOWN if found.begun else UNTOUCHED}"
            yield Applied(each.step.tenant, Result.FAILED, problem, Code.UNKNOWN)
        else:
            yield next(results)


def _placed(step: Step, where: Where) -> Placed:
    if isinstance(step, Applied):
        return Placed(step, None)
    try:
        return Placed(step, where(step.tenant))
    except StoreError as error:
        return Placed(failed(step.tenant, error), None)


def _batches(placed: Iterable[Placed], size: int) -> Iterator[list[Placed]]:
    batch: list[Placed] = []
    to_do = 0
    for each in placed:
        batch.append(each)
        to_do += each.place is not None
        if to_do == size or len(batch) == PASSED_ON:
            yield batch
            batch, to_do = [], 0
    if batch:
        yield batch


def do_batch(content: bytes) -> list[Applied]:
    """Do a `ApplyBatch`, in the process that it was sent to, with credentials of its own environment."""
    batch: ApplyBatch = pickle.loads(content)
    with Access(batch.root, os.environ, operators_hosts=batch.allowed_hosts) as access:
        return _do_all(batch.placed, lambda: access)


def _do_all(placed: Iterable[Placed], access: Callable[[], Access]) -> list[Applied]:
    return [done(step, _store(access(), place)) for step, place in placed if place]


def _store(access: Access, place: StoreLocation) -> StoreOf:
    def store_of(_: str) -> TenantStore:
        return access.writer(place)

    return store_of
