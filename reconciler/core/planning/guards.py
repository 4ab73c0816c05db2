"""Guards (GUARD-01): checks that block a dangerous plan. One entry each, by id.

A guard looks at the permitted changes and names every entity at fault. One that trips blocks the tenant's whole plan.
To add one, write its function and enter it in `GUARDS`; its setting is in `model/documents/policy.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

from reconciler.core.planning.diff import Comparison
from reconciler.core.planning.price_changes import PriceChanges, number, prices, same_amount
from reconciler.core.planning.reasons import GUARD as RULE
from reconciler.core.planning.reasons import template_of, where
from reconciler.core.schema import RuleBook
from reconciler.core.states import entities_with_origin
from reconciler.model.documents.catalog import DISABLED
from reconciler.model.documents.settings import Policy, Setting
from reconciler.model.plans.change import Action, Obstacle, TrippedGuard
from reconciler.model.plans.plan import Change
from reconciler.model.values.amounts import canonical
from reconciler.model.values.counts import counted
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Value

FEW_DELETES = 5
"""The number of entities that one plan may remove whatever their share."""
NAMED_FAULTS = 50
"""The number of faults that every blocked change names. Further ones are named in their own change only, so that the
plan's size grows with the number of changes and not with its square.
"""
RETIRED: Mapping[str, tuple[str, tuple[Value, ...]]] = {
    "Plan": ("status", (DISABLED,)),
    "Product": ("active", (False,)),
    "Subscription": ("status", ("cancelled", "deleted")),
}
"""The field of each kind, and its values that mean disabled or retired."""


@dataclass(frozen=True)
class GuardCase:
    """The input of guards: the policy, the comparison, and the changes that would be made."""

    policy: Policy
    comparison: Comparison
    changes: tuple[Change, ...]

    @cached_property
    def price_changes(self) -> tuple[PriceChanges, ...]:
        """The changed prices of each change that changes any."""
        known = self.comparison.scope.known
        found = (
            known[each.entity].price_changes if each.entity in known else PriceChanges.of(each, self.rules, self.on)
            for each in self.changes
        )
        return tuple(price_changes for price_changes in found if price_changes.all)

    @property
    def state(self) -> State:
        return self.comparison.actual

    @property
    def rules(self) -> RuleBook:
        return self.comparison.rules

    @property
    def on(self) -> date:
        """The day of the effective amounts."""
        return self.comparison.on

    @property
    def origin(self) -> str:
        """The origin of the tenant's copies."""
        return self.comparison.origin

    @property
    def whole(self) -> str:
        """What a tripped guard blocks, as messages name it: a tenant's plan, or its distributor's mirrors of it."""
        reseller = self.policy.reseller
        return f"the {'whole plan' if self.comparison.tenant == reseller else 'mirrors'} of {reseller}"


@dataclass(frozen=True, slots=True)
class GuardFault:
    """An entity at fault, and the figure that shows it."""

    entity: EntityId
    figure: str = ""

    def __str__(self) -> str:
        return f"{self.entity}{self.figure}"


@dataclass(frozen=True, slots=True)
class Trip:
    """A guard that tripped: its setting, by how much it was exceeded, and every entity at fault."""

    guard: str
    setting: Setting
    summary: str
    faults: tuple[GuardFault, ...]


GuardFinding: TypeAlias = tuple[str, list[GuardFault]]
Guard: TypeAlias = Callable[[GuardCase, Any], GuardFinding | None]
"""Given the case and the setting's value: a summary and the faults; ``None`` if the guard does not trip."""


def tripped(case: GuardCase, allowed: frozenset[str] = frozenset()) -> tuple[Trip, ...]:
    """Every guard that trips, except those that are switched off or allowed for this plan. Each judges changes."""
    trips: list[Trip] = []
    if not case.changes:
        return ()
    for id, guard in GUARDS.items():
        setting = case.policy.guards[id]
        if id in case.rules.guards and id not in allowed and setting.value is not False:
            found = guard(case, setting.value)
            if found and found[1]:
                trips.append(Trip(id, setting, found[0], tuple(found[1])))
    return tuple(trips)


def obstacles(trips: Iterable[Trip], case: GuardCase) -> Callable[[EntityId], tuple[Obstacle, ...]]:
    """Given tripped guards, returns a function that gives the obstacles of a change to an entity."""
    common = [(trip, _guard_text(trip, trip.faults[:NAMED_FAULTS], case)) for trip in trips]

    def of(entity: EntityId) -> tuple[Obstacle, ...]:
        return tuple(_obstacle(trip, text, entity, case) for trip, text in common)

    return of


def _obstacle(trip: Trip, text: str, entity: EntityId, case: GuardCase) -> Obstacle:
    own = tuple(each for each in trip.faults[NAMED_FAULTS:] if each.entity == entity)
    detail = _guard_text(trip, (*trip.faults[:NAMED_FAULTS], *own), case) if own else text
    tripped = TrippedGuard(trip.guard, _limit_text(trip.setting))
    return Obstacle(RULE, detail, trip.setting.place, template_of(trip.setting, case.policy), tripped)


def _guard_text(trip: Trip, faults: tuple[GuardFault, ...], case: GuardCase) -> str:
    value = _limit_text(trip.setting)
    rest = len(trip.faults) - len(faults)
    parts = [
        f"guard {trip.guard}: {value} ({where(trip.setting)}) blocks {case.whole}: {trip.summary}",
        *map(str, faults),
        *([f"and {rest} more, each named in its own blocked change"] if rest else []),
        f"if it is right all the same, --allow {trip.guard}:{case.policy.reseller} lets it through for one plan",
    ]
    return "; ".join(parts)


def _limit_text(setting: Setting) -> str:
    return str(setting.value).lower()


def _max_deletes(case: GuardCase, limit: str) -> GuardFinding | None:
    """The share of the tenant's copies that the plan removes, disables or retires."""
    gone = [GuardFault(each.entity, how) for each in case.changes if _came(case, each) and (how := _how_it_goes(each))]
    if len(gone) <= FEW_DELETES:
        return None
    total = sum(1 for _ in entities_with_origin(case.state, case.origin))
    if Fraction(len(gone), total) <= _share(limit):
        return None
    percent = _percent(Fraction(len(gone), total))
    return f"{len(gone)} of the {counted(total, 'entity', 'entities')} that came down would go ({percent}%)", gone


def _came(case: GuardCase, change: Change) -> bool:
    return change.before is not None and change.before.get("origin") == case.origin


def _how_it_goes(change: Change) -> str:
    if change.action is Action.DELETE:
        return " removed"
    field, values = RETIRED.get(change.entity.kind, ("", ()))
    before, after = (change.before or {}).get(field), (change.after or {}).get(field)
    return f" {field}: {str(after).lower()}" if after in values and before not in values else ""


def _max_price_change(case: GuardCase, limit: str) -> GuardFinding | None:
    """Existing amounts that change by more than a share of themselves."""
    most = _share(limit)
    price_changes = (move for each in case.price_changes if each.largest > most for move in each.all)
    found = [
        GuardFault(move.entity, f"{move.text} ({'+' if share > 0 else '-'}{_percent(abs(share))}%)")
        for move in price_changes
        if (share := move.share) is not None and abs(share) > most
    ]
    return _count(found, "price", f"would change by more than {limit}"), found


def _price_to_zero(case: GuardCase, _on: bool) -> GuardFinding | None:
    """Existing amounts that become zero."""
    price_changes = (move for each in case.price_changes if each.to_zero for move in each.all)
    found = [GuardFault(move.entity, move.text) for move in price_changes if move.to_zero]
    return _count(found, "price", "would become zero"), found


def _max_changes(case: GuardCase, limit: int) -> GuardFinding | None:
    """The number of changes to existing entities."""
    changed = [each.entity for each in case.changes if each.action is not Action.CREATE]
    said = f"{counted(len(changed), 'entity', 'entities')} would change"
    return (said, list(map(GuardFault, changed))) if len(changed) > limit else None


def _currency_change(case: GuardCase, _on: bool) -> GuardFinding | None:
    """Amounts in a currency other than the tenant's.

    Amounts of new entities count too: the tenant would read them in the wrong currency.
    """
    tenant = case.state.get(EntityId("Tenant", case.policy.reseller))
    own = tenant.body.get("currency") if tenant else None
    if own in (None, case.policy.currency):
        return None
    found = [GuardFault(each.entity) for each in case.changes if _writes_prices(case, each)]
    return f"prices in {case.policy.currency} would be written to a tenant that has {own}", found


def _writes_prices(case: GuardCase, change: Change) -> bool:
    before = prices(change, change.before, case.rules, case.on)
    after = prices(change, change.after, case.rules, case.on)
    return any(number(after[path]) and not same_amount(before.get(path), after[path]) for path in after)


def _count(found: list[GuardFault], noun: str, what: str) -> str:
    return f"{counted(len(found), noun)} {what}"


def _share(limit: str) -> Fraction:
    """``10%`` -> 1/10."""
    return Fraction(limit.removesuffix("%")) / 100


def _percent(share: Fraction) -> str:
    """Rounded to two decimals for messages; the decision uses the exact share."""
    hundredths = int(share * 10_000 + Fraction(1, 2))
    return canonical(f"{hundredths // 100}.{hundredths % 100:02}")


GUARDS: Mapping[str, Guard] = {
    "max_deletes": _max_deletes,
    "max_price_change": _max_price_change,
    "max_changes": _max_changes,
    "currency_change": _currency_change,
    "price_to_zero": _price_to_zero,
}
