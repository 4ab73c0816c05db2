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
from reconciler.cli.options import access_to, counted, opened, who, with_workspace
from reconciler.cli.output import coloured, progress, say, write_result
from reconciler.cli.planning import (
    Asked,
    in_planning,
    planned,
    planning_options,
    read_plan,
    save,
    say_uncommitted_in,
    status_of,
    write_plan,
)
from reconciler.model.plan import Plan, total
from reconciler.report.lines import render
from reconciler.report.text import closing_lines
from reconciler.report.values import tenants_text
from reconciler.shell.access import Access
from reconciler.shell.carriers import told
from reconciler.shell.checkout import shortly
from reconciler.shell.execute import Applied, Result

NOT_DONE = (Result.REFUSED, Result.FAILED)


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
    workspace = opened(root) if given else in_planning(root, asked.ref)
    if given:
        say_uncommitted_in(given)
    guarded = auto_approve and not asked.allow_dirty
    if guarded:
        _refuse_uncommitted(workspace, given)
    with access_to(root, verify=asked.verify, choice=asked.choice) as access:
        plan = given or planned(workspace, access, now, asked)
        if given is None or asked.form != "text" or asked.verbose:
            write_plan(plan, asked.form, verbose=asked.verbose)
        elif not plan.applyable:
            write_result(render(closing_lines(plan), colour=coloured(sys.stdout)))
        save(plan, asked.out, root)
        if given and plan.source.digest != workspace.catalog.digest:
            say("Note: the workspace changed since this plan was made; what is applied is the plan.")
        if guarded:  # while planning, git was asked for more
            _refuse_uncommitted(workspace, given)
        if given is None and plan.applyable and not auto_approve and not _approved(plan):
            raise Exit(FAILED)
        done = _applied(workspace, access, plan, now)
    _tell(plan, done, form=asked.form, saved=given is not None)
    failed = any(each.result in NOT_DONE for each in done)
    raise Exit(FAILED if failed else status_of(plan, asked))


def _no_plan(saved: Path, root: Path) -> click.ClickException:
    """What to say of a plan file that is not there: perhaps a tenant was meant."""
    try:
        tenants = opened(root).tenants()
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


def _applied(workspace: app.Workspace, access: Access, plan: Plan, now: datetime) -> list[Applied]:
    """Carry the plan out. Interrupted, say how far it came."""
    done: list[Applied] = []
    with progress(_changing(plan), "Applying") as step:
        try:
            for each in app.apply_plan(workspace, access, plan, now=now, by=who()):
                done.append(each)
                step(each.tenant)
        except KeyboardInterrupt as interrupt:
            done += _under_way(access, done)
            named = ", ".join(each.tenant for each in done if each.result is Result.APPLIED) or "none"
            say(
                f"\nInterrupted. Tenants that were applied: {named}. "
                "Each is changed whole or not at all; `reconcile plan` shows what is left."
            )
            raise Exit(INTERRUPTED) from interrupt
    return done


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
        text = f"Apply incomplete: {counts}{rest}.\n" if refused else f"Apply complete: {counts}.\n"
        if form != "text":
            say(text)
        else:
            write_result(text if saved else f"\n{text}")
