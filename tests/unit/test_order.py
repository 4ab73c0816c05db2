"""What is removed goes by the tenant's own keys, in the order in which it is made (AP-21)."""

from reconciler.core.schema.order import execution_order, under_its_own_keys
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, TenantPlan, TenantStatus
from reconciler.model.values.keys import EntityId


def _removed(key: str, own: str, needed_by: tuple[EntityId, ...] = ()) -> Change:
    return Change(
        "contoso", EntityId("Role", key), Action.DELETE, {"kind": "Role", "key": own}, None, needed_by=needed_by
    )


def test_what_is_removed_stands_where_its_own_key_belongs() -> None:
    """The plan of two roles, of which the first has an older key that comes last: a saved one was refused."""
    changes = execution_order((_removed("a", "z"), _removed("b", "b")))
    plan = TenantPlan("contoso", "northwind", TenantStatus.CHANGES, "sha256:0", changes=changes)
    own = under_its_own_keys(plan).changes
    assert [each.entity.key for each in own] == ["b", "z"]
    assert execution_order(own) == own


def test_what_needs_a_removed_entity_names_it_by_its_own_key() -> None:
    needing = _removed("b", "b", (EntityId("Role", "a"),))
    changes = execution_order((_removed("a", "z"), needing))
    plan = TenantPlan("contoso", "northwind", TenantStatus.CHANGES, "sha256:0", changes=changes)
    assert under_its_own_keys(plan).changes[0].needed_by == (EntityId("Role", "z"),)
