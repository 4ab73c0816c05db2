"""What the README and the pages of docs/ print is what the commands print: every ``console`` block of a page is run,
in order, as in a fresh clone.

The clock stands, and every commit is the same person's. ``pytest --update-golden`` writes what the commands print now.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MANY = (README, *(ROOT / "docs" / "guide" / f"{name}.md" for name in ("tree", "subscriptions", "writing")))
"""The pages with many examples."""
NOW = "2026-12-01T08:00:00Z"
COMMIT = "5eed0c0ffe"
"""What a commit or plan is called here: its id goes by everything in the catalog."""
GIT = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Nora"), ("EMAIL", "nora@northwind.example"), ("DATE", NOW))
}
WRAPPER = """#!/bin/sh
case " $* " in *" --now "*) exec {0} "$@" ;; esac
exec {0} "$@" --now {1}
"""
"""The command, at a time of its own unless one is named."""
_BLOCK = re.compile(r"(?<=```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_COMMIT = re.compile(r"\b[0-9a-f]{10}\b")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(slots=True)
class Reader:
    """Somebody who types what the README says. ``folder``: where they stand."""

    folder: Path
    environment: dict[str, str]

    def follow(self, block: str) -> str:
        """A block again, each command, after ``$ ``, with what it prints."""
        return "".join(f"$ {command}\n{self.run(command)}" for command in commands(block))

    def run(self, command: str) -> str:
        """What a command prints, on both streams. ``cd`` stays in force."""
        if command.startswith("cd "):
            self.folder = (self.folder / command.removeprefix("cd ")).resolve(strict=True)
            return ""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode in (0, 3), (command, done.stdout)  # 3: something is blocked, and nothing else to do
        return _COMMIT.sub(COMMIT, _TIME.sub(NOW, done.stdout))


def commands(block: str) -> Iterator[str]:
    """The commands of a block, each after ``$ ``."""
    return (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ "))


@pytest.fixture
def reader(tmp_path: Path, forked_command: list[str]) -> Reader:
    """In a clone's folder, with the command installed; its clock stands."""
    clone, scripts = tmp_path / "reconcile", tmp_path / "bin"
    for name in ("catalogs", "examples"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns(".reconcile"))
    scripts.mkdir()
    wrapper = scripts / "reconcile"
    wrapper.write_text(WRAPPER.format(shlex.join(forked_command), NOW), "utf-8")
    wrapper.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "RECONCILE_"))}
    own = {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1", "RECONCILE_USER": "nora"}
    config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    return Reader(clone, kept | own | config | GIT)


ELSEWHERE = {"adopting.md": "tests/cli/test_adopting.py follows it"}
PAGES = [
    each
    for each in (README, *sorted((ROOT / "docs").rglob("*.md")))
    if each.name not in ELSEWHERE and _BLOCK.search(each.read_text("utf-8"))
]
"""Every page that shows what a command prints."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_print_what_the_page_says(page: Path, reader: Reader, request: pytest.FixtureRequest) -> None:
    text = page.read_text(encoding="utf-8")
    told = _BLOCK.sub(lambda block: reader.follow(block[0]), text)
    if request.config.getoption("--update-golden"):
        page.write_text(told, encoding="utf-8")
    assert told == page.read_text(encoding="utf-8")
    assert told.count("$ reconcile") >= (6 if page in MANY else 1)


def test_it_is_read_in_five_minutes() -> None:
    """Of what the commands print, a reader looks at a third or so."""
    text = README.read_text(encoding="utf-8")
    printed = "".join(_BLOCK.findall(text))
    prose = len(text.split()) - len(printed.split())
    assert prose + len(printed.split()) / 3 < 5 * 220
