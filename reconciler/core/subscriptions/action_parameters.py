"""The parameters of an action (``--set K=V``) as a patch of the subscription, validated like any document."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.core.reading import read_state
from reconciler.model.documents.subscriptions import SubscriptionAction
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.plain_values import Body, Path, parse_path, render_path
from reconciler.model.values.quotes import shortened

FIELDS: Mapping[str, Path] = {
    "effective": ("quantity_effective",),
    "when": ("unit_change",),
    "value": ("renew_automatically",),
}
"""Parameters whose name differs from the path of their field."""
ADD_ON = "add_on"
OF_ADD_ONS = frozenset({"add_add_on", "change_add_on", "cancel_add_on"})
SET, EVERYTHING = "--set", "*"


class BadSetting(Exception):
    """A parameter is not valid for this action; the message is for people."""


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """A patch of the subscription's body, and the add-on that it applies to, if any."""

    patch: Body
    add_on: str


def read_settings(action: SubscriptionAction, key: str, texts: Iterable[str]) -> ActionSettings:
    """The parameters of an action on a subscription. Raises `BadSetting` for an unknown name, form or value."""
    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadSetting(f"{SET} takes K=V, not {shortened(text)!r}; for example quantity=30")
        if "\n" in value or "\r" in value:
            raise BadSetting(f"{SET} {name}: a value is one scalar, on one line")
        given[_known(action, name)] = value
    missing = [name for name in action.required if name not in given]
    if missing:
        raise BadSetting(f"{action.id} needs {' and '.join(f'{SET} {name}=…' for name in missing)}")
    add_on = given.pop(ADD_ON, "").strip().strip("\"'")
    text = _document(key, {_field(action, add_on, name): value for name, value in given.items()})
    patches, problems = read_state(text, SET)
    if problems:
        summary, hint = _as_set(action, problems[0].summary), problems[0].hint
        raise BadSetting(f"{SET} {summary}" + (f" ({hint})" if hint else ""))
    return ActionSettings(patches[0].body, add_on)


def _as_set(action: SubscriptionAction, summary: str) -> str:
    """The problem of a field, with the name of the parameter that set it."""
    for name, path in FIELDS.items():
        if name in action.parameters and summary.startswith(f"{render_path(path)}: "):
            return f"{name}{summary.removeprefix(render_path(path))}"
    return summary


def _known(action: SubscriptionAction, name: str) -> str:
    try:
        path = parse_path(name)
    except ValueError as error:
        raise BadSetting(f"{SET} {name}: {error}") from error
    if EVERYTHING in action.parameters:
        return name
    heads = {each.removesuffix(".*"): each.endswith(".*") for each in action.parameters}
    if path[0] in heads and (len(path) == 1) != heads[path[0]]:
        return name
    known = did_you_mean(name, action.parameters) if action.parameters else "it takes none"
    raise BadSetting(f'{action.id} has no parameter "{name}": {known}')


def _field(action: SubscriptionAction, add_on: str, name: str) -> Path:
    path = FIELDS.get(name) or parse_path(name)
    return ("add_ons", add_on, *path) if action.id in OF_ADD_ONS else path


def _document(key: str, values: Mapping[Path, str]) -> str:
    """A document of a tenant's state with these fields, their values as they were written."""
    nested: dict[str, object] = {}
    for path, value in values.items():
        inner = nested
        for step in path[:-1]:
            below = inner.setdefault(step, {})
            if not isinstance(below, dict):
                raise BadSetting(f"{SET} {render_path(path)}: a part of it is set as a whole as well")
            inner = below
        inner[path[-1]] = value
    return "\n".join(["kind: Subscription", f"key: {key}", *_lines(nested, "")]) + "\n"


def _lines(values: Mapping[str, object], indent: str) -> Iterable[str]:
    for name, value in values.items():
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if isinstance(value, dict):
            yield f"{indent}{quoted}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{quoted}: {value}"
