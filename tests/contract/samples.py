"""What the tests of stores write: entities, records, and the reading of whole states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body
from reconciler.stores.base import EntityWrite, Outcome, Record, TenantReader, TenantStore
from reconciler.stores.registry import open_store

AT = "2026-11-21T08:00:00Z"
BY = "Ada <ada@northwind.example>"

EVERY_VALUE: Body = {
    "name": "Ünïcode ✓ 日本語 \U0001f4b6 'quoted' \"twice\" \\ % _ ; -- \u0000 \u2028",
    "status": "active",
    "published": True,
    "active": False,
    "quantity": 25,
    "largest": 2**53 - 1,
    "least": -(2**53 - 1),
    "zero": 0,
    "amounts": {"as_written": "6.00", "shorter": "6.0", "tiny": "0.00000000012500", "huge": "9" * 40 + "." + "0" * 9},
    "sets": ["a", "b"],
    "empty": {"text": "", "list": [], "map": {}},
    "notices": {"30": "renewal-mail", "7": "renewal-mail"},
    "resources": {"gpt-4.1": {}, "seat": {"prices": {"recurring": "6.00"}, "limits": {"included": 1}}},
    "dated": [{"from": "2027-01-01", "amount": "6.60"}, {"from": "2027-07-01", "amount": "7"}],
    "on": "no",
    "unknown": None,
}


def plan(key: str, fee: str = "6.00", *, origin: str | None = "northwind") -> Entity:
    """A plan with one fee."""
    return Entity(EntityId("Plan", key), {"name": key, "periods": {"P1M": {"fees": {"recurring": fee}}}}, origin)


def put(*entities: Entity) -> list[EntityWrite]:
    return [EntityWrite(each.id, None, each) for each in entities]


def remove(*entities: Entity) -> list[EntityWrite]:
    return [EntityWrite(each.id, each, None) for each in entities]


def record(tenant: str, plan: str = "sha256:1", *, by: str = BY, changes: Iterable[Body] = ()) -> Record:
    return Record(tenant, plan, AT, by, "4f" * 20, tuple(changes))


def commit(
    store: TenantStore, record: Record, writes: list[EntityWrite], *, read: TenantReader | None = None
) -> Outcome:
    """Commit on what is there now."""
    now = (read or store).observe(record.tenant)
    return store.commit(record, writes, expected=now.fingerprint, revision=now.revision)


def on_the_shelf(url: str, *, root: Path, token: str | None, writing: bool) -> TenantStore:
    """What a plugin's entry point loads."""
    assert token == "secret"
    return open_store(f"memory:{url}", root=root)


def contents(store: TenantReader) -> Mapping[str, object]:
    """All that a store holds and tells, for comparing a store with itself before and after."""
    history = list(store.history())
    tenants = sorted({*store.tenants(), *(each.tenant for each in history)})
    states = {tenant: store.observe(tenant) for tenant in tenants}
    return {"states": states, "moves": {each: list(store.moved_since(each, 0)) for each in tenants}, "history": history}
