"""`script/demo`: short, about one provider, and gone without a trace, however it ends.

It runs in a copy of the clone with spaces in its path. Setup is not repeated: `.venv` has the command already.
"""

import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDTH = 100


@dataclass(frozen=True, slots=True)
class Clone:
    root: Path
    scratch: Path
    env: Mapping[str, str]

    def command(self, script: str) -> None:
        """Put a shell script in the place of `reconcile`."""
        path = self.root / ".venv" / "bin" / "reconcile"
        path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
        path.chmod(0o755)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [str(self.root / "script" / "demo"), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=self.env, cwd="/", text=True, start_new_session=True, **pipes)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    root, scratch = tmp_path / "a clone", tmp_path / "scratch"
    (root / ".venv" / "bin").mkdir(parents=True)
    scratch.mkdir()
    for name in ("catalogs", "examples"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(".reconcile"))
    (root / "script").mkdir()
    shutil.copy2(ROOT / "script" / "demo", root / "script")
    (root / "script" / "setup").write_text("#!/bin/sh\n")
    (root / "script" / "setup").chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "RECONCILE_"))}
    config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "RECONCILE_CACHE": "off"}
    return Clone(root, scratch, {**kept, **config, "TMPDIR": str(scratch), "HOME": str(scratch), "LC_ALL": "C.UTF-8"})


def test_it_shows_a_price_change_from_plan_to_apply(clone: Clone, forked_command: list[str]) -> None:
    before = sorted(clone.root.rglob("*"))
    clone.command(f'exec {shlex.join(forked_command)} "$@"')
    with clone.start() as demo:
        out, err = demo.communicate()
    assert (demo.returncode, err) == (0, "")
    lines = out.splitlines()
    assert 45 <= len(lines) <= 68
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("$ ")] == []
    typed = [line[2:] for line in lines if line.startswith("$ ")]
    assert typed == [
        "reconcile plan",
        "reconcile apply --auto-approve",
        "git diff --unified=0 main",
        "reconcile plan --base main",
        "reconcile apply --auto-approve",
        "reconcile plan",
    ]
    assert sum(line.startswith(("-  P1M", "+  P1M")) for line in lines) == 2, "one line changes"
    assert "Causes: 4 entities (pr 4)" in lines
    assert lines.index("Apply complete: 0 added, 4 changed, 0 destroyed.") < lines.index("No changes to apply.")
    following = [line.strip() for line in lines[-3:]]
    assert following == [". .venv/bin/activate", "reconcile init ../my-catalog", "reconcile -C ../my-catalog plan"]
    assert "model-market" not in out
    assert sorted(clone.root.rglob("*")) == sorted({*before, clone.root / ".venv" / "bin" / "reconcile"})
    assert list(clone.scratch.iterdir()) == []


def test_a_step_that_fails_fails_the_demo(clone: Clone) -> None:
    clone.command("echo 'Error: no disk' >&2; exit 1")
    with clone.start() as demo:
        _, err = demo.communicate()
    assert demo.returncode == 1
    assert "Error: no disk\n" in err
    assert "script/demo: failed (exit status 1, not 0): reconcile plan\n" in err
    assert list(clone.scratch.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_cut_off_leaves_nothing(clone: Clone, number: signal.Signals) -> None:
    clone.command('touch "$TMPDIR/started"; sleep 30')
    with clone.start() as demo:
        for _ in range(1_000):
            if (clone.scratch / "started").exists():
                break
            time.sleep(0.01)
        os.killpg(demo.pid, number)
        demo.communicate()
    assert demo.returncode == 128 + number
    assert [each.name for each in clone.scratch.iterdir()] == ["started"]


def test_an_option_that_it_does_not_have_is_an_error(clone: Clone) -> None:
    with clone.start("--fast") as demo:
        _, err = demo.communicate()
    assert (demo.returncode, err) == (1, "Usage: script/demo [--tour|--full]\n")
