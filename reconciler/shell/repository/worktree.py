"""A workspace on disk: finding it, and reading every document file below it."""

import os
from collections.abc import Iterator, Mapping
from errno import ELOOP
from pathlib import Path, PurePosixPath

from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.shell.repository.files import read_bounded

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
    here = Path(os.path.realpath(start))
    for folder in (here, *here.parents):
        if found := _workspace_in(folder):
            return found
    raise WorkspaceError(
        f"no {WORKSPACE_FILE} or catalogs/{WORKSPACE_FILE} here or above; name one with -C, or make one: reconcile init"
    )


def _workspace_in(folder: Path) -> Path | None:
    candidates = (folder, folder / "catalogs")
    return next((Path(os.path.realpath(each)) for each in candidates if (each / WORKSPACE_FILE).is_file()), None)


def _named_workspace(folder: Path, whence: str) -> Path:
    found = _workspace_in(folder)
    if found is None:
        there = f"it has no {WORKSPACE_FILE}" if folder.is_dir() else "there is no such folder"
        raise WorkspaceError(f"{folder}{whence} is no workspace: {there} (`reconcile init {folder}` makes one)")
    return found


def read_worktree(root: Path) -> tuple[list[SourceFile], list[Diagnostic]]:
    """Every ``*.yaml`` and ``*.yml`` below a workspace, by path. Folders and files that start with a dot are left out.

    A link is followed as long as it stays within the workspace; a file that several names lead to is read once. What
    is no regular file (a pipe, a device), and what is too long, is a problem.
    """
    files: list[SourceFile] = []
    problems: list[Diagnostic] = []
    linked: set[Path] = set()
    for name, entry in _entries(root, problems):
        if entry.is_symlink():
            problem = _link_problem(root, entry.path, name)
            if problem:
                problems.append(problem)
                continue
            real = Path(os.path.realpath(entry.path))
            if real in linked or _read_under_its_own_name(root, real):
                continue
            linked.add(real)
        if entry.name.endswith(SUFFIXES):
            try:
                files.append(SourceFile(name, read_bounded(entry.path)))
            except OSError as error:
                problems.append(_unreadable(name, error))
    return files, problems


def _entries(root: Path, problems: list[Diagnostic]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """What is in a folder and below, with its path from the workspace's root: documents, and links to folders.

    Folders are walked with a list of what is left, not by calls: they may be nested deeper than calls may.
    """
    left = list(_inside(root, "", problems))[::-1]
    while left:
        name, entry = left.pop()
        if entry.is_dir(follow_symlinks=False):
            left += list(_inside(entry.path, name, problems))[::-1]
        elif entry.name.endswith(SUFFIXES) or (entry.is_symlink() and _may_be_folder(entry)):
            yield name, entry


def _inside(folder: Path | str, name: str, problems: list[Diagnostic]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """What is in a folder, in order; nothing whose name starts with a dot."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        problems.append(_unreadable(name or WORKSPACE_FILE, error))
        return
    for entry in entries:
        if not entry.name.startswith("."):
            yield f"{name}/{entry.name}" if name else entry.name, entry


def _may_be_folder(link: "os.DirEntry[str]") -> bool:
    """Whether a link leads to a folder, or cannot be followed."""
    try:
        return link.is_dir()
    except OSError:
        return True


def _unreadable(name: str, error: OSError) -> Diagnostic:
    """A file or folder that cannot be read is never taken for one that is not there."""
    return Diagnostic(Place(name, 1), "file-unreadable", f"cannot be read: {error.strerror}")


def _link_problem(root: Path, path: str, name: str) -> Diagnostic | None:
    """Why a link is not followed; ``None`` for one that leads to something in the workspace."""
    try:
        target = Path(path).readlink()
        outside = not Path(os.path.realpath(path)).is_relative_to(root)
        there = None if outside else _why_not_there(path)
    except OSError as error:  # it is gone by now
        return _unreadable(name, error)
    if outside:
        return Diagnostic(Place(name, 1), "link-outside", f"this link leaves the workspace: {target}", LINK_HINT)
    if there:
        return Diagnostic(Place(name, 1), "link-dangling", f"this link {there}: {target}", "remove or mend it")
    return None


def _why_not_there(path: str) -> str:
    """What is wrong with where a link leads; empty for nothing."""
    try:
        Path(path).stat()
    except FileNotFoundError:
        return "leads nowhere"
    except OSError as error:
        if error.errno == ELOOP:
            return "leads in a circle"
        raise
    return ""


LINK_HINT = "documents are read from the workspace only, so that a commit holds all of them"


def _read_under_its_own_name(root: Path, real: Path) -> bool:
    inside = PurePosixPath(real.relative_to(root).as_posix())
    return real.suffix in SUFFIXES and not any(part.startswith(".") for part in inside.parts)
