"""Validates that the fields of an update are exactly the difference of its two documents."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any, NamedTuple

import orjson

from reconciler.core.schema import FieldShape, bookkeeping_fields, fields_of
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, FieldChange
from reconciler.model.values.amounts import AMOUNTS, canonical, effective_amount
from reconciler.model.values.plain_values import Body, Path, Value, get, put, render_path

_RENAMED = "AP-21"
_KEY, _ORIGIN = ("key",), ("origin",)
_HEAD = frozenset({"kind", "key", "origin"})


def difference_faults(change: Change, day: str) -> list[str]:
    """The fields of an update that do not match the difference of its two documents.

    A rename comes before other changes of the renamed entity (AP-21); in an undo, after them.
    """
    if change.action is not Action.UPDATE:
        return []
    renames = [each for each in change.fields if each.rule == _RENAMED]
    others = [each for each in change.fields if each.rule != _RENAMED]
    found = [*_step_faults(change, (*renames, *others), day)]
    return found if not found or not renames or not others else [*_step_faults(change, (*others, *renames), day)]


def deferred_field_faults(change: Change, day: str, *, undoing: bool) -> Iterator[str]:
    """The fields of a deferred update that do not match its documents, and differences without a field.

    Keys, origins and links may differ: fields use the upstream's keys, and ``before`` those of the tenant, which may
    have missed a rename or lost an origin. An entity that this plan creates has no ``before``; in a change that is not
    undone (``undoing``), ``before`` is the value that somebody else set.
    """
    if change.action is not Action.UPDATE or change.after is None:
        return
    before = None if undoing else change.before
    made = before
    for field in change.fields:
        at = _spot(change.entity.kind, field.path)
        if at is None:
            yield f"no field is called {render_path(field.path)}"
            return
        there = None if before is None else at.value(before)
        named_otherwise = at.linked or (undoing and at.type == "item")
        was = named_otherwise or at.says(field.before, there, day) or _same_but_called(at, field.before, there)
        if before is not None and not was:
            yield f"{_named(field)} is not what it says it was"
        if not (at.same(field.after, at.value(change.after)) or field.path == _KEY or (undoing and named_otherwise)):
            yield f"{_named(field)} is not what it says it would be"
        if same_value_bytes(field.before) == same_value_bytes(field.after):
            yield f"{_named(field)} changes nothing"
        made = at.put(made, field.after) if made is not None else None
    for path in _unlike(made, change) if made is not None else ():
        if not _may_differ_besides(change.entity.kind, path):
            yield f"{render_path(path)} changes, and is no field of it"


def is_amount(kind: str, path: Path) -> bool:
    """Whether the path of a kind leads to an amount."""
    at = _spot(kind, path)
    return at is not None and at.type in AMOUNTS


def _same_but_called(at: "_FieldPlace", one: Value, other: Value) -> bool:
    """Whether an item is the same except for its origin and links, for which fields use the upstream's keys (AP-21)."""
    if at.called is None or not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return False
    return at.same({**one, **at.called}, {**other, **at.called})


def _may_differ_besides(kind: str, path: Path) -> bool:
    if path[-1] in ("key", "origin"):
        return True
    at = _spot(kind, path)
    return at is not None and at.linked


def _step_faults(change: Change, fields: tuple[FieldChange, ...], day: str) -> Iterator[str]:
    """Applies the fields one by one to ``before``: each must match the value before and after.

    The result must equal ``after``, except for what the reconciler stores in an entity.
    """
    assert change.before is not None and change.after is not None
    kind = change.entity.kind
    memory = _memory(kind)
    made: Body = change.before
    for number, field in enumerate(fields):
        if field.path[:1] and field.path[0] in memory:
            yield from _remembered_faults(change, field)
            continue
        at = _spot(kind, field.path)
        if at is None:
            yield f"no field is called {render_path(field.path)}"
            return
        if not at.says(field.before, at.value(made), day):
            yield f"{_named(field)} is not what it says it was"
        again = any(_overlap(each.path, field.path) for each in fields[number + 1 :])
        if not (at.same(field.after, at.value(change.after)) or again):
            yield f"{_named(field)} is not what it says it will be"
        if same_value_bytes(field.before) == same_value_bytes(field.after):
            yield f"{_named(field)} changes nothing"
        made = at.put(made, field.after)
    yield from (f"{render_path(path)} changes, and is no field of it" for path in _unlike(made, change))


def _remembered_faults(change: Change, field: FieldChange) -> Iterator[str]:
    """A stored field that a takeover shows must have the values of the documents (see `memory_check`)."""
    for what, why, document in (("was", field.before, change.before), ("will be", field.after, change.after)):
        if same_value_bytes(why) != same_value_bytes(get(document or {}, field.path)):
            yield f"{_named(field)} is not what it says it {what}"


def _overlap(one: Path, other: Path) -> bool:
    """Whether one path is at or below the other."""
    return all(mine == theirs for mine, theirs in zip(one, other, strict=False))


def _named(field: FieldChange) -> str:
    return f"its field {render_path(field.path)}"


@dataclass(frozen=True, slots=True)
class _FieldPlace:
    """A place in a document, as a plan's field names it.

    ``type`` and ``default``: those of the declared field; ``item`` for an item of a map. ``member``: whether the path
    ends at a member of a set of links. ``linked``: whether it references entities. ``called``: an item's origin and
    links, each set to absent.
    """

    path: Path
    type: str
    default: Value = None
    member: bool = False
    linked: bool = False
    called: Body | None = None

    def value(self, document: Body) -> Value:
        if self.member:
            listed = get(document, self.path[:-1])
            return self.path[-1] if isinstance(listed, list) and self.path[-1] in listed else None
        return get(document, self.path)

    def put(self, document: Body, value: Value) -> Body:
        if not self.member:
            return put(document, self.path, None if _absent(value) and self.type != "item" else value)
        listed = get(document, self.path[:-1])
        members = {each for each in listed if isinstance(each, str)} if isinstance(listed, list) else set()
        members = members | {self.path[-1]} if value is not None else members - {self.path[-1]}
        return put(document, self.path[:-1], sorted(members) or None)

    def says(self, why: Value, there: Value, day: str) -> bool:
        """Whether a field's value matches the document's: as it is, or as it is effective on the day."""
        if self.same(why, there):
            return True
        if self.type not in AMOUNTS or not isinstance(there, list):
            return False
        held = (
            [effective_amount(there, date.fromisoformat(day))]
            if day
            else [None, *(each.get("amount") for each in there)]
        )
        return why in held

    def same(self, one: Value, other: Value) -> bool:
        """Whether two values mean the same: absent equals the default, 6.0 equals 6.00, sets have no order."""
        if type(one) is type(other) is str and one == other:
            return True
        return bool(same_value_bytes(self.settled(one)) == same_value_bytes(self.settled(other)))

    def settled(self, value: Value) -> Value:
        if _absent(value) and self.type != "item":
            return self.default
        if self.type in AMOUNTS and isinstance(value, str):
            return canonical(value)
        if self.type == "set" and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return sorted(value)
        return _without_absent(value)


def _absent(value: Value) -> bool:
    return value is None or value == {} or value == []


def _without_absent(value: Value) -> Value:
    if not isinstance(value, Mapping):
        return value
    return {key: _without_absent(each) for key, each in value.items() if each is not None and each != []}


def same_value_bytes(value: Value) -> Any:
    """A value that is equal for equal values of equal types only: 1 is not true."""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


class _Field(NamedTuple):
    """A declared field, and the fields inside it by name."""

    shape: FieldShape
    inner: Mapping[str, "_Field"]


def _by_name(fields: tuple[FieldShape, ...]) -> Mapping[str, _Field]:
    return {each.name: _Field(each, _by_name(each.fields)) for each in fields}


@cache
def _fields(kind: str) -> Mapping[str, _Field]:
    return _by_name(fields_of(kind))


@cache
def _memory(kind: str) -> frozenset[str]:
    """The fields in which the reconciler stores what it applied: updates do not list them."""
    return frozenset(each.name for each in bookkeeping_fields(fields_of(kind)))


def _called(inner: Mapping[str, _Field]) -> Body:
    return {"origin": None, **{name: None for name, each in inner.items() if each.shape.ref is not None}}


@lru_cache(maxsize=65_536)
def _spot(kind: str, path: Path) -> _FieldPlace | None:
    """The place of a path; ``None`` if there is none. Cached, as updates of many tenants have the same paths."""
    if path in (_KEY, _ORIGIN):
        return _FieldPlace(path, "text")
    fields, rest = _fields(kind), path
    while rest:
        found = fields.get(rest[0])
        if found is None:
            return None
        shape, rest = found.shape, rest[1:]
        if not rest:
            return _FieldPlace(path, shape.type, shape.default, linked=shape.ref is not None)
        match shape.type:
            case "struct":
                fields = found.inner
            case "items":
                fields, rest = found.inner, rest[1:]
                if not rest:
                    return _FieldPlace(path, "item", called=_called(found.inner))
            case "amounts" | "map" if len(rest) == 1:
                return _FieldPlace(path, shape.type)
            case "set" if shape.links and len(rest) == 1:
                return _FieldPlace(path, "key", member=True, linked=True)
            case _:
                return None
    return None


def _unlike(made: Body, change: Change) -> list[Path]:
    """The paths at which the result of an update's fields differs from ``after``."""
    assert change.after is not None
    head = tuple((name,) for name in ("kind", "key", "origin") if made.get(name) != change.after.get(name))
    without = _HEAD | _memory(change.entity.kind)
    return [*head, *_differing(made, change.after, _fields(change.entity.kind), (), without=without)]


def _differing(
    one: Body, other: Body, fields: Mapping[str, _Field], path: Path, *, without: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """The paths at which two bodies do not mean the same."""
    for name in sorted({*one, *other} - without):
        mine, theirs, here = one.get(name), other.get(name), (*path, name)
        if same_value_bytes(mine) == same_value_bytes(theirs):
            continue
        field = fields.get(name)
        kind = field.shape.type if field else "unknown"
        inner = (mine or {}), (theirs or {})
        if field is None or not all(isinstance(each, Mapping) for each in inner):
            at = _FieldPlace(here, kind, field.shape.default if field else None)
            yield from [here] if not at.same(mine, theirs) else ()
        elif kind == "struct":
            yield from _differing(*inner, field.inner, here)
        elif kind == "items":
            yield from _items_differing(*inner, field.inner, here)
        elif kind == "amounts":
            amount = _FieldPlace(here, "amount")
            yield from (
                (*here, key) for key in {**inner[0], **inner[1]} if not amount.same(*(each.get(key) for each in inner))
            )
        elif not _FieldPlace(here, kind, field.shape.default).same(mine, theirs):
            yield here


def _items_differing(one: Body, other: Body, fields: Mapping[str, _Field], path: Path) -> Iterator[Path]:
    for key in sorted({*one, *other}):
        here, mine, theirs = (*path, key), one.get(key), other.get(key)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from _differing(mine, theirs, fields, here)
        elif mine != theirs:
            yield here
