"""LAW in a forest: within one tenant and guards aside, turning an option off never adds a change."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any, TypeAlias

from reconciler.model.documents.options import OPTIONS
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.plan import TenantPlan
from reconciler.model.values.plain_values import Path
from tests.laws.grown import Grown, Tenant
from tests.laws.whereabouts import is_whole

TRIED = 3
"""How many options are turned on and off in each tenant of a forest."""
Leaf: TypeAlias = tuple[Path, str]


def test_turning_an_option_off_never_adds_a_change(here: Grown) -> None:
    chance = Random(len(here.states))
    for key, tenant in here.tenants.items():
        for option in chance.sample(sorted(OPTIONS), TRIED):
            on, off = (tenant.with_policy(_with(tenant.policy, option, on=each)) for each in (True, False))
            assert _changes(off) <= _changes(on) | _inside(off, on), (key, option)
            assert _written(tenant, off) <= _written(tenant, on), (key, option)


def _with(policy: Policy, option: str, *, on: bool) -> Policy:
    return replace(policy, options={**policy.options, option: replace(policy.options[option], value=on)})


def _changes(plan: TenantPlan) -> set[tuple[str, Path]]:
    """Every change by entity and path, the path of one that comes or goes being empty."""
    return {
        (str(change.entity), path)
        for change in plan.changes
        for path in ([()] if is_whole(change) else [each.path for each in change.fields])
    }


def _inside(off: TenantPlan, on: TenantPlan) -> set[tuple[str, Path]]:
    """Changes of what the option takes over, or removes: they are part of that."""
    whole = {str(change.entity) for change in on.changes if is_whole(change) and change.before}
    return {(entity, path) for entity, path in _changes(off) if entity in whole and path}


def _written(tenant: Tenant, plan: TenantPlan) -> set[tuple[str, str, Leaf]]:
    """Every leaf that a plan writes or takes away, links being renamed already; nothing of what it removes whole."""
    found = set()
    for change in plan.changes:
        have = tenant.comparison.actual.get(change.entity)
        before, after = set(_leaves(have.document() if have else {})), set(_leaves(change.after or {}))
        found |= {(str(change.entity), "+", leaf) for leaf in after - before}
        found |= {(str(change.entity), "-", leaf) for leaf in before - after}
    return found


def _leaves(value: Any, path: Path = ()) -> Iterator[Leaf]:
    """The leaves of a document; a member of a set is one, and so is a map with nothing in it."""
    match value:
        case dict():
            if not value:
                yield path, "nothing"
            for name, inner in value.items():
                yield from _leaves(inner, (*path, name))
        case list():
            for member in value:
                yield (*path, str(member)), "member"
        case _:
            yield path, str(value)
