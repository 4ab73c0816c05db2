"""Databases of older reconcilers, brought up to date: what is in them is as it would be today."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, insert, select

from reconciler.core.planning.preconditions import PRECONDITIONS
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.schema.rule_book import rule_book
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace.load import load
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import SourceFile
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.entity import Entity, State, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.stores.base import Committed, TenantStore
from reconciler.stores.registry import open_store
from reconciler.stores.sql import schema, versions
from reconciler.stores.sql.row_digests import RowDigestCache
from tests.contract.samples import commit, put, record
from tests.postgresql import Server

MIGRATIONS = Path(versions.__file__).parent / "migrations"
ON = date(2026, 12, 1)
CATALOG = b"""
{kind: Provider, key: northwind, currency: EUR}
---
{kind: ServiceTerm, key: annual}
---
{kind: PlanCategory, key: web}
---
{kind: ProductCategory, key: hosting}
---
{kind: Product, key: web, category: hosting}
---
kind: Plan
key: basic
product: web
plan_category: web
service_term: annual
periods: {P1M: {fees: {recurring: 6.00}}, P1Y: {fees: {recurring: 60.00}}}
---
{kind: SyncPolicy, reseller: contoso, upstream: northwind, delegate: {plans: [basic]}, options: all}
---
{kind: SyncPolicy, reseller: litware, upstream: contoso, delegate: {plans: [basic]}, options: all}
"""
PERIODS: dict[str, Body] = {"P1M": {"fees": {"recurring": "6.00"}}, "P1Y": {"fees": {"recurring": "60.00"}}}
DAMAGED = '{"periods": '


def delegated(origin: str) -> list[Entity]:
    """What a tenant of that upstream has, as version 0004 left it: periods carry no origin."""
    body = {"product": "web", "plan_category": "web", "service_term": "annual", "status": "active", "published": True}
    return [
        Entity(EntityId("Plan", "basic"), {**body, "periods": PERIODS}, origin),
        Entity(EntityId("Plan", "own"), {**body, "periods": PERIODS}),
        Entity(EntityId("PlanCategory", "web"), {}, origin),
        Entity(EntityId("Product", "web"), {"category": "hosting", "published": False}, origin),
        Entity(EntityId("ProductCategory", "hosting"), {}, origin),
        Entity(EntityId("ServiceTerm", "annual"), {"delegated": True}, origin),
    ]


BEFORE = {"contoso": delegated("northwind"), "litware": delegated("contoso")}


def migrated(each: Entity) -> Entity:
    """ORIGIN-04: each period of an entity with origin has that origin."""
    if each.origin is None or "periods" not in each.body:
        return each
    periods = {key: {**period, "origin": each.origin} for key, period in each.body["periods"].items()}
    return Entity(each.id, {**each.body, "periods": periods}, each.origin)


def at_version(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of version 0004, in which every digest that it keeps is right."""
    if request.param == "sqlite":
        url = engine_url = f"sqlite:///{tmp_path / 'tenants.db'}"
    else:
        server: Server = request.getfixturevalue("postgresql")
        url = server.url(server.new_schema())
        engine_url = url.replace("postgresql://", "postgresql+psycopg://")
    with create_engine(engine_url).begin() as connection:
        at_version(connection, "0004")
        taken = RowDigestCache()
        for tenant, entities in BEFORE.items():
            connection.execute(insert(schema.entities), [taken.row(tenant, each) for each in entities])
            kept = {"fingerprint": state_fingerprint(state_of(entities)), "shape": "of 0004", "rest": "kept"}
            connection.execute(insert(schema.tenants), {"tenant": tenant, "revision": 1, **kept})
        damaged = {"tenant": "hurt", "kind": "Plan", "key": "basic", "origin": "northwind", "body": DAMAGED}
        connection.execute(insert(schema.entities), damaged)
    return url


def state_of(entities: Iterable[Entity]) -> State:
    return {each.id: each for each in entities}


def test_the_periods_of_what_came_down_get_its_origin(url: str) -> None:
    with closing(open_store(url, root=Path())) as store:
        for tenant, entities in BEFORE.items():
            found = store.observe(tenant)
            assert found.entities == state_of(map(migrated, entities))
            assert found == store.observe(tenant, verify=True)
            assert found.fingerprint == state_fingerprint(found.entities)
            assert store.state_versions([tenant]) == {}, "a fingerprint of the periods without origin is not kept"
        rows = _rows(store)
    assert rows["hurt", "Plan", "basic"].body == DAMAGED
    for tenant, entities in BEFORE.items():
        for each in map(migrated, entities):
            assert rows[tenant, *each.id].body == RowDigestCache().row(tenant, each)["body"], (
                "as a write of today has it"
            )


@pytest.mark.parametrize("by_digests", [True, False])
def test_there_is_nothing_to_do_for_what_was_in_sync_before(url: str, by_digests: bool) -> None:
    with closing(open_store(url, root=Path())) as store:
        for plan in plans(store, by_digests=by_digests):
            assert (plan.changes, plan.deferred) == ((), ())
        for tenant in BEFORE:  # which takes all digests of the tenant anew
            assert isinstance(commit(store, record(tenant, "2"), put(migrated(BEFORE[tenant][1]))), Committed)
        for plan in plans(store, by_digests=by_digests):
            assert (plan.changes, plan.deferred) == ((), ())


def plans(store: TenantStore, *, by_digests: bool) -> list[TenantPlan]:
    catalog, problems = load([SourceFile("reconcile.yaml", b"kind: Workspace\nversion: 1\n"), _CATALOG])
    assert catalog is not None, problems

    def observe(policy: Policy) -> Observed:
        found = store.sketch(policy.reseller) if by_digests else store.observe(policy.reseller)
        assert found is not None
        return Observed(found.entities, found.fingerprint, found.revision)

    return list(TreePlanner(catalog, observe, rule_book(frozenset(PRECONDITIONS)), ON).plans(None))


_CATALOG = SourceFile("northwind/catalog.yaml", CATALOG)


def _rows(store: TenantStore) -> dict[tuple[str, ...], Any]:
    with store._database.reading() as connection:  # type: ignore[attr-defined]
        return {(row.tenant, row.kind, row.key): row for row in connection.execute(select(schema.entities))}
