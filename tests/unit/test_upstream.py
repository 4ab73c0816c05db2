"""What an upstream calls things whose renames have not reached it (AP-21)."""

from dataclasses import replace

import pytest

from reconciler.core.desired.wanted import InheritedBlock, Upstream
from reconciler.model.plans.change import Root, Verdict
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId

OLD, NEW = EntityId("Plan", "web-basic"), EntityId("Plan", "web-start")
OTHER = EntityId("Plan", "web-plus")


def upstream(*there: tuple[EntityId, str | None]) -> Upstream:
    """A reseller whose copies are northwind's, where Northwind renamed a plan. ``there``: plans with their origin."""
    state = {id: Entity(id, {}, origin) for id, origin in there}
    return Upstream("contoso", state, {}, names={NEW: (OLD,)}, origin="northwind")


@pytest.mark.parametrize(
    ("there", "called"),
    [
        ([(OLD, "northwind")], OLD),
        ([(NEW, "northwind")], NEW),
        ([(OLD, "northwind"), (NEW, None)], NEW),
        ([(OLD, None)], NEW),
        ([(OLD, "elsewhere")], NEW),
        ([], NEW),
    ],
    ids=[
        "its copy",
        "renamed already",
        "its own under the new key",
        "its own under the old key",
        "not ours",
        "lacking",
    ],
)
def test_what_the_catalog_means_is_the_copy_that_is_not_renamed_yet(
    there: list[tuple[EntityId, str | None]], called: EntityId
) -> None:
    found = upstream(*there)
    assert found.called(NEW) == called
    assert found.called_now() == ({OLD: NEW} if called == OLD else {})


def test_what_was_never_renamed_is_called_what_it_is() -> None:
    assert upstream((OTHER, "northwind")).called(OTHER) == OTHER


HELD = InheritedBlock(Root("contoso", Verdict.WITHHELD, "CB-05", (), "", None), {})


@pytest.mark.parametrize(
    ("there", "held", "called"),
    [
        ([], {OLD}, OLD),
        ([], {NEW}, NEW),
        ([], {NEW, OLD}, NEW),
        ([(OLD, "northwind")], {NEW}, OLD),
    ],
    ids=["held by its old key", "held by its new key", "held by both", "there, whatever is held"],
)
def test_what_does_not_come_is_called_what_it_would_be(
    there: list[tuple[EntityId, str | None]], held: set[EntityId], called: EntityId
) -> None:
    found = replace(upstream(*there), held=dict.fromkeys(held, HELD))
    assert found.called(NEW) == called
