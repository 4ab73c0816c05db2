"""`apply`: apply a saved plan, or make, show and approve one first."""

import errno
import os
import sys
from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

import click
from click.exceptions import Exit

from reconciler import app
from reconciler.cli.common import FAILED, INTERRUPTED, argument, command, option
from reconciler.cli.options import access_to, open_for_command, who, with_workspace
from reconciler.cli.output import coloured, progress, say, write_data, write_result
from reconciler.cli.planning import (
    PlanningOptions,
    exit_status_of,
    in_planning,
    plan_text,
    planned,
    planning_options,
    read_plan,
    save,
    say_uncommitted_in,
    write_plan,
)
from reconciler.core.savedplan import plan_digest
from reconciler.model.plans.plan import Plan, total
from reconciler.model.values.counts import counted
from reconciler.report.lines import render
from reconciler.report.plans.listing import closing_lines
from reconciler.report.results import render_results_json
from reconciler.report.values import tenants_text
from reconciler.shell.connections.access import Access
from reconciler.shell.repository.checkout import file_summary
from reconciler.shell.runs.apply_workers import batch_results
from reconciler.shell.runs.execute import NOT_DONE, Applied, ApplyRun, Result

PLANNING_ONLY = (
    "planning options (--tenant, --shard, --ref, --allow, --base, --verify, --out) cannot be given with a saved plan"
)


@command("apply")
@argument("saved", metavar="[PLAN]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@planning_options
@option("--auto-approve", is_flag=True, help="Skip the approval prompt. A saved plan never prompts.")
@with_workspace
def apply_command(root: Path, now: datetime, asked: PlanningOptions, saved: Path | None, auto_approve: bool) -> None:
    """Apply a saved PLAN, or make a plan, show it, ask for approval and apply it. Each tenant is changed completely or
    not at all.
    """
    if saved is not None and (asked.of_planning or asked.out):
        raise click.UsageError(PLANNING_ONLY)
    if saved is not None and not saved.exists():
        raise _no_plan(saved, root)
    given = read_plan(saved, root) if saved else None
    workspace = open_for_command(root) if given else in_planning(root, asked.ref)
    if given:
        say_uncommitted_in(given)
    guarded = auto_approve and not asked.allow_dirty
    if guarded:
        _refuse_uncommitted(workspace, given)
    with access_to(root, verify=asked.verify, choice=asked.choice) as access:
        plan = given or planned(workspace, access, now, asked)
        asks = given is None and plan.applyable and not auto_approve
        _show(plan, asked, saved=given is not None, asks=asks)
        save(plan, asked.out, root)
        if given and plan.source.digest != workspace.catalog.digest:
            say("Note: the workspace changed since this plan was made; the plan is applied as saved.")
        if guarded:  # planning may have found more uncommitted files or git errors
            _refuse_uncommitted(workspace, given)
        approved = not asks or _approved(plan)
        saved_plan = given is not None
        application = app.apply_plan(workspace, access, plan, now=now, by=who(), saved=saved_plan) if approved else None
        done, interrupted = _applied(access, plan, application) if application else ([], False)
    if asked.form == "json":
        counts = {each.tenant: each.summary for each in plan.outlines}
        digest, run = (application.plan, application.run) if application else (plan_digest(plan), "")
        write_data(render_results_json(digest, run, done, counts))
    if not approved or interrupted:
        raise Exit(INTERRUPTED if interrupted else FAILED)
    _tell(plan, done, form=asked.form, saved=given is not None)
    failed = any(each.result in NOT_DONE for each in done)
    raise Exit(FAILED if failed else exit_status_of(plan, asked))


def _show(plan: Plan, asked: PlanningOptions, *, saved: bool, asks: bool) -> None:
    """Show the plan before it is applied; of a saved plan only what the options ask for.

    With JSON, standard output holds the result of the apply, so the plan to approve goes to standard error.
    """
    if asked.form == "json":
        if asks:
            say(render(plan_text(plan, sys.stderr, verbose=asked.verbose), colour=coloured(sys.stderr)))
    elif not saved or asked.form != "text" or asked.verbose:
        write_plan(plan, asked.form, verbose=asked.verbose, following=False)
    elif not plan.applyable:
        write_result(render(closing_lines(plan), colour=coloured(sys.stdout)))


def _no_plan(saved: Path, root: Path) -> click.ClickException:
    """The error for a missing plan file, with a hint if the argument names a tenant."""
    try:
        tenants = open_for_command(root).tenants()
    except app.Invalid:  # the error is about the plan file, not about the workspace
        tenants = []
    if any(fnmatchcase(tenant, str(saved)) for tenant in tenants):
        return click.UsageError(f"no plan file {saved}, but a tenant has this name: did you mean --tenant {saved}?")
    return click.ClickException(f"{saved}: {os.strerror(errno.ENOENT)}")


def _refuse_uncommitted(workspace: app.Workspace, given: Plan | None) -> None:
    """Refuse to apply uncommitted changes without review, or if git cannot list them. Raises `ClickException`."""
    checkout = workspace.checkout
    if checkout.problems:
        why = f"git could not report what is committed ({checkout.problems[0]})"
    elif given and given.source.dirty:
        why = "the plan was made from uncommitted changes"
    elif given is None and checkout.differences:
        why = f"uncommitted changes: {file_summary(checkout.differences)}"
    else:
        return
    raise click.ClickException(f"{why}; nothing was applied. Commit the changes, or apply anyway with --allow-dirty")


def _approved(plan: Plan) -> bool:
    """Whether the answer on standard input is ``yes``. No answer counts as no."""
    tenants = counted(_changing(plan), "tenant")
    sys.stderr.write(f"\nApply these changes to {tenants}? Only `yes` is accepted: ")
    sys.stderr.flush()
    answer = sys.stdin.readline() if sys.stdin else ""
    if not answer.endswith("\n"):
        say("")
    if answer.strip() == "yes":
        return True
    unasked = "" if answer else " There was no answer; --auto-approve applies without asking."
    say(f"Nothing was applied.{unasked}")
    return False


def _changing(plan: Plan) -> int:
    """The number of tenants that the plan changes."""
    return sum(each.summary.changes > 0 for each in plan.outlines)


def _applied(access: Access, plan: Plan, application: ApplyRun) -> tuple[list[Applied], bool]:
    """Run the application. Returns the results so far and whether it was interrupted; reports an interruption."""
    done: list[Applied] = []
    with progress(_changing(plan), "Applying") as step:
        try:
            for each in application:
                done.append(each)
                step(each.tenant)
        except KeyboardInterrupt:
            done += _under_way(access, done)
            named = ", ".join(each.tenant for each in done if each.result is Result.APPLIED) or "none"
            say(
                f"\nInterrupted. Applied tenants: {named}. "
                "Each tenant is changed completely or not at all. Run the same command again to finish; "
                "`reconcile plan` shows the remaining changes."
            )
            return done, True
    return done, False


def _under_way(access: Access, done: Iterable[Applied]) -> list[Applied]:
    """The results of writes that workers had started before the interruption; waits for them and starts no others."""
    known = {each.tenant for each in done}
    found = [each for placed, results in access.executors.under_way() for each in batch_results(placed, results)]
    return [each for each in found if each.tenant not in known]


def _tell(plan: Plan, done: Iterable[Applied], *, form: str, saved: bool) -> None:
    """Report refusals and failures, and the counts of applied changes (on standard output if the form is text)."""
    refused = [each for each in done if each.result in NOT_DONE]
    why: dict[tuple[Result, str], list[str]] = {}
    for each in refused:
        why.setdefault((each.result, each.problem), []).append(each.tenant)
    for (result, problem), tenants in why.items():
        say(f"{tenants_text(tenants)}: {result}: {problem}")
    if plan.applyable:
        applied = {each.tenant for each in done if each.result is Result.APPLIED}
        count = total(each.summary for each in plan.outlines if each.tenant in applied)
        counts = f"{count.create} added, {count.update} changed, {count.delete} destroyed"
        rest = f"; not applied: {', '.join(each.tenant for each in refused)}. Plan again to see the rest"
        had = sum(each.result is Result.ALREADY_APPLIED for each in done)
        already = f" ({counted(had, 'tenant')} already had this plan)" if had else ""
        text = f"Apply incomplete: {counts}{already}{rest}.\n" if refused else f"Apply complete: {counts}{already}.\n"
        if form != "text":
            say(text)
        else:
            write_result(text if saved else f"\n{text}")
