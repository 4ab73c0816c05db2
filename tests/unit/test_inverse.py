"""The plan that undoes an applied one."""

from dataclasses import replace

from reconciler.core.codec import decode, encode
from reconciler.core.inverse import inverse
from reconciler.core.planning import Observed
from reconciler.model.change import Action
from reconciler.model.entity import Entity
from reconciler.model.plan import Plan, TenantStatus
from reconciler.stores.memory import MemoryStore
from tests.unit.test_apply_down_the_tree import READ, WRITE, applied, planned, written


def undoing(plan: Plan, store: MemoryStore) -> Plan:
    def look(tenant: str) -> Observed | str:
        snapshot = store.observe(tenant)
        return Observed(snapshot.entities, snapshot.fingerprint, snapshot.revision)

    back = replace(plan, tenants=tuple(inverse(plan, look)), timestamp="2026-12-02T00:00:00Z", read=())
    return decode(encode(back))


def test_applying_the_inverse_leaves_everything_as_it_was() -> None:
    store = MemoryStore()
    written(store, "contoso", WRITE)
    written(store, "contoso", own := Entity(WRITE.id._replace(key="own"), {"privileges": ["read"]}))
    before = {tenant: store.observe(tenant).entities for tenant in ("contoso", "litware", "wingtip", "fabrikam")}
    plan = planned(store)
    applied(plan, store)
    assert store.observe("litware").entities[READ.id].body == {"privileges": ["read"]}
    applied(undoing(plan, store), store)
    assert {tenant: store.observe(tenant).entities for tenant in before} == before
    assert store.observe("contoso").entities[own.id] == own


def test_what_moved_since_is_blocked_and_named_and_the_rest_is_undone() -> None:
    store = MemoryStore()
    plan = planned(store)
    applied(plan, store)
    written(store, "contoso", WRITE)
    tenant = undoing(plan, store).tenants[0]
    assert [(each.address, each.action) for each in tenant.changes] == [("contoso/tenant/contoso", Action.DELETE)]
    assert [each.reason for each in tenant.deferred] == ["blocked"]
    assert "contoso/role/admin is not as the plan left it" in tenant.deferred[0].detail


def test_what_something_else_needs_by_now_stays() -> None:
    store = MemoryStore()
    plan = planned(store)
    applied(plan, store)
    tenant = store.observe("contoso").entities[WRITE.id._replace(kind="Tenant", key="contoso")]
    written(store, "contoso", replace(tenant, body={**tenant.body, "name": "Contoso"}))
    back = undoing(plan, store).tenants[0]
    assert back.changes == ()
    assert [each.detail for each in back.deferred] == [
        "contoso/role/admin is needed by contoso/tenant/contoso: undo it by hand, or leave it",
        "contoso/tenant/contoso is not as the plan left it: undo it by hand, or leave it",
    ]


def test_a_plan_that_was_not_applied_has_nothing_to_undo() -> None:
    store = MemoryStore()
    back = undoing(planned(store), store)
    assert back.applyable is False
    assert {each.status for each in back.tenants} == {TenantStatus.BLOCKED}


def test_a_tenant_that_cannot_be_read_is_in_error() -> None:
    (first, *_) = inverse(planned(MemoryStore()), lambda tenant: "its store cannot be reached")
    assert (first.status, first.problem) == (TenantStatus.ERROR, "its store cannot be reached")


def test_what_comes_back_is_declared_nowhere() -> None:
    store = MemoryStore()
    written(store, "contoso", WRITE)
    plan = planned(store)
    applied(plan, store)
    changes = undoing(plan, store).tenants[0].changes
    fields = [each for change in changes for each in change.fields]
    assert fields
    assert {each.declared_at for each in fields} == {each.declared_at for each in changes} == {None}
