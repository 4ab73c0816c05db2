"""The commit of each line of a file, by `git blame`, independent of user and repository configuration."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import NamedTuple

from reconciler.shell.repository.git_commands import Answer, GitCommands, GitRefuses

_BLAME = ("blame", "--incremental", "--root", "--encoding=UTF-8", "--ignore-revs-file=")
"""``--root``: also blame the first commit. The last option clears a configured ``blame.ignoreRevsFile``."""
_UNKNOWN = ("fatal: no such path", "fatal: no such ref")
"""Errors for an untracked file or a repository without a commit: there is no author."""
_NOT_COPIED = ("blame.", "include.", "includeif.", "core.worktree", "core.bare", "extensions.", "core.repositoryformat")


class Blamed(NamedTuple):
    """A line's commit, author and author time (seconds since 1970)."""

    commit: str
    author: str
    at: int


@dataclass(slots=True)
class Blaming:
    """Blames files of one repository, each once.

    ``troubles``: the first lines of git's errors; the files concerned have no lines.
    """

    commands: GitCommands
    git_folder: Path
    algorithm: str
    known: dict[tuple[str, str | None], list[Blamed | None]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    beside: GitCommands | None = None
    folder: Path | None = None
    boundary: frozenset[str] | None = None

    def of(self, path: str, revision: str | None) -> list[Blamed | None]:
        """The commit of each line of a file; ``revision`` ``None``: of the working tree.

        ``None`` for an uncommitted line, and for one that a shallow clone attributes to its oldest commit: its real
        author is in the history that was not fetched.
        """
        key = (path, revision)
        if key not in self.known:
            self.known[key] = _parse(self._groups(path, revision), self._boundary())
        return self.known[key]

    def close(self) -> None:
        """Remove the temporary git directory, if there is one."""
        folder, self.folder, self.beside = self.folder, None, None
        if folder:
            rmtree(folder, ignore_errors=True)

    def _groups(self, path: str, revision: str | None) -> str:
        arguments = (*_BLAME, *([revision] if revision else []), "--", path)
        found = self.commands.answer(*arguments)
        if found.status and not found.problem.startswith(_UNKNOWN):
            found = self._without_configuration(arguments, found)
        # Git reports lost history on standard error only, and would blame the remaining history.
        if found.status == 0 and not found.problem:
            return found.out.decode(errors="replace")
        if not found.problem.startswith(_UNKNOWN) and found.problem not in self.troubles:
            self.troubles.append(found.problem)
        return ""

    def _without_configuration(self, arguments: tuple[str, ...], first: Answer) -> Answer:
        """Repeat the command with a git directory that shares the objects but has no ``blame.*`` configuration.

        In git 2.39 no option overrides a ``blame.ignoreRevsFile`` that names a missing file.
        """
        try:
            if self.beside is None:
                self.beside = self._made()
            again = self.beside.answer(*arguments)
        except (GitRefuses, OSError):
            return first
        return again if again.status == 0 else first

    def _made(self) -> GitCommands:
        head = self.commands.run("rev-parse", "--verify", "HEAD")
        objects = self._path_of("objects")
        settings = list(self._settings())
        self.folder = folder = Path(mkdtemp(prefix="reconcile-"))
        (folder / "refs").mkdir()
        (folder / "objects").mkdir()
        (folder / "HEAD").write_bytes(head + b"\n")
        extension = f"\trepositoryFormatVersion = 1\n[extensions]\n\tobjectFormat = {self.algorithm}\n"
        (folder / "config").write_text(f"[core]\n{extension}", "utf-8")
        numbered = {f"GIT_CONFIG_KEY_{n}": key for n, (key, _) in enumerate(settings)}
        numbered |= {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(settings)}
        environment = {
            "GIT_DIR": str(folder),
            "GIT_WORK_TREE": str(self.commands.folder),
            "GIT_OBJECT_DIRECTORY": str(objects),
            "GIT_INDEX_FILE": str(self.git_folder / "index"),
            "GIT_SHALLOW_FILE": str(self._path_of("shallow")),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        return GitCommands(self.commands.folder, environment | numbered)

    def _settings(self) -> Iterator[tuple[str, str]]:
        """The effective configuration, without settings for blame and for the repository's location."""
        for entry in os.fsdecode(self.commands.run("config", "--list", "-z")).split("\0"):
            key, _, value = entry.partition("\n")
            if key and not key.startswith(_NOT_COPIED):
                yield key, value

    def _path_of(self, name: str) -> Path:
        return self.commands.folder / os.fsdecode(self.commands.run("rev-parse", "--git-path", name))

    def _boundary(self) -> frozenset[str]:
        """The commits whose parents are missing from a shallow clone."""
        if self.boundary is None:
            self.boundary = frozenset()
            with suppress(FileNotFoundError):
                self.boundary = frozenset(self._path_of("shallow").read_text("ascii").split())
        return self.boundary


def _parse(groups: str, boundary: frozenset[str]) -> list[Blamed | None]:
    """Parse ``git blame --incremental``: groups of lines, with a commit's author in its first group only."""
    commits: dict[int, str] = {}
    authors: dict[str, str] = {}
    times: dict[str, int] = {}
    commit = ""
    for line in groups.split("\n") if groups else ():
        name, _, rest = line.partition(" ")
        if not commit:
            commit = name
            _, first, count = map(int, rest.split())
            commits |= dict.fromkeys(range(first, first + count), commit)
        elif name == "author":
            authors[commit] = rest
        elif name == "author-time":
            times[commit] = int(rest)
        elif name == "filename":  # the last line of every group
            commit = ""
    named = (each for each in authors if each.strip("0") and each not in boundary)
    known = {each: Blamed(each, authors[each], times[each]) for each in named}
    return [known.get(commits[line]) for line in sorted(commits)]
