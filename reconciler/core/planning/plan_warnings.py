"""Warnings: facts about a tenant that the reader of a plan should know, and that withhold or block nothing."""

from collections.abc import Iterable, Iterator, Mapping
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
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body

SCHEDULE = "NotificationSchedule"
VISIBLE = "visible_to_resellers"


def warnings_of(policy: Policy, comparison: Comparison, changes: Iterable[Change]) -> tuple[PlanWarning, ...]:
    """The warnings for a tenant and the changes of its plan, in order."""
    changes, upstream = tuple(changes), comparison.desired.upstream
    own = comparison.actual.get(EntityId(TENANT, comparison.tenant)) if changes else None
    currencies = {policy.currency, own.body.get("currency", policy.currency) if own else policy.currency}
    found = [*sold_below_cost(changes, comparison.on)] if len(currencies) == 1 else []
    if upstream.hidden_templates:
        after = {each.entity: each.after or {} for each in changes if each.entity.kind == SCHEDULE}
        schedules = {**_schedules(comparison), **after}
        found += warn_of_hidden_templates(comparison.tenant, schedules, upstream.hidden_templates)
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
