"""What the entry point and the commands share before anything heavy is imported: exit statuses, groups, parameters."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from reconciler.cli.output import say

FAILED = 1
CHANGES = 2
DENIED = 3
INTERRUPTED = 130

WORKSPACE_HELP = "The workspace's folder. Default: RECONCILE_WORKSPACE, else the nearest reconcile.yaml upwards."

C = TypeVar("C", bound=Callable[..., Any])

EMPTY = "it is empty. Perhaps a variable is not set; to go without it, leave it out."


def _refuse_empty(parameter: click.Parameter, ctx: click.Context, value: Any) -> None:
    """An empty value is never "not given": the plan of ``--ref ""`` would be that of the working tree."""
    if "" in (value if isinstance(value, tuple | list) else (value,)):
        raise click.BadParameter(EMPTY, ctx, parameter)


class CommandOption(click.Option):
    """An option whose value must not be empty."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        _refuse_empty(self, ctx, value)
        return super().type_cast_value(ctx, value)


class Argument(click.Argument):
    """An argument whose value must not be empty."""

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        _refuse_empty(self, ctx, value)
        return super().type_cast_value(ctx, value)


def option(*declared: str, **attributes: Any) -> Callable[[C], C]:
    """`click.option`, of the class `CommandOption`. Every option is declared by this one; a test tries each."""
    return click.option(*declared, cls=CommandOption, **attributes)


def argument(*declared: str, **attributes: Any) -> Callable[[C], C]:
    """`click.argument`, of the class `Argument`, likewise."""
    return click.argument(*declared, cls=Argument, **attributes)


class Group(click.Group):
    """A group of commands. Alone, without a command, it is a usage error that shows the help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            say(ctx.get_help())
            ctx.exit(FAILED)
        return super().parse_args(ctx, args)
