"""Copies: what a tenant gets of an upstream's entity, by the declarations on its fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.core.shape import FieldShape
from reconciler.model.keys import EntityId
from reconciler.model.sync import EMPTY, GATED, Own
from reconciler.model.values import Body, Value


def copy_of(body: Body, fields: tuple[FieldShape, ...], origin: str) -> dict[str, Value]:
    """The body of a new copy: every declared field at its creation value; what is gated is left out (CB-21)."""
    copy: dict[str, Value] = {}
    for field in fields:
        value = _copied(body.get(field.name), field, origin)
        if value is not None and value != {} and value != []:
            copy[field.name] = value
    return copy


def _copied(value: Value, field: FieldShape, origin: str) -> Value:
    if field.links:
        return value
    if field.items and field.items.at_creation == GATED:
        return None
    if field.items:
        return {
            key: copy_of_item(item, field, origin) for key, item in (value or {}).items() if not dormant(item, field)
        }
    if field.type == "struct":
        return copy_of(value or {}, field.fields, origin)
    match at_creation(field):
        case "copied":
            return value
        case "empty" | "gated":
            return None
        case constant:
            return constant


def copy_of_item(item: Body, field: FieldShape, origin: str) -> dict[str, Value]:
    """An item of a map, such as a rate; it carries its own origin where its kind of item does."""
    copy = copy_of(item, field.fields, origin)
    assert field.items is not None
    return {**copy, "origin": origin} if field.items.with_origin else copy


def dormant(item: Body, field: FieldShape) -> bool:
    """Whether an upstream's item is switched off, so that a copy which lacks it lacks nothing (CB-23)."""
    flag = field.items.dormant if field.items else None
    return flag is not None and item.get(flag, True) is False


def at_creation(field: FieldShape) -> Any:
    """What a field gets at creation; a field that nobody declared stays at the provider."""
    if field.items:
        return field.items.at_creation
    return field.declared.at_creation if field.declared else EMPTY


@dataclass(frozen=True, slots=True)
class Takeover:
    """An own entity of the tenant that becomes a copy: the reseller's fields, items and links stay, else the copy's.

    ``origin``: the upstream's key. ``own``: whether an entity that the tenant links to is its own.
    """

    origin: str
    own: Callable[[EntityId], bool]

    def body(self, have: Body, copy: Body, fields: tuple[FieldShape, ...]) -> dict[str, Value]:
        """The body after it; ``have`` is the tenant's, ``copy`` what `copy_of` gives."""
        names = {field.name for field in fields}
        kept = {name: value for name, value in have.items() if name not in names}
        taken = {field.name: self._field(have.get(field.name), copy.get(field.name), field) for field in fields}
        return {**kept, **{name: value for name, value in taken.items() if value not in (None, {}, [])}}

    def _field(self, have: Value, copy: Value, field: FieldShape) -> Value:
        if field.items:
            return self._items(have or {}, copy or {}, field)
        if field.type == "struct":
            return self.body(have or {}, copy or {}, field.fields)
        if field.ref and field.ref.with_origin:
            kind = field.ref.kind
            return sorted({*(key for key in have or [] if self.own(EntityId(kind, key))), *(copy or [])})
        keeps = field.declared is None or isinstance(field.declared, Own) or at_creation(field) == GATED
        return have if keeps and not field.links else copy

    def _items(self, mine: Body, theirs: Body, field: FieldShape) -> dict[str, Value]:
        assert field.items is not None
        with_origin = field.items.with_origin
        own = {key: item for key, item in mine.items() if not with_origin or item.get("origin") != self.origin}
        taken = {
            key: self.body(mine[key], item, field.fields) if key in mine else dict(item) for key, item in theirs.items()
        }
        if with_origin:
            taken = {key: {**item, "origin": self.origin} for key, item in taken.items()}
        return {**own, **taken}
