"""What users of Terraform, kubectl and similar tools type, and what to type here: for unknown commands and options.

Imported for an error only.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

import click

from reconciler.cli.common import Group

COMMANDS: Mapping[str, str] = {
    "act": "reconcile subscription act",
    "create": "reconcile init",
    "deploy": "reconcile apply",
    "describe": "reconcile explain TENANT ADDRESS",
    "destroy": "reconcile plan --inverse PLAN",
    "diff": "reconcile plan",
    "drift": "reconcile plan --base REV",
    "export": "reconcile tenant export",
    "fmt": "reconcile validate",
    "get": "reconcile tenant show TENANT",
    "import": "reconcile tenant import",
    "lint": "reconcile validate",
    "list": "reconcile tenant list",
    "log": "reconcile history",
    "logs": "reconcile history",
    "ls": "reconcile tenant list",
    "migrate": "reconcile store migrate",
    "mirror": "reconcile watch",
    "new": "reconcile init",
    "output": "reconcile show PLAN",
    "preview": "reconcile plan",
    "refresh": "reconcile plan",
    "release": "reconcile tenant release",
    "revert": "reconcile plan --inverse PLAN",
    "rollback": "reconcile plan --inverse PLAN",
    "state": "reconcile tenant list",
    "sync": "reconcile apply",
    "tenants": "reconcile tenant list",
    "undo": "reconcile plan --inverse PLAN",
    "up": "reconcile apply",
    "update": "reconcile apply",
    "why": "reconcile explain TENANT ADDRESS",
    "workspace": "reconcile -C DIR",
}
"""Names of commands elsewhere, and the command that does it here."""

OPTIONS: Mapping[str, str] = {
    "A": "All tenants are the default.",
    "all": "All tenants are the default.",
    "all-namespaces": "All tenants are the default.",
    "approve": "Use --auto-approve of apply.",
    "backend-config": "The store is set in reconcile.yaml.",
    "chdir": "Use -C DIR.",
    "check": "Use `reconcile validate`.",
    "context": "Use -C DIR for the workspace, --tenant T for a tenant.",
    "destroy": "Remove the documents from the catalog, or undo a plan with `reconcile plan --inverse PLAN`.",
    "dry-run": "Use `reconcile plan`, which writes nothing.",
    "f": "Use -C DIR for the workspace.",
    "file": "Use -C DIR for the workspace.",
    "filename": "Use -C DIR for the workspace.",
    "force": "Use --allow GUARD:TENANT of plan to override a guard.",
    "generate-config-out": "Use `reconcile tenant export TENANT --as-catalog`.",
    "input": "Use --auto-approve of apply, which asks nothing.",
    "json": "Use --format json.",
    "lock": "There is no lock: a tenant that changed since the plan is refused.",
    "lock-timeout": "There is no lock: a tenant that changed since the plan is refused.",
    "migrate-state": "Use `reconcile store migrate`.",
    "n": "Use --tenant T.",
    "namespace": "Use --tenant T.",
    "no-color": "Set the environment variable NO_COLOR=1.",
    "output": "Use --format.",
    "q": "Results go to standard output, all else to standard error.",
    "quiet": "Results go to standard output, all else to standard error.",
    "refresh": "Every plan reads the tenants; --verify of plan ignores cached digests too.",
    "refresh-only": "Use `reconcile plan --base REV`, which labels changes that were made in tenants as drift.",
    "selector": "Use --tenant T with a pattern.",
    "state": "The store is set in reconcile.yaml.",
    "target": "Use --tenant T.",
    "v": "Use --verbose of plan and show.",
    "var": "There are no variables: values stand in the documents.",
    "var-file": "There are no variables: values stand in the documents.",
    "w": "Use `reconcile watch`.",
    "y": "Use --auto-approve of apply.",
    "yaml": "Documents are YAML: `reconcile tenant export TENANT` prints them.",
    "yes": "Use --auto-approve of apply.",
}
"""Names of options elsewhere, and what to do here, as a sentence. Where a command has an option of the name, that is
meant.
"""


def unknown_option(ctx: click.Context, found: str, args: Sequence[str]) -> str:
    """The message for an option that a command does not have. ``found``: as the parser met it, ``-j`` of ``-json``."""
    written = _written(found, args)
    name = written.lstrip("-")
    message = f"No such option '{written}'."
    own = [each for each in _long_options(ctx.command, ctx) if each != "--help"]
    if name in OPTIONS:
        return f"{message} {OPTIONS[name]}"
    elsewhere = _commands_with(f"--{name}", ctx)
    if elsewhere:
        return f"{message} It is an option of {' and '.join(elsewhere)}."
    close = get_close_matches(f"--{name}", own, n=1)
    return f"{message} Did you mean '{close[0]}'?" if close else message


def misread_option(parameter: click.Parameter, args: Sequence[str]) -> str | None:
    """The message for ``-output``, which was read as ``-o`` with a value that it does not take; ``None`` for others."""
    names = (each.partition("=")[0][1:] for each in args if each[:1] == "-" != each[1:2])
    name = next((each for each in names if each in OPTIONS and f"-{each[:1]}" in parameter.opts), None)
    return f"No such option '-{name}'. {OPTIONS[name]}" if name else None


def near_choice(parameter: click.Parameter | None, args: Sequence[str]) -> str:
    """``Did you mean 'json'?`` for a misspelt choice; empty for others."""
    if parameter is None or not isinstance(parameter.type, click.Choice):
        return ""
    choices = [str(each) for each in parameter.type.choices]
    given = [each.rpartition("=")[2] for each in args if each not in choices]
    close = next((near[0] for each in given if (near := get_close_matches(each, choices, n=1))), None)
    return f" Did you mean '{close}'?" if close else ""


def _written(found: str, args: Sequence[str]) -> str:
    """The option as it was written, without its value."""
    for each in args:
        name = each.partition("=")[0]
        if name == found or (not found.startswith("--") and name[:1] == "-" != name[1:2] and found[1:] in name):
            return name
    return found


def _long_options(command: click.Command, ctx: click.Context) -> list[str]:
    return [name for each in command.get_params(ctx) for name in each.opts if name.startswith("--")]


def _every_command(ctx: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Every command by the words that name it, groups included."""
    root = ctx.find_root().command
    if not isinstance(root, Group):
        return
    for name in root.list_commands(ctx):
        found = root.whole(name)
        if found:
            yield name, found
        if isinstance(found, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in found.commands.items())


def _commands_with(option: str, ctx: click.Context) -> list[str]:
    """The commands that have an option, at most three of them."""
    found = [name for name, each in _every_command(ctx) if option in _long_options(each, ctx)]
    return [f"`reconcile {each}`" for each in found[:3]]


def unknown_command(group: click.Group, ctx: click.Context, name: str) -> str:
    """The message for a command that a group does not have."""
    message = f'Unknown command "{name}".'
    close = get_close_matches(name, group.list_commands(ctx), n=1)
    top = ctx.parent is None
    if top and name in COMMANDS:
        return f"{message} Use `{COMMANDS[name]}`."
    if close:
        return f'{message} Did you mean "{close[0]}"?'
    words = [each for each, _ in _every_command(ctx) if each.split()[-1] == name]
    return f"{message} Use `reconcile {words[0]}`." if words else message
