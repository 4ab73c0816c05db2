"""What every store promises, whatever is behind it. A new store is one more line in `STORES`."""

from __future__ import annotations

import multiprocessing
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint
from itertools import permutations, product
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from sqlalchemy import Engine, event, select

from reconciler.core.states.lazy_state import LazyState
from reconciler.core.states.managed_digest import of_actual
from reconciler.model.values.entity import Entity, fingerprint, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.stores import registry
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    EntityWrite,
    RecentRecords,
    Record,
    Snapshot,
    Stale,
    StateVersion,
    StoreError,
    TenantReader,
    TenantStore,
    TenantWrite,
    WriteLogEntry,
)
from reconciler.stores.registry import open_reader, open_store
from reconciler.stores.sql import schema
from tests.contract.samples import AT, BY, EVERY_VALUE, commit, contents, plan, put, record, remove
from tests.postgresql import Server

STORES: dict[str, Callable[[Path, Callable[[], Server]], str]] = {
    "memory": lambda folder, _: f"memory:{folder}",
    "sqlite": lambda *_: "sqlite:///.reconcile/tenants.db",
    "postgresql": lambda _, server: (it := server()).url(it.new_schema()),
}
"""The URL of a store of its own for a test, which may use a folder, or the PostgreSQL server."""
DATABASES = ("postgresql", "sqlite")
"""Those that outlive a process."""


@dataclass(frozen=True)
class Place:
    """Where a store is: it can be opened any number of times."""

    url: str
    root: Path

    def writer(self) -> TenantStore:
        return open_store(self.url, root=self.root)

    def reader(self) -> TenantReader:
        return open_reader(self.url, root=self.root)


def new_place(name: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    root = folder / "a workspace, 100% über?#"
    root.mkdir(exist_ok=True)
    return Place(STORES[name](folder, lambda: request.getfixturevalue("postgresql")), root)


@pytest.fixture(params=sorted(STORES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, request, tmp_path)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, request, tmp_path)


@pytest.fixture
def postgresql_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place("postgresql", request, tmp_path)


@pytest.fixture
def sqlite_place(tmp_path: Path) -> Place:
    return Place("sqlite:///.reconcile/tenants.db", tmp_path)


@pytest.fixture
def store(place: Place) -> Iterator[TenantStore]:
    with closing(place.writer()) as store:
        yield store


# Reading and writing


def test_a_tenant_without_state_is_empty(place: Place, store: TenantStore) -> None:
    for each in (store, place.reader()):
        snapshot = each.observe("contoso")
        assert (snapshot.tenant, dict(snapshot.entities), snapshot.revision) == ("contoso", {}, 0)
        assert snapshot.fingerprint == fingerprint(()) == state_fingerprint({})
        assert list(each.tenants()) == []
        assert list(each.moved_since("contoso", 0)) == []
        assert list(each.history()) == list(each.history("contoso")) == []
        recent = each.recent("contoso", since="", limit=1)
        assert (list(recent.records), recent.counts) == ([], {})


def test_the_first_rows_of_a_tenant_are_not_read_again(database: Place) -> None:
    """What was just written is known; a later look at all of it finds the same."""
    asked: list[str] = []

    def before(*told: Any) -> None:
        asked.append(told[2])

    with closing(database.writer()) as store:
        event.listen(Engine, "before_cursor_execute", before)
        try:
            store.overwrite("fabrikam", put(plan("a")), actor=BY, at=AT)
            commit(store, record("contoso"), put(plan("a"), plan("b")))
        finally:
            event.remove(Engine, "before_cursor_execute", before)
        assert not [each for each in asked if each.startswith("UPDATE entities SET digest")]
        for tenant in ("contoso", "fabrikam"):
            assert store.observe(tenant) == store.observe(tenant, verify=True)


def test_a_standing_is_what_observing_finds(place: Place, store: TenantStore) -> None:
    nothing = StateVersion(fingerprint(()), 0)
    assert store.state_versions(["contoso"]) == place.reader().state_versions(["contoso"]) == {"contoso": nothing}
    commit(store, record("contoso", "1"), put(plan("basic"), plan("plus")))
    store.overwrite("contoso", put(plan("basic", "7.00")), actor="tenant", at=AT)
    store.overwrite("fabrikam", put(plan("basic")), actor="tenant", at=AT)
    for each in (store, place.reader()):
        for tenant in ("contoso", "fabrikam"):
            found = each.observe(tenant)
            found_standing = StateVersion(found.fingerprint, found.revision)
            assert each.state_versions([tenant, "nobody"]) == {"nobody": nothing, tenant: found_standing}
            assert found == each.observe(tenant, verify=True)
            assert found.fingerprint == state_fingerprint(found.entities)


def test_a_sketch_is_what_observing_finds(database: Place) -> None:
    """Its digests are of the synchronised parts, whatever wrote the rows; of few bodies only these are read."""
    with closing(database.writer()) as store:
        commit(store, record("contoso", "1"), put(*(plan(f"p{number}") for number in range(9))))
        store.overwrite("contoso", put(plan("p3", "7.00")), actor="tenant", at=AT)
        for each in (store, database.reader()):
            found, whole = each.sketch("contoso"), each.observe("contoso")
            assert found is not None and isinstance(found.entities, LazyState)
            assert (found.fingerprint, found.revision) == (whole.fingerprint, whole.revision)
            assert found.entities.synced == {id: of_actual(here) for id, here in whole.entities.items()}
            assert found.entities.origins == {id: here.origin for id, here in whole.entities.items()}
            assert each.sketch("contoso", verify=True) == replace(found, entities=found.entities.whole())
            some = [EntityId("Plan", "p3"), EntityId("Plan", "p4"), EntityId("Plan", "not-there")]
            found.entities.fetch(some)
            assert [found.entities[id] for id in some[:2]] == [whole.entities[id] for id in some[:2]]
            assert dict(found.entities.items()) == found.entities.whole() == whole.entities


ODD = ["a b", " ", "\x1f", "\n", "ü", '"', '","', "\\", '\\"', "{}", "NULL", "z" * 300]
"""Keys and origins that nothing of ours has, but that a store keeps all the same."""


@pytest.mark.parametrize("seed", range(6))
def test_what_tenants_have_in_common_is_told_as_of_each(database: Place, seed: int) -> None:
    """Whoever wrote what, and in whatever order tenants are told: now alike but for their own documents, now not."""
    chance = Random(seed)
    shared = 0
    with closing(database.writer()) as store, closing(database.reader()) as reader:
        for tenant in ("a", "b", "c", "d"):
            own = Entity(EntityId("Tenant", tenant), {"name": tenant}, None)
            commit(store, record(tenant, "1"), put(plan("basic"), plan("plus"), own))
        for _ in range(25):
            _moved_somehow(store, chance.choice("abcd"), chance)
            for tenant in chance.sample("abcd", 4):
                found, whole = reader.sketch(tenant), reader.observe(tenant)
                assert found is not None and isinstance(found.entities, LazyState)
                shared += found.entities.common is not None
                _tells(found, whole)
    assert shared > 20


def _moved_somehow(store: TenantStore, tenant: str, chance: Random) -> None:
    """Few values, so that tenants are alike again and again; by a write of ours, or past us."""
    key = chance.choice(("basic", "plus", "max"))
    if chance.random() < 0.2:
        with store._writable.writing(tenant) as connection:  # type: ignore[attr-defined]
            body = f'{{"name": "{key}"}}'
            connection.exec_driver_sql(f"UPDATE entities SET body = '{body}' WHERE tenant = '{tenant}'")
        return
    after = None if chance.random() < 0.2 else replace(plan(key), origin=chance.choice(("northwind", None)))
    store.overwrite(tenant, [EntityWrite(EntityId("Plan", key), None, after)], actor="tenant", at=AT)


def _tells(found: Snapshot, whole: Snapshot) -> None:
    sketch = found.entities
    assert isinstance(sketch, LazyState)
    assert (found.fingerprint, found.revision) == (whole.fingerprint, whole.revision)
    assert sketch.synced == {id: of_actual(each) for id, each in whole.entities.items()}
    assert sketch.origins == {id: each.origin for id, each in whole.entities.items()}
    assert {id: sketch.origin(id) for id in sketch} == sketch.origins
    assert sketch.kinds == {id.kind for id in whole.entities}
    for ids in (list(whole.entities), [id for id in whole.entities if id.kind == "Plan"][:1]):
        assert {id: sketch.digests(ids)[id] for id in ids} == {id: whole.entities[id].digest() for id in ids}
    assert dict(sketch.items()) == sketch.whole() == whole.entities


def test_in_which_order_rows_came_makes_no_difference(database: Place) -> None:
    """Two tenants are alike although their rows were written in opposite orders, some of them twice."""
    keys = [f"p{number}" for number in range(9)]
    with closing(database.writer()) as store:
        for tenant, order in (("a", keys), ("b", [*reversed(keys)])):
            for key in (*order, *order[:4]):
                store.overwrite(tenant, put(plan(key, "7.00"), plan(key)), actor="tenant", at=AT)
    with closing(database.reader()) as reader:
        found = {tenant: reader.sketch(tenant) for tenant in ("a", "b", "a", "b")}
        for tenant, sketch in found.items():
            assert sketch is not None
            _tells(sketch, reader.observe(tenant))
        assert found["a"].fingerprint == found["b"].fingerprint  # type: ignore[union-attr]


def test_rows_of_a_tenant_that_nothing_was_noted_of_are_its_state(database: Place) -> None:
    """Somebody else wrote them, into the database and past every reconciler."""
    with closing(database.writer()) as store:
        store.overwrite("contoso", put(plan("basic"), plan("plus")), actor="tenant", at=AT)
        with store._writable.writing("contoso") as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("UPDATE entities SET tenant = 'fabrikam'")
        state = {each.id: each for each in (plan("basic"), plan("plus"))}
        for each in (store, database.reader()):
            whole, sketch = each.observe("fabrikam"), each.sketch("fabrikam")
            assert (dict(whole.entities), whole.fingerprint) == (state, state_fingerprint(state))
            assert sketch is None or (dict(sketch.entities), sketch.fingerprint) == (state, whole.fingerprint)
            standing = each.state_versions(["fabrikam"]).get("fabrikam")
            assert standing is None or standing.fingerprint == whole.fingerprint
        done = store.overwrite("fabrikam", put(plan("max")), actor="tenant", at=AT)
        assert done.fingerprint == store.observe("fabrikam").fingerprint
        assert set(store.observe("fabrikam").entities) == {*state, plan("max").id}


@pytest.mark.parametrize("odd", ODD)
def test_what_is_told_by_digests_holds_whatever_keys_and_origins_are(database: Place, odd: str) -> None:
    ids = [EntityId("Plan", odd), EntityId("Plan", "basic"), EntityId("Product", "a"), EntityId("PlanCategory", odd)]
    with closing(database.writer()) as store:
        for number, origin in enumerate(("northwind", None, "", odd)):
            entities = [Entity(id, {"name": str(number)}, origin) for id in ids]
            entities[1] = replace(entities[1], origin="northwind")
            done = store.overwrite("contoso", put(*entities), actor="tenant", at=AT)
            state = {each.id: each for each in entities}
            assert done.fingerprint == state_fingerprint(state) == store.observe("contoso").fingerprint
            assert dict(store.observe("contoso").entities) == state
            assert store.observe("contoso", verify=True).fingerprint == done.fingerprint
            found = store.sketch("contoso")
            assert found is None or dict(found.entities) == state
            if found is not None:
                assert isinstance(found.entities, LazyState)
                assert found.entities.origins == {id: each.origin for id, each in state.items()}
                assert found.entities.digests(ids) == {id: each.digest() for id, each in state.items()}


def test_a_sketch_of_what_moved_since_is_not_filled_in(database: Place) -> None:
    with closing(database.writer()) as store:
        commit(store, record("contoso", "1"), put(plan("basic"), plan("plus")))
        found = store.sketch("contoso")
        assert found is not None
        store.overwrite("contoso", put(plan("basic", "7.00")), actor="tenant", at=AT)
        with pytest.raises(StoreError, match="contoso was written to while it was read"):
            _ = found.entities[EntityId("Plan", "plus")]


@pytest.mark.parametrize("tampering", ["UPDATE entities SET synced = 'x'", "UPDATE tenants SET shape = 'another'"])
def test_digests_that_cannot_be_told_by_are_taken_anew_by_the_next_write(database: Place, tampering: str) -> None:
    """Of every row: those that somebody else wrote, and those of a reconciler that synchronises something else."""
    with closing(database.writer()) as store:
        commit(store, record("contoso", "1"), put(plan("basic"), plan("plus"), plan("max")))
        with store._writable.writing("contoso") as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql(tampering)
        found = store.sketch("contoso")
        assert found is not None and isinstance(found.entities, LazyState)
        assert found.fingerprint == store.observe("contoso").fingerprint
        assert found.entities.synced == {id: of_actual(here) for id, here in found.entities.whole().items()}
        store.overwrite("contoso", put(plan("basic", "7.00")), actor="tenant", at=AT)
        with store._writable.reading() as connection:  # type: ignore[attr-defined]
            kept = {row.key: row.synced for row in connection.execute(select(schema.entities))}
        assert kept == {id.key: of_actual(here) for id, here in store.observe("contoso").entities.items()}


def test_every_value_comes_back_as_it_was_written(place: Place, store: TenantStore) -> None:
    written = [
        Entity(EntityId("Plan", "every.value-1_x"), EVERY_VALUE, "northwind"),
        Entity(EntityId("Plan", "own"), EVERY_VALUE),
        Entity(EntityId("Product", "nothing"), {}, "northwind"),
        Entity(EntityId("Tenant", "contoso"), {"name": "", "currency": "EUR"}),
    ]
    assert isinstance(commit(store, record("contoso"), put(*written)), Committed)
    for each in (store, place.writer(), place.reader()):
        assert each.observe("contoso").entities == {entity.id: entity for entity in written}


def test_an_amount_is_never_rounded_or_respelt(place: Place, store: TenantStore) -> None:
    amounts = ["6", "6.0", "6.00", "0.1", "0.30000000000000004", "0.000000000000000000000000000001", "123456789" * 9]
    commit(store, record("contoso"), put(*(plan(f"p{i}", amount) for i, amount in enumerate(amounts))))
    state = place.reader().observe("contoso").entities
    assert [state[EntityId("Plan", f"p{i}")].body["periods"]["P1M"]["fees"]["recurring"] for i in range(7)] == amounts


def test_whoever_wrote_may_change_what_they_gave(store: TenantStore) -> None:
    body: dict[str, Any] = {"name": "before", "limits": {"included": 1}}
    commit(store, record("contoso"), put(Entity(EntityId("Plan", "basic"), body)))
    before = store.observe("contoso")
    body["limits"]["included"] = 2
    assert store.observe("contoso") == before
    assert before.fingerprint == state_fingerprint(before.entities)
    own = Entity(EntityId("Plan", "basic"), body)
    for included in (3, 4):
        body["limits"]["included"] = included  # and write the same value, which is another now
        store.overwrite("contoso", put(own), actor="tenant", at=AT)
        now = store.observe("contoso")
        assert now.entities[own.id].body["limits"] == {"included": included}
        assert now.fingerprint == state_fingerprint(now.entities) == store.observe("contoso", verify=True).fingerprint


def test_whoever_read_may_change_what_they_got(store: TenantStore) -> None:
    entity = Entity(EntityId("Plan", "basic"), {"name": "before", "limits": {"included": 1}})
    commit(store, record("contoso", changes=[{"after": {"name": "before"}}]), put(entity))
    body: Any = store.observe("contoso").entities[entity.id].body
    body["limits"]["included"] = 2
    change: Any = next(iter(store.history())).changes[0]
    change["after"]["name"] = "after"
    assert store.observe("contoso").entities == {entity.id: entity}
    assert next(iter(store.history())).changes == ({"after": {"name": "before"}},)


DAYS = ("2026-11-21", "2026-11-23", "2026-11-22", "2026-11-23")
"""Of records in the order of their writes: a clock may go back."""


def test_the_last_records_are_those_of_the_whole_journal(place: Place, store: TenantStore) -> None:
    for number, day in enumerate(DAYS):
        for tenant in ("contoso", "c_2", "c-1"):
            made = replace(record(tenant, str(number), changes=[{"number": number}]), at=f"{day}T08:00:00Z")
            commit(store, made, put(plan("a", f"{number}.00")))
    for asked, since, limit in product((None, "c_2"), ("", "2026-11-22T08:00:00Z", "2027"), (None, 1, 4, 100)):
        expected = RecentRecords.of(store.history(asked), since, limit)
        for each in (store, place.reader()):
            found = each.recent(asked, since=since, limit=limit)
            assert (list(found.records), found.counts) == (list(expected.records), expected.counts)


def test_a_plugin_without_recent_is_read_as_a_whole() -> None:
    """One that was made for an earlier release."""

    class Older:
        def history(self, tenant: str | None = None) -> list[Record]:
            return [record("contoso", "1"), record("contoso", "2")]

    reader = registry.ReadOnly(cast("TenantReader", Older()))
    assert [each.plan for each in reader.recent("contoso", since="", limit=1).records] == ["2"]


def test_the_changes_of_older_records_are_not_read(sqlite_place: Place) -> None:
    """One that is damaged is an error to who reads it, and to nobody else."""
    with closing(sqlite_place.writer()) as store:
        for number in range(3):
            made = replace(record("contoso", str(number)), at=f"2026-11-2{number}T08:00:00Z")
            commit(store, made, put(plan("a", f"{number}.00")))
        with closing(sqlite3.connect(sqlite_place.root / ".reconcile" / "tenants.db")) as connection, connection:
            connection.execute("UPDATE journal SET changes = '[' WHERE plan = '0'")
        assert [each.plan for each in store.recent("contoso", since="", limit=2).records] == ["1", "2"]
        assert len(store.recent(None, since="2026-11-21", limit=None).records) == 2
        damaged = "the journal's record of contoso at 2026-11-20T08:00:00Z is damaged"
        with pytest.raises(StoreError, match=damaged):
            list(store.history("contoso"))
        with pytest.raises(StoreError, match=damaged):
            store.recent("contoso", since="", limit=3)


def test_a_record_that_no_store_keeps_writes_nothing(store: TenantStore) -> None:
    with pytest.raises(TypeError):
        commit(store, record("contoso", changes=[{"amount": object()}]), put(plan("basic")))
    assert contents(store) == {"states": {}, "moves": {}, "history": []}


def test_a_state_is_sorted(store: TenantStore) -> None:
    ids = [EntityId("Product", "b"), EntityId("Plan", "z"), EntityId("Product", "a-1"), EntityId("Plan", "a")]
    commit(store, record("contoso"), put(*(Entity(id, {}) for id in ids)))
    assert list(store.observe("contoso").entities) == sorted(ids)


def test_a_commit_says_what_the_state_is_now(place: Place, store: TenantStore) -> None:
    basic, premium, other = plan("basic"), plan("premium"), plan("other")
    first = commit(store, record("contoso", "1"), put(basic, premium))
    second = commit(store, record("contoso", "2"), [*remove(premium), *put(other, plan("basic", "7.00"))])
    now = place.reader().observe("contoso")
    assert now.entities == {other.id: other, basic.id: plan("basic", "7.00")}
    assert isinstance(first, Committed)
    assert first.revision == 1
    assert second == Committed(now.fingerprint, 2) == Committed(state_fingerprint(now.entities), now.revision)


def test_the_fingerprint_is_of_the_contents_alone(place: Place) -> None:
    entities = [plan("a"), plan("b"), plan("c")]
    backwards = dict(reversed(list(EVERY_VALUE.items())))
    found = set()
    with closing(place.writer()) as store:
        for number, order in enumerate(permutations(entities)):
            tenant = f"tenant-{number}"
            body = backwards if number % 2 else EVERY_VALUE
            for step, entity in enumerate(order):
                commit(store, record(tenant, str(step), by=f"actor {number}"), put(entity, plan(f"passing-{number}")))
            every = Entity(EntityId("Plan", "every"), body)
            commit(store, record(tenant, "last"), [*remove(plan(f"passing-{number}")), *put(every)])
            snapshot = store.observe(tenant)
            assert snapshot.fingerprint == state_fingerprint(snapshot.entities)
            found.add(snapshot.fingerprint)
    assert len(found) == 1


@pytest.mark.parametrize(
    "other",
    [plan("basic", "6.0"), plan("basic", origin=None), plan("basic", origin="other"), plan("basic2"), None],
    ids=["amount", "no-origin", "origin", "key", "removed"],
)
def test_every_difference_changes_the_fingerprint(store: TenantStore, other: Entity | None) -> None:
    first = commit(store, record("one"), put(plan("basic")))
    second = commit(store, record("two"), put(other) if other else [])
    assert isinstance(first, Committed)
    assert isinstance(second, Committed)
    assert first.fingerprint != second.fingerprint


def test_the_last_write_of_an_entity_wins(store: TenantStore) -> None:
    a, b = plan("a"), plan("b")
    writes = [*put(a, plan("a", "7.00")), *remove(a), *put(plan("a", "8.00")), *put(b), *remove(b)]
    done = store.overwrite("contoso", writes, actor="tenant", at=AT)
    assert store.observe("contoso").entities == {a.id: plan("a", "8.00")}
    assert done.fingerprint == store.observe("contoso").fingerprint
    assert [move.entity.key for move in store.moved_since("contoso", 0)] == ["a", "b"]


def test_to_remove_what_is_not_there_is_no_harm(store: TenantStore) -> None:
    done = commit(store, record("contoso"), remove(plan("never-there")))
    assert done == Committed(fingerprint(()), 1)


def test_a_tenant_that_was_emptied_has_no_state(place: Place, store: TenantStore) -> None:
    commit(store, record("contoso", "1"), put(plan("basic")))
    assert list(place.reader().tenants()) == ["contoso"]
    commit(store, record("contoso", "2"), remove(plan("basic")))
    assert list(place.reader().tenants()) == []
    assert store.observe("contoso").fingerprint == fingerprint(())
    assert store.observe("contoso").revision == 2


def test_thousands_of_entities_at_once(place: Place, store: TenantStore) -> None:
    entities = [plan(f"plan-{number}") for number in range(2500)]
    done = commit(store, record("contoso", "1"), put(*entities))
    assert done == Committed(state_fingerprint({each.id: each for each in entities}), 1)
    assert len(place.reader().observe("contoso").entities) == 2500
    done = commit(store, record("contoso", "2"), [*remove(*entities[:1200]), *put(*entities[1200:])])
    assert done == Committed(state_fingerprint({each.id: each for each in entities[1200:]}), 2)


# Refusals


def test_a_state_that_moved_is_refused_naming_what_moved_and_who_moved_it(store: TenantStore) -> None:
    commit(store, record("contoso", "1"), put(plan("basic"), plan("premium")))
    read = store.observe("contoso")
    store.overwrite("contoso", put(plan("basic", "9.99")), actor="tenant", at="2026-12-01T00:00:00Z")
    commit(store, record("contoso", "2", by="Grace"), remove(plan("premium")))
    before = contents(store)
    late = store.commit(record("contoso", "3"), put(plan("late")), expected=read.fingerprint, revision=read.revision)
    assert late == Stale(
        store.observe("contoso").fingerprint,
        (
            WriteLogEntry(2, EntityId("Plan", "basic"), "tenant", "2026-12-01T00:00:00Z"),
            WriteLogEntry(3, EntityId("Plan", "premium"), "Grace", AT),
        ),
    )
    assert contents(store) == before


def test_a_state_that_moved_and_came_back_is_the_same(store: TenantStore) -> None:
    commit(store, record("contoso", "1"), put(plan("basic")))
    read = store.observe("contoso")
    store.overwrite("contoso", put(plan("basic", "9.99")), actor="tenant", at=AT)
    store.overwrite("contoso", put(plan("basic")), actor="tenant", at=AT)
    done = store.commit(record("contoso", "2"), [], expected=read.fingerprint, revision=read.revision)
    assert done == Committed(read.fingerprint, 4)


def test_a_plan_is_applied_once_whatever_happened_since(store: TenantStore) -> None:
    read = store.observe("contoso")
    first = replace(record("contoso", "sha256:p"), at="2026-11-21T08:00:00Z")
    assert isinstance(store.commit(first, put(plan("basic")), expected=read.fingerprint, revision=0), Committed)
    again = replace(first, at="2026-11-22T08:00:00Z", by="Grace")
    before = contents(store)
    for expected in (read.fingerprint, store.observe("contoso").fingerprint, "sha256:whatever"):
        assert store.commit(again, put(plan("other")), expected=expected, revision=0) == AlreadyApplied(first.at)
    assert contents(store) == before
    commit(store, record("contoso", "2"), remove(plan("basic")))  # back where it started
    assert store.commit(again, put(plan("basic")), expected=read.fingerprint, revision=0) == AlreadyApplied(first.at)


def test_one_plan_goes_to_several_tenants(store: TenantStore) -> None:
    for tenant in ("contoso", "fabrikam"):
        assert isinstance(commit(store, record(tenant, "sha256:p"), put(plan("basic"))), Committed)
    assert [each.tenant for each in store.history()] == ["contoso", "fabrikam"]


# Several tenants in one write (SUB-19)


def _part(
    store: TenantReader, tenant: str, *entities: Entity, by: str = BY, plan: str | None = None, journal: bool = True
) -> TenantWrite:
    """A tenant's part of a write, on what is there now; with ``journal`` it has a record."""
    now = store.observe(tenant)
    noted = record(tenant, plan or f"sha256:{tenant}", by=by) if journal else None
    return TenantWrite(tenant, tuple(put(*entities)), by, AT, now.fingerprint, now.revision, noted)


def test_several_tenants_are_written_in_one_transaction(place: Place, store: TenantStore) -> None:
    commit(store, record("northwind", "before"), put(plan("old")))
    own = _part(store, "contoso", plan("basic", origin=None), by="ada", journal=False)
    above = replace(_part(store, "northwind", plan("basic")), writes=(*put(plan("basic")), *remove(plan("old"))))
    done = store.write([own, above])
    reader = place.reader()
    states = {tenant: reader.observe(tenant) for tenant in ("contoso", "northwind")}
    assert done == tuple(Committed(each.fingerprint, each.revision) for each in states.values())
    assert states["contoso"].entities == {each.id: each for each in (plan("basic", origin=None),)}
    assert states["northwind"].entities == {each.id: each for each in (plan("basic"),)}
    assert [each.plan for each in reader.history()] == ["before", "sha256:northwind"], "what has no record has none"
    assert list(reader.moved_since("contoso", 0)) == [WriteLogEntry(1, EntityId("Plan", "basic"), "ada", AT)]
    assert [(each.revision, each.entity.key) for each in reader.moved_since("northwind", 1)] == [
        (2, "basic"),
        (2, "old"),
    ]


def test_a_write_of_nothing(store: TenantStore) -> None:
    before = contents(store)
    assert store.write([]) == ()
    assert contents(store) == before
    assert store.write([_part(store, "contoso", journal=False)]) == (Committed(fingerprint(()), 1),)


@pytest.mark.parametrize("journal", [True, False], ids=["with-records", "without"])
@pytest.mark.parametrize("stale", [0, 1, 2])
def test_one_part_that_is_stale_leaves_all_unwritten(store: TenantStore, stale: int, journal: bool) -> None:
    tenants = ("contoso", "fabrikam", "northwind")
    for tenant in tenants:
        commit(store, record(tenant, "before"), put(plan("old")))
    parts = [_part(store, tenant, plan("new"), journal=journal) for tenant in tenants]
    store.overwrite(tenants[stale], put(plan("old", "9.99")), actor="tenant", at=AT)
    before = contents(store)
    now = store.observe(tenants[stale])
    assert store.write(parts) == Stale(now.fingerprint, (WriteLogEntry(2, EntityId("Plan", "old"), "tenant", AT),))
    assert contents(store) == before
    parts[stale] = _part(store, tenants[stale], plan("new"), journal=journal)
    done = store.write(parts)
    assert isinstance(done, tuple)
    assert [each.revision for each in done] == [3 if number == stale else 2 for number in range(3)]


def test_one_part_that_is_applied_already_leaves_all_unwritten(store: TenantStore) -> None:
    first = _part(store, "northwind", plan("basic"), plan="sha256:same")
    assert isinstance(store.write([first]), tuple)
    before = contents(store)
    for others in (["contoso"], ["contoso", "fabrikam"]):
        parts = [_part(store, tenant, plan("new")) for tenant in others]
        again = _part(store, "northwind", plan("other"), plan="sha256:same")
        assert store.write([*parts, again]) == AlreadyApplied(AT)
        assert store.write([again, *parts]) == AlreadyApplied(AT)
    assert store.write([first]) == AlreadyApplied(AT), "the state moved, and it was applied: the latter is said"
    assert contents(store) == before


def test_commit_and_write_know_of_each_other(store: TenantStore) -> None:
    assert isinstance(store.write([_part(store, "contoso", plan("basic"), plan="sha256:p")]), tuple)
    assert commit(store, record("contoso", "sha256:p"), put(plan("other"))) == AlreadyApplied(AT)
    assert isinstance(commit(store, record("contoso", "sha256:q"), put(plan("other"))), Committed)
    assert store.write([_part(store, "contoso", plan("basic"), plan="sha256:q")]) == AlreadyApplied(AT)


def test_two_parts_of_one_tenant_follow_each_other(store: TenantStore) -> None:
    """The second expects what the first leaves."""
    first = _part(store, "contoso", plan("a"), journal=False)
    between = state_fingerprint({plan("a").id: plan("a")})
    second = TenantWrite("contoso", tuple(put(plan("b"))), BY, AT, between, 1)
    assert isinstance(store.write([first, replace(second, expected=first.expected)]), Stale)
    assert store.observe("contoso").revision == 0
    done = store.write([first, second])
    assert isinstance(done, tuple)
    assert [each.revision for each in done] == [1, 2]
    assert [each.key for each in store.observe("contoso").entities] == ["a", "b"]


def test_a_part_that_no_store_keeps_leaves_all_unwritten(store: TenantStore) -> None:
    commit(store, record("contoso", "before"), put(plan("old")))
    before = contents(store)
    fine = _part(store, "contoso", plan("new"))
    bad = _part(store, "northwind", Entity(EntityId("Plan", "bad"), {"amount": object()}))
    odd = replace(_part(store, "northwind", plan("new")), record=record("northwind", changes=[{"amount": object()}]))
    for parts in ([fine, bad], [bad, fine], [fine, odd], [odd, fine]):
        with pytest.raises(TypeError):
            store.write(parts)
        assert contents(store) == before


def test_the_record_of_another_tenant_is_no_part(store: TenantStore) -> None:
    """Or it would be journalled there, and what is written looked at here."""
    with pytest.raises(ValueError, match="northwind"):
        replace(_part(store, "contoso", plan("basic")), record=record("northwind"))


def test_of_threads_that_write_two_tenants_one_wins(place: Place, store: TenantStore) -> None:
    for tenant in ("contoso", "northwind"):
        commit(store, record(tenant, "first"), put(plan("basic")))
    together, outcomes = threading.Barrier(4), list[Any]()

    def run(name: str) -> None:
        mine = place.writer()
        tenants = ["contoso", "northwind"] if int(name) % 2 else ["northwind", "contoso"]
        parts = [_part(mine, tenant, plan(f"by-{name}"), by=name, plan=name) for tenant in tenants]
        together.wait(30)
        outcomes.append(mine.write(parts))

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert _won(outcomes) == {"tuple": 1, "Stale": 3}
    (winner,) = {each.by for each in store.history() if each.plan != "first"}
    for tenant in ("contoso", "northwind"):
        assert [each.key for each in store.observe(tenant).entities] == ["basic", f"by-{winner}"]


# The journal and the moves


def test_the_journal_keeps_everything_in_order(place: Place, store: TenantStore) -> None:
    change: dict[str, Any] = {
        "address": "contoso/plan/basic",
        "change": {"actions": ["create"], "before": None, "after": {"kind": "Plan", "key": "basic", **EVERY_VALUE}},
        "fields": [],
    }
    records = [
        replace(record("fabrikam", "1", changes=[change, {"second": True}]), at="2026-11-23T00:00:00Z"),
        replace(record("contoso", "1", by="Žofie"), at="2026-11-22T00:00:00Z", commit=None, notes={"allow": ["x"]}),
        replace(record("fabrikam", "2"), at="2026-11-21T00:00:00Z", notes={"nested": {"empty": {}}}),
    ]
    for each in records:
        commit(store, each, put(plan(each.plan)))
    reader = place.reader()
    assert list(reader.history()) == records
    assert list(reader.history("fabrikam")) == [records[0], records[2]]
    assert list(reader.history("contoso")) == [records[1]]
    assert list(reader.history("nobody")) == []


def test_the_moves_are_told_by_revision(place: Place, store: TenantStore) -> None:
    commit(store, record("contoso", "1"), put(plan("b"), plan("a")))
    store.overwrite("contoso", remove(plan("a")), actor="tenant", at="2026-12-01T00:00:00Z")
    moves = [
        WriteLogEntry(1, EntityId("Plan", "b"), BY, AT),
        WriteLogEntry(1, EntityId("Plan", "a"), BY, AT),
        WriteLogEntry(2, EntityId("Plan", "a"), "tenant", "2026-12-01T00:00:00Z"),
    ]
    reader = place.reader()
    assert list(reader.moved_since("contoso", 0)) == moves
    assert list(reader.moved_since("contoso", 1)) == moves[2:]
    assert list(reader.moved_since("contoso", 2)) == []


def test_the_outside_world_writes_over_anything_and_is_not_journalled(store: TenantStore) -> None:
    commit(store, record("contoso", "1"), put(plan("basic"), plan("premium")))
    done = store.overwrite(
        "contoso", [*put(plan("basic", "9.99"), plan("own", origin=None)), *remove(plan("premium"))], actor="t", at=AT
    )
    now = store.observe("contoso")
    assert done == Committed(now.fingerprint, now.revision) == Committed(state_fingerprint(now.entities), 2)
    assert now.entities == {each.id: each for each in (plan("basic", "9.99"), plan("own", origin=None))}
    assert len(list(store.history())) == 1
    assert [move.entity.key for move in store.moved_since("contoso", 1)] == ["basic", "own", "premium"]


def test_tenants_do_not_touch_each_other(store: TenantStore) -> None:
    commit(store, record("contoso", "1"), put(plan("basic"), plan("premium")))
    commit(store, record("contoso2", "1"), put(plan("basic", "9.00")))
    others = store.observe("contoso2"), list(store.moved_since("contoso2", 0)), list(store.history("contoso2"))
    commit(store, record("contoso", "2"), [*remove(plan("premium")), *put(plan("basic", "7.00"))])
    store.overwrite("contoso", remove(plan("basic")), actor="tenant", at=AT)
    assert others == (
        store.observe("contoso2"),
        list(store.moved_since("contoso2", 0)),
        list(store.history("contoso2")),
    )
    assert store.observe("contoso2").revision == 1
    assert list(store.tenants()) == ["contoso2"]


def test_tenants_are_sorted(store: TenantStore) -> None:
    for tenant in ("b", "a_1", "a", "a-1", "z", "0"):
        commit(store, record(tenant), put(plan("basic"), plan("premium")))
    assert list(store.tenants()) == ["0", "a", "a-1", "a_1", "b", "z"]


# Readers


def test_a_reader_has_nothing_that_writes(place: Place) -> None:
    reader = place.reader()
    methods = {name for name in dir(reader) if not name.startswith("_")}
    known = {
        "close",
        "tenants",
        "observe",
        "sketch",
        "state_versions",
        "moved_since",
        "recorded_origins",
        "history",
        "recent",
    }
    assert methods - known == (set() if place.url.startswith("memory:") else {"version"})
    assert known <= methods


def test_a_reader_of_a_database_cannot_write(database: Place) -> None:
    commit(database.writer(), record("contoso"), put(plan("basic")))
    reader: Any = database.reader()
    with pytest.raises(StoreError, match="may not be written to"), reader._database.reading() as connection:
        connection.exec_driver_sql("DELETE FROM entities")
    assert not hasattr(reader._database, "writing")
    assert len(reader.observe("contoso").entities) == 1


def test_reading_creates_nothing(sqlite_place: Place) -> None:
    reader = sqlite_place.reader()
    contents(reader)
    reader.observe("contoso")
    reader.moved_since("contoso", 0)
    reader.close()
    assert list(sqlite_place.root.iterdir()) == []


def test_reading_changes_no_byte_and_leaves_nothing(sqlite_place: Place) -> None:
    commit(sqlite_place.writer(), record("contoso"), put(plan("basic")))
    before = _bytes_below(sqlite_place.root)
    reader = sqlite_place.reader()
    contents(reader)
    reader.close()
    assert _bytes_below(sqlite_place.root) == before


def _bytes_below(root: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*") if path.is_file()}


def test_to_open_a_writer_and_read_creates_nothing_either(sqlite_place: Place) -> None:
    store = sqlite_place.writer()
    assert store.observe("contoso").revision == 0
    assert list(sqlite_place.root.iterdir()) == []


def test_a_reader_that_was_there_before_the_database_sees_what_is_written(place: Place) -> None:
    reader = place.reader()
    assert reader.observe("contoso").revision == 0
    for number in (1, 2):
        commit(place.writer(), record("contoso", str(number)), put(plan(f"p{number}")), read=reader)
        assert reader.observe("contoso").revision == number
    assert list(reader.tenants()) == ["contoso"]
    assert len(list(reader.history())) == len(list(reader.moved_since("contoso", 0))) == 2


def test_a_database_that_is_replaced_or_goes_away_is_seen_as_it_is_now(sqlite_place: Place) -> None:
    reader, store = sqlite_place.reader(), sqlite_place.writer()
    commit(store, record("contoso"), put(plan("basic")))
    read = reader.observe("contoso")
    (sqlite_place.root / ".reconcile" / "tenants.db").unlink()
    assert reader.observe("contoso").revision == 0
    late = store.commit(record("contoso", "2"), [], expected=read.fingerprint, revision=read.revision)
    assert late == Stale(fingerprint(()), ())
    assert isinstance(commit(store, record("contoso"), put(plan("basic"))), Committed)
    assert reader.observe("contoso").entities == read.entities


def test_a_private_folder_is_kept_out_of_git_and_others_are_left_alone(tmp_path: Path) -> None:
    for folder in (".reconcile", "data/deep"):
        store = open_store(f"sqlite:///{folder}/tenants.db", root=tmp_path)
        commit(store, record("contoso"), put(plan("basic")))
    assert (tmp_path / ".reconcile" / ".gitignore").read_text() == "*\n"
    assert [path.name for path in (tmp_path / "data" / "deep").iterdir()] == ["tenants.db"]


def test_an_absolute_path(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'here.db'}"
    commit(open_store(url, root=tmp_path / "elsewhere"), record("contoso"), put(plan("basic")))
    assert (tmp_path / "here.db").is_file()


@pytest.mark.parametrize(
    "url", ["postgresql://ada:zq/x@zq@host/db", "nosuch://host/db?password=zq/x@zq", "sqlite://ada:zq/x@zq@host"]
)
def test_no_message_tells_a_password(url: str, tmp_path: Path) -> None:
    for opened in (open_reader, open_store):
        with pytest.raises(StoreError) as raised:
            opened(url, root=tmp_path)
        assert "zq" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///t.db?mode=ro",
        "sqlite:///t.db#a",
        "sqlite://t.db",
        "sqlite:t.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a%00b",
        "nosuch://x",
        "tenants.db",
    ],
)
def test_a_url_that_no_store_has(url: str, tmp_path: Path) -> None:
    for opened in (open_reader, open_store):
        with pytest.raises(StoreError, match="sqlite"):
            opened(url, root=tmp_path)


def _plugin(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    point = EntryPoint("shelf", value, registry.GROUP)

    def found(*, group: str, name: str = "shelf") -> list[EntryPoint]:
        return [point] if (group, name) == (registry.GROUP, "shelf") else []

    monkeypatch.setattr(registry, "entry_points", found)


def test_a_plugin_store_gives_planning_only_what_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _plugin(monkeypatch, "tests.contract.samples:on_the_shelf")
    url = f"shelf:{tmp_path}"
    commit(open_store(url, root=tmp_path, token="secret"), record("contoso"), put(plan("basic")))
    reader = open_reader(url, root=tmp_path, token="secret")
    assert list(reader.tenants()) == ["contoso"]
    assert not hasattr(reader, "commit")
    assert not hasattr(reader, "overwrite")
    assert registry.known_schemes() == {"memory", "postgresql", "sqlite", "shelf"}


def test_a_plugin_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _plugin(monkeypatch, "there_is_no_such_module:store")
    with pytest.raises(StoreError, match="shelf:x: the plugin there_is_no_such_module:store cannot be loaded"):
        open_store("shelf:x", root=tmp_path)


@pytest.mark.parametrize("value", ["there_is_no_such_module:store", "tests.contract.samples:nothing", "json:"])
def test_validation_knows_a_plugin_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    _plugin(monkeypatch, value)
    summary, hint = registry.why_not_opened("shelf") or ("", "")
    assert summary.startswith(f"shelf: the plugin {value} cannot be loaded: ")
    assert hint


def test_validation_knows_which_stores_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    _plugin(monkeypatch, "tests.contract.samples:on_the_shelf")
    assert [registry.why_not_opened(each) for each in ("sqlite", "postgresql", "shelf")] == [None] * 3
    known = "known: memory, postgresql, shelf, sqlite; others come with plugins (entry points of reconciler.stores)"
    assert registry.why_not_opened("https") == ('there is no store for "https:"', known)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    summary, hint = registry.why_not_opened("postgresql") or ("", "")
    assert summary.startswith("PostgreSQL takes a driver that is not installed")
    assert hint == 'pip install "psycopg[binary]>=3.2,<4"'


# At the same time


def _won(outcomes: list[Any]) -> Counter[str]:
    return Counter(type(each).__name__ for each in outcomes)


def test_of_threads_that_read_the_same_state_one_wins(place: Place, store: TenantStore) -> None:
    commit(store, record("contoso", "first"), put(plan("basic")))
    read = store.observe("contoso")
    together, outcomes = threading.Barrier(4), list[Any]()

    def run(name: str) -> None:
        mine = place.writer()
        together.wait(30)
        writes = put(plan("basic", "7.00"), plan(f"by-{name}"))
        outcomes.append(
            mine.commit(record("contoso", name, by=name), writes, expected=read.fingerprint, revision=read.revision)
        )

    threads = [threading.Thread(target=run, args=(str(number),)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert _won(outcomes) == {"Committed": 1, "Stale": 3}
    winner = list(store.history())[-1].by
    assert EntityId("Plan", f"by-{winner}") in store.observe("contoso").entities
    assert len(store.observe("contoso").entities) == 2
    for stale in (each for each in outcomes if isinstance(each, Stale)):
        assert {move.actor for move in stale.moved} == {winner}


def test_reading_makes_no_tables(postgresql_place: Place, postgresql: Server) -> None:
    for each in (postgresql_place.reader(), postgresql_place.writer()):
        contents(each)
        each.observe("contoso")
        each.moved_since("contoso", 0)
        each.close()
    schema = postgresql_place.url.rpartition("%3D")[2]
    assert schema.startswith("test_")
    assert postgresql.execute("SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace", schema) == []


def _commit_in_a_process(place: Place, name: str, together: Any, results: Any) -> None:
    store = place.writer()
    read = store.observe("contoso")
    together.wait(30)
    same = record("contoso", "same" if name.startswith("same") else name, by=name)
    results.put((name, store.commit(same, put(plan(name)), expected=read.fingerprint, revision=read.revision)))


@pytest.mark.parametrize(
    ("names", "lost"), [(("ada", "bob"), "Stale"), (("same-1", "same-2"), "AlreadyApplied")], ids=["plans", "one-plan"]
)
@pytest.mark.parametrize("there", [False, True], ids=["new-database", "database"])
def test_of_two_processes_one_wins(database: Place, names: tuple[str, str], lost: str, there: bool) -> None:
    if there:
        commit(database.writer(), record("contoso", "0"), put(plan("basic")))
    context = multiprocessing.get_context("fork")
    together, results = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=_commit_in_a_process, args=(database, name, together, results)) for name in names
    ]
    for each in processes:
        each.start()
    outcomes = dict(results.get(timeout=30) for _ in processes)
    for each in processes:
        each.join()
    assert _won(list(outcomes.values())) == {"Committed": 1, lost: 1}
    winner = next(name for name, outcome in outcomes.items() if isinstance(outcome, Committed))
    history = list(database.reader().history("contoso"))
    assert [each.by for each in history[there:]] == [winner]
    assert {id.key for id in database.reader().observe("contoso").entities} - {"basic"} == {winner}


def test_different_tenants_are_written_at_the_same_time(place: Place) -> None:
    tenants = [f"tenant-{number}" for number in range(6)]
    outcomes = list[Any]()

    def run(tenant: str) -> None:
        outcomes.append(commit(place.writer(), record(tenant), put(plan("basic"))))

    threads = [threading.Thread(target=run, args=(tenant,)) for tenant in tenants]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert _won(outcomes) == {"Committed": 6}
    assert list(place.reader().tenants()) == tenants


@pytest.mark.parametrize("name", DATABASES)
def test_different_databases_are_made_at_the_same_time(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
    places = [new_place(name, request, folder) for folder in folders]
    together, outcomes = threading.Barrier(6), list[Any]()

    def run(place: Place) -> None:
        together.wait(30)
        outcomes.append(commit(place.writer(), record("contoso"), put(plan("basic"))))

    threads = [threading.Thread(target=run, args=(place,)) for place in places]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert _won(outcomes) == {"Committed": 6}


def test_a_reader_never_sees_half_of_a_write(place: Place, store: TenantStore) -> None:
    """Every write puts the same fee on all plans: a state with two fees was never there."""
    store.overwrite("contoso", put(*(plan(f"p{i}", "0") for i in range(40))), actor="tenant", at=AT)
    done = threading.Event()

    def write() -> None:
        try:
            for fee in range(1, 15):
                commit(store, record("contoso", str(fee)), put(*(plan(f"p{i}", str(fee)) for i in range(40))))
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reader, seen = place.reader(), list[int]()
    while not done.is_set():
        snapshot = reader.observe("contoso")
        fees = {each.body["periods"]["P1M"]["fees"]["recurring"] for each in snapshot.entities.values()}
        assert fees == {str(snapshot.revision - 1)}
        assert len(snapshot.entities) == 40
        seen.append(snapshot.revision)
    writer.join()
    assert seen == sorted(seen)
    assert store.observe("contoso").revision == 15


def test_a_write_without_entities_is_journalled_too(store: TenantStore) -> None:
    writes: list[EntityWrite] = []
    assert commit(store, record("contoso"), writes) == Committed(fingerprint(()), 1)
    assert len(list(store.history("contoso"))) == 1
