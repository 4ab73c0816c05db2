"""Generated workspaces on disk: their documents, and how the command is called on them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.generate import Epochs, Large, Shop, Subscriptions, write_files

NOW = "2026-12-01T00:00:00Z"
NO_CHANGES = "No changes"

Shape = TypeVar("Shape", Shop, Large, Subscriptions)


def reconcile(*arguments: str) -> list[str]:
    """The command, by the interpreter that runs this."""
    return [sys.executable, "-m", "reconciler", *arguments]


@dataclass(slots=True)
class Workspace(Generic[Shape]):
    """A workspace in a folder of its own, its database beside its documents and not among them.

    ``left_out``: what the machine could not hold of it, in words.
    """

    folder: Path
    shape: Shape
    store: str = "sqlite:///../state/tenants.db"
    git: bool = False
    left_out: str = ""
    wanted: str = field(init=False)

    def __post_init__(self) -> None:
        self.wanted = f"{self.shape} {self.store} {self.git}"

    @property
    def catalogs(self) -> Path:
        return self.folder / "catalogs"

    @property
    def database(self) -> Path:
        return self.folder / "state" / "tenants.db"

    @property
    def floor(self) -> Path:
        """The database that the floors read and write: the same rows in the plainest tables."""
        return self.folder / "floor.db"

    def plan(self, *more: str) -> list[str]:
        return reconcile("plan", "-C", str(self.catalogs), "--now", NOW, *more)

    def apply(self, *more: str) -> list[str]:
        return reconcile("apply", "--auto-approve", "--allow-dirty", "-C", str(self.catalogs), "--now", NOW, *more)

    def write_documents(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "state").mkdir(parents=True)
        write_files(self.catalogs, self._documents())
        if self.git:
            _commit(self.catalogs)

    def _documents(self) -> Iterator[tuple[str, str]]:
        yield "reconcile.yaml", f"kind: Workspace\nversion: 1\nstore: {self.store}\n"
        yield from self.shape.files()

    def forget(self, cache: Path) -> None:
        """What the command keeps for its next run is gone, here and in ``cache``: the documents are left."""
        shutil.rmtree(self.catalogs / ".reconcile", ignore_errors=True)
        shutil.rmtree(cache, ignore_errors=True)

    def note(self) -> None:
        """Write down what is made, for who comes back to the folder."""
        made: dict[str, Any] = {"wanted": self.wanted, "left_out": self.left_out}
        if isinstance(self.shape, Shop):
            made |= {"resellers": self.shape.resellers, "epochs": asdict(self.shape.epochs)}
        (self.folder / "made.json").write_text(json.dumps(made), encoding="utf-8")

    def is_made(self) -> bool:
        """Whether the folder has it whole, from an earlier run; then this is that one, at its prices."""
        try:
            made = json.loads((self.folder / "made.json").read_text("utf-8"))
        except FileNotFoundError:
            return False
        if made["wanted"] != self.wanted:
            return False
        self.left_out = made["left_out"]
        if isinstance(self.shape, Shop):
            self.shape = replace(self.shape, resellers=made["resellers"], epochs=Epochs(**made["epochs"]))
        return True


def reprice(workspace: Workspace[Shop], *, everything: bool) -> None:
    """Each price of every plan, or of the first plan alone, a cent higher."""
    before = workspace.shape.epochs
    epochs = before.next_everything() if everything else before.next_one()
    workspace.shape = replace(workspace.shape, epochs=epochs)
    files = list(workspace.shape.plan_files())
    write_files(workspace.catalogs, iter(files if everything else files[:1]))
    workspace.note()


def _commit(folder: Path) -> None:
    """Everything in a repository of its own, where a plan looks up the commit of every line that declares a change."""
    git = ["git", "-C", str(folder), "-c", "user.name=benchmarks", "-c", "user.email=benchmarks@example.org"]
    for arguments in ("init --quiet", "add --all", "commit --quiet --message Everything"):
        subprocess.run([*git, *arguments.split()], check=True)
