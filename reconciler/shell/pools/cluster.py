"""A Dask cluster as a pool. Connects to a running scheduler; never starts or stops one.

Needs `distributed`, of the extra ``dask``.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from typing import Any

from reconciler.shell.pools.executors import DASK, MISSING, ExecutorError, Pool
from reconciler.version import __version__

CONNECT_SECONDS, WORKERS_SECONDS, ASK_SECONDS = 10, 30, 5


class Cluster(Executor):
    """An executor that runs tasks on the cluster, and owns the client."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        self._check()
        future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
        return future

    def send(self, content: bytes) -> Any:
        """Send the bytes to the cluster once; returns a future to pass as an argument of tasks."""
        self._check()
        return self._client.submit(echo, content, pure=False)

    def has_workers(self) -> bool:
        """Whether the cluster has workers; false if the scheduler cannot be reached."""
        try:
            return self._runs and bool(self._client.sync(self._client.scheduler.ncores, callback_timeout=ASK_SECONDS))
        except (OSError, TimeoutError):
            return False

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Shut down, and ``wait`` unless the scheduler is gone."""
        if self._runs:
            self._executor.shutdown(wait=wait and not cancel_futures)
        self._client.close()

    @property
    def _runs(self) -> bool:
        return bool(self._client.status == "running")

    def _check(self) -> None:
        if not self._runs:
            raise BrokenExecutor("the connection to the scheduler was lost")


def connect(address: str, parallelism: int | None) -> Pool:
    """Connect to the scheduler at ``host:port``. Raises `ExecutorError`."""
    try:
        import distributed  # noqa: PLC0415
    except ImportError as error:
        raise ExecutorError(f"{MISSING} ({error})") from error
    where = f"{DASK}://{address}"
    try:
        options = {"timeout": CONNECT_SECONDS, "set_as_default": False, "name": "reconcile"}
        client: Any = distributed.Client(f"tcp://{address}", **options)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise ExecutorError(f"{where}: the scheduler cannot be reached: {error}") from error
    try:
        _check_workers(client)
    except (ExecutorError, TimeoutError, ImportError, AttributeError) as error:
        client.close()
        why = "it has no workers" if isinstance(error, TimeoutError) else str(error)
        raise ExecutorError(f"{where}: {why}") from error
    cluster = Cluster(client)
    return Pool(
        cluster,
        parallelism or 2 * sum(client.nthreads().values()),
        repeats=True,
        failures=(BrokenExecutor, CancelledError, distributed.KilledWorker),
        send=cluster.send,
        alive=cluster.has_workers,
    )


def _check_workers(client: Any) -> None:
    """Raises `ExecutorError` unless all workers run this version, since others may read and write differently."""
    client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    try:
        found: Mapping[str, str] = client.run(worker_version)
    except (ImportError, AttributeError) as error:
        raise ExecutorError(f"its workers cannot run the reconciler: {error}") from error
    others = sorted({*found.values()} - {__version__})
    if others:
        raise ExecutorError(f"its workers run reconciler {', '.join(others)}, but this is {__version__}")


def worker_version() -> str:
    """The version of the reconciler in the process that runs this task."""
    return __version__


def echo(content: bytes) -> bytes:
    """Returns its argument. As the result of a task, the cluster can recompute it if the worker holding it dies."""
    return content
