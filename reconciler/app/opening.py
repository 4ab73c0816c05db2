"""Reading and validating a workspace, from its files or from a commit."""

import os
from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

from reconciler.app.errors import Invalid, Unknown
from reconciler.app.workspaces import Workspace
from reconciler.core.inspect import hidden_template_warnings
from reconciler.core.reading import with_lines
from reconciler.core.workspace import load
from reconciler.model.documents.source import Catalog, SourceFile
from reconciler.model.values.diagnostics import Diagnostic, sorted_problems
from reconciler.shell.days import known_zones
from reconciler.shell.repository.checkout import Checkout, read_checkout
from reconciler.shell.repository.file_cache import cached_reader
from reconciler.shell.repository.git import open_repository
from reconciler.shell.repository.git_commands import GitRefuses
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
        files, problems, _, _ = _read(root, revision, opened, remark)
        catalog, problems = _check(files, problems, opened)
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
    repository = open_repository(root)
    if repository is None:
        raise Unknown(f"{root} is not in a git repository, so there is no revision {revision!r}")
    opened.callback(repository.close)
    commit = repository.commit(revision)
    return *repository.read(commit), Checkout(repository, commit), commit


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
            raise Invalid(problems)
        return Workspace(root, catalog, checkout.repository, commit, checkout, opened.pop_all())


def folder_in_repository(root: Path) -> str:
    """The workspace's path within its repository, for annotations that name files from there."""
    try:
        repository = open_repository(root)
    except GitRefuses:
        return ""
    return repository.prefix.rstrip("/") if repository else ""
