# long: the field table, and every walk that reads it
"""The field table: the declarations on the documents' fields, derived once, in the form that the diff reads.

The diff and the judge read shapes and know no kinds. A `RuleBook` holds all declarations as one value, so that tests
can take one away and expect a scenario to fail.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

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
from reconciler.model.documents.options import GUARDS, VETOES, VetoRule
from reconciler.model.documents.subscriptions import ACTIONS, SubscriptionAction
from reconciler.model.values.field_types import Leaf
from reconciler.model.values.keys import EntityId, snake
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


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Every declaration that decides: kinds with their fields, vetoes, preconditions and guards in force, and the
    actions on subscriptions, including the denied ones.
    """

    kinds: Mapping[str, KindShape]
    vetoes: Mapping[str, VetoRule]
    preconditions: frozenset[str]
    actions: Mapping[str, SubscriptionAction]
    guards: frozenset[str] = frozenset(GUARDS)
    _branches: dict[tuple[str, str], tuple["Branch", ...]] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def branches(self, kind: str, of: Literal["all", "giving", "staying", "any"] = "all") -> tuple["Branch", ...]:
        """The fields of a kind that reference other entities.

        ``of`` selects the fields: ``all`` whose targets are delegated with the body, ``giving`` only those that a
        service template gives (IW-12), ``staying`` only those that no upstream changes, ``any`` field that references
        an entity of a tenant.
        """
        known = self._branches.get((kind, of))
        if known is None:
            fields = self.kinds[kind].fields
            if of == "giving":
                fields = tuple(each for each in fields if each.ref and each.ref.gives)
            elif of == "staying":
                fields = unmanaged(fields)
            known = self._branches[kind, of] = branches_of(fields, _names_an_entity if of == "any" else _brings)
        return known

    def declarations(self) -> Iterator[str]:
        """The ids of all declarations, as `without` takes them."""
        for shape in self.kinds.values():
            yield from _kind_ids(shape)
            yield from _field_ids(snake(shape.kind), shape.fields)
        yield from (f"veto:{veto}" for veto in self.vetoes)
        yield from (f"precondition:{each}" for each in sorted(self.preconditions))
        yield from (f"guard:{each}" for each in sorted(self.guards))
        yield from (f"denied:{each.id}" for each in self.actions.values() if each.denied)

    def without(self, declaration: str) -> "RuleBook":
        """A copy of the book without one declaration. Raises ``KeyError`` for an unknown id."""
        if declaration not in set(self.declarations()):
            raise KeyError(declaration)
        head, _, rest = declaration.partition(":")
        if head == "veto":
            return replace(self, vetoes={key: veto for key, veto in self.vetoes.items() if key != rest})
        if head == "precondition":
            return replace(self, preconditions=self.preconditions - {rest})
        if head == "guard":
            return replace(self, guards=self.guards - {rest})
        if head == "denied":
            return replace(self, actions={**self.actions, rest: replace(self.actions[rest], denied=None)})
        kinds = {
            kind: _kind_without(shape, declaration) if declaration.startswith(_prefixes(shape)) else shape
            for kind, shape in self.kinds.items()
        }
        return replace(self, kinds=kinds)


def _prefixes(shape: KindShape) -> tuple[str, str]:
    return (f"{snake(shape.kind)}:", f"{snake(shape.kind)}.")


def _kind_ids(shape: KindShape) -> Iterator[str]:
    name = snake(shape.kind)
    yield from (f"{name}:{part}" for part in ("created", "removed", "dependent") if getattr(shape.sync, part))


def _field_ids(prefix: str, fields: tuple[FieldShape, ...]) -> Iterator[str]:
    for field in fields:
        path = f"{prefix}.{field.name}"
        if field.declared:
            yield path
        comes = field.items or field.links
        yield from (f"{path}:{part}" for part in ("created", "removed") if comes and getattr(comes, part))
        yield from _field_ids(f"{path}.*" if field.type == "items" else path, field.fields)


def _kind_without(shape: KindShape, declaration: str) -> KindShape:
    name = snake(shape.kind)
    head, _, part = declaration.partition(":")
    if head == name:
        gone: dict[str, Any] = {part: None}
        return replace(shape, sync=replace(shape.sync, **gone))
    return replace(shape, fields=_fields_without(name, shape.fields, declaration))


def _fields_without(prefix: str, fields: tuple[FieldShape, ...], declaration: str) -> tuple[FieldShape, ...]:
    return tuple(_field_without(f"{prefix}.{field.name}", field, declaration) for field in fields)


def _field_without(path: str, field: FieldShape, declaration: str) -> FieldShape:
    head, _, part = declaration.partition(":")
    if head == path and not part:
        return replace(field, declared=None)
    if head == path:
        gone: dict[str, Any] = {part: None}
        return replace(
            field,
            items=replace(field.items, **gone) if field.items else None,
            links=replace(field.links, **gone) if field.links else None,
        )
    inside = f"{path}.*" if field.type == "items" else path
    return replace(field, fields=_fields_without(inside, field.fields, declaration))


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
    if isinstance(given, dict) and len(made) == len(given) and all(made[name] is given.get(name) for name in made):
        return given
    return made


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


def rule_book(preconditions: frozenset[str]) -> RuleBook:
    """A book of all declarations."""
    return RuleBook(kind_shapes(), VETOES, preconditions, ACTIONS)


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


class Branch(NamedTuple):
    """A field that references entities of ``kind``, or a field with such fields inside it (in each item if
    ``items``).
    """

    name: str
    kind: str | None
    items: bool
    inside: tuple["Branch", ...]


def _brings(field: FieldShape) -> bool:
    return field.brings


def _names_an_entity(field: FieldShape) -> bool:
    """Whether the value is a key, or a set of keys, of entities that a tenant may have."""
    return field.ref is not None and field.ref.at == "value"


def branches_of(fields: tuple[FieldShape, ...], names: Callable[[FieldShape], bool] = _brings) -> tuple[Branch, ...]:
    """The branches of ``fields``. ``names`` selects the referencing fields; by default those whose targets are
    delegated with a body (copied references, but not links between peers).
    """
    return tuple(each for field in fields if (each := _branch(field, names)).kind or each.inside)


def _branch(field: FieldShape, names: Callable[[FieldShape], bool]) -> Branch:
    if field.ref and names(field):
        return Branch(field.name, field.ref.kind, items=False, inside=())
    inside = branches_of(field.fields, names) if field.type in ("struct", "items") else ()
    return Branch(field.name, None, field.type == "items", inside)


def named_in(body: Body, branches: tuple[Branch, ...], found: set[tuple[str, str]]) -> None:
    """Adds the kind and key of every entity that a body references to ``found``."""
    for name, kind, items, inside in branches:
        value = body.get(name)
        if value is None:
            continue
        if kind and isinstance(value, str):
            found.add((kind, value))
        elif kind:
            found.update((kind, key) for key in value)
        elif items:
            for item in value.values():
                named_in(item, inside, found)
        else:
            named_in(value, inside, found)


def references(body: Body, fields: tuple[FieldShape, ...]) -> Iterator[EntityId]:
    """The entities that a body's copied references point to, and which are delegated with it (no links between
    peers).
    """
    for field in fields:
        value = body.get(field.name)
        if value is None:
            continue
        if field.ref and field.brings:
            for key in [value] if isinstance(value, str) else value:
                yield EntityId(field.ref.kind, key)
        elif field.type == "struct":
            yield from references(value, field.fields)
        elif field.type == "items":
            for item in value.values():
                yield from references(item, field.fields)


def kept(fields: tuple[FieldShape, ...]) -> tuple[FieldShape, ...]:
    """The fields in which the reconciler stores what it last applied."""
    return tuple(field for field in fields if isinstance(field.declared, Bookkeeping))


def locked(fields: tuple[FieldShape, ...]) -> tuple[str, ...]:
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


def unmanaged(fields: tuple[FieldShape, ...]) -> tuple[FieldShape, ...]:
    """The fields whose value in a tenant no upstream changes."""
    return tuple(field for field in fields if isinstance(field.declared, Unmanaged))
