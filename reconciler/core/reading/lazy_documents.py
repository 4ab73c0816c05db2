"""Bodies, places and models of a file's documents, read on demand; `core.reading.index` has the rest.

Bodies come from the cached part of the file. Places and models come from its text: only that document is parsed again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import Any

import orjson

from reconciler.core.reading.fast.plain import plain_documents
from reconciler.core.reading.text import BREAK, decode_text
from reconciler.core.reading.yaml import YamlDocument, parse
from reconciler.core.schema import declarations_of, matches
from reconciler.model.documents.catalog import Part
from reconciler.model.documents.kinds import WORKSPACE_KINDS
from reconciler.model.documents.source import Marks, SourceFile, SourceMark
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.field_types import Leaf
from reconciler.model.values.plain_values import Body, Path


class FileContents:
    """The documents of a valid file. ``rest``: reads the part that `core.reading.index` encoded for this class.

    ``dated``: the numbers of documents with dated amounts. ``bodies``: the bodies, if they were already read.
    """

    __slots__ = (
        "_bodies",
        "_columns",
        "_documents",
        "_file",
        "_lines",
        "_models",
        "_rest",
        "_texts",
        "_values",
        "dated",
    )

    def __init__(
        self, file: SourceFile, rest: Callable[[], bytes], dated: Iterable[int], bodies: Iterable[Body] = ()
    ) -> None:
        self._file = file
        self._rest = rest
        self.dated = frozenset(dated)
        self._lines: list[int] = []
        self._columns: list[int] = []
        self._values: list[bytes] = []
        self._texts: dict[int, str] = {}
        self._bodies: dict[int, Body] = dict(enumerate(bodies))
        self._documents: dict[int, YamlDocument] = {}
        self._models: dict[int, Part] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the text rather than what was parsed from it: the other process parses on demand."""
        file = self._file
        return _contents, (file.path, file.data, self._rest(), self.dated)

    def place(self, number: int) -> Place:
        self._load()
        return Place(self._file.path, self._lines[number], self._columns[number])

    def body(self, number: int) -> Body:
        if number not in self._bodies:
            self._load()
            self._bodies[number] = orjson.loads(self._values[number])
        return self._bodies[number]

    def marks(self, number: int) -> Marks:
        return self._document(number).marks

    def model(self, number: int) -> Part:
        if number not in self._models:
            value = self._value(number)
            self._models[number] = WORKSPACE_KINDS[value["kind"]].model_validate(value)
        return self._models[number]

    def forget(self, number: int) -> None:
        for known in (self._texts, self._bodies, self._documents, self._models):
            known.pop(number, None)

    def _load(self) -> None:
        if not self._values:
            places, *values = self._rest().split(b"\n")
            self._lines, self._columns = orjson.loads(places)
            self._values = values  # assigned last: other threads take it as the sign that everything is loaded

    def _value(self, number: int) -> Any:
        """A document without its places, by the fast reader if it accepts the text."""
        if number not in self._documents:
            plain = plain_documents(self._text(number))
            if plain is not None and len(plain) == 1:
                return plain[0].value
        return self._document(number).value

    def _document(self, number: int) -> YamlDocument:
        if number not in self._documents:
            text = self._text(number)
            (document,), problems = parse(text.encode(), self._file.path, first_line=self._lines[number])
            assert not problems
            sort_marks(document)
            self._documents[number] = document
        return self._documents[number]

    def _text(self, number: int) -> str:
        text = self._texts.get(number)
        if text is None:  # those of all documents at once: each decoding is one of the whole file
            self._texts = texts = dict(enumerate(self._split()))
            text = texts[number]
        return text

    def _split(self) -> Iterator[str]:
        self._load()
        text, _ = decode_text(self._file.data, self._file.path)
        assert text is not None
        starts = [0, *(match.end() for match in BREAK.finditer(text))]
        begins = [*(starts[line - 1] for line in self._lines), len(text)]
        return (text[begin:end] for begin, end in pairwise(begins))


def _contents(path: str, text: bytes, rest: bytes, dated: frozenset[int]) -> FileContents:
    return FileContents(SourceFile(path, text), lambda: rest, dated)


class ReadContents:
    """The documents of a file that was parsed as a whole because it has an error."""

    __slots__ = ("_read",)

    def __init__(self) -> None:
        self._read: list[tuple[Place, Body, Marks, Part]] = []

    def add(self, place: Place, body: Body, marks: Marks, model: Part) -> int:
        """Adds a document and returns its number."""
        self._read.append((place, body, marks, model))
        return len(self._read) - 1

    def place(self, number: int) -> Place:
        return self._read[number][0]

    def body(self, number: int) -> Body:
        return self._read[number][1]

    def marks(self, number: int) -> Marks:
        return self._read[number][2]

    def model(self, number: int) -> Part:
        return self._read[number][3]

    @property
    def dated(self) -> Collection[int]:
        """All numbers: which documents have dated amounts is not known here."""
        return range(len(self._read))

    def forget(self, number: int) -> None:
        """Does nothing: the parsed documents cannot be read again."""


def sort_marks(document: YamlDocument) -> None:
    """Puts the marks of lists into the order that their items have in the body."""
    assert isinstance(document.marks, dict)
    patterns = _sorted_patterns(document.value["kind"])
    for path, inside in _long_lists(document.marks, ()):
        short = (*path, "include")
        if any(matches(path, pattern) or matches(short, pattern) for pattern in patterns):
            _sort(document.value, path, inside)


def _long_lists(marks: dict[str, SourceMark], path: Path) -> Iterator[tuple[Path, list[SourceMark]]]:
    """The lists with more than one item, with their paths."""
    for step, mark in marks.items():
        inside = mark.inside
        if isinstance(inside, dict):
            yield from _long_lists(inside, (*path, step))
        elif inside is not None and len(inside) > 1:
            yield (*path, step), inside


@cache
def _sorted_patterns(kind: str) -> tuple[Path, ...]:
    """The patterns of sets and dated amounts: their items are sorted in the body."""
    return tuple(
        spot.pattern for spot, leaf in declarations_of(WORKSPACE_KINDS[kind], Leaf) if leaf.type in ("set", "amount")
    )


def _sort(value: Any, path: Path, marks: list[SourceMark]) -> None:
    for step in path:
        value = value[step]
    keys = [item["from"] if isinstance(item, dict) else item for item in value]
    marks[:] = [marks[index] for index in sorted(range(len(keys)), key=keys.__getitem__)]
