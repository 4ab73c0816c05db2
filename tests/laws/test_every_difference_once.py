"""Every difference that a plan of a forest can produce stands in exactly one of its lists, and nothing else does."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from reconciler.core.planning.plan_builder import changed_leaves
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, Deferred, TenantPlan
from tests.laws.grown import Grown, Tenant
from tests.laws.whereabouts import Whereabouts, is_whole


def test_every_difference_stands_in_exactly_one_list(here: Grown) -> None:
    for tenant in here.tenants.values():
        assert list(Whereabouts(tenant, tenant.plan).problems()) == []


def test_a_plan_says_nothing_but_its_differences(here: Grown) -> None:
    """Each entry is a difference, or comes with one; each field of it, likewise."""
    for tenant in here.tenants.values():
        found = {(each.entity, each.path) for each in tenant.found}
        entries = (*tenant.plan.changes, *(each.change for each in tenant.plan.deferred))
        for change in entries:
            if not is_whole(change):
                assert {(change.entity, each.path) for each in change.fields} <= found, change.address
            elif not change.needed_by and change.entity.kind != "Tenant":
                assert (change.entity, ()) in found, change.address


def test_a_change_does_what_its_fields_say(here: Grown) -> None:
    for _, change in here.changes():
        if change.action is Action.UPDATE:
            moved = {path for path, _, _ in changed_leaves(change.before or {}, change.after or {})}
            said = {each.path for each in change.fields}
            assert all(any(_covers(path, each) for each in said) for path in moved), change.address
            assert all(any(_covers(path, each) for path in moved) for each in said), change.address


def _covers(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    short = min(len(path), len(other))
    return path[:short] == other[:short]


def test_a_plan_that_forgets_or_repeats_a_difference_is_found_out(here: Grown) -> None:
    """The partition can fail: any one field or plan that a plan leaves out, or says twice, is a problem."""
    chance = Random(0)
    for tenant in here.tenants.values():
        spoiled = list(_spoiled(tenant))
        for plan in chance.sample(spoiled, min(len(spoiled), 4)):
            assert list(Whereabouts(tenant, plan).problems()) != [], tenant.key


def _spoiled(tenant: Tenant) -> Iterator[TenantPlan]:
    plan = tenant.plan
    for index, change in enumerate(plan.changes):
        others = (*plan.changes[:index], *plan.changes[index + 1 :])
        for less in _with_less(change):
            yield replace(plan, changes=(*others, *less))
        if not change.needed_by:
            again = Deferred("withheld", change.rule, (), "", None, change)
            yield replace(plan, deferred=(*plan.deferred, again))
    for index, each in enumerate(plan.deferred):
        others_deferred = (*plan.deferred[:index], *plan.deferred[index + 1 :])
        for less in _with_less(each.change):
            yield replace(plan, deferred=(*others_deferred, *(replace(each, change=change) for change in less)))
        yield replace(plan, deferred=(*plan.deferred, each))


def _with_less(change: Change) -> Iterator[tuple[Change, ...]]:
    """The change without one of its fields; a plan that comes or goes, not at all.

    What else comes or goes may be needed by something that carries it then.
    """
    if is_whole(change):
        if change.entity.kind == "Plan":
            yield ()
        return
    for index in range(len(change.fields)):
        fields = (*change.fields[:index], *change.fields[index + 1 :])
        yield (replace(change, fields=fields),) if fields else ()
