"""The entry point: the command group, whose commands are imported when they are used, and the exit status of errors."""

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import rich_click as click

from reconciler import __version__

COMMANDS = {
    "init": ("reconciler.cli.setup", "Write a small working workspace with two resellers."),
    "validate": ("reconciler.cli.planning", "Check every document, and say everything that is wrong at once."),
    "plan": ("reconciler.cli.planning", "Show what apply would do, and what is held back and why."),
    "apply": ("reconciler.cli.planning", "Apply a saved plan, or plan, show, ask and apply."),
    "show": ("reconciler.cli.planning", "Show a saved plan in any format."),
    "explain": ("reconciler.cli.inspecting", "Explain one entity or field of a tenant: what, whence, and why."),
    "status": ("reconciler.cli.inspecting", "One line a tenant: in sync, changes, withheld, blocked, unreachable."),
    "history": ("reconciler.cli.inspecting", "What was applied, when, from which commit, by whom."),
    "plans": ("reconciler.cli.inspecting", "The plans that can be delegated, and to whom each is."),
    "tenant": ("reconciler.cli.tenants", "A tenant's actual state as YAML documents, out and in."),
    "schema": ("reconciler.cli.setup", "Write the JSON Schemas of all documents."),
}
"""Every command: the module that has it, and the line that `--help` shows."""

INTERRUPTED = 130


class Commands(click.RichGroup):
    """A group that imports a command's module only when the command is used, so that `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """For the listing in `--help`: the name and its line."""
        return click.Command(cmd_name, short_help=COMMANDS[cmd_name][1]) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """For use: the command itself."""
        name = args[0]
        if name in COMMANDS:
            command: click.Command = getattr(import_module(COMMANDS[name][0]), f"{name}_command")
            return name, command, args[1:]
        close = get_close_matches(name, COMMANDS, n=1)
        return ctx.fail(f'There is no command "{name}".' + (f' Did you mean "{close[0]}"?' if close else ""))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "--workspace",
    type=click.Path(path_type=Path),
    help="The workspace's folder. Default: RECONCILE_WORKSPACE, else the nearest reconcile.yaml upwards.",
)
@click.version_option(__version__, prog_name="reconcile")
@click.pass_context
def reconcile(ctx: click.Context, workspace: Path | None) -> None:
    """Keep resellers' tenants true to their provider's catalog: plan, apply, explain."""
    ctx.obj = workspace


def main() -> None:
    """Run a command. Exit status: 0 done, 1 any error, 3 denied or blocked; 130 interrupted."""
    try:
        status = reconcile.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = 1
    except (click.Abort, KeyboardInterrupt):
        print("\nInterrupted. Whatever was not finished was not written.", file=sys.stderr)
        status = INTERRUPTED
    except BrokenPipeError:
        status = 0
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away; do not fail at exit
    sys.exit(status if isinstance(status, int) else 0)
