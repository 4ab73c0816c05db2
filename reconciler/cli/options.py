"""What commands share: the workspace, the clock, errors as exit status 1, and writing results."""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click
from click.exceptions import Exit

from reconciler import app
from reconciler.shell.access import Access
from reconciler.shell.worktree import WorkspaceError, find_workspace
from reconciler.stores.base import StoreError

R = TypeVar("R")

DENIED = 3
CHANGES = 2


class Moment(click.ParamType[datetime]):
    """A moment in ISO 8601; without a zone it is UTC, without a time the start of the day."""

    name = "ISO-8601"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is not a date or time in ISO 8601, such as 2026-12-01 or 2026-12-01T08:00:00Z", param, ctx
            )
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def with_workspace(command: Callable[..., R]) -> Callable[..., R]:
    """Options ``-C`` and ``--now``, and every expected error shown with exit status 1.

    The command gets ``root``, the workspace's folder, and ``now``.
    """

    @click.option("-C", "--workspace", "chosen", type=click.Path(path_type=Path), help="The workspace's folder.")
    @click.option("--now", type=Moment(), help="The clock, ISO 8601. Default: the real one.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, chosen: Path | None, now: datetime | None, **rest: Any) -> R:
        with errors_shown():
            root = find_workspace(Path.cwd(), os.environ, chosen or ctx.obj)
            return command(root=root, now=now or datetime.now(UTC), **rest)

    return wrapped


@contextmanager
def errors_shown() -> Iterator[None]:
    """Expected errors as messages on standard error, with exit status 1."""
    try:
        yield
    except app.Invalid as error:
        from reconciler.cli.output import say
        from reconciler.report.problems import render_problems

        say(render_problems(error.problems))
        raise Exit(1) from error
    except (app.Unknown, StoreError, WorkspaceError) as error:
        raise click.ClickException(str(error)) from error


def access_to(root: Path) -> Access:
    """The stores of a workspace."""
    return Access(root, os.environ)


def who() -> str:
    """Who applies: ``RECONCILE_USER``, a CI's actor, or the login name."""
    import getpass

    for variable in ("RECONCILE_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
