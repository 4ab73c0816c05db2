"""A Dask cluster of the tests' own: a scheduler and two workers, processes of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 60
PROJECT = Path(__file__).parents[1]

# The first worker that comes to so many commits dies of the last one: it was made, and nobody was told.
_DYING = """
import os, signal
from itertools import count
from reconciler.stores.sql.store import SqlStore

def dying(commit):
    commits = count(1)

    def deadly(self, record, *rest, **named):
        outcome = commit(self, record, *rest, **named)
        if next(commits) >= {after}:
            try:
                os.close(os.open({mark!r}, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return outcome
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    return deadly

if SqlStore.commit.__name__ != "deadly":  # this may be loaded twice
    SqlStore.commit = dying(SqlStore.commit)
"""


@dataclass
class Cluster:
    """``address``: of the scheduler, as `--executor` takes it. ``mark``: the file that the worker that dies leaves."""

    address: str
    workers: list[subprocess.Popen[bytes]]
    mark: Path

    def dead(self) -> list[int]:
        """The exit statuses of the workers that are no more."""
        return [worker.returncode for worker in self.workers if worker.poll() is not None]


@contextmanager
def a_cluster(folder: Path, *, dies_after: int | None = None) -> Iterator[Cluster]:
    """A scheduler with two workers of one thread each. ``dies_after``: so many commits, one of them does."""
    file, mark, preload = folder / "scheduler.json", folder / "died", folder / "dying.py"
    here = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    dying = []
    if dies_after is not None:
        preload.write_text(_DYING.format(after=dies_after, mark=str(mark)), "utf-8")
        dying = ["--preload", str(preload)]
    alone = ["--nthreads", "1", "--no-nanny", "--local-directory", str(folder), *dying]
    scheduler = _started(folder, "scheduler", *here, "--port", "0")
    workers = [_started(folder, "worker", *here, *alone, "--name", name) for name in ("one", "two")]
    try:
        address = _ready(file, folder, workers)
        yield Cluster(address.replace("tcp://", "dask://"), workers, mark)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def _started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=log,
            stderr=log,
        )


def _ready(file: Path, folder: Path, workers: list[subprocess.Popen[bytes]]) -> str:
    """The scheduler's address, once the workers are with it. Raises what stands in their log if they are not."""
    from distributed import Client

    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and not (file.exists() and file.read_bytes().rstrip().endswith(b"}")):
        time.sleep(0.05)
    try:
        address = str(json.loads(file.read_bytes())["address"])
        with Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(len(workers), timeout=deadline - time.monotonic())
    except (OSError, TimeoutError) as error:
        raise AssertionError("the cluster did not start:\n" + (folder / "log").read_text("utf-8")) from error
    return address
