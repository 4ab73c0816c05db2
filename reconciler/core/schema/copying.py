"""The copies of upstream entities that a tenant gets, derived from the declarations on their fields."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reconciler.core.schema.body_walk import MakePart, Nodes, Take, as_is, nodes_of, part_of
from reconciler.core.schema.fields import FieldShape
from reconciler.model.bounded_cache import IdentityCache
from reconciler.model.documents.declarations import EMPTY, GATED, ResellerOwned, Synced
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value, put


def copy_of(body: Body, fields: tuple[FieldShape, ...], origin: str) -> dict[str, Value]:
    """The body of a new copy: every declared field at its creation value, without the gated fields (CB-21)."""
    return _NEW.of(fields, _new)(body, origin)


def copy_in_sync(body: Body, fields: tuple[FieldShape, ...], origin: str) -> dict[str, Value]:
    """The body of a copy with every option on: that of a new copy, plus the gated fields."""
    return _IN_SYNC.of(fields, _in_sync)(body, origin)


def copy_of_item(item: Body, field: FieldShape, origin: str) -> dict[str, Value]:
    """A new copy of an item of a map, such as a rate, with its own origin if items of its kind have one."""
    return _with_origin(copy_of(item, field.fields, origin), field, origin)


def _new(fields: tuple[FieldShape, ...]) -> MakePart:
    return part_of(nodes_of(fields, lambda each: _copied(each, gated=False), into=_has_parts, hollow=True), shared=True)


def _in_sync(fields: tuple[FieldShape, ...]) -> MakePart:
    return part_of(nodes_in_sync(fields), shared=True)


def nodes_in_sync(fields: tuple[FieldShape, ...]) -> Nodes[Take]:
    """The nodes of `copy_in_sync`; their context is the origin."""
    return nodes_of(fields, lambda each: _copied(each, gated=True), into=_has_parts, hollow=True)


_NEW: IdentityCache[tuple[FieldShape, ...], MakePart] = IdentityCache()
_IN_SYNC: IdentityCache[tuple[FieldShape, ...], MakePart] = IdentityCache()


def _has_parts(field: FieldShape) -> bool:
    return field.items is not None or field.type == "struct"


def _copied(field: FieldShape, *, gated: bool) -> Take | None:
    """What a copy has in a field; for a map of items, in each item."""
    if at_creation(field) == GATED and not gated and not field.links:
        return lambda *_: None
    if field.items:
        return lambda copy, item, origin: None if is_dormant(item, field) else _with_origin(copy, field, origin)
    if field.type == "struct":
        return None
    if field.links:
        return as_is
    match at_creation(field):
        case "copied" | "gated":
            return as_is
        case "empty":
            return None
        case constant:
            return lambda *_: constant


def _with_origin(copy: dict[str, Value], field: FieldShape, origin: str) -> dict[str, Value]:
    assert field.items is not None
    if not field.items.with_origin or copy.get("origin") == origin:
        return copy
    return {**copy, "origin": origin}


def is_own(item: Body, field: FieldShape, origin: str) -> bool:
    """Whether an item of a tenant's map is the tenant's own: its origin is not ``origin``.

    Items of a kind without origins are never the tenant's own.
    """
    return field.items is not None and field.items.with_origin and item.get("origin") != origin


def own_items(body: Body, fields: tuple[FieldShape, ...], origin: str) -> dict[str, dict[str, Body]]:
    """The tenant's own items in a body (`is_own`), by field and key."""
    maps = {field: body.get(field.name) or {} for field in fields if field.items and field.items.with_origin}
    return {
        field.name: {key: item for key, item in items.items() if is_own(item, field, origin)}
        for field, items in maps.items()
    }


def without_own_items(body: Body, fields: tuple[FieldShape, ...], origin: str) -> Body:
    """A tenant's body without the tenant's own items."""
    for name, own in own_items(body, fields, origin).items():
        if own:
            body = put(body, (name,), {key: item for key, item in body[name].items() if key not in own} or None)
    return body


def is_dormant(item: Body, field: FieldShape) -> bool:
    """Whether an upstream item is switched off, so that a copy may lack it without a difference (CB-23)."""
    flag = field.items.dormant if field.items else None
    return flag is not None and item.get(flag, True) is False


def at_creation(field: FieldShape) -> Any:
    """The value of a field at creation; a field without a declaration is not copied."""
    if field.items:
        return field.items.at_creation
    return field.declared.at_creation if field.declared else EMPTY


@dataclass(frozen=True, slots=True)
class Takeover:
    """Turns a tenant's own entity into a copy. Fields, items and links of the reseller stay; the rest is the copy's.

    ``origin``: the upstream's key. ``own``: returns whether an entity that the tenant links to is its own.
    """

    origin: str
    own: Callable[[EntityId], bool]

    def body(self, have: Body, copy: Body, fields: tuple[FieldShape, ...]) -> dict[str, Value]:
        """The body after the takeover; ``have`` is the tenant's body, ``copy`` the result of `copy_of`."""
        names = {field.name for field in fields}
        kept = {name: value for name, value in have.items() if name not in names}
        taken = {field.name: self._field(have.get(field.name), copy.get(field.name), field) for field in fields}
        return {**kept, **{name: value for name, value in taken.items() if value not in (None, {}, [])}}

    def item(self, have: Body, copy: Body, field: FieldShape) -> dict[str, Value]:
        """The same for one item of a map; ``copy`` is the result of `copy_of_item`."""
        taken = self.body(have, copy, field.fields)
        return {**taken, "origin": self.origin} if field.items and field.items.with_origin else taken

    def _field(self, have: Value, copy: Value, field: FieldShape) -> Value:
        if field.items:
            return self._items(have or {}, copy or {}, field)
        if field.type == "struct":
            return self.body(have or {}, copy or {}, field.fields)
        if field.ref and field.ref.with_origin:
            kind = field.ref.kind
            return sorted({*(key for key in have or [] if self.own(EntityId(kind, key))), *(copy or [])})
        keeps = field.declared is None or isinstance(field.declared, ResellerOwned) or at_creation(field) == GATED
        return have if keeps and not field.links else copy

    def _items(self, mine: Body, theirs: Body, field: FieldShape) -> dict[str, Value]:
        assert field.items is not None
        removes = field.items.with_origin and isinstance(field.items.removed, Synced)
        stays = {key: item for key, item in mine.items() if not removes or is_own(item, field, self.origin)}
        taken = {key: self.item(mine[key], item, field) if key in mine else dict(item) for key, item in theirs.items()}
        return {**stays, **taken}
