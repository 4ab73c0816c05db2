"""The index of a file: what loading a workspace needs without its documents' bodies, small enough to cache.

It depends only on the file's bytes and this code, not on the path: files with the same bytes share it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

import orjson
from pydantic_core import PydanticCustomError

from reconciler.core.reading.fast.compiled import KNOWN_LAYOUTS, NotPlain, ValueReader, is_absent, layout_of
from reconciler.core.reading.fast.plain import Field, PlainDocument, plain_documents, plain_fields
from reconciler.core.reading.limits import crossed_limits, limits_of
from reconciler.core.reading.text import decode_text
from reconciler.core.reading.yaml import parse
from reconciler.core.schema import dated_fields, is_dated, named_in, reference_nodes_of_model
from reconciler.model.documents.catalog import Document, Part
from reconciler.model.documents.kinds import WORKSPACE_KINDS
from reconciler.model.values.digests import content_digest
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value


class Extract(NamedTuple):
    """The documents of a file: their numbers (from 0) by kind and key, and a digest for each number.

    ``needs``: the keys that they reference, by kind. ``moved``: kind, key, and the former keys that the document
    declares. ``dated``: the numbers of documents with dated amounts.
    """

    numbers: dict[str, dict[str, int]]
    digests: list[str]
    needs: dict[str, list[str]]
    moved: list[tuple[str, str, list[str]]]
    dated: list[int]


class DocumentFacts(NamedTuple):
    """Facts about a document, or one field of it, that are needed without its body.

    ``needs``: the kind and key of what it references. ``dated``: whether it holds dated amounts.
    """

    needs: frozenset[tuple[str, str]]
    dated: bool


class FoundDocument(NamedTuple):
    """A document of a file: where it begins, its identity, its body, and the facts about it."""

    line: int
    column: int
    id: EntityId
    body: Body
    facts: Sequence[DocumentFacts]


class Contained(NamedTuple):
    """The result of reading a valid file: its extract, the encoded rest for `core.reading.lazy_documents`, and the
    bodies.
    """

    extract: Extract
    rest: bytes
    bodies: list[Body]


def extract_file(data: bytes, file: str) -> Contained | None:
    """The contents of a file.

    ``None`` for a file with an error or a duplicate document, or one that the fast readers refuse.
    """
    try:
        found = [_found(each) for each in _documents(data, file)]
    except (NotPlain, PydanticCustomError):
        return None
    if len({each.id for each in found}) < len(found):
        return None
    bodies = [each.body for each in found]
    rest = [orjson.dumps([[each.line for each in found], [each.column for each in found]]), *map(orjson.dumps, bodies)]
    return Contained(extract(found), b"\n".join(rest), bodies)


def facts_of(id: EntityId, body: Body) -> DocumentFacts:
    """The facts about a whole body."""
    nodes = reference_nodes_of_model(WORKSPACE_KINDS[id.kind])
    return DocumentFacts(frozenset(named_in(body, nodes)), is_dated(id.kind, body))


def extract(found: Iterable[FoundDocument]) -> Extract:
    """The extract of documents."""
    result = Extract({}, [], {}, [], [])
    needs: set[tuple[str, str]] = set()
    for number, (_, _, id, body, facts) in enumerate(found):
        kind, key = id
        result.numbers.setdefault(kind, {})[key] = number
        result.digests.append(document_digest(id, body))
        if "moved_from" in body:
            result.moved.append((kind, key, body["moved_from"]))
        needs.update(*[each.needs for each in facts])
        if any(each.dated for each in facts):
            result.dated.append(number)
    for kind, key in sorted(needs):
        result.needs.setdefault(kind, []).append(key)
    return result


def document_digest(id: EntityId, body: Body) -> str:
    """A digest of a document's content, independent of the order of its maps."""
    content = orjson.dumps([*id, body], option=orjson.OPT_SORT_KEYS)
    return content_digest((content,)).hex()


def encode_extract(extract: Extract) -> bytes:
    """The extract as JSON."""
    return orjson.dumps(list(extract))


def decode_extract(data: bytes) -> Extract:
    """The inverse of `encode`."""
    return Extract(*orjson.loads(data))


def _documents(data: bytes, file: str) -> Iterable[PlainDocument]:
    """The documents of a file. Raises `NotPlain` for text that is not valid YAML here."""
    text, problems = decode_text(data, file)
    if text is None or problems:
        raise NotPlain
    plain = plain_documents(text)
    if plain is not None:
        return plain
    documents, problems = parse(data, file)
    if problems or not all(isinstance(each.value, dict) for each in documents):
        raise NotPlain
    return [PlainDocument(each.place.line, each.place.column, plain_fields(each.value)) for each in documents]


def _found(document: PlainDocument) -> FoundDocument:
    """The identity, body and facts of a document. Raises `NotPlain` or ``PydanticCustomError`` for an invalid one."""
    fields = document.fields
    kind = fields["kind"].value if "kind" in fields else None
    model = WORKSPACE_KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise NotPlain
    body, facts = body_of(model, fields)
    key = body.pop(model.own_key) if issubclass(model, Document) else ""
    return FoundDocument(document.line, document.column, EntityId(model.__name__, key), body, facts)


def body_of(model: type[Part], fields: Mapping[str, Field]) -> tuple[dict[str, Value], list[DocumentFacts]]:
    """The body of a document, and the facts about it. Defaults are filled in, absent values left out; the key is
    included.

    Raises `NotPlain` or ``PydanticCustomError``.
    """
    body: dict[str, Value] = {}
    facts: list[DocumentFacts] = []
    for name, read, default in _readers(model)(tuple(fields)):
        said = fields[name].made(read) if read else default
        if said:
            body[name] = said.value
            if said.facts:
                facts.append(said.facts)
    return body, facts


class _ReadValue(NamedTuple):
    """A field's value in the body, and the facts about it."""

    value: Value
    facts: DocumentFacts | None


_ReadField: TypeAlias = Callable[[Any], _ReadValue | None]
"""Returns ``None`` for a value that counts as absent. Raises `NotPlain` or ``PydanticCustomError``."""
_Readers: TypeAlias = Callable[[tuple[str, ...]], tuple[tuple[str, _ReadField | None, _ReadValue | None], ...]]
"""Given the names of a map's fields, returns the fields of its body: each with its reader, or with its default."""


@cache
def _readers(model: type[Part]) -> _Readers:
    layout = layout_of(model, ("kind",))
    read_field = cache(partial(_read_field, model))

    @lru_cache(KNOWN_LAYOUTS)
    def readers(given: tuple[str, ...]) -> tuple[tuple[str, _ReadField | None, _ReadValue | None], ...]:
        return tuple(
            (each.name, read_field(each.name, each.read, nullable=each.nullable), None)
            if each.read
            else (each.name, None, _facts_reader(model, each.name)(each.default))
            for each in layout(given)
        )

    return readers


def _read_field(model: type[Part], name: str, read: ValueReader, *, nullable: bool) -> _ReadField:
    read_facts = _facts_reader(model, name)

    def read_field(given: Any) -> _ReadValue | None:
        if given is None and nullable:
            return None
        value = read(given)
        return None if is_absent(value) else read_facts(value)

    return read_field


@cache
def _facts_reader(model: type[Part], name: str) -> Callable[[Value], _ReadValue]:
    """Returns a reader of a field's value and its facts, which raises `NotPlain` for a minimum above its maximum."""
    kind = model.__name__
    nodes = tuple(each for each in reference_nodes_of_model(WORKSPACE_KINDS[kind]) if each.name == name)
    limited = any(pattern[0] == name for pattern in limits_of(model))
    datable = name in dated_fields(kind)

    def read_facts(value: Value) -> _ReadValue:
        if limited and any(crossed_limits(kind, {name: value})):
            raise NotPlain
        if not (nodes or datable):
            return _ReadValue(value, None)
        body = {name: value}
        facts = DocumentFacts(frozenset(named_in(body, nodes)), datable and is_dated(kind, body))
        return _ReadValue(value, facts if any(facts) else None)

    return read_facts
