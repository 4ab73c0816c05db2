"""Reads the document files of a workspace."""

import os
from collections.abc import Callable, Iterator
from errno import ELOOP
from functools import partial
from pathlib import Path

from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.shell.repository.files import read_bounded
from reconciler.shell.repository.finding import SUFFIXES, WORKSPACE_FILE
from reconciler.shell.repository.ignoring import Ignore, ignore_of


def read_worktree(
    root: Path, name_of: Callable[[bytes], str] = lambda _: ""
) -> tuple[list[SourceFile], list[Diagnostic]]:
    """Every ``*.yaml`` and ``*.yml`` file below a workspace, by path, and problems. Dot files and directories are
    skipped, and so is what its `ignore:` leaves out (`ignored_in_worktree`).

    Links are followed within the workspace; a file with several names is read once. A file that is too large or not
    regular (a pipe, a device) is a problem. ``name_of``: gives git's name for the bytes of a file.
    """
    files: list[SourceFile] = []
    problems: list[Diagnostic] = []
    linked: set[Path] = set()
    ignore = ignore_of(root)
    for name, entry in _entries(root, problems, ignore):
        if entry.is_symlink():
            problem = _link_problem(root, entry.path, name)
            if problem:
                problems.append(problem)
                continue
            real = Path(os.path.realpath(entry.path))
            if real in linked or _read_under_its_own_name(root, real, ignore):
                continue
            linked.add(real)
        if entry.name.endswith(SUFFIXES):
            try:
                data = read_bounded(entry.path)
                files.append(SourceFile(name, data, name_of(data)))
            except OSError as error:
                problems.append(_unreadable(name, error))
    return files, problems


def ignored_in_worktree(root: Path) -> list[SourceFile]:
    """The files that would be read as documents if `ignore:` did not leave them out; their bytes are read on demand."""
    ignore = ignore_of(root)
    names = (name for name, _ in _entries(root, [], Ignore())) if ignore.patterns else ()
    left_out = (name for name in names if name.endswith(SUFFIXES) and ignore.file(name))
    return [SourceFile(name, partial(read_bounded, root / name)) for name in left_out]


def _entries(root: Path, problems: list[Diagnostic], ignore: Ignore) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Documents and links to directories below a directory, with their paths from the workspace's root.

    Iterative, because directories may be nested deeper than the recursion limit.
    """
    left = list(_inside(root, "", problems))[::-1]
    while left:
        name, entry = left.pop()
        is_folder = entry.is_dir(follow_symlinks=False)
        if ignore.directory(name) if is_folder else ignore.file(name):
            continue
        if is_folder:
            left += list(_inside(entry.path, name, problems))[::-1]
        elif entry.name.endswith(SUFFIXES) or (entry.is_symlink() and _may_be_folder(entry)):
            yield name, entry


def _inside(folder: Path | str, name: str, problems: list[Diagnostic]) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """The entries of a directory in order, without dot files."""
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
    """Whether a link's target is a directory or cannot be followed."""
    try:
        return link.is_dir()
    except OSError:
        return True


def _unreadable(name: str, error: OSError) -> Diagnostic:
    """The problem of an unreadable file or directory, which is never treated as missing."""
    return Diagnostic(Place(name, 1), "file-unreadable", f"cannot be read: {error.strerror}")


def _link_problem(root: Path, path: str, name: str) -> Diagnostic | None:
    """The problem of a link that is not followed; ``None`` if its target is in the workspace."""
    try:
        target = Path(path).readlink()
        outside = not Path(os.path.realpath(path)).is_relative_to(root)
        there = None if outside else _why_not_there(path)
    except OSError as error:  # it was removed meanwhile
        return _unreadable(name, error)
    if outside:
        return Diagnostic(
            Place(name, 1), "link-outside", f"this link points outside the workspace: {target}", LINK_HINT
        )
    if there:
        return Diagnostic(Place(name, 1), "link-dangling", f"{there}: {target}", "remove or fix it")
    return None


def _why_not_there(path: str) -> str:
    """The problem with a link's target; empty if there is none."""
    try:
        Path(path).stat()
    except FileNotFoundError:
        return "the target of this link does not exist"
    except OSError as error:
        if error.errno == ELOOP:
            return "this link is part of a cycle"
        raise
    return ""


LINK_HINT = "documents are read from the workspace only, so that a commit contains all of them"


def _read_under_its_own_name(root: Path, real: Path, ignore: Ignore) -> bool:
    return real.is_relative_to(root) and is_document(real.relative_to(root).as_posix(), ignore)


def is_document(name: str, ignore: Ignore) -> bool:
    """Whether a file is read as a document, by its path in the workspace."""
    return name.endswith(SUFFIXES) and not is_hidden(name) and not ignore.file(name)


def is_hidden(name: str) -> bool:
    """Whether a path has a part that begins with a dot."""
    return name.startswith(".") or "/." in name
