"""Workers that die while they apply a plan: every tenant is written once, and it is told what became of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from tests.cli.runner import NOW, run
from tests.cluster import PROJECT, a_cluster
from tests.postgresql import Server

TENANTS = [*(f"r{number:02}" for number in range(36)), "one", "two"]
BELOW = {"r34": "r01", "r35": "r34"}
"""The others are the provider's own resellers."""


def workspace(root: Path, store: str) -> Path:
    """The starter workspace with more resellers, two of them further down."""
    assert run(f"init {root} --now {NOW}", root.parent).status == 0
    first = (root / "acme" / "resellers" / "one.yaml").read_text("utf-8")
    for tenant in TENANTS[:-2]:
        text = first.replace("reseller: one", f"reseller: {tenant}").replace("acme", BELOW.get(tenant, "acme"))
        (root / "acme" / "resellers" / f"{tenant}.yaml").write_text(text, "utf-8")
    file = root / "reconcile.yaml"
    text = file.read_text("utf-8")
    assert "store: sqlite:///.reconcile/tenants.db" in text
    file.write_text(text.replace("store: sqlite:///.reconcile/tenants.db", f"store: {store}"), "utf-8")
    return root


def reconcile(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as somebody who has a cluster does."""
    return subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments, "--now", NOW],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "RECONCILE_USER": "ann"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def done(root: Path, *arguments: str) -> str:
    ran = reconcile(root, *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def states(root: Path) -> dict[str, str]:
    return {tenant: run(f"tenant export {tenant} --now {NOW}", root).out for tenant in TENANTS}


def journal(root: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(f"history --format json --now {NOW}", root).out)["entries"]
    return found


def test_a_worker_that_is_killed_after_it_wrote_costs_nothing(tmp_path: Path, postgresql: Server) -> None:
    here = workspace(tmp_path / "here", "sqlite:///.reconcile/tenants.db")
    there = workspace(tmp_path / "there", postgresql.url(postgresql.new_schema()))
    expected = done(here, "apply", "--auto-approve", "--parallelism", "1")
    done(there, "plan", "--out", "in-turn.plan", "--parallelism", "1")
    (tmp_path / "cluster").mkdir()
    with a_cluster(tmp_path / "cluster", dies_after=4) as cluster:
        executor = ("--executor", cluster.address)
        done(there, "plan", "--out", "saved.plan", *executor)
        output = done(there, "apply", "saved.plan", *executor)
        assert cluster.dead() == [-signal.SIGKILL]
        again = reconcile(there, "apply", "saved.plan", *executor)
    assert (there / "saved.plan").read_bytes() == (there / "in-turn.plan").read_bytes()
    assert output == expected.splitlines(keepends=True)[-1]
    assert states(there) == states(here)
    assert Counter(record["tenant"] for record in journal(there)) == Counter(TENANTS)
    assert _done_alike(journal(there)) == _done_alike(journal(here))
    assert len({record["run"] for record in journal(there)}) == 1
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith(f"({len(TENANTS)} tenants already had this plan).\n")


def _done_alike(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was done, by whom and when; not by which plan, which names its workspace, nor in which run."""
    return [{name: value for name, value in record.items() if name not in ("plan", "run")} for record in records]


def test_processes_do_not_outlive_one_who_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen([sys.executable, str(script)], env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        assert _runs(worker)
        parent.kill()
    until = monotonic() + 30
    while _runs(worker) and monotonic() < until:
        sleep(0.05)
    assert not _runs(worker)


KILLED = """
import os, time
from reconciler.shell.pools.executors import PROCESSES, Choice, Executors

if __name__ == "__main__":
    pool = Executors(Choice(PROCESSES, 1)).for_tenants({"one": "sqlite:///one.db"})
    for _, worker in pool.each([None], lambda _: (os.getpid, ())):
        print(worker, flush=True)
    time.sleep(60)
"""


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text("ascii").rpartition(")")[2].split()[0] != "Z"
