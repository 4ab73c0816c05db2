"""`validate`, `plan`, `apply` and `show`."""

import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit

from reconciler import app
from reconciler.cli.options import CHANGES, DENIED, Moment, access_to, who, with_workspace
from reconciler.cli.output import coloured, progress, say, write_result
from reconciler.core.codec import PlanRefused, decode, encode
from reconciler.model.plan import Plan
from reconciler.report.data import render_plan_json
from reconciler.report.html import render_html
from reconciler.report.markdown import render_markdown
from reconciler.report.problems import render_problems, render_problems_github, render_problems_json
from reconciler.report.text import render_plan
from reconciler.shell.access import Access
from reconciler.shell.execute import Applied, Result

FORMATS = click.Choice(["text", "json", "markdown", "html"])


def _rendered(plan: Plan, form: str, *, verbose: bool) -> str:
    match form:
        case "json":
            return render_plan_json(plan)
        case "markdown":
            return render_markdown(plan, verbose=verbose)
        case "html":
            return render_html(plan, verbose=verbose)
        case _:
            return render_plan(plan, verbose=verbose, colour=coloured(sys.stdout))


@click.command("validate")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text", show_default=True)
@click.option("--ref", metavar="REV", help="Validate a commit instead of the files; nothing is checked out.")
@with_workspace
def validate_command(root: Path, now: datetime, form: str, ref: str | None) -> None:  # noqa: ARG001
    """Check every document, and say everything that is wrong at once. Exit status 1 if anything is."""
    catalog, problems = app.check_workspace(root, ref)
    match form:
        case "json":
            write_result(render_problems_json(problems))
        case "github":
            write_result(render_problems_github(problems, folder=app.folder_in_repository(root)))
        case _ if problems:
            write_result(render_problems(problems, colour=coloured(sys.stdout)))
        case _:
            documents = sum(len(tree.documents) + 1 for tree in catalog.providers.values()) if catalog else 0
            policies = len(catalog.policies) if catalog else 0
            write_result(f"Valid: {documents} documents, {policies} policies.\n")
    if problems:
        raise Exit(1)


def _planning_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that `plan` and `apply` share."""
    for option in reversed(
        (
            click.option(
                "--tenant", "tenants", multiple=True, metavar="T", help="Only this tenant; repeatable, globs."
            ),
            click.option("--ref", metavar="REV", help="The desired state from a commit; nothing is checked out."),
            click.option("--base", metavar="REV", help="Label every change: pr, drift or backlog, told from a commit."),
            click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan, as JSON."),
            click.option("--format", "form", type=FORMATS, default="text", show_default=True),
            click.option("--fail-on-withheld", is_flag=True, help="Exit status 3 if anything is withheld."),
            click.option("--verbose", is_flag=True, help="List what is unmanaged too, and everything in full."),
        )
    ):
        command = option(command)
    return command


def _planned(
    workspace: app.Workspace, access: Access, now: datetime, tenants: tuple[str, ...], base: str | None
) -> Plan:
    selected = workspace.chosen(tenants)
    total = len(selected if selected is not None else workspace.catalog.policies)
    with progress(total, "Planning") as step:
        plan = app.make_plan(workspace, access, now=now, tenants=tenants, progress=step)
        return app.with_base(workspace, access, plan, base, now=now) if base else plan


def _save(plan: Plan, out: Path | None) -> None:
    if out is not None:
        partial = out.with_name(out.name + ".partial")
        partial.write_bytes(encode(plan))
        partial.replace(out)
        say(f"Saved the plan to {out}.")


def _status_of(plan: Plan, *, fail_on_withheld: bool) -> int:
    """0 done; 1 a tenant in error; 3 blocked with nothing else to do, or withheld where that fails."""
    if plan.errored:
        return 1
    count = plan.summary()
    if (fail_on_withheld and count.withheld) or (count.blocked and not plan.applyable):
        return DENIED
    return 0


@click.command("plan")
@_planning_options
@click.option(
    "--inverse", type=click.Path(path_type=Path, dir_okay=False), metavar="PLAN", help="Undo this applied plan."
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit status 2 if there are changes.")
@with_workspace
def plan_command(
    root: Path,
    now: datetime,
    tenants: tuple[str, ...],
    ref: str | None,
    base: str | None,
    out: Path | None,
    form: str,
    fail_on_withheld: bool,
    verbose: bool,
    inverse: Path | None,
    detailed_exitcode: bool,
) -> None:
    """Show what apply would do, and what is withheld or blocked and why. Writes nothing anywhere."""
    if inverse is not None and (tenants or ref or base):
        raise click.UsageError(
            "--inverse undoes a plan as it was applied: --tenant, --ref and --base do not go with it"
        )
    undone = _read_plan(inverse) if inverse else None
    workspace = app.open_workspace(root, ref)
    with access_to(root) as access:
        if undone:
            plan = app.inverse_plan(workspace, access, undone, now=now)
        else:
            plan = _planned(workspace, access, now, tenants, base)
    write_result(_rendered(plan, form, verbose=verbose))
    _save(plan, out)
    status = _status_of(plan, fail_on_withheld=fail_on_withheld)
    if status == 0 and detailed_exitcode and plan.applyable:
        status = CHANGES
    raise Exit(status)


@click.command("apply")
@click.argument("saved", metavar="[PLAN]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@_planning_options
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@with_workspace
def apply_command(
    root: Path,
    now: datetime,
    saved: Path | None,
    tenants: tuple[str, ...],
    ref: str | None,
    base: str | None,
    out: Path | None,
    form: str,
    fail_on_withheld: bool,
    verbose: bool,
    auto_approve: bool,
) -> None:
    """Apply a saved PLAN, or plan, show, ask and apply. Each tenant is changed whole or not at all."""
    if saved is not None and (tenants or ref or base or out):
        raise click.UsageError("--tenant, --ref, --base and --out belong to planning; a saved plan is applied as it is")
    plan = _read_plan(saved) if saved else None
    workspace = app.open_workspace(root, ref)
    with access_to(root) as access:
        if plan is None:
            plan = _planned(workspace, access, now, tenants, base)
            write_result(_rendered(plan, form, verbose=verbose))
            _save(plan, out)
            if plan.applyable and not auto_approve and not _approved():
                say("Nothing was applied.")
                raise Exit(1)
        elif plan.source.digest != workspace.catalog.digest:
            say("Note: the workspace changed since this plan was made; what is applied is the plan.")
        status = _applied(workspace, access, plan, now)
    raise Exit(status or _status_of(plan, fail_on_withheld=fail_on_withheld))


def _approved() -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask here: --auto-approve applies without asking")
    answer = click.prompt("\nApply these changes? Only `yes` is accepted", default="", show_default=False, err=True)
    return str(answer).strip() == "yes"


def _applied(workspace: app.Workspace, access: Access, plan: Plan, now: datetime) -> int:
    """Carry the plan out, telling of every tenant; 1 if any was refused or failed."""
    done: list[Applied] = []
    changing = sum(bool(tenant.changes) for tenant in plan.tenants)
    with progress(changing, "Applying") as step:
        for each in app.apply_plan(workspace, access, plan, now=now, by=who()):
            done.append(each)
            step(each.tenant)
    for each in done:
        if each.result in (Result.REFUSED, Result.FAILED):
            say(f"{each.tenant}: {each.result}: {each.problem}")
    count = sum(each.result is Result.APPLIED for each in done)
    failed = sum(each.result in (Result.REFUSED, Result.FAILED) for each in done)
    if changing:
        summary = plan.summary()
        say(
            f"\nApplied to {count} of {changing} tenants."
            if failed
            else f"\nApply complete: {summary.create} added, {summary.update} changed, {summary.delete} destroyed."
        )
    return 1 if failed else 0


def _read_plan(path: Path) -> Plan:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise click.ClickException(f"{path}: {os.strerror(error.errno or 0)}") from error
    except PlanRefused as error:
        raise click.ClickException(f"{path}: {error}") from error


@click.command("show")
@click.argument("saved", metavar="PLAN", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--format", "form", type=FORMATS, default="text", show_default=True)
@click.option("--verbose", is_flag=True, help="List what is unmanaged too, and everything in full.")
@click.option("--now", type=Moment(), help="The clock; a saved plan does not depend on it.")
def show_command(saved: Path, form: str, verbose: bool, now: datetime | None) -> None:  # noqa: ARG001
    """Show a saved PLAN in any format."""
    write_result(_rendered(_read_plan(saved), form, verbose=verbose))
