"""The synchronised part of an entity: all of it that planning compares or follows, and nothing that is the reseller's.

Its digest is kept beside a tenant's entities. `of_copy` gives the digest that an entity's copy has once it is wholly
in sync, so that equal digests say, without a body being read, that there is nothing to compare. Unequal ones say
nothing yet: what is spelt otherwise, or is not compared in this tenant, is then found to be no difference.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import TypeAlias

import orjson

from reconciler.core.copying import at_creation, dormant
from reconciler.core.shape import FieldShape, fields_of
from reconciler.model.entity import Entity
from reconciler.model.keys import EntityId
from reconciler.model.kinds import STATE_KINDS
from reconciler.model.sync import GATED, Kept, Own
from reconciler.model.values import Body, Value

Part: TypeAlias = Callable[[Value], Value]
"""Makes a value into its synchronised part; ``None``, an empty list or an empty map where nothing is left."""
_SIZE = 16


def of_actual(entity: Entity) -> str:
    """The digest of an entity's synchronised part, as it stands in a tenant, whose copy or own it be."""
    return _digest(entity.id, entity.origin, _parts(entity.id.kind, None)(entity.body))


def of_copy(id: EntityId, body: Body, origin: str, silent: Iterable[str] = ()) -> str:
    """The digest that the copy of an upstream's entity has, in a tenant that gets all of it.

    ``body``: the upstream's. ``silent``: the top-level fields of which nothing is said.
    """
    part = _parts(id.kind, origin)(body)
    for name in silent:
        part.pop(name, None)
    return _digest(id, origin, part)


@cache
def version() -> str:
    """Of what the synchronised part is: digests of another version say nothing."""
    shapes = repr([(kind, fields_of(kind)) for kind in sorted(STATE_KINDS)])
    return hashlib.blake2b(shapes.encode(), digest_size=_SIZE).hexdigest()


def _digest(id: EntityId, origin: str | None, part: Body) -> str:
    data = orjson.dumps((*id, origin, part), option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(data, digest_size=_SIZE).hexdigest()


@cache
def _parts(kind: str, copied_from: str | None) -> Part:
    """For bodies of a kind: those of an upstream's originals, or with ``None`` those that stand in a tenant."""
    return _struct(fields_of(kind), copied_from)


def _struct(fields: tuple[FieldShape, ...], copied_from: str | None) -> Part:
    parts = {field.name: part for field in fields if (part := _part(field, copied_from)) is not None}
    by_default = {name: made for name, part in parts.items() if not _is_nothing(made := part(None))}

    def struct(body: Value) -> dict[str, Value]:
        made = by_default.copy()
        for name, value in body.items() if body else ():
            part = parts.get(name)
            if part is not None:
                inner = part(value)
                if inner or not _is_nothing(inner):
                    made[name] = inner
                elif name in made:
                    del made[name]
        return made

    return struct


def _is_nothing(value: Value) -> bool:
    return value is None or (not value and value.__class__ in (dict, list))


def _part(field: FieldShape, copied_from: str | None) -> Part | None:
    """``None`` for what is the reseller's, or the provider's alone."""
    if field.items:
        return _items(field, copied_from)
    if field.type == "struct":
        return _struct(field.fields, copied_from)
    if field.links:
        return _set
    if field.declared is None or isinstance(field.declared, Own | Kept):
        return None
    return _leaf(field, copied_from)


def _items(field: FieldShape, copied_from: str | None) -> Part:
    assert field.items is not None
    inner, with_origin, may_sleep = _struct(field.fields, copied_from), field.items.with_origin, field.items.dormant

    def there(items: Value) -> dict[str, Value]:
        if not with_origin:
            return {key: inner(item) for key, item in (items or {}).items()}
        return {key: {**inner(item), "origin": item.get("origin")} for key, item in (items or {}).items()}

    def copied(items: Value) -> dict[str, Value]:
        made = {key: inner(item) for key, item in items.items() if not (may_sleep and dormant(item, field))}
        if with_origin:
            for item in made.values():
                item["origin"] = copied_from
        return made

    return there if copied_from is None else lambda items: copied(items or {})


def _leaf(field: FieldShape, copied_from: str | None) -> Part:
    """What equals the default may as well be absent."""
    default, constant = field.default, at_creation(field)
    if copied_from is not None and constant not in ("copied", GATED):
        return lambda _: None if constant == default else constant
    if field.type == "set":
        return _set
    if default is None:
        return _whole
    return lambda value: None if value == default else value


def _whole(value: Value) -> Value:
    return value


def _set(value: Value) -> Value:
    return sorted(value) if value else None
