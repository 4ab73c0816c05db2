"""The walk over a body by its fields: into structures, and into the items of maps, at any depth.

A caller selects fields once (`nodes_of`), and the nodes lead past everything else. It reads the values of these fields
(`values_in`, `each_value`), replaces them (`replaced`), or makes a body of nothing else (`part_of`). The bodies must
have the declared shape (`reconciler.core.schema.check`).

Some walks are not derived from this one. `check` must not rely on the shape, and the reader in
`reconciler.core.reading.fast.compiled` makes the body (tests compare it with pydantic). `prune_empty` treats every
value, declared or not. The diff and `Takeover` go over two bodies and decide at each structure and item whose it is.
"""

from collections.abc import Callable, Iterator
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar, cast

from reconciler.core.schema.fields import FieldShape, shared_if_same
from reconciler.model.values.plain_values import Body, Path, Value

T = TypeVar("T")
_CONTAINERS = (dict, list)


class FieldNode(NamedTuple, Generic[T]):
    """A selected field, or one that has selected fields inside it (in each item if ``items``), or both.

    ``what``: what the caller's selection returned for it; ``None`` if it is not selected itself. ``inside``: ``None``
    for a leaf.
    """

    name: str
    what: T | None
    items: bool
    inside: "tuple[FieldNode[T], ...] | None"


Nodes: TypeAlias = tuple[FieldNode[T], ...]


def has_fields(field: FieldShape) -> bool:
    """Whether the field is a structure or a map of items."""
    return field.type in ("struct", "items")


def nodes_of(
    fields: tuple[FieldShape, ...],
    what: Callable[[FieldShape], T | None],
    *,
    into: Callable[[FieldShape], bool] = has_fields,
    hollow: bool = False,
) -> Nodes[T]:
    """The nodes of the fields for which ``what`` returns something, in the order of ``fields``.

    ``into``: the fields to look into. ``hollow``: keep those of them in which nothing is selected.
    """
    found = []
    for field in fields:
        selected, nested = what(field), into(field)
        inside = nodes_of(field.fields, what, into=into, hollow=hollow) if nested else None
        if selected is not None or inside or (hollow and nested):
            found.append(FieldNode(field.name, selected, field.type == "items", inside))
    return tuple(found)


def values_in(body: Body, nodes: Nodes[T], path: Path = ()) -> Iterator[tuple[Path, T, Value]]:
    """The values of the selected fields that are not ``None``: their path, what the selection returned, the value."""
    for name, what, items, inside in nodes:
        value = body.get(name)
        if value is None:
            continue
        here = (*path, name)
        if what is not None:
            yield here, what, value
        if inside and items:
            for key, item in value.items():
                yield from values_in(item, inside, (*here, key))
        elif inside:
            yield from values_in(value, inside, here)


def each_value(body: Body, nodes: Nodes[T], use: Callable[[T, Value], object]) -> None:
    """Calls ``use`` with what the selection returned and the value, for each of `values_in`; faster, without paths."""
    for name, what, items, inside in nodes:
        value = body.get(name)
        if value is None:
            continue
        if what is not None:
            use(what, value)
        if inside and items:
            for item in value.values():
                each_value(item, inside, use)
        elif inside:
            each_value(value, inside, use)


def replaced(body: Body, nodes: Nodes[T], new: Callable[[T, Value], Value]) -> Body:
    """The body with ``new`` values in the selected fields; the same object if none changes. Other fields stay.

    ``new`` gets what the selection returned for a leaf, and its value.
    """
    after: dict[str, Value] | None = None
    for name, what, items, inside in nodes:
        value = body.get(name)
        if value is None:
            continue
        made = value
        if inside is None:
            made = new(cast(T, what), value)
        elif items:
            made = _items_replaced(value, inside, new)
        else:
            made = replaced(value, inside, new)
        if made is not value:
            after = {**body} if after is None else after
            after[name] = made
    return body if after is None else after


def _items_replaced(items: Body, inside: Nodes[T], new: Callable[[T, Value], Value]) -> Body:
    after: dict[str, Value] | None = None
    for key, item in items.items():
        made = replaced(item, inside, new)
        if made is not item:
            after = {**items} if after is None else after
            after[key] = made
    return items if after is None else after


Take: TypeAlias = Callable[..., Value]
"""What to put into a part. For a leaf: its value in the part, given that in the body and the context; given ``None``,
that of an absent field, whatever the context. For a map of items: the part of an item, given the part that is made of
it, the item and the context (``None``: left out).
"""
MakePart: TypeAlias = Callable[[Body, Any], dict[str, Value]]
"""Returns a part of a body, given a context that it passes on: such as the key of an upstream."""


def as_is(value: Value, _: object) -> Value:
    """The value itself: the `Take` of most leaves, which `part_of` does not call."""
    return value


def part_of(nodes: Nodes[Take], *, shared: bool = False) -> MakePart:
    """A function that makes the part of a body that the nodes select, without absent values, in the nodes' order.

    A map of items for which nothing was selected keeps the parts of all items. ``shared``: return the body itself, and
    maps in it, where the part equals them.
    """
    takes = ((node.name, _step(node, shared=shared)) for node in nodes)
    steps = tuple((name, None if take is as_is else take, take(None, None)) for name, take in takes)

    def part(body: Body, context: Any) -> dict[str, Value]:
        made = {}
        for name, take, absent in steps:
            value = body.get(name)
            if value is None:
                value = absent
            elif take is not None:
                value = take(value, context)
            if value or not (value is None or value.__class__ in _CONTAINERS):
                made[name] = value
        return shared_if_same(made, body) if shared else made

    return part


def composed(first: Nodes[Take], second: Nodes[Take]) -> Nodes[Take]:
    """The nodes of the part by ``second`` of the part by ``first``: made in one walk, without the part in between.

    ``second`` has no context, makes nothing of absent fields, and only adds to items what it reads from them.
    """
    before = {node.name: node for node in first}
    return tuple(_composed(before[node.name], node) for node in second if node.name in before)


def _composed(first: FieldNode[Take], second: FieldNode[Take]) -> FieldNode[Take]:
    one, two = first.what, second.what
    if first.inside is None or second.inside is None:
        return second._replace(what=_then(cast(Take, one), cast(Take, two)))
    inside = composed(first.inside, second.inside)
    if one is None or two is None:
        return second._replace(what=one or two, inside=inside)

    def keep(part: dict[str, Value], item: Body, context: Any) -> Value:
        made = one(part, item, context)
        return None if made is None else two(made, made, None)

    return second._replace(what=keep, inside=inside)


def _then(one: Take, two: Take) -> Take:
    if one is as_is:
        return two
    if two is as_is:
        return one
    return lambda value, context: two(one(value, context), None)


def _step(node: FieldNode[Take], *, shared: bool) -> Take:
    if node.inside is None:
        return cast(Take, node.what)
    inner, keep = part_of(node.inside, shared=shared), node.what
    if not node.items:
        return lambda value, context: inner(value, context) if value else None

    def parts(items: Body | None, context: Any) -> dict[str, Value] | None:
        if not items:
            return None
        made = {}
        for key, item in items.items():
            value = inner(item, context)
            if keep is not None:
                value = keep(value, item, context)
            if value is not None:
                made[key] = value
        return shared_if_same(made, items) if shared else made

    return parts
