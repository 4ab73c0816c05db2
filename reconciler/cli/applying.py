"""`apply`: a saved plan, or one that is made, shown and approved."""

import errno
import os
import sys
from collections.abc import Iterable
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

import rich_click as click
from click.exceptions import Exit

from reconciler import app
from reconciler.cli.common import FAILED, INTERRUPTED, argument, option
from reconciler.cli.options import access_to, counted, open_for_command, who, with_workspace
from reconciler.cli.output import coloured, progress, say, write_data, write_result
from reconciler.cli.planning import (
    Asked,
    exit_status_of,
    in_planning,
    planned,
    planning_options,
    read_plan,
    save,
    say_uncommitted_in,
    write_plan,
)
from reconciler.core.savedplan import plan_digest
from reconciler.model.plans.plan import Plan, total
from reconciler.report.lines import render
from reconciler.report.plans.text import closing_lines, plan_lines
from reconciler.report.results import render_results_json
from reconciler.report.values import tenants_text
from reconciler.shell.connections.access import Access
from reconciler.shell.repository.checkout import shortly
from reconciler.shell.runs.apply_workers import told
from reconciler.shell.runs.execute import NOT_DONE, Application, Applied, Result

PLANNING_ONLY = (
    "--tenant, --shard, --ref, --allow, --base, --verify and --out belong to planning; a saved plan is applied as it is"
)


@click.command("apply")
@argument("saved", metavar="[PLAN]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@planning_options
@option("--auto-approve", is_flag=True, help="Do not ask. A saved plan is applied without asking anyway.")
@with_workspace
def apply_command(root: Path, now: datetime, asked: Asked, saved: Path | None, auto_approve: bool) -> None:
    """Apply a saved PLAN, or plan, show, ask and apply. Each tenant is changed whole or not at all."""
    if saved is not None and (asked.of_planning or asked.out):
        raise click.UsageError(PLANNING_ONLY)
    if saved is not None and not saved.exists():
        raise _no_plan(saved, root)
    given = read_plan(saved) if saved else None
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
            say("Note: the workspace changed since this plan was made; what is applied is the plan.")
        if guarded:  # while planning, git was asked for more
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


def _show(plan: Plan, asked: Asked, *, saved: bool, asks: bool) -> None:
    """The plan before it is applied: of a saved one, only as much as is asked for.

    With JSON the result is what was done, so that what is to be approved goes to standard error.
    """
    if asked.form == "json":
        if asks:
            say(render(plan_lines(plan, verbose=asked.verbose), colour=coloured(sys.stderr)))
    elif not saved or asked.form != "text" or asked.verbose:
        write_plan(plan, asked.form, verbose=asked.verbose)
    elif not plan.applyable:
        write_result(render(closing_lines(plan), colour=coloured(sys.stdout)))


def _no_plan(saved: Path, root: Path) -> click.ClickException:
    """What to say of a plan file that is not there: perhaps a tenant was meant."""
    try:
        tenants = open_for_command(root).tenants()
    except app.Invalid:  # then the workspace is not what the message is about
        tenants = []
    if any(fnmatchcase(tenant, str(saved)) for tenant in tenants):
        return click.UsageError(f"there is no plan file {saved}, and it is a tenant: did you mean --tenant {saved}?")
    return click.ClickException(f"{saved}: {os.strerror(errno.ENOENT)}")


def _refuse_uncommitted(workspace: app.Workspace, given: Plan | None) -> None:
    """Refuse what nobody looks at and no commit holds, or where git does not say. Raises `ClickException`."""
    checkout = workspace.checkout
    if checkout.problems:
        why = f"git refuses to say what is committed ({checkout.problems[0]})"
    elif given and given.source.dirty:
        why = "the plan was made from uncommitted changes"
    elif given is None and checkout.differences:
        why = f"uncommitted changes: {shortly(checkout.differences)}"
    else:
        return
    raise click.ClickException(f"{why}; nothing was applied. Commit them, or apply all the same with --allow-dirty")


def _approved(plan: Plan) -> bool:
    """Whether somebody said ``yes``, on a terminal or by a pipe. No answer is a no."""
    tenants = counted(_changing(plan), "tenant")
    sys.stderr.write(f"\nApply these changes to {tenants}? Only `yes` is accepted: ")
    sys.stderr.flush()
    answer = sys.stdin.readline() if sys.stdin else ""
    if not answer.endswith("\n"):
        say("")
    if answer.strip() == "yes":
        return True
    unasked = "" if answer else " Nobody answered; --auto-approve applies without asking."
    say(f"Nothing was applied.{unasked}")
    return False


def _changing(plan: Plan) -> int:
    """How many tenants it changes."""
    return sum(each.summary.changes > 0 for each in plan.outlines)


def _applied(access: Access, plan: Plan, application: Application) -> tuple[list[Applied], bool]:
    """Carry the plan out; what was done, and whether it was interrupted, which is said then."""
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
                f"\nInterrupted. Tenants that were applied: {named}. "
                "Each is changed whole or not at all. The same command again finishes it; "
                "`reconcile plan` shows what is left."
            )
            return done, True
    return done, False


def _under_way(access: Access, done: Iterable[Applied]) -> list[Applied]:
    """What was begun elsewhere when this was interrupted, once it ended; nothing else is begun."""
    known = {each.tenant for each in done}
    found = [each for placed, results in access.executors.under_way() for each in told(placed, results)]
    return [each for each in found if each.tenant not in known]


def _tell(plan: Plan, done: Iterable[Applied], *, form: str, saved: bool) -> None:
    """What was refused or failed, and the counts of what was done: a result, where people read the plan."""
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
        rest = f"; not applied: {', '.join(each.tenant for each in refused)}. Plan again to see what is left"
        had = sum(each.result is Result.ALREADY_APPLIED for each in done)
        already = f" ({counted(had, 'tenant')} had this plan already)" if had else ""
        text = f"Apply incomplete: {counts}{already}{rest}.\n" if refused else f"Apply complete: {counts}{already}.\n"
        if form != "text":
            say(text)
        else:
            write_result(text if saved else f"\n{text}")
