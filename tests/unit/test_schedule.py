"""What is scheduled next: dated amounts of plans that came down, and of price lists, at whichever level."""

from datetime import date

import pytest

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.core.savedplan.codec import decode, encode
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.tree.afterwards import scheduled_part
from reconciler.core.tree.schedule import scheduled
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import SourceFile
from reconciler.model.plans.plan import Plan, Source
from reconciler.model.values.entity import Entity, State, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.report.plans.listing import render_plan

CATALOG = b"""
kind: Provider
key: northwind
currency: EUR
---
{kind: ServiceTerm, key: annual}
---
{kind: PlanCategory, key: productivity}
---
{kind: ProductCategory, key: software}
---
{kind: Product, key: office, category: software}
---
kind: Plan
key: office-basic
product: office
plan_category: productivity
service_term: annual
periods:
  P1M:
    fees:
      setup: [{from: 2026-01-01, amount: 1}]
      recurring: [{from: 2026-01-01, amount: 6.00}, {from: 2027-01-01, amount: 6.60}, {from: 2028-01-01, amount: 7}]
---
{kind: PriceList, key: steady, currency: EUR, products: {office: {P1M: 5}}}
---
{kind: SyncPolicy, reseller: contoso, upstream: northwind, delegate: {plans: [office-basic]}, options: {plans: true}}
---
{kind: SyncPolicy, reseller: fabrikam, upstream: northwind, delegate: {plans: [office-basic]}, price_list: steady}
---
kind: SyncPolicy
reseller: litware
upstream: contoso
delegate: {plans: [office-basic, hosting]}
options: {plans: true}
"""
LISTS = b"""
---
{kind: Product, key: mail, category: software}
---
kind: PriceList
key: emea
currency: EUR
products:
  office: {P1M: [{from: 2026-01-01, amount: 5}, {from: 2027-02-01, amount: 5.50}], P1Y: 50}
  mail: {P1M: [{from: 2027-03-01, amount: 1}]}
---
{kind: PriceList, key: resale, currency: EUR, products: {office: {P1M: [{from: 2027-04-01, amount: 6}]}}}
---
kind: SyncPolicy
reseller: tailspin
upstream: northwind
price_list: emea
options: {price_list: {products: true}}
---
kind: SyncPolicy
reseller: wingtip
upstream: tailspin
price_list: resale
options: all
---
{kind: SyncPolicy, reseller: adatum, upstream: northwind, price_list: emea}
"""
OWN = """
kind: Plan
key: hosting
product: hosting
plan_category: own
service_term: own
resources:
  gpt-4.1: {prices: {overuse: [{from: 2026-12-24, amount: 0.5}]}}
---
{kind: Product, key: hosting, category: own}
---
{kind: ProductCategory, key: own}
---
{kind: PlanCategory, key: own}
---
{kind: ServiceTerm, key: own}
"""


def plan(
    *selected: str, contoso: str = "", lists: bytes = b"", on: date = date(2026, 12, 1), catalog: bytes = CATALOG
) -> Plan:
    workspace = SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n")
    loaded, problems = load([workspace, SourceFile("n/c.yaml", catalog + lists)])
    assert loaded is not None, problems
    patches = read_state(contoso, "")[0] if contoso else []
    states: dict[str, State] = {"contoso": {id: each for id, each in patched({}, patches, replace=True) if each}}

    def observe(policy: Policy) -> Observed:
        state = states.get(policy.reseller, {})
        return Observed(state, state_fingerprint(state), 0)

    fold = TreePlanner(loaded, observe, rule_book(frozenset(PRECONDITIONS)), on)
    plans = tuple(fold.plans(frozenset(selected) or None))
    coming = scheduled(fold, [each.tenant for each in plans])
    return Plan("2026-12-01T00:00:00Z", Source(None, None, False, loaded.digest), plans, scheduled=coming)


def lines(made: Plan) -> list[str]:
    return [each for each in render_plan(decode(encode(made))).splitlines() if each.startswith("Scheduled")]


def test_the_next_change_is_listed_for_the_tenants_that_have_the_plan() -> None:
    assert lines(plan()) == ['Scheduled: 2027-01-01, 2 tenants: plan "office-basic" periods.P1M.fees.recurring -> 6.60']


@pytest.mark.parametrize(("on", "next_day"), [((2027, 1, 1), ["2028-01-01"]), ((2028, 1, 1), [])])
def test_what_has_come_is_not_scheduled(on: tuple[int, int, int], next_day: list[str]) -> None:
    assert [each.date for each in plan(on=date(*on)).scheduled] == next_day


@pytest.mark.parametrize("selected", [(), ("litware",)])
def test_a_resellers_own_plan_is_scheduled_where_it_came_down(selected: tuple[str, ...]) -> None:
    made = plan(*selected, contoso=OWN)
    assert 'Scheduled: 2026-12-24, 1 tenant: plan "hosting" resources["gpt-4.1"].prices.overuse -> 0.5' in lines(made)


def test_a_price_of_a_list_is_scheduled_where_the_product_came_down_at_every_level() -> None:
    """Adatum lets no product in; Fabrikam's list announces nothing."""
    prices = [each for each in lines(plan(lists=LISTS)) if "billing_cycles" in each]
    assert prices == [
        'Scheduled: 2027-02-01, 1 tenant: product "office" billing_cycles.P1M.purchase_price -> 5.50',
        'Scheduled: 2027-03-01, 1 tenant: product "mail" billing_cycles.P1M.purchase_price -> 1',
        'Scheduled: 2027-04-01, 1 tenant: product "office" billing_cycles.P1M.purchase_price -> 6',
    ]
    assert [each.tenants for each in plan("wingtip", lists=LISTS).scheduled] == []


@pytest.mark.parametrize(("day", "left"), [((2027, 2, 1), 2), ((2027, 4, 1), 0)])
def test_a_price_that_has_come_is_not_scheduled(day: tuple[int, int, int], left: int) -> None:
    made = plan("tailspin", "wingtip", lists=LISTS, on=date(*day))
    assert len([each for each in made.scheduled if each.entity.kind == "Product"]) == left


def test_an_amount_is_listed_with_the_name_of_the_original_at_every_level() -> None:
    plans = CATALOG.replace(b"key: office-basic\n", b"key: office-basic\nname: Office Basic\n")
    products = LISTS.replace(b"key: mail,", b"key: mail, name: Mail,")
    own = OWN.replace("key: hosting\nproduct", "key: hosting\nname: Hosting of Contoso\nproduct")
    made = plan(contoso=own, lists=products, catalog=plans)
    named = {(each.entity.key, each.name, len(each.tenants)) for each in decode(encode(made)).scheduled}
    assert {("office-basic", "Office Basic", 2), ("hosting", "Hosting of Contoso", 1), ("mail", "Mail", 1)} <= named


@pytest.mark.parametrize("origin", ["northwind", None])
def test_of_a_plan_its_status_and_the_tenants_own_items_are_read(origin: str | None) -> None:
    own, came = {"fees": {"recurring": "5.00"}}, {"fees": {"recurring": "6.00"}, "origin": "northwind"}
    plan = Entity(
        EntityId("Plan", "web"), {"name": "Web", "status": "active", "periods": {"P1M": came, "P1Y": own}}, origin
    )
    mine = {"P1Y": own} if origin else {"P1M": came, "P1Y": own}
    assert scheduled_part(plan) == Entity(plan.id, {"status": "active", "periods": mine}, origin)
