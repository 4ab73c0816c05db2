"""`store`: the versions of the stores' tables, and bringing them up to date."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import rich_click as click
from click.exceptions import Exit

from reconciler.cli.common import FAILED, WORKSPACE_HELP, Group, option
from reconciler.cli.options import access_to, format_option, open_for_command, with_workspace
from reconciler.cli.output import say, write_data, write_result
from reconciler.report.envelope import enveloped
from reconciler.report.tables import render_table
from reconciler.shell.connections import store_versions
from reconciler.shell.connections.store_versions import StoreVersion


@click.group("store", cls=Group)
@option("-C", "--workspace", "chosen", type=click.Path(path_type=Path), metavar="DIR", help=WORKSPACE_HELP)
@click.pass_context
def store_command(ctx: click.Context, chosen: Path | None) -> None:
    """The stores that tenants are in: the versions of their tables."""
    ctx.obj = chosen or ctx.obj


@store_command.command("check")
@format_option()
@with_workspace
def check_command(root: Path, now: datetime, form: str) -> None:  # noqa: ARG001 - every command takes --now
    """The version of each store's tables beside this reconciler's. Nothing is written.

    An older store can be planned against, and `apply` brings it up to date; exit status 1 if one cannot be used.
    """
    workspace = open_for_command(root)
    with access_to(root) as access:
        found = list(store_versions.check(workspace.catalog, access))
    if form == "json":
        write_data(enveloped(stores=[_data(each) for each in found]))
    else:
        rows = [(each.store, each.version or "-", each.ours or "-", each.status) for each in found]
        write_result(render_table(("STORE", "VERSION", "OURS", "STATUS"), rows))
    _fail_for(found)


@store_command.command("migrate")
@format_option()
@with_workspace
def migrate_command(root: Path, now: datetime, form: str) -> None:  # noqa: ARG001
    """Bring the tables of every store up to date, or make them where there are none.

    Each store is migrated whole or not at all. It takes the rights to change tables, which `apply` may lack.
    """
    workspace = open_for_command(root)
    with access_to(root) as access:
        found = list(store_versions.migrate(workspace.catalog, access))
    if form == "json":
        stores = [{**_data(each), "before": each.before} for each in found]
        write_data(enveloped(result={"stores": stores}))
    else:
        rows = [(each.store, each.before or "-", each.version or "-", each.status) for each in found]
        write_result(render_table(("STORE", "BEFORE", "NOW", "STATUS"), rows))
    _fail_for(found)


def _data(found: StoreVersion) -> dict[str, object]:
    return {name: value for name, value in asdict(found).items() if name != "before"}


def _fail_for(found: Iterable[StoreVersion]) -> None:
    """Exit status 1 where a store cannot be used, and why."""
    failed = [each for each in found if each.status in store_versions.FAILED]
    for each in failed:
        say(f"Error: {each.problem}")
    if failed:
        raise Exit(FAILED)
