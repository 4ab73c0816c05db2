"""Writers that compute what they write from what is there: nothing that others write meanwhile is lost."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.reading.state_documents import StatePatch, read_state
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.shell.tenants.attempts import attempts
from reconciler.shell.tenants.releasing import CannotRelease, ReleaseRequest, ReleaseResult, release
from reconciler.shell.tenants.states import write_state
from reconciler.stores.base import Committed, Current, Edit, StoreError, TenantReader, TenantStore
from tests.contract.samples import AT, BY, commit, plan, put, record
from tests.contract.test_store_contract import DATABASES, STORES, Place, new_place

WRITERS = 8
BASIC = EntityId("Plan", "basic")


@pytest.fixture(params=sorted(STORES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, request, tmp_path)


def patches(text: str) -> list[StatePatch]:
    found, problems = read_state(text.encode(), "patch.yaml")
    assert not problems
    return list(found)


def label(number: int) -> list[StatePatch]:
    return patches(f"kind: Plan\nkey: basic\nlabels: {{k{number}: v}}\n")


def side_by_side(place: Place, act: Callable[[TenantStore, int], object]) -> None:
    """In as many processes, each with its own connection; in threads where a store lives in one process."""

    def run(number: int) -> None:
        with closing(place.writer()) as store:
            together.wait(timeout=60)
            act(store, number)

    if place.url.startswith("memory:"):
        together: Any = threading.Barrier(WRITERS)
        threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
        return
    context = multiprocessing.get_context("fork")
    together = context.Barrier(WRITERS)
    processes = [context.Process(target=run, args=(number,)) for number in range(WRITERS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0] * WRITERS


def imports(store: TenantStore, number: int, *, first: int) -> None:
    write_state(store, "contoso", label(first + number), replace=False, at=AT)


def test_imports_into_one_entity_side_by_side_all_stay(place: Place) -> None:
    with closing(place.writer()) as store:
        commit(store, record("contoso", "1"), put(plan("basic")))
    for first in (0, WRITERS):
        side_by_side(place, partial(imports, first=first))
    now = place.reader().observe("contoso")
    assert now.entities[BASIC].body["labels"] == {f"k{number}": "v" for number in range(2 * WRITERS)}
    assert now.revision == 1 + 2 * WRITERS
    assert now == place.reader().observe("contoso", verify=True)


def test_imports_into_a_tenant_without_state_side_by_side_all_stay(place: Place) -> None:
    """The first of them makes the tables, or the file."""
    side_by_side(place, lambda store, number: write_state(store, "contoso", label(number), replace=False, at=AT))
    now = place.reader().observe("contoso")
    assert now.entities[BASIC].body["labels"] == {f"k{number}": "v" for number in range(WRITERS)}
    assert (now.revision, now) == (WRITERS, place.reader().observe("contoso", verify=True))


def test_releases_and_imports_side_by_side_all_stay(place: Place) -> None:
    copies = [plan(f"p{number}") for number in range(WRITERS)]
    with closing(place.writer()) as store:
        store.overwrite("contoso", put(*copies), actor="tenant", at=AT)

    def act(store: TenantStore, number: int) -> None:
        if number % 2:
            id = EntityId("Plan", f"p{number}")
            assert release(ReleaseRequest("contoso", id, undo=False, by=BY, at=AT), store) is ReleaseResult.RELEASED
        else:
            text = f"kind: Plan\nkey: p{number + 1}\nlabels: {{by: import}}\n"
            write_state(store, "contoso", patches(text), replace=False, at=AT)

    side_by_side(place, act)
    reader = place.reader()
    found = reader.observe("contoso").entities
    for number in range(1, WRITERS, 2):
        here = found[EntityId("Plan", f"p{number}")]
        assert (here.origin, here.body["labels"]) == (None, {"by": "import"})
    assert len(list(reader.history("contoso"))) == WRITERS // 2
    assert sum(each.released for each in reader.recorded_origins("contoso").values()) == WRITERS // 2


class Between:
    """A store in which something happens after its state was read, before anything is written; once."""

    def __init__(self, store: TenantStore, happens: Callable[[], object]) -> None:
        self._store, self._happens = store, happens

    def observe(self, tenant: str) -> Any:
        found = self._store.observe(tenant)
        happens, self._happens = self._happens, lambda: None
        happens()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def between(place: Place, store: TenantStore, other: Callable[[TenantStore], object]) -> Any:
    def happens() -> None:
        with closing(place.writer()) as another:
            other(another)

    return Between(store, happens)


def prices(reader: TenantReader) -> Any:
    return reader.observe("contoso").entities[BASIC].body["periods"]["P1M"]["fees"]["recurring"]


def test_an_import_of_labels_puts_no_price_back(place: Place) -> None:
    with closing(place.writer()) as store:
        commit(store, record("contoso", "1"), put(plan("basic", "6.00")))
        raised = between(place, store, lambda other: commit(other, record("contoso", "2"), put(plan("basic", "9.00"))))
        done = write_state(raised, "contoso", label(1), replace=False, at=AT)
        assert (done.added, done.changed, done.removed) == (0, 1, 0)
    assert prices(place.reader()) == "9.00"
    assert place.reader().observe("contoso").entities[BASIC].body["labels"] == {"k1": "v"}


def test_a_replacement_removes_what_came_meanwhile(place: Place) -> None:
    """It is the whole state at the moment of the write, and what it says was done is what was done then."""
    with closing(place.writer()) as store:
        commit(store, record("contoso", "1"), put(plan("basic")))
        more = between(place, store, lambda other: commit(other, record("contoso", "2"), put(plan("plus"))))
        done = write_state(more, "contoso", patches("kind: Customer\nkey: bob\nname: Bob\n"), replace=True, at=AT)
        assert (done.added, done.changed, done.removed) == (1, 0, 2)
    assert set(place.reader().observe("contoso").entities) == {EntityId("Customer", "bob")}


def test_what_became_so_meanwhile_is_not_written_again(place: Place) -> None:
    with closing(place.writer()) as store:
        commit(store, record("contoso", "1"), put(plan("basic")))
        same = between(place, store, lambda other: write_state(other, "contoso", label(1), replace=False, at=AT))
        done = write_state(same, "contoso", label(1), replace=False, at=AT)
        assert (done.added, done.changed, done.removed) == (0, 0, 0)
    assert place.reader().observe("contoso").revision == 2


def test_what_was_released_meanwhile_is_released_once(place: Place) -> None:
    wish = ReleaseRequest("contoso", BASIC, undo=False, by=BY, at=AT)
    with closing(place.writer()) as store:
        store.overwrite("contoso", put(plan("basic")), actor="tenant", at=AT)
        same = between(place, store, lambda other: release(wish, other))
        assert release(wish, same) is ReleaseResult.ALREADY
    assert len(list(place.reader().history("contoso"))) == 1


def test_what_went_meanwhile_is_not_released(place: Place) -> None:
    with closing(place.writer()) as store:
        store.overwrite("contoso", put(plan("basic")), actor="tenant", at=AT)
        gone = between(place, store, lambda other: write_state(other, "contoso", [], replace=True, at=AT))
        with pytest.raises(CannotRelease):
            release(ReleaseRequest("contoso", BASIC, undo=False, by=BY, at=AT), gone)
    assert list(place.reader().history("contoso")) == []


def test_a_merge_that_raises_or_finds_nothing_writes_nothing(place: Place) -> None:
    with closing(place.writer()) as store:
        assert store.overwrite("nobody", lambda _: Edit(), actor="tenant", at=AT).revision == 0
        assert list(place.reader().tenants()) == []
        commit(store, record("contoso", "1"), put(plan("basic")))
        before = store.observe("contoso")
        seen: list[Current] = []

        def fails(current: Current) -> Edit:
            seen.append(current)
            raise LookupError("no")

        with pytest.raises(LookupError):
            store.overwrite("contoso", fails, actor="tenant", at=AT)
        assert seen == [Current(before, {})]
        stays = store.overwrite("contoso", lambda _: Edit(), actor="tenant", at=AT)
        assert stays == Committed(before.fingerprint, before.revision)
        assert store.observe("contoso") == before == place.reader().observe("contoso", verify=True)
        edit = Edit(tuple(put(plan("plus"))))
        assert store.overwrite("contoso", lambda _: edit, actor="tenant", at=AT).revision == 2


@pytest.mark.parametrize("name", DATABASES)
def test_a_merge_sees_the_rows_and_no_digest_that_is_kept(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Rows that were changed past the store are what it merges onto."""
    place = new_place(name, request, tmp_path)
    with closing(place.writer()) as store:
        commit(store, record("contoso", "1"), put(plan("basic", "6.00")))
        with store._writable.writing("contoso") as connection:  # type: ignore[attr-defined]
            connection.exec_driver_sql("UPDATE entities SET body = replace(body, '6.00', '8.00')")
        write_state(store, "contoso", label(1), replace=False, at=AT)
        assert prices(store) == "8.00"
        assert store.observe("contoso") == store.observe("contoso", verify=True)


def test_attempts_go_on_until_the_time_is_up() -> None:
    tried: list[int] = []

    def all_of_them() -> None:
        tried.extend(attempts("contoso", seconds=0.2))

    with pytest.raises(StoreError, match="contoso: other processes keep writing to it; nothing was written"):
        all_of_them()
    assert tried == list(range(len(tried))) and len(tried) > 3


def test_an_entity_made_by_the_first_is_merged_by_the_others(place: Place) -> None:
    with closing(place.writer()) as store:
        write_state(store, "contoso", label(1), replace=False, at=AT)
        write_state(store, "contoso", label(2), replace=False, at=AT)
        made = store.observe("contoso").entities[BASIC]
    assert made == Entity(BASIC, {**made.body, "labels": {"k1": "v", "k2": "v"}})
