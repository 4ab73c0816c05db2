"""What can happen to a PostgreSQL server, to the connection and to whoever writes: a tenant is as it was, or as it is
after, whole, with its record; and whoever asked is told what is known.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from itertools import count
from typing import Any

import psycopg
import pytest

from reconciler.model.values.keys import EntityId
from reconciler.stores.base import AlreadyApplied, Committed, Outcome, Stale, StoreError
from reconciler.stores.sql import postgresql_databases
from reconciler.stores.sql.postgresql_databases import PostgresqlWriting
from reconciler.stores.sql.postgresql_databases import Server as Address
from tests.contract.samples import AT, commit, contents, plan, put, record
from tests.faults.postgresql_states import SECOND, WRITES, fill, held, reader, start_and_wait_for_a_lock, writer
from tests.faults.wire import Fate, a_wire, before
from tests.postgresql import Server, a_server


@pytest.fixture(scope="module")
def after(postgresql: Server) -> Mapping[str, Any]:
    """What a filled schema holds after the write of these tests."""
    schema = fill(postgresql, postgresql.new_schema())
    with closing(writer(postgresql.url(schema))) as store:
        commit(store, SECOND, WRITES)
        return contents(store)


# The one who writes is killed, the connection is cut, before each statement in turn


def _killing(last: int, process: multiprocessing.process.BaseProcess) -> Callable[[int, str], Fate]:
    def fate(number: int, _: str) -> Fate:
        if number < last:
            return Fate.PASSES
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        return Fate.IS_LOST

    return fate


def _commit(url: str) -> None:
    store = writer(url)
    now = store.observe("contoso")
    store.commit(SECOND, WRITES, expected=now.fingerprint, revision=now.revision)


def test_a_writer_killed_before_any_statement_leaves_before_and_is_not_missed(
    postgresql: Server, filled: str, after: Mapping[str, Any]
) -> None:
    was = held(postgresql, filled)
    with a_wire(postgresql, filled) as wire:
        for last in count(1):
            process = multiprocessing.get_context("fork").Process(target=_commit, args=(wire.url,))
            wire.statements.clear()
            wire.fate = _killing(last, process)
            process.start()
            process.join()
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            assert held(postgresql, filled) == was
    assert last > 12, "fewer statements than a commit has: nothing was killed in the middle"
    assert wire.statements[-1] == "COMMIT"
    assert held(postgresql, filled) == after
    again = commit(writer(postgresql.url(filled)), SECOND, WRITES)
    assert again == AlreadyApplied(AT)


def test_a_writer_killed_while_it_makes_the_tables_leaves_none_or_all(postgresql: Server, empty: str) -> None:
    """Of many statements, a few."""
    with a_wire(postgresql, empty) as wire:
        for last in (1, 2, 4, 6, 8, 10, 12):
            process = multiprocessing.get_context("fork").Process(target=_commit, args=(wire.url,))
            wire.statements.clear()
            wire.fate = _killing(last, process)
            process.start()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            assert held(postgresql, empty) == {"states": {}, "moves": {}, "history": []}
    assert isinstance(commit(writer(postgresql.url(empty)), SECOND, WRITES), Committed)


def _losing(last: int) -> Callable[[int, str], Fate]:
    return lambda number, _: Fate.IS_LOST if number == last else Fate.PASSES


def test_a_connection_cut_before_any_statement_writes_nothing_and_the_next_write_works(
    postgresql: Server, filled: str, after: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    was = held(postgresql, filled)
    with a_wire(postgresql, filled) as wire, closing(writer(wire.url)) as store:
        for last in count(1):
            wire.statements.clear()
            wire.fate = _losing(last)
            try:
                outcome = commit(store, SECOND, WRITES)
            except StoreError as error:
                assert "the database: the connection was lost" in str(error)
                assert "; nothing was written" in str(error)
                assert held(postgresql, filled) == was
            else:
                break
    assert last > 12
    assert isinstance(outcome, Committed)
    assert held(postgresql, filled) == after
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_after_a_lost_reply_the_commit_is_looked_up_and_the_plan_is_not_applied_twice(
    postgresql: Server, filled: str, after: Mapping[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    now = reader(postgresql.url(filled)).observe("contoso")
    with a_wire(postgresql, filled) as wire, closing(writer(wire.url)) as store:
        wire.fate = lambda _, text: Fate.IS_NOT_ANSWERED if text == "COMMIT" else Fate.PASSES
        outcome = store.commit(SECOND, WRITES, expected=now.fingerprint, revision=now.revision)
        assert isinstance(outcome, Committed)
        assert "the database: the connection was lost" in caplog.text and "it was made" in caplog.text
        wire.fate = lambda *_: Fate.PASSES
        again = store.commit(SECOND, WRITES, expected=now.fingerprint, revision=now.revision)
    assert again == AlreadyApplied(AT)
    assert held(postgresql, filled) == after


def test_a_reader_whose_connection_is_cut_says_so_and_reads_again(postgresql: Server, filled: str) -> None:
    was = held(postgresql, filled)
    with a_wire(postgresql, filled) as wire, closing(reader(wire.url)) as store:
        assert contents(store) == was
        wire.of("READ WRITE")  # from here on, statements have a fate
        wire.fate = lambda _, text: Fate.IS_LOST if "FROM entities" in text else Fate.PASSES
        with pytest.raises(StoreError, match=r"the database: the connection was lost \("):
            store.observe("contoso")
        wire.fate = lambda *_: Fate.PASSES
        assert contents(store) == was


# The server goes, and comes back


@pytest.fixture(scope="module")
def mortal() -> Iterator[Server]:
    """A server that a test may end."""
    with a_server(fsync="off") as server:
        yield server


def test_a_server_that_dies_at_any_statement_leaves_before_or_after(
    mortal: Server, after: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    monkeypatch.setattr(postgresql_databases, "DOWN_SECONDS", 0.0)  # a commit in doubt is looked up at once
    schema = fill(mortal, mortal.new_schema())
    was = held(mortal, schema)
    with a_wire(mortal, schema) as wire, closing(writer(wire.url)) as store:
        for last in count(1):
            wire.statements.clear()
            wire.fate = _dying(mortal, last)
            try:
                commit(store, SECOND, WRITES)
            except StoreError as error:
                assert "the database: the connection was lost" in str(error)
                mortal.start()
                assert held(mortal, schema) == was
            else:
                break
        assert last > 12
        assert held(mortal, schema) == after
        mortal.crash()
        mortal.start()
        assert held(mortal, schema) == after, "what was committed survives"


def _dying(server: Server, last: int) -> Callable[[int, str], Fate]:
    def fate(number: int, _: str) -> Fate:
        if number < last:
            return Fate.PASSES
        server.crash()
        return Fate.IS_LOST

    return fate


def test_a_server_that_is_restarted_is_waited_for(mortal: Server) -> None:
    schema = fill(mortal, mortal.new_schema())
    with closing(writer(mortal.url(schema))) as store:
        was = contents(store)
        mortal.stop()
        restart = threading.Timer(0.3, mortal.start)
        restart.start()
        assert contents(store) == was
        restart.join()


def test_a_server_that_does_not_come_back_is_not_waited_for_by_every_tenant(
    mortal: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = fill(mortal, mortal.new_schema())
    monkeypatch.setattr(postgresql_databases, "WAITS", ())
    monkeypatch.setattr(postgresql_databases, "DOWN_SECONDS", 0.5)
    with closing(reader(mortal.url(schema))) as store:
        store.observe("contoso")
        mortal.stop()
        words = r"the database: it cannot be reached: connection to server on socket .* failed: "
        with pytest.raises(StoreError, match=words):
            store.observe("contoso")
        mortal.start()
        with pytest.raises(StoreError, match=words):
            store.observe("fabrikam")
        time.sleep(0.5)
        assert store.observe("fabrikam").revision == 1


# At the same time


@pytest.mark.parametrize("tenant", ["contoso", "never-there"])
@pytest.mark.parametrize(("other", "lost"), [("3", Stale), ("2", AlreadyApplied)], ids=["plans", "one-plan"])
def test_of_two_applies_at_once_the_second_waits_and_is_refused(
    postgresql: Server, filled: str, tenant: str, other: str, lost: type[Outcome]
) -> None:
    outcomes: dict[str, Outcome] = {}
    now = reader(postgresql.url(filled)).observe(tenant)

    def apply(url: str, plan_digest: str, fee: str) -> None:
        with closing(writer(url)) as store:
            mine = record(tenant, plan_digest, by=fee)
            writes = put(plan("p01", fee))
            outcomes[fee] = store.commit(mine, writes, expected=now.fingerprint, revision=now.revision)

    second = threading.Thread(target=apply, args=(postgresql.url(filled), other, "8.00"))
    with a_wire(postgresql, filled) as wire:
        wire.fate = before("COMMIT", lambda: start_and_wait_for_a_lock(second, postgresql))
        apply(wire.url, "2", "7.00")
        second.join()
    assert isinstance(outcomes["7.00"], Committed)
    assert isinstance(outcomes["8.00"], lost)
    if isinstance(outcomes["8.00"], Stale):
        assert [(move.entity.key, move.actor) for move in outcomes["8.00"].moved] == [("p01", "7.00")]
    state = reader(postgresql.url(filled)).observe(tenant).entities
    assert state[EntityId("Plan", "p01")] == plan("p01", "7.00")
    assert [each.by for each in held(postgresql, filled)["history"] if each.tenant == tenant][-1] == "7.00"


def test_a_write_that_was_waited_for_and_undone_does_not_count(postgresql: Server, filled: str) -> None:
    outcomes: list[Outcome] = []
    second = threading.Thread(target=lambda: outcomes.append(commit(writer(postgresql.url(filled)), SECOND, WRITES)))

    def lose() -> Fate:
        start_and_wait_for_a_lock(second, postgresql)
        return Fate.IS_LOST

    with a_wire(postgresql, filled) as wire:
        wire.fate = lambda _, text: lose() if text == "COMMIT" else Fate.PASSES
        with pytest.raises(StoreError):
            commit(writer(wire.url), record("contoso", "lost"), put(plan("lost")))
    second.join()
    assert [type(each) for each in outcomes] == [Committed]
    assert [each.plan for each in held(postgresql, filled)["history"]] == ["1", "1", "2"]


def test_other_tenants_do_not_wait(postgresql: Server, filled: str) -> None:
    done: list[Outcome] = []

    def other() -> None:
        done.append(commit(writer(postgresql.url(filled), 0.5), record("fabrikam", "2"), put(plan("other"))))

    with a_wire(postgresql, filled) as wire:
        wire.fate = before("COMMIT", other)
        done.append(commit(writer(wire.url), SECOND, WRITES))
    assert [type(each) for each in done] == [Committed, Committed]


def test_a_write_to_several_tenants_holds_all_of_them(postgresql: Server, filled: str) -> None:
    url = postgresql.url(filled)
    with PostgresqlWriting(Address(url, "the database")).writing("fabrikam", "contoso", "never-there"):
        for tenant in ("contoso", "fabrikam", "never-there"):
            with pytest.raises(StoreError, match="another process is using it"):
                commit(writer(url, 0.1), record(tenant, "2"), put(plan("other")))
        assert isinstance(commit(writer(url), record("tailspin", "2"), put(plan("other"))), Committed)


def test_who_waits_too_long_gives_up(postgresql: Server, filled: str) -> None:
    def other() -> None:
        with pytest.raises(StoreError, match=r"the database: another process is using it, and did not finish in time"):
            commit(writer(postgresql.url(filled), 0.1), record("contoso", "3"), put(plan("other")))

    with a_wire(postgresql, filled) as wire:
        wire.fate = before("COMMIT", other)
        assert isinstance(commit(writer(wire.url), SECOND, WRITES), Committed)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entities SET origin = 'them' WHERE tenant = 'contoso' AND key = 'p01'",
        "DELETE FROM entities WHERE tenant = 'contoso' AND key = 'p01'",
        "INSERT INTO entities (tenant, kind, key, origin, body) VALUES ('contoso', 'Plan', 'new-1', NULL, '{}')",
    ],
)
def test_what_somebody_else_writes_behind_our_back_is_before_or_after_us(
    postgresql: Server, filled: str, statement: str
) -> None:
    """Whoever writes to entities, by whatever means, touches the tenant's row, which a commit holds (v0002_digests).

    Of two that wait for each other the server ends one.
    """
    done: list[str] = []

    def write_past_us() -> None:
        try:
            postgresql.execute(statement, schema=filled)
            done.append("written")
        except psycopg.Error as error:
            done.append(str(error))

    other = threading.Thread(target=write_past_us)
    with a_wire(postgresql, filled) as wire, closing(writer(wire.url)) as store:
        wire.fate = before("DELETE FROM entities", other.start)
        now = store.observe("contoso")
        try:
            outcome: object = store.commit(SECOND, WRITES, expected=now.fingerprint, revision=now.revision)
        except StoreError as error:
            assert "nothing was written" in str(error)
            outcome = None
        other.join()
        after = store.observe("contoso")
        assert after == store.observe("contoso", verify=True)
    assert isinstance(outcome, Committed | None)
    assert outcome is not None or done == ["written"]
    assert (after.revision == now.revision + 1) == (outcome is not None)


def test_a_writer_that_vanished_holds_nobody_up_for_long(
    postgresql: Server, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing tells the server that a machine is gone."""
    monkeypatch.setattr(postgresql_databases, "IDLE_SECONDS", 0.2)
    done: list[Outcome] = []

    other = threading.Thread(target=lambda: done.append(commit(writer(postgresql.url(filled)), SECOND, WRITES)))

    def meanwhile() -> None:
        other.start()
        other.join()

    with a_wire(postgresql, filled) as wire:
        wire.fate = before("DELETE FROM entities", meanwhile)
        with pytest.raises(StoreError, match=r"the database: the connection was lost .*; nothing was written"):
            commit(writer(wire.url), record("contoso", "gone"), put(plan("gone")))
    other.join()
    assert [type(each) for each in done] == [Committed]
