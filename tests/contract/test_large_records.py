"""The changes of a large tenant, as text that is decoded block by block: every store takes them as it takes objects."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from tempfile import TemporaryFile

import orjson
import pytest

from reconciler.core.records.change_records import change_to_data
from reconciler.core.records.journal_entries import BLOCK, JournalEntries
from reconciler.core.savedplan.codec import encode
from reconciler.core.savedplan.spool import Spool
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Plan, Source, TenantPlan, TenantStatus
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.shell.runs import execute
from reconciler.shell.runs.execute import (
    Applied,
    ApplyContext,
    ConvertedChanges,
    Result,
    Step,
    WritesOfEntries,
    writes_of,
)
from reconciler.shell.scratch import ScratchFile
from reconciler.stores.base import Committed, EntityWrite, Record, TenantStore
from tests.contract.samples import AT, BY
from tests.contract.test_recorded_origins import place, store

__all__ = ["place", "store"]
TENANT = "contoso"


def subscription(number: int, status: str = "active", origin: str | None = "fabrikam") -> Entity:
    locked = [f"field-{each}" for each in range(20)]
    body = {"customer": "c1", "product": "office", "status": status, "locked": locked, "name": f"Zoë {number}"}
    return Entity(EntityId("Subscription", f"s{number:05}"), body, origin)


def change(before: Entity | None, after: Entity | None) -> Change:
    action = Action.CREATE if before is None else Action.DELETE if after is None else Action.UPDATE
    was, will_be = (each.document() if each else None for each in (before, after))
    return Change(TENANT, (after or before or subscription(0)).id, action, was, will_be, rule="SUB-01")


def first_changes() -> list[Change]:
    return [change(None, subscription(number)) for number in range(2 * BLOCK + 7)]


def second_changes() -> list[Change]:
    """Updates, a removal, a rename, and an origin that differs from the journal's."""
    moved = replace(subscription(3), id=EntityId("Subscription", "renamed"))
    others = [change(subscription(number), subscription(number, "cancelled")) for number in range(4, BLOCK + 9)]
    given_up = change(subscription(2), subscription(2, origin=None))
    return [change(subscription(1), None), given_up, change(subscription(3), moved), *others]


def applied(store: TenantStore, number: int, changes: list[Change], *, as_text: bool) -> Committed:
    data = list(map(change_to_data, changes))
    entries = JournalEntries(data) if as_text else tuple(data)
    writes = WritesOfEntries(entries) if isinstance(entries, JournalEntries) else [*each_write(changes)]
    now = store.observe(TENANT)
    record = Record(TENANT, f"sha256:{number}", AT, BY, None, entries)
    done = store.commit(record, writes, expected=now.fingerprint, revision=now.revision)
    assert isinstance(done, Committed)
    return done


def each_write(changes: Iterable[Change]) -> Iterator[EntityWrite]:
    return (write for each in changes for write in writes_of(each))


def test_a_store_has_the_same_of_both(store: TenantStore, request: pytest.FixtureRequest) -> None:
    text, objects = store, request.getfixturevalue("other_store")
    for number, changes in enumerate((first_changes(), second_changes())):
        assert applied(text, number, changes, as_text=True) == applied(objects, number, changes, as_text=False)
    one, other = text.observe(TENANT, verify=True), objects.observe(TENANT, verify=True)
    assert one == other
    assert text.recorded_origins(TENANT) == objects.recorded_origins(TENANT)
    assert [*text.history(TENANT)] == [*objects.history(TENANT)]
    assert sorted(map(repr, text.moved_since(TENANT, 0))) == sorted(map(repr, objects.moved_since(TENANT, 0)))


@pytest.fixture
def other_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TenantStore:
    from tests.contract.test_store_contract import new_place

    return new_place("sqlite", request, tmp_path_factory.mktemp("other")).writer()


def test_entries_are_the_sequence_that_they_were_made_of() -> None:
    data = list(map(change_to_data, second_changes()))
    entries = JournalEntries(iter(data))
    assert b"".join(entries.pieces()) == orjson.dumps(data)
    assert b"".join(JournalEntries(()).pieces()) == b"[]"
    assert [*entries] == data
    assert (len(entries), entries[2], list(entries[-2:])) == (len(data), data[2], data[-2:])
    assert pickle.loads(pickle.dumps(entries)) == entries != tuple(data[1:])
    assert [*WritesOfEntries(entries)] == [*each_write(second_changes())]
    assert len(WritesOfEntries(entries)) == len(data) + 1


def test_only_the_changes_of_a_large_tenant_are_kept_as_text() -> None:
    few = second_changes()
    entries, writes = ConvertedChanges().of_all(iter(few), execute.LARGE)
    assert (type(entries), type(writes)) == (tuple, tuple)
    as_text, made_of_it = ConvertedChanges().of_all(iter(few), execute.LARGE + 1)
    assert isinstance(as_text, JournalEntries)
    assert (as_text, tuple(made_of_it)) == (entries, writes)


def test_a_step_takes_twice_the_memory_of_the_saved_plan_at_most() -> None:
    """As objects, a tenant's entries and writes took four times as much as the plan."""
    made = tuple(change(None, subscription(number)) for number in range(execute.LARGE + 1))
    tenant = TenantPlan(TENANT, "northwind", TenantStatus.CHANGES, "sha256:0", 0, made)
    plan = Plan("2026-12-01T00:00:00Z", Source(None, None, False, "sha256:0"), (tenant,))
    size = len(encode(plan))
    with TemporaryFile() as file:
        spool = Spool(lambda: ScratchFile(file), most=-1)
        spool[TENANT] = tenant
        spooled = replace(plan, tenants=spool.tenants([TENANT]))
        context = ApplyContext("sha256:0", AT, BY, None)
        assert peak(lambda: list(execute.execute(spooled, context, no_store, run_steps=all_applied))) < 2 * size


def peak(work: Callable[[], object]) -> int:
    """The most bytes that some work allocates at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def all_applied(steps: Iterable[Step]) -> Iterator[Applied]:
    return (Applied(step.tenant, Result.APPLIED) for step in steps)


def no_store(tenant: str) -> TenantStore:
    raise AssertionError(f"nobody asks for the store of {tenant}")
