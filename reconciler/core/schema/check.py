"""Checks that what a store returned has the shape of a state: a row that was edited by hand may hold anything.

The rest of the core relies on the shape of bodies, so it is checked once, where a state is read. The check covers types
and amounts only: unknown fields are accepted, and so are references to entities that do not exist.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TypeAlias

from reconciler.core.schema.fields import FieldShape, fields_of
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.amounts import AMOUNT
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.field_types import quoted_value
from reconciler.model.values.plain_values import Body, Path, Value, render_path

ValueCheck: TypeAlias = Callable[[Value], bool]


def faults(state: State) -> Iterator[str]:
    """Every fault, one string each: ``plan/web-basic#periods.P1M.fees.setup is 5, not an amount``."""
    for id, each in state.items():
        if id.kind not in STATE_KINDS:
            yield f'{id} is of a kind that there is not: "{id.kind}"'
        elif not (_sound(id.kind)(each.body) and _is_origin(each.origin)):
            yield from sorted(f"{id}{said}" for said in _said(each))


def _said(found: Entity) -> Iterator[str]:
    if not _is_origin(found.origin):
        yield f"#origin is {quoted_value(found.origin)}, not a tenant's key"
    if not _is_map(found.body):
        yield f" is {quoted_value(found.body)}, not a map"
        return
    for path, value, expected in _wrong(found.body, fields_of(found.id.kind), ()):
        yield f"#{render_path(path)} is {quoted_value(value)}, not {expected}"


def _wrong(body: Body, fields: tuple[FieldShape, ...], path: Path) -> Iterator[tuple[Path, Value, str]]:
    """The deepest paths at which a body differs from its declaration: the path, the value there, and what was
    expected.
    """
    for field in fields:
        value, here = body.get(field.name), (*path, field.name)
        if field.name not in body or _check(field)(value):
            continue
        if field.type == "struct" and isinstance(value, Mapping):
            yield from _wrong(value, field.fields, here)
        elif field.type == "items" and isinstance(value, Mapping):
            for key, item in value.items():
                if isinstance(item, Mapping):
                    yield from _wrong(item, field.fields, (*here, key))
                else:
                    yield (*here, key), item, "a map"
        elif field.type == "amounts" and isinstance(value, Mapping):
            yield from (
                ((*here, key), each, _EXPECTED["amount"]) for key, each in value.items() if not _is_amount(each)
            )
        else:
            yield here, value, _EXPECTED[field.type]


_EXPECTED = {
    "text": "a string",
    "key": "a key",
    "flag": "true or false",
    "whole": "a whole number",
    "amount": "an amount in quotes",
    "amounts": "a map of amounts",
    "set": "a list of keys",
    "list": "a list",
    "map": "a map of plain values",
    "struct": "a map",
    "items": "a map of maps",
    "memory": "what was applied last",
    "part": "a map with all of its fields",
}


@cache
def _sound(kind: str) -> ValueCheck:
    return _fits(fields_of(kind))


def _fits(fields: tuple[FieldShape, ...]) -> ValueCheck:
    """A fast check of a map with known fields, which only returns whether the map is valid."""
    checks = {field.name: _check(field) for field in fields}

    def fits(body: Value) -> bool:
        if not _is_map(body):
            return False
        for name, value in body.items():
            check = checks.get(name)
            if check is not None and not check(value):
                return False
        return True

    return fits


@cache
def _check(field: FieldShape) -> ValueCheck:
    if field.type == "struct":
        return _fits(field.fields)
    if field.type == "items":
        return _all_are(_fits(field.fields))
    if field.type == "memory":
        return _fits(field.fields)
    if field.type == "part":
        return _whole(field.fields)
    if field.type == "list" and field.fields:
        return _list_of(_whole(field.fields))
    return _LEAVES[field.type]


def _all_are(item: ValueCheck) -> ValueCheck:
    return lambda value: _is_map(value) and all(map(item, value.values()))


def _whole(fields: tuple[FieldShape, ...]) -> ValueCheck:
    """The check of a map in which every required field must be present."""
    fits, required = _fits(fields), tuple(each.name for each in fields if each.required)
    return lambda value: fits(value) and all(name in value for name in required)


def _list_of(item: ValueCheck) -> ValueCheck:
    return lambda value: isinstance(value, list) and all(map(item, value))


def _is_map(value: Value) -> bool:
    return type(value) is dict or isinstance(value, Mapping)


def _is_text(value: Value) -> bool:
    return type(value) is str


def _is_amount(value: Value) -> bool:
    if type(value) is str:
        return AMOUNT.match(value) is not None
    return isinstance(value, list) and bool(value) and all(map(_is_dated, value))


def _is_dated(entry: Value) -> bool:
    if not isinstance(entry, Mapping) or entry.keys() != {"from", "amount"}:
        return False
    return type(entry["from"]) is str and type(entry["amount"]) is str and _is_amount(entry["amount"])


def _is_set(value: Value) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_origin(value: Value) -> bool:
    return value is None or type(value) is str


_LEAVES: Mapping[str, ValueCheck] = {
    "text": _is_text,
    "key": _is_text,
    "flag": lambda value: type(value) is bool,
    "whole": lambda value: type(value) is int,
    "amount": _is_amount,
    "amounts": _all_are(_is_amount),
    "set": _is_set,
    "list": lambda value: isinstance(value, list),
    "map": _all_are(lambda value: type(value) in (str, bool, int)),
}
