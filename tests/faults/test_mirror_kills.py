"""Killed between any two writes: an action with its mirrors is there whole or not at all, and never mirrored twice.

A child process does it and is ended by kill -9 before its Nth statement reaches the database, for every N; then the
same is done again by somebody else, as an operator or a cron job would.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from reconciler.shell.tenants.actions import PerformedAction
from reconciler.stores.base import Snapshot
from tests.laws.kills import in_a_child, killed
from tests.laws.resale import PROVIDER, Resale, folder, paid, tenants

DATABASE = Path(".reconcile", "tenants.db")
FEWEST = 20
"""So many statements the smallest of these has; fewer, and nothing was killed in the middle."""


@pytest.fixture
def resale() -> Iterator[Resale]:
    """Two levels of mirrors, in sync, and what somebody changed since at the resellers and behind the guard's back."""
    world = Resale(folder(), billing_days={"contoso": 20})
    add_ons = {"kept": {"product": "backup", "billing_cycle": "P1M", "quantity": 2}}
    for reseller in ("contoso", "east", "fabrikam"):
        customers = [{"kind": "Customer", "key": key, "name": key.title()} for key in ("acme", "bolt")]
        world.write(reseller, *customers, paid("s1", "acme", add_ons=add_ons), paid("s2", "acme", product="exchange"))
    world.apply(world.plan())
    world.act(PROVIDER, "contoso.s1", "edit_pricing", "prices.P1M=4.44")
    yield world
    world.close()


def everything(world: Resale) -> list[Snapshot]:
    return [world.snapshot(tenant) for tenant in tenants()]


def journals(world: Resale) -> Counter[str]:
    return Counter(each.tenant for each in world.store(PROVIDER).history())


def is_in_sync(world: Resale) -> None:
    """As many mirrors as there should be, each once, as its source is on what was copied, with its edit intact."""
    for distributor, resellers in {"contoso": ["east"], PROVIDER: ["contoso", "fabrikam"]}.items():
        mirrors = {key: each for key, each in world.subscriptions(distributor).items() if each.origin}
        sources = {
            f"{reseller}.{key}": each for reseller in resellers for key, each in world.subscriptions(reseller).items()
        }
        assert sorted(mirrors) == sorted(sources)
        named = Counter((each.body["reseller"], each.body["source"]) for each in mirrors.values())
        assert set(named.values()) == {1}
        for key, source in sources.items():
            for name in ("product", "billing_cycle", "quantity", "renew_automatically", "characteristics", "renewals"):
                assert mirrors[key].body.get(name) == source.body.get(name), (key, name)
    assert world.body(PROVIDER, "contoso.s1")["prices"]["P1M"] == "4.44"


def restored(world: Resale, saved: bytes) -> None:
    for leftover in world.root.glob(f"{DATABASE}-*"):
        leftover.unlink()
    world.root.joinpath(DATABASE).write_bytes(saved)


def is_sound(world: Resale) -> None:
    with closing(sqlite3.connect(world.root / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


ACTIONS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "quantity, one level": ("contoso", "s1", "change_quantity", ("quantity=12",)),
    "partial upgrade, two levels": ("east", "s1", "upgrade", ("product=premium", "quantity=4")),
    "total upgrade, two levels": ("east", "s1", "upgrade", ("product=premium",)),
    "an add-on, two levels": ("east", "s1", "cancel_add_on", ("add_on=kept",)),
}


@pytest.mark.parametrize("named", ACTIONS)
def test_an_action_killed_at_any_statement_is_there_with_its_mirrors_or_not_at_all(resale: Resale, named: str) -> None:
    tenant, key, action, given = ACTIONS[named]
    before, saved = everything(resale), resale.root.joinpath(DATABASE).read_bytes()
    act = resale.act(tenant, key, action, *given)
    assert act.mirrored
    after = everything(resale)
    records = len(resale.body(tenant, key)["history"])
    for last in count(1):
        restored(resale, saved)
        was_killed = killed(lambda: in_a_child(resale).act(tenant, key, action, *given), last)
        found = everything(resale)
        assert found in (before, after)
        is_sound(resale)
        if found == before:
            again = resale.act(tenant, key, action, *given)
            assert isinstance(again, PerformedAction)
            assert everything(resale) == after
        assert len(resale.body(tenant, key)["history"]) == records
        is_in_sync(resale)
        if not was_killed:
            break
        assert not any(each.changes for each in resale.plan().tenants), "a plan finds nothing left"
    assert last > FEWEST


def _changed(world: Resale) -> None:
    """At every level something to create, to change, to restore and to end."""
    world.write("east", paid("s3", "bolt"), {"kind": "Subscription", "key": "s1", "quantity": 33})
    world.write("contoso", {"kind": "Subscription", "key": "s2", "status": "cancelled"}, paid("s3", "bolt"))
    world.write("fabrikam", {"kind": "Subscription", "key": "s1", "product": "premium"})
    world.write(PROVIDER, {"kind": "Subscription", "key": "contoso.s1", "quantity": 99})


def test_an_apply_killed_at_any_statement_is_finished_by_the_next(resale: Resale) -> None:
    """Each tenant is as it was or as it is after, with its record in the journal; a new plan does the rest, once."""
    _changed(resale)
    before, saved = everything(resale), resale.root.joinpath(DATABASE).read_bytes()
    plan, counted = resale.plan(), journals(resale)
    resale.apply(plan)
    after, expected = everything(resale), journals(resale)
    assert expected - counted == Counter({"contoso": 1, PROVIDER: 1})
    halfway = 0
    for last in count(1):
        restored(resale, saved)
        was_killed = killed(lambda: in_a_child(resale).apply(plan), last)
        found = everything(resale)
        assert all(each in (old, new) for each, old, new in zip(found, before, after, strict=True))
        halfway += found not in (before, after)
        is_sound(resale)
        resale.apply(resale.plan())
        assert not any(each.changes for each in resale.plan().tenants)
        assert [each.entities for each in everything(resale)] == [each.entities for each in after]
        assert journals(resale) == expected, "nothing was made twice"
        is_in_sync(resale)
        if not was_killed:
            break
    assert last > FEWEST
    assert halfway, "it was never killed between two tenants"


def test_the_interrupted_plan_itself_can_be_applied_again(resale: Resale) -> None:
    _changed(resale)
    plan, saved = resale.plan(), resale.root.joinpath(DATABASE).read_bytes()
    resale.apply(plan)
    after = [each.entities for each in everything(resale)]
    expected = journals(resale)
    for last in (*range(2, 60, 3),):
        restored(resale, saved)
        killed(lambda: in_a_child(resale).apply(plan), last)
        resale.apply(plan)
        assert [each.entities for each in everything(resale)] == after
        assert journals(resale) == expected


def test_two_that_apply_at_once_mirror_once(resale: Resale) -> None:
    """Two processes with plans of their own, of the same moment."""
    _changed(resale)
    counted = journals(resale)
    context = multiprocessing.get_context("fork")
    together = context.Barrier(2)

    def run() -> None:
        world = in_a_child(resale)
        plan = world.plan()
        together.wait(30)
        world.apply(plan)

    processes = [context.Process(target=run) for _ in range(2)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    assert [each.exitcode for each in processes] == [0, 0]
    resale.apply(resale.plan())
    assert journals(resale) - counted == Counter({"contoso": 1, PROVIDER: 1})
    is_in_sync(resale)


def test_an_apply_and_an_action_at_once(resale: Resale) -> None:
    """Whoever comes second sees what the first did; nothing is lost, and nothing is recorded twice."""
    context = multiprocessing.get_context("fork")
    for number in range(6):
        _changed(resale)
        resale.write("east", {"kind": "Subscription", "key": "s1", "quantity": 40 + number})
        records = len(resale.body("east", "s2").get("history", []))
        together = context.Barrier(2)

        def apply(together: object = together) -> None:
            world = in_a_child(resale)
            plan = world.plan()
            together.wait(30)  # type: ignore[attr-defined]
            world.apply(plan)

        def act(number: int = number, together: object = together) -> None:
            world = in_a_child(resale)
            together.wait(30)  # type: ignore[attr-defined]
            world.act("east", "s2", "change_quantity", f"quantity={50 + number}")

        processes = [context.Process(target=each) for each in (apply, act)]
        for each in processes:
            each.start()
        for each in processes:
            each.join()
        assert [each.exitcode for each in processes] == [0, 0]
        resale.apply(resale.plan())
        is_in_sync(resale)
        for tenant, key in (("east", "s2"), ("contoso", "east.s2"), (PROVIDER, "contoso.east.s2")):
            actions = [each["action"] for each in resale.body(tenant, key)["history"]]
            assert actions.count("change_quantity") == number + 1 == records + 1


def test_a_plan_saved_before_an_action_is_refused_after_it(resale: Resale) -> None:
    plan = resale.plan()
    assert not any(each.changes for each in plan.tenants)
    resale.write("fabrikam", {"kind": "Subscription", "key": "s1", "quantity": 5})
    plan = resale.plan()
    resale.act("contoso", "s1", "change_quantity", "quantity=12")
    before = everything(resale)
    assert {each.tenant: each.result.value for each in resale.apply(plan)}[PROVIDER] == "refused"
    assert everything(resale) == before
    resale.apply(resale.plan())
    is_in_sync(resale)
