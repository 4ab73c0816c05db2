"""Writes the starter workspace of `init` (`starter/`), its schema, and the pipeline of a code host (`starter_ci/`)."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from reconciler.core.reading import pattern_of
from reconciler.core.schemadocs import schema_text, schemas

SCHEMA = "catalog.json"
CI: Mapping[str, Mapping[str, str]] = {
    "github": {
        "CODEOWNERS": ".github/CODEOWNERS",
        "reconcile-apply.yml": ".github/workflows/reconcile-apply.yml",
        "reconcile-comment.yml": ".github/workflows/reconcile-comment.yml",
        "reconcile-plan.yml": ".github/workflows/reconcile-plan.yml",
    },
    "gitlab": {
        "CODEOWNERS": ".gitlab/CODEOWNERS",
        "gitlab-ci.yml": ".gitlab-ci.yml",
        "reconcile.yml": ".gitlab/reconcile.yml",
    },
}
"""The files of a code host: where each goes, from the repository's root."""
OTHER_PLACES = {"CODEOWNERS": ("CODEOWNERS", "docs/CODEOWNERS")}
"""Where the code host reads the same file too: one in a second place would take its effect away."""
SHARED = {".gitignore", ".gitlab-ci.yml", "CODEOWNERS"}
"""Files that a repository has for other reasons as well. One that is there stays as it is."""


@dataclass(frozen=True, slots=True)
class Starter:
    """What `init` writes: each file with its text, and those that it leaves as they are, with the lines they need.

    ``taken``: files that are in the way: nothing is written then. ``above``: the workspace that the folder is in.
    """

    files: Mapping[Path, str]
    kept: Mapping[Path, str] = field(default_factory=dict)
    taken: tuple[Path, ...] = ()
    above: Path | None = None

    def write(self) -> list[Path]:
        """Write the files; their paths. Raises `OSError`."""
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return list(self.files)


def starter(folder: Path, ci: str | None = None) -> Starter:
    """The starter workspace in a folder, with the pipeline of a code host at the root of the repository around it.

    A file of another program that is there already is ignored by the new workspace.
    """
    top = repository_root(folder)
    wanted = dict(_workspace_files(folder))
    if ci:
        wanted |= dict(_pipeline_files(folder, top or folder, ci))
    shared = {path: _there(path, top or folder) for path in wanted if path.name in SHARED}
    kept = {there: wanted[path] for path, there in shared.items() if there}
    new = {path: text for path, text in wanted.items() if not shared.get(path)}
    taken = [path for path in new if os.path.lexists(path)]
    above = next((each for each in Path(os.path.realpath(folder)).parents if (each / "reconcile.yaml").exists()), None)
    return Starter(new, _without_their_lines(kept), tuple(taken), above)


def repository_root(folder: Path) -> Path | None:
    """The root of the git repository around a folder, from the current one; the folder itself if it is the root."""
    here = Path(os.path.realpath(folder))
    found = next((each for each in (here, *here.parents) if os.path.lexists(each / ".git")), None)
    if found is None or found == here:
        return found and folder
    return Path(os.path.relpath(found, os.path.realpath(".")))


def _workspace_files(folder: Path) -> Iterator[tuple[Path, str]]:
    foreign = foreign_entries(folder)
    for name, text in _packaged(files("reconciler.shell") / "starter", ""):
        path = folder / name.replace("gitignore", ".gitignore")
        if name == "reconcile.yaml" and foreign:
            text += "ignore:   # files of other programs\n" + "".join(f"  - {each}\n" for each in foreign)
        yield path, text
    yield folder / "schemas" / SCHEMA, schema_text(schemas()[SCHEMA])


def foreign_entries(folder: Path) -> list[str]:
    """A pattern for each entry of a folder that is, or holds, YAML: it was there before there was a workspace."""
    if not folder.is_dir():
        return []
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and any(each.suffix in (".yaml", ".yml") for each in entry.rglob("*.y*ml")):
            found.append(pattern_of(f"{entry.name}/"))
        elif entry.suffix in (".yaml", ".yml"):
            found.append(pattern_of(entry.name))
    return found


def _pipeline_files(folder: Path, top: Path, ci: str) -> Iterator[tuple[Path, str]]:
    inside = Path(os.path.relpath(os.path.realpath(folder), os.path.realpath(top))).as_posix()
    below = "" if inside == "." else f"{inside}/".replace(" ", "\\ ")
    for name, text in _packaged(files("reconciler.shell") / "starter_ci" / ci, ""):
        text = text.replace("@WORKSPACE@", json.dumps(inside)).replace("@BELOW@", below)
        text = text.replace("@CATALOG@", f"/{below}" if below else "*")
        yield top / CI[ci][name], text


def _there(path: Path, top: Path) -> Path | None:
    """The shared file that exists already, at its place or at another one that counts."""
    places = (path, *(top / each for each in OTHER_PLACES.get(path.name, ())))
    return next((each for each in places if each.is_file()), None)


def _without_their_lines(kept: Mapping[Path, str]) -> dict[Path, str]:
    """What each file that stays lacks: the lines to add."""
    lacking = {}
    for path, text in kept.items():
        has = {line.strip() for line in path.read_text("utf-8", "replace").splitlines()}
        lines = [line for line in text.splitlines() if line.strip() not in has and not line.startswith("#")]
        lacking[path] = "\n".join(lines)
    return {path: lines for path, lines in lacking.items() if lines}


def _packaged(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for item in sorted(folder.iterdir(), key=lambda each: each.name):
        if item.is_dir():
            yield from _packaged(item, f"{prefix}{item.name}/")
        else:
            yield prefix + item.name, item.read_text(encoding="utf-8")


def scaffold(directory: Path) -> tuple[list[Path], list[Path]]:
    """Write the starter below ``directory``. Returns the files that are in the way (then nothing is written), and those
    written.
    """
    made = starter(directory)
    return (list(made.taken), []) if made.taken else ([], made.write())
