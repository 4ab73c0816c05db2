"""Runs commands as a user does: in a folder of its own, on a real git repository, with both streams captured."""

import io
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from reconciler.cli.main import main
from tests.wording import wrong_numbers

NOW = "2026-12-01T08:00:00Z"
FEES = "P1M: {fees: {recurring: 2.00}}"
_GIT = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "commit.gpgSign=false")
_SCRUBBED = ("RECONCILE_WORKSPACE", "RECONCILE_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "GIT_DIR", "GIT_WORK_TREE")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command did: its exit status, and what it wrote to standard output and to standard error."""

    status: int
    out: str
    err: str

    @property
    def closing(self) -> str:
        """The last line of the result."""
        return self.out.splitlines()[-1] if self.out else ""


def run(
    command: str, folder: Path, *, stdin: str = "", env: Mapping[str, str] | None = None, encoding: str = "utf-8"
) -> Ran:
    """Run a command line, without ``reconcile`` in front, in this process. ``encoding``: the terminal's."""
    streams = [io.TextIOWrapper(io.BytesIO(data), encoding=encoding) for data in (stdin.encode(), b"", b"")]
    kept = {name: value for name, value in os.environ.items() if name not in _SCRUBBED}
    before = Path.cwd()
    os.chdir(folder)
    try:
        with (
            patch.dict(os.environ, {**kept, "RECONCILE_USER": "ann", **(env or {})}, clear=True),
            patch.multiple(sys, stdin=streams[0], stdout=streams[1], stderr=streams[2]),
        ):
            status = _status(shlex.split(command))
    finally:
        os.chdir(before)
    out, err = (_text(stream) for stream in streams[1:])
    assert not (wrong := [*wrong_numbers(out), *wrong_numbers(err)]), f"reconcile {command}: {wrong}"
    return Ran(status, out, err)


def _status(arguments: list[str]) -> int:
    try:
        main(arguments)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    raise AssertionError("main always exits")


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    data: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]
    return data.decode()


def git(folder: Path, *arguments: str) -> str:
    """Run git; what it prints."""
    done = subprocess.run(["git", *_GIT, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Shop:
    """The starter workspace in a git repository: provider ``acme`` with the resellers ``one`` and ``two``."""

    root: Path

    @property
    def catalog(self) -> Path:
        return self.root / "acme" / "catalog.yaml"

    @property
    def state(self) -> bytes | None:
        """The embedded database, byte for byte; ``None`` where there is none."""
        file = self.root / ".reconcile" / "tenants.db"
        return file.read_bytes() if file.exists() else None

    def run(
        self, command: str, *, stdin: str = "", env: Mapping[str, str] | None = None, encoding: str = "utf-8"
    ) -> Ran:
        """Run a command in the workspace, at a fixed time unless it names one."""
        clock = "" if "--now" in command else f" --now {NOW}"
        return run(command + clock, self.root, stdin=stdin, env=env, encoding=encoding)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that is there in a file."""
        path = self.root / file
        text = path.read_text("utf-8")
        assert old in text, f"{file} has no {old!r}"
        path.write_text(text.replace(old, new), "utf-8")

    def commit(self, message: str = "change") -> str:
        """Commit everything; the commit's id."""
        git(self.root, "add", "--all")
        git(self.root, "commit", "--quiet", "--message", message)
        return git(self.root, "rev-parse", "HEAD")

    def reprice(self) -> None:
        """A change that is applied at ``one`` and vetoed at ``two``."""
        self.edit("acme/catalog.yaml", FEES, FEES.replace("2.00", "2.20"))
