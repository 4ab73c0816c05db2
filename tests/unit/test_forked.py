"""The forked command is a process with streams, a status, limits and an end of its own."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.forked import ROOT


def test_it_has_the_streams_and_the_status_of_a_command(forked_command: list[str], tmp_path: Path) -> None:
    done = subprocess.run([*forked_command, "plan"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: ")


def test_it_has_its_own_limits(forked_command: list[str], tmp_path: Path) -> None:
    made = subprocess.run([*forked_command, "init", "shop"], cwd=tmp_path, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    (tmp_path / "large.yaml").write_text("x" * 20_000_000)
    done = subprocess.run(
        [*forked_command, "-C", "shop", "tenant", "import", "one", "large.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (64_000_000, 64_000_000)),
    )
    assert "memory" in done.stderr.lower(), done


def test_it_ends_with_its_client(forked_command: list[str], tmp_path: Path) -> None:
    made = subprocess.run([*forked_command, "init", "shop"], cwd=tmp_path, capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    read, write = os.pipe()
    client = subprocess.Popen([*forked_command, "watch"], cwd=tmp_path / "shop", stdout=write, stderr=write)
    os.close(write)
    client.send_signal(signal.SIGKILL)
    assert client.wait() == -signal.SIGKILL
    with os.fdopen(read, "rb") as stream:
        stream.read()  # ends when nobody has the other end any more


STARTER = """
from tests.forked import server
with server() as client:
    print(client[-1], flush=True)
    input()
"""


def test_the_server_ends_with_its_starter(tmp_path: Path) -> None:
    """Also where that is killed, as a suite is that takes too long."""
    temporary = {**os.environ, "TMPDIR": str(tmp_path)}  # the killed one leaves its folder
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER], cwd=ROOT, env=temporary, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    address = starter.stdout.readline().decode().strip()
    assert _listens(address)
    starter.kill()
    starter.communicate()
    until = time.monotonic() + 30
    while _listens(address):
        assert time.monotonic() < until, "the server outlives its starter"
        time.sleep(0.02)


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(address) == 0
