"""Renders the JSON of a plan for ``--format json``, and of any other data."""

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from reconciler.core.savedplan import head_to_data, lists_of, plan_digest
from reconciler.model.plans.plan import Plan

_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


def plan_json(plan: Plan) -> Iterator[str]:
    """The JSON that ``--out`` saves, indented, with the same keys and digest; piece by piece."""
    head, lists = {**head_to_data(plan), "digest": plan_digest(plan)}, lists_of(plan)
    before = "{"
    for key in sorted({*head, *lists}):
        yield f'{before}\n  "{key}": '
        yield from _items(lists[key]) if key in lists else [_indented(head[key], "\n  ")]
        before = ","
    yield "\n}\n"


def render_plan_json(plan: Plan) -> str:
    """As `plan_json`, as one text."""
    return "".join(plan_json(plan))


def _items(pieces: Iterable[bytes]) -> Iterator[str]:
    """The items of a list that comes in pieces, separated by commas."""
    before = "["
    for piece in pieces:
        for item in orjson.loads(b"[" + piece + b"]"):
            yield f"{before}\n    {_indented(item, chr(10) + '    ')}"
            before = ","
    yield "[]" if before == "[" else "\n  ]"


def _indented(data: Any, line: str) -> str:
    """Indented JSON whose line breaks are ``line``."""
    return orjson.dumps(data, option=_INDENTED).decode().replace("\n", line)


def pretty(data: Any) -> str:
    """Indented JSON with sorted keys and a final newline. Non-ASCII characters are not escaped."""
    return orjson.dumps(data, option=_INDENTED | orjson.OPT_APPEND_NEWLINE).decode()
