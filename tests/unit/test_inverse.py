"""The plan that undoes an applied one."""

from dataclasses import replace

from reconciler.core.inspect.inverse import inverse
from reconciler.core.planning.tenant_plan import Observed
from reconciler.core.savedplan.codec import decode, encode
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, FieldChange, Plan, Source, TenantPlan, TenantStatus
from reconciler.model.values.entity import Entity, entity, state_fingerprint
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Value
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


def test_a_dated_amount_comes_back_with_all_of_its_dates() -> None:
    """The plan said what held on the day; what is written, and so what the saved plan says, is all of it."""
    dated = [{"from": "2026-06-01", "amount": "1.00"}, {"from": "2027-01-01", "amount": "1.20"}]
    bodies = [_fees(dated), _fees("2.00")]
    ids = {"kind": "Plan", "key": "web", "origin": "northwind"}
    before, after = ({**ids, **body} for body in bodies)
    path = ("periods", "P1M", "fees", "recurring")
    field = FieldChange(path, "1.00", "2.00", ("plans.update_fees",), "CB-12")
    id, options = EntityId("Plan", "web"), ("plans.update_fees",)
    change = Change("contoso", id, Action.UPDATE, before, after, (field,), options, "CB-12")
    planned = TenantPlan("contoso", "northwind", TenantStatus.CHANGES, "sha256:0", changes=(change,))
    state = {id: entity(after)}
    (back,) = inverse(
        Plan("2026-12-01T00:00:00Z", Source(None, None, False, SOURCE), (planned,)),
        lambda _: Observed(state, state_fingerprint(state), 1),
    )
    assert back.changes[0].fields[0].after == dated
    saved = encode(Plan("2026-12-02T00:00:00Z", Source(None, None, False, SOURCE), (back,)))
    assert encode(decode(saved)) == saved


SOURCE = "sha256:" + "0" * 64


def _fees(recurring: Value) -> dict[str, Value]:
    return {"product": "office", "periods": {"P1M": {"fees": {"recurring": recurring}, "origin": "northwind"}}}
