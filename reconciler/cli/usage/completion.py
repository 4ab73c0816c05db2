"""Completion in bash, zsh and fish, by click's own protocol (the variable `_RECONCILE_COMPLETE`).

It writes nothing, says no error, makes no plan, opens no store and imports no command: the commands are made from
`parameters.json`, and names come from a look at the workspace's files. What it cannot read it does not offer.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class, shell_complete

from reconciler.cli.common import COMPLETE, WORKSPACE_HELP
from reconciler.cli.usage.names import addresses, field_paths, found_documents

PROGRAM = "reconcile"
SHELLS = ("bash", "zsh", "fish")


def complete(instruction: str) -> None:
    """Answer a shell. ``instruction``: as click's scripts set it, such as ``bash_complete``."""
    shell_complete(commands(), {}, PROGRAM, COMPLETE, instruction)


def script(shell: str) -> str:
    """What a shell reads at its start to complete our commands: click's script for it."""
    found = get_completion_class(shell)
    assert found is not None
    return str(found(commands(), {}, PROGRAM, COMPLETE).source()).strip() + "\n"


@cache
def _known() -> Mapping[str, Any]:
    known: Mapping[str, Any] = json.loads((files(__package__) / "parameters.json").read_text("utf-8"))
    return known


def commands() -> click.Group:
    """The commands without what they do: names, options and arguments."""
    workspace = click.Option(["-C", "--workspace"], type=click.Path(file_okay=False), help=WORKSPACE_HELP)
    settings = {"help_option_names": ["-h", "--help"]}
    version = click.Option(["--version"], is_flag=True, help="Show the version and exit.")
    root = _Names(PROGRAM, params=[workspace, version], context_settings=settings)
    groups = {"": root}
    for name, found in _known()["commands"].items():
        above, _, last = name.rpartition(" ")
        params = [_parameter(each) for each in found["parameters"]]
        made: click.Command
        if found["group"]:
            made = groups[name] = _Names(last, params=params)
        else:
            made = click.Command(last, params=params)
        made.short_help = found["help"]
        groups[above].add_command(made, last)
    return root


class _Names(click.Group):
    """A group in the order of its definition. ``help`` is followed by the names of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] == "help":
            return "help", self, args[1:]
        return super().resolve_command(ctx, args)


def _parameter(given: Mapping[str, Any]) -> click.Parameter:
    kind: click.ParamType[Any] | None = None
    if "choices" in given:
        kind = click.Choice(given["choices"])
    elif "path" in given:
        kind = click.Path(file_okay=given["path"] == "file")
    offer = None if kind else _OFFERS.get(given["value"].strip("[].").removesuffix("#PATH").strip("[]."))
    name, *opts = given["names"]
    if "option" not in given:
        return click.Argument([name], nargs=given["nargs"], type=kind, required=False, shell_complete=offer)
    flag = {"is_flag": True} if given["flag"] else {"type": kind, "shell_complete": offer}
    return click.Option([*opts, name], multiple=given["multiple"], help=given["help"], **flag)


Offer = Callable[[click.Context, click.Parameter, str], Sequence[CompletionItem[str]]]


def _offer(names: Callable[[click.Context, str], Iterable[str]]) -> Offer:
    """Offers the names that begin with what was typed."""

    def offer(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem[str]]:
        return [CompletionItem(each) for each in names(ctx, typed) if each.startswith(typed)]

    return offer


def _workspace(ctx: click.Context) -> Path:
    from reconciler.shell.repository.finding import find_workspace

    given = (each.params.get(name) for each in _contexts(ctx) for name in ("chosen", "workspace"))
    chosen = next((each for each in given if each), None)
    return find_workspace(Path.cwd(), os.environ, Path(chosen) if chosen else None)


def _contexts(ctx: click.Context | None) -> Iterator[click.Context]:
    while ctx is not None:
        yield ctx
        ctx = ctx.parent


def _tenants(ctx: click.Context, _: str) -> list[str]:
    return found_documents(_workspace(ctx)).tenants()


def _addresses(ctx: click.Context, typed: str) -> list[str]:
    tenant = str(ctx.params.get("tenant") or "")
    documents = found_documents(_workspace(ctx))
    front = f"{tenant}/" if typed.startswith(f"{tenant}/") else ""
    if "#" in typed:
        whole, _, _ = typed.partition("#")
        return [f"{whole}#{path}" for path in field_paths(documents, tenant, whole.removeprefix(front))]
    return [front + each for each in addresses(documents, tenant, _known()["copied"])]


def _guards(ctx: click.Context, typed: str) -> list[str]:
    guard, colon, _ = typed.partition(":")
    tenants = _tenants(ctx, typed) if colon else []
    return [
        f"{each}:{tenant}" for each in _known()["guards"] if each == guard or not colon for tenant in ("*", *tenants)
    ]


_OFFERS: Mapping[str, Offer] = {
    "TENANT": _offer(_tenants),
    "T": _offer(_tenants),
    "ADDRESS": _offer(_addresses),
    "GUARD:TENANT": _offer(_guards),
    "OPTION": _offer(lambda _, __: _known()["options"]),
    "ACTION": _offer(lambda _, __: _known()["actions"]),
    "KIND": _offer(lambda _, __: _known()["kinds"]),
    "ISO-8601": _offer(lambda _, __: ()),
}
"""What is offered for a value, by what the help calls it."""
