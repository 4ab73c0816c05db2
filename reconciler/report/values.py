"""How values, names and places read, in every report: one line each, nothing in them that a terminal would obey."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from reconciler.model.plans.plan import Declared
from reconciler.model.values.amounts import AMOUNT
from reconciler.model.values.keys import EntityId, snake
from reconciler.model.values.plain_values import Body, Path, Value, render_path

ABSENT = "(none)"
MANY_TENANTS = 5
LONG = 72
"""Values that would take more characters are abbreviated, unless everything is asked for."""
ABSURD = 2_000
"""Texts and amounts of more characters are abbreviated even then."""
CONTEXT = 12
"""Of two long texts: how much is kept of what they have in common before they part."""
WRITTEN_BY_US = frozenset({"kind", "key", "origin", "locked", "history", "last_applied"})
"""Fields that say nothing new of what comes or goes whole: the heading names it, the reconciler wrote the rest."""

_BARE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def clean(text: str) -> str:
    """Without control, formatting or direction-changing characters, which are written as escapes."""
    return text if text.isprintable() else "".join(each if each.isprintable() else _escape(each) for each in text)


def _escape(character: str) -> str:
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def quoted(text: str) -> str:
    """In double quotes, as Terraform does."""
    return '"' + clean(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def shown(value: Value, *, full: bool = True, longest: int = LONG) -> str:
    """A value on one line: strings quoted, amounts and numbers bare and as written, absent ``(none)``.

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
    """Both sides of a change. Of long values, unless ``full``, what the two have in common is left out."""
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
    """Whether records were added at the end of a list of some, such as a history."""
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
    """The fields of a whole document, down to what is no map, its name first; without ``items``, an item is one field.

    Left out is what the reader knows or the reconciler wrote (`WRITTEN_BY_US`), the origin of items
    (``resources.seat``) too.
    """
    found = (leaf for leaf in _leaves(document, (), None if items else 2) if not _written_by_us(leaf[0]))
    return sorted(found, key=lambda leaf: (leaf[0] != ("name",), tuple(map(in_number_order, leaf[0]))))


def in_number_order(key: str) -> tuple[bool, int, str, str]:
    """Sorts keys that are numbers as numbers, before others: the days of ``notices`` and ``steps``.

    By their digits: Python makes no number of thousands of them.
    """
    number = key.isascii() and key.isdigit()
    digits = key.lstrip("0") if number else ""
    return not number, len(digits), digits, key


def _written_by_us(path: Path) -> bool:
    return path[0] in WRITTEN_BY_US or (len(path) == 3 and path[2] == "origin")


def as_told(body: Value) -> Value:
    """A whole entity without what the reconciler wrote for itself; any other value as it is."""
    if not isinstance(body, Mapping):
        return body
    return {name: value for name, value in body.items() if name not in WRITTEN_BY_US}


def _leaves(body: Body, path: Path, depth: int | None) -> Iterator[tuple[Path, Value]]:
    for name, value in body.items():
        if isinstance(value, Mapping) and value and len(path) + 1 != depth:
            yield from _leaves(value, (*path, name), depth)
        else:
            yield (*path, name), without_origin(value) if len(path) == 1 else value


def without_origin(value: Value) -> Value:
    """An item as a person declares it: its origin is written by the reconciler."""
    if isinstance(value, Mapping):
        return {name: inner for name, inner in value.items() if name != "origin"}
    return value


def path_text(path: Path) -> str:
    """A path into a body."""
    return clean(render_path(path))


def entity_text(entity: EntityId) -> str:
    """``sales category "office-apps"``."""
    return f"{snake(entity.kind).replace('_', ' ')} {quoted(entity.key)}"


def kind_text(kind: str, number: int) -> str:
    """``1 plan``, ``12 sales categories``."""
    noun = snake(kind).replace("_", " ")
    if number == 1 or noun.endswith("s"):
        return f"{number} {noun}"
    return f"{number} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{number} {noun}s"


def place_text(place: Declared) -> str:
    """``northwind/plans/m365.yaml:14``."""
    return clean(f"{place.file}:{place.line}")


def tenants_text(tenants: Sequence[str], *, full: bool = False) -> str:
    """``contoso, fabrikam``; of many, the first two and how many more, unless ``full``."""
    named = [clean(each) for each in tenants]
    if full or len(named) <= MANY_TENANTS:
        return ", ".join(named)
    return f"{', '.join(named[:2])} and {len(named) - 2} more"
