"""The index of what came down, as every store keeps it: as the journal says, in the transaction of each record."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from reconciler.core.records.change_records import change_to_data
from reconciler.core.records.origins import entities_named, index_changes
from reconciler.core.states.lazy_state import LazyState
from reconciler.model.plans.change import Action
from reconciler.model.plans.origins import RELEASED, RecordedOrigin
from reconciler.model.plans.plan import Change, FieldChange
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.shell.runs.execute import writes_of
from reconciler.shell.tenants.releasing import CannotRelease, ReleaseRequest, ReleaseResult, release
from reconciler.stores.base import AlreadyApplied, Committed, Record, Stale, TenantStore, TenantWrite
from tests.contract.samples import AT, BY, plan, put, remove
from tests.contract.test_store_contract import Place, new_place

RATE = ("resources", "seat")
PREVIOUS = import_module("reconciler.stores.sql.migrations.versions.v0006_came_down").down_revision
ID = EntityId("Plan", "basic")


@pytest.fixture(params=["memory", "postgresql", "sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, request, tmp_path)


@pytest.fixture
def store(place: Place) -> TenantStore:
    return place.writer()


def copy(key: str = "basic", origin: str | None = "northwind", rate: str | None = "northwind") -> Entity:
    """A plan with one rate."""
    item = {"prices": {"recurring": "6.00"}, **({"origin": rate} if rate else {})}
    return Entity(EntityId("Plan", key), {"name": key, "resources": {"seat": item}}, origin)


def change(before: Entity | None, after: Entity | None, *fields: FieldChange, tenant: str = "contoso") -> Change:
    id = (after or before or copy()).id
    action = Action.CREATE if before is None else Action.DELETE if after is None else Action.UPDATE
    was, will_be = (each.document() if each else None for each in (before, after))
    return Change(tenant, id, action, was, will_be, fields=fields, rule="CB-03")


def applied(store: TenantStore, number: int, *changes: Change) -> Record:
    """Commit changes as an apply does."""
    tenant = changes[0].tenant
    record = Record(tenant, f"sha256:{number}", AT, BY, None, tuple(map(change_to_data, changes)))
    now = store.observe(tenant)
    writes = [write for each in changes for write in writes_of(each)]
    done = store.commit(record, writes, expected=now.fingerprint, revision=now.revision)
    assert isinstance(done, Committed)
    assert done.fingerprint == store.observe(tenant).fingerprint == store.state_versions([tenant])[tenant].fingerprint
    return record


def disputed(store: TenantStore) -> Any:
    """What a plan gets of it, the same of every way to read a state."""
    observed, sketched = store.observe("contoso"), store.sketch("contoso")
    verified = store.observe("contoso", verify=True)
    assert (verified.recorded_origins, verified.fingerprint) == (observed.recorded_origins, observed.fingerprint)
    for each in filter(None, (sketched, store.sketch("contoso", verify=True))):
        assert isinstance(each.entities, LazyState)
        assert (each.recorded_origins, each.fingerprint) == (observed.recorded_origins, observed.fingerprint)
    return observed.recorded_origins


def test_a_creation_enters_and_a_removal_removes(store: TenantStore) -> None:
    applied(store, 1, change(None, copy()), change(None, plan("own", origin=None)))
    assert store.recorded_origins("contoso") == {ID: RecordedOrigin("northwind", frozenset({RATE}))}
    assert store.recorded_origins("fabrikam") == {}
    assert disputed(store) == {}
    applied(store, 2, change(copy(), None))
    assert store.recorded_origins("contoso") == {}


def test_a_takeover_enters_and_its_inverse_removes(store: TenantStore) -> None:
    store.overwrite("contoso", put(copy(origin=None, rate=None)), actor="tenant", at=AT)
    there = FieldChange(("origin",), None, "northwind", ("plans.create",), "CB-03")
    rate = FieldChange((*RATE, "origin"), None, "northwind", ("plans.create",), "CB-03")
    applied(store, 1, change(copy(origin=None, rate=None), copy(), there, rate))
    assert store.recorded_origins("contoso") == {ID: RecordedOrigin("northwind", frozenset({RATE}))}
    back = (replace(there, before="northwind", after=None), replace(rate, before="northwind", after=None))
    applied(store, 2, change(copy(), copy(origin=None, rate=None), *back))
    assert store.recorded_origins("contoso") == {}


def test_an_item_that_comes_goes_or_is_the_tenants_own(store: TenantStore) -> None:
    bare = Entity(ID, {"name": "basic"}, "northwind")
    applied(store, 1, change(None, bare))
    assert store.recorded_origins("contoso") == {ID: RecordedOrigin("northwind")}
    item = copy().body["resources"]["seat"]
    applied(store, 2, change(bare, replace(copy(), body={"name": "basic", "resources": {"seat": item}})))
    assert store.recorded_origins("contoso")[ID].items == {RATE}
    applied(store, 3, change(copy(), bare, FieldChange(RATE, item, None, (), "CB-24")))
    assert store.recorded_origins("contoso")[ID].items == frozenset()
    applied(store, 4, change(bare, copy(rate=None), FieldChange(("name",), "a", "b", (), "CB-03")))
    assert store.recorded_origins("contoso")[ID].items == frozenset()


def test_a_rename_moves(store: TenantStore) -> None:
    applied(store, 1, change(None, copy()))
    applied(store, 2, replace(change(copy(), copy("start")), entity=EntityId("Plan", "start")))
    assert store.recorded_origins("contoso") == {
        EntityId("Plan", "start"): RecordedOrigin("northwind", frozenset({RATE}))
    }


def test_the_outside_world_changes_nothing_but_what_is_at_issue(store: TenantStore) -> None:
    applied(store, 1, change(None, copy()))
    index, fingerprint = store.recorded_origins("contoso"), store.observe("contoso").fingerprint
    for wiped in (copy(origin=None), copy(rate=None), copy(origin="fabrikam"), copy(origin=None, rate=None)):
        store.overwrite("contoso", put(wiped), actor="tenant", at=AT)
        assert disputed(store) == index == store.recorded_origins("contoso")
        store.overwrite("contoso", remove(wiped), actor="tenant", at=AT)
        assert disputed(store) == {}
        assert store.recorded_origins("contoso") == index
    store.overwrite("contoso", put(copy()), actor="tenant", at=AT)
    assert disputed(store) == {}
    assert store.observe("contoso").fingerprint == fingerprint


def test_giving_an_origin_back_and_undoing_that_leave_it(store: TenantStore) -> None:
    applied(store, 1, change(None, copy()))
    index = store.recorded_origins("contoso")
    lost = copy(origin=None, rate=None)
    store.overwrite("contoso", put(lost), actor="tenant", at=AT)
    fields = (
        FieldChange(("origin",), None, "northwind", (), "ORIGIN-02"),
        FieldChange((*RATE, "origin"), None, "northwind", (), "ORIGIN-02"),
    )
    applied(store, 2, change(lost, copy(), *fields))
    assert (store.recorded_origins("contoso"), disputed(store)) == (index, {})
    back = tuple(replace(each, before=each.after, after=each.before) for each in fields)
    applied(store, 3, change(copy(), lost, *back))
    assert store.recorded_origins("contoso") == disputed(store) == index


def test_a_refused_or_failed_write_leaves_it_as_it_was(store: TenantStore) -> None:
    record = applied(store, 1, change(None, copy()))
    before = store.observe("contoso"), store.recorded_origins("contoso"), list(store.history("contoso"))
    gone = change(copy(), None)
    data, writes = (change_to_data(gone),), list(writes_of(gone))
    stale = store.commit(replace(record, plan="2", changes=data), writes, expected="sha256:no", revision=1)
    assert isinstance(stale, Stale)
    again = store.commit(replace(record, changes=data), writes, expected=before[0].fingerprint, revision=1)
    assert isinstance(again, AlreadyApplied)
    fine = TenantWrite(
        "contoso", tuple(writes), BY, AT, before[0].fingerprint, 1, replace(record, plan="3", changes=data)
    )
    wrong = TenantWrite("fabrikam", (), BY, AT, "sha256:no")
    assert isinstance(store.write([fine, wrong]), Stale)
    with pytest.raises(TypeError):
        odd = replace(record, plan="4", changes=data, notes={"odd": object()})
        store.commit(odd, writes, expected=before[0].fingerprint, revision=1)
    assert (store.observe("contoso"), store.recorded_origins("contoso"), list(store.history("contoso"))) == before


def test_several_tenants_in_one_transaction(store: TenantStore) -> None:
    parts = []
    for tenant in ("contoso", "fabrikam"):
        made = change(None, copy(), tenant=tenant)
        record = Record(tenant, "sha256:1", AT, BY, None, (change_to_data(made),))
        parts.append(TenantWrite(tenant, tuple(writes_of(made)), BY, AT, store.observe(tenant).fingerprint, 0, record))
    assert isinstance(store.write(parts), tuple)
    assert (
        store.recorded_origins("contoso")
        == store.recorded_origins("fabrikam")
        == {ID: RecordedOrigin("northwind", frozenset({RATE}))}
    )


def test_a_release_marks_and_undoing_it_unmarks(store: TenantStore) -> None:
    applied(store, 1, change(None, copy()))
    before = store.observe("contoso")
    wish = ReleaseRequest("contoso", ID, undo=False, by=BY, at=AT)
    assert release(wish, store) is ReleaseResult.RELEASED
    marked = RecordedOrigin("northwind", frozenset({RATE}), released=True)
    assert disputed(store) == store.recorded_origins("contoso") == {ID: marked}
    assert store.observe("contoso").entities == {ID: copy(origin=None, rate=None)}
    assert release(wish, store) is ReleaseResult.ALREADY
    released = store.observe("contoso").fingerprint
    assert release(replace(wish, undo=True), store) is ReleaseResult.UNDONE
    assert disputed(store) == {ID: replace(marked, released=False)}
    assert len({before.fingerprint, released, store.observe("contoso").fingerprint}) == 3
    assert [each.entity for each in store.moved_since("contoso", before.revision)] == [ID, ID]
    assert len(list(store.history("contoso"))) == 3
    with pytest.raises(CannotRelease, match="not released"):
        release(replace(wish, undo=True), store)


def test_what_lost_its_origin_or_is_gone_can_be_released_too(store: TenantStore) -> None:
    applied(store, 1, change(None, copy()), change(None, copy("team")))
    store.overwrite("contoso", [*put(copy(origin=None)), *remove(copy("team"))], actor="tenant", at=AT)
    for id in (ID, EntityId("Plan", "team")):
        assert release(ReleaseRequest("contoso", id, undo=False, by=BY, at=AT), store) is ReleaseResult.RELEASED
    assert {id for id, each in disputed(store).items() if each.released} == {ID, EntityId("Plan", "team")}


def test_what_a_copied_state_has_from_above_can_be_released(store: TenantStore) -> None:
    store.overwrite("contoso", put(copy(), plan("own", origin=None)), actor="tenant", at=AT)
    assert store.recorded_origins("contoso") == {}
    assert release(ReleaseRequest("contoso", ID, undo=False, by=BY, at=AT), store) is ReleaseResult.RELEASED
    assert store.recorded_origins("contoso") == {ID: RecordedOrigin("northwind", frozenset({RATE}), released=True)}
    for key in ("own", "nothing"):
        with pytest.raises(CannotRelease):
            release(ReleaseRequest("contoso", EntityId("Plan", key), undo=False, by=BY, at=AT), store)


@pytest.mark.parametrize("name", ["postgresql", "sqlite"])
def test_an_origin_that_was_changed_past_the_store_is_at_issue(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place = new_place(name, request, tmp_path)
    store: Any = place.writer()
    applied(store, 1, change(None, copy()), change(None, copy("team")))
    with store._writable.writing("contoso") as connection:
        connection.execute(text("UPDATE entities SET origin = NULL WHERE \"key\" = 'basic'"))
    assert list(disputed(store)) == [ID]
    made = change(None, copy("third"))
    applied(store, 2, made)
    assert list(disputed(store)) == [ID]


@pytest.mark.parametrize("name", ["postgresql", "sqlite"])
def test_a_migration_builds_it_from_the_journal(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """A database of the version before has no index; its journal and its entities are all that there is."""
    place = new_place(name, request, tmp_path)
    store: Any = place.writer()
    applied(store, 1, change(None, copy()), change(None, copy("team")), change(None, copy("gone")))
    applied(
        store, 2, change(copy("gone"), None), replace(change(copy("team"), copy("new")), entity=EntityId("Plan", "new"))
    )
    store.overwrite("contoso", put(copy(origin=None)), actor="tenant", at=AT)
    expected = store.observe("contoso"), store.recorded_origins("contoso")
    with store._writable.writing("contoso") as connection:
        connection.execute(text("DROP TABLE came_down"))
        connection.execute(text("ALTER TABLE tenants DROP COLUMN lineage"))
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{PREVIOUS}'"))
    store.close()
    migrated = place.writer()
    migrated.overwrite("contoso", [], actor="tenant", at=AT)  # a write brings it up to date
    assert migrated.recorded_origins("contoso") == expected[1]
    now = migrated.observe("contoso")
    assert (now.entities, now.recorded_origins, now.fingerprint) == (
        expected[0].entities,
        expected[0].recorded_origins,
        expected[0].fingerprint,
    )


def test_a_released_item_leaves_its_entity_recorded() -> None:
    known = {ID: RecordedOrigin("northwind", frozenset({RATE}))}
    for marked, expected in (
        (f"{ID}#resources.seat", RecordedOrigin("northwind", frozenset())),
        (str(ID), RecordedOrigin("northwind", frozenset({RATE}), released=True)),
    ):
        notes = {RELEASED: [marked]}
        assert entities_named((), notes) == {ID}
        assert index_changes(known, (), notes) == {ID: expected}


def test_an_item_whose_origin_was_removed_stays_recorded_while_the_rest_of_its_entity_changes() -> None:
    """ORIGIN-02: it is still drift, until the origin comes back or the item is released."""
    known = {ID: RecordedOrigin("northwind", frozenset({RATE}))}
    wiped = copy(rate=None)
    renamed = replace(wiped, body={**wiped.body, "name": "Basic"})
    applied_change = change(wiped, renamed, FieldChange(("name",), "basic", "Basic", (), "CB-03"))
    assert index_changes(known, [change_to_data(applied_change)], {}) == {}
