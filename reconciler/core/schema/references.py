"""References: the keys of other entities in a body, found by the fields that are declared to hold them (`Ref`)."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, TypeAlias

from pydantic import BaseModel

from reconciler.core.schema.body_walk import Nodes, each_value, nodes_of, values_in
from reconciler.core.schema.fields import FieldShape, fields_of, fields_of_model
from reconciler.model.documents.declarations import Ref
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value

ReferenceNodes: TypeAlias = Nodes[Ref]
"""The fields of a body that reference entities, at any depth."""


def brings(field: FieldShape) -> bool:
    """Whether the entities that the field references are delegated with it (links between peers are not)."""
    return field.brings


def names_an_entity(field: FieldShape) -> bool:
    """Whether the value is a key, or a set of keys, of entities that a tenant may have."""
    return field.ref is not None and field.ref.at == "value"


def has_reference(field: FieldShape) -> bool:
    """Whether the field references anything."""
    return field.ref is not None


def reference_nodes(fields: tuple[FieldShape, ...], selects: Callable[[FieldShape], bool] = brings) -> ReferenceNodes:
    """The nodes of the referencing fields that ``selects`` accepts; by default those whose targets are delegated with
    a body (copied references, but not links between peers).
    """
    return nodes_of(fields, lambda field: field.ref if selects(field) else None)


@cache
def reference_nodes_of_kind(kind: str) -> ReferenceNodes:
    """The nodes of a kind whose targets are delegated with a body, by everything that is declared."""
    return reference_nodes(fields_of(kind))


@cache
def reference_nodes_of_model(model: type[BaseModel]) -> ReferenceNodes:
    """The nodes of a document's model: every reference, whatever becomes of its target."""
    return reference_nodes(fields_of_model(model), has_reference)


def kinds_in(nodes: ReferenceNodes) -> Iterator[str]:
    """The kinds that the fields reference."""
    for each in nodes:
        if each.what:
            yield each.what.kind
        yield from kinds_in(each.inside or ())


def named_in(body: Body, nodes: ReferenceNodes) -> dict[tuple[str, str], None]:
    """The kind and key of every entity that a body references, in the order of the fields, each once."""
    found: dict[tuple[str, str], None] = {}

    def add(ref: Ref, value: Value) -> None:
        kind = ref.kind
        if isinstance(value, str):
            found[kind, value] = None
            return
        for key in value.values() if ref.at == "values" else value:
            found[kind, key] = None

    each_value(body, nodes, add)
    return found


def references(body: Body, nodes: ReferenceNodes) -> tuple[EntityId, ...]:
    """`named_in`, as identities."""
    return tuple(EntityId(*each) for each in named_in(body, nodes))


def located_in(body: Body, nodes: Nodes[FieldShape]) -> Iterator[tuple[tuple[Any, ...], FieldShape, str]]:
    """Every reference in a body: the path of the key (with the index in a list), the referencing field, and the key."""
    for path, field, value in values_in(body, nodes):
        at = field.ref.at if field.ref else "value"
        if isinstance(value, str):
            yield path, field, value
        elif at == "values":
            yield from (((*path, step), field, key) for step, key in value.items())
        elif at == "keys":
            yield from (((*path, key), field, key) for key in value)
        else:
            yield from (((*path, index), field, key) for index, key in enumerate(value))


@cache
def referencing_fields(model: type[BaseModel]) -> Nodes[FieldShape]:
    """The nodes of a document's model that reference anything, with the fields themselves."""
    return nodes_of(fields_of_model(model), lambda field: field if field.ref else None)
