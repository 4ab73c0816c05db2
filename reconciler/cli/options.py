"""Options and helpers that commands share: the workspace, the clock, error handling and notes."""

import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click
from click.exceptions import Exit
from pydantic_core import PydanticCustomError

from reconciler import app
from reconciler.cli.common import FAILED, WORKSPACE_HELP, Group, option
from reconciler.cli.output import coloured, say
from reconciler.core.subscriptions import plus_months
from reconciler.model.values.field_types import period_parts, read_period
from reconciler.model.values.urls import URL, redacted
from reconciler.report.problems import render_problems
from reconciler.shell.connections.access import Access
from reconciler.shell.pools.executors import IN_TURN, LOCAL, Choice, ExecutorError, Executors, choice_of
from reconciler.shell.repository.finding import WorkspaceError, find_workspace
from reconciler.shell.repository.git_commands import GitRefuses
from reconciler.shell.repository.git_mends import mend_of
from reconciler.shell.repository.ignoring import ignore_of
from reconciler.shell.repository.worktree import is_document
from reconciler.shell.runs.plan_cache import CacheLookup
from reconciler.stores.base import StoreError

R = TypeVar("R")
C = TypeVar("C", bound=Callable[..., Any])

CLOCK_HELP = "The current time to assume; a date means midnight at each provider. Default: the system clock."
SAMPLE_MOMENTS = "2026-12-01 or 2026-12-01T08:00:00Z"


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class Moment(click.ParamType[datetime]):
    """A date or time in ISO 8601; a time without a zone is UTC.

    A date means each provider's own midnight (DATE-01): a datetime without a zone, see `shell.days.day_in`.
    """

    name = "ISO-8601"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            if _is_date(value):
                return moment
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a date or time in ISO 8601, such as {SAMPLE_MOMENTS}", param, ctx)


@dataclass(frozen=True, slots=True)
class Ago:
    """A period back from the clock."""

    months: int
    days: int

    def before(self, now: datetime) -> datetime:
        """The moment so long ago; the first day of the calendar if there is none."""
        try:
            day = plus_months(now.date(), -self.months) - timedelta(days=self.days)
        except (ValueError, OverflowError):
            day = date.min
        return datetime.combine(day, now.timetz())


class Since(Moment):
    """As `Moment`, or a period back from the clock, as documents have them: ``P7D``."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:  # a moment, or `Ago`
        if isinstance(value, str) and value[:1] in ("P", "p"):
            try:
                return Ago(*period_parts(read_period(value)))
            except PydanticCustomError as error:
                self.fail(str(error), param, ctx)
        short = re.fullmatch(r"([0-9]+) *([dwmyDWMY])[a-z]*", value) if isinstance(value, str) else None
        if short:
            self.fail(f"{value!r} is not a period in ISO 8601: write P{short[1]}{short[2].upper()}", param, ctx)
        return super().convert(value, param, ctx)


def with_workspace(command: Callable[..., R]) -> Callable[..., R]:
    """Add the options ``-C`` and ``--now``, and show expected errors with exit status 1.

    The command gets ``root``, the workspace directory, and ``now``.
    """

    def found(chosen: Path | None, now: datetime | None, **rest: Any) -> R:
        root = find_workspace(Path.cwd(), os.environ, chosen)
        return command(root=root, now=now or datetime.now(UTC), **rest)

    functools.update_wrapper(found, command)
    return with_folder(found)


def with_folder(command: Callable[..., R]) -> Callable[..., R]:
    """The same options for a command without a workspace, which gets ``chosen``, the directory given with ``-C``."""

    @option("-C", "--workspace", "chosen", type=click.Path(path_type=Path), metavar="DIR", help=WORKSPACE_HELP)
    @option("--now", type=Moment(), metavar="ISO-8601", help=CLOCK_HELP)
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, chosen: Path | None, **rest: Any) -> R:
        with errors_shown():
            return command(chosen=chosen or ctx.obj, **rest)

    return wrapped


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show expected errors on standard error, with exit status 1."""
    try:
        yield
    except app.Invalid as error:
        say(render_problems(error.problems, colour=coloured(sys.stderr)))
        raise Exit(FAILED) from error
    except GitRefuses as error:
        mend = mend_of(str(error))
        raise click.ClickException(f"{error}\n{mend}" if mend else str(error)) from error
    except (app.Unknown, ExecutorError, StoreError, WorkspaceError) as error:
        raise click.ClickException(str(error)) from error


class ExecutorChoice(click.ParamType[Choice]):
    """An executor, given by name or URL."""

    name = "executor"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Choice:
        if isinstance(value, Choice):
            return value
        try:
            return choice_of(value)
        except ExecutorError as error:
            self.fail(str(error), param, ctx)


EXECUTOR_OPTIONS = (
    option("--parallelism", type=click.IntRange(min=1), metavar="N", help="Tenants at once; 1: sequentially."),
    option(
        "--executor",
        type=ExecutorChoice(),
        default=LOCAL,
        show_default=True,
        metavar="local|threads|processes|dask://HOST:PORT",
        help="Who reads, compares and writes tenants.",
    ),
)
"""The options of commands that process tenants concurrently."""


def format_option(*forms: str, help: str = "Output format.") -> Callable[[C], C]:
    """The option ``--format`` (``-o``), passed as ``form``: ``text``, ``json`` or one of ``forms``."""
    return option(
        "--format",
        "-o",
        "form",
        type=click.Choice(["text", "json", *forms]),
        default="text",
        show_default=True,
        help=help,
    )


def workspace_group(name: str, summary: str) -> Group:
    """A group of commands on a workspace, which may be chosen behind the name of the group too."""

    @click.group(name, cls=Group, help=summary)
    @option("-C", "--workspace", "chosen", type=click.Path(path_type=Path), metavar="DIR", help=WORKSPACE_HELP)
    @click.pass_context
    def group(ctx: click.Context, chosen: Path | None) -> None:
        ctx.obj = chosen or ctx.obj

    return group


def open_for_command(root: Path, revision: str | None = None, looked: CacheLookup | None = None) -> app.Workspace:
    """Open the workspace, to be closed when the command ends. Git errors are reported.

    ``revision``: a commit to read instead of the files; ``looked``: what `look_for_plan` has read already.
    """
    workspace = app.open_workspace(root, revision, looked, remark=git_refused)
    when_done(workspace.close)
    return workspace


def when_done(close: Callable[[], None]) -> None:
    """Register a callback to run when the command ends, also after an error."""
    click.get_current_context().call_on_close(close)


def git_refused(line: str) -> None:
    """Report a git error in git's words, and what mends it."""
    mend = mend_of(line)
    say(f"{line}\nNote: git failed, so commits and uncommitted changes are unknown.{f' {mend}' if mend else ''}")


INCREMENTAL = "RECONCILE_INCREMENTAL"
"""Environment variable. ``off``: read and compare every tenant in full; the plans are the same."""


def access_to(root: Path, *, verify: bool = False, choice: Choice = IN_TURN) -> Access:
    """Open the stores of a workspace. ``verify``: ignore cached digests. ``choice``: where concurrent work runs."""
    incremental = os.environ.get(INCREMENTAL) != "off"
    return Access(root, os.environ, verify=verify, incremental=incremental, executors=Executors(choice))


def remark_on(file: Path, root: Path) -> None:
    """Warn if a file that was written would be read as documents of the workspace."""
    real = Path(os.path.realpath(file))
    if real.is_relative_to(root) and is_document(real.relative_to(root).as_posix(), ignore_of(root)):
        say(f"Note: {file} is in the workspace, where every *{real.suffix} file is read as documents: move it.")


def who() -> str:
    """The name to record in the journal: ``RECONCILE_USER``, the CI's actor, or the login name.

    The bytes are decoded as UTF-8 in any locale, with U+FFFD for invalid ones: no store accepts lone surrogates. A URL,
    such as that of a CI's job, is recorded without what may be a credential.
    """
    name = os.fsencode(_who()).decode("utf-8", "replace")
    return redacted(name) if URL.search(name) else name


def _who() -> str:
    import getpass

    for variable in ("RECONCILE_USER", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if os.environ.get(variable):
            return os.environ[variable]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"
