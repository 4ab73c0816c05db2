"""The read-only commands `explain`, `status`, `history` and `plans`."""

from datetime import UTC, datetime
from pathlib import Path

import click
from click.exceptions import Exit

from reconciler import app
from reconciler.cli.addresses import parse_address
from reconciler.cli.common import FAILED, argument, command, option
from reconciler.cli.options import Ago, Since, access_to, format_option, open_for_command, with_workspace
from reconciler.cli.output import say, write_data, write_data_in_pieces, write_result
from reconciler.core.inspect import ListedPlan, matching, ordered
from reconciler.model.documents.source import Catalog
from reconciler.model.plans.origins import RECLAIMED, RELEASED
from reconciler.model.plans.plan import Declared, Plan
from reconciler.report.envelope import enveloped
from reconciler.report.explanation import (
    explanation_to_data,
    render_explanation,
    render_supposition,
    supposition_to_data,
)
from reconciler.report.history import history_to_data, render_history
from reconciler.report.status import StatusRow, render_status, status_csv, status_to_data
from reconciler.report.tables import csv_lines, render_table
from reconciler.shell.days import moments_of
from reconciler.stores.base import Record


@command("explain")
@argument("tenant", metavar="TENANT")
@argument("address", metavar="[ADDRESS[#PATH]]", required=False)
@option("--enable", multiple=True, metavar="OPTION", help="Assume this option or group is on; repeatable.")
@option("--disable", multiple=True, metavar="OPTION", help="Assume this option or group is off; repeatable.")
@format_option()
@with_workspace
def explain_command(
    root: Path,
    now: datetime,
    tenant: str,
    address: str | None,
    enable: tuple[str, ...],
    disable: tuple[str, ...],
    form: str,
) -> None:
    """Explain one entity of a tenant, such as plan/KEY, or one field of it, plan/KEY#PATH.

    Shows both values, where they are declared, the verdict, the rule, option and policy line that decide it, and what
    the option would release. With --enable or --disable and no address: what that would release and withhold.
    """
    if (address is None) == (not (enable or disable)):
        raise click.UsageError("give an address, or --enable and --disable")
    workspace = open_for_command(root)
    workspace.known(tenant)
    if address is None:
        _suppose(workspace, tenant, (enable, disable), form=form, now=now)
        return
    entity, path = parse_address(tenant, address)
    with access_to(root) as access:
        explanation = app.explain(workspace, access, app.Subject(tenant, entity, path), now=now)

    def blame(declared: Declared) -> dict[str, str] | None:
        blamed = app.who_set(workspace, declared.file, declared.line)
        if blamed is None:
            return None
        day = datetime.fromtimestamp(blamed.at, UTC).date().isoformat()
        return {"commit": blamed.commit, "author": blamed.author, "date": day}

    def who(declared: Declared) -> str:
        found = blame(declared)
        return f"commit {found['commit'][:10]}, {found['author']}, {found['date']}" if found else ""

    if form == "json":
        write_data(enveloped(entity=explanation_to_data(explanation, blame)))
    else:
        write_result(render_explanation(explanation, who))


def _suppose(
    workspace: app.Workspace, tenant: str, options: tuple[tuple[str, ...], tuple[str, ...]], *, form: str, now: datetime
) -> None:
    """Print what would change if the first options were on and the second ones off."""
    if tenant in workspace.catalog.providers:
        raise click.ClickException(f"{tenant} is a provider, and options are set for resellers only")
    with access_to(workspace.root) as access:
        supposed = app.suppose(workspace, access, tenant, options, now=now)
    if form == "json":
        write_data(enveloped(supposition=supposition_to_data(supposed)))
    else:
        write_result(render_supposition(supposed))


@command("status")
@argument("named", metavar="[TENANT]...", nargs=-1)
@option("--tenant", "tenants", multiple=True, metavar="T", help="Only this tenant; repeatable, globs.")
@format_option("csv")
@with_workspace
def status_command(root: Path, now: datetime, named: tuple[str, ...], tenants: tuple[str, ...], form: str) -> None:
    """Show one line per TENANT (globs; default: all): in sync, changes, withheld, blocked or unreachable, and the
    commit and time of the last apply.

    Counts are of entities. The exit status is 0 whatever the status of the tenants; use `plan` to fail on changes.
    """
    workspace = open_for_command(root)
    with access_to(root) as access:
        plan = app.make_plan(workspace, access, now=now, selected=workspace.chosen((*tenants, *named)))
        records = app.history(workspace, access, unreadable=lambda _: None)  # the plan reports these tenants already
    applied = {record.tenant: record for record in records if not record.notes.keys() & {RELEASED, RECLAIMED}}
    rows = _status_rows(plan, applied)
    if form == "json":
        write_data(enveloped(tenants=status_to_data(rows)))
    elif form == "csv":
        write_data_in_pieces(status_csv(rows))
    else:
        write_result(render_status(rows))


def _status_rows(plan: Plan, last: dict[str, Record]) -> list[StatusRow]:
    rows = []
    for outline in plan.outlines:
        tenant = outline.bare
        record = last.get(tenant.tenant)
        rows.append(
            StatusRow(
                tenant=tenant.tenant,
                status=outline.status,
                summary=outline.summary,
                commit=record.commit if record else None,
                at=record.at if record else None,
                problem=tenant.problem,
                upstream=tenant.upstream,
                by=record.by if record else None,
            )
        )
    return rows


@command("history")
@argument("tenant", required=False)
@option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the last N entries.")
@option("--since", type=Since(), metavar="ISO-8601", help="Only entries from a date or time on, or of a period: P7D.")
@format_option()
@with_workspace
def history_command(
    root: Path, now: datetime, tenant: str | None, limit: int | None, since: datetime | Ago | None, form: str
) -> None:
    """Show what was applied, when, from which commit and by whom, in one TENANT or in all, oldest first.

    --limit and --since leave out older entries, and their number is shown.
    """
    workspace = open_for_command(root)
    first = since.before(now) if isinstance(since, Ago) else since
    if first and _is_later(workspace.catalog, first, now):
        raise click.UsageError("--since is in the future: nothing was applied then")
    with access_to(root) as access:
        problems: list[str] = []
        part = app.HistoryPart(first, limit)
        records, left_out = app.recent_history(workspace, access, tenant, part=part, unreadable=problems.append)
    if form == "json":
        write_data(enveloped(entries=history_to_data(records), left_out=left_out, problems=problems))
    else:
        write_result(render_history(records, left_out))
    for problem in problems:
        say(f"Error: {problem}")
    if problems:
        raise Exit(FAILED)


def _is_later(catalog: Catalog, first: datetime, now: datetime) -> bool:
    """Whether a moment is later than another at every provider."""
    then, today = moments_of(catalog, first), moments_of(catalog, now)
    return all(then[each] > today[each] for each in then)


@command("plans")
@option("--search", metavar="S", help="Only plans whose key or name contains S.")
@option("--filter", "filters", multiple=True, metavar="FIELD=VALUE", help="Only plans with this value; repeatable.")
@option("--sort", default="key", metavar="F", show_default=True, help="The field to sort by.")
@format_option("csv")
@with_workspace
def plans_command(
    root: Path, now: datetime, search: str | None, filters: tuple[str, ...], sort: str, form: str
) -> None:
    """List the plans that can be delegated, and the resellers each one is delegated to."""
    wanted = [_filter(text) for text in filters]
    workspace = open_for_command(root)
    with access_to(root) as access:
        found = app.plans(workspace, access, now=now)
    try:
        listed = ordered(matching(found, search, wanted), sort)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if form == "json":
        write_data(enveloped(plans=[_plan_data(each) for each in listed]))
        return
    header = ("UPSTREAM", "KEY", "NAME", "STATUS", "PRODUCT", "DELEGATED TO")
    if form == "csv":
        names = [each.lower().replace(" ", "_") for each in header]
        write_data_in_pieces(csv_lines(names, map(_plan_row, listed)))
    else:
        write_result(render_table(header, [_plan_row(each) for each in listed]))


def _filter(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise click.UsageError(f"--filter takes FIELD=VALUE, not {text!r}; for example status=active")
    return field, value


def _plan_row(listed: ListedPlan) -> tuple[str, ...]:
    body = listed.plan.body
    return (
        listed.upstream,
        listed.plan.id.key,
        body.get("name", ""),
        body.get("status", "active") if listed.delegable else f"{body.get('status')} (cannot be delegated)",
        body.get("product", ""),
        ", ".join(listed.delegated_to),
    )


def _plan_data(listed: ListedPlan) -> dict[str, object]:
    return {
        "upstream": listed.upstream,
        "delegable": listed.delegable,
        "delegated_to": list(listed.delegated_to),
        **listed.plan.document(),
    }
