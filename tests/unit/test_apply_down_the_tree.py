"""Applying a plan down the tree: what a refusal or failure takes with it, and what must not have moved (TREE-04)."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import pytest

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.savedplan.codec import decode, encode
from reconciler.core.savedplan.plan_data import plan_digest
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import SourceFile
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Plan, Source, TenantPlan, TenantStatus
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.shell.runs.execute import Applied, ApplyContext, Result, execute
from reconciler.stores.base import EntityWrite, StoreError, TenantStore
from reconciler.stores.memory import MemoryStore

CATALOG = b"""
kind: Provider
key: northwind
currency: EUR
---
{kind: Role, key: admin, privileges: [read]}
---
{kind: ServiceTemplate, key: gold, roles: [admin], options: {other: true}}
---
{kind: SyncPolicy, reseller: contoso, upstream: northwind, service_template: gold}
---
{kind: SyncPolicy, reseller: litware, upstream: contoso, service_template: gold}
---
{kind: SyncPolicy, reseller: wingtip, upstream: litware, service_template: gold}
---
{kind: SyncPolicy, reseller: fabrikam, upstream: northwind, service_template: gold}
"""
READ, WRITE = (
    Entity(EntityId("Role", "admin"), {"privileges": [name]}, origin="northwind") for name in ("read", "write")
)


def planned(store: MemoryStore, *tenants: str) -> Plan:
    files = [SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n"), SourceFile("n/catalog.yaml", CATALOG)]
    catalog, problems = load(files)
    assert catalog is not None, problems

    def observe(policy: Policy) -> Observed:
        snapshot = store.observe(policy.reseller)
        return Observed(snapshot.entities, snapshot.fingerprint, snapshot.revision)

    fold = TreePlanner(catalog, observe, rule_book(frozenset(PRECONDITIONS)), date(2026, 12, 1))
    plans = tuple(fold.plans(frozenset(tenants) or None))
    source = Source(None, None, False, catalog.digest)
    return decode(encode(Plan("2026-12-01T00:00:00Z", source, plans, read=fold.read_besides())))


def written(store: MemoryStore, tenant: str, entity: Entity) -> None:
    store.overwrite(tenant, [EntityWrite(entity.id, None, entity)], actor="tenant", at="2026-12-01T01:00:00Z")


def applied(plan: Plan, store: MemoryStore, unreachable: Iterable[str] = ()) -> dict[str, Applied]:
    def store_of(tenant: str) -> TenantStore:
        if tenant in unreachable:
            raise StoreError("its store cannot be reached")
        return store

    warrant = ApplyContext(plan_digest(plan), "2026-12-01T02:00:00Z", "somebody", None)
    return {each.tenant: each for each in execute(plan, warrant, store_of)}


def test_one_apply_covers_every_level() -> None:
    store = MemoryStore()
    done = applied(planned(store), store)
    assert {tenant: each.result for tenant, each in done.items()} == dict.fromkeys(
        ("contoso", "fabrikam", "litware", "wingtip"), Result.APPLIED
    )
    assert planned(store).applyable is False
    origins = [store.observe(tenant).entities[READ.id].origin for tenant in ("contoso", "litware", "wingtip")]
    assert origins == ["northwind", "contoso", "litware"]


@pytest.mark.parametrize("unreachable", [(), ("contoso",)])
def test_a_refusal_or_failure_takes_what_is_below_with_it_and_nobody_else(unreachable: tuple[str, ...]) -> None:
    store = MemoryStore()
    plan = planned(store)
    if not unreachable:
        written(store, "contoso", WRITE)
    done = applied(plan, store, unreachable)
    assert done["contoso"].result is (Result.FAILED if unreachable else Result.REFUSED)
    assert done["litware"] == Applied("litware", Result.REFUSED, "its upstream contoso was not applied")
    assert done["wingtip"] == Applied("wingtip", Result.REFUSED, "contoso, above its upstream, was not applied")
    assert done["fabrikam"].result is Result.APPLIED


def test_an_upstream_that_the_plan_leaves_as_it_is_must_be_as_it_was() -> None:
    store = MemoryStore()
    first = planned(store, "contoso")
    applied(first, store)
    plan = planned(store)
    written(store, "contoso", WRITE)
    done = applied(plan, store)
    assert done["contoso"].result is Result.REFUSED
    assert "contoso/role/admin (by tenant" in done["contoso"].problem
    assert done["wingtip"].result is Result.REFUSED
    assert done["fabrikam"].result is Result.APPLIED


def test_an_upstream_that_was_only_read_must_be_as_it_was() -> None:
    store = MemoryStore()
    applied(planned(store, "contoso"), store)
    plan = planned(store, "litware", "wingtip")
    assert [(read.tenant, read.fingerprint) for read in plan.read] == [
        ("contoso", store.observe("contoso").fingerprint)
    ]
    written(store, "contoso", WRITE)
    done = applied(plan, store)
    assert {tenant: each.result for tenant, each in done.items()} == dict.fromkeys(
        ("contoso", "litware", "wingtip"), Result.REFUSED
    )
    assert done["litware"].problem == "its upstream contoso has changed since the plan was made"
    assert applied(planned(store, "litware", "wingtip"), store)["wingtip"].result is Result.APPLIED


def test_what_nothing_was_planned_against_may_move() -> None:
    store = MemoryStore()
    applied(planned(store), store)
    plan = planned(store)
    written(store, "wingtip", WRITE)
    assert {each.result for each in applied(plan, store).values()} == {Result.UNCHANGED}


@pytest.mark.parametrize(("moved", "rest"), [(20, ""), (21, ", and 1 more")])
def test_of_many_that_moved_twenty_are_named(moved: int, rest: str) -> None:
    store = MemoryStore()
    plan = planned(store)
    for number in range(moved):
        written(store, "contoso", replace(READ, id=EntityId("Role", f"role-{number:02}")))
    problem = applied(plan, store)["contoso"].problem
    assert problem.count("(by tenant, ") == 20
    assert problem.endswith(f"contoso/role/role-19 (by tenant, 2026-12-01T01:00:00Z){rest}")


@pytest.mark.parametrize("changes", [True, False])
def test_a_providers_own_system_that_moved_holds_nobody_up(changes: bool) -> None:
    """What comes down is its catalog; its system only gets mirrors."""
    store = MemoryStore()
    plan = planned(store)
    customer = Entity(EntityId("Customer", "contoso.acme"), {"name": "Acme"}, origin="contoso")
    change = Change("northwind", customer.id, Action.CREATE, None, customer.document(), rule="SUB-03")
    status = TenantStatus.CHANGES if changes else TenantStatus.IN_SYNC
    fingerprint = store.observe("northwind").fingerprint
    own = TenantPlan("northwind", "", status, fingerprint, changes=(change,) if changes else ())
    plan = replace(plan, tenants=(own, *plan.tenants))
    written(store, "northwind", Entity(EntityId("Customer", "bolt"), {"name": "Bolt"}))
    done = {tenant: each.result for tenant, each in applied(plan, store).items()}
    assert done.pop("northwind") is (Result.REFUSED if changes else Result.UNCHANGED)
    assert set(done.values()) == {Result.APPLIED}
