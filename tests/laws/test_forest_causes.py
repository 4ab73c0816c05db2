"""What does not come to a tenant of a forest does not come below it, and the root cause is named once (TREE-02)."""

from collections.abc import Iterator

from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Deferred
from reconciler.model.values.keys import EntityId
from tests.laws.forest_catalogs import Document
from tests.laws.forest_renames import links
from tests.laws.grown import Grown, Tenant

GIVEN = {
    "order_flow": "OrderFlow",
    "roles": "Role",
    "terms_and_conditions": "TermsAndConditions",
    "notification_schedules": "NotificationSchedule",
}


def test_a_cause_from_above_is_named_once(here: Grown) -> None:
    """It is at a reseller above, which or one in between defers the entity, or what would bring it, by that cause."""
    for key, tenant in here.tenants.items():
        for each in tenant.plan.deferred:
            if root := _root(each):
                above = here.forest.above(key)
                assert each.detail.count(f"{each.reason} at ") == 1
                between = [here.tenants[one] for one in above[: above.index(root) + 1]]
                holding = [(it, one) for one in between for it in _holding(each.change.entity, one)]
                assert (_cause(each), root) in [(_cause(it), _root(it) or one.key) for it, one in holding], (key, each)


def _root(deferred: Deferred) -> str | None:
    verdict, at, root, *_ = deferred.detail.split(" ", 3)
    return root.rstrip(":") if (verdict, at) in (("withheld", "at"), ("blocked", "at")) else None


def _cause(deferred: Deferred) -> tuple[object, ...]:
    return (deferred.reason, deferred.rule, deferred.policy, deferred.allowed_by)


def _holding(id: EntityId, tenant: Tenant) -> Iterator[Deferred]:
    """What a tenant defers of an entity, by its old key too, or of what would bring it."""
    for each in tenant.plan.deferred:
        before = EntityId(each.change.entity.kind, (each.change.before or {}).get("key", ""))
        if id in (each.change.entity, before, *_brought(each, tenant)):
            yield each


def _brought(deferred: Deferred, tenant: Tenant) -> set[EntityId]:
    """All that a creation links to, directly or by what it would bring, as the upstream has that or is held from it."""
    upstream = tenant.comparison.desired.upstream
    bodies = {id: each.body for id, each in upstream.held.items()}
    bodies |= {id: each.body for id, each in upstream.state.items()}
    found: set[EntityId] = set()
    queue = [dict(deferred.change.after or {})] if _is_held(deferred) else []
    while queue:
        new = {EntityId(*id) for id in links(queue.pop())} - found
        found |= new
        queue += [{"kind": id.kind, **bodies[id]} for id in new if id in bodies]
    return found


def test_what_does_not_come_to_a_tenant_does_not_come_below(here: Grown) -> None:
    """What a reseller lacks, and its list asks for, is deferred by the cause that holds it at its upstream."""
    for key, tenant in here.tenants.items():
        above = here.tenants.get(here.forest.upstream[key])
        if above is None:
            continue
        held = {each.change.entity: each for each in above.plan.deferred if _is_held(each)}
        called = tenant.comparison.desired.upstream.called
        asked = {id for id in _asked_for(here, key) if called(id) == id}
        for id in asked & held.keys() - tenant.observed.state.keys():
            assert id not in {each.entity for each in tenant.plan.changes}, (key, id)
            (found,) = [each for each in tenant.plan.deferred if each.change.entity == id and not each.change.before]
            assert _cause(found) == _cause(held[id]), (key, id)
            assert found.detail.startswith(f"{found.reason} at {_root(held[id]) or above.key}: "), found.detail


def _is_held(deferred: Deferred) -> bool:
    return deferred.change.action is Action.CREATE and deferred.reason in ("withheld", "blocked")


def _asked_for(here: Grown, tenant: str) -> set[EntityId]:
    """What a tenant's policy names, and its template, and its price list."""
    policy = here.forest.policies()[tenant]
    by_key = {(each["kind"], each["key"]): each for each in here.forest.catalog if "key" in each}
    template: Document = by_key["ServiceTemplate", "gold"] if "service_template" in policy else {}
    listed = policy.get("price_list", template.get("price_list"))
    products = by_key["PriceList", listed]["products"] if listed else ()
    given = {(kind, key) for field, kind in GIVEN.items() for key in _keys(template.get(field))}
    plans = policy["delegate"]["plans"].get("include", ())
    return {
        *(EntityId("Plan", key) for key in plans),
        *(EntityId("Product", key) for key in products),
        *(EntityId(*id) for id in given),
    }


def _keys(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else value or []
