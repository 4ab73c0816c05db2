"""What a store may hold that is no body of ours, and how it is named."""

from typing import Any

import pytest

from reconciler.core.schema.check import faults
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from tests.scenarios import runner

FEES = "periods.P1M.fees.setup"


def state(kind: str, body: Any, origin: Any = None) -> State:
    id = EntityId(kind, "web")
    return {id: Entity(id, body, origin)}


def test_whatever_the_scenarios_hold_is_sound() -> None:
    states = [
        found
        for scenario in runner.scenarios()
        for found in (*scenario.given.states.values(), *scenario.actual.after.values())
    ]
    assert len(states) > 100
    assert [said for found in states for said in faults(found)] == []


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("Plan", {"periods": {"P1M": {"fees": {"setup": 5}}}}, [f"#{FEES} is 5, not an amount in quotes"]),
        ("Plan", {"periods": {"P1M": {"fees": {"setup": 5.5}}}}, [f"#{FEES} is 5.5, not an amount in quotes"]),
        ("Plan", {"periods": {"P1M": {"fees": {"setup": "5,5"}}}}, [f'#{FEES} is "5,5", not an amount in quotes']),
        ("Plan", {"periods": {"P1M": {"fees": {"setup": []}}}}, [f"#{FEES} is a list, not an amount in quotes"]),
        ("Plan", {"periods": {"P1M": {"fees": {"setup": [{"from": "2027-01-01"}]}}}}, [f"#{FEES} is a list, not "]),
        ("Plan", {"periods": {"P1M": {"fees": []}}}, ["#periods.P1M.fees is a list, not a map"]),
        ("Plan", {"periods": {"P1M": "6.00"}}, ['#periods.P1M is "6.00", not a map']),
        ("Plan", {"periods": ["P1M"]}, ["#periods is a list, not a map of maps"]),
        ("Plan", {"periods": None}, ["#periods is null, not a map of maps"]),
        ("Plan", {"resources": {"gpt-4.1": 1}}, ['#resources["gpt-4.1"] is 1, not a map']),
        (
            "Plan",
            {"status": True, "published": "yes"},
            ['#published is "yes", not true or false', "#status is true, not"],
        ),
        ("Plan", {"sales_categories": "office"}, ['#sales_categories is "office", not a list of keys']),
        ("Plan", {"sales_categories": [1]}, ["#sales_categories is a list, not a list of keys"]),
        ("Plan", {"product": {"key": "web"}}, ["#product is a map, not a key"]),
        ("SalesCategory", {"position": "1"}, ['#position is "1", not a whole number']),
        ("SalesCategory", {"position": True}, ["#position is true, not a whole number"]),
        ("NotificationSchedule", {"notices": {"30": ["a"]}}, ["#notices is a map, not a map of plain values"]),
        ("OrderFlow", {"steps": {}}, ["#steps is a map, not a list"]),
        ("Subscription", {"prices": {"P1M": 7}}, ["#prices.P1M is 7, not an amount in quotes"]),
        (
            "Product",
            {"billing_cycles": {"P1M": {"purchase_price": 7}}},
            ["#billing_cycles.P1M.purchase_price is 7, not"],
        ),
        ("Plan", [], [" is a list, not a map"]),
    ],
)
def test_what_is_no_body_is_named_with_its_field(kind: str, body: Any, said: list[str]) -> None:
    found = list(faults(state(kind, body)))
    assert len(found) == len(said)
    for each, expected in zip(found, said, strict=True):
        (id,) = state(kind, body)
        assert each.startswith(f"{id}{expected}")


def test_the_origin_and_the_kind_count_too() -> None:
    assert list(faults(state("Plan", {}, origin=7))) == ["plan/web#origin is 7, not a tenant's key"]
    assert list(faults(state("Plane", {}))) == ['plane/web is of a kind that there is not: "Plane"']


def test_what_is_not_known_is_left_alone() -> None:
    assert list(faults(state("Plan", {"colour": ["red"], "name": "Web", "product": "gone"}))) == []
