"""`validate`, `plan` and `show`, and the options and functions that `apply` shares with them."""

import functools
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click
from click.exceptions import Exit

from reconciler import app
from reconciler.cli.common import CHANGES, DENIED, FAILED, argument, command, option
from reconciler.cli.options import (
    EXECUTOR_OPTIONS,
    access_to,
    format_option,
    git_refused,
    open_for_command,
    remark_on,
    when_done,
    with_folder,
    with_workspace,
)
from reconciler.cli.output import (
    coloured,
    is_unicode,
    progress,
    say,
    write_data,
    write_data_in_pieces,
    write_result,
    write_results,
)
from reconciler.core.savedplan import PlanRefused, Spool, decode, encoded
from reconciler.model.plans.commits import short_commit
from reconciler.model.plans.plan import Plan
from reconciler.model.values.counts import counted
from reconciler.report.lines import Line, render_lines
from reconciler.report.problems import render_problems, render_problems_github, render_problems_json
from reconciler.report.values import clean
from reconciler.shell.connections.access import Access
from reconciler.shell.days import days_by_zone
from reconciler.shell.pools.executors import Choice
from reconciler.shell.repository.checkout import Checkout, file_summary
from reconciler.shell.repository.files import write_file
from reconciler.shell.runs.plan_cache import CacheLookup, look_for_plan
from reconciler.shell.saved_plans import open_saved_plan
from reconciler.shell.scratch import scratch_outside
from reconciler.stores.base import StoreError

OTHER_FORMATS = ("markdown", "html", "csv")
"""The formats of a plan besides text and JSON."""


def write_plan(plan: Plan, form: str, *, verbose: bool, saved: Path | None = None, following: bool = True) -> None:
    """Write a plan to standard output as text, JSON or one of `OTHER_FORMATS`, piece by piece.

    ``verbose``: list every entity. ``saved``: its file, as commands will name it. ``following``: whether to say what to
    type next.
    """
    match form:
        case "json":
            from reconciler.report.plans.data import plan_json

            write_data_in_pieces(plan_json(plan))
        case "markdown":
            from reconciler.report.plans.markdown import render_markdown

            write_data(render_markdown(plan, file=str(saved or "")))
        case "csv":
            from reconciler.report.plans.csv import plan_csv

            write_data_in_pieces(plan_csv(plan))
        case "html":
            from reconciler.report.plans.page import render_html

            write_data_in_pieces(render_html(plan, str(saved or "")))
        case _:
            write_results(
                render_lines(
                    plan_text(plan, sys.stdout, verbose=verbose, saved=saved, following=following),
                    colour=coloured(sys.stdout),
                )
            )


def plan_text(
    plan: Plan, stream: TextIO, *, verbose: bool, saved: Path | None = None, following: bool = False
) -> Iterable[Line]:
    """The text of a plan for a terminal: with marks in ASCII where its encoding is no Unicode."""
    if verbose:
        from reconciler.report.plans.listing import plan_lines as listed

        return listed(plan, verbose=True)
    from reconciler.report.plans.terminal import in_ascii
    from reconciler.report.plans.text import plan_lines

    lines = plan_lines(plan, file=str(saved or ""), following=following)
    return lines if is_unicode(stream) else in_ascii(lines)


@command("validate")
@format_option("github", help="Output format; github: annotations for GitHub Actions.")
@option("--ref", metavar="REV", help="Validate a commit instead of the files; nothing is checked out.")
@with_workspace
def validate_command(root: Path, now: datetime, form: str, ref: str | None) -> None:  # noqa: ARG001
    """Check every document and list all problems. Exit status 1 for an error, 0 for warnings."""
    catalog, problems = app.check_workspace(root, ref, remark=git_refused)
    ignored = app.ignored_files(root, ref)
    invalid = any(each.severity == "error" for each in problems)
    if ignored and form != "json":
        files = f"{counted(len(ignored), 'file')} ({clean(file_summary(ignored))})"
        say(f"Ignored: {files}, by `ignore:` in reconcile.yaml.")
    match form:
        case "json":
            write_data(render_problems_json(problems, ignored))
        case "github":
            write_data(render_problems_github(problems, folder=app.folder_in_repository(root)))
        case _ if invalid:
            write_result(render_problems(problems, colour=coloured(sys.stdout)))
        case _:
            write_result(render_problems(problems, colour=coloured(sys.stdout)))
            documents = sum(len(tree.documents) + 1 for tree in catalog.providers.values()) if catalog else 0
            policies = len(catalog.policies) if catalog else 0
            counts = f"{counted(documents, 'document')}, {counted(policies, 'policy', 'policies')}"
            write_result(f"Valid: {counts}.\n")
    if invalid:
        raise Exit(FAILED)


@dataclass(frozen=True, slots=True)
class PlanningOptions:
    """The values of the options that `plan` and `apply` share.

    ``tenants``: the selected ones (empty: all); ``ref``: the revision to plan from; ``allowed``: guards to override;
    ``base``: the revision to compare with for causes; ``verify``: ignore cached digests; ``shard``: ``I/N``;
    ``executor``, ``parallelism``: where to run, and how many at once; ``allow_dirty``: apply uncommitted changes.
    """

    tenants: tuple[str, ...]
    ref: str | None
    allowed: tuple[str, ...]
    base: str | None
    out: Path | None
    form: str
    detailed_exitcode: bool
    fail_on_withheld: bool
    verbose: bool
    verify: bool
    shard: str | None
    allow_dirty: bool
    parallelism: int | None
    executor: Choice

    @property
    def choice(self) -> Choice:
        """The executor for concurrent work."""
        return replace(self.executor, parallelism=self.parallelism)

    @property
    def of_planning(self) -> bool:
        """Whether an option is given that affects the contents of a plan."""
        return bool(self.tenants or self.ref or self.allowed or self.base or self.verify or self.shard)


ALLOW_DIRTY = option("--allow-dirty", is_flag=True, help="Let `apply --auto-approve` apply uncommitted changes.")


def planning_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `plan` and `apply` share; the command gets them as ``asked``."""
    names = tuple(field.name for field in fields(PlanningOptions))

    @functools.wraps(command)
    def asking(**given: Any) -> Any:
        return command(asked=PlanningOptions(**{name: given.pop(name) for name in names}), **given)

    wrapped: Callable[..., Any] = asking
    for add in reversed(
        (
            option("--tenant", "tenants", multiple=True, metavar="T", help="Only this tenant; repeatable, globs."),
            option("--ref", metavar="REV", help="Read the desired state from a commit; nothing is checked out."),
            option(
                "--allow",
                "allowed",
                multiple=True,
                metavar="GUARD:TENANT",
                help="Override a guard for this plan, which records it; repeatable; globs such as max_price_change:*.",
            ),
            option("--base", metavar="REV", help="Label every change pr, drift or backlog by comparing with a commit."),
            option(
                "--out", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan as JSON."
            ),
            format_option(*OTHER_FORMATS, help="How to show the plan."),
            option("--detailed-exitcode", is_flag=True, help="For `plan`: exit status 2 for changes, 0 for none."),
            option("--fail-on-withheld", is_flag=True, help="Exit status 3 if anything is withheld."),
            option("--verbose", is_flag=True, help="Also list unmanaged differences, and show everything in full."),
            option("--verify", is_flag=True, help="Ignore cached digests."),
            option("--shard", metavar="I/N", help="Only the I-th of N parts of the tree, each of whole subtrees."),
            ALLOW_DIRTY,
            *EXECUTOR_OPTIONS,
        )
    ):
        wrapped = add(wrapped)
    return wrapped


def in_planning(root: Path, revision: str | None, looked: CacheLookup | None = None) -> app.Workspace:
    """Open the workspace to plan from, and note uncommitted changes."""
    workspace = open_for_command(root, revision, looked)
    say_uncommitted(workspace.checkout)
    return workspace


def say_uncommitted(checkout: Checkout) -> None:
    """Report the documents that differ from the commit."""
    if checkout.differences:
        say(f"Uncommitted changes: {clean(file_summary(checkout.differences))}")


def say_uncommitted_in(plan: Plan) -> None:
    """Report that a saved plan was made from uncommitted changes; it does not record which documents."""
    if plan.source.dirty:
        commit = f"commit {short_commit(plan.source.commit)}" if plan.source.commit else "any commit"
        say(f"Uncommitted changes: the plan was made from documents that are not in {commit}")


def planned(workspace: app.Workspace, access: Access, now: datetime, asked: PlanningOptions) -> Plan:
    """Make the plan, with a progress bar."""
    selected = workspace.chosen(asked.tenants, asked.shard)
    total = len(selected if selected is not None else workspace.catalog.policies)
    with progress(total, "Planning") as step:
        plan = app.make_plan(workspace, access, now=now, selected=selected, allow=asked.allowed, progress=step)
        return app.with_base(workspace, access, plan, asked.base, now=now) if asked.base else plan


def save(plan: Plan, out: Path | None, root: Path) -> None:
    """Save a plan completely or not at all. Raises `ClickException`."""
    if out is None:
        return
    try:
        write_file(out, encoded(plan))
    except OSError as error:
        raise click.ClickException(f"the plan was not saved: {out}: {error.strerror}") from error
    say(f"Saved the plan to {out}.")
    remark_on(out, root)


def exit_status_of(plan: Plan, asked: PlanningOptions) -> int:
    """The exit status: 0 done; 1 a tenant in error; 3 blocked with nothing to apply, or withheld if that fails."""
    if plan.errored:
        return FAILED
    count = plan.summary()
    if (asked.fail_on_withheld and count.withheld) or (count.blocked and not plan.applyable):
        return DENIED
    return 0


@command("plan")
@argument("named", metavar="[TENANT]...", nargs=-1)
@planning_options
@option("--inverse", type=click.Path(path_type=Path, dir_okay=False), metavar="PLAN", help="Undo this applied plan.")
@with_workspace
def plan_command(
    root: Path, now: datetime, asked: PlanningOptions, named: tuple[str, ...], inverse: Path | None
) -> None:
    """Show what apply would do, and what is withheld or blocked and why, in each TENANT (globs; default: all).

    Writes nothing except the file of --out.
    """
    asked = replace(asked, tenants=(*asked.tenants, *named))
    if inverse is not None and asked.of_planning:
        raise click.UsageError(
            "--inverse undoes a whole applied plan; it cannot be combined with tenants, --tenant, --shard, --ref, "
            "--base, --allow or --verify"
        )
    undone = read_plan(inverse, root) if inverse else None
    with access_to(root, verify=asked.verify, choice=asked.choice) as access:
        if undone:
            plan = app.inverse_plan(in_planning(root, None), access, undone, now=now)
        elif asked.ref or asked.base or asked.verify:
            plan = planned(in_planning(root, asked.ref), access, now, asked)
        else:
            plan = _known_or_made(root, access, now, asked)
    write_plan(plan, asked.form, verbose=asked.verbose, saved=asked.out)
    save(plan, asked.out, root)
    status = exit_status_of(plan, asked)
    if status == 0 and asked.detailed_exitcode and plan.applyable:
        status = CHANGES
    raise Exit(status)


def _known_or_made(root: Path, access: Access, now: datetime, asked: PlanningOptions) -> Plan:
    """The plan of the current files, from the plan cache if it records that there is nothing to do."""
    about = ("tenants", *asked.tenants, "shard", asked.shard or "", "allow", *asked.allowed)
    looked = look_for_plan(root, access, about, now=now)
    when_done(looked.close)
    if looked.plan:
        say_uncommitted(looked.checkout)
        return looked.plan
    workspace = in_planning(root, None, looked)
    plan = planned(workspace, access, now, asked)
    looked.keep(plan, access, days_by_zone(workspace.catalog, now))
    return plan


def read_plan(path: Path, root: Path) -> Plan:
    """Read a saved plan. ``root``: the workspace, or the working directory; no scratch file is made below it. Raises
    `ClickException` for a file that is unreadable or not a plan.
    """
    try:
        return decode(open_saved_plan(path, root), Spool(partial(scratch_outside, root)))
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from error
    except (PlanRefused, StoreError) as error:  # a scratch file has no space left
        raise click.ClickException(f"{path}: {error}") from error


@command("show")
@argument("saved", metavar="PLAN", type=click.Path(path_type=Path, dir_okay=False))
@format_option(*OTHER_FORMATS, help="Output format.")
@option("--verbose", is_flag=True, help="Also list unmanaged differences, and show everything in full.")
@with_folder
def show_command(chosen: Path | None, now: datetime | None, saved: Path, form: str, verbose: bool) -> None:  # noqa: ARG001
    """Show a saved PLAN in any format, as it was made; neither the workspace nor the clock is read."""
    plan = read_plan(saved, chosen or Path.cwd())
    say_uncommitted_in(plan)
    write_plan(plan, form, verbose=verbose, saved=saved)
