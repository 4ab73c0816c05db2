"""`--executor` and `--parallelism`: whoever reads, compares and writes tenants, the bytes are the same."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.cli.mirrors import with_mirrors
from tests.cli.runner import NOW, Shop, git

PROJECT = Path(__file__).parents[2]
EXAMPLES = PROJECT / "examples"
IN_TURN = "--parallelism 1"
OTHERS = ("--executor threads --parallelism 3", "--executor processes --parallelism 2")


@pytest.fixture(scope="module")
def showcase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three levels of resellers, with states, subscriptions that are mirrored, and a tenant that cannot be read."""
    root = tmp_path_factory.mktemp("showcase") / "shop"
    copytree(PROJECT / "catalogs", root, ignore=ignore_patterns("model-market", ".reconcile"))
    git(root, "init", "--quiet", "--initial-branch=main")
    shop = Shop(root)
    shop.commit("the showcase")
    for state in sorted((*(EXAMPLES / "before").glob("*.yaml"), *(EXAMPLES / "subscriptions").glob("*.yaml"))):
        assert shop.run(f"tenant import {state.stem} {state}").status == 0
    return root


def story(root: Path, executor: str) -> dict[str, str]:
    """What is planned, told, written and journalled."""
    shop = Shop(root)
    outputs = {"plan": shop.run(f"plan --format json {executor}").out}
    outputs["selected"] = shop.run(f"plan --verbose --tenant 'w*' --tenant proseware {executor}").out
    outputs["apply"] = shop.run(f"apply --auto-approve --verbose {executor}").out
    outputs["again"] = shop.run(f"plan --verify {executor}").out
    outputs["history"] = shop.run("history --format json").out
    for tenant in shop.run("tenant list").out.split():
        outputs[tenant] = shop.run(f"tenant export {tenant}").out
    return outputs


@pytest.fixture(scope="module")
def expected(showcase: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return story(Path(copytree(showcase, tmp_path_factory.mktemp("in-turn") / "shop")), IN_TURN)


@pytest.mark.parametrize("executor", OTHERS)
def test_the_bytes_are_the_same(showcase: Path, expected: dict[str, str], executor: str, tmp_path: Path) -> None:
    found = story(Path(copytree(showcase, tmp_path / "shop")), executor)
    for name, text in expected.items():
        assert found[name] == text, name
    assert found.keys() == expected.keys()


def test_the_story_tells_of_mirrors_and_of_every_level(expected: dict[str, str]) -> None:
    assert '"type": "subscription"' in expected["plan"]
    assert all(tenant in expected["apply"] for tenant in ("contoso", "relecloud", "proseware"))


@pytest.mark.parametrize("executor", OTHERS)
def test_causes_are_told_alike(shop: Shop, executor: str) -> None:
    shop.reprice()
    shop.commit("reprice")
    sequentially, found = (shop.run(f"plan --base HEAD~1 --format json {each}") for each in (IN_TURN, executor))
    assert found == sequentially
    assert '"cause": "pr"' in found.out


@pytest.mark.parametrize("executor", OTHERS)
def test_one_that_cannot_be_read_takes_only_what_is_below_it(fresh: Shop, executor: str) -> None:
    policy = fresh.root / "acme" / "resellers" / "one.yaml"
    policy.write_text(policy.read_text("utf-8") + "store: sqlite:///acme\n", "utf-8")
    below = "kind: SyncPolicy\nreseller: below\nupstream: one\n"
    (policy.parent / "below.yaml").write_text(below, "utf-8")
    fresh.commit()
    for command in ("plan", "apply --auto-approve"):
        sequentially, found = (fresh.run(f"{command} --tenant '*' {each}") for each in (IN_TURN, executor))
        if command == "plan":
            assert found == sequentially
        assert (found.status, "its upstream one failed" in found.out) == (1, True)
    assert fresh.run("tenant export two").out


@pytest.mark.parametrize("executor", OTHERS)
def test_a_saved_plan_is_applied_once(fresh: Shop, executor: str) -> None:
    """With the very same clock and user: it is another run all the same."""
    assert fresh.run(f"plan --out saved.plan {executor}").status == 0
    assert fresh.run(f"apply saved.plan {executor}").status == 0
    again = fresh.run(f"apply saved.plan {executor}")
    assert (again.status, again.err) == (0, "")
    assert again.closing == "Apply complete: 0 added, 0 changed, 0 destroyed (2 tenants already had this plan)."


@pytest.mark.parametrize("executor", OTHERS)
def test_a_mirror_is_written_where_its_source_is_not(fresh: Shop, executor: str) -> None:
    with_mirrors(fresh)
    assert fresh.run(f"apply --auto-approve --verbose {executor}").status == 0
    assert "one.sub-1" in fresh.run("tenant export acme").out


def python(shop: Shop, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program in the shop, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=shop.root,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# The first commit is interrupted, as by Ctrl-C, and ends all the same.
INTERRUPTED = """
import os, signal, sys, time
from reconciler.stores.sql import store

commit = store.SqlStore.commit

def interrupting(self, record, *rest, **named):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)
    return commit(self, record, *rest, **named)

store.SqlStore.commit = interrupting
sys.argv = ["reconcile", "apply", "--auto-approve", "--executor", "threads", "--parallelism", "1"]
from reconciler.cli.main import main
main()
"""


def test_what_was_begun_elsewhere_when_one_interrupts_ends_and_is_told(fresh: Shop) -> None:
    ran = python(fresh, INTERRUPTED)
    assert ran.returncode == 130
    assert "Interrupted. Applied tenants: one." in ran.stderr
    assert "Traceback" not in ran.stderr
    assert fresh.run("tenant export one").out
    assert fresh.run("tenant export two").out == ""
    assert fresh.run("apply --auto-approve").status == 0


def test_a_terminals_interruption_leaves_no_process_behind(fresh: Shop) -> None:
    """It reaches all processes of the group; those that were started end with the one that started them."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    program = [sys.executable, "-m", "reconciler", "apply", "--auto-approve", "--executor", "processes"]
    process = subprocess.Popen(
        program,
        cwd=fresh.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    process.stdout.readline()  # it was planned, by processes
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)  # returns when the last one let go of the pipe
    assert process.returncode in (0, 130)
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("executor", "problem"),
    [
        ("thread", 'unknown executor "thread": did you mean "threads"? Use local, threads, processes or dask://'),
        ("dask://", "dask:// needs the scheduler's host and port; example: dask://127.0.0.1:8786"),
        ("dask://host", "dask:// needs the scheduler's host and port"),
        ("dask://user:secret@host:1", "dask:// needs the scheduler's host and port"),
        ("ssh://host:22", 'unknown executor "ssh://host:22": '),
    ],
)
def test_what_is_no_executor_is_a_usage_error(fresh: Shop, executor: str, problem: str) -> None:
    ran = fresh.run(f"plan --executor {executor}")
    assert ran.status == 1
    assert problem in ran.err
    assert "secret" not in ran.err


def test_none_at_once_is_a_usage_error(fresh: Shop) -> None:
    for command in ("plan --parallelism 0", "apply --parallelism 0"):
        assert "Invalid value for '--parallelism'" in fresh.run(command).err


def test_a_cluster_does_not_see_files_of_this_machine(fresh: Shop) -> None:
    ran = fresh.run("plan --verify --executor dask://127.0.0.1:1")
    assert (ran.status, ran.out) == (1, "")
    assert "one: sqlite:///.reconcile/tenants.db is a file on this machine" in ran.err


def test_other_processes_do_not_see_this_ones_memory(fresh: Shop) -> None:
    fresh.edit("reconcile.yaml", "sqlite:///.reconcile/tenants.db", "memory:here")
    fresh.commit()
    for executor in ("processes", "dask://127.0.0.1:1"):
        ran = fresh.run(f"plan --verify --executor {executor}")
        assert (ran.status, "memory:here is in this process" in ran.err) == (1, True)
    assert fresh.run("plan --verify --executor threads").status == 0
    assert fresh.run("apply --auto-approve --executor threads").status == 0


def test_a_cluster_that_is_not_there(fresh: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.shell.pools import cluster

    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.2)
    fresh.edit("reconcile.yaml", "sqlite:///.reconcile/tenants.db", "postgresql://db.example/tenants")
    ran = fresh.run("plan --verify --executor dask://127.0.0.1:1")
    assert ran.status == 1
    assert "Error: dask://127.0.0.1:1: the scheduler cannot be reached" in ran.err


def test_without_dask_it_says_how_to_get_it(fresh: Shop) -> None:
    program = "import sys; sys.modules['distributed'] = None\nfrom reconciler.cli.main import main; main(sys.argv[1:])"
    ran = python(fresh, program, "plan", "--executor", "dask://127.0.0.1:8786", "--now", NOW)
    assert ran.returncode == 1
    assert 'Dask is not installed: pip install "distributed>=2024.12"' in re.sub(r"\s+", " ", ran.stderr)


def test_who_does_not_ask_for_others_starts_and_imports_nothing(fresh: Shop) -> None:
    program = "import sys\nfrom reconciler.cli.main import main\ntry: main(sys.argv[1:])\nfinally: print(*sys.modules)"
    ran = python(fresh, program, "plan", "--verify", "--now", NOW)
    modules = ran.stdout.splitlines()[-1].split()
    assert "reconciler.shell.pools.executors" in modules
    assert not {"distributed", "dask", "multiprocessing.pool", "concurrent.futures.process"} & {*modules}
