"""Exit statuses, groups and parameter classes, shared by the entry point and the commands. Imports nothing heavy."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reconciler.cli.output import say

FAILED = 1
CHANGES = 2
DENIED = 3
INTERRUPTED = 130

WORKSPACE_HELP = "The workspace directory. Default: RECONCILE_WORKSPACE, or the nearest parent with reconcile.yaml."

C = TypeVar("C", bound=Callable[..., Any])

EMPTY = "the value is empty. Is a variable unset? Omit it to use the default."


def _refuse_empty(parameter: click.Parameter, ctx: click.Context, value: Any) -> None:
    """Reject an empty value: ``--ref ""`` must not silently plan the working tree."""
    if "" in (value if isinstance(value, tuple | list) else (value,)):
        raise click.BadParameter(EMPTY, ctx, parameter)


class CommandOption(click.Option):
    """An option that rejects an empty value."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        _refuse_empty(self, ctx, value)
        return super().type_cast_value(ctx, value)


class Argument(click.Argument):
    """An argument that rejects an empty value."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        _refuse_empty(self, ctx, value)
        return super().type_cast_value(ctx, value)


def option(*declared: str, **attributes: Any) -> Callable[[C], C]:
    """`click.option`, with the class `CommandOption`. Every option is declared with it; a test checks each one."""
    return click.option(*declared, cls=CommandOption, **attributes)


def argument(*declared: str, **attributes: Any) -> Callable[[C], C]:
    """`click.argument` with the class `Argument`. Every argument is declared with it; a test checks each one."""
    return click.argument(*declared, cls=Argument, **attributes)


class Group(click.Group):
    """A group of commands. Without a command it shows the help and fails as a usage error."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            say(ctx.get_help())
            ctx.exit(FAILED)
        return super().parse_args(ctx, args)
