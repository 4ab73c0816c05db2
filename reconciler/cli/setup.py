"""`init` and `schema`: files for a workspace."""

from datetime import datetime
from pathlib import Path
from shlex import quote

import rich_click as click

from reconciler.cli.common import argument
from reconciler.cli.options import with_folder
from reconciler.cli.output import say
from reconciler.core.schemas import rendered, schemas
from reconciler.shell.scaffold import scaffold


@click.command("init")
@argument("directory", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), required=False)
@with_folder
def init_command(chosen: Path | None, now: datetime | None, directory: Path | None) -> None:  # noqa: ARG001
    """Write a small working workspace with two resellers into DIR (default: here).

    Nothing is written over: if one of its files is there already, nothing is written at all.
    """
    folder = directory or chosen or Path()
    taken, written = scaffold(folder)
    if taken:
        exist = "exist already" if len(taken) > 1 else "exists already"
        raise click.ClickException(f"nothing was written: {', '.join(map(str, taken))} {exist}")
    for path in written:
        say(f"  + {path}")
    say(f"\nNext: reconcile {'' if folder == Path() else f'-C {quote(str(folder))} '}plan")


@click.command("schema")
@argument("directory", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), required=False)
@with_folder
def schema_command(chosen: Path | None, now: datetime | None, directory: Path | None) -> None:  # noqa: ARG001
    """Write the JSON Schemas of all documents, and of a plan, into DIR (default: schemas)."""
    folder = directory or (chosen or Path()) / "schemas"
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in sorted(schemas().items()):
        path = folder / name
        path.write_bytes(rendered(schema).encode())
        say(f"  + {path}")
