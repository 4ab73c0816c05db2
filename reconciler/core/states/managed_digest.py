"""The digest of an entity's managed part: everything that planning compares or follows, without the reseller's fields.

It is cached beside a tenant's entities. `of_copy` returns the digest of a copy that is completely in sync, so that
equal digests prove, without reading a body, that nothing differs. Unequal digests prove nothing: the values may be
equal in another notation, or not be compared in this tenant.
"""

from collections.abc import Callable, Iterable
from functools import cache
from typing import TypeAlias

import orjson

from reconciler.core.schema import FieldShape, copy_in_sync, fields_of
from reconciler.model.documents.declarations import Bookkeeping, ResellerOwned
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.digests import checksum
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value

ManagedPart: TypeAlias = Callable[[Value], Value]
"""Returns the managed part of a value; ``None``, or an empty list or map, if nothing is left."""


def of_actual(entity: Entity) -> str:
    """The digest of the managed part of an entity in a tenant, copy or own."""
    return _digest(entity.id, entity.origin, _managed(entity.id.kind)(entity.body))


def of_copy(id: EntityId, body: Body, origin: str, silent: Iterable[str] = ()) -> str:
    """The digest of a copy of an upstream's entity in a tenant that gets all of it.

    ``body``: the upstream's. ``silent``: the top-level fields that are not compared.
    """
    said = {name: value for name, value in body.items() if name not in silent}
    part = _managed(id.kind)(copy_in_sync(said, fields_of(id.kind), origin))
    for name in silent:
        part.pop(name, None)
    return _digest(id, origin, part)


@cache
def shape_version() -> str:
    """A digest of what the managed part contains: digests of another version are not comparable."""
    shapes = repr([(kind, fields_of(kind)) for kind in sorted(STATE_KINDS)])
    return checksum(shapes.encode()).hex()


def _digest(id: EntityId, origin: str | None, part: Body) -> str:
    data = orjson.dumps((*id, origin, part), option=orjson.OPT_SORT_KEYS)
    return checksum(data).hex()


@cache
def _managed(kind: str) -> ManagedPart:
    """Returns the managed part of bodies of a kind."""
    return _struct(fields_of(kind))


def _struct(fields: tuple[FieldShape, ...]) -> ManagedPart:
    parts = {field.name: part for field in fields if (part := _part(field)) is not None}

    def struct(body: Value) -> dict[str, Value]:
        made = {}
        for name, value in body.items() if body else ():
            part = parts.get(name)
            if part is not None:
                inner = part(value)
                if inner or not _is_nothing(inner):
                    made[name] = inner
        return made

    return struct


def _is_nothing(value: Value) -> bool:
    return value is None or (not value and value.__class__ in (dict, list))


def _part(field: FieldShape) -> ManagedPart | None:
    """``None`` for fields of the reseller, and for fields of the provider alone."""
    if field.items:
        return _items(field)
    if field.type == "struct":
        return _struct(field.fields)
    if field.links:
        return _set
    if field.declared is None or isinstance(field.declared, ResellerOwned | Bookkeeping):
        return None
    return _set if field.type == "set" else _leaf(field.default)


def _items(field: FieldShape) -> ManagedPart:
    assert field.items is not None
    inner = _struct(field.fields)
    if not field.items.with_origin:
        return lambda items: {key: inner(item) for key, item in (items or {}).items()}
    return lambda items: {key: {**inner(item), "origin": item.get("origin")} for key, item in (items or {}).items()}


def _leaf(default: Value) -> ManagedPart:
    """A value equal to the default counts as absent."""
    if default is None:
        return lambda value: value
    return lambda value: None if value == default else value


def _set(value: Value) -> Value:
    return sorted(value) if value else None
