"""The fields of a document model at every depth, with the metadata declared on them."""

import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from reconciler.model.documents.catalog import Part
from reconciler.model.values.field_types import Leaf
from reconciler.model.values.plain_values import Path, Value

T = TypeVar("T")
ANY = "*"
"""In a pattern: any key of a map, any item of a list."""


@dataclass(frozen=True, slots=True)
class ModelField:
    """A field, or an item of a map or list: its pattern (``("resources", "*", "origin")``) and its metadata.

    ``part``: the model of the map at that place, if it has known fields. ``required``: the field has no default.
    """

    pattern: Path
    metadata: tuple[Any, ...]
    part: type[Part] | None = None
    required: bool = False

    def first(self, wanted: type[T]) -> T | None:
        """The first metadata of a type, or ``None``."""
        return next((each for each in self.metadata if isinstance(each, wanted)), None)


@cache
def field_paths(model: type[Part]) -> tuple[ModelField, ...]:
    """All fields of a model, outer ones first."""
    return tuple(_fields(model, ()))


@cache
def declarations_of(model: type[Part], wanted: type[T]) -> tuple[tuple[ModelField, T], ...]:
    """The fields of a model that have metadata of a type, each with that metadata."""
    found = ((spot, spot.first(wanted)) for spot in field_paths(model))
    return tuple((spot, metadata) for spot, metadata in found if metadata is not None)


def _fields(model: type[Part], pattern: Path) -> Iterator[ModelField]:
    for name, info in model.model_fields.items():
        yield from _model_fields((*pattern, name), info.annotation, tuple(info.metadata), info.is_required())


def _model_fields(
    pattern: Path, annotation: Any, metadata: tuple[Any, ...], required: bool = False
) -> Iterator[ModelField]:
    bare, metadata = unwrapped(annotation, metadata)
    part = bare if isinstance(bare, type) and issubclass(bare, Part) else None
    spot = ModelField(pattern, metadata, part, required)
    yield spot
    if spot.first(Leaf):
        return
    if part:
        yield from _fields(part, pattern)
    elif get_origin(bare) in (dict, list):
        yield from _model_fields((*pattern, ANY), get_args(bare)[-1], ())


def unwrapped(annotation: Any, metadata: tuple[Any, ...] = ()) -> tuple[Any, tuple[Any, ...]]:
    """An annotation without ``Annotated`` and ``| None``, and the metadata with that of ``Annotated`` added."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return unwrapped(inner, (*metadata, *more))
    if get_origin(annotation) in (Union, types.UnionType):
        others = [each for each in get_args(annotation) if each is not type(None)]
        if len(others) == 1:
            return unwrapped(others[0], metadata)
    return annotation, metadata


def optional(annotation: Any) -> bool:
    """Whether an annotation allows ``None``."""
    if get_origin(annotation) is Annotated:
        return optional(get_args(annotation)[0])
    return get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)


def part_at(model: type[Part], path: tuple[int | str, ...]) -> type[Part] | None:
    """The model of the map at a path, which may contain keys of maps and indexes of lists."""
    at = {spot.pattern: spot for spot in field_paths(model)}
    pattern: Path = ()
    found: type[Part] | None = model
    for step in path:
        pattern = (*pattern, step) if isinstance(step, str) and (*pattern, step) in at else (*pattern, ANY)
        if pattern not in at:
            return None
        found = at[pattern].part
    return found


def matches(path: Path, pattern: Path) -> bool:
    """Whether a path matches a pattern."""
    return len(path) == len(pattern) and all(want in (ANY, step) for step, want in zip(path, pattern, strict=True))


def found(value: Value, pattern: Path) -> list[tuple[tuple[Any, ...], Value]]:
    """Every value in a document that matches a pattern, with its path. Absent and null values are left out."""
    at: list[tuple[tuple[Any, ...], Value]] = [((), value)]
    for step in pattern:
        if step == ANY:
            at = [((*path, key), item) for path, inner in at for key, item in _items(inner)]
        else:
            at = [((*path, step), _child(inner, step)) for path, inner in at]
        at = [each for each in at if each[1] is not None]
        if not at:
            break
    return at


def _items(value: Value) -> Iterable[tuple[Any, Value]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _child(value: Value, step: str) -> Value:
    if isinstance(value, dict):
        return value.get(step)
    # The short form of a selection, see `policy.Plans`.
    return value if isinstance(value, list) and step == "include" else None
