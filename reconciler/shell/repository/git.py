"""Reads the git repository around a workspace from its local objects; never fetches, checks out or writes."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

from reconciler.model.documents.source import SourceFile
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.shell.repository.blame import Blamed, Blaming
from reconciler.shell.repository.finding import WORKSPACE_FILE, WorkspaceError
from reconciler.shell.repository.git_commands import GitCommands, GitRefuses, Objects
from reconciler.shell.repository.git_mends import why_no_commit
from reconciler.shell.repository.ignoring import Ignore, ignore_in
from reconciler.shell.repository.worktree import LINK_HINT, is_document, is_hidden

LINK, SUBMODULE = "120000", "160000"
MAX_LINKS = 20
MOST_OF_A_FACT = 200
"""Characters of a commit's author or subject that a plan records."""
SUBMODULE_HINT = "a commit records only the submodule's commit id, not its files"
FETCH_HINT = "check it out, or its documents would count as removed: git submodule update --init"
SPARSE_HINT = (
    "it is tracked, but excluded by sparse checkout or skip-worktree: use `git sparse-checkout disable` or "
    "`git update-index --no-skip-worktree`; to remove a document, delete it in a commit"
)


class TreeEntry(NamedTuple):
    """An entry of a commit's tree."""

    mode: str
    type: str
    id: str


class CommitFacts(NamedTuple):
    """The author's name, the first line of the message, and the date (ISO 8601) of a commit; empty if unknown."""

    author: str = ""
    subject: str = ""
    date: str = ""


class HeldFile(NamedTuple):
    """A document in a commit: its blob id, and its repository and path there.

    For a link, the path of its target; for a document in a submodule, the submodule's repository.
    """

    id: str
    repository: "Repository"
    path: str


@dataclass(slots=True)
class Repository:
    """A workspace's repository. ``prefix`` is the workspace's path in it, ending with ``/``, or empty.

    ``algorithm``: its object format, ``sha1`` or ``sha256``. Close it to end its processes.
    """

    commands: GitCommands
    prefix: str
    git_folder: Path
    algorithm: str = "sha1"
    shallow: bool = False
    objects: Objects = field(init=False)
    blaming: Blaming = field(init=False)
    submodules: dict[str, "Repository"] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.objects = Objects(self.commands)
        self.blaming = Blaming(self.commands, self.git_folder, self.algorithm)

    @property
    def top(self) -> Path:
        """The root directory of the working tree."""
        return self.commands.folder

    @property
    def troubles(self) -> list[str]:
        """The first lines of git's errors from blaming lines."""
        return self.blaming.troubles

    def close(self) -> None:
        """End the process that reads objects, and remove temporary directories."""
        self.objects.close()
        self.blaming.close()
        for each in self.submodules.values():
            each.close()

    def head(self) -> str | None:
        """The commit that is checked out; ``None`` in a repository without commits. Raises `GitRefuses`."""
        found = self.commands.answer("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        if found.status == 0:
            return found.out.decode()
        # `git log` distinguishes a damaged reference from a branch without commits.
        why = self.commands.answer("log", "-1", "--format=%H")
        if "does not have any commits yet" in why.problem:
            return None
        raise GitRefuses(why.problem or "the commit HEAD cannot be read")

    def commit(self, revision: str) -> str:
        """The full commit id of a revision. Raises `WorkspaceError` if it does not exist."""
        found = self.commands.answer("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
        if found.status == 0:
            return found.out.decode()
        why = why_no_commit(self.commands, revision, shallow=self.shallow)
        raise WorkspaceError(f"no commit {revision!r} in {self.top}{f'; {why}' if why else ''}")

    def read(self, revision: str) -> tuple[list[SourceFile], list[Diagnostic]]:
        """The workspace's document files in a commit, without a checkout; their bytes are read on demand.

        What the commit's own `ignore:` leaves out is not among them. Documents in a submodule are an error, because a
        commit does not contain them. Raises `GitRefuses`, here or when the bytes are read.
        """
        commit = self.commit(revision)
        ignore = self.ignore(commit)
        held, problems = self.documents(commit, ignore)
        files = []
        for name, found in held.items():
            if found.repository is self:
                files.append(SourceFile(name, partial(self._document, name, found.id, commit), found.id))
            else:
                problems.append(_problem(name, "in-submodule", "this document is in a submodule", SUBMODULE_HINT))
        for name, _, missing in self._submodules(self._tree(commit), ignore):
            if missing:
                problems.append(_problem(name, "in-submodule", "this submodule was not fetched", SUBMODULE_HINT))
        return files, problems

    def ignore(self, commit: str) -> Ignore:
        """What the `ignore:` of a commit's ``reconcile.yaml`` says. Raises `GitRefuses`."""
        path = self.prefix + WORKSPACE_FILE
        tree = self._tree(commit)
        found = self._target(tree, path, WORKSPACE_FILE) if path in tree else ""
        if isinstance(found, Diagnostic) or found not in tree:
            return Ignore()
        return ignore_in(self.objects.read(tree[found].id))

    def ignored(self, commit: str) -> list[SourceFile]:
        """The files in a commit that would be documents if its `ignore:` did not leave them out."""
        ignore = self.ignore(commit)
        held = self.documents(commit, Ignore())[0] if ignore.patterns else {}
        left_out = ((name, each) for name, each in held.items() if ignore.file(name))
        return [SourceFile(name, partial(each.repository.objects.read, each.id)) for name, each in left_out]

    def documents(self, commit: str, ignore: Ignore) -> tuple[dict[str, HeldFile], list[Diagnostic]]:
        """Every document of the workspace in a commit, sorted by name, and problems with links.

        Includes submodules that are checked out, at the commits that this commit records. ``ignore``: what is left out.
        Raises `GitRefuses`.
        """
        tree = self._tree(commit)
        held: dict[str, HeldFile] = {}
        problems: list[Diagnostic] = []
        for path, entry in tree.items():
            name = path.removeprefix(self.prefix)
            if entry.mode != LINK and entry.type == "blob" and is_document(name, ignore):
                held[name] = HeldFile(entry.id, self, path)
        linked: set[str] = set()
        links = (path for path, entry in tree.items() if entry.mode == LINK)
        for path in sorted(links, key=lambda path: path.split("/")):  # in the order of a directory walk
            name = path.removeprefix(self.prefix)
            found = self._target(tree, path, name) if is_document(name, ignore) else path
            if isinstance(found, Diagnostic):
                problems.append(found)
            elif found not in linked and found != path and not is_document(found.removeprefix(self.prefix), ignore):
                linked.add(found)
                held[name] = HeldFile(tree[found].id, self, found)
        for name, id, missing in self._submodules(tree, ignore):
            if not missing:
                inside, more = self._submodule(name).documents(id, ignore.below(name))
                held |= {f"{name}/{each}": found for each, found in inside.items()}
                problems += (_problem(f"{name}/{each.place.file}", each.code, each.summary, each.hint) for each in more)
        return dict(sorted(held.items())), problems

    def commit_facts(self, commit: str) -> CommitFacts:
        """Who made a commit, and its subject; empty where git cannot tell."""
        found = self.commands.answer("log", "-1", "--encoding=UTF-8", "--format=%an%x00%s%x00%aI", commit)
        facts = found.out.decode(errors="replace").split("\0") if found.status == 0 else []
        return CommitFacts(*(each[:MOST_OF_A_FACT] for each in facts)) if len(facts) == 3 else CommitFacts()

    def has(self, commit: str) -> bool:
        """Whether the repository has a commit."""
        return self.commands.answer("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").status == 0

    def left_out(self, read: Iterable[str], ignore: Ignore) -> list[Diagnostic]:
        """Problems for tracked documents missing from the working tree but not deleted (``read``: the names there).

        They are excluded by sparse checkout or skip-worktree, or are in a submodule that is not checked out. Raises
        `GitRefuses`.
        """
        here = frozenset(read)
        problems = []
        for tag, mode, path in self._tracked():
            name = path.removeprefix(self.prefix)
            if mode == SUBMODULE and not is_hidden(name) and not ignore.directory(name):
                problems += self._left_out_of(name, here, ignore)
            elif tag == "S" and is_document(name, ignore) and name not in here and not os.path.lexists(self.top / path):
                problems.append(_problem(name, "left-out", "this document is not in the checkout", SPARSE_HINT))
        return problems

    def _left_out_of(self, name: str, here: Iterable[str], ignore: Ignore) -> list[Diagnostic]:
        folder = self.top / self.prefix / name
        if os.path.lexists(folder / ".git"):
            inside = f"{name}/"
            read = [each.removeprefix(inside) for each in here if each.startswith(inside)]
            more = self._submodule(name).left_out(read, ignore.below(name))
            return [_problem(inside + each.place.file, each.code, each.summary, each.hint) for each in more]
        if folder.is_dir() and any(folder.iterdir()):
            return []  # other files are in its place: they are read and compared
        return [_problem(name, "submodule-missing", "this submodule is not checked out", FETCH_HINT)]

    def _tracked(self) -> Iterator[tuple[str, str, str]]:
        """Tag, mode and path of index entries below the workspace that are not plainly checked out."""
        listed = self.commands.run("ls-files", "-z", "-s", "-t", *self._below())
        for entry in listed.split(b"\0"):
            if entry[:1] == b"S" or entry[2:8] == SUBMODULE.encode():
                head, _, path = entry.partition(b"\t")
                tag, mode, *_ = head.decode().split()
                yield tag, mode, os.fsdecode(path)

    def _below(self) -> list[str]:
        return ["--", self.prefix] if self.prefix else []

    def _tree(self, commit: str) -> dict[str, TreeEntry]:
        """All entries below the workspace in a commit, by path in the repository."""
        listed = self.commands.run("ls-tree", "-r", "-z", "--full-tree", commit, *self._below())
        entries = (entry.partition(b"\t") for entry in listed.split(b"\0") if entry)
        return {os.fsdecode(path): TreeEntry(*head.decode().split()) for head, _, path in entries}

    def _submodules(self, tree: Mapping[str, TreeEntry], ignore: Ignore) -> Iterator[tuple[str, str, bool]]:
        """The name and commit of every submodule that is not ignored, and whether its files are missing."""
        for path, entry in tree.items():
            name = path.removeprefix(self.prefix)
            if entry.mode == SUBMODULE and not is_hidden(name) and not ignore.directory(name):
                here = os.path.lexists(self.top / path / ".git")
                yield name, entry.id, not (here and self._submodule(name).has(entry.id))

    def _submodule(self, name: str) -> "Repository":
        """The repository of a checked-out submodule. Raises `GitRefuses`."""
        if name not in self.submodules:
            folder = self.top / self.prefix / name
            found = _found(folder)
            if found is None or found.prefix:
                raise GitRefuses(f"{name}: this submodule has no repository of its own")
            self.submodules[name] = found
        return self.submodules[name]

    def _document(self, name: str, id: str, commit: str) -> bytes:
        """The bytes of a blob. Raises `GitRefuses` with the document's name."""
        try:
            return self.objects.read(id)
        except GitRefuses as error:
            raise GitRefuses(f"{name} of commit {commit} cannot be read: {error} (object {id})") from error

    def _target(self, tree: Mapping[str, TreeEntry], path: str, name: str) -> str | Diagnostic:
        """The path of a link's target, through links that stay in the workspace, or the problem."""
        steps, done, links = path.split("/"), list[str](), 0
        while steps:
            step = steps.pop(0)
            if step == ".." and done:
                done.pop()
            elif step == "..":
                return _problem(name, "link-outside", "this link points outside the workspace", LINK_HINT)
            elif step not in ("", "."):
                done.append(step)
                entry = tree.get("/".join(done))
                if entry and entry.mode == LINK:
                    links += 1
                    if links > MAX_LINKS:
                        break
                    target = os.fsdecode(self.objects.read(entry.id))
                    if target.startswith("/"):
                        return _problem(name, "link-outside", "this link points outside the workspace", LINK_HINT)
                    done, steps = done[:-1], [*target.split("/"), *steps]
        found = "/".join(done)
        if not found.startswith(self.prefix):
            return _problem(name, "link-outside", "this link points outside the workspace", LINK_HINT)
        if links > MAX_LINKS or found not in tree or tree[found].type != "blob":
            return _problem(name, "link-dangling", "the target of this link does not exist", "remove or fix it")
        return found

    def blame(self, file: str, revision: str | None) -> list[Blamed | None]:
        """The commit of each line of a workspace file; see `Blaming.of`.

        ``revision`` ``None``: of the working tree. An untracked file has no lines.
        """
        return self.blaming.of(self.prefix + file, revision)


def open_repository(root: Path) -> Repository | None:
    """The repository around a workspace; ``None`` if there is none.

    Raises `GitRefuses` if git refuses to read the repository or is not installed.
    """
    above = (root.absolute(), *root.absolute().parents)
    # Importing GitPython takes as long as a small plan.
    if not any(os.path.lexists(folder / name) for folder in above for name in (".git", "HEAD")):
        return None
    try:
        return _found(root)
    except GitRefuses:
        if any(os.path.lexists(folder / ".git") for folder in above):
            raise
        return None


_ASKED = ("--is-inside-work-tree", "--is-shallow-repository", "--show-object-format", "--show-prefix")
_PATHS = ("--absolute-git-dir", "--show-toplevel")


def _found(folder: Path) -> Repository | None:
    """The repository whose working tree contains a directory. Raises `GitRefuses`."""
    found = GitCommands(folder).answer("rev-parse", *_ASKED, *_PATHS)
    inside, *rest = os.fsdecode(found.out).split("\n")
    if inside == "false":
        return None  # bare, or inside a .git directory
    if found.status or len(rest) != len(_ASKED) + len(_PATHS) - 1:
        raise GitRefuses(found.problem or f"{folder}: a path with a line break in it")
    shallow, algorithm, prefix, git_folder, top = rest
    return Repository(GitCommands(Path(top)), prefix, Path(git_folder), algorithm, shallow == "true")


def _problem(name: str, code: str, summary: str, hint: str) -> Diagnostic:
    return Diagnostic(Place(name, 1), code, summary, hint)
