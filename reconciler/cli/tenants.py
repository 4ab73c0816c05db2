"""`tenant`: list, show, export and import tenants' actual state."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import rich_click as click

from reconciler import app
from reconciler.cli.options import access_to, with_workspace
from reconciler.cli.output import say, write_result
from reconciler.core.state import read_state
from reconciler.report.documents import render_documents
from reconciler.report.tables import render_table, render_tenant
from reconciler.shell import tenants as tenancy
from reconciler.shell.access import place_of


@click.group("tenant")
def tenant_command() -> None:
    """A tenant's actual state as YAML documents, out and in."""


@tenant_command.command("list")
@with_workspace
def list_command(root: Path, now: datetime) -> None:  # noqa: ARG001 - every command takes --now
    """Every tenant, its upstream, its store and how much it holds."""
    workspace = app.open_workspace(root)
    with access_to(root) as access:
        rows = tenancy.tenant_rows(workspace.catalog, access)
    table = [(row.tenant, row.upstream or "-", row.store, row.problem or str(row.entities)) for row in rows]
    write_result(render_table(("TENANT", "UPSTREAM", "STORE", "ENTITIES"), table))


@tenant_command.command("show")
@click.argument("tenant")
@with_workspace
def show_command(root: Path, now: datetime, tenant: str) -> None:  # noqa: ARG001
    """What a tenant holds: its delegated plans first, then how much of everything."""
    workspace = app.open_workspace(root)
    with access_to(root) as access:
        state = tenancy.snapshot(workspace.catalog, access, workspace.known(tenant))
    write_result(render_tenant(tenant, state.entities, state.revision))


@tenant_command.command("export")
@click.argument("tenant")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@with_workspace
def export_command(root: Path, now: datetime, tenant: str, file: Path | None) -> None:  # noqa: ARG001
    """Print a tenant's state as documents, or write it to FILE. A tenant without state prints nothing."""
    workspace = app.open_workspace(root)
    with access_to(root) as access:
        state = tenancy.snapshot(workspace.catalog, access, workspace.known(tenant))
    text = render_documents(state.entities.values())
    if file is None or str(file) == "-":
        write_result(text)
    else:
        file.write_text(text, encoding="utf-8")


@tenant_command.command("import")
@click.argument("tenant")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True), default="-")
@click.option("--replace", is_flag=True, help="These documents are the whole state: what they do not name is removed.")
@with_workspace
def import_command(root: Path, now: datetime, tenant: str, file: Path, **options: Any) -> None:
    """Write documents into a tenant's state as the tenant itself would: maps merge, null removes.

    FILE is `-`, standard input, unless it is given.
    """
    workspace = app.open_workspace(root)
    name = workspace.known(tenant)
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    patches, problems = read_state(data, "<stdin>" if str(file) == "-" else str(file))
    if problems:
        raise app.Invalid(problems)
    with access_to(root) as access:
        store = access.writer(place_of(workspace.catalog, name))
        tenancy.write_state(store, name, patches, replace=options["replace"], at=app.timestamp(now))
    say(f"Imported {len(patches)} documents into {name}.")
