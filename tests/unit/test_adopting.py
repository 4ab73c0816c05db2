"""A live tenant's state, made into a catalog and planned against that, is what it should be already."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from reconciler.core.inspect.adopting import adoption
from reconciler.core.reading.merge_patch import patched
from reconciler.core.reading.state_documents import read_state
from reconciler.model.documents.policy import SyncPolicy
from reconciler.model.plans.change import Action, Verdict
from reconciler.model.plans.plan import Deferred, TenantPlan
from reconciler.model.values.entity import State
from reconciler.report.documents import render_documents
from tests.scenarios import runner

POLICY = "kind: SyncPolicy\nreseller: contoso\nupstream: northwind\nservice_template: contoso\n"
PROVIDER = "kind: Provider\nkey: northwind\ncurrency: EUR\n"
LEFT_OVER = {
    "CB-08-CB-09-a-plan-that-the-tenant-set-inactive-is-active-again": "a plan that the tenant itself set inactive",
    "CB-32-no-option-on-nothing-is-written": "an order flow that came down, and that nothing in the tenant names",
    "FIELDS-what-no-option-synchronises-is-unmanaged": "a delegated service term that somebody marked as not delegated",
}
"""What a tenant may hold that no catalog of its would give it: there is a difference, and it is shown."""


def adopted(state: State, options: str = "options: all\nadopt: true\n") -> runner.Given:
    """The workspace that the export gives, with the state as it is."""
    files = {
        "reconcile.yaml": "kind: Workspace\nversion: 1\n",
        "northwind/provider.yaml": PROVIDER,
        "northwind/contoso.yaml": POLICY + options,
        "northwind/adopted.yaml": render_documents(adoption("contoso", "northwind", state).documents),
    }
    start = runner.given(files, {}, runner.DAY)
    return replace(start, states={"contoso": state})


def plan_of(start: runner.Given) -> TenantPlan:
    (plan,) = (each for each in runner.planned(start, runner.RULES) if each.upstream)  # its mirrors are the provider's
    return plan


def managed() -> Iterator[tuple[str, State]]:
    """States of tenants below a provider that hold nothing of their own which names what they lack."""
    for scenario in runner.scenarios():
        policies = scenario.given.catalog.policies if scenario.given.catalog else {}
        model = policies["contoso"].model if "contoso" in policies else None
        if isinstance(model, SyncPolicy) and model.upstream == "northwind":
            for states in (scenario.given.states, scenario.actual.after):
                if "contoso" in states:
                    yield scenario.name, states["contoso"]


def is_unused(deferred: Deferred) -> bool:
    """Whether it is an entity that nothing in the tenant needs: a catalog of its own says nothing else of that."""
    return (deferred.reason, deferred.change.action) == (Verdict.UNMANAGED, Action.DELETE)


def lacks_units(state: State) -> bool:
    """Whether a product is sold by a unit that is not active in the tenant: a price list changes that (IW-07)."""
    tenant = next((each.body for id, each in state.items() if id.kind == "Tenant"), {})
    active = {unit for unit, each in tenant.get("billing_cycles", {}).items() if each.get("active", True)}
    sold = {unit for id, each in state.items() if id.kind == "Product" for unit in each.body.get("billing_cycles", {})}
    return not sold <= active


def test_what_came_down_plans_to_nothing() -> None:
    """Whatever the scenarios leave behind. What names something that is not there makes no valid catalog."""
    seen, different = 0, set()
    for name, state in managed():
        start = adopted(state)
        has_origin = all(each.origin == "northwind" for id, each in state.items() if id.kind in ("Plan", "Product"))
        if start.catalog is not None and has_origin:
            plan = plan_of(start)
            said = [each for each in plan.deferred if not is_unused(each)]
            made = [each for each in plan.changes if not (each.entity.kind == "Tenant" and lacks_units(state))]
            different |= {name} if made or said else set()
            seen += 1
    assert different == LEFT_OVER.keys()
    assert seen > 150


OWN = """
{kind: ServiceTerm, key: annual, delegated: true}
---
{kind: PlanCategory, key: productivity, name: Productivity, description: Ours}
---
{kind: SalesCategory, key: desk, name: Desk, position: 2, display_in_control_panel: false}
---
{kind: ProductCategory, key: software, name: Software}
---
{kind: ProductGroup, key: office, name: Office, marketing: {headline: Work}}
---
{kind: ProductType, key: seat, options: {quantity_limit: 20, auto_downgrade: true}}
---
{kind: ResourceCategory, key: licences}
---
{kind: NotificationSchedule, key: reminders, notices: {30: soon, 7: last-call}}
---
{kind: ExpirationSchedule, key: grace, steps: {30: suspend}}
---
{kind: Role, key: clerk, privileges: [read]}
---
{kind: OrderFlow, key: standard, steps: [order, pay]}
---
{kind: TermsAndConditions, key: general, version: 3, required: [order]}
---
kind: Product
key: mail
category: software
type: seat
group: office
active: true
published: true
relations: {cross: [backup]}
billing_cycles:
  P1M: {active: true, purchase_price: 1.10, selling_price: 2.00}
  P1Y: {active: false, purchase_price: 11}
---
{kind: Product, key: backup, category: software, active: false, add_on_of: [mail], published: false}
---
kind: Plan
key: mail-basic
name: Mail Basic
status: active
published: false
product: mail
plan_category: productivity
sales_categories: [desk]
service_term: annual
switchable_plans: [mail-plus]
notification_schedule: reminders
expiration_schedule: grace
usage_statistics: [active-mailboxes]
periods: {P1M: {fees: {setup: 0, recurring: [{from: 2026-01-01, amount: 2.00}, {from: 2027-01-01, amount: 2.20}]}}}
resources:
  mailbox: {category: licences, available: true, prices: {recurring: 2.00}, limits: {included: 1, maximum: 300}}
  archive: {available: false}
---
kind: Plan
key: mail-plus
status: inactive
product: mail
plan_category: productivity
service_term: annual
---
kind: Tenant
key: contoso
name: Contoso Telecom
currency: EUR
order_flow: standard
roles: [clerk]
terms_and_conditions: [general]
billing_cycles: {P1M: {active: true}, P1Y: {active: false}}
---
{kind: Customer, key: acme, name: Acme}
---
{kind: Subscription, key: sub-1, customer: acme, product: mail, paid: true}
"""


def own(text: str = OWN) -> State:
    patches, problems = read_state(text, "own.yaml")
    assert not problems
    return {id: each for id, each in patched({}, patches, replace=True) if each is not None}


def test_what_is_the_tenants_own_is_taken_over_and_nothing_else_happens() -> None:
    """A dated amount becomes that of the day; what is announced stands in the catalog. A rate that is off stays own."""
    start = adopted(own())
    assert start.catalog is not None, start.problems
    plan = plan_of(start)
    assert {each.address: [".".join(field.path) for field in each.fields] for each in plan.changes} == {
        "contoso/plan/mail-basic": [
            "origin",
            "periods.P1M.fees.recurring",
            "periods.P1M.origin",
            "resources.mailbox.origin",
        ],
        "contoso/product/backup": ["origin"],
        "contoso/product/mail": ["origin"],
    }
    assert plan.deferred == ()
    after = runner.applied(start, runner.after((plan,), start.states))
    assert (plan_of(after).changes, plan_of(after).deferred) == ((), ())


def test_without_the_policys_leave_nothing_is_taken_over() -> None:
    for options, reason in (("options: all\n", "blocked"), ("adopt: true\n", "withheld")):
        plan = plan_of(adopted(own(), options))
        assert plan.changes == ()
        assert {(str(each.change.entity), each.reason) for each in plan.deferred} == {
            ("plan/mail-basic", reason),
            ("product/backup", reason),
            ("product/mail", reason),
        }


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        ("key: annual, delegated: true", "key: annual", "its service terms annual are not delegated"),
        ("status: active", "status: draft", "not active, and so not delegated (AP-04): mail-basic, mail-plus"),
        ("purchase_price: 11", "selling_price: 20", "not on the price list, for a billing cycle without a purchase"),
    ],
)
def test_what_the_documents_cannot_say_is_noted(old: str, new: str, note: str) -> None:
    assert old in OWN
    notes = adoption("contoso", "northwind", own(OWN.replace(old, new))).notes
    assert any(each.startswith(note) for each in notes), notes


def test_a_rate_that_the_tenant_put_into_a_copy_stays_its_own() -> None:
    text = OWN.replace("key: mail-basic\n", "key: mail-basic\norigin: northwind\n", 1)
    state = own(text.replace("mailbox: {", "mailbox: {origin: northwind, "))
    (plan,) = (each for each in adoption("contoso", "northwind", state).documents if each.id.key == "mail-basic")
    assert list(plan.body["resources"]) == ["mailbox"]
    assert [each.address for each in plan_of(adopted(state)).changes] == [
        "contoso/product/backup",
        "contoso/product/mail",
    ]


def test_a_copys_own_items_are_no_part_of_the_catalog() -> None:
    """ORIGIN-04: they are the tenant's whatever the catalog says; all else is as the tenant has it."""
    text = """
    kind: Plan
    key: mail-basic
    origin: northwind
    periods: {P1M: {}, P1Y: {origin: null}}
    resources: {mailbox: {origin: northwind}, archive: {}}
    """
    (plan,) = (each for each in adoption("contoso", "northwind", own(text)).documents if each.id.kind == "Plan")
    assert (plan.body["periods"], plan.body["resources"]) == ({"P1M": {}}, {"mailbox": {}})
