"""`init`, `schema` and `completion`: write files for a workspace, and the script that a shell reads."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from shlex import quote

import click

from reconciler.cli.common import argument, command
from reconciler.cli.options import format_option, with_folder
from reconciler.cli.output import say, write_data
from reconciler.cli.usage.completion import SHELLS, script
from reconciler.core.schemadocs import schema_text, schemas
from reconciler.report.envelope import enveloped
from reconciler.shell.repository.files import write_file
from reconciler.shell.scaffold import scaffold


@command("init")
@argument("directory", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), required=False)
@format_option()
@with_folder
def init_command(chosen: Path | None, now: datetime | None, directory: Path | None, form: str) -> None:  # noqa: ARG001
    """Write a small example workspace with two resellers into DIR (default: the current directory).

    Overwrites nothing: if one of its files exists, nothing is written at all.
    """
    folder = directory or chosen or Path()
    taken, written = scaffold(folder)
    if taken:
        exist = "already exist" if len(taken) > 1 else "already exists"
        raise click.ClickException(f"nothing was written: {', '.join(map(str, taken))} {exist}")
    _tell(written, form)
    say(f"\nNext: reconcile {'' if folder == Path() else f'-C {quote(str(folder))} '}plan")


@command("schema")
@argument("directory", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), required=False)
@format_option()
@with_folder
def schema_command(chosen: Path | None, now: datetime | None, directory: Path | None, form: str) -> None:  # noqa: ARG001
    """Write the JSON Schemas of all documents, of a plan and of every JSON result into DIR (default: schemas)."""
    folder = directory or (chosen or Path()) / "schemas"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in sorted(schemas().items()):
        path = folder / name
        write_file(path, [schema_text(schema).encode()])
        written.append(path)
    _tell(written, form)


@command("completion")
@argument("shell", metavar="bash|zsh|fish", type=click.Choice(SHELLS))
@format_option()
@with_folder
def completion_command(chosen: Path | None, now: datetime | None, shell: str, form: str) -> None:  # noqa: ARG001
    """Print the script that completes commands, options, tenants and addresses in a shell."""
    text = script(shell)
    if form == "json":
        write_data(enveloped(result={"shell": shell, "script": text}))
    else:
        write_data(text)


def _tell(written: Iterable[Path], form: str) -> None:
    """List the files that were written."""
    if form == "json":
        write_data(enveloped(result={"written": [str(path) for path in written]}))
        return
    for path in written:
        say(f"  + {path}")
