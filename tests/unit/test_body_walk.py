"""The walk over bodies, compared with a plain reading of the same fields: path by path, without nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.core.schema.body_walk import each_value, nodes_of, part_of, replaced, values_in
from reconciler.core.schema.copying import copy_in_sync
from reconciler.core.schema.fields import FieldShape, fields_of, kind_shapes
from reconciler.core.schema.model_walk import found
from reconciler.core.states.managed_digest import of_actual, of_copy
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, get, put
from tests.scenarios import runner

LEAVES = ("struct", "items")


def bodies() -> Iterator[tuple[str, Body]]:
    """The bodies in the scenarios' states, one for each kind and set of fields, and one with nothing in it."""
    seen = {(kind, frozenset[str]()): dict[str, Any]() for kind in STATE_KINDS}
    states = [state for scenario in runner.plannable() for state in scenario.given.states.values()]
    for entity in (each for state in states for each in state.values()):
        seen.setdefault((entity.id.kind, frozenset(entity.body)), dict(entity.body))
    yield from ((kind, body) for (kind, _), body in seen.items())


BODIES = list(bodies())


def leaf(field: FieldShape) -> FieldShape | None:
    return None if field.type in LEAVES else field


def leaves_of(fields: tuple[FieldShape, ...]) -> Iterator[FieldShape]:
    for field in fields:
        yield from leaves_of(field.fields) if field.type in LEAVES else (field,)


def plain(kind: str, body: Body) -> dict[Path, tuple[FieldShape, Any]]:
    """Every leaf with a value, by its path: each field's pattern is looked up by itself."""
    return {path: (field, value) for field in leaves_of(fields_of(kind)) for path, value in found(body, field.path)}


def test_the_bodies_have_every_shape() -> None:
    """Else the comparisons below prove little."""
    assert {kind for kind, body in BODIES if body} == kind_shapes().keys()
    assert {len(path) for kind, body in BODIES for path in plain(kind, body)} == {1, 2, 3, 4}


@pytest.mark.parametrize("kind", sorted(STATE_KINDS))
def test_values_are_those_that_stand_there(kind: str) -> None:
    nodes = nodes_of(fields_of(kind), leaf)
    for body in (each for name, each in BODIES if name == kind):
        walked = list(values_in(body, nodes))
        assert {path: (field, value) for path, field, value in walked} == plain(kind, body)
        called: list[tuple[FieldShape, Any]] = []
        each_value(body, nodes, lambda field, value, called=called: called.append((field, value)))  # type: ignore[misc]
        assert called == [(field, value) for _, field, value in walked]


@pytest.mark.parametrize("kind", sorted(STATE_KINDS))
def test_only_what_has_a_new_value_is_replaced(kind: str) -> None:
    nodes = nodes_of(fields_of(kind), leaf)
    for body in (each for name, each in BODIES if name == kind):
        assert replaced(body, nodes, lambda _, value: value) is body
        for path in plain(kind, body):
            target = get(body, path)
            changed = replaced(body, nodes, lambda _, value, target=target: "new" if value is target else value)  # type: ignore[misc]
            expected = body
            for other, (_, value) in plain(kind, body).items():
                expected = put(expected, other, "new") if value is target else expected
            assert changed == expected


@pytest.mark.parametrize("kind", sorted(STATE_KINDS))
def test_a_part_of_everything_is_the_body(kind: str) -> None:
    def whole(field: FieldShape) -> Any:
        return (lambda value, _: value) if leaf(field) else None

    part, shared = (part_of(nodes_of(fields_of(kind), whole, hollow=True), shared=shared) for shared in (False, True))
    for body in (each for name, each in BODIES if name == kind):
        declared = {field.name for field in fields_of(kind)}
        known = {name: value for name, value in body.items() if name in declared}
        assert part(known, None) == known
        assert shared(known, None) is known


@pytest.mark.parametrize("kind", STATE_KINDS)
def test_the_digest_of_a_copy_is_that_of_the_copied_body(kind: str) -> None:
    """Which is made in one walk, without the copy (`composed`)."""
    id = EntityId(kind, "one")
    for body in (each for known, each in BODIES if known == kind):
        for given in (body, *({**body, name: None} for name in body)):
            copied = copy_in_sync(given, fields_of(kind), "above")
            assert of_copy(id, given, "above") == of_actual(Entity(id, copied, "above")), given


def test_what_becomes_of_items_and_absent_values() -> None:
    """An item's part goes through the function of its map, empty ones too; ``None`` leaves the item out."""
    fields = fields_of("Plan")
    kept = nodes_of(fields, lambda field: (lambda part, item, context: part if item else None) if field.items else None)
    assert kept, "maps of items are selected themselves"
    hollow = nodes_of(
        fields,
        lambda field: (lambda part, item, context: {**part, "at": context}) if field.items else None,
        hollow=True,
    )
    body = {"periods": {"P1M": {"fees": {}}}, "resources": {}, "name": "Basic"}
    assert part_of(hollow)(body, "here") == {"periods": {"P1M": {"at": "here"}}}
    assert part_of(kept)({"periods": {"P1M": {}, "P1Y": {"fees": {}}}}, None) == {"periods": {"P1Y": {}}}
    constant = nodes_of(fields, lambda field: (lambda *_: "set") if field.name == "status" else None)
    assert part_of(constant)({}, None) == {"status": "set"}
