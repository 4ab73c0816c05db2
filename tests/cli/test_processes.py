"""What only a process of its own shows: interruption, readers that go away, streams that are closed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import Shop

PYTHON = (sys.executable, "-m", "reconciler")
HERE = str(Path(__file__).parents[2])
FIRST = "Plan: 16 to add, 0 to change, 0 to destroy."
INTERRUPTED = """
import os, signal, sys
from reconciler.stores.sql import store

commit = store.SqlStore.commit

def interrupted(self, record, *rest, **named):
    if record.tenant == os.environ["INTERRUPT_AT"]:
        os.kill(os.getpid(), signal.SIGINT)
    return commit(self, record, *rest, **named)

store.SqlStore.commit = interrupted
sys.argv = ["reconcile", "apply", "--auto-approve"]
from reconciler.cli.main import main
main()
"""


def start(shop: Shop, *arguments: str, program: tuple[str, ...] = PYTHON) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*program, *arguments],
        cwd=shop.root,
        env={**os.environ, "PYTHONPATH": HERE},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def shell(shop: Shop, script: str) -> "subprocess.CompletedProcess[str]":
    """A bash script in which ``$R`` is the command."""
    environment = {**os.environ, "R": f"{sys.executable} -m reconciler", "PYTHONPATH": HERE}
    return subprocess.run(
        ["bash", "-c", script], cwd=shop.root, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_python_m_and_its_exit_status(fresh: Shop) -> None:
    process = start(fresh, "plan", "--detailed-exitcode")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err, out.splitlines()[-1]) == (2, "", FIRST)


def test_control_c_at_the_prompt(fresh: Shop) -> None:
    process = start(fresh, "apply")
    assert process.stderr is not None
    asked = ""
    while "accepted: " not in asked:
        asked += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "\nInterrupted. Unfinished changes were not written.\n"
    assert fresh.state is None


@pytest.mark.parametrize(("at", "told"), [("one", "none"), ("two", "one")])
def test_control_c_during_apply_says_how_far_it_came(
    fresh: Shop, at: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERRUPT_AT", at)
    process = start(fresh, program=(sys.executable, "-c", INTERRUPTED))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"Interrupted. Applied tenants: {told}." in err
    assert "Traceback" not in err
    assert bool(fresh.run("tenant export one").out) == (told == "one")
    assert fresh.run("tenant export two").out == ""
    assert fresh.run("apply --auto-approve").status == 0


def test_a_reader_that_goes_away_changes_nothing(fresh: Shop) -> None:
    planned = shell(fresh, "$R plan | true; echo ${PIPESTATUS[0]}")
    assert (planned.stdout, planned.stderr) == ("0\n", "")
    applied = shell(fresh, "$R apply --auto-approve | true; echo ${PIPESTATUS[0]}")
    assert (applied.stdout, applied.stderr) == ("0\n", "")
    assert fresh.run("plan").closing == "No changes. Your tenants match the catalog."


def test_closed_streams_change_nothing_either(fresh: Shop) -> None:
    assert shell(fresh, "$R apply --auto-approve >&- 2>&- <&-").returncode == 0
    assert fresh.run("plan").closing == "No changes. Your tenants match the catalog."


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_an_error_before_anything_is_applied(fresh: Shop) -> None:
    done = shell(fresh, "$R apply --auto-approve > /dev/full")
    assert (done.returncode, done.stderr) == (1, "Error: No space left on device\n")
    assert fresh.state is None


def test_a_pipe_gets_no_colour_whatever_the_variables_say(fresh: Shop) -> None:
    done = shell(fresh, "export GITHUB_ACTIONS=1; $R --help; $R plan --help; $R nothing; $R plan")
    assert "\x1b" not in done.stdout + done.stderr


def test_a_terminal_gets_colour_unless_it_is_not_wanted(fresh: Shop) -> None:
    pty = pytest.importorskip("pty")
    for variable, wanted in (("", True), ("1", False)):
        main, worker = pty.openpty()
        environment = {
            **os.environ,
            "TERM": "xterm",
            "NO_COLOR": variable,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        subprocess.run([*PYTHON, "plan"], cwd=fresh.root, env=environment, stdout=worker, check=True, timeout=60)
        os.close(worker)
        assert (b"\x1b[32m+ plan Mail Basic\x1b[0m" in os.read(main, 65_536)) == wanted
        os.close(main)


def test_a_poor_encoding_escapes_instead_of_failing(fresh: Shop) -> None:
    fresh.edit("acme/catalog.yaml", "name: Office", "name: Büro")
    done = shell(fresh, "PYTHONIOENCODING=ascii $R plan --verbose")
    assert done.returncode == 0
    assert 'name: "B\\xfcro"' in done.stdout
