"""Warnings of `validate` about hidden notification templates: by what policies select, since no tenant is read
(CB-20).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.core.desired import PLAN, Upstream, delegated_list, hidden_templates
from reconciler.core.planning import SCHEDULE, VISIBLE, templates_of
from reconciler.core.tree import levels
from reconciler.core.workspace import resolve_policy
from reconciler.model.documents.catalog import ACTIVE
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import Catalog, ProviderTree, SourceDocument
from reconciler.model.plans.plan import HIDDEN_TEMPLATE
from reconciler.model.values.diagnostics import Diagnostic
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId


def hidden_template_warnings(catalog: Catalog) -> Iterator[Diagnostic]:
    """A warning at each hidden template of a schedule that policies select, with their tenants."""
    for _, tree in sorted(catalog.providers.items()):
        hidden = hidden_templates(tree.documents)
        schedules = {each.key: templates_of(each.entity.body) & hidden.keys() for each in tree.documents.of(SCHEDULE)}
        if any(schedules.values()):
            selected = _schedules_by_tenant(catalog, tree)
            for schedule, templates in sorted(schedules.items()):
                tenants = tuple(sorted(tenant for tenant, keys in selected.items() if schedule in keys))
                if tenants:
                    yield from (_warning(hidden[each], schedule, tenants) for each in sorted(templates))


def _warning(template: SourceDocument, schedule: str, tenants: tuple[str, ...]) -> Diagnostic:
    summary = (
        f'notification template "{template.key}" is hidden from resellers, and schedule "{schedule}", which uses it, '
        f"goes to {', '.join(tenants)} (CB-20)"
    )
    hint = f"set {VISIBLE}: true, or take it out of the schedule"
    place = template.place_of((VISIBLE,))
    return Diagnostic(place, HIDDEN_TEMPLATE, summary, hint, severity="warning", tenants=tenants)


def _schedules_by_tenant(catalog: Catalog, tree: ProviderTree) -> Mapping[str, frozenset[str]]:
    """By reseller, the schedules of the plans that its policy selects, and those that its template gives."""
    selection = SelectedPlans(tree, {tree.key: {each.id: each.entity for each in tree.documents.of(PLAN)}})
    found: dict[str, frozenset[str]] = {}
    for reseller in (each for level in levels(catalog) for each in level if catalog.provider_of[each] == tree.key):
        policy = resolve_policy(catalog, reseller)
        plans = selection.select(policy)
        used = {plan.body.get("notification_schedule") for plan in plans.values()}
        found[reseller] = frozenset({*used, *(policy.given[SCHEDULE].value or ())} - {None})
        catalog.policies[reseller].forget()
    return found


@dataclass(frozen=True, slots=True)
class SelectedPlans:
    """The provider's plans that tenants select. ``plans``: by tenant, as far as computed; upstreams first."""

    tree: ProviderTree
    plans: dict[str, State]

    def select(self, policy: Policy) -> State:
        """The plans that a policy selects from those that its upstream has or selects itself."""
        above = self.plans[policy.upstream]
        upstream = Upstream(policy.upstream, above, {}, names=self.tree.renames)
        listed = {EntityId(PLAN, key): each for key, each in delegated_list(policy, upstream).items()}
        self.plans[policy.reseller] = selected = {
            id: above[id]
            for id, each in listed.items()
            if id in above and (each.named or above[id].body.get("status", ACTIVE) == ACTIVE)
        }
        return selected
