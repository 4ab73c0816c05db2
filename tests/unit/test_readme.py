"""The README's examples are what the commands print: every ``console`` block is run, in order, in an empty folder.

``pytest --update-golden`` writes what they print now.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"(?<=```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)


def commands(block: str) -> Iterator[str]:
    """The commands of a block, each after ``$ ``."""
    return (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ "))


def run(command: str, folder: Path) -> str:
    """What a command prints, on both streams."""
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    environment.pop("RECONCILE_WORKSPACE", None)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment | {"RECONCILE_USER": "ann"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, (command, done.stdout)
    return _TIME.sub("2026-12-01T08:00:00Z", done.stdout)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_the_examples_print_what_the_readme_says(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    text = README.read_text(encoding="utf-8")
    told = _BLOCK.sub(
        lambda block: "".join(f"$ {command}\n{run(command, tmp_path)}" for command in commands(block[0])), text
    )
    if request.config.getoption("--update-golden"):
        README.write_text(told, encoding="utf-8")
    assert told == README.read_text(encoding="utf-8")
    assert told.count("$ reconcile") >= 6
