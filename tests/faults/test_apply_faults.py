"""An apply over several tenants, of which some fail: the others are applied, nobody twice, nobody by half."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Plan, Source, TenantPlan, TenantStatus
from reconciler.model.values.keys import EntityId
from reconciler.shell.runs.execute import Applied, ApplyContext, Result, execute
from reconciler.stores.base import Snapshot, StoreError, TenantStore
from tests.contract.samples import AT, BY, commit, contents, plan, put, record, remove
from tests.faults.faulty_store import FaultyStore, failing

CONTEXT = ApplyContext("sha256:plan", AT, BY, "4f" * 20)
UPSTREAMS = {
    "contoso": "northwind",
    "fabrikam": "northwind",
    "tailspin": "northwind",
    "contoso-east": "contoso",
    "contoso-east-1": "contoso-east",
    "fabrikam-west": "fabrikam",
}
"""Two branches, one of three levels, and a leaf; upstreams first."""
CONTOSO_BRANCH = ["contoso", "contoso-east", "contoso-east-1"]
OTHERS = ["fabrikam", "fabrikam-west", "tailspin"]

BASIC, OLD, NEW = plan("basic"), plan("old"), plan("new")
RAISED = plan("basic", "6.60")
AFTER = {each.id: each for each in (RAISED, NEW)}


@pytest.fixture
def store() -> FaultyStore:
    """Every tenant has two plans, and is at revision 1."""
    store = FaultyStore()
    for tenant in UPSTREAMS:
        store.overwrite(tenant, put(BASIC, OLD), actor="tenant", at=AT)
    return store


def change(tenant: str, action: Action) -> Change:
    before, after = {Action.CREATE: (None, NEW), Action.UPDATE: (BASIC, RAISED), Action.DELETE: (OLD, None)}[action]
    id = (after or before or NEW).id
    return Change(tenant, id, action, before.document() if before else None, after.document() if after else None)


def planned(store: FaultyStore) -> Plan:
    """One plan added, one changed and one removed in every tenant."""
    tenants = []
    for tenant, upstream in UPSTREAMS.items():
        now = store.observe(tenant)
        changes = tuple(change(tenant, action) for action in Action)
        tenants.append(TenantPlan(tenant, upstream, TenantStatus.CHANGES, now.fingerprint, now.revision, changes))
    return Plan(AT, Source("4f" * 20, None, False, "sha256:documents"), tuple(tenants))


def with_tenant(whole: Plan, tenant: str, alter: Callable[[TenantPlan], TenantPlan]) -> Plan:
    return replace(whole, tenants=tuple(alter(each) if each.tenant == tenant else each for each in whole.tenants))


def apply(whole: Plan, store: TenantStore) -> dict[str, Applied]:
    done = list(execute(whole, CONTEXT, lambda _: store))
    assert [each.tenant for each in done] == [each.tenant for each in whole.tenants]
    return {each.tenant: each for each in done}


def results(done: dict[str, Applied]) -> dict[str, str]:
    return {tenant: each.result.value for tenant, each in done.items()}


def is_applied(store: FaultyStore, tenant: str) -> bool:
    """Whether a tenant is wholly as planned, with one record; else it is wholly as it was, with none."""
    snapshot, records = store.observe(tenant), list(store.history(tenant))
    if snapshot.revision == 1:
        assert snapshot.entities == {each.id: each for each in (BASIC, OLD)}
        assert records == []
        return False
    assert snapshot.entities == AFTER
    assert [each.plan for each in records] == [CONTEXT.plan]
    assert snapshot.revision == 2
    return True


def applied(store: FaultyStore) -> list[str]:
    return sorted(tenant for tenant in UPSTREAMS if is_applied(store, tenant))


def test_without_faults_everything_is_applied_and_journalled(store: FaultyStore) -> None:
    done = apply(planned(store), store)
    assert set(results(done).values()) == {"applied"}
    assert applied(store) == sorted(UPSTREAMS)
    journal = next(iter(store.history("contoso")))
    assert (journal.by, journal.at, journal.commit) == (BY, AT, "4f" * 20)
    assert [each["address"] for each in journal.changes] == [
        "contoso/plan/new",
        "contoso/plan/basic",
        "contoso/plan/old",
    ]
    assert [each["change"]["before"] for each in journal.changes] == [None, BASIC.document(), OLD.document()]
    assert [each["change"]["after"] for each in journal.changes] == [NEW.document(), RAISED.document(), None]


def test_a_tenant_whose_store_fails_stops_its_branch_only(store: FaultyStore) -> None:
    store.before["contoso"] = failing("https://bss.example: it does not answer")
    done = apply(planned(store), store)
    assert done["contoso"] == Applied("contoso", Result.FAILED, "https://bss.example: it does not answer")
    assert done["contoso-east"] == Applied("contoso-east", Result.REFUSED, "its upstream contoso was not applied")
    below = "contoso, above its upstream, was not applied"
    assert done["contoso-east-1"] == Applied("contoso-east-1", Result.REFUSED, below)
    assert applied(store) == OTHERS
    assert store.commits == ["contoso", "fabrikam", "tailspin", "fabrikam-west"], "descendants are not even tried"


def test_a_store_that_cannot_be_opened_stops_its_branch_only(store: FaultyStore) -> None:
    def store_of(tenant: str) -> TenantStore:
        if tenant == "contoso-east":
            raise StoreError("the environment has no EAST_TOKEN")
        return store

    done = {each.tenant: each for each in execute(planned(store), CONTEXT, store_of)}
    assert done["contoso-east"] == Applied("contoso-east", Result.FAILED, "the environment has no EAST_TOKEN")
    assert done["contoso-east-1"].result is Result.REFUSED
    assert applied(store) == sorted({*UPSTREAMS} - {"contoso-east", "contoso-east-1"})


def test_a_tenant_that_moved_is_refused_by_name_and_stops_its_branch_only(store: FaultyStore) -> None:
    whole = planned(store)
    store.overwrite("contoso", put(plan("basic", "5.99")), actor="tenant", at="2026-11-22T00:00:00Z")
    moved = store.observe("contoso")
    done = apply(whole, store)
    assert done["contoso"].result is Result.REFUSED
    assert "contoso/plan/basic (by tenant, 2026-11-22T00:00:00Z)" in done["contoso"].problem
    assert [done[each].result for each in CONTOSO_BRANCH] == [Result.REFUSED] * 3
    assert store.observe("contoso") == moved
    assert list(store.history("contoso")) == []
    assert [tenant for tenant in OTHERS if is_applied(store, tenant)] == OTHERS


def test_a_tenant_that_moves_at_the_last_moment_is_refused(store: FaultyStore) -> None:
    store.before["tailspin"] = lambda: store.overwrite("tailspin", remove(OLD), actor="tenant", at=AT)
    done = apply(planned(store), store)
    assert done["tailspin"].result is Result.REFUSED
    assert "tailspin/plan/old" in done["tailspin"].problem
    assert store.observe("tailspin").entities == {BASIC.id: BASIC}
    assert list(store.history("tailspin")) == []


def test_a_tenant_that_somebody_else_applies_at_the_last_moment_is_refused(store: FaultyStore) -> None:
    def other() -> None:
        commit(store.store, record("tailspin", "sha256:other", by="Grace"), put(NEW))

    store.before["tailspin"] = other
    done = apply(planned(store), store)
    assert done["tailspin"].result is Result.REFUSED
    assert "tailspin/plan/new (by Grace" in done["tailspin"].problem
    assert [each.by for each in store.history("tailspin")] == ["Grace"]


def test_a_tenant_that_could_not_be_planned_stops_its_branch_only(store: FaultyStore) -> None:
    whole = with_tenant(
        planned(store),
        "contoso",
        lambda each: replace(each, status=TenantStatus.ERROR, changes=(), problem="it was not reached"),
    )
    done = apply(whole, store)
    assert done["contoso"] == Applied("contoso", Result.FAILED, "it was not reached")
    assert [done[each].result for each in CONTOSO_BRANCH[1:]] == [Result.REFUSED] * 2
    assert applied(store) == OTHERS


def test_a_tenant_without_changes_is_not_written_and_does_not_stop_its_branch(store: FaultyStore) -> None:
    whole = with_tenant(planned(store), "contoso", lambda each: replace(each, status=TenantStatus.IN_SYNC, changes=()))
    before = store.observe("contoso")
    done = apply(whole, store)
    assert done["contoso"].result is Result.UNCHANGED
    assert store.observe("contoso") == before
    assert "contoso" not in store.commits
    assert applied(store) == sorted({*UPSTREAMS} - {"contoso"})


def test_two_branches_that_fail_leave_the_rest(store: FaultyStore) -> None:
    store.before |= {"contoso-east": failing("down"), "fabrikam": failing("down")}
    done = apply(planned(store), store)
    assert results(done) == {
        "contoso": "applied",
        "contoso-east": "failed",
        "contoso-east-1": "refused",
        "fabrikam": "failed",
        "fabrikam-west": "refused",
        "tailspin": "applied",
    }
    assert applied(store) == ["contoso", "tailspin"]


@pytest.mark.parametrize("tenant", sorted(UPSTREAMS))
def test_any_one_tenant_that_fails_stops_exactly_what_is_below_it(store: FaultyStore, tenant: str) -> None:
    def is_below(each: str | None) -> bool:
        return each is not None and (each == tenant or is_below(UPSTREAMS.get(each)))

    store.before[tenant] = failing("down")
    apply(planned(store), store)
    assert applied(store) == sorted(each for each in UPSTREAMS if not is_below(each))


# A lost reply: the commit was made, and whoever asked for it was told that it failed


def test_after_a_lost_reply_the_same_plan_finds_itself_applied_and_is_not_made_twice(store: FaultyStore) -> None:
    whole = planned(store)
    store.after["tailspin"] = failing("the connection was reset")
    first = apply(whole, store)
    assert first["tailspin"] == Applied("tailspin", Result.FAILED, "the connection was reset")
    assert applied(store) == sorted(UPSTREAMS), "it was made"
    before = contents(store)
    second = apply(whole, store)
    assert set(results(second).values()) == {"already_applied"}
    assert contents(store) == before


def test_after_a_lost_reply_the_same_plan_goes_on_below(store: FaultyStore) -> None:
    whole = planned(store)
    store.after["contoso"] = failing("the connection was reset")
    apply(whole, store)
    assert applied(store) == sorted({*UPSTREAMS} - set(CONTOSO_BRANCH[1:]))
    again = results(apply(whole, store))
    done = dict.fromkeys(("contoso-east", "contoso-east-1"), "applied")
    assert again == {**dict.fromkeys(UPSTREAMS, "already_applied"), **done}
    assert applied(store) == sorted(UPSTREAMS)


def test_an_apply_cut_off_after_any_tenant_is_finished_by_the_same_plan() -> None:
    """TREE-05: what has the plan counts as applied, and what is below it goes on."""
    for cut in range(len(UPSTREAMS) + 1):
        store = FaultyStore()
        for tenant in UPSTREAMS:
            store.overwrite(tenant, put(BASIC, OLD), actor="tenant", at=AT)
        whole = planned(store)
        running = iter(execute(whole, CONTEXT, dict.fromkeys(UPSTREAMS, store).__getitem__))
        before = [next(running).tenant for _ in range(cut)]
        del running
        again = apply(whole, store)
        had = {each for each, done in again.items() if done.result is Result.ALREADY_APPLIED}
        assert had == set(before)
        assert set(results(again).values()) <= {"applied", "already_applied"}
        assert applied(store) == sorted(UPSTREAMS)


def test_what_has_the_plan_and_moved_since_is_refused_with_what_is_below(store: FaultyStore) -> None:
    whole = planned(store)
    apply(whole, store)
    store.overwrite("contoso", put(plan("basic", "5.99")), actor="tenant", at="2026-11-22T00:00:00Z")
    done = apply(whole, store)
    assert done["contoso"].problem == (
        f"this plan was already applied to it at {AT}, and its state has changed since: "
        "contoso/plan/basic (by tenant, 2026-11-22T00:00:00Z)"
    )
    assert (done["contoso"].code, done["contoso-east"].code) == ("already_applied_but_moved", "upstream_not_applied")
    assert done["contoso-east"].problem == "its upstream contoso has changed since this plan was applied"
    assert {done[each].result for each in OTHERS} == {Result.ALREADY_APPLIED}


def test_after_a_failure_the_same_plan_goes_on_where_it_can(store: FaultyStore) -> None:
    whole = planned(store)
    store.before["tailspin"] = failing("down")
    apply(whole, store)
    assert not is_applied(store, "tailspin")
    again = apply(whole, store)
    assert again["tailspin"].result is Result.APPLIED
    assert {again[each].result for each in ("contoso", "fabrikam")} == {Result.ALREADY_APPLIED}
    assert applied(store) == sorted(UPSTREAMS)


def test_a_lost_reply_and_a_move_is_still_not_made_twice(store: FaultyStore) -> None:
    """The tenant came back to exactly what the plan was made for: its fingerprint says nothing, the journal does."""
    whole = planned(store)
    store.after["tailspin"] = failing("the connection was reset")
    apply(whole, store)
    store.overwrite("tailspin", [*put(BASIC, OLD), *remove(NEW)], actor="tenant", at=AT)
    fingerprints = {each.tenant: each.fingerprint for each in whole.tenants}
    assert store.observe("tailspin").fingerprint == fingerprints["tailspin"]
    assert "already" in apply(whole, store)["tailspin"].problem
    assert store.observe("tailspin").entities == {each.id: each for each in (BASIC, OLD)}


# The one who applies goes away


def test_an_apply_that_is_broken_off_leaves_whole_tenants(store: FaultyStore) -> None:
    whole = planned(store)
    running = execute(whole, CONTEXT, lambda _: store)
    assert [next(running).tenant for _ in range(2)] == ["contoso", "fabrikam"]
    del running
    assert applied(store) == ["contoso", "fabrikam"]
    assert apply(whole, store)["tailspin"].result is Result.APPLIED


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_what_is_no_failure_of_a_store_is_not_swallowed(store: FaultyStore, error: type[BaseException]) -> None:
    def bug() -> None:
        raise error

    store.before["fabrikam"] = bug
    with pytest.raises(error):
        apply(planned(store), store)
    assert applied(store) == ["contoso"]


def test_a_plan_for_nobody(store: FaultyStore) -> None:
    before = contents(store)
    assert apply(replace(planned(store), tenants=()), store) == {}
    assert contents(store) == before
    assert EntityId("Plan", "new") not in store.observe("contoso").entities


@pytest.mark.parametrize("tenant", UPSTREAMS)
def test_of_two_applies_that_race_on_one_saved_plan_both_say_that_all_is_applied(
    store: FaultyStore, tenant: str
) -> None:
    """The other one overtakes this one before its commit to a tenant, and applies all that is left."""
    whole, other = planned(store), {}
    store.before[tenant] = lambda: other.update(results(apply(whole, store)))
    mine = results(apply(whole, store))
    assert {*mine.values()} | {*other.values()} == {"applied", "already_applied"}
    assert mine[tenant] == "already_applied" and other[tenant] == "applied"
    assert applied(store) == sorted(UPSTREAMS)
    assert len(list(store.history())) == len(UPSTREAMS)


def test_a_saved_plan_of_a_tenant_that_moves_while_it_is_checked_is_stale(store: FaultyStore) -> None:
    """Not a failure of its store: `StoreError` is what a digest raises that is asked of a state that moved."""
    whole = planned(store)

    class Moving(FaultyStore):
        def sketch(self, tenant: str, *, verify: bool = False) -> Snapshot | None:
            if tenant == "tailspin" and not self.commits:
                self.store.overwrite(tenant, put(NEW), actor="another", at=AT)
                raise StoreError(f"{tenant} was written to while it was read")
            return None

    moving = Moving(store.store)
    order = [each for each in whole.tenants if each.tenant == "tailspin"]
    done = list(execute(replace(whole, tenants=tuple(order)), replace(CONTEXT, saved=True), lambda _: moving))
    assert [(each.result, each.code) for each in done] == [(Result.REFUSED, "stale")]
