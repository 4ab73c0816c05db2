"""Renders the reference of document kinds: pages in `docs/reference/`, and the text of `explain-kind`."""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from reconciler.core.schemadocs import KINDS, FieldEntry, KindEntry, reference, summary_of
from reconciler.report.explanation import OURS

WIDTH = 96
INDEX = "README.md"
"""The page that lists the others."""


def reference_pages() -> Iterator[tuple[str, str]]:
    """Every page: its file name and its text."""
    yield INDEX, _joined(_index())
    for kind in KINDS:
        yield f"{kind}.md", _joined(_page(reference(kind)))


def _joined(lines: Iterator[str]) -> str:
    return "\n".join(lines) + "\n"


def _index() -> Iterator[str]:
    yield "# Reference of kinds and fields"
    yield ""
    yield "Generated from the code by `make docs`; do not edit. In a terminal, `reconcile explain-kind KIND` prints the"
    yield "same. [Writing](../guide/writing.md) shows a document of every kind; [the rules](../rules.md) say what each"
    yield "option does."
    yield ""
    yield "| kind | where | what |"
    yield "|---|---|---|"
    for kind in KINDS:
        yield f"| [{kind}]({kind}.md) | {reference(kind).place} | {summary_of(kind)} |"


def _page(entry: KindEntry) -> Iterator[str]:
    yield f"# {entry.kind}"
    yield ""
    yield "Generated from the code by `make docs`; do not edit."
    yield ""
    yield entry.description
    yield ""
    yield f"Documents of this kind are in {entry.place}."
    for each in entry.fields:
        yield ""
        yield f"## `{each.path}`"
        yield ""
        yield each.description
        yield ""
        yield from (f"- {name}: {said}" for name, said in _facts(each, code="`"))
        if each.rules:
            yield ""
            yield "Rules:"
            yield ""
            yield from (f"- **{rule}** {text}" for rule, text in each.rules.items())


def _facts(each: FieldEntry, *, code: str) -> Iterator[tuple[str, str]]:
    """What there is to say of a field, by name. ``code``: what stands around values."""
    yield "type", each.type
    if each.required:
        yield "required", "yes"
    elif each.default:
        yield "default", f"{code}{each.default}{code}"
    if each.example is not None:
        yield "example", f"{code}{example_line(each)}{code}"
    yield "owner", each.owner
    if each.options:
        yield "changes in a tenant under", ", ".join(each.options)


def example_line(each: FieldEntry) -> str:
    """A field with its example, as a line of YAML."""
    return f"{each.path.rpartition('.')[2]}: {_value(each.example, amount=each.type.startswith('an amount'))}"


_PLAIN = re.compile(r"[A-Za-z0-9/](?:[\w ./%@+,-]|:(?=\S))*")
_NOT_TEXT = re.compile(r"[0-9.]+|true|false|null", re.IGNORECASE)
"""What YAML reads as a number or a constant."""


def _value(value: Any, *, amount: bool) -> str:
    """A value as YAML on one line; text is quoted only where YAML would read something else."""
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and (amount or not _NOT_TEXT.fullmatch(value))
    return str(value) if plain else json.dumps(value, ensure_ascii=False)


def kind_data(entry: KindEntry, fields: Sequence[FieldEntry]) -> dict[str, Any]:
    """A kind as JSON-like data, with these of its fields."""
    data = {"kind": entry.kind, "place": entry.place, "description": entry.description}
    return {**data, "fields": [asdict(each) for each in fields]}


def kinds_text() -> str:
    """Every kind with a sentence, for a terminal."""
    width = max(map(len, KINDS))
    return _joined(f"{kind:<{width}}  {summary_of(kind)}" for kind in KINDS)


def kind_text(entry: KindEntry, fields: Sequence[FieldEntry] | None = None) -> str:
    """The reference of a kind for a terminal. ``fields``: those asked for; ``None``: all."""
    return _joined(_text(entry, entry.fields if fields is None else fields))


def _text(entry: KindEntry, fields: Sequence[FieldEntry]) -> Iterator[str]:
    yield f"{entry.kind} (in {entry.place})"
    yield from _wrapped(entry.description, "  ")
    for each in fields:
        yield ""
        yield each.path
        yield from _wrapped(each.description, "  ")
        rules = ((rule, text.replace(OURS, "")) for rule, text in each.rules.items())
        said = [*_facts(each, code=""), *rules]
        yield from (line for name, text in said for line in _wrapped(f"{name}: {text}", "  ", "    "))


def _wrapped(text: str, indent: str, further: str = "") -> list[str]:
    rest = further or indent
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=rest, break_on_hyphens=False)
