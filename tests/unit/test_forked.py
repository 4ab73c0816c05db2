"""The forked command is a process with streams, a status, limits and an end of its own."""

import os
import resource
import signal
import subprocess
from pathlib import Path


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
