"""`tenant`: list, show, export and import the actual state of tenants, and release synced entities."""

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from reconciler import app
from reconciler.cli.addresses import parse_address
from reconciler.cli.common import argument, option
from reconciler.cli.options import (
    access_to,
    format_option,
    open_for_command,
    remark_on,
    who,
    with_workspace,
    workspace_group,
)
from reconciler.cli.output import say, write_data, write_result
from reconciler.core.reading import read_state
from reconciler.model.values.counts import counted
from reconciler.model.values.entity import Entity
from reconciler.report.documents import exported, render_documents
from reconciler.report.envelope import enveloped
from reconciler.report.tables import render_table, render_tenant, stored_tenant_to_data
from reconciler.shell.connections.access import place_of
from reconciler.shell.repository.files import read_bounded, read_stream, write_file
from reconciler.shell.tenants import states as tenancy
from reconciler.shell.tenants.releasing import ReleaseRequest, ReleaseResult

tenant_command = workspace_group("tenant", "List, show, export and import the actual state of tenants.")


@tenant_command.command("list")
@format_option()
@with_workspace
def list_command(root: Path, now: datetime, form: str) -> None:  # noqa: ARG001 - every command takes --now
    """List every tenant with its upstream, its store and its number of entities."""
    workspace = open_for_command(root)
    with access_to(root) as access:
        rows = tenancy.tenant_rows(workspace.catalog, access)
    if form == "json":
        write_data(enveloped(tenants=[_row_data(row) for row in rows]))
        return
    table = [(row.tenant, row.upstream or "-", row.store, row.problem or str(row.entities)) for row in rows]
    write_result(render_table(("TENANT", "UPSTREAM", "STORE", "ENTITIES"), table))


def _row_data(row: tenancy.TenantRow) -> dict[str, object]:
    """A row as data. ``entities`` is null if the store could not be read."""
    problem = row.problem or None
    return {
        **asdict(row),
        "upstream": row.upstream or None,
        "entities": None if problem else row.entities,
        "problem": problem,
    }


@tenant_command.command("show")
@argument("tenant", metavar="TENANT")
@format_option()
@with_workspace
def show_command(root: Path, now: datetime, tenant: str, form: str) -> None:  # noqa: ARG001
    """Show the delegated and own plans of a tenant, and the number of entities of each kind."""
    workspace = open_for_command(root)
    with access_to(root) as access:
        state = tenancy.snapshot(workspace.catalog, access, workspace.known(tenant))
    if form == "json":
        upstream = tenancy.upstream_of(workspace.catalog, tenant) or None
        write_data(enveloped(tenant=stored_tenant_to_data(tenant, upstream, state)))
    else:
        write_result(render_tenant(tenant, state))


@tenant_command.command("export")
@argument("tenant", metavar="TENANT")
@argument("file", metavar="[FILE]", type=click.Path(path_type=Path, dir_okay=False), required=False)
@option("--as-catalog", is_flag=True, help="Export a catalog that matches the tenant, to bring it under management.")
@format_option(help="YAML documents, or one JSON object with all of them; FILE is always YAML.")
@with_workspace
def export_command(
    root: Path,
    now: datetime,  # noqa: ARG001
    tenant: str,
    file: Path | None,
    as_catalog: bool,
    form: str,
) -> None:
    """Print a tenant's state as YAML documents, or write it to FILE. A tenant without state prints nothing."""
    workspace = open_for_command(root)
    with access_to(root) as access:
        if as_catalog:
            adopted = app.adoption_of(workspace, access, tenant)
            entities, notes = adopted.documents, adopted.notes
        else:
            state = tenancy.snapshot(workspace.catalog, access, workspace.known(tenant))
            entities, notes = tuple(state.entities.values()), ()
    _write(entities, file, form)
    for note in notes:
        say(f"Note: {note}.")
    if as_catalog:
        say(
            f"In the policy of {tenant}: service_template: {tenant}, adopt: true, and options (docs/guide/adopting.md)."
        )
    elif file is not None:
        remark_on(file, root)


def _write(entities: tuple[Entity, ...], file: Path | None, form: str) -> None:
    """Write the documents to standard output, or to a file and report it."""
    if file is None or str(file) == "-":
        if form == "json":
            documents = [exported(each) for each in sorted(entities, key=lambda entity: entity.id)]
            write_data(enveloped(documents=documents))
        else:
            write_data(render_documents(entities))
        return
    write_file(file, [render_documents(entities).encode()])
    say(f"Wrote {counted(len(entities), 'document')} to {file}.")
    if form == "json":
        write_data(enveloped(result={"written": [str(file)], "documents": len(entities)}))


@tenant_command.command("import")
@argument("tenant", metavar="TENANT")
@argument("file", metavar="[FILE]", type=click.Path(path_type=Path, dir_okay=False), default="-")
@option("--replace", is_flag=True, help="The documents are the whole state: remove entities they do not name.")
@format_option()
@with_workspace
def import_command(root: Path, now: datetime, tenant: str, file: Path, replace: bool, form: str) -> None:
    """Write documents into a tenant's state as the tenant itself would: maps are merged, null removes.

    Reads FILE or standard input. Policies and guards do not apply.
    """
    workspace = open_for_command(root)
    name = workspace.known(tenant)
    patches, problems = read_state(_read(file), STDIN if str(file) == "-" else str(file))
    if problems:
        raise app.Invalid(problems)
    with access_to(root) as access:
        store = access.writer(place_of(workspace.catalog, name))
        written = tenancy.write_state(store, name, patches, replace=replace, at=app.timestamp(now))
    if form == "json":
        write_data(enveloped(result={"tenant": name, "documents": len(patches), **asdict(written)}))
        return
    count = counted(len(patches), "document")
    say(f"Imported {count} into {name}: {written.added} added, {written.changed} changed, {written.removed} removed.")
    if written.released:
        say(
            f"Released, because they are synced from upstream and these documents give them no origin (ORIGIN-02): "
            f"{', '.join(written.released[:NAMED])}{_more(len(written.released) - NAMED)}. "
            f"`reconcile tenant release {name} ADDRESS --undo` undoes a release."
        )


STDIN = "<stdin>"
"""The name of standard input in messages."""
NAMED = 10
"""Number of released entities to name; the journal lists all."""


def _more(number: int) -> str:
    return f" and {number} more" if number > 0 else ""


@tenant_command.command("release")
@argument("tenant", metavar="TENANT")
@argument("address", metavar="ADDRESS")
@option("--undo", is_flag=True, help="Undo the release: the next apply restores the entity.")
@format_option()
@with_workspace
def release_command(root: Path, now: datetime, tenant: str, address: str, undo: bool, form: str) -> None:
    """Release an entity that is synced from upstream, such as plan/KEY: it becomes the tenant's own.

    No plan changes, blocks or takes it over any more. The journal records who released it and when (ORIGIN-03).
    """
    workspace = open_for_command(root)
    entity, path = parse_address(workspace.known(tenant), address)
    if path is not None:
        raise click.UsageError(f"only a whole entity can be released: {tenant}/{entity}, without #PATH")
    request = ReleaseRequest(tenant, entity, undo, who(), app.timestamp(now))
    with access_to(root) as access:
        done = app.release(workspace, access, request)
    if form == "json":
        write_data(enveloped(result={"tenant": tenant, "address": request.address, "result": done.value}))
    else:
        write_result(f"{request.address}: {_RELEASED[done]}\n")


_RELEASED = {
    ReleaseResult.RELEASED: "released: it is now the tenant's own; --undo undoes this.",
    ReleaseResult.ALREADY: "already released: nothing to do.",
    ReleaseResult.UNDONE: "release undone: the next apply restores it.",
}


def _read(file: Path) -> bytes:
    if str(file) != "-":
        return read_bounded(file, pipes=True)
    if sys.stdin is None:
        return b""
    if sys.stdin.isatty():
        say("Reading documents from standard input until end of file (Ctrl-D).")
    return read_stream(sys.stdin.buffer, STDIN)
