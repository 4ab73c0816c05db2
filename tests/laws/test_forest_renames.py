"""AP-21 in a forest: a rename is a rename and nothing else, at every level, whatever guards hold it and wherever."""

from collections import Counter
from dataclasses import replace
from random import Random

from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.keys import EntityId
from tests.laws.grown import Grown
from tests.laws.renamed import Renamed
from tests.laws.test_forest_guards import blocked

RULE = "AP-21"


def test_a_rename_is_nothing_but_a_rename(renaming: Renamed) -> None:
    assert list(renaming.before.changes()) == []
    assert _beside_renames(renaming.after) == []
    assert list(renaming.after.applied.changes()) == []


def test_a_rename_at_some_tenants_is_nothing_but_a_rename(renaming: Renamed) -> None:
    """TREE-03: upstreams that are not selected are not renamed, and what is below them is left alone."""
    chance = Random(len(renaming.names))
    keys = renaming.after.states
    some = replace(renaming.after, selected=frozenset(key for key in keys if chance.random() < 0.5))
    assert _beside_renames(some) == []
    assert _beside_renames(replace(some.applied, selected=None)) == []


def _beside_renames(here: Grown) -> list[str]:
    return [change.address for _, change in here.changes() if {each.rule for each in change.fields} != {RULE}]


def test_every_copy_has_its_new_key_unless_a_guard_holds_it_there_or_above(renaming: Renamed) -> None:
    """And what a guard holds at a tenant is left alone below it (TREE-02), where resellers may rename their own."""
    olds = {EntityId(*id) for id in renaming.names}
    held = {key for key, tenant in renaming.after.tenants.items() if blocked(tenant.plan)}
    for key, tenant in renaming.after.tenants.items():
        if held.isdisjoint((key, *renaming.after.forest.above(key))):
            assert olds.isdisjoint(tenant.after), key
        else:
            assert all(each.entity.key.startswith("own-") for each in tenant.plan.changes), key


def test_what_was_not_made_before_a_rename_is_not_made_after_it(renaming: Renamed) -> None:
    for key, tenant in renaming.after.tenants.items():
        if not blocked(tenant.plan):
            assert _deferred(tenant.plan) == _deferred(renaming.before.tenants[key].plan), key


def _deferred(plan: TenantPlan) -> Counter[tuple[str, ...]]:
    """How much is deferred, by kind and field; withheld or blocked: a reseller's own plan may name what it lacks."""
    return Counter(
        ("unmanaged" if each.reason == "unmanaged" else "held", each.change.entity.kind, path)
        for each in plan.deferred
        for path in ([".".join(field.path[:1]) for field in each.change.fields] or [""])
    )
