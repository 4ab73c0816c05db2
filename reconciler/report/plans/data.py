"""JSON to print: the plan as ``--format json`` shows it, and any other data."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from reconciler.core.savedplan import head_to_data, lists_of, plan_digest
from reconciler.model.plans.plan import Plan

_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


def plan_json(plan: Plan) -> Iterator[str]:
    """What ``--out`` saves, for reading: the same keys, the same digest; piece by piece."""
    head, lists = {**head_to_data(plan), "digest": plan_digest(plan)}, lists_of(plan)
    before = "{"
    for key in sorted({*head, *lists}):
        yield f'{before}\n  "{key}": '
        yield from _items(lists[key]) if key in lists else [_indented(head[key], "\n  ")]
        before = ","
    yield "\n}\n"


def render_plan_json(plan: Plan) -> str:
    """The same as one text."""
    return "".join(plan_json(plan))


def _items(pieces: Iterable[bytes]) -> Iterator[str]:
    """A list of items that stand in pieces, with commas between."""
    before = "["
    for piece in pieces:
        for item in orjson.loads(b"[" + piece + b"]"):
            yield f"{before}\n    {_indented(item, chr(10) + '    ')}"
            before = ","
    yield "[]" if before == "[" else "\n  ]"


def _indented(data: Any, line: str) -> str:
    """Indented JSON, as it stands after ``line``: there is no other line break in it."""
    return orjson.dumps(data, option=_INDENTED).decode().replace("\n", line)


def pretty(data: Any) -> str:
    """Indented JSON, keys sorted, with a newline at the end. Characters that JSON lets stand are left as they are."""
    return orjson.dumps(data, option=_INDENTED | orjson.OPT_APPEND_NEWLINE).decode()
