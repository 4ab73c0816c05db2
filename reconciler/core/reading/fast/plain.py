"""Reads a plain subset of YAML, in which nearly all catalogs are written, line by line and without places.

The subset: block maps and lists; scalars and flow collections that end on their line. A text with anything else in it
(a tab, an anchor, a multi-line value, an error) is not read here but by libyaml (`core.reading.yaml`), which also
reports errors. A test proves that both return the same values.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias, TypeVar

from reconciler.core.reading.yaml import plain_scalar

MAX_DEPTH = 16
"""The maximum depth of blocks, and of flow collections on a line; libyaml reads deeper ones."""
KNOWN_LINES = 10_000
"""The number of lines and fields cached: many documents contain the same ones."""

T = TypeVar("T")
_FIELD = re.compile(r"\n(?=[^\s#-])")
"""Where a line in the first column ends the field above; a list may start in the column of its key."""
_KEY = r"""[A-Za-z0-9_][\w.-]{0,99} | "[^"\\]{1,99}" | '[^']{1,99}'"""
_WORDS = r"""(?:[^\s\-?:,\[\]{}\#&*!|>'"%@`] | -[\w.]) (?:[^\s:\#] | :(?=\S) | (?<=\S)\# | [ ]+(?=[^\s\#]))*"""
_LINE = re.compile(
    rf"""([ ]*) (-[ ]+)? (?: ({_KEY}) :(?=[ ]|\Z) )?
         [ ]* ( {_WORDS} | [\[{{][^\#]* | "[^"\\]*" | '[^']*' )? [ ]* (?: (?<![^ ])\#.* )? \Z""",
    re.VERBOSE,
)
"""Indent, dash, key and value."""
_TOKEN = re.compile(
    rf"""[ ]* (?: ([\[\]{{}},])
                | (?: ({_KEY}) :[ ]+ )
                | ( -?[\w./+][\w./+%$-]* (?:[ ]+[\w./+%$-]+)* | "[^"\\]*" | '[^']*' )
                | (.+) )""",
    re.VERBOSE,
)
"""In a flow collection: a sign, a key, a scalar, or anything that is not plain."""
_QUOTES = "\"'"


class Field:
    """A field's value, and the last result computed from it. Documents share the field if its text is the same."""

    __slots__ = ("_made", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self._made: tuple[Any, Any] = (None, None)

    def made(self, make: Callable[[Any], T]) -> T:
        """The result of ``make`` for the value, cached for the last caller. It must not be changed."""
        maker, made = self._made
        if maker is make:
            known: T = made
            return known
        new = make(self.value)
        self._made = make, new
        return new


class PlainDocument(NamedTuple):
    """A document's fields, and where it starts. Parts of values may be shared and must not be changed.

    ``other``: the value of a document that is not a map.
    """

    line: int
    column: int
    fields: Mapping[str, Field]
    other: Any = None

    @property
    def value(self) -> Any:
        return {name: field.value for name, field in self.fields.items()} if self.fields else self.other


class _Line(NamedTuple):
    """A line. ``at``: twice its indent, plus 1 for a list item, which may be in the column of its key.

    ``inner``: the same for the content after an item's dash; 0 if there is none. ``key``: ``None`` for an item that is
    not a map. ``opens``: nothing follows the key.
    """

    at: int
    inner: int
    key: str | None
    value: Any
    opens: bool


class _NotPlain(Exception):
    """The text is not plain, or is invalid."""


def plain_documents(text: str) -> list[PlainDocument] | None:
    """The documents of a text, without empty ones; ``None`` if `core.reading.yaml.parse` has to read the text."""
    if "\t" in text or "\r" in text:
        return None
    documents: list[PlainDocument] = []
    first = 0  # the line that is put before the text, so that the text may begin with a marker
    try:
        for part in f"\n{text}\n".split("\n---\n"):
            head, *fields = _FIELD.split(part)
            if _FIELD.match("\n" + head):
                documents.append(PlainDocument(first, 1, _fields([head, *fields])))
            elif fields and not any(map(_line, head.split("\n"))):
                documents.append(PlainDocument(first + head.count("\n") + 1, 1, _fields(fields)))
            else:
                documents += _indented(part, first)
            first += part.count("\n") + 2
    except _NotPlain:
        return None
    return documents


def _fields(texts: list[str]) -> dict[str, Field]:
    """The fields of a document that begins in the first column."""
    fields = dict(map(_field, texts))
    if len(fields) < len(texts):
        raise _NotPlain
    return fields


@lru_cache(KNOWN_LINES)
def _field(text: str) -> tuple[str, Field]:
    """The name and field of a line in the first column and the lines below it."""
    if "\n" not in text:
        line = _read_line(text)
        if line is None or line.key is None:
            raise _NotPlain
        return line.key, Field(line.value)
    ((name, value),) = _value_of(filter(None, map(_line, text.split("\n")))).items()
    return name, Field(value)


def _indented(text: str, first: int) -> Iterator[PlainDocument]:
    """The document, if any, of a text that may begin with anything. ``first``: the number of its first line."""
    read = [(number, line) for number, line in enumerate(map(_line, text.split("\n")), first) if line]
    if read:
        number, line = read[0]
        value = _value_of(line for _, line in read)
        fields, other = (plain_fields(value), None) if isinstance(value, dict) else ({}, value)
        yield PlainDocument(number, 1 + line.at // 2, fields, other)


def plain_fields(value: Mapping[str, Any]) -> dict[str, Field]:
    """The fields of a map."""
    return {name: Field(each) for name, each in value.items()}


def _value_of(lines: Iterable[_Line]) -> Any:
    """The value of a document's lines.

    ``here`` is the open collection, which began at ``level``; ``around`` holds the collections around it; ``pending``
    is the last key if its value may follow below.
    """
    root: Any = {}
    here, level = root, -1
    around: list[tuple[Any, int]] = []
    pending: str | None = ""
    for at, inner, key, value, opens in lines:
        while at < level:
            here, level = around.pop()
            pending = None
        if at > level:
            if pending is None or len(around) == MAX_DEPTH:
                raise _NotPlain
            around.append((here, level))
            new: Any = [] if inner else {}
            here[pending] = new
            here, level = new, at
        if inner:
            if key is None:
                here.append(value)
                pending = None
                continue
            around.append((here, level))
            here, level = {}, inner
            around[-1][0].append(here)
        if key in here:
            raise _NotPlain
        here[key] = value
        pending = key if opens else None
    return root[""]


def _read_line(line: str) -> _Line | None:
    """The parts of a line; ``None`` for a blank line or a comment."""
    match = _LINE.match(line)
    if match is None:
        raise _NotPlain
    indent, dash, key, text = match.groups()
    if key is None and not (dash and text):
        if dash or text:
            raise _NotPlain
        return None
    at = 2 * len(indent)
    inner = 0
    if dash:
        at, inner = at + 1, at + 2 * len(dash)
    return _Line(at, inner, key and _unquoted(key), text and _value(text), opens=text is None)


_line = lru_cache(KNOWN_LINES)(_read_line)


def _unquoted(text: str) -> str:
    return text[1:-1] if text[0] in _QUOTES else text


def _value(text: str) -> Any:
    return _brackets(text.rstrip(" ")) if text[0] in "[{" else _scalar(text)


def _scalar(text: str) -> Any:
    return text[1:-1] if text[0] in _QUOTES else plain_scalar(text)


_Token: TypeAlias = tuple[str, str, str, str]


def _brackets(text: str) -> Any:
    """The value of a flow list or map."""
    tokens = iter(_TOKEN.findall(text))
    try:
        value = _item(next(tokens), tokens, 1)
    except StopIteration:
        raise _NotPlain from None
    if next(tokens, None) is not None:
        raise _NotPlain
    return value


def _item(token: _Token, tokens: Iterator[_Token], depth: int) -> Any:
    sign, _, scalar, _ = token
    if scalar:
        return _scalar(scalar)
    if depth > MAX_DEPTH or sign not in ("[", "{"):
        raise _NotPlain
    return _list(tokens, depth + 1) if sign == "[" else _map(tokens, depth + 1)


def _list(tokens: Iterator[_Token], depth: int) -> list[Any]:
    items: list[Any] = []
    for token in tokens:
        if token[0] == "]" and not items:
            return items
        items.append(_item(token, tokens, depth))
        if _ends(next(tokens), "]"):
            return items
    raise _NotPlain


def _map(tokens: Iterator[_Token], depth: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for sign, name, _, _ in tokens:
        if sign == "}" and not fields:
            return fields
        key = name and _unquoted(name)
        if not key or key in fields:
            raise _NotPlain
        fields[key] = _item(next(tokens), tokens, depth)
        if _ends(next(tokens), "}"):
            return fields
    raise _NotPlain


def _ends(token: _Token, sign: str) -> bool:
    """Whether a token ends a list or map rather than continues it."""
    if token[0] not in (sign, ","):
        raise _NotPlain
    return token[0] == sign
