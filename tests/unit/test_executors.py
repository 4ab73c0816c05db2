"""A pool hands out as there is room, lets go of what is done, and says what became of what it lost."""

import os
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from threading import Event
from typing import Any

import pytest

from reconciler.shell.connections.access import StoreLocation
from reconciler.shell.pools.executors import ExecutorError, Executors, Lost, Pool, choice_of
from reconciler.shell.runs.apply_workers import PlacedStep, batch_results
from reconciler.shell.runs.execute import Applied, Result, VerifyStep


class AtOnce(Executor):
    """Does a task where it is handed out. ``futures``: those that somebody still holds."""

    def __init__(self) -> None:
        self.futures: weakref.WeakSet[Future[Any]] = weakref.WeakSet()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        self.futures.add(future)
        return future


class Never(Executor):
    """Takes tasks, and does none."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        return Future()


def test_results_come_in_the_items_order_and_items_as_there_is_room() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    pool = Pool(AtOnce(), 4)
    for done, (item, result) in enumerate(pool.each(items(), lambda item: (divmod, (item, 7)))):
        assert (item, result) == (done, divmod(done, 7))
        assert len(taken) <= done + 4
    assert len(taken) == 50


def test_a_future_is_let_go_when_it_is_done() -> None:
    """Else a cluster does its task again, if the worker that has the result dies."""
    executor = AtOnce()
    for done, _ in enumerate(Pool(executor, 3).each(range(9), lambda item: (abs, (item,)))):
        assert len(executor.futures) == min(2, 8 - done)


def test_an_item_with_nothing_to_call_comes_with_nothing() -> None:
    pool = Pool(AtOnce(), 2)
    assert list(pool.each([1, -2, 3], lambda item: (abs, (item,)) if item < 0 else None)) == [
        (1, None),
        (-2, 2),
        (3, None),
    ]


def test_who_stops_gets_what_is_under_way_and_nothing_more() -> None:
    begun: list[int] = []
    going = Event()

    def task(item: int) -> int:
        begun.append(item)
        assert item == 0 or going.wait(60)
        return item

    with ThreadPoolExecutor(2) as executor:
        pool = Pool(executor, 2, afar=False)
        running = pool.each(range(9), lambda item: (task, (item,)))
        assert next(running) == (0, 0)
        going.set()
        assert list(pool.under_way()) == [(0, 0), (1, 1)]
    assert begun == [0, 1]


def test_a_process_that_dies_loses_what_it_had() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        found = list(Pool(executor, 2).each([1, 2, 3], lambda status: (os._exit, (status,))))
    assert [item for item, _ in found] == [1, 2, 3]
    assert all(isinstance(lost, Lost) and "BrokenProcessPool" in lost.problem for _, lost in found)
    assert [lost.begun for _, lost in found] == [True, True, False]


def test_of_a_step_that_was_lost_nothing_is_claimed() -> None:
    known, lost = Applied("one", Result.UNCHANGED), VerifyStep("two", "sha256:", 1)
    steps = [PlacedStep(known, None), PlacedStep(lost, StoreLocation("memory:"))]
    first, second = batch_results(steps, Lost("the executor failed"))
    assert first == known
    assert (second.tenant, second.result) == ("two", Result.FAILED)
    assert "it was applied completely or not at all" in second.problem
    _, third = batch_results(steps, Lost("the executor failed", begun=False))
    assert third.problem == "the executor failed; nothing was written"


def test_what_a_task_raises_in_another_process_is_raised_here_as_text() -> None:
    with pytest.raises(RuntimeError, match=r"a task failed in another process:[^$]*ZeroDivisionError"):
        list(Pool(AtOnce(), 1).each([0], lambda item: (divmod, (1, item))))


def test_without_anybody_left_one_does_not_wait_for_ever() -> None:
    pool = Pool(Never(), 1, alive=lambda: False, patience=0.01)
    assert list(pool.each([1], lambda _: (abs, (1,)))) == [(1, Lost("the executor has no workers any more"))]


def test_while_somebody_is_there_one_waits() -> None:
    answers = iter([True, True, False, True, False, False])
    pool = Pool(Never(), 1, alive=lambda: next(answers), patience=0.01)
    assert len(list(pool.each([1], lambda _: (abs, (1,))))) == 1
    assert next(answers, None) is None


@pytest.mark.parametrize(
    ("executor", "parallelism", "remote", "local", "expected"),
    [
        ("local", None, 7, 500, None),
        ("local", None, 8, 0, 8),
        ("local", 3, 8, 0, 3),
        ("local", 1, 500, 0, None),
        ("threads", None, 0, 1, 8),
        ("threads", 2, 0, 1, 2),
        ("threads", 2, 0, 0, None),
    ],
)
def test_who_is_asked(executor: str, parallelism: int | None, remote: int, local: int, expected: int | None) -> None:
    """``expected``: so many at once; ``None``: nobody, it is done here."""
    stores = {f"r{number}": "postgresql://db.example/tenants" for number in range(remote)}
    stores |= {f"l{number}": "sqlite:///tenants.db" for number in range(local)}
    executors = Executors(choice_of(executor, parallelism))
    pool = executors.for_tenants(stores)
    assert (pool.at_once if pool else None) == expected
    executors.close()


def test_what_a_worker_does_not_see_it_does_not_get() -> None:
    with pytest.raises(ExecutorError, match="b: sqlite:///x is a file on this machine"):
        Executors(choice_of("dask://127.0.0.1:1")).for_tenants({"a": "postgresql://db.example/x", "b": "sqlite:///x"})
