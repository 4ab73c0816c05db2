# long: one parser, and all differences between libyaml and the accepted YAML
"""Parses text to values, with the place of each: YAML 1.2 core, without the features that invite mistakes.

It uses the events of libyaml's parser with our own constructor: scalars stay as written, so that no number passes
through a float; anchors, tags, merge keys and duplicate keys are refused. Every problem is a `Diagnostic`; after a
syntax error, parsing continues with the next document of the file. It never raises, whatever the bytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from _ruamel_yaml import CParser
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from reconciler.core.reading.text import BREAK, decode_text, place_at
from reconciler.model.documents.source import Marks, SourceMark, mark_at
from reconciler.model.values.diagnostics import Diagnostic, Place
from reconciler.model.values.field_types import Number
from reconciler.model.values.quotes import quote, shortened

MAX_DEPTH = 40
MAX_SYNTAX_ERRORS = 20
"""The maximum number of syntax errors per file: parsing restarts after each, so this bounds the work."""

NUMBER = re.compile(
    r"""[-+]?(?: 0x[0-9a-fA-F_]+ | 0o[0-7_]+ | 0b[01_]+
               | [0-9]+(?:_[0-9]+)* (?:\.[0-9_]*)? (?:[eE][-+]?[0-9]+)?
               | \.[0-9][0-9_]* (?:[eE][-+]?[0-9]+)?
               | \.(?:inf|Inf|INF) )\Z
      | \.(?:nan|NaN|NAN)\Z""",
    re.VERBOSE,
)
"""What YAML 1.2 or 1.1 reads as a number. Dates, ``22:22`` and ``1.2.3`` are strings."""
_NUMERIC = frozenset("0123456789+-.")
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STRING_TAG = "tag:yaml.org,2002:str"
_MARKER = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_END = re.compile(r"---|\s*\Z")
_HEAD = re.compile(r"""(?:^|[{,]\s*)(kind|key|reseller):\s*["']?([\w.-]+)""", re.MULTILINE)

_mark = tuple.__new__
"""Makes a `SourceMark` without the Python code of a NamedTuple's constructor: there is one per field."""
_STOOD_IN = ":?\\"
"""Characters on which libyaml fails, and which others replace while it parses."""
_PRIVATE = range(0xE000, 0xF8FF)
_ESCAPED = re.compile(r"\\(?:u|U0000)([0-9a-fA-F]{4})")
_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\(u[dD][89abAB][0-9a-fA-F]{2})\\(u[dD][c-fC-F][0-9a-fA-F]{2})")
"""A character beyond 16 bits as JSON escapes it: a pair of surrogates."""
_WITHIN_WORDS = re.compile(r"""(?<=[^\s"'\[\]{},]) (?: : (?=[^\s,\[\]{}]) | \? )""", re.VERBOSE)

_HINTS = (
    ("tab", "indent with spaces"),
    ("cannot start any token", "put the value in quotes"),
    ("mapping values are not allowed", "put a value with a colon in quotes, or check the indentation"),
    ("expected ','", "close the bracket, or put a comma between the items"),
    ("end of stream", "close the quote"),
    ("document indicator", "close the quote"),
    ("invalid Unicode character escape", "write the character itself, or both halves of its surrogate pair"),
    ("escape", "a backslash stands for itself in single quotes"),
    ("could not find expected ':'", "a key is followed by a colon and a space"),
    ("did not find expected", "check the indentation"),
)


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document of a file: where its content starts, its value, and the marks of the values inside.

    ``gaps``: something was refused that leaves a hole (an alias, a merge key), so a field that seems missing may not
    be. ``lost``: it is not valid YAML; its value holds only the ``kind`` and ``key`` that could be found.
    """

    place: Place
    value: Any
    marks: Marks
    gaps: bool = False
    lost: bool = False

    def place_of(self, path: Iterable[object], *, key: bool = False) -> Place:
        """The place of a value (with ``key``: of its key), or of the nearest enclosing value that exists."""
        mark = mark_at(self.marks, path)
        if mark is None:
            return self.place
        line, column = (mark.key_line, mark.key_column) if key else (mark.line, mark.column)
        return Place(self.place.file, line, column)


def parse(data: bytes, file: str, *, first_line: int = 1) -> tuple[list[YamlDocument], list[Diagnostic]]:
    """The documents of a file, without empty ones, and every problem.

    ``first_line``: the number of the first line of ``data``, if it is a part of a file that is known to be valid.
    """
    text, problems = decode_text(data, file)
    if text is None:
        return _lost_from(0, data.decode("utf-8", "replace"), file), problems
    documents: list[YamlDocument] = []
    source, stand_ins, start, failures = text, "", 0, 0
    while True:
        reader = _Reader(file, source[start:], first_line + _lines_before(text, start), stand_ins=stand_ins)
        documents += reader.documents()
        problems += reader.problems
        if reader.failure is None:
            break
        start, failed_at = start + reader.begun, start + reader.failed_at
        if source is text:
            source, stand_ins = _with_stand_ins(text)
            if stand_ins:
                continue
        failures += 1
        end = _next_document(text, start, failed_at)
        problems.append(_conflict(text, start, end, file) or reader.failure)
        documents.append(_lost(Place(file, 1 + _lines_before(text, start)), text[start:end]))
        if failures == MAX_SYNTAX_ERRORS:
            documents += _lost_from(end, text, file)
            break
        start = end
    return documents, list(dict.fromkeys(problems))


def plain_scalar(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text[:1] in _NUMERIC:
        return Number(text) if NUMBER.match(text) else text
    return _CONSTANTS.get(text, text)


def _with_stand_ins(text: str) -> tuple[str, str]:
    """The text with other characters in place of `_STOOD_IN`, and those characters; or the unchanged text and ``""``.

    libyaml's parser is older than YAML 1.2: in flow collections it fails at the colon of ``{at: 22:22}`` and at a URL's
    question mark, and in quotes at a surrogate pair as JSON escapes it. A document that fails is parsed again with
    characters on which it does not fail, one for one, so that places stay the same.
    """
    used = {ord(char) for char in text if ord(char) in _PRIVATE} | {int(each, 16) for each in _ESCAPED.findall(text)}
    free = "".join(map(chr, islice((each for each in _PRIVATE if each not in used), len(_STOOD_IN))))
    if len(free) < len(_STOOD_IN):
        return text, ""
    colon, question, half = tuple(free)
    changed = _WITHIN_WORDS.sub(lambda match: colon if match[0] == ":" else question, text)
    changed = _PAIR.sub(lambda match: f"{match[1]}{half}{match[2]}{half}{match[3]}", changed)
    return (text, "") if changed == text else (changed, free)


_CONFLICT = re.compile(r"^(?:<{7}|\|{7}|={7}|>{7})(?=[ \r\n]|\Z)", re.MULTILINE)


def _conflict(text: str, start: int, end: int, file: str) -> Diagnostic | None:
    """A problem if the failed document holds git's conflict markers."""
    found = _CONFLICT.search(text, _line_start(text, start), end)
    if found is None:
        return None
    hint = "keep the lines that hold, and remove those that begin with <<<<<<<, =======, and >>>>>>>"
    place = Place(file, 1 + _lines_before(text, found.start()))
    return Diagnostic(place, "yaml-syntax", "an unresolved merge conflict", hint)


def _lines_before(text: str, offset: int) -> int:
    return len(BREAK.findall(text, 0, offset))


def _next_document(text: str, start: int, failed_at: int) -> int:
    """The offset of the next ``---`` at or after the failure, never the one at ``start``."""
    marker = _MARKER.search(text, max(start + 1, _line_start(text, failed_at)))
    return marker.start() if marker else len(text)


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _lost_from(start: int, text: str, file: str) -> list[YamlDocument]:
    """All documents from an offset on, marked as lost."""
    starts = [start, *(match.start() for match in _MARKER.finditer(text, start + 1))]
    line = 1 + _lines_before(text, start)
    lost = []
    for begin, end in zip(starts, [*starts[1:], len(text)], strict=True):
        lost.append(_lost(Place(file, line), text[begin:end]))
        line += len(BREAK.findall(text, begin, end))
    return lost


def _lost(place: Place, text: str) -> YamlDocument:
    value: dict[str, str] = {}
    for match in _HEAD.finditer(text):
        value.setdefault(match[1], match[2])
    return YamlDocument(place, value, None, lost=True)


class _TooDeep(Exception):
    """A document is nested too deeply; its event is the only argument."""


class _Reader:
    """Reads the documents of one text up to its end or the first failure.

    ``failure``: the problem. ``failed_at``: its offset. ``begun``: the offset of the document that failed.
    """

    def __init__(self, file: str, text: str, first_line: int, *, stand_ins: str) -> None:
        self.problems: list[Diagnostic] = []
        self.failure: Diagnostic | None = None
        self.failed_at = 0
        self.begun = 0
        self._file = file
        self._text = text
        self._first = first_line
        self._gaps = False
        self._next: Callable[[], Any] = CParser(text.encode()).get_event
        if stand_ins:
            self._next = _restoring(self._next, stand_ins)

    def documents(self) -> list[YamlDocument]:
        documents: list[YamlDocument] = []
        try:
            documents.extend(self._documents())
        except _TooDeep as error:
            mark = error.args[0].start_mark
            self.failed_at = mark.index
            self.failure = self._problem(mark, "yaml-depth", f"nested more than {MAX_DEPTH} deep")
        except MarkedYAMLError as error:
            self.failed_at = error.problem_mark.index if error.problem_mark else len(self._text)
            self.failure = self._syntax(error)
        except (YAMLError, ValueError) as error:
            self.failed_at = len(self._text)
            self.failure = Diagnostic(Place(self._file, self._first), "yaml-syntax", f"not YAML: {error}")
        return documents

    def _documents(self) -> Iterator[YamlDocument]:
        while (event := self._next()).__class__ is not StreamEndEvent:
            if event.__class__ is not DocumentStartEvent:
                continue
            self.begun = event.start_mark.index
            if event.version is not None or event.tags:
                self._report(event.start_mark, "yaml-directive", "a YAML directive", "remove the line")
            self._gaps = False
            event = self._next()
            value, marks = self._node(event, 1)
            end = self._next()
            if value is not None or event.__class__ is not ScalarEvent or event.value:
                yield YamlDocument(self._place(event.start_mark), value, marks, self._gaps)
            self.begun = end.end_mark.index

    def _node(self, event: Any, depth: int) -> tuple[Any, Marks]:
        """The value that starts with an event, and the marks inside it."""
        kind = event.__class__
        if kind is ScalarEvent:
            return self._scalar(event), None
        if kind is AliasEvent:
            hint = "write the value out; put a string that starts with * in quotes"
            self._report(event.start_mark, "yaml-anchor", f"an alias, *{shortened(event.anchor)}", hint)
            self._gaps = True
            return None, None
        if event.anchor is not None or event.ctag is not None:
            self._report_properties(event)
        if depth > MAX_DEPTH:
            raise _TooDeep(event)
        if kind is MappingStartEvent:
            return self._mapping(depth)
        assert kind is SequenceStartEvent
        return self._sequence(depth)

    def _scalar(self, event: Any) -> Any:
        if event.anchor is not None or event.ctag is not None:
            self._report_properties(event)
        text = event.value
        if event.style or (event.ctag is not None and str(event.ctag) == _STRING_TAG):
            return text
        return plain_scalar(text)

    def _mapping(self, depth: int) -> tuple[dict[str, Any], dict[str, SourceMark]]:
        read, first = self._next, self._first
        value: dict[str, Any] = {}
        marks: dict[str, SourceMark] = {}
        while (event := read()).__class__ is not MappingEndEvent:
            key = self._key(event, depth)
            item = read()
            inside: Marks = None
            if item.__class__ is ScalarEvent:
                content = self._scalar(item)
            else:
                content, inside = self._node(item, depth + 1)
            if key is None or item.__class__ is AliasEvent:
                continue
            at, mark = event.start_mark, item.start_mark
            if key in marks:
                self._report_duplicate(key, at, marks[key])
                continue
            value[key] = content
            marks[key] = _mark(SourceMark, (first + at.line, 1 + at.column, first + mark.line, 1 + mark.column, inside))
        return value, marks

    def _key(self, event: Any, depth: int) -> str | None:
        """A map's key, always a string; ``None`` if it was refused."""
        if event.__class__ is not ScalarEvent:
            if event.__class__ is not AliasEvent:
                self._report(event.start_mark, "yaml-key", "a map's key must be a plain scalar")
            self._node(event, depth + 1)
            self._gaps = True
            return None
        if event.anchor is not None or event.ctag is not None:
            self._report_properties(event)
        key: str = event.value
        if event.style or (key and key != "<<"):
            return key
        if key:
            self._report(event.start_mark, "yaml-merge", "a merge key, <<", "write the fields out")
        else:
            self._report(event.start_mark, "yaml-key", "a map's key is empty")
        self._gaps = True
        return None

    def _sequence(self, depth: int) -> tuple[list[Any], list[SourceMark]]:
        value: list[Any] = []
        marks: list[SourceMark] = []
        while (event := self._next()).__class__ is not SequenceEndEvent:
            content, inside = self._node(event, depth + 1)
            if event.__class__ is not AliasEvent:
                line, column = self._first + event.start_mark.line, 1 + event.start_mark.column
                value.append(content)
                marks.append(SourceMark(line, column, line, column, inside))
        return value, marks

    def _place(self, mark: Any) -> Place:
        return Place(self._file, self._first + mark.line, 1 + mark.column)

    def _problem(self, mark: Any, code: str, summary: str, hint: str = "") -> Diagnostic:
        return Diagnostic(self._place(mark), code, summary, hint)

    def _report(self, mark: Any, code: str, summary: str, hint: str = "") -> None:
        self.problems.append(self._problem(mark, code, summary, hint))

    def _report_properties(self, event: Any) -> None:
        if event.anchor is not None:
            hint = "write the value out; put a string that starts with & in quotes"
            self._report(event.start_mark, "yaml-anchor", f"an anchor, &{shortened(event.anchor)}", hint)
        if event.ctag is not None:
            hint = "remove it; quotes make a string, and a string that starts with ! is put in quotes"
            tag = str(event.ctag).replace("tag:yaml.org,2002:", "!!")
            self._report(event.start_mark, "yaml-tag", f"a tag, {shortened(tag)}", hint)

    def _report_duplicate(self, key: str, at: Any, first: SourceMark) -> None:
        problem = self._problem(at, "yaml-duplicate", f"{quote(key)} stands twice in one map", "remove one of the two")
        self.problems.append(replace(problem, also=(Place(self._file, first.key_line, first.key_column),)))

    def _syntax(self, error: MarkedYAMLError) -> Diagnostic:
        """The problem at libyaml's mark, or at the start of what it was reading if that is clearer."""
        problem, context = str(error.problem or "not YAML"), str(error.context or "")
        message = f"{problem}, {context}" if context else problem
        mark = error.problem_mark or error.context_mark
        if mark is None:
            return Diagnostic(Place(self._file, self._first), "yaml-syntax", message)
        if error.context_mark and (self._ends_at(mark) or problem == "could not find expected ':'"):
            mark = error.context_mark
        found = self._problem(mark, _code(problem, context), message, self._hint(problem, mark))
        if not self._ends_at(mark):
            return found
        last = place_at(self._text[: mark.index].rstrip(), self._file)
        return replace(found, place=replace(last, line=last.line + self._first - 1))

    def _ends_at(self, mark: Any) -> bool:
        """Whether the document ends at a mark: then the error is before it."""
        return bool(_END.match(self._text, mark.index))

    def _hint(self, problem: str, mark: Any) -> str:
        if self._text.startswith("\t", mark.index):
            return "indent with spaces, not with tabs"
        if self._ends_at(mark):
            return "close the bracket or quote before the document ends"
        return next((hint for words, hint in _HINTS if words in problem), "")


def _restoring(read: Callable[[], Any], stand_ins: str) -> Callable[[], Any]:
    """The events, with the characters that `_with_stand_ins` replaced restored."""
    restored = str.maketrans(stand_ins, _STOOD_IN)
    pair = re.compile(f"{stand_ins[-1]}u([0-9a-fA-F]{{4}}){stand_ins[-1]}u([0-9a-fA-F]{{4}})")

    def restoring() -> Any:
        event = read()
        if event.__class__ is ScalarEvent:
            value = pair.sub(_joined, event.value) if event.style == '"' else event.value
            event.value = value.translate(restored)
        return event

    return restoring


def _joined(match: re.Match[str]) -> str:
    """The character of a surrogate pair."""
    return bytes.fromhex(match[1] + match[2]).decode("utf-16-be")


def _code(problem: str, context: str) -> str:
    """The code of a problem that libyaml reports itself, though we would also have refused it."""
    for word, code in (("directive", "yaml-directive"), ("tag", "yaml-tag"), ("alias", "yaml-anchor")):
        if word in context or f"undefined {word}" in problem:
            return code
    return "yaml-anchor" if "anchor" in context else "yaml-syntax"
