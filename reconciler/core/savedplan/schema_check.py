"""Compiles a JSON Schema to one fast check, which returns only whether a value fits.

For large documents: it checks a plan of 20,000 changes in a fraction of the time of a validator that collects errors.
It refuses whatever the schema refuses. It is stricter in one case: ``$`` in a pattern is the end of the text, as in
ECMA 262, which JSON Schema uses; in Python's ``re`` it also matches before a line feed at the end.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from reconciler.core.schema import Schema

KeywordCheck: TypeAlias = Callable[[Any], bool]

_ANNOTATIONS = frozenset({"$schema", "title", "description", "examples"})


def compiled(schema: Schema) -> KeywordCheck:
    """The check of a schema. Raises ``ValueError`` for an unknown keyword."""
    return _all([_KEYWORDS[each](schema) for each in _keywords(schema)])


def _keywords(schema: Schema) -> list[str]:
    unknown = schema.keys() - _KEYWORDS.keys() - _TOGETHER - _ANNOTATIONS
    if unknown:
        raise ValueError(f"no check is known for {', '.join(sorted(unknown))}")
    return [each for each in _KEYWORDS if each in schema]


def _all(checks: list[KeywordCheck]) -> KeywordCheck:
    match checks:
        case []:
            return lambda _: True
        case [only]:
            return only
        case [one, two]:
            return lambda value: one(value) and two(value)
        case _:
            return lambda value: all(check(value) for check in checks)


_TYPES: Mapping[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}


def _type(schema: Schema) -> KeywordCheck:
    names = schema["type"]
    types = frozenset(_TYPES[each] for each in ([names] if isinstance(names, str) else names))
    return lambda value: type(value) in types


def _properties(schema: Schema) -> KeywordCheck:
    """``properties``, ``required`` and ``additionalProperties``, checked in one walk over the object's keys."""
    known = {name: compiled(each) for name, each in schema["properties"].items()}
    required = frozenset(schema.get("required", ()))
    closed = schema.get("additionalProperties", True) is False

    def check(value: Any) -> bool:
        if type(value) is not dict:
            return True
        if not required <= value.keys():
            return False
        for name, each in value.items():
            its = known.get(name)
            if closed if its is None else not its(each):
                return False
        return True

    return check


def _items(schema: Schema) -> KeywordCheck:
    item = compiled(schema["items"])
    return lambda value: type(value) is not list or all(map(item, value))


def _min_items(schema: Schema) -> KeywordCheck:
    least = schema["minItems"]
    return lambda value: type(value) is not list or len(value) >= least


def _max_items(schema: Schema) -> KeywordCheck:
    most = schema["maxItems"]
    return lambda value: type(value) is not list or len(value) <= most


def _minimum(schema: Schema) -> KeywordCheck:
    least = schema["minimum"]
    return lambda value: type(value) not in (int, float) or value >= least


def _pattern(schema: Schema) -> KeywordCheck:
    pattern: str = schema["pattern"]
    found = re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern)).search
    return lambda value: type(value) is not str or found(value) is not None


def _enum(schema: Schema) -> KeywordCheck:
    """Values of one type that ``==`` can compare: 1 is not true, and {} is not false."""
    values = [(type(each), each) for each in schema["enum"]]
    return lambda value: (type(value), value) in values


def _const(schema: Schema) -> KeywordCheck:
    return _enum({"enum": [schema["const"]]})


_KEYWORDS: Mapping[str, Callable[[Schema], KeywordCheck]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _minimum,
    "minItems": _min_items,
    "maxItems": _max_items,
    "properties": _properties,
    "items": _items,
}
_TOGETHER = frozenset({"required", "additionalProperties"})
"""Keywords that are checked together with ``properties``."""
