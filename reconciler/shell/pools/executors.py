"""Executors for planning and applying: this thread, other threads, other processes, or a cluster.

Results do not depend on the executor. A pool uses the `concurrent.futures` interface; its modules are imported and its
workers started only on first use.
"""

import os
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from threading import Thread
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

from reconciler import optional_libraries
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.urls import shown_url

LOCAL, THREADS, PROCESSES, DASK = "local", "threads", "processes", "dask"
SAMPLES = f"{LOCAL}, {THREADS}, {PROCESSES} or {DASK}://host:8786"
MISSING = f"Dask is not installed: {optional_libraries.DASK}"
THREADS_AT_ONCE = 8
PATIENCE_SECONDS = 15
"""How long to wait for a result before checking whether any worker is alive."""
WORTH_THREADS = 8
"""`local` uses threads from this number of tenants in remote stores."""

T = TypeVar("T")
Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""A module-level function and its arguments."""


class ExecutorError(Exception):
    """An executor is unknown, cannot be reached, or failed. The message is for users."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A task whose executor failed. Its outcome is unknown, unless it was never ``begun``."""

    problem: str
    begun: bool = True


@dataclass(frozen=True, slots=True)
class Raised:
    """The traceback of a task in another process, as text: not every exception can be pickled."""

    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The values of `--executor` and `--parallelism`. ``address``: of a cluster's scheduler, ``host:port``."""

    kind: str = LOCAL
    parallelism: int | None = None
    address: str = ""


IN_TURN = Choice(parallelism=1)


def choice_of(text: str, parallelism: int | None = None) -> Choice:
    """Parse ``threads`` or ``dask://host:8786``. Raises `ExecutorError`."""
    if text in (LOCAL, THREADS, PROCESSES):
        return Choice(text, parallelism)
    scheme, colon, _ = text.partition("://")
    if scheme != DASK or not colon:
        near = did_you_mean(scheme, (LOCAL, THREADS, PROCESSES, DASK))
        raise ExecutorError(f'unknown executor "{shown_url(text)}": {near} Use {SAMPLES}')
    if (address := _address(text)) is None:
        raise ExecutorError(f"{DASK}:// needs the scheduler's host and port; example: {DASK}://127.0.0.1:8786")
    if find_spec("distributed") is None:
        raise ExecutorError(MISSING)
    return Choice(DASK, parallelism, address)


def _address(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        whole = parts.hostname and parts.port and parts.netloc == url.removeprefix(f"{DASK}://").rstrip("/")
    except ValueError:
        return None
    return parts.netloc if whole and "@" not in parts.netloc else None


@dataclass(slots=True)
class Pool:
    """An executor with at most ``at_once`` tasks submitted and not yet collected.

    ``afar``: tasks run in another process, so their arguments are serialized. ``repeats``: a task may run twice,
    because a worker may die after running it. ``failures``: the exceptions that mean that the executor itself failed.
    ``alive``: whether any worker is left; ``deserted``: how often in a row there was none. ``shared``: arguments that
    were sent once for all tasks, by digest.
    """

    executor: Executor
    at_once: int
    afar: bool = True
    repeats: bool = False
    failures: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)
    send: Callable[[bytes], Any] = lambda content: content
    alive: Callable[[], bool] = lambda: True
    patience: float = PATIENCE_SECONDS
    deserted: int = 0
    shared: dict[str, Any] = field(default_factory=dict)
    in_hand: deque[tuple[Any, Any]] = field(default_factory=deque)

    def share_of(self, count: int, most: int) -> int:
        """The batch size for ``count`` tasks: at most ``most``, and small enough that every worker gets some."""
        return max(1, min(most, count // (2 * self.at_once)))

    def share(self, digest: str, content: bytes) -> Any:
        """Send the bytes once; returns the argument to pass to every task."""
        if digest not in self.shared:
            self.shared[digest] = self.send(content)
        return self.shared[digest]

    def each(self, items: Iterable[T], call: Callable[[T], Call | None]) -> Iterator[tuple[T, Any]]:
        """Run a call per item. Yields each item with its result, `Lost`, or ``None`` if it has no call; in order.

        An item is taken when there is room for it. A future is dropped as soon as it is done, because a cluster repeats
        a task whose future is still referenced when the worker holding its result dies.
        """
        coming = iter(items)
        more = True
        while more or self.in_hand:
            while more and len(self.in_hand) < self.at_once:
                more = self._hand_out(coming, call)
            if self.in_hand:
                self.in_hand[0] = (self.in_hand[0][0], self._done(self.in_hand[0][1]))
                yield self.in_hand[0]
                self.in_hand.popleft()

    def under_way(self) -> Iterator[tuple[Any, Any]]:
        """The results of submitted tasks that `each` has not collected; waits for them. For interruptions."""
        while self.in_hand:
            item, future = self.in_hand[0]
            yield item, self._done(future)
            self.in_hand.popleft()

    def _hand_out(self, coming: Iterator[T], call: Callable[[T], Call | None]) -> bool:
        for item in coming:
            try:
                wanted = call(item)
                future = self._submitted(*wanted) if wanted else None
            except self.failures as error:
                self.in_hand.append((item, replace(_lost(error), begun=False)))
            else:
                self.in_hand.append((item, future))
            return True
        return False

    def _submitted(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> "Future[Any]":
        if self.afar:
            return self.executor.submit(attempted, function, *arguments)
        return self.executor.submit(function, *arguments)

    def _done(self, future: Any) -> Any:
        if not isinstance(future, Future):
            return future
        while True:
            try:
                result = future.result(self._patience())
            except self.failures as error:
                return _lost(error)
            except TimeoutError:
                if not self.afar:
                    raise
                self.deserted = 0 if self.alive() else self.deserted + 1
                if self.deserted > 1:
                    return Lost("the executor has no workers any more")
            else:
                if isinstance(result, Raised):
                    raise RuntimeError(f"a task failed in another process:\n{result.text}")
                return result

    def _patience(self) -> float | None:
        """How long to wait for a result; shorter once the workers are gone, so as not to wait again for every task."""
        if not self.afar:
            return None
        return self.patience if self.deserted < 2 else 0


def attempted(function: Callable[..., Any], *arguments: Any) -> Any:
    """The result of the function, or `Raised`."""
    try:
        return function(*arguments)
    except Exception:  # raised again by the process that waits for the result
        return Raised(traceback.format_exc())


def _lost(error: BaseException) -> Lost:
    said = str(error).partition("\n")[0]
    return Lost(f"the executor failed ({type(error).__name__}{': ' if said else ''}{said})")


@dataclass(slots=True)
class Executors:
    """The pools of a choice, opened on first use and closed together."""

    choice: Choice = IN_TURN
    pools: dict[str, Pool] = field(default_factory=dict)

    def for_tenants(self, stores: Mapping[str, str]) -> Pool | None:
        """The pool for these tenants, given the URLs of their stores; ``None``: run sequentially in this thread.

        Raises `ExecutorError` if a tenant's store cannot be reached from the workers.
        """
        kind = self.choice.kind
        if not stores:
            return None
        if kind == LOCAL:
            elsewhere = sum(map(_is_elsewhere, stores.values()))
            if elsewhere < WORTH_THREADS or self.choice.parallelism == 1:
                return None
            kind = THREADS
        for tenant, url in sorted(stores.items()):
            _check_in_sight(kind, tenant, url)
        return self._opened(kind)

    def spare(self, stores: Mapping[str, str]) -> Callable[[], Pool] | None:
        """A function that opens a process pool for large amounts of work; ``None`` if processes cannot be used."""
        alone = self.choice.kind != LOCAL or self.choice.parallelism == 1 or available_cores() < 2
        if alone or any(url.partition(":")[0] != "sqlite" for url in stores.values()):
            return None
        return lambda: self._opened(PROCESSES)

    def _opened(self, kind: str) -> Pool:
        if kind not in self.pools:
            self.pools[kind] = _POOLS[kind](self.choice)
        return self.pools[kind]

    def under_way(self) -> Iterator[tuple[Any, Any]]:
        """The results of submitted tasks that were not collected before an interruption; waits for them."""
        for pool in self.pools.values():
            yield from pool.under_way()

    def close(self, *, wait: bool = True) -> None:
        """Close all pools. ``wait``: until submitted tasks are done."""
        while self.pools:
            _, pool = self.pools.popitem()
            pool.shared.clear()
            pool.in_hand.clear()
            pool.executor.shutdown(wait=wait, cancel_futures=True)


def _is_elsewhere(url: str) -> bool:
    """Whether a store is remote, neither in this process nor on its disk, so that most time is spent waiting."""
    return url.partition(":")[0] not in ("memory", "sqlite")


def _check_in_sight(kind: str, tenant: str, url: str) -> None:
    """Raises `ExecutorError` for a store that workers cannot reach: to them the tenant would look empty."""
    scheme = url.partition(":")[0]
    if kind in (PROCESSES, DASK) and scheme == "memory":
        raise ExecutorError(
            f"{tenant}: {shown_url(url)} is in this process's memory, which no other can read; use --executor {THREADS}"
        )
    if kind == DASK and scheme == "sqlite":
        raise ExecutorError(
            f"{tenant}: {shown_url(url)} is a file on this machine, which a cluster's workers cannot read; store "
            f"tenants in PostgreSQL, or use --executor {PROCESSES}"
        )


def _threads(choice: Choice) -> Pool:
    size = choice.parallelism or THREADS_AT_ONCE
    return Pool(ThreadPoolExecutor(size, thread_name_prefix="reconcile"), size, afar=False)


def _processes(choice: Choice) -> Pool:
    from concurrent.futures import ProcessPoolExecutor  # noqa: PLC0415 - when it is used
    from multiprocessing import get_context  # noqa: PLC0415

    size = choice.parallelism or available_cores()
    executor = ProcessPoolExecutor(size, mp_context=get_context("spawn"), initializer=_left_to_the_parent)
    return Pool(executor, 2 * size)


def available_cores() -> int:
    """The number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _left_to_the_parent() -> None:
    """Set up a worker process: ignore Ctrl-C, which a terminal sends to all processes, and end with the parent.

    After Ctrl-C running tasks finish and the parent submits no more. A worker whose parent was killed would wait
    forever, since every worker holds an end of the task pipe (https://github.com/python/cpython/issues/111873).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_the_parent, name="parent", daemon=True).start()


def _end_with_the_parent() -> None:
    from multiprocessing import parent_process  # noqa: PLC0415 - when it is used

    if parent := parent_process():
        parent.join()
        os._exit(1)


def _dask(choice: Choice) -> Pool:
    from reconciler.shell.pools.cluster import connect  # noqa: PLC0415 - when it is used

    return connect(choice.address, choice.parallelism)


_POOLS: Mapping[str, Callable[[Choice], Pool]] = {THREADS: _threads, PROCESSES: _processes, DASK: _dask}
