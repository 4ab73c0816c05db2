"""Warnings: facts about a tenant that the reader of a plan should know, and that withhold or block nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from reconciler.core.desired import CYCLES, PRODUCT
from reconciler.core.planning.diff import Comparison
from reconciler.core.planning.preconditions import templates_of
from reconciler.core.planning.reasons import declared_at
from reconciler.model.documents.kinds import TENANT
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import SourceDocument
from reconciler.model.plans.plan import HIDDEN_TEMPLATE, SOLD_BELOW_COST, Change, Declared, PlanWarning
from reconciler.model.values.amounts import effective_amount
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body

SCHEDULE = "NotificationSchedule"
VISIBLE = "visible_to_resellers"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What warnings about a tenant depend on beside the changes of its plan.

    ``on``: the day of the effective amounts. ``hidden``: the notification templates hidden from resellers, by key.
    ``schedules``: returns the tenant's copies of notification schedules; called only if a template is hidden.
    """

    policy: Policy
    state: State
    on: date
    hidden: Mapping[str, SourceDocument]
    schedules: Callable[[], Mapping[EntityId, Body]]


def warnings_of(policy: Policy, comparison: Comparison, changes: Iterable[Change]) -> tuple[PlanWarning, ...]:
    """The warnings for a tenant and the changes of its plan, in order."""
    hidden = comparison.desired.upstream.hidden_templates
    held = Holdings(policy, comparison.actual, comparison.on, hidden, lambda: _schedules(comparison))
    return warnings_about(held, changes)


def warnings_in(
    policy: Policy, state: State, hidden: Mapping[str, SourceDocument], changes: Iterable[Change], *, on: date
) -> tuple[PlanWarning, ...]:
    """The warnings for a tenant whose whole state is known, and changes that no comparison produced."""

    def copies() -> Mapping[EntityId, Body]:
        ours = (id for id, each in state.items() if id.kind == SCHEDULE and each.origin == policy.upstream)
        return {id: state[id].body for id in ours}

    return warnings_about(Holdings(policy, state, on, hidden, copies), changes)


def warnings_about(held: Holdings, changes: Iterable[Change]) -> tuple[PlanWarning, ...]:
    """The warnings for what a tenant holds and the changes of its plan, in order."""
    changes, policy = tuple(changes), held.policy
    own = held.state.get(EntityId(TENANT, policy.reseller)) if changes else None
    currencies = {policy.currency, own.body.get("currency", policy.currency) if own else policy.currency}
    found = [*sold_below_cost(changes, held.on)] if len(currencies) == 1 else []
    if held.hidden:
        written = [each for each in changes if each.entity.kind == SCHEDULE]
        after: dict[EntityId, Body] = {each.was: {} for each in written}
        after |= {each.entity: each.after or {} for each in written}
        found += warn_of_hidden_templates(policy.reseller, {**held.schedules(), **after}, held.hidden)
    return tuple(sorted(found, key=lambda each: each.order))


def sold_below_cost(changes: Iterable[Change], on: date) -> Iterator[PlanWarning]:
    """Billing cycles of changed products that are sold below their purchase price, by the amounts effective on a day.

    Every plan that writes such a product repeats the warning, whatever it changes. Cycles that the tenant does not
    sell, and inactive products, are left out.
    """
    for change in changes:
        after = change.after if change.entity.kind == PRODUCT else None
        if after and after.get("active", True):
            for period, cycle in sorted(after.get(CYCLES, {}).items()):
                cost, price = (effective_amount(cycle.get(name), on) for name in ("purchase_price", "selling_price"))
                if cycle.get("active", True) and cost and price and Fraction(cost) > Fraction(price):
                    detail = f"{period} is sold below cost: purchase price {cost}, selling price {price}"
                    yield _warning(SOLD_BELOW_COST, change.tenant, change.entity, detail, _declared_at(change, period))


def _declared_at(change: Change, period: str) -> Declared | None:
    """The line that declares the purchase price, if the change writes it."""
    at = (CYCLES, period)
    return next((each.declared_at for each in change.fields if each.path[:2] == at), change.declared_at)


def warn_of_hidden_templates(
    tenant: str, schedules: Mapping[EntityId, Body], hidden: Mapping[str, SourceDocument]
) -> Iterator[PlanWarning]:
    """A tenant's schedules, by identity, that use notification templates hidden from resellers (CB-20)."""
    for id, body in schedules.items():
        for template in sorted(templates_of(body) & hidden.keys()):
            place = declared_at(hidden[template].place_of((VISIBLE,)))
            yield _warning(HIDDEN_TEMPLATE, tenant, id, hidden_detail(template), place)


def hidden_detail(template: str) -> str:
    """The text of the warning for a hidden template."""
    return f'it uses notification template "{template}", which resellers cannot see; set {VISIBLE}: true on it'


def _schedules(comparison: Comparison) -> Mapping[EntityId, Body]:
    """The copies of schedules in a tenant."""
    return comparison.scope.copies(SCHEDULE, comparison.desired, comparison.actual)


def _warning(code: str, tenant: str, entity: EntityId, detail: str, at: Declared | None) -> PlanWarning:
    return PlanWarning(code, (tenant,), entity, detail, at)
