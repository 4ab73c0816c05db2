"""The field table: the declarations on the documents' fields, derived once, in the form that the diff reads.

The diff and the judge read shapes and know no kinds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from reconciler.core.schema.model_walk import ANY, unwrapped
from reconciler.model.documents.catalog import Document
from reconciler.model.documents.declarations import (
    EMPTY,
    Bookkeeping,
    Declaration,
    Items,
    KindSync,
    Links,
    Ref,
    ResellerOwned,
    Synced,
    Unmanaged,
)
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.field_types import Leaf
from reconciler.model.values.plain_values import Body, Path, Value

T = TypeVar("T")
OF_EVERY_DOCUMENT = frozenset(Document.model_fields)


@dataclass(frozen=True, slots=True)
class FieldShape:
    """One field: its type (``struct``, ``items`` or a leaf's), its declarations, and the fields inside it."""

    name: str
    path: Path
    type: str
    default: Value
    declared: Declaration | None = None
    items: Items | None = None
    links: Links | None = None
    ref: Ref | None = None
    fields: tuple["FieldShape", ...] = ()
    required: bool = False

    @property
    def copied(self) -> bool:
        """Whether a copy has the field."""
        if isinstance(self.declared, ResellerOwned) and self.declared.at_creation == EMPTY:
            return False
        return bool(self.declared or self.items or self.links or any(each.copied for each in self.fields))

    @property
    def brings(self) -> bool:
        """Whether the entities that the field references are delegated with it (links between peers are not)."""
        return bool(self.ref and self.ref.copied and not self.links and self.copied)


@dataclass(frozen=True, slots=True)
class KindShape:
    """One kind: how its entities are created and removed, and its fields."""

    kind: str
    sync: KindSync
    fields: tuple[FieldShape, ...]

    def field(self, name: str) -> FieldShape:
        return next(each for each in self.fields if each.name == name)


@cache
def kind_shapes() -> Mapping[str, KindShape]:
    """The shape of every synchronised kind."""
    return {kind: _kind_shape(kind, model) for kind, model in STATE_KINDS.items() if model.sync}


def _kind_shape(kind: str, model: type[Document]) -> KindShape:
    assert model.sync is not None
    return KindShape(kind, model.sync, fields_of(kind))


def fields_of(kind: str) -> tuple[FieldShape, ...]:
    """The fields of any kind that may be in a tenant's state, without kind and key."""
    return fields_of_model(STATE_KINDS[kind])


@cache
def fields_of_model(model: type[BaseModel]) -> tuple[FieldShape, ...]:
    """The fields of a document's model, without kind and key."""
    return _shapes(model, (), skip=("kind", "key"))


def field_at(fields: tuple[FieldShape, ...], path: Path) -> FieldShape | None:
    """The shape of the field at a path; any key of a map matches."""
    for field in fields:
        below = path[len(field.path) :]
        if all(mine in (ANY, theirs) for mine, theirs in zip(field.path, path, strict=False)):
            if not below:
                return field if len(field.path) == len(path) else None
            inner = field_at(field.fields, path)
            if inner or (field.type in ("items", "amounts", "map") and len(below) == 1):
                return inner or field
    return None


def prune_empty(body: Body, fields: tuple[FieldShape, ...]) -> dict[str, Value]:
    """The body without absent values: ``None``, empty lists and empty maps. Items of a map stay, even empty ones."""
    result: dict[str, Value] = {}
    shapes = {field.name: field for field in fields}
    for name, value in body.items():
        field = shapes.get(name)
        if field and field.fields and isinstance(value, Mapping):
            value = _tidied(value, field)
        if value is not None and value != {} and value != []:
            result[name] = value
    return shared_if_same(result, body)


def shared_if_same(made: dict[str, Value], given: Body) -> dict[str, Value]:
    """``made``, or ``given`` itself if both are equal, so that equal bodies share memory.

    Bodies are never changed in place.
    """
    if not isinstance(given, dict) or len(made) != len(given):
        return made
    for name, value in made.items():
        if given.get(name) is not value:
            return made
    return given


def _tidied(value: Body, field: FieldShape) -> Body:
    if field.type == "struct":
        return prune_empty(value, field.fields)
    items = {key: item for key, item in value.items() if item is not None}
    tidied = {
        key: prune_empty(item, field.fields) if isinstance(item, Mapping) else item for key, item in items.items()
    }
    return shared_if_same(tidied, value)


def without_origins(body: Body, fields: tuple[FieldShape, ...]) -> Body:
    """A body as it is in a catalog document: its items have no origin (ORIGIN-04)."""
    maps = {field.name: body.get(field.name) or {} for field in fields if field.items and field.items.with_origin}
    plain = {
        name: {key: {part: value for part, value in item.items() if part != "origin"} for key, item in items.items()}
        for name, items in maps.items()
    }
    return {**body, **plain}


def _shapes(model: type[BaseModel], path: Path, skip: tuple[str, ...] = ()) -> tuple[FieldShape, ...]:
    return tuple(_shape(name, info, path) for name, info in model.model_fields.items() if name not in skip)


def _shape(name: str, info: FieldInfo, parent: Path) -> FieldShape:
    annotation, metadata = unwrapped(info.annotation, tuple(info.metadata))
    path = (*parent, name)
    type_, fields = _type(annotation, metadata, path)
    declared = next((each for each in metadata if isinstance(each, Declaration)), None)
    default = info.default if info.default is not PydanticUndefined else None
    return FieldShape(
        name=name,
        path=path,
        type=type_,
        default=default,
        declared=declared,
        items=_first(metadata, Items),
        links=_first(metadata, Links),
        ref=_first(metadata, Ref),
        fields=fields,
        required=info.is_required(),
    )


def _type(annotation: Any, metadata: tuple[Any, ...], path: Path) -> tuple[str, tuple[FieldShape, ...]]:
    leaf = _first(metadata, Leaf)
    if leaf:
        return leaf.type, _inner(annotation, path)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "struct", _shapes(annotation, path)
    if get_origin(annotation) is dict:
        item, inner = unwrapped(get_args(annotation)[1])
        if isinstance(item, type) and issubclass(item, BaseModel):
            return "items", _shapes(item, (*path, ANY))
        held, _ = _type(item, inner, path)
        return ("amounts" if held in ("amount", "amounts") else "map"), ()
    item = next(iter(get_args(annotation)), None)
    return "list", _inner(item, (*path, ANY))


def _inner(annotation: Any, path: Path) -> tuple[FieldShape, ...]:
    """The fields inside a value that is compared as a whole."""
    part = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return _shapes(annotation, path) if part else ()


def _first(metadata: tuple[Any, ...], wanted: type[T]) -> T | None:
    return next((each for each in metadata if isinstance(each, wanted)), None)


def bookkeeping_fields(fields: tuple[FieldShape, ...]) -> tuple[FieldShape, ...]:
    """The fields in which the reconciler stores what it last applied."""
    return tuple(field for field in fields if isinstance(field.declared, Bookkeeping))


def locked_fields(fields: tuple[FieldShape, ...]) -> tuple[str, ...]:
    """The fields of a mirror that its distributor may not change, sorted (SUB-38)."""
    return tuple(sorted(field.name for field in fields if is_locked(fields, (field.name,))))


def is_locked(fields: tuple[FieldShape, ...], path: Path) -> bool:
    """Whether only the reconciler may write a mirror's field, or an item of it. Undeclared fields are locked, except
    those that every document may have.
    """
    field = next((each for each in fields if each.name == path[0]), None)
    if field is None or path[0] in OF_EVERY_DOCUMENT:
        return field is None
    if field.type in ("items", "struct"):
        below = path[2:] if field.type == "items" else path[1:]
        return is_locked(field.fields, below) if below else True
    if isinstance(field.declared, Synced):
        return not field.declared.until_edited
    return not isinstance(field.declared, ResellerOwned)


def unmanaged_fields(fields: tuple[FieldShape, ...]) -> tuple[FieldShape, ...]:
    """The fields whose value in a tenant no upstream changes."""
    return tuple(field for field in fields if isinstance(field.declared, Unmanaged))
