"""Reading and validating a workspace, from its files or from a commit."""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from reconciler.app.errors import Invalid, Unknown
from reconciler.app.workspaces import Workspace
from reconciler.core.inspect import hidden_template_warnings
from reconciler.core.reading import read_file, with_lines
from reconciler.core.workspace import load
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.values.diagnostics import Diagnostic, sorted_problems
from reconciler.model.values.keys import EntityId
from reconciler.shell.days import known_zones
from reconciler.shell.repository.checkout import Checkout, read_checkout
from reconciler.shell.repository.file_cache import cached_reader
from reconciler.shell.repository.git import open_repository
from reconciler.shell.repository.git_commands import GitRefuses
from reconciler.shell.repository.worktree import ignored_in_worktree
from reconciler.shell.runs.plan_cache import CacheLookup
from reconciler.stores.registry import why_not_opened

OnRemark: TypeAlias = Callable[[str], None]
"""Called with messages that stop nothing."""


def _unsaid(_: str) -> None:
    """Ignores a message."""


def check_workspace(
    root: Path, revision: str | None = None, *, remark: OnRemark = _unsaid
) -> tuple[Catalog | None, list[Diagnostic]]:
    """Read and validate: the catalog, if it can be had, and everything that is wrong, or worth a warning, in order.

    ``remark`` is called with git's error if git refuses. Raises `Unknown` and `WorkspaceError`.
    """
    with ExitStack() as opened:
        files, problems, checkout, commit = _read(root, revision, opened, remark)
        catalog, problems = _check(files, problems, opened)
        problems = _with_ignored(problems, root, checkout, commit)
        warnings = sorted_problems(hidden_template_warnings(catalog)) if catalog and not problems else []
        at = {each.place.file for each in warnings}
        return catalog, [*problems, *with_lines(warnings, {each.path: each.data for each in files if each.path in at})]


def _read(
    root: Path, revision: str | None, opened: ExitStack, remark: OnRemark
) -> tuple[list[SourceFile], list[Diagnostic], Checkout, str | None]:
    """The files, what is wrong with them, what git says of them, and the id of the revision that they are of."""
    if not revision:
        files, problems, checkout = read_checkout(root)
        _look_after(checkout, opened, remark)
        return files, problems, checkout, None
    checkout, commit = _at_revision(root, revision, opened)
    assert checkout.repository is not None
    return *checkout.repository.read(commit), checkout, commit


def _at_revision(root: Path, revision: str, opened: ExitStack) -> tuple[Checkout, str]:
    """The repository at a revision, and its commit id. Raises `Unknown` and `WorkspaceError`."""
    repository = open_repository(root)
    if repository is None:
        raise Unknown(f"{root} is not in a git repository, so there is no revision {revision!r}")
    opened.callback(repository.close)
    commit = repository.commit(revision)
    return Checkout(repository, commit), commit


def ignored_files(root: Path, revision: str | None = None) -> list[str]:
    """The paths of the files that `ignore:` of `reconcile.yaml` leaves out, sorted. Raises `Unknown`."""
    with ExitStack() as opened:
        checkout, commit = _at_revision(root, revision, opened) if revision else (Checkout(), None)
        return sorted(each.path for each in _ignored(root, checkout, commit))


def _ignored(root: Path, checkout: Checkout, commit: str | None) -> list[SourceFile]:
    if commit and checkout.repository:
        return checkout.repository.ignored(commit)
    return ignored_in_worktree(root)


def _with_ignored(
    problems: Iterable[Diagnostic], root: Path, checkout: Checkout, commit: str | None
) -> list[Diagnostic]:
    """The problems; one with a document that stands in an ignored file says so."""
    problems = list(problems)
    wanted = {each.key for problem in problems for each in problem.wanted}
    where: dict[EntityId, str] = {}
    for file in _ignored(root, checkout, commit) if wanted else ():
        with suppress(OSError, GitRefuses):  # it is not needed for anything else
            if any(key.encode() in file.data for key in wanted):
                where |= {each.id: file.path for each in read_file(file).documents}
    return [_in_ignored(each, where) for each in problems]


def _in_ignored(problem: Diagnostic, where: Mapping[EntityId, str]) -> Diagnostic:
    found = next((where[each] for each in problem.wanted if each in where), None)
    if found is None:
        return problem
    return replace(problem, hint=f"{found} has it, which `ignore:` in reconcile.yaml leaves out")


def _look_after(checkout: Checkout, opened: ExitStack, remark: OnRemark) -> None:
    """See that it is closed, and that what git refuses is said: at once, and what comes up later when it is closed."""
    said = checkout.problems
    for each in said:
        remark(each)
    if checkout.repository:
        opened.callback(checkout.repository.close)
        opened.callback(_remark_later, checkout, said, remark)


def _remark_later(checkout: Checkout, said: Collection[str], remark: OnRemark) -> None:
    for each in checkout.problems:
        if each not in said:
            remark(each)


def _check(
    files: Iterable[SourceFile], problems: Iterable[Diagnostic], opened: ExitStack
) -> tuple[Catalog | None, list[Diagnostic]]:
    problems = list(problems)
    unread = [each.place for each in problems]
    with cached_reader(os.environ, opened) as read:
        catalog, more = load(files, stores=why_not_opened, zones=known_zones, unread=unread, read=read)
    return catalog, sorted_problems([*problems, *more])


def open_workspace(
    root: Path, revision: str | None = None, looked: CacheLookup | None = None, *, remark: OnRemark = _unsaid
) -> Workspace:
    """Read a workspace, from its files or from a commit. Raises `Invalid`, `Unknown` and `WorkspaceError`.

    ``looked``: what `look_for_plan` read already. ``remark`` is called with git's error if git refuses.
    Close it once nothing is asked of it any more.
    """
    with ExitStack() as opened:
        if looked:
            (files, problems), checkout, commit = looked.files, looked.checkout, None
            _look_after(checkout, opened, remark)
        else:
            files, problems, checkout, commit = _read(root, revision, opened, remark)
        catalog, problems = _check(files, problems, opened)
        if problems or catalog is None:
            raise Invalid(_with_ignored(problems, root, checkout, commit))
        return Workspace(root, catalog, checkout.repository, commit, checkout, opened.pop_all())


def folder_in_repository(root: Path) -> str:
    """The workspace's path within its repository, for annotations that name files from there."""
    try:
        repository = open_repository(root)
    except GitRefuses:
        return ""
    return repository.prefix.rstrip("/") if repository else ""
