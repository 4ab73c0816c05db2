"""Renders `docs/rules.md`: every rule, option and declaration, generated from the code."""

from collections.abc import Iterator

from reconciler.core.planning import GUARDS, PRECONDITIONS
from reconciler.core.schema import FieldShape, KindShape, kind_shapes
from reconciler.core.workspace import GUARD_DEFAULTS
from reconciler.model.documents.declarations import (
    EMPTY,
    GATED,
    Bookkeeping,
    Declaration,
    ResellerOwned,
    Synced,
    Unmanaged,
)
from reconciler.model.documents.options import OPTIONS, VETOES
from reconciler.model.plans.rules import RULES
from reconciler.model.values.keys import snake
from reconciler.model.values.plain_values import render_path


def rules_markdown() -> str:
    """The whole page."""
    return "\n".join([*_head(), *_options(), *_table(), *_vetoes(), *_preconditions(), *_guards(), *_rules()]) + "\n"


def _head() -> Iterator[str]:
    yield "# The rules"
    yield ""
    yield "Generated from the code by `make docs`; do not edit. Each field has its declaration in"
    yield "`reconciler/model/documents/catalog.py` or `tenant.py`. [Concepts](guide/concepts.md) explains the terms."
    yield "**R** marks a decision about something that the sources of the rules leave open."
    yield ""


def _options() -> Iterator[str]:
    yield "## Options"
    yield ""
    yield "| option | label |"
    yield "|---|---|"
    yield from (f"| `{option.id}` | {option.label} |" for option in OPTIONS.values())
    yield ""


def _table() -> Iterator[str]:
    yield "## The field table"
    for kind, shape in sorted(kind_shapes().items()):
        yield ""
        yield f"### {kind}"
        yield ""
        yield from (f"- {line}" for line in _coming_and_going(shape))
        yield ""
        yield "| field | changes under | rule |"
        yield "|---|---|---|"
        yield from _rows(shape.fields)
    yield ""


def _coming_and_going(shape: KindShape) -> Iterator[str]:
    if shape.sync.created:
        yield f"Created under `{'`, `'.join(shape.sync.created.options)}` ({shape.sync.created.rule})."
    if shape.sync.dependent:
        yield f"Created with an entity that needs it, whatever the options ({shape.sync.dependent})."
    if shape.sync.removed:
        yield f"Removed under `{'`, `'.join(shape.sync.removed.options)}` ({shape.sync.removed.rule})."
    yield _OWN[shape.sync.own].format(snake(shape.kind).replace("_", " "))


_OWN = {
    "blocks": "If the tenant has its own {} under the same key, the copy is blocked, unless `adopt: true` is set.",
    "links": "If the tenant has its own {} under the same key, it is used, and not changed.",
    "shared": "The document is the tenant's own, and its fields are compared.",
}


def _rows(fields: tuple[FieldShape, ...]) -> Iterator[str]:
    for field in fields:
        path = render_path(field.path).replace('["*"]', ".*")
        if field.declared:
            yield f"| `{path}` | {_changes(field.declared)} | {field.declared.rule} |"
        for part, how in (("new", field.items or field.links), ("removed", field.items or field.links)):
            lets = (how.created if part == "new" else how.removed) if how else None
            if lets:
                yield f"| `{path}.*` {part} | {_changes(lets)} | {lets.rule} |"
        yield from _rows(field.fields)


def _changes(declared: Declaration) -> str:
    match declared:
        case Synced():
            text = " or ".join(f"`{option}`" for option in declared.options)
            if declared.unless_override:
                return f"{text}, with the override `{declared.unless_override}`; else the reseller's"
            if declared.until_edited:
                return f"{text}, until the distributor edits it"
            return f"{text}; not copied at creation" if declared.at_creation == GATED else text
        case Unmanaged():
            return "unmanaged"
        case Bookkeeping():
            return "written together with other changes"
        case ResellerOwned():
            return f"the {declared.owner}'s" + ("; empty at creation" if declared.at_creation == EMPTY else "")


def _vetoes() -> Iterator[str]:
    yield "## Vetoes (CB-34)"
    yield ""
    for veto in VETOES.values():
        what = "changes of existing amounts" if veto.amounts else "changes"
        options = ", ".join(f"`{each}`" for each in sorted(veto.options))
        yield f"- `veto: {{{veto.id}: true}}` withholds {what} under {options}."
    yield ""


def _preconditions() -> Iterator[str]:
    yield "## Preconditions"
    yield ""
    yield "A permitted change is `blocked` while one of these fails (`reconciler/core/planning/preconditions.py`)."
    yield ""
    yield from (f"- {(check.__doc__ or '').splitlines()[0]}" for check in PRECONDITIONS.values())
    yield ""


def _guards() -> Iterator[str]:
    yield "## Guards (GUARD-01)"
    yield ""
    yield "A tenant's whole plan is `blocked` once one of these trips (`reconciler/core/planning/guards.py`)."
    yield ""
    yield "| guard | default | trips on |"
    yield "|---|---|---|"
    for id, guard in GUARDS.items():
        default = str(GUARD_DEFAULTS[id]).lower()
        yield f"| `{id}` | `{default}` | {(guard.__doc__ or '').splitlines()[0]} |"
    yield ""


def _rules() -> Iterator[str]:
    yield "## Every rule"
    yield ""
    yield from (f"- **{rule}** {text}" for rule, text in RULES.items())
