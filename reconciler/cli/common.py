"""Exit statuses, and the classes of commands, groups and parameters. Imports nothing heavy."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from shutil import get_terminal_size
from typing import Any, TypeVar

import click

from reconciler.cli.output import say

FAILED = 1
CHANGES = 2
DENIED = 3
INTERRUPTED = 130

COMPLETE = "_RECONCILE_COMPLETE"
"""Environment variable, which a shell's script sets: what to complete, for which shell (`cli.usage.completion`)."""
WORKSPACE_HELP = "The workspace directory. Default: RECONCILE_WORKSPACE, or the nearest parent with reconcile.yaml."

NARROW = 60
"""A terminal with fewer columns is narrow."""

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


class Formatter(click.HelpFormatter):
    """Puts names and their texts below each other where a terminal is narrow."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl(rows, col_max if self.width >= NARROW else self.width // 4, col_spacing)


class Context(click.Context):
    """A context whose help is as wide as the terminal, 80 columns at most; click's is never below 50."""

    formatter_class = Formatter

    def make_formatter(self) -> click.HelpFormatter:
        columns = get_terminal_size().columns
        if columns < NARROW:
            return Formatter(width=max(columns - 2, 20))
        return super().make_formatter()


class Command(click.Command):
    """A command of ours: its long options may be written with one dash, and an unknown option says what to type."""

    context_class = Context

    def make_parser(self, ctx: click.Context) -> Any:
        return with_one_dash(self, super().make_parser(ctx), ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with option_errors_explained(ctx, args):
            return super().parse_args(ctx, args)

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002 - click's signature
        """The first sentence, whole: click cuts it to the width of the terminal."""
        return self.short_help or first_sentence(self.help or "")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(ctx, formatter)


class Group(click.Group):
    """A group of commands. Without a command it shows the help and fails as a usage error.

    `help`, with or without the name of a command, shows the help. Commands are listed in the order of their definition.
    """

    command_class = Command
    context_class = Context

    def make_parser(self, ctx: click.Context) -> Any:
        return with_one_dash(self, super().make_parser(ctx), ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            say(ctx.get_help())
            ctx.exit(FAILED)
        with option_errors_explained(ctx, args):
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)

    def get_short_help_str(self, limit: int = 45) -> str:  # noqa: ARG002
        return self.short_help or first_sentence(self.help or "")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of a name. ``help X`` is ``X --help``; an unknown name is an error that says what to type."""
        name, *rest = args
        if name == "help":
            return self._help_of(ctx, rest)
        found = self.whole(name)
        if found is None and not ctx.resilient_parsing:
            from reconciler.cli.usage.habits import unknown_command

            ctx.fail(unknown_command(self, ctx, name))
        return name if found else None, found, rest

    def whole(self, name: str) -> click.Command | None:
        """A command to run: `get_command` may give less of it."""
        return self.commands.get(name)

    def _help_of(self, ctx: click.Context, names: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        named = [each for each in names if each not in ctx.help_option_names]
        if named:
            return self.resolve_command(ctx, [*named, ctx.help_option_names[-1]])
        if not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return None, None, []


def command(name: str) -> Callable[[Callable[..., Any]], Command]:
    """`click.command`, with the class `Command`. Every command is declared with it; a test checks each one."""
    return click.command(name, cls=Command)


def with_one_dash(command: click.Command, parser: Any, ctx: click.Context) -> Any:
    """The parser, which also takes each long option with one dash, as Terraform has them: ``-out=FILE``.

    Where a short option with a value is written in one word (``-ojson``), that word is the name of no long option.
    """
    for each in command.get_params(ctx):
        names = [name.removeprefix("-") for name in each.opts if name.startswith("--")]
        if isinstance(each, click.Option) and names:
            alias = copy(each)
            alias.opts, alias.secondary_opts = names, []
            alias.add_to_parser(parser, ctx)
    return parser


@contextmanager
def option_errors_explained(ctx: click.Context, args: list[str]) -> Iterator[None]:
    """Let the error for an unknown option say what to type, and every error about options show the usage."""
    given = tuple(args)  # the parser empties the list
    try:
        yield
    except click.NoSuchOption as error:
        from reconciler.cli.usage.habits import unknown_option

        raise click.UsageError(unknown_option(ctx, error.option_name, given), ctx) from error
    except click.BadOptionUsage as error:
        error.ctx = error.ctx or ctx  # so that the usage is shown
        raise
    except click.BadParameter as error:
        from reconciler.cli.usage.habits import misread_option, near_choice

        if error.param and (message := misread_option(error.param, given)):
            raise click.UsageError(message, ctx) from error
        if near := near_choice(error.param, given):
            raise click.BadParameter(error.message + near, error.ctx, error.param, error.param_hint) from error
        raise


def first_sentence(text: str) -> str:
    """The first sentence of a help text, on one line."""
    line = " ".join(text.partition("\n\n")[0].split())
    return re.split(r"(?<=[.])\s+(?=[A-Z])", line, maxsplit=1)[0]


def write_examples(ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Write the section ``Examples`` of a help text."""
    from reconciler.cli.usage.examples import examples_of

    found = examples_of(ctx.command_path.split()[1:])
    if found:
        with formatter.section("Examples"):
            for line in found:
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
