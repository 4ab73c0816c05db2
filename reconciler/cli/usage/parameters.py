"""Every command's parameters as data, so that completion imports no command: `parameters.json`.

``python -m reconciler.cli.usage.parameters`` writes it (`make docs`); a test fails while it is stale.
"""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import click

from reconciler.cli.main import COMMANDS, reconcile

FILE = "parameters.json"


def described() -> dict[str, Any]:
    """Every command by the words that name it, and what else completion offers: kinds, actions, options, guards."""
    from reconciler.model.documents.kinds import CATALOG_KINDS, TENANT_KINDS, WORKSPACE_KINDS
    from reconciler.model.documents.options import GROUPS, GUARDS, OPTIONS
    from reconciler.model.documents.subscriptions import ACTIONS

    return {
        "commands": dict(_commands()),
        "kinds": sorted(WORKSPACE_KINDS.keys() | TENANT_KINDS.keys()),
        "copied": sorted(CATALOG_KINDS),
        "actions": sorted(ACTIONS),
        "options": sorted([*GROUPS, *OPTIONS]),
        "guards": sorted(GUARDS),
    }


def _commands() -> Iterator[tuple[str, Any]]:
    for name, (_, line) in COMMANDS.items():
        found = reconcile.whole(name)
        assert found is not None, name
        inside = found.commands.items() if isinstance(found, click.Group) else ()
        yield name, {"help": line, "group": isinstance(found, click.Group), "parameters": _parameters(found)}
        for inner, each in inside:
            help = each.get_short_help_str()
            yield f"{name} {inner}", {"help": help, "group": False, "parameters": _parameters(each)}


def _parameters(command: click.Command) -> list[dict[str, Any]]:
    return [_parameter(each) for each in command.params]


def _parameter(each: click.Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "names": [each.name or "", *each.opts],
        "value": each.metavar or (each.name or "").upper(),
        "nargs": each.nargs,
    }
    if isinstance(each, click.Option):
        found |= {"option": True, "flag": each.is_flag, "multiple": each.multiple, "help": each.help}
    if isinstance(each.type, click.Choice):
        found["choices"] = list(each.type.choices)
    elif isinstance(each.type, click.Path):
        found["path"] = "dir" if not each.type.file_okay or each.metavar == "DIR" else "file"
    return found


def text() -> str:
    """The content of the file: a line for each command and each list of names, so that two changes merge."""
    found = described()
    commands = ",\n".join(f"  {_json(name)}: {_json(each)}" for name, each in found.pop("commands").items())
    lists = ",\n".join(f" {_json(name)}: {_json(each)}" for name, each in found.items())
    return f'{{\n "commands": {{\n{commands}\n }},\n{lists}\n}}\n'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    target = files("reconciler.cli.usage") / FILE
    with open(str(target), "w", encoding="utf-8") as file:  # noqa: PTH123 - a resource is a path here
        file.write(text())
