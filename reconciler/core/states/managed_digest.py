"""The synchronised part of an entity: all of it that planning compares or follows, and nothing that is the reseller's.

Its digest is kept beside a tenant's entities. `of_copy` gives the digest that an entity's copy has once it is wholly
in sync, so that equal digests say, without a body being read, that there is nothing to compare. Unequal ones say
nothing yet: what is spelt otherwise, or is not compared in this tenant, is then found to be no difference.
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

Part: TypeAlias = Callable[[Value], Value]
"""Makes a value into its synchronised part; ``None``, an empty list or an empty map where nothing is left."""


def of_actual(entity: Entity) -> str:
    """The digest of an entity's synchronised part, as it stands in a tenant, whose copy or own it be."""
    return _digest(entity.id, entity.origin, _managed(entity.id.kind)(entity.body))


def of_copy(id: EntityId, body: Body, origin: str, silent: Iterable[str] = ()) -> str:
    """The digest that the copy of an upstream's entity has, in a tenant that gets all of it.

    ``body``: the upstream's. ``silent``: the top-level fields of which nothing is said.
    """
    said = {name: value for name, value in body.items() if name not in silent}
    part = _managed(id.kind)(copy_in_sync(said, fields_of(id.kind), origin))
    for name in silent:
        part.pop(name, None)
    return _digest(id, origin, part)


@cache
def shape_version() -> str:
    """Of what the synchronised part is: digests of another version say nothing."""
    shapes = repr([(kind, fields_of(kind)) for kind in sorted(STATE_KINDS)])
    return checksum(shapes.encode()).hex()


def _digest(id: EntityId, origin: str | None, part: Body) -> str:
    data = orjson.dumps((*id, origin, part), option=orjson.OPT_SORT_KEYS)
    return checksum(data).hex()


@cache
def _managed(kind: str) -> Part:
    """For bodies of a kind, as they stand in a tenant."""
    return _struct(fields_of(kind))


def _struct(fields: tuple[FieldShape, ...]) -> Part:
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


def _part(field: FieldShape) -> Part | None:
    """``None`` for what is the reseller's, or the provider's alone."""
    if field.items:
        return _items(field)
    if field.type == "struct":
        return _struct(field.fields)
    if field.links:
        return _set
    if field.declared is None or isinstance(field.declared, ResellerOwned | Bookkeeping):
        return None
    return _set if field.type == "set" else _leaf(field.default)


def _items(field: FieldShape) -> Part:
    assert field.items is not None
    inner = _struct(field.fields)
    if not field.items.with_origin:
        return lambda items: {key: inner(item) for key, item in (items or {}).items()}
    return lambda items: {key: {**inner(item), "origin": item.get("origin")} for key, item in (items or {}).items()}


def _leaf(default: Value) -> Part:
    """What equals the default may as well be absent."""
    if default is None:
        return lambda value: value
    return lambda value: None if value == default else value


def _set(value: Value) -> Value:
    return sorted(value) if value else None
