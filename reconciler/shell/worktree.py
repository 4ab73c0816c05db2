"""A workspace on disk: finding it, and reading every document file below it."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from reconciler.model.diagnostics import Diagnostic, Place
from reconciler.model.source import SourceFile

WORKSPACE_FILE = "reconcile.yaml"
SUFFIXES = (".yaml", ".yml")


class WorkspaceError(Exception):
    """There is no workspace, or it cannot be read at all; the message is for people."""


def find_workspace(start: Path, environment: Mapping[str, str], chosen: Path | None = None) -> Path:
    """The workspace's folder: the chosen one, else ``RECONCILE_WORKSPACE``, else the nearest from ``start`` upwards.

    A folder with a ``reconcile.yaml`` is one; of a folder with a ``catalogs/reconcile.yaml``, its ``catalogs`` is.
    """
    if chosen is not None:
        return _named_workspace(chosen, "")
    if named := environment.get("RECONCILE_WORKSPACE"):
        return _named_workspace(Path(named), " (of RECONCILE_WORKSPACE)")
    for folder in (start.resolve(), *start.resolve().parents):
        if found := _workspace_in(folder):
            return found
    raise WorkspaceError(
        f"no {WORKSPACE_FILE} or catalogs/{WORKSPACE_FILE} here or above; name one with -C, or make one: reconcile init"
    )


def _workspace_in(folder: Path) -> Path | None:
    candidates = (folder, folder / "catalogs")
    return next((each.resolve() for each in candidates if (each / WORKSPACE_FILE).is_file()), None)


def _named_workspace(folder: Path, whence: str) -> Path:
    found = _workspace_in(folder)
    if found is None:
        there = f"it has no {WORKSPACE_FILE}" if folder.is_dir() else "there is no such folder"
        raise WorkspaceError(f"{folder}{whence} is no workspace: {there} (`reconcile init {folder}` makes one)")
    return found


def read_worktree(root: Path) -> tuple[list[SourceFile], list[Diagnostic]]:
    """Every ``*.yaml`` and ``*.yml`` below a workspace, by path. Folders and files that start with a dot are left out.

    A link is followed as long as it stays within the workspace; a file that several names lead to is read once.
    """
    files: list[SourceFile] = []
    problems: list[Diagnostic] = []
    linked: set[Path] = set()
    for name, entry in _entries(root, "", problems):
        path = Path(entry.path)
        if entry.is_symlink():
            problem = _link_problem(root, path, name)
            if problem:
                problems.append(problem)
                continue
            real = path.resolve()
            if real in linked or _read_under_its_own_name(root, real):
                continue
            linked.add(real)
        if entry.name.endswith(SUFFIXES):
            try:
                files.append(SourceFile(name, path.read_bytes()))
            except OSError as error:
                problems.append(_unreadable(name, error))
    return files, problems


def _entries(folder: Path | str, name: str, problems: list[Diagnostic]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """What is in a folder and below, with its path from the workspace's root: documents, and links to folders."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        problems.append(_unreadable(name or WORKSPACE_FILE, error))
        return
    for entry in entries:
        inside = f"{name}/{entry.name}" if name else entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, inside, problems)
        elif entry.name.endswith(SUFFIXES) or (entry.is_symlink() and entry.is_dir()):
            yield inside, entry


def _unreadable(name: str, error: OSError) -> Diagnostic:
    """A file or folder that cannot be read is never taken for one that is not there."""
    return Diagnostic(Place(name, 1), "file-unreadable", f"cannot be read: {error.strerror}")


def _link_problem(root: Path, path: Path, name: str) -> Diagnostic | None:
    if not path.is_symlink():
        return None
    target = path.readlink()
    if not path.resolve().is_relative_to(root):
        return Diagnostic(Place(name, 1), "link-outside", f"this link leaves the workspace: {target}", LINK_HINT)
    if not path.exists():
        return Diagnostic(Place(name, 1), "link-dangling", f"this link leads nowhere: {target}", "remove or mend it")
    return None


LINK_HINT = "documents are read from the workspace only, so that a commit holds all of them"


def _read_under_its_own_name(root: Path, real: Path) -> bool:
    inside = PurePosixPath(real.relative_to(root).as_posix())
    return real.suffix in SUFFIXES and not any(part.startswith(".") for part in inside.parts)
