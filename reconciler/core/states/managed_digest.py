"""The digest of an entity's managed part: everything that planning compares or follows, without the reseller's fields.

It is cached beside a tenant's entities. `of_copy` returns the digest of a copy that is completely in sync, so that
equal digests prove, without reading a body, that nothing differs. Unequal digests prove nothing: the values may be
equal in another notation, or not be compared in this tenant.
"""

from collections.abc import Iterable
from functools import cache

import orjson

from reconciler.core.schema import (
    FieldShape,
    MakePart,
    Nodes,
    Take,
    as_is,
    composed,
    fields_of,
    nodes_in_sync,
    nodes_of,
    part_of,
)
from reconciler.model.documents.declarations import Bookkeeping, ResellerOwned
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.digests import checksum
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value


def of_actual(entity: Entity) -> str:
    """The digest of the managed part of an entity in a tenant, copy or own."""
    return _digest(entity.id, entity.origin, _managed(entity.id.kind)(entity.body, None))


def of_copy(id: EntityId, body: Body, origin: str, silent: Iterable[str] = ()) -> str:
    """The digest of a copy of an upstream's entity in a tenant that gets all of it.

    ``body``: the upstream's. ``silent``: the top-level fields that are not compared.
    """
    said = {name: value for name, value in body.items() if name not in silent}
    part = _managed_of_copy(id.kind)(said, origin)
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
def _managed(kind: str) -> MakePart:
    """Returns the managed part of bodies of a kind; it takes no context."""
    return part_of(_nodes(kind))


@cache
def _managed_of_copy(kind: str) -> MakePart:
    """Returns the managed part of a copy in sync of an upstream's body, whose key is the context."""
    return part_of(composed(nodes_in_sync(fields_of(kind)), _nodes(kind)))


def _nodes(kind: str) -> Nodes[Take]:
    return nodes_of(fields_of(kind), _part, hollow=True)


def _part(field: FieldShape) -> Take | None:
    """``None`` for fields of the reseller, and for fields of the provider alone."""
    if field.items:
        return _with_origin if field.items.with_origin else None
    if field.type == "struct":
        return None
    if field.links:
        return _set
    if field.declared is None or isinstance(field.declared, ResellerOwned | Bookkeeping):
        return None
    return _set if field.type == "set" else _leaf(field.default)


def _with_origin(part: dict[str, Value], item: Body, _: None) -> dict[str, Value]:
    return {**part, "origin": item.get("origin")}


def _leaf(default: Value) -> Take:
    """A value equal to the default counts as absent."""
    if default is None:
        return as_is
    return lambda value, _: None if value == default else value


def _set(value: Value, _: None) -> Value:
    return sorted(value) if value else None
