"""Renders values, names and places for all reports, on one line and without terminal control characters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from reconciler.model.plans.plan import Declared
from reconciler.model.values.amounts import AMOUNT
from reconciler.model.values.counts import counted
from reconciler.model.values.keys import EntityId, snake
from reconciler.model.values.plain_values import Body, Path, Value, render_path

ABSENT = "(none)"
MANY_TENANTS = 5
LONG = 72
"""Characters; longer values are abbreviated unless shown in full."""
ABSURD = 2_000
"""Characters; longer texts and amounts are abbreviated even in full output."""
CONTEXT = 12
"""Characters to keep of the common prefix of two long texts."""
WRITTEN_BY_US = frozenset({"kind", "key", "origin", "locked", "history", "last_applied"})
"""Fields to omit for created and deleted entities: the heading shows them, or the reconciler wrote them."""

_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    """The text with control, formatting and direction-changing characters escaped."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def quoted(text: str) -> str:
    """The text in double quotes, as in Terraform."""
    return '"' + clean(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def shown(value: Value, *, full: bool = True, longest: int = LONG) -> str:
    """A value on one line: strings quoted, amounts and numbers as written, a missing value ``(none)``.

    >>> shown("6.00"), shown("active"), shown(["a", "b"]), shown({"P1M": "6.00"}), shown(None)
    ('6.00', '"active"', '[a, b]', '{P1M: 6.00}', '(none)')
    """
    text = _shown(value)
    if full or len(text) <= longest:
        return text
    closing = text[-1] if text[-1] in '"]}' else ""
    return text[: longest - 2] + "…" + closing


def _shown(value: Value) -> str:
    match value:
        case None:
            return ABSENT
        case bool():
            return "true" if value else "false"
        case str():
            if len(value) > ABSURD:
                value = f"{value[:LONG]}… ({len(value)} characters)"
            return value if AMOUNT.match(value) else quoted(value)
        case {"from": start, "amount": amount}:
            return clean(f"{amount} from {start}")
        case Mapping():
            return (
                "{"
                + ", ".join(f"{_key(key)}: {_shown(value[key])}" for key in sorted(value, key=in_number_order))
                + "}"
            )
        case list() | tuple():
            return "[" + ", ".join(_item(each) for each in value) + "]"
        case _:
            return str(value)


def _key(text: str) -> str:
    return text if _BARE.match(text) else quoted(text)


def _item(value: Value) -> str:
    return _key(value) if isinstance(value, str) else _shown(value)


def shown_pair(before: Value, after: Value, *, full: bool = False) -> tuple[str, str]:
    """Both sides of a change. Common parts of long values are omitted unless ``full``."""
    pair = shown(before), shown(after)
    if not full and _grows(before, after):
        return _grown(before, after)
    if full or max(map(len, pair)) <= LONG:
        return pair
    if isinstance(before, list) and isinstance(after, list):
        return _members(before, after), _members(after, before)
    if isinstance(before, str) and isinstance(after, str):
        return _parted(before, after)
    return shown(before, full=False), shown(after, full=False)


def _grows(before: Value, after: Value) -> bool:
    """Whether items were only appended to a non-empty list, such as a history."""
    both = isinstance(before, list) and isinstance(after, list) and before and isinstance(before[0], Mapping)
    return bool(both) and len(after) > len(before) and after[: len(before)] == before


def _grown(before: list[Value], after: list[Value]) -> tuple[str, str]:
    """``[… 2 in both]``, ``[… 2 in both, {action: "suspend"}]``."""
    both = f"… {len(before)} in both"
    return f"[{both}]", f"[{', '.join([both, *map(_item, after[len(before) :])])}]"


def _members(mine: list[Value], theirs: list[Value]) -> str:
    """``[gone, … 40 in both]``."""
    only = [each for each in mine if each not in theirs]
    if len(only) == len(mine):
        return shown(mine, full=False)
    text = ", ".join([*map(_item, only), f"… {len(mine) - len(only)} in both"])
    return f"[{text}]"


def _parted(before: str, after: str) -> tuple[str, str]:
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    start = max(0, common - CONTEXT)
    mark = "…" if start else ""
    return shown(mark + before[start:], full=False), shown(mark + after[start:], full=False)


def leaves(document: Body, *, items: bool = True) -> list[tuple[Path, Value]]:
    """The leaf fields of a document, its name first; without ``items``, an item is one field.

    Omits `WRITTEN_BY_US` and the origin of items (``resources.seat``).
    """
    found = (leaf for leaf in _leaves(document, (), None if items else 2) if not _written_by_us(leaf[0]))
    return sorted(found, key=lambda leaf: (leaf[0] != ("name",), tuple(map(in_number_order, leaf[0]))))


def in_number_order(key: str) -> tuple[bool, int, str, str]:
    """A sort key that puts numeric keys first, in numeric order, for the days of ``notices`` and ``steps``.

    Compares digits, because Python refuses to convert thousands of digits to a number.
    """
    number = key.isascii() and key.isdigit()
    digits = key.lstrip("0") if number else ""
    return not number, len(digits), digits, key


def _written_by_us(path: Path) -> bool:
    return path[0] in WRITTEN_BY_US or (len(path) == 3 and path[2] == "origin")


def without_bookkeeping(body: Value) -> Value:
    """An entity without the fields that the reconciler wrote; other values unchanged."""
    if not isinstance(body, Mapping):
        return body
    return {name: value for name, value in body.items() if name not in WRITTEN_BY_US}


def as_leaves(document: Body) -> Body:
    """What `leaves` shows of a document, as one map: equal for documents with equal leaves."""
    found: dict[str, Value] = {}
    for name, value in document.items():
        if name in WRITTEN_BY_US:
            continue
        if type(value) is dict and value:
            items = {key: without_origin(item) for key, item in value.items()}
            value = {key: item for key, item in items.items() if item != {} or value[key] == {}}
            if not value:
                continue
        found[name] = value
    return found


def _leaves(body: Body, path: Path, depth: int | None) -> Iterator[tuple[Path, Value]]:
    for name, value in body.items():
        if isinstance(value, Mapping) and value and len(path) + 1 != depth:
            yield from _leaves(value, (*path, name), depth)
        else:
            yield (*path, name), without_origin(value) if len(path) == 1 else value


def without_origin(value: Value) -> Value:
    """An item as users declare it, without the origin that the reconciler writes."""
    if isinstance(value, Mapping):
        return {name: inner for name, inner in value.items() if name != "origin"}
    return value


def path_text(path: Path) -> str:
    """The text of a path into a body."""
    return clean(render_path(path))


def entity_text(entity: EntityId) -> str:
    """``sales category "office-apps"``."""
    return f"{snake(entity.kind).replace('_', ' ')} {quoted(entity.key)}"


def kind_text(kind: str, number: int) -> str:
    """``1 plan``, ``12 sales categories``."""
    one = snake(kind).replace("_", " ")
    if one.endswith("s"):
        return counted(number, one, one)
    return counted(number, one, f"{one[:-1]}ies" if one.endswith("y") else None)


def place_text(place: Declared) -> str:
    """``northwind/plans/m365.yaml:14``."""
    return clean(f"{place.file}:{place.line}")


def tenants_text(tenants: Sequence[str], *, full: bool = False) -> str:
    """``contoso, fabrikam``; of many the first two and the number of others, unless ``full``."""
    named = [clean(each) for each in tenants]
    if full or len(named) <= MANY_TENANTS:
        return ", ".join(named)
    return f"{', '.join(named[:2])} and {len(named) - 2} more"
