"""Fast validation of fields: returns what pydantic returns for valid fields, at a fraction of the cost.

A reader is compiled once per kind from its model, for `core.reading.index`. Whatever it refuses is validated again by
pydantic, which reports the reason (`core.reading.read`). A test proves that nothing is accepted here that pydantic
refuses.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias, cast, get_args, get_origin

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from reconciler.core.schema import optional, unwrapped
from reconciler.model.documents.catalog import Part
from reconciler.model.documents.declarations import StateOnly
from reconciler.model.values.plain_values import Value

ValueReader: TypeAlias = Callable[[Any], Value]
"""Raises `NotPlain` or pydantic's ``PydanticCustomError``."""

KNOWN_LAYOUTS = 1_000
"""The number of field sets cached per model."""
_CONTAINERS = (dict, list)


class NotPlain(Exception):
    """The document is invalid, or may be."""


class FieldReader(NamedTuple):
    """A field of the document with its reader, or a field that the document omits with its default (no reader).

    ``nullable``: null counts as absent.
    """

    name: str
    read: ValueReader | None
    nullable: bool
    default: Value


Layout: TypeAlias = Callable[[tuple[str, ...]], tuple[FieldReader, ...]]
"""Given the names of the fields in a map, returns the fields of its body in the model's order. Raises `NotPlain`."""


@cache
def layout_of(part: type[Part], skipped: tuple[str, ...] = ()) -> Layout:
    """The layout of a model's maps, cached by field names: most maps of a model have the same fields."""
    _expect(not part.__pydantic_decorators__.model_validators and not part.__pydantic_decorators__.field_validators)
    declared = [_field(name, info) for name, info in part.model_fields.items() if name not in skipped]
    names = {*skipped, *(each.name for each in declared)}

    @lru_cache(KNOWN_LAYOUTS)
    def layout(given: tuple[str, ...]) -> tuple[FieldReader, ...]:
        there = set(given)
        if not names >= there >= set(skipped) or any(
            each.default is PydanticUndefined for each in declared if each.name not in there
        ):
            raise NotPlain
        return tuple(
            each if each.name in there else each._replace(read=None)
            for each in declared
            if each.name in there or each.default is not None
        )

    return layout


def is_absent(value: Value) -> bool:
    """Whether a value counts as absent: an empty list or map, as in `prune_empty`."""
    return value.__class__ in _CONTAINERS and not value


@cache
def _struct(part: type[Part]) -> ValueReader:
    """A reader of a map with known fields. Null, empty lists and empty maps are left out, as in `prune_empty`."""
    layout = layout_of(part)

    def read(value: Any) -> Value:
        if value.__class__ is not dict:
            raise NotPlain
        body = {}
        for name, reader, nullable, default in layout(tuple(value)):
            if reader is None:
                body[name] = default
                continue
            given = value[name]
            if given is not None or not nullable:
                item = reader(given)
                if item or item.__class__ not in _CONTAINERS:
                    body[name] = item
        return body

    return read


def _field(name: str, info: FieldInfo) -> FieldReader:
    assert info.annotation is not None
    reader = _reader(info.annotation, tuple(info.metadata))
    return FieldReader(name, reader, optional(info.annotation), _default(info, reader))


def _default(info: FieldInfo, reader: ValueReader) -> Value:
    if info.is_required():
        return PydanticUndefined
    default = info.get_default(call_default_factory=True)
    if isinstance(default, Part):
        default = reader({})
    return None if default in ({}, []) else default


def _reader(annotation: Any, metadata: tuple[Any, ...] = ()) -> ValueReader:
    bare, metadata = unwrapped(annotation, metadata)
    only = next((each for each in metadata if isinstance(each, StateOnly)), None)
    if only and not only.values:
        return _refuse
    _expect(all(_is_known(each) for each in metadata))
    for each in metadata:
        if isinstance(each, PlainValidator):
            return cast(ValueReader, each.func)
    reader = _bare(bare, refused=only.values if only else ())
    for each in metadata:
        if isinstance(each, BeforeValidator):
            return _after(cast(ValueReader, each.func), reader)
    return reader


def _after(before: ValueReader, reader: ValueReader) -> ValueReader:
    return lambda value: reader(before(value))


def _is_known(metadata: Any) -> bool:
    """Whether metadata is either handled here or does not restrict the value."""
    known = isinstance(metadata, BeforeValidator | PlainValidator | WithJsonSchema)
    return known or type(metadata).__module__.startswith("reconciler.")


def _bare(annotation: Any, refused: tuple[str, ...]) -> ValueReader:
    if get_origin(annotation) is Literal:
        return _one_of(frozenset(get_args(annotation)) - set(refused))
    if get_origin(annotation) is dict:
        key, item = get_args(annotation)
        return _map(_reader(key), _reader(item))
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return _struct(annotation)
    _expect(annotation is str)
    return _string


def _one_of(values: frozenset[str]) -> ValueReader:
    def read(value: Any) -> Value:
        if value.__class__ is not str or value not in values:
            raise NotPlain
        return value

    return read


def _map(key: ValueReader, item: ValueReader) -> ValueReader:
    def read(value: Any) -> Value:
        if value.__class__ is not dict:
            raise NotPlain
        return {key(name): item(inner) for name, inner in value.items()}

    return read


def _string(value: Any) -> Value:
    if value.__class__ is not str:
        raise NotPlain
    return value


def _refuse(value: Any) -> Value:
    raise NotPlain(f"what stands in a tenant's state only: {value}")


def _expect(understood: bool) -> None:
    if not understood:
        raise NotImplementedError("a declaration of the models that core.compiled does not know")
