"""The files of a workspace as they are planned, beside what git has of them: what is left out, what is not committed.

What `git status` says is not asked for: it leaves out what is ignored, what is assumed unchanged, and what a filesystem
monitor says is the same. The bytes that were read are compared with the ids that the commit names.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.shell.repository.file_cache import name_of
from reconciler.shell.repository.files import read_bounded
from reconciler.shell.repository.git import HeldFile, Repository, open_repository
from reconciler.shell.repository.git_commands import GitRefuses
from reconciler.shell.repository.worktree import read_worktree

SHA256_DIGITS = 64


class UncommittedFile(NamedTuple):
    """A document that is planned otherwise than the commit has it. ``how``: ``changed``, ``new`` or ``deleted``."""

    file: str
    how: str

    def __str__(self) -> str:
        return self.file if self.how == "changed" else f"{self.file} ({self.how})"


@dataclass(slots=True)
class Checkout:
    """What git says of the files that were read.

    ``commit``: the one that is checked out; ``None`` without one, and where git refuses. ``refusal``: git's own first
    line, where it refuses. ``names``: the id that git would give to each file's bytes, by the document's name; ``None``
    where what is planned is a commit's, not the files'.
    """

    repository: Repository | None = None
    commit: str | None = None
    refusal: str | None = None
    names: Mapping[str, str] | None = None
    _differences: tuple[UncommittedFile, ...] | None = None

    @property
    def differences(self) -> tuple[UncommittedFile, ...]:
        """The documents that are planned otherwise than the commit has them, by name; none outside git."""
        if self._differences is None:
            self._differences = ()
            if self.repository and self.names is not None and not self.refusal:
                try:
                    self._differences = compare_with_commit(self.repository, self.names, self.commit)
                except GitRefuses as error:
                    self.refusal = str(error)
        return self._differences

    @property
    def problems(self) -> tuple[str, ...]:
        """Git's own first lines, where it refused to read the repository, to compare files, or to say who set a line.

        More come up as it is asked for more.
        """
        found = ([self.refusal] if self.refusal else []) + (self.repository.troubles if self.repository else [])
        return tuple(dict.fromkeys(found))

    @property
    def dirty(self) -> bool:
        """Whether what is planned is not what the commit holds, or git does not say."""
        return bool(self.differences or self.problems)


def read_checkout(root: Path) -> tuple[list[SourceFile], list[Diagnostic], Checkout]:
    """The files of a workspace, what is wrong with them, and what git says of them.

    A tracked document that is left out is a problem, never one that is not there.
    """
    files, problems = read_worktree(root)
    try:
        repository = open_repository(root)
    except GitRefuses as error:
        return files, problems, Checkout(refusal=str(error))
    if repository is None:
        return files, problems, Checkout()
    files = [SourceFile(each.path, each.data, name_of(each.data, repository.algorithm)) for each in files]
    names = {each.path: each.name for each in files}
    checkout = Checkout(repository, names=names)
    try:
        problems += repository.left_out(names)
        checkout.commit = repository.head()
    except GitRefuses as error:
        checkout.refusal = str(error)
    return files, problems, checkout


def compare_with_commit(
    repository: Repository, names: Mapping[str, str], commit: str | None
) -> tuple[UncommittedFile, ...]:
    """Where documents differ from a commit; without a commit, everywhere. Raises `GitRefuses`.

    ``names``: the id that git would give to the bytes of each document that was read.
    """
    held = repository.documents(commit)[0] if commit else {}
    found = [UncommittedFile(name, "deleted") for name in held.keys() - names.keys()]
    found += [UncommittedFile(name, "new") for name in names.keys() - held.keys()]
    unlike = {name: held[name] for name in held.keys() & names.keys() if held[name].id != names[name]}
    found += [UncommittedFile(name, "changed") for name in unlike.keys() - _as_committed(unlike, names)]
    return tuple(sorted(found))


def _as_committed(unlike: Mapping[str, HeldFile], names: Mapping[str, str]) -> set[str]:
    """Those that git's own conversions (line endings, encodings, filters) make into what is committed."""
    repositories = {id(each.repository): each.repository for each in unlike.values()}
    same: set[str] = set()
    for repository in repositories.values():
        here = {name: each for name, each in unlike.items() if each.repository is repository}
        # Git converts the file that stands there: it is to be the one that was read.
        still = [name for name, each in here.items() if _has_content(repository, each.path, names[name])]
        paths = "".join(_quoted(here[name].path) for name in still).encode()
        ids = repository.commands.run("hash-object", "--stdin-paths", stdin=paths).split() if paths else []
        same |= {name for name, id in zip(still, ids, strict=True) if id.decode() == here[name].id}
    return same


def _has_content(repository: Repository, path: str, name: str) -> bool:
    """Whether a file of a repository has the bytes that git calls by a name."""
    try:
        data = read_bounded(repository.top / path)
    except OSError:
        return False
    return name_of(data, "sha256" if len(name) == SHA256_DIGITS else "sha1") == name


def _quoted(path: str) -> str:
    """A path as ``--stdin-paths`` takes it, a line each: every byte of it escaped."""
    return f'"{"".join(f"{chr(92)}{byte:03o}" for byte in os.fsencode(path))}"\n'


def shortly(found: Iterable[UncommittedFile], most: int = 5) -> str:
    """The first few, and how many more."""
    named = list(map(str, found))
    more = [f"and {len(named) - most} more"] if len(named) > most else []
    return ", ".join([*named[:most], *more])
