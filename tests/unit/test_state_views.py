"""States that are read on demand: what is read, how often, and views of changed ones."""

from collections.abc import Callable

import pytest

from reconciler.core.states import SINGLE_READS
from reconciler.core.states.managed_digest import of_actual, of_copy
from reconciler.core.states.state_view import ChangedView
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from tests.laws.sketched import Reads, sketch

KEYS = [f"plan-{number:02}" for number in range(3 * SINGLE_READS)]
STATE = {id: Entity(id, {"name": id.key}, "northwind") for id in (EntityId("Plan", key) for key in KEYS)}


def test_a_few_entities_are_read_one_by_one_and_then_all_at_once() -> None:
    reads = Reads()
    state = sketch(STATE, reads)
    found = {}
    for number, id in enumerate(STATE, 1):
        found[id] = state[id]
        assert state[id] is found[id]
        expected = number if number <= SINGLE_READS else SINGLE_READS + len(STATE)
        assert (reads.bodies, reads.whole) == (expected, number > SINGLE_READS)
    assert found == STATE


def test_a_view_has_what_is_replaced_and_lacks_what_is_removed() -> None:
    gone, own, same, new = (EntityId("Plan", key) for key in (*KEYS[:3], "new"))
    before = sketch(STATE, Reads())
    view = ChangedView(before, {gone: None, own: Entity(own, {}, None), new: Entity(new, {}, "contoso")})
    assert [view.origin(id) for id in (gone, own, same, new)] == [None, None, "northwind", "contoso"]
    assert [id in view for id in (gone, own, same, new)] == [False, True, True, True]
    assert sorted(view) == sorted({*STATE, new} - {gone})
    assert len(view) == len(STATE)


PRODUCT = EntityId("Product", "suite")


@pytest.mark.parametrize(
    "digest", [lambda body: of_copy(PRODUCT, body, "a"), lambda body: of_actual(Entity(PRODUCT, body, "a"))]
)
@pytest.mark.parametrize(("name", "default", "other"), [("active", True, False), ("type", None, "service")])
def test_the_managed_digest_takes_the_absent_for_the_default_and_tells_all_else_apart(
    digest: Callable[[Body], str], name: str, default: object, other: object
) -> None:
    absent = digest({"category": "software"})
    assert digest({"category": "software", name: default}) == absent
    assert digest({"category": "software", name: other}) != absent
