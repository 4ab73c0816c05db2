"""The git repository around a workspace, by its local objects: nothing is fetched, checked out or written."""

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reconciler.model.diagnostics import Diagnostic, Place
from reconciler.model.source import SourceFile
from reconciler.shell.worktree import LINK_HINT, SUFFIXES, WorkspaceError

if TYPE_CHECKING:
    import git

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # without git, a workspace is read without provenance

LINK_MODE = "120000"
MAX_LINKS = 20
_READ_ONLY = {"GIT_OPTIONAL_LOCKS": "0"}
"""Looking does not refresh the index: a plan writes nothing anywhere."""


class Blob(NamedTuple):
    """An entry of a commit's tree."""

    mode: str
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Blamed:
    """A line's commit, its author and their time (seconds since 1970)."""

    commit: str
    author: str
    at: int


@dataclass(frozen=True, slots=True)
class Repository:
    """A workspace's repository. ``prefix`` is the workspace's path in it, with ``/`` at the end, or empty."""

    repo: "git.Repo"
    prefix: str
    blamed: dict[tuple[str, str | None], list[Blamed | None]] = field(default_factory=dict)

    def head(self) -> str | None:
        """The commit that is checked out; ``None`` in a repository without one."""
        return str(self.repo.head.commit.hexsha) if self.repo.head.is_valid() else None

    def dirty(self) -> bool:
        """Whether documents of the workspace differ from the commit, new ones included. Other files do not count."""
        flags = ("--porcelain", "-z", "--untracked-files=all", "--no-renames")
        status = self.repo.git.status(*flags, "--", self.prefix or ".", env=_READ_ONLY)
        paths = (entry[3:] for entry in str(status).split("\0") if entry)
        return any(_is_document(path.removeprefix(self.prefix)) for path in paths)

    def commit(self, revision: str) -> str:
        """The full id of a revision. Raises `WorkspaceError` for one that is not there."""
        import git

        try:
            return str(self.repo.git.rev_parse("--verify", "--end-of-options", f"{revision}^{{commit}}"))
        except git.GitCommandError as error:
            raise WorkspaceError(f"there is no commit {revision!r} in {self.repo.working_dir}") from error

    def read(self, revision: str) -> tuple[list[SourceFile], list[Diagnostic]]:
        """The workspace's document files as they are in a commit, without a checkout; their bytes when needed."""
        blobs = self._blobs(self.commit(revision))
        files: list[SourceFile] = []
        problems: list[Diagnostic] = []
        for path in sorted(blobs):
            name = path.removeprefix(self.prefix)
            if not _is_document(name):
                continue
            found = self._target(blobs, path, name)
            if isinstance(found, Diagnostic):
                problems.append(found)
            elif found == path or not _is_document(found.removeprefix(self.prefix)):
                id = blobs[found].id
                files.append(SourceFile(name, partial(self._content, id), id))
        return files, problems

    def _blobs(self, commit: str) -> dict[str, Blob]:
        """The files below the workspace in a commit, by their paths in the repository."""
        inside = [self.prefix] if self.prefix else []
        listed = self.repo.git.ls_tree("-r", "-z", "--full-tree", commit, *inside, stdout_as_string=False)
        entries = (entry.partition(b"\t") for entry in bytes(listed).split(b"\0") if entry)
        blobs = {os.fsdecode(path): Blob(*head.decode().split()) for head, _, path in entries}
        return {path: blob for path, blob in blobs.items() if blob.type == "blob"}

    def _content(self, id: str) -> bytes:
        data: bytes = self.repo.git.get_object_data(id)[3]
        return data

    def _target(self, blobs: Mapping[str, Blob], path: str, name: str) -> str | Diagnostic:
        """The path that a path leads to, through links that stay in the workspace."""
        target = path
        for _ in range(MAX_LINKS):
            blob = blobs.get(target)
            if blob is None or blob.mode != LINK_MODE:
                break
            target = posixpath.normpath(posixpath.join(posixpath.dirname(target), self._content(blob.id).decode()))
            if not target.startswith(self.prefix) or target.startswith(("../", "/")):
                return Diagnostic(Place(name, 1), "link-outside", "this link leaves the workspace", LINK_HINT)
        if target not in blobs or blobs[target].mode == LINK_MODE:
            return Diagnostic(Place(name, 1), "link-dangling", "this link leads nowhere", "remove or mend it")
        return target

    def blame(self, file: str, revision: str | None) -> list[Blamed | None]:
        """Who set each line of a file of the workspace: ``None`` for a line that is not committed.

        ``revision`` ``None`` is the working tree. A file that git does not know has no lines.
        """
        key = (file, revision)
        if key not in self.blamed:
            self.blamed[key] = _parse_blame(self._blame_groups(file, revision))
        return self.blamed[key]

    def _blame_groups(self, file: str, revision: str | None) -> str:
        import git

        revisions = [revision] if revision else []
        try:
            return str(self.repo.git.blame("--incremental", *revisions, "--", self.prefix + file))
        except git.GitCommandError:  # not tracked, or no commit yet: nobody to name
            return ""


def open_repository(root: Path) -> Repository | None:
    """The repository around a workspace; ``None`` where there is none, or no git."""
    if not any(map(_may_be_one, (root.absolute(), *root.absolute().parents))):
        return None
    import git

    try:
        repo = git.Repo(root, search_parent_directories=True)
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        return None
    if repo.bare or not _has_git(repo):
        return None
    inside = root.relative_to(Path(repo.working_dir).resolve()).as_posix()
    return Repository(repo, "" if inside == "." else inside + "/")


def _may_be_one(folder: Path) -> bool:
    """Whether a folder may be a repository or a working tree: importing GitPython takes as long as a small plan."""
    return any(os.path.lexists(folder / name) for name in (".git", "HEAD"))


def _has_git(repo: "git.Repo") -> bool:
    import git

    try:
        repo.git.version()
    except git.GitCommandNotFound:
        return False
    return True


def _is_document(name: str) -> bool:
    return name.endswith(SUFFIXES) and not any(part.startswith(".") for part in name.split("/"))


def _parse_blame(groups: str) -> list[Blamed | None]:
    """What ``git blame --incremental`` says: lines in groups, and a commit's author with its first group only."""
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
    known = {each: Blamed(each, author, times[each]) for each, author in authors.items() if each.strip("0")}
    return [known.get(commits[line]) for line in sorted(commits)]
