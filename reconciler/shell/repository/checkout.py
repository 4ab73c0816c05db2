"""Compares the files of a workspace with git: which tracked documents are missing, and which are not committed.

The bytes that were read are compared with the blob ids of the commit. `git status` is not used, because it leaves out
files that are ignored, assumed unchanged, or reported unchanged by a filesystem monitor.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.shell.repository.file_cache import name_of
from reconciler.shell.repository.files import read_bounded
from reconciler.shell.repository.git import HeldFile, Repository, open_repository
from reconciler.shell.repository.git_commands import GitRefuses
from reconciler.shell.repository.ignoring import Ignore, ignore_of
from reconciler.shell.repository.worktree import read_worktree

SHA256_DIGITS = 64


class UncommittedFile(NamedTuple):
    """A document that differs from the commit. ``how``: ``changed``, ``new`` or ``deleted``."""

    file: str
    how: str

    def __str__(self) -> str:
        return self.file if self.how == "changed" else f"{self.file} ({self.how})"


@dataclass(slots=True)
class Checkout:
    """The state in git of the files that were read.

    ``commit``: the one that is checked out; ``None`` if there is none or git fails. ``refusal``: the first line of
    git's error. ``names``: the blob id of each file's bytes, by document name; ``None`` if a commit is planned instead
    of the files. ``ignore``: what `reconcile.yaml` left out of them.
    """

    repository: Repository | None = None
    commit: str | None = None
    refusal: str | None = None
    names: Mapping[str, str] | None = None
    ignore: Ignore = field(default_factory=Ignore)
    _differences: tuple[UncommittedFile, ...] | None = None

    @property
    def differences(self) -> tuple[UncommittedFile, ...]:
        """The documents that differ from the commit, by name; none outside git."""
        if self._differences is None:
            self._differences = ()
            if self.repository and self.names is not None and not self.refusal:
                try:
                    self._differences = compare_with_commit(self.repository, self.names, self.commit, self.ignore)
                except GitRefuses as error:
                    self.refusal = str(error)
        return self._differences

    @property
    def problems(self) -> tuple[str, ...]:
        """The first lines of git's errors in reading the repository, comparing files, or blaming lines.

        The list may grow with later git commands.
        """
        found = ([self.refusal] if self.refusal else []) + (self.repository.troubles if self.repository else [])
        return tuple(dict.fromkeys(found))

    @property
    def dirty(self) -> bool:
        """Whether the planned files differ from the commit, or git cannot tell."""
        return bool(self.differences or self.problems)


def read_checkout(root: Path) -> tuple[list[SourceFile], list[Diagnostic], Checkout]:
    """The files of a workspace, their problems, and their state in git.

    A tracked document missing from the checkout is a problem; it is never treated as removed.
    """
    try:
        repository = open_repository(root)
    except GitRefuses as error:
        return *read_worktree(root), Checkout(refusal=str(error))
    if repository is None:
        return *read_worktree(root), Checkout()
    files, problems = read_worktree(root, partial(name_of, algorithm=repository.algorithm))
    names = {each.path: each.name for each in files}
    checkout = Checkout(repository, names=names, ignore=ignore_of(root))
    try:
        problems += repository.left_out(names, checkout.ignore)
        checkout.commit = repository.head()
    except GitRefuses as error:
        checkout.refusal = str(error)
    return files, problems, checkout


def compare_with_commit(
    repository: Repository, names: Mapping[str, str], commit: str | None, ignore: Ignore
) -> tuple[UncommittedFile, ...]:
    """The documents that differ from a commit; without a commit, all of them. Raises `GitRefuses`.

    ``names``: the blob id of the bytes of each document that was read. ``ignore``: the files' own patterns, which the
    commit is read with as well: a pattern that is not committed yet is a difference of `reconcile.yaml` alone.
    """
    held = repository.documents(commit, ignore)[0] if commit else {}
    found = [UncommittedFile(name, "deleted") for name in held.keys() - names.keys()]
    found += [UncommittedFile(name, "new") for name in names.keys() - held.keys()]
    unlike = {name: held[name] for name in held.keys() & names.keys() if held[name].id != names[name]}
    found += [UncommittedFile(name, "changed") for name in unlike.keys() - _as_committed(unlike, names)]
    return tuple(sorted(found))


def _as_committed(unlike: Mapping[str, HeldFile], names: Mapping[str, str]) -> set[str]:
    """The documents that equal the commit after git's conversions (line endings, encodings, filters)."""
    repositories = {id(each.repository): each.repository for each in unlike.values()}
    same: set[str] = set()
    for repository in repositories.values():
        here = {name: each for name, each in unlike.items() if each.repository is repository}
        # Git converts the file on disk, which must still be the one that was read.
        still = [name for name, each in here.items() if _has_content(repository, each.path, names[name])]
        paths = "".join(_quoted(here[name].path) for name in still).encode()
        ids = repository.commands.run("hash-object", "--stdin-paths", stdin=paths).split() if paths else []
        same |= {name for name, id in zip(still, ids, strict=True) if id.decode() == here[name].id}
    return same


def _has_content(repository: Repository, path: str, name: str) -> bool:
    """Whether a file of a repository has the bytes with a blob id."""
    try:
        data = read_bounded(repository.top / path)
    except OSError:
        return False
    return name_of(data, "sha256" if len(name) == SHA256_DIGITS else "sha1") == name


def _quoted(path: str) -> str:
    """A path for ``--stdin-paths``, one per line, with every byte escaped."""
    return f'"{"".join(f"{chr(92)}{byte:03o}" for byte in os.fsencode(path))}"\n'


def file_summary(found: Iterable[UncommittedFile | str], most: int = 5) -> str:
    """The first ``most`` files and the number of others, as text."""
    named = list(map(str, found))
    more = [f"and {len(named) - most} more"] if len(named) > most else []
    return ", ".join([*named[:most], *more])
