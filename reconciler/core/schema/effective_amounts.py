"""Dated amounts: the values that are effective on a day."""

from datetime import date
from functools import cache

from reconciler.core.schema.body_walk import Nodes, nodes_of, replaced
from reconciler.core.schema.fields import FieldShape, kind_shapes
from reconciler.model.values.amounts import effective_amount
from reconciler.model.values.entity import Entity
from reconciler.model.values.plain_values import Body, Value


def effective(entity: Entity, on: date) -> Entity:
    """The entity with every dated amount replaced by the amount that is effective on the day."""
    body = _with_amounts(entity.id.kind, entity.body, on)
    return entity if body is entity.body else Entity(entity.id, body, entity.origin)


def is_dated(kind: str, body: Body) -> bool:
    """Whether a document, or a part of its body, holds dated amounts, so that `effective` changes it."""
    return _with_amounts(kind, body, date.min) is not body


@cache
def dated_fields(kind: str) -> frozenset[str]:
    """The top-level fields that may hold dated amounts, at any depth."""
    return frozenset(node.name for node in _amounts(kind))


def is_amount_field(field: FieldShape) -> bool:
    """Whether the field is an amount, which may be dated."""
    return field.type == "amount"


@cache
def _amounts(kind: str) -> Nodes[bool]:
    shape = kind_shapes().get(kind)
    return nodes_of(shape.fields, lambda field: is_amount_field(field) or None) if shape else ()


def _with_amounts(kind: str, body: Body, on: date) -> Body:
    def amount(_: bool, value: Value) -> Value:
        return effective_amount(value, on) if isinstance(value, list) else value

    return replaced(body, _amounts(kind), amount)
