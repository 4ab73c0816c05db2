"""`store`: check and migrate the tables of the tenant stores."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from click.exceptions import Exit

from reconciler.cli.common import FAILED
from reconciler.cli.options import access_to, format_option, open_for_command, with_workspace, workspace_group
from reconciler.cli.output import say, write_data, write_result
from reconciler.report.envelope import enveloped
from reconciler.report.tables import render_table
from reconciler.shell.connections import store_versions
from reconciler.shell.connections.store_versions import StoreVersion

store_command = workspace_group("store", "Check and migrate the tables of the tenant stores.")


@store_command.command("check")
@format_option()
@with_workspace
def check_command(root: Path, now: datetime, form: str) -> None:  # noqa: ARG001 - every command takes --now
    """Compare the schema version of each store's tables with this reconciler's. Writes nothing.

    `plan` reads an older store and `apply` migrates it. Exit status 1 if a store cannot be used.
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
    """Migrate the tables of every store to the current version, or create them.

    Each store is migrated completely or not at all. Needs the right to change tables, which `apply` may lack.
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
    """Report each store that cannot be used, and exit with status 1 if there is one."""
    failed = [each for each in found if each.status in store_versions.FAILED]
    for each in failed:
        say(f"Error: {each.problem}")
    if failed:
        raise Exit(FAILED)
