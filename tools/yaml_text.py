"""Write documents as YAML text: block style with one-line leaves, the same bytes for the same values.

A general emitter decides by line width and resolver tables; here the text of an amount must be what the source says, to
the last digit, and a reviewer should find one rate on one line. So the few rules stand here, whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

Document = Mapping[str, object]
"""One YAML document: field → bool, int, str, Amount, or maps and lists of them."""

_RESOLVES = re.compile(
    r"""~|null|Null|NULL|true|True|TRUE|false|False|FALSE
    |0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?
    |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}""",
    re.VERBOSE,
)
"""What the YAML 1.2 core schema does not read as a string; and dates, which older readers would take."""

_PLAIN = re.compile(r"[A-Za-z0-9_./](?:[A-Za-z0-9_./@+*()' -]|:(?=[A-Za-z0-9_./@+*-]))*(?<! )")
"""Text that no YAML reader can mistake for syntax, in block and in flow context."""


class Amount(str):
    """A decimal in digits, written plain: `0.000000019`."""

    __slots__ = ()


def scalar(value: object) -> str:
    """One key or value; raises TypeError for what a catalog never holds (a float above all)."""
    match value:
        case bool():
            return "true" if value else "false"
        case Amount() | int():
            return str(value)
        case str():
            return value if _is_plain(value) else json.dumps(value, ensure_ascii=False)
        case _:
            raise TypeError(f"no YAML form for {value!r}")


def flow(value: object) -> str:
    """A value on one line."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case _:
            return scalar(value)


def document_text(document: Document) -> str:
    """A line for each field; a map of maps (periods, resources) has a line for each of its keys."""
    return "".join(line for field, value in document.items() for line in _field_lines(field, value))


def file_text(documents: Iterable[Document], *, comment: Sequence[str], modeline: str | None) -> str:
    """A whole file. Editors look for the modeline in the first line only."""
    head = ([modeline] if modeline else []) + [f"# {line}" for line in comment]
    return "\n".join(head) + "\n\n" + "---\n".join(map(document_text, documents))


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and not _RESOLVES.fullmatch(text) and not text.startswith("...")


def _field_lines(field: str, value: object) -> list[str]:
    if isinstance(value, Mapping) and any(isinstance(item, Mapping) for item in value.values()):
        return [f"{scalar(field)}:\n", *(f"  {scalar(key)}: {flow(item)}\n" for key, item in value.items())]
    return [f"{scalar(field)}: {flow(value)}\n"]
