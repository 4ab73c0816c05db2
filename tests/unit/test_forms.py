"""A value of the wrong shape gets a hint that shows the right form, and the form is right."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from reconciler.core.reading.read import read_file
from reconciler.core.reading.value_forms import UNKNOWN, annotation_at, right_form
from reconciler.core.reading.yaml import parse
from reconciler.core.schema.model_walk import ANY, field_paths
from reconciler.model.documents.catalog import Part
from reconciler.model.documents.declarations import StateOnly
from reconciler.model.documents.kinds import WORKSPACE_KINDS
from reconciler.model.documents.source import SourceFile
from reconciler.model.values.field_types import Leaf

POLICY = "kind: SyncPolicy\nreseller: one\nupstream: acme\n"
PLAN = "kind: Plan\nkey: a\nname: A\nproduct: p\nplan_category: c\nservice_term: t\n"
TEMPLATE = "kind: ServiceTemplate\nkey: gold\n"
PRODUCT = "kind: Product\nkey: a\nname: A\ncategory: c\n"
PRICES = "kind: PriceList\nkey: emea\n"
PROVIDER = "kind: Provider\nkey: acme\nname: A\ncurrency: EUR\n"

CASES = {
    (POLICY, "delegate: [vm-small]"): "write delegate: {plans: [vm-small]}",
    (POLICY, "delegate: vm-small"): "write delegate: {plans: [vm-small]}",
    (POLICY, "delegate: {plans: vm-small}"): "write plans: [vm-small]",
    (POLICY, "delegate: {plans: {include: vm-small}}"): "write include: [vm-small]",
    (POLICY, "delegate: {plans: {match: smb}}"): "write match: {smb: …}",
    (POLICY, "veto: [prices]"): "write veto: {prices: true}",
    (POLICY, "veto: prices"): "write veto: {prices: true}",
    (POLICY, "overrides: [sync_display_in_control_panel]"): "write overrides: {sync_display_in_control_panel: true}",
    (POLICY, "guards: [max_deletes]"): "write guards: {max_deletes: 10%}",
    (POLICY, "guards: 25%"): "write guards: {max_deletes: 25%}",
    (POLICY, "options: [plans.create]"): "write options: {plans: {create: true}}",
    (POLICY, "options: plans.create"): "write options: {plans: {create: true}}",
    (POLICY, "options: [plans.create, plans.update_fees, resources]"): (
        "write options: {plans: {create: true, update_fees: true}, resources: true}"
    ),
    (POLICY, "options: true"): "write options: all",
    (POLICY, "options: [all]"): "write options: all",
    (POLICY, "options: {plans: [create]}"): "write plans: {create: true}",
    (POLICY, "options: {plans: create}"): "write plans: {create: true}",
    (POLICY, "options: {plans.create: true}"): "write options: {plans: {create: true}}",
    (POLICY, "options: none"): "for example options: {plans: {create: true}}",
    (POLICY, "subscriptions: 1"): "write subscriptions: {billing_day: 1}",
    (POLICY, "labels: [smb]"): "write labels: {smb: …}",
    (POLICY, "labels: 5"): "write labels: {one: …}",
    (PRICES, "products: 5.10"): "write products: {one: {…}}",
    (PRICES, "products: {suite: 5.10}"): "write suite: {P1M: 5.10}",
    (POLICY, "service_template: [gold]"): "write service_template: gold",
    (POLICY, "price_list: {key: emea}"): "write price_list: emea",
    (POLICY, "adopt: [true]"): "write adopt: true",
    (TEMPLATE, "delegated_plans: basic"): "write delegated_plans: [basic]",
    (TEMPLATE, "roles: clerk"): "write roles: [clerk]",
    (TEMPLATE, "roles: {clerk: true}"): "write roles: [clerk]",
    (PLAN, "resources: [seat]"): "write resources: {seat: {…}}",
    (PLAN, "resources: seat"): "write resources: {seat: {…}}",
    (PLAN, "resources: [{key: seat, available: true}]"): "write resources: {seat: {…}}",
    (PLAN, "periods: [P1M]"): "write periods: {P1M: {…}}",
    (PLAN, "periods: {P1M: {fees: 6.00}}"): "write fees: {recurring: 6.00}",
    (PLAN, "periods: {P1M: {fees: {recurring: {from: 2027-01-01, amount: 6.60}}}}"): (
        "write recurring: [{from: 2027-01-01, amount: 6.60}]"
    ),
    (PLAN, "periods: {P1M: {fees: {recurring: [6.00]}}}"): (
        "for example [{from: 2027-01-01, amount: 6.60}]; an amount alone has no brackets"
    ),
    (PLAN, "sales_categories: office"): "write sales_categories: [office]",
    (PLAN, "resources: {seat: {prices: 6.00}}"): "write prices: {recurring: 6.00}",
    (PLAN, "resources: {seat: {limits: 1}}"): "write limits: {included: 1}",
    (PRODUCT, "relations: [b]"): "write relations: {upgrade: [b]}",
    (PRODUCT, "unit_prices: 7.00"): "write unit_prices: {P1M: 7.00}",
    (PRICES, "products: [office]"): "write products: {office: {…}}",
    (PRICES, "products: {office: 5.10}"): "write office: {P1M: 5.10}",
    (PROVIDER, "defaults: all"): "write defaults: {options: all}",
    (PROVIDER, "api_options: partner-desk"): "write api_options: {responsible_user: partner-desk}",
    (PROVIDER, "store: ['postgresql://ann@db.example/tenants?sslmode=require']"): "",
    (POLICY, "delegate:"): "remove the key, or put something below it",
}


@pytest.mark.parametrize(("head", "line"), CASES)
def test_the_hint_shows_the_right_form(head: str, line: str) -> None:
    (problem,) = read_file(SourceFile("a.yaml", f"{head}{line}\n".encode())).problems
    assert problem.hint == CASES[head, line]
    assert problem.place.line == head.count("\n") + 1


def wrong_values() -> Iterator[tuple[type[Part], tuple[str, ...], Any]]:
    """Every field of every kind, with a list, a scalar and a map that it does not take."""
    for model in WORKSPACE_KINDS.values():
        for spot in field_paths(model):
            path = tuple("one" if step == ANY else step for step in spot.pattern)
            annotation = annotation_at(model, path)
            if annotation is None or spot.first(StateOnly) is not None or path == ("kind",):
                continue
            for value in (["one"], "one", {"one": "one"}, ["P1M"], "P1M", True, ["one", "two"], [{"key": "one"}]):
                if not takes(annotation, value):
                    yield model, path, value


def takes(annotation: Any, value: Any) -> bool:
    try:
        TypeAdapter(annotation).validate_python(value)
    except ValidationError:
        return False
    return True


def test_every_form_is_taken() -> None:
    count = 0
    for model, path, value in wrong_values():
        hint = right_form(model, path, value)
        if not hint or UNKNOWN in hint:
            continue
        (document,), problems = parse(hint.removeprefix("write ").encode(), "hint")
        assert not problems
        meant = document.value[path[-1]] if path[-1] != "one" or "one" in document.value else document.value
        assert takes(annotation_at(model, path), meant), (model.__name__, path, value, hint)
        count += 1
    assert count > 200


def test_a_map_that_is_given_as_a_list_or_a_name_has_a_form() -> None:
    """What the readers say themselves aside: options, and maps of days."""
    for model in WORKSPACE_KINDS.values():
        for spot in field_paths(model):
            if spot.part is not None and spot.first(Leaf) is None and spot.pattern[-1] != ANY:
                path = tuple("one" if step == ANY else step for step in spot.pattern)
                assert right_form(model, path, ["one"]), (model.__name__, path)
                assert right_form(model, path, "one"), (model.__name__, path)
