"""Dated amounts: the values that are effective on a day."""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import TypeAlias

from reconciler.core.schema.fields import FieldShape, kind_shapes
from reconciler.model.values.amounts import effective_amount
from reconciler.model.values.entity import Entity
from reconciler.model.values.plain_values import Body, Value


def effective(entity: Entity, on: date) -> Entity:
    """The entity with every dated amount replaced by the amount that is effective on the day."""
    body = _with_amounts(entity.id.kind)(entity.body, on)
    return entity if body is entity.body else Entity(entity.id, body, entity.origin)


def is_dated(kind: str, body: Body) -> bool:
    """Whether a document, or a part of its body, holds dated amounts, so that `effective` changes it."""
    return _with_amounts(kind)(body, date.min) is not body


@cache
def dated_fields(kind: str) -> frozenset[str]:
    """The top-level fields that may hold dated amounts, at any depth."""
    shape = kind_shapes().get(kind)
    return frozenset(field.name for field in shape.fields if _settle(field)) if shape else frozenset()


Settle: TypeAlias = Callable[[Value, date], Value]
"""Returns a value with its effective amounts; the same object if nothing in it is dated."""


@cache
def _with_amounts(kind: str) -> Settle:
    shape = kind_shapes().get(kind)
    return _struct(shape.fields) if shape else lambda value, _: value


def _struct(fields: tuple[FieldShape, ...]) -> Settle:
    inner = tuple((field.name, settle) for field in fields if (settle := _settle(field)) is not None)

    def settled(body: Value, on: date) -> Value:
        after = {}
        for name, settle in inner:
            value = body.get(name)
            if value is not None and (held := settle(value, on)) is not value:
                after[name] = held
        return {**body, **after} if after else body

    return settled


def _settle(field: FieldShape) -> Settle | None:
    """``None`` for a field that cannot hold dated amounts."""
    if field.type == "amount":
        return lambda value, on: effective_amount(value, on) if isinstance(value, list) else value
    if field.type not in ("struct", "items") or not any(_settle(each) for each in field.fields):
        return None
    inner = _struct(field.fields)
    return inner if field.type == "struct" else _each(inner)


def _each(inner: Settle) -> Settle:
    def settled(items: Value, on: date) -> Value:
        after = {key: held for key, item in items.items() if (held := inner(item, on)) is not item}
        return {**items, **after} if after else items

    return settled
