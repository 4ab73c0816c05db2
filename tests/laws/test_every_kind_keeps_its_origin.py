"""ORIGIN-02 for every kind that comes down, one by one: its origin comes back under no option, and so does a rate's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from reconciler.core.reading.state_documents import StatePatch, read_state
from reconciler.core.schema.fields import kind_shapes
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.keys import EntityId, snake
from reconciler.report.documents import render_documents
from reconciler.shell.tenants.states import write_state
from tests.scenarios import runner
from tests.scenarios.acting import Acts, Stage, moment
from tests.scenarios.runner import RULES

NORTHWIND = """
kind: Provider
key: northwind
name: Northwind Cloud
currency: EUR
---
kind: Plan
key: office-basic
name: Office Basic
product: office
plan_category: productivity
sales_categories: [office-apps]
service_term: annual
notification_schedule: reminders
expiration_schedule: grace
periods: {P1M: {fees: {recurring: 6.00}}}
resources: {seat: {category: licences, prices: {recurring: 6.00}}}
---
{kind: SalesCategory, key: office-apps, name: Office apps}
---
{kind: Resource, key: seat, name: Seat, unit: seat}
---
{kind: ResourceCategory, key: licences, name: Licences}
---
{kind: ServiceTerm, key: annual, name: Annual}
---
{kind: PlanCategory, key: productivity, name: Productivity}
---
{kind: ProductCategory, key: software, name: Software}
---
{kind: ProductGroup, key: suites, name: Suites}
---
{kind: ProductType, key: licence, name: Licence}
---
{kind: NotificationTemplate, key: mail, name: Mail, visible_to_resellers: true}
---
{kind: NotificationSchedule, key: reminders, name: Reminders, notices: {30: mail}}
---
{kind: ExpirationSchedule, key: grace, name: Grace, steps: {30: suspend}}
---
{kind: OrderFlow, key: standard, name: Standard, steps: [cart]}
---
{kind: Role, key: billing, name: Billing, privileges: [invoices]}
---
{kind: TermsAndConditions, key: gen, name: General, version: "1"}
---
kind: Product
key: office
name: Office
category: software
group: suites
type: licence
unit_prices: {P1M: 7.00}
---
{kind: PriceList, key: emea, currency: EUR, products: {office: {P1M: 5.10}}}
---
kind: ServiceTemplate
key: gold
name: Gold
delegated_plans: [office-basic]
price_list: emea
order_flow: standard
roles: [billing]
terms_and_conditions: [gen]
notification_schedules: [reminders]
"""
CONTOSO = "kind: SyncPolicy\nreseller: contoso\nname: Contoso\nupstream: northwind\nservice_template: gold\n"
SUBSCRIPTION = """
{kind: Customer, key: acme, name: Acme}
---
kind: Subscription
key: sub-1
customer: acme
product: office
billing_cycle: P1M
quantity: 10
paid: true
activation_date: 2026-11-01
start_date: 2026-11-01
renew_automatically: true
"""
ALL, NONE = "options: all\n", "options: {plans: false}\n"


def _catalog(options: str) -> runner.Given:
    files = {
        "reconcile.yaml": "kind: Workspace\nversion: 1\n",
        "n/c.yaml": NORTHWIND,
        "n/contoso.yaml": CONTOSO + options,
    }
    found = runner.given(files, {}, runner.DAY)
    assert found.catalog is not None, found.problems
    return found


@cache
def applied() -> dict[str, str]:
    """The documents of every tenant once all came down, and the subscription was mirrored."""
    stage = _stage()
    return {tenant: render_documents(state.values()) for tenant, state in stage.states().items()}


def _stage() -> Stage:
    start = _catalog(ALL)
    assert start.catalog is not None
    stage = Stage(start.catalog, RULES, Acts((), moment("2026-12-01"), {}, {}), moment("2026-12-01"))
    stage.set({"contoso": runner.state_of(SUBSCRIPTION, "before")})
    stage.perform("apply")
    return stage


def copies() -> Iterator[tuple[str, EntityId]]:
    for tenant, text in applied().items():
        for id, each in runner.state_of(text, tenant).items():
            if each.origin is not None:
                yield tenant, id


def _write(stage: Stage, tenant: str, text: str) -> None:
    patches: list[StatePatch]
    patches, problems = read_state(text, "wiped.yaml")
    assert not problems
    write_state(stage._store(tenant), tenant, patches, replace=False, at="")


def _plans(stage: Stage) -> dict[str, TenantPlan]:
    return {each.tenant: each for each in stage._fold().plans(None)}


def test_every_kind_that_comes_down_is_among_them() -> None:
    assert {id.kind for _, id in copies()} == set(kind_shapes())


@pytest.mark.parametrize("origin", ["null", "elsewhere"])
@pytest.mark.parametrize("options", [ALL, NONE], ids=["all options", "none"])
@pytest.mark.parametrize(("tenant", "id"), list(copies()), ids=str)
def test_its_origin_comes_back(tenant: str, id: EntityId, options: str, origin: str) -> None:
    stage = _stage()
    before = stage.states()
    _write(stage, tenant, f"kind: {id.kind}\nkey: {id.key}\norigin: {origin}\n")
    assert stage.states() != before
    then = _catalog(options).catalog
    assert then is not None
    stage.catalog = then
    changes = {str(change.entity): change for plan in _plans(stage).values() for change in plan.changes}
    assert list(changes) == [f"{snake(id.kind)}/{id.key}"]
    fields = [(each.path, each.allowed_by, each.rule) for each in changes[str(id)].fields]
    assert fields == [(("origin",), (), "ORIGIN-02")]
    stage.perform("apply")
    assert stage.states() == before
    assert not any(plan.changes for plan in _plans(stage).values())


@pytest.mark.parametrize("options", [ALL, NONE], ids=["all options", "none"])
def test_the_origin_of_a_rate_comes_back(options: str) -> None:
    stage = _stage()
    before = stage.states()
    _write(stage, "contoso", "kind: Plan\nkey: office-basic\nresources: {seat: {origin: null}}\n")
    then = _catalog(options).catalog
    assert then is not None
    stage.catalog = then
    (change,) = _plans(stage)["contoso"].changes
    assert [(each.path, each.allowed_by, each.rule) for each in change.fields] == [
        (("resources", "seat", "origin"), (), "ORIGIN-02")
    ]
    stage.perform("apply")
    assert stage.states() == before


def test_all_of_them_at_once() -> None:
    stage = _stage()
    before = stage.states()
    for tenant, id in copies():
        _write(stage, tenant, f"kind: {id.kind}\nkey: {id.key}\norigin: null\n")
    stage.perform("apply")
    assert stage.states() == before
