"""References: the keys of other entities in a body, found by the fields that are declared to hold them (`Ref`)."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

from pydantic import BaseModel

from reconciler.core.schema.fields import FieldShape, fields_of, fields_of_model
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value


class Branch(NamedTuple):
    """A field that references entities of ``kind``, or has such fields inside it (in each item if ``items``), or both.

    The value is a key, a list of keys or a map by key; with ``values``, a map to keys.
    """

    name: str
    kind: str | None
    values: bool
    items: bool
    inside: tuple["Branch", ...]


def brings(field: FieldShape) -> bool:
    """Whether the entities that the field references are delegated with it (links between peers are not)."""
    return field.brings


def names_an_entity(field: FieldShape) -> bool:
    """Whether the value is a key, or a set of keys, of entities that a tenant may have."""
    return field.ref is not None and field.ref.at == "value"


def has_reference(field: FieldShape) -> bool:
    """Whether the field references anything."""
    return field.ref is not None


def branches_of(fields: tuple[FieldShape, ...], names: Callable[[FieldShape], bool] = brings) -> tuple[Branch, ...]:
    """The branches of ``fields``. ``names`` selects the referencing fields; by default those whose targets are
    delegated with a body (copied references, but not links between peers).
    """
    return tuple(each for field in fields if (each := _branch(field, names)).kind or each.inside)


def _branch(field: FieldShape, names: Callable[[FieldShape], bool]) -> Branch:
    ref = field.ref if names(field) else None
    inside = branches_of(field.fields, names) if field.type in ("struct", "items") else ()
    kind, at = (ref.kind, ref.at) if ref else (None, None)
    return Branch(field.name, kind, values=at == "values", items=field.type == "items", inside=inside)


@cache
def branches_of_kind(kind: str) -> tuple[Branch, ...]:
    """The branches of a kind whose targets are delegated with a body, by everything that is declared."""
    return branches_of(fields_of(kind))


@cache
def branches_of_model(model: type[BaseModel]) -> tuple[Branch, ...]:
    """The branches of a document's model: every reference, whatever becomes of its target."""
    return branches_of(fields_of_model(model), has_reference)


def kinds_in(branches: tuple[Branch, ...]) -> Iterator[str]:
    """The kinds that the branches reference."""
    for each in branches:
        if each.kind:
            yield each.kind
        yield from kinds_in(each.inside)


def named_in(body: Body, branches: tuple[Branch, ...]) -> dict[tuple[str, str], None]:
    """The kind and key of every entity that a body references, in the order of the fields, each once."""
    found: dict[tuple[str, str], None] = {}
    _add(body, branches, found)
    return found


def _add(body: Body, branches: tuple[Branch, ...], found: dict[tuple[str, str], None]) -> None:
    for name, kind, values, items, inside in branches:
        value: Value = body.get(name)
        if value is None:
            continue
        if kind and isinstance(value, str):
            found[kind, value] = None
        elif kind:
            for key in value.values() if values else value:
                found[kind, key] = None
        if inside and items:
            for item in value.values():
                _add(item, inside, found)
        elif inside:
            _add(value, inside, found)


def references(body: Body, branches: tuple[Branch, ...]) -> tuple[EntityId, ...]:
    """`named_in`, as identities."""
    return tuple(EntityId(*each) for each in named_in(body, branches))
