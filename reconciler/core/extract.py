"""What a load needs of a file without looking into its documents, in a form that is small and can be kept.

It depends on nothing but the file's bytes and this code, not on its path: files of the same bytes have the same.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import orjson

from reconciler.core.compiled import Refused, body_of
from reconciler.core.limits import crossed_limits
from reconciler.core.parts import ANY, declared
from reconciler.core.plain import plain_documents
from reconciler.core.text import decode
from reconciler.core.yaml import parse
from reconciler.model.documents import Document
from reconciler.model.keys import EntityId
from reconciler.model.kinds import WORKSPACE_KINDS
from reconciler.model.sync import Ref
from reconciler.model.values import Body, Value


class Extract(NamedTuple):
    """The documents of a file: their numbers from 0 on, by kind and key; and of each, by number, a digest of it.

    ``needs``: by kind, the keys that they name. ``moved``: kind, key, and what the document says that its keys were.
    """

    numbers: dict[str, dict[str, int]]
    digests: list[str]
    needs: dict[str, list[str]]
    moved: list[tuple[str, str, list[str]]]


class Found(NamedTuple):
    """A document of a file: where it begins, what it is, and its body."""

    line: int
    column: int
    id: EntityId
    body: Body


def extract_file(data: bytes, file: str) -> tuple[Extract, bytes] | None:
    """The extract of a file's bytes, and the rest of it, for `core.contents`.

    ``None`` for a file with a fault, with a document twice, or with what the short ways do not take.
    """
    try:
        found = [_found(*each) for each in _values(data, file)]
    except Refused:
        return None
    if len({each.id for each in found}) < len(found):
        return None
    rest = [orjson.dumps([[each.line for each in found], [each.column for each in found]])]
    rest += (orjson.dumps(each.body) for each in found)
    return extract(found), b"\n".join(rest)


def extract(found: Iterable[Found]) -> Extract:
    """The extract of documents."""
    result = Extract({}, [], {}, [])
    needs: dict[str, set[str]] = {}
    for number, each in enumerate(found):
        kind, key = each.id
        result.numbers.setdefault(kind, {})[key] = number
        result.digests.append(digest_of(each.id, each.body))
        _add_needs(each.body, _naming(kind), needs)
        if "moved_from" in each.body:
            result.moved.append((kind, key, each.body["moved_from"]))
    result.needs.update({kind: sorted(needs[kind]) for kind in sorted(needs)})
    return result


def digest_of(id: EntityId, body: Body) -> str:
    """Of what a document says: equal ones have equal digests, in whatever order their maps were written."""
    content = orjson.dumps([*id, body], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(content, digest_size=20).hexdigest()


def encode(extract: Extract) -> bytes:
    """As JSON."""
    return orjson.dumps(list(extract))


def decode_extract(data: bytes) -> Extract:
    """The inverse of `encode`."""
    return Extract(*orjson.loads(data))


def _values(data: bytes, file: str) -> Iterable[tuple[int, int, Any]]:
    """The line, column and value of each document. Raises `Refused` for a file that is not YAML as we take it."""
    text, problems = decode(data, file)
    if text is None or problems:
        raise Refused
    plain = plain_documents(text)
    if plain is not None:
        return plain
    documents, problems = parse(data, file)
    if problems:
        raise Refused
    return [(each.place.line, each.place.column, each.value) for each in documents]


def _found(line: int, column: int, value: Any) -> Found:
    """Raises `Refused` for a document that is at fault."""
    kind = value.get("kind") if isinstance(value, dict) else None
    model = WORKSPACE_KINDS.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise Refused
    body = body_of(model, value)
    if any(crossed_limits(model.__name__, body)):
        raise Refused
    key = body.pop(model.own_key) if issubclass(model, Document) else ""
    return Found(line, column, EntityId(model.__name__, key), body)


class _Naming(NamedTuple):
    """A field, or with `ANY` each item of a map, that names documents, or what is inside it does."""

    step: str
    ref: Ref | None
    inside: "tuple[_Naming, ...]"


@cache
def _naming(kind: str) -> tuple[_Naming, ...]:
    return _branches([(spot.pattern, ref) for spot, ref in declared(WORKSPACE_KINDS[kind], Ref)])


_Named: TypeAlias = "list[tuple[tuple[str, ...], Ref]]"


def _branches(named: _Named) -> tuple[_Naming, ...]:
    """Patterns with a common beginning as a tree, so that a body is walked once."""
    steps = dict.fromkeys(pattern[0] for pattern, _ in named)
    return tuple(
        _Naming(
            step,
            next((ref for pattern, ref in named if pattern == (step,)), None),
            _branches([(pattern[1:], ref) for pattern, ref in named if pattern[0] == step and len(pattern) > 1]),
        )
        for step in steps
    )


def _add_needs(body: Body, naming: tuple[_Naming, ...], needs: dict[str, set[str]]) -> None:
    for step, ref, inside in naming:
        for value in body.values() if step == ANY else (body.get(step),):
            if not value:
                continue
            if ref:
                needs.setdefault(ref.kind, set()).update(_keys(value, ref))
            if inside:
                _add_needs(value, inside, needs)


def _keys(value: Value, ref: Ref) -> Iterable[str]:
    keys: Iterable[str] = (value,) if isinstance(value, str) else value.values() if ref.at == "values" else value
    return keys
