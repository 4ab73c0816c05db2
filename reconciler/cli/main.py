"""The entry point: the command group, which imports each command on use, and the exit status of errors."""

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import TracebackType
from typing import NoReturn

import click

from reconciler.cli.common import COMPLETE, FAILED, INTERRUPTED, WORKSPACE_HELP, Command, Group, option
from reconciler.cli.output import ready_streams, say
from reconciler.version import __version__

COMMANDS = {
    "init": ("reconciler.cli.setup", "Write a small example workspace with two resellers."),
    "validate": ("reconciler.cli.planning", "Check every document and list all problems."),
    "plan": ("reconciler.cli.planning", "Show what apply would do, and what is withheld or blocked and why."),
    "apply": ("reconciler.cli.applying", "Apply a saved plan, or make one, ask for approval and apply it."),
    "show": ("reconciler.cli.planning", "Show a saved plan in any format."),
    "explain": ("reconciler.cli.inspecting", "Explain one entity or field of a tenant: values, sources and verdict."),
    "status": ("reconciler.cli.inspecting", "One line per tenant: in sync, changes, withheld, blocked or unreachable."),
    "history": ("reconciler.cli.inspecting", "Show what was applied, when, from which commit and by whom."),
    "plans": ("reconciler.cli.inspecting", "List the plans that can be delegated, and to whom each one is."),
    "tenant": ("reconciler.cli.tenants", "List, show, export and import the actual state of tenants."),
    "subscription": ("reconciler.cli.subscriptions", "List, show and change the subscriptions of a tenant."),
    "store": ("reconciler.cli.stores", "Check and migrate the tables of the tenant stores."),
    "watch": ("reconciler.cli.watching", "Mirror subscriptions continuously and show what is pending."),
    "explain-kind": ("reconciler.cli.setup", "Explain a kind of document: its fields, owners and options."),
    "schema": ("reconciler.cli.setup", "Write the JSON Schemas of all documents."),
    "completion": ("reconciler.cli.setup", "Print the script that completes commands in bash, zsh or fish."),
}
"""Every command: its module and the line that `--help` shows."""
VERSION = f"reconcile, version {__version__}"


class LazyCommands(Group):
    """A group that imports a command's module only when the command is used, which keeps `--help` fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """A stub with the name and help line, for the listing in `--help`."""
        return Command(cmd_name, short_help=COMMANDS[cmd_name][1]) if cmd_name in COMMANDS else None

    def whole(self, name: str) -> click.Command | None:
        return command(name) if name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As `Group.resolve_command`. ``version`` is ``--version``."""
        if args[0] == "version" and not ctx.resilient_parsing:
            click.echo(VERSION)
            ctx.exit()
        return super().resolve_command(ctx, args)


def command(name: str) -> click.Command:
    """Import a command of `COMMANDS`."""
    found: click.Command = getattr(import_module(COMMANDS[name][0]), f"{name.replace('-', '_')}_command")
    return found


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@option("-C", "--workspace", type=click.Path(), metavar="DIR", help=WORKSPACE_HELP)
@click.version_option(__version__, message=VERSION)
@click.pass_context
def reconcile(ctx: click.Context, workspace: str | None) -> None:
    """Keep resellers' tenants in sync with their provider's catalog: plan, apply, explain."""
    from pathlib import Path

    ctx.obj = Path(workspace) if workspace is not None else None


def _show_bug(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Print a traceback with any credentials in its messages redacted."""
    import traceback

    from reconciler.model.values.urls import redacted, without_values

    lines = "".join(traceback.format_exception(kind, error, at)).splitlines()
    for line in lines:
        say(redacted(without_values(line, os.environ)))


def _complete(instruction: str) -> NoReturn:
    """Answer a shell that completes a command line. What goes wrong is no completion: a prompt shows no errors."""
    from contextlib import redirect_stderr, suppress
    from io import StringIO

    with redirect_stderr(StringIO()), suppress(Exception):
        from reconciler.cli.usage.completion import complete

        complete(instruction)
    sys.exit(0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command. Exit status: 0 done, 1 error, 3 denied or blocked, 130 interrupted."""
    ready_streams()
    if instruction := os.environ.get(COMPLETE):
        _complete(instruction)
    sys.excepthook = _show_bug
    gc.set_threshold(50_000, 50, 100)  # many small values without cycles: the default costs a third
    try:
        status = reconcile.main(arguments, prog_name="reconcile", standalone_mode=False)
    except click.ClickException as error:
        status = _failed(error)
        _offer_help(sys.argv[1:] if arguments is None else arguments)
    except (click.Abort, KeyboardInterrupt):
        say("Interrupted. Unfinished changes were not written.")
        status = INTERRUPTED
    except OSError as error:
        where = f"{os.fspath(error.filename)}: " if isinstance(error.filename, str | os.PathLike) else ""
        status = _failed(click.ClickException(f"{where}{error.strerror or error}"))
    sys.exit(status if isinstance(status, int) else 0)


def _offer_help(arguments: Sequence[str]) -> None:
    """After an error of ``plan help``, where `help` is the name of a tenant or file: how to ask for help."""
    name, *rest = arguments or [""]
    if name in COMMANDS and rest == ["help"]:
        say(f"For help: reconcile help {name}")


def _failed(error: click.ClickException) -> int:
    """Print the error, and for a usage error the usage. Returns exit status 1, also for usage errors."""
    from reconciler.model.values.quotes import readable
    from reconciler.model.values.urls import redacted, without_values
    from reconciler.report.values import clean

    for number, line in enumerate(error.format_message().splitlines() or [""]):
        line = readable(redacted(without_values(line, os.environ)))
        say(clean(line if number else f"Error: {line}"))
    context = getattr(error, "ctx", None)
    if context is not None:
        say(f"Usage: {' '.join([context.command_path, *context.command.collect_usage_pieces(context)])}")
        say(f"Try '{context.command_path} --help'.")
    return FAILED
