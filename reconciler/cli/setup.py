"""`init` and `schema`: files for a workspace."""

from datetime import datetime
from pathlib import Path

import rich_click as click

from reconciler.cli.options import Moment
from reconciler.cli.output import say
from reconciler.core.schemas import rendered, schemas
from reconciler.shell.scaffold import scaffold


@click.command("init")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--now", type=Moment(), help="The clock; nothing here depends on it.")
def init_command(directory: Path, now: datetime | None) -> None:  # noqa: ARG001 - every command takes --now
    """Write a small working workspace with two resellers into DIRECTORY (default: here)."""
    taken, written = scaffold(directory)
    if taken:
        raise click.ClickException(f"nothing was written: {', '.join(map(str, taken))} exists already")
    for path in written:
        say(f"  + {path}")
    say(f"\nNext: reconcile -C {directory} plan")


@click.command("schema")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default="schemas")
@click.option("--now", type=Moment(), help="The clock; nothing here depends on it.")
def schema_command(directory: Path, now: datetime | None) -> None:  # noqa: ARG001
    """Write the JSON Schemas of all documents, and of a plan, into DIRECTORY (default: schemas)."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in sorted(schemas().items()):
        path = directory / name
        path.write_bytes(rendered(schema).encode())
        say(f"  + {path}")
