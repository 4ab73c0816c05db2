"""Plain values, which a document's body consists of, and paths into it.

A body is JSON-like: strings, whole numbers, booleans, lists and maps. Amounts are strings as written (``"6.00"``), so
that money is never a float; sets are sorted lists; absent values are left out.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from reconciler.model.values.quotes import shortened

Value: TypeAlias = Any
"""``str | int | bool | None | list[Value] | dict[str, Value]``; a recursive alias would add noise, not safety."""

Body: TypeAlias = Mapping[str, Value]
Path: TypeAlias = tuple[str, ...]

_BARE_KEY = re.compile(r"[^.\[\]\"#]+\Z")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|([^.\[\]]+)')


def timestamp(now: datetime) -> str:
    """A moment as plans, journals and histories have it: ISO 8601, in seconds; ``now`` is in UTC."""
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def render_path(path: Iterable[str]) -> str:
    """``("resources", "gpt-4.1", "prices")`` -> ``resources["gpt-4.1"].prices``."""
    text = ""
    for step in path:
        if _BARE_KEY.match(step):
            text += f".{step}" if text else step
        else:
            text += '["' + step.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return text


def parse_path(text: str) -> Path:
    """The inverse of `render_path`. Raises ``ValueError`` for a text that is not a path."""
    steps: list[str] = []
    at = 0
    while at < len(text):
        if steps and text[at] == ".":
            at += 1
        match = _STEP.match(text, at)
        if not match:
            raise ValueError(f"not a path: {shortened(text)!r}")
        steps.append(match[2] if match[1] is None else _ESCAPED.sub(r"\1", match[1]))
        at = match.end()
    return tuple(steps)


def get(body: Value, path: Iterable[str]) -> Value:
    """The value at ``path``, or ``None`` if there is none."""
    for step in path:
        if not isinstance(body, Mapping):
            return None
        body = body.get(step)
    return body


def put(body: Body, path: Path, value: Value) -> dict[str, Value]:
    """A copy of ``body`` with ``value`` at ``path``; ``None`` removes."""
    copy = dict(body)
    head, rest = path[0], path[1:]
    if rest:
        inner = copy.get(head)
        value = put(inner if isinstance(inner, Mapping) else {}, rest, value)
    if value is None:
        copy.pop(head, None)
    else:
        copy[head] = value
    return copy
