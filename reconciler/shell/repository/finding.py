"""Finds a workspace on disk. Imports nothing heavy: completion in the shell uses it."""

import os
from collections.abc import Mapping
from pathlib import Path

from reconciler.shell.repository.files import require_regular

WORKSPACE_FILE = "reconcile.yaml"
SUFFIXES = (".yaml", ".yml")


class WorkspaceError(Exception):
    """There is no workspace, or it cannot be read. The message is for users."""


def find_workspace(start: Path, environment: Mapping[str, str], chosen: Path | None = None) -> Path:
    """The workspace directory: the chosen one, ``RECONCILE_WORKSPACE``, or the nearest one from ``start`` upwards.

    A workspace is a directory with a ``reconcile.yaml``, or the ``catalogs`` directory of one with
    ``catalogs/reconcile.yaml``.
    """
    if chosen is not None:
        return _named_workspace(chosen, "")
    if named := environment.get("RECONCILE_WORKSPACE"):
        return _named_workspace(Path(named), " (from RECONCILE_WORKSPACE)")
    here = Path(os.path.realpath(start))
    for folder in (here, *here.parents):
        if found := _workspace_in(folder):
            return found
    raise WorkspaceError(
        f"no {WORKSPACE_FILE} or catalogs/{WORKSPACE_FILE} here or above; use -C DIR, or create one: reconcile init"
    )


def _workspace_in(folder: Path) -> Path | None:
    """The workspace in a directory.

    Raises `WorkspaceError` if its file is a pipe, a device or a link to nothing: another workspace, further up, must
    not be used instead.
    """
    for each in (folder, folder / "catalogs"):
        file = each / WORKSPACE_FILE
        if os.path.lexists(file):
            try:
                require_regular(file)
            except OSError as error:
                raise WorkspaceError(f"{file}: {error.strerror}") from error
            return Path(os.path.realpath(each))
    return None


def _named_workspace(folder: Path, source: str) -> Path:
    found = _workspace_in(folder)
    if found is None:
        there = f"it has no {WORKSPACE_FILE}" if folder.is_dir() else "the directory does not exist"
        raise WorkspaceError(f"{folder}{source} is not a workspace: {there} (`reconcile init {folder}` creates one)")
    return found
