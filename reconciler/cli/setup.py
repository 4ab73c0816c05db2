"""`init`, `explain-kind`, `schema` and `completion`: what a workspace is made of, and the script that a shell reads."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from textwrap import indent

import click

from reconciler.cli.common import argument, command, option
from reconciler.cli.options import format_option, with_folder
from reconciler.cli.output import say, write_data
from reconciler.cli.usage.completion import SHELLS, script
from reconciler.core.schemadocs import KEY_STEP, KINDS, FieldEntry, KindEntry, reference, schema_text, schemas
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.quotes import LONGEST
from reconciler.report.envelope import enveloped
from reconciler.report.manual.reference import kind_data, kind_text, kinds_text
from reconciler.shell.repository.files import write_file
from reconciler.shell.scaffold import CI, Starter, repository_root, starter


@command("init")
@argument("directory", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), required=False)
@option("--ci", type=click.Choice(sorted(CI)), help="Also write CODEOWNERS and a pipeline for this code host.")
@format_option()
@with_folder
def init_command(
    chosen: Path | None,
    now: datetime | None,  # noqa: ARG001
    directory: Path | None,
    ci: str | None,
    form: str,
) -> None:
    """Write a small example workspace with two resellers into DIR (default: the current directory), with its JSON
    Schema for editors.

    Overwrites nothing: if one of its files exists, nothing is written at all. A .gitignore, CODEOWNERS or
    .gitlab-ci.yml that exists stays as it is, and the lines to add are shown. YAML files that are there already are
    listed under `ignore:`. --ci writes to the root of the git repository around DIR.
    """
    folder = directory or chosen or Path()
    made = starter(folder, ci)
    if made.taken:
        exist = "already exist" if len(made.taken) > 1 else "already exists"
        raise click.ClickException(f"nothing was written: {', '.join(map(str, made.taken))} {exist}")
    _tell(made.write(), form)
    for path, lines in made.kept.items():
        say(f"\n{path} stays as it is; add to it:\n{indent(lines, '  ')}")
    if made.above:
        say(f"\nNote: {folder} is inside the workspace {made.above}, which reads its documents too: move one of them.")
    say("\nNext:\n" + indent("\n".join(_next_commands(folder, made)), "  "))
    if ci:
        say(f"\n{_CI_STEPS[ci]}")


def _next_commands(folder: Path, made: Starter) -> Iterator[str]:
    """What to type after `init`, from the folder where it was typed."""
    top = repository_root(folder)
    if folder != Path():
        yield f"cd {quote(str(folder))}"
    if top is None:
        yield "git init"
        yield "git add ."
    else:
        changed = sorted({*made.files, *made.kept})
        yield f"git add {' '.join(sorted({quote(_first_part(each, folder)) for each in changed}))}"
    yield 'git commit -m "Start the catalog"'
    yield "reconcile validate"
    yield "reconcile plan"
    yield "reconcile apply"


def _first_part(path: Path, folder: Path) -> str:
    """A path from a folder, or the top one of its own folders that is in it."""
    inside = Path(os.path.relpath(path, folder))
    return str(inside) if inside.parts[0] == ".." else inside.parts[0]


_CI_STEPS = {
    "github": """\
On GitHub, before the first pull request:
  1. reconcile.yaml: a store that outlives a runner, such as postgresql://reconcile@db.example/tenants
  2. .github/CODEOWNERS: your teams
  3. Settings, Secrets and variables, Actions: the variable RECONCILER, which is what pip installs
     (a wheel's address, or git+https://HOST/PROJECT.git@TAG)
  4. Settings, Environments: `production`, with required reviewers and your default branch;
     secrets of this environment reach apply only""",
    "gitlab": """\
On GitLab, before the first merge request:
  1. reconcile.yaml: a store that outlives a runner, such as postgresql://reconcile@db.example/tenants
  2. .gitlab/CODEOWNERS: your teams
  3. Settings, CI/CD, Variables: RECONCILER, which is what pip installs (a wheel's address, or
     git+https://HOST/PROJECT.git@TAG); .gitlab/reconcile.yml lists the others
  4. protect the default branch, and the environment `production`""",
}


@command("explain-kind")
@argument("kind", metavar="[KIND]", required=False)
@argument("path", metavar="[FIELD]", required=False)
@format_option()
@with_folder
def explain_kind_command(
    chosen: Path | None,  # noqa: ARG001
    now: datetime | None,  # noqa: ARG001
    kind: str | None,
    path: str | None,
    form: str,
) -> None:
    """Explain a KIND of document: each field with its type, default, example, owner and options; without KIND, list all
    kinds.

    FIELD is a path such as periods.fees: only that field and those inside it. Plan.periods.fees is the same as Plan
    periods.fees.
    """
    if kind and path is None:
        kind, _, inside = kind.partition(".")
        path = inside or None
    entries = [_kind(kind)] if kind else [reference(each) for each in KINDS]
    fields = _fields(entries[0], path) if path else entries[0].fields if kind else ()
    if form == "json":
        write_data(enveloped(kinds=[kind_data(each, fields) for each in entries]))
    else:
        write_data(kind_text(entries[0], fields) if kind else kinds_text())


def _kind(name: str) -> KindEntry:
    """The reference of a kind, however it is capitalised: ``PriceList``, ``pricelist``, ``price_list``."""
    plain = {each.lower(): each for each in KINDS}
    typed = name.replace("_", "").replace("-", "").lower()
    if typed not in plain:
        near = get_close_matches(typed[:LONGEST], plain, n=1)
        raise click.ClickException(f"no kind {name}; {did_you_mean(plain[near[0]] if near else name, KINDS)}")
    return reference(plain[typed])


def _fields(entry: KindEntry, path: str) -> tuple[FieldEntry, ...]:
    found = entry.below(path)
    if not found:
        known = {each.path.replace(f"{KEY_STEP}.", "") for each in entry.fields}
        raise click.ClickException(f"no field {path} in {entry.kind}; {did_you_mean(path, known)}")
    return found


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
