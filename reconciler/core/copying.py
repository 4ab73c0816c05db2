"""Copies: what a tenant gets of an upstream's entity, by the declarations on its fields."""

from typing import Any

from reconciler.core.shape import FieldShape
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
    return field.declared.at_creation if field.declared else EMPTY


def taken_over(have: Body, copy: Body, fields: tuple[FieldShape, ...]) -> dict[str, Value]:
    """An own entity of the tenant that becomes a copy: the reseller's fields and own items stay, else the copy's.

    ``have`` is the tenant's body, ``copy`` what `copy_of` gives.
    """
    result: dict[str, Value] = {}
    for field in fields:
        value = _taken(have.get(field.name), copy.get(field.name), field)
        if value is not None and value != {} and value != []:
            result[field.name] = value
    kept = {name: value for name, value in have.items() if name not in {field.name for field in fields}}
    return {**kept, **result}


def _taken(have: Value, copy: Value, field: FieldShape) -> Value:
    if field.items:
        mine, theirs = have or {}, copy or {}
        origin = {key: {"origin": item["origin"]} for key, item in theirs.items() if "origin" in item}
        merged = {
            key: {**taken_over(mine.get(key, {}), item, field.fields), **origin.get(key, {})}
            for key, item in theirs.items()
        }
        return {**mine, **merged}
    if field.type == "struct":
        return taken_over(have or {}, copy or {}, field.fields)
    if field.links or (field.ref and field.ref.with_origin):
        return sorted({*(have or []), *(copy or [])})
    keeps = field.declared is None or isinstance(field.declared, Own) or at_creation(field) == GATED
    return have if keeps else copy
