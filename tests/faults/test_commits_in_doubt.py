"""COMMIT fails, or what comes after it: whoever wrote is told whether the write was made, on both databases alike."""

from __future__ import annotations

import logging
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId
from reconciler.shell.runs.execute import Code, Result, WriteStep, run_step
from reconciler.stores.base import (
    AlreadyApplied,
    Committed,
    Current,
    Edit,
    EntityWrite,
    OutcomeUnknown,
    Record,
    StoreError,
    TenantStore,
    TenantWrite,
)
from reconciler.stores.failures import Failure
from reconciler.stores.registry import open_store
from reconciler.stores.sql import databases, postgresql_databases
from reconciler.stores.sql.versions import Age
from tests.contract.samples import AT, commit, contents, plan, put, record
from tests.faults.breaking import LOST, MADE, Between, Breaks, failing_connection
from tests.faults.wire import Fate, a_wire
from tests.postgresql import Server


@dataclass
class Case:
    """A store whose COMMITs fail on demand, and another way to the same database, on which nothing fails."""

    store: TenantStore
    sound: Callable[[], TenantStore]
    breaks: Breaks


@pytest.fixture
def sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    connect, breaks = sqlite3.connect, Breaks()
    url = "sqlite:///tenants.db"

    def sound() -> TenantStore:
        with monkeypatch.context() as inner:
            inner.setattr(sqlite3, "connect", connect)
            store = open_store(url, root=tmp_path)
            store.tenants()
            commit(store, record("elsewhere", "sha256:warm"), [])  # it has its connections now
        return store

    with closing(open_store(url, root=tmp_path)) as first:
        fill(first)
    monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=failing_connection(breaks)))
    with closing(open_store(url, root=tmp_path)) as store:
        yield Case(store, sound, breaks)


@pytest.fixture
def postgres(postgresql: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    monkeypatch.setattr(postgresql_databases, "DOWN_SECONDS", 0.0)
    name, breaks = postgresql.new_schema(), Breaks()
    with closing(open_store(postgresql.url(name), root=Path())) as first:
        fill(first)
    with a_wire(postgresql, name) as wire:

        def fate(_: int, text: str) -> Fate:
            if breaks.down:
                return Fate.IS_LOST
            what = breaks.taken() if text == "COMMIT" else ""
            return {MADE: Fate.IS_NOT_ANSWERED, LOST: Fate.IS_LOST}.get(what, Fate.PASSES)

        wire.of("READ WRITE")  # from here on, statements have a fate
        wire.fate = fate
        with closing(open_store(wire.url, root=Path())) as store:
            yield Case(store, lambda: open_store(postgresql.url(name), root=Path()), breaks)


@pytest.fixture(params=["sqlite", "postgres"])
def case(request: pytest.FixtureRequest) -> Case:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Case)
    return found


def customer(key: str, name: str = "Acme") -> Entity:
    return Entity(EntityId("Customer", key), {"name": name}, None)


def fill(store: TenantStore) -> None:
    commit(store, record("contoso", "1"), put(plan("basic"), customer("acme")))
    commit(store, record("fabrikam", "1"), put(plan("basic")))


def applies(store: TenantStore) -> object:
    return commit(store, record("contoso", "2"), put(plan("basic", "7.00")))


def imports(store: TenantStore) -> object:
    return store.overwrite("contoso", put(customer("acme", "Acme & Sons")), actor="tenant", at=AT)


def releases(store: TenantStore) -> object:
    def edit(current: Current) -> Edit:
        have = current.snapshot.entities[EntityId("Plan", "basic")]
        note = {"action": "tenant release", "released": ["plan/basic"]}
        journalled = Record("contoso", f"sha256:{current.snapshot.revision}", AT, "Ada", None, (), note)
        return Edit((EntityWrite(have.id, have, Entity(have.id, have.body, None)),), journalled)

    return store.overwrite("contoso", edit, actor="Ada", at=AT)


def acts(store: TenantStore) -> object:
    """On what is the tenant's own, with a mirror above that has a record."""
    here, above = store.observe("contoso"), store.observe("fabrikam")
    changed = (EntityWrite(customer("acme").id, customer("acme"), customer("acme", "Acme Inc")),)
    own = TenantWrite("contoso", changed, "Ada", AT, here.fingerprint, here.revision, role="reseller", action="edit")
    mirrored = tuple(put(plan("mirrored")))
    fabrikams = record("fabrikam", f"sha256:{above.revision}")
    mirror = TenantWrite("fabrikam", mirrored, "Ada", AT, above.fingerprint, above.revision, fabrikams)
    return store.write((own, mirror))


WRITERS = [applies, imports, releases, acts]


def is_done(outcome: object) -> bool:
    return isinstance(outcome, Committed) or (isinstance(outcome, tuple) and {*map(type, outcome)} == {Committed})


@pytest.mark.parametrize("write", WRITERS)
def test_what_was_made_is_a_success_with_a_warning(
    case: Case, write: Callable[[TenantStore], object], caplog: pytest.LogCaptureFixture
) -> None:
    before = case.store.observe("contoso").revision
    case.breaks.next(MADE)
    outcome = write(case.store)
    assert is_done(outcome)
    now = case.store.observe("contoso")
    told = outcome[0] if isinstance(outcome, tuple) else outcome
    assert (now.revision, now.fingerprint) == (before + 1, told.fingerprint)  # type: ignore[union-attr]
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert "after the commit; the write was looked up, and it was made" in caplog.text


@pytest.mark.parametrize("write", WRITERS)
def test_what_was_not_made_is_a_failure_and_can_be_repeated(
    case: Case, write: Callable[[TenantStore], object], caplog: pytest.LogCaptureFixture
) -> None:
    before = contents(case.store)
    case.breaks.next(LOST)
    with pytest.raises(StoreError, match=r"during the commit; nothing was written$") as raised:
        write(case.store)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert raised.value.failure in (Failure.DISK, Failure.UNREACHABLE)
    assert contents(case.store) == before
    assert caplog.records == []
    assert is_done(write(case.store))
    assert case.store.observe("contoso").revision == before["states"]["contoso"].revision + 1  # type: ignore[index]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("fate", [MADE, LOST])
def test_what_cannot_be_looked_up_is_not_known(case: Case, write: Callable[[TenantStore], object], fate: str) -> None:
    before = case.store.observe("contoso").revision
    case.breaks.next(fate, afterwards=True)
    with pytest.raises(OutcomeUnknown, match=r"not known whether it was made; .*`reconcile tenant show`.*look before"):
        write(case.store)
    case.breaks.heal()
    assert case.store.observe("contoso").revision == before + (fate == MADE)


def anothers(case: Case, *, entity: Entity) -> Between:
    """By the same actor, in the same second."""

    def write() -> None:
        with closing(case.sound()) as store:
            store.overwrite("contoso", put(entity), actor="tenant", at=AT)

    return write


@pytest.mark.parametrize("entity", [customer("acme", "Another"), customer("other")], ids=["the-same", "another"])
def test_a_write_that_was_lost_is_not_taken_for_that_of_another(sqlite: Case, entity: Entity) -> None:
    """Another writer came to the revision that this one was to leave."""
    sqlite.breaks.next(LOST, anothers(sqlite, entity=entity))
    with pytest.raises(StoreError, match="nothing was written"):
        imports(sqlite.store)
    assert sqlite.store.observe("contoso").entities[entity.id] == entity


def test_a_write_that_was_made_is_found_below_that_of_another(sqlite: Case) -> None:
    sqlite.breaks.next(MADE, anothers(sqlite, entity=customer("other")))
    assert is_done(imports(sqlite.store))
    assert sqlite.store.observe("contoso").revision == 3


def test_what_another_wrote_over_is_not_known(sqlite: Case) -> None:
    """By the log it may have been this one, or another of the same actor in the same second."""
    sqlite.breaks.next(MADE, anothers(sqlite, entity=customer("acme", "Another")))
    with pytest.raises(OutcomeUnknown, match="not known"):
        imports(sqlite.store)


def test_what_has_a_record_is_known_whatever_was_written_over_it(sqlite: Case) -> None:
    sqlite.breaks.next(MADE, anothers(sqlite, entity=plan("basic", "9.00")))
    assert is_done(applies(sqlite.store))
    assert isinstance(applies(sqlite.store), AlreadyApplied)


@pytest.mark.parametrize("fate", [MADE, LOST])
def test_a_migration(case: Case, fate: str) -> None:
    database = case.store._writable  # type: ignore[attr-defined]
    with closing(case.sound()) as sound, sound._writable.writing("contoso") as connection:  # type: ignore[attr-defined]
        connection.exec_driver_sql("ALTER TABLE tenants DROP COLUMN lineage")
        connection.exec_driver_sql("DROP TABLE came_down")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0005'")
    assert database.version().age is Age.OLDER
    case.breaks.next(fate)
    if fate == MADE:
        database.bring_up_to_date()
    else:
        with pytest.raises(StoreError, match="during the commit; nothing was written"):
            database.bring_up_to_date()
        assert database.version().age is Age.OLDER
        database.bring_up_to_date()
    assert database.version().age is Age.CURRENT


def test_a_file_whose_folder_fails_once_it_is_there_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(databases, "_sync", fails)
    with closing(open_store("sqlite:///tenants.db", root=tmp_path)) as store:
        assert is_done(applies(store))
    assert "it could not be made (Input/output error), after the commit" in caplog.text


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(databases, "_link", fails)
    with closing(open_store("sqlite:///tenants.db", root=tmp_path)) as store:
        with pytest.raises(StoreError, match="nothing was written") as raised:
            applies(store)
        assert raised.value.failure is Failure.FULL
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("fate", "result"), [(MADE, Result.APPLIED), (LOST, Result.FAILED)])
def test_an_apply_says_which(sqlite: Case, fate: str, result: Result) -> None:
    now = sqlite.store.observe("contoso")
    step = WriteStep(record("contoso", "2"), tuple(put(plan("basic", "7.00"))), now.fingerprint, now.revision)
    sqlite.breaks.next(fate)
    found = run_step(step, lambda _: sqlite.store)
    assert (found.result, found.code) == (result, Code.STORE_DISK if fate == LOST else "")
    sqlite.breaks.next(fate, afterwards=True)
    again = WriteStep(record("fabrikam", "2"), step.writes, *_known(sqlite.store, "fabrikam"))
    assert run_step(again, lambda _: sqlite.store).code == Code.UNKNOWN


def _known(store: TenantStore, tenant: str) -> tuple[str, int]:
    now = store.observe(tenant)
    return now.fingerprint, now.revision


def test_errors_come_whole_from_another_process() -> None:
    for error in (StoreError("x", Failure.BUSY), OutcomeUnknown.of("t.db", "the disk failed", Failure.DISK)):
        back = pickle.loads(pickle.dumps(error))
        assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))
