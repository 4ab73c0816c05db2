"""Guards (GUARD-01): what would make a tenant's plan dangerous. One entry each, by its id.

A guard looks at the changes that the rules let through, and names every entity at fault. One that trips blocks the
tenant's whole plan. To add one, write its function and enter it in `GUARDS`; its setting stands in `model/policy.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from reconciler.core.diff import AMOUNTS, Comparison
from reconciler.core.reasons import where
from reconciler.core.shape import FieldShape, RuleBook
from reconciler.core.sketch import came_down
from reconciler.model.amounts import canonical, in_force
from reconciler.model.change import Action, Obstacle
from reconciler.model.documents import DISABLED
from reconciler.model.entity import State
from reconciler.model.keys import EntityId
from reconciler.model.options import MIRROR, VETOES
from reconciler.model.plan import Change
from reconciler.model.settings import Policy, Setting
from reconciler.model.sync import Synced
from reconciler.model.values import Body, Path, Value, get, render_path

RULE = "GUARD-01"
FEW = 5
"""So many entities may go whatever their share."""
NAMED = 50
"""How many entities at fault stand in every blocked change; each further one is named in its own, so that the plan
grows with the changes and not with their square."""
PRICES = VETOES["prices"].options | {MIRROR}
"""The options whose amounts are prices: fees, resource prices, purchase prices, and those of mirrors."""
RETIRED: Mapping[str, tuple[str, tuple[Value, ...]]] = {
    "Plan": ("status", (DISABLED,)),
    "Product": ("active", (False,)),
    "Subscription": ("status", ("cancelled", "deleted")),
}
"""The field and values by which an entity of a kind is disabled or retired."""


@dataclass(frozen=True)
class Case:
    """What guards look at: the policy, what was compared, and the changes that would be made."""

    policy: Policy
    comparison: Comparison
    changes: tuple[Change, ...]

    @cached_property
    def moves(self) -> tuple["Move", ...]:
        """Every existing price that changes."""
        return tuple(_moves(self))

    @property
    def state(self) -> State:
        return self.comparison.actual

    @property
    def rules(self) -> RuleBook:
        return self.comparison.rules

    @property
    def on(self) -> date:
        """The day on which amounts hold."""
        return self.comparison.on

    @property
    def origin(self) -> str:
        """The origin of what came this way."""
        return self.comparison.origin

    @property
    def whole(self) -> str:
        """What a guard that trips blocks, in words: a tenant's plan, or what its distributor gets of it."""
        reseller = self.policy.reseller
        return f"the {'whole plan' if self.comparison.tenant == reseller else 'mirrors'} of {reseller}"


@dataclass(frozen=True, slots=True)
class Fault:
    """An entity at fault, and the figure that tells why."""

    entity: EntityId
    figure: str = ""

    def __str__(self) -> str:
        return f"{self.entity}{self.figure}"


@dataclass(frozen=True, slots=True)
class Trip:
    """A guard that tripped: its setting, how far it was exceeded, and all that is at fault."""

    guard: str
    setting: Setting
    summary: str
    faults: tuple[Fault, ...]


Finding: TypeAlias = tuple[str, list[Fault]]
Guard: TypeAlias = Callable[[Case, Any], Finding | None]
"""Given the case and the setting's value: how far it is exceeded and by what; ``None`` where it does not trip."""


def tripped(case: Case, allowed: frozenset[str] = frozenset()) -> tuple[Trip, ...]:
    """Every guard that trips, those that are switched off or allowed for this plan aside."""
    trips = []
    for id, guard in GUARDS.items():
        setting = case.policy.guards[id]
        if id in case.rules.guards and id not in allowed and setting.value is not False:
            found = guard(case, setting.value)
            if found and found[1]:
                trips.append(Trip(id, setting, found[0], tuple(found[1])))
    return tuple(trips)


def obstacles(trips: Iterable[Trip], case: Case) -> Callable[[EntityId], tuple[Obstacle, ...]]:
    """What stands in the way of a change of an entity, in words, once guards tripped."""
    common = [(trip, _told(trip, trip.faults[:NAMED], case)) for trip in trips]

    def of(entity: EntityId) -> tuple[Obstacle, ...]:
        return tuple(_obstacle(trip, told, entity, case) for trip, told in common)

    return of


def _obstacle(trip: Trip, told: str, entity: EntityId, case: Case) -> Obstacle:
    own = tuple(each for each in trip.faults[NAMED:] if each.entity == entity)
    detail = _told(trip, (*trip.faults[:NAMED], *own), case) if own else told
    return Obstacle(RULE, detail, trip.setting.place)


def _told(trip: Trip, faults: tuple[Fault, ...], case: Case) -> str:
    value = str(trip.setting.value).lower()
    rest = len(trip.faults) - len(faults)
    parts = [
        f"guard {trip.guard}: {value} ({where(trip.setting)}) blocks {case.whole}: {trip.summary}",
        *map(str, faults),
        *([f"and {rest} more, each named in its own blocked change"] if rest else []),
        f"if it is right all the same, --allow {trip.guard}:{case.policy.reseller} lets it through for one plan",
    ]
    return "; ".join(parts)


def _max_deletes(case: Case, limit: str) -> Finding | None:
    """What came down and goes, as a share of what came down."""
    gone = [Fault(each.entity, how) for each in case.changes if _came(case, each) and (how := _how_it_goes(each))]
    if len(gone) <= FEW:
        return None
    total = sum(1 for _ in came_down(case.state, case.origin))
    if Fraction(len(gone), total) <= _share(limit):
        return None
    percent = _percent(Fraction(len(gone), total))
    return f"{len(gone)} of the {total} entities that came down would go ({percent}%)", gone


def _came(case: Case, change: Change) -> bool:
    return change.before is not None and change.before.get("origin") == case.origin


def _how_it_goes(change: Change) -> str:
    if change.action is Action.DELETE:
        return " removed"
    field, values = RETIRED.get(change.entity.kind, ("", ()))
    before, after = (change.before or {}).get(field), (change.after or {}).get(field)
    return f" {field}: {str(after).lower()}" if after in values and before not in values else ""


def _max_price_change(case: Case, limit: str) -> Finding | None:
    """Existing amounts that change by more than a share of themselves."""
    most = _share(limit)
    found = []
    for move in case.moves:
        share = move.share
        if share is not None and abs(share) > most:
            found.append(Fault(move.entity, f"{move.text} ({'+' if share > 0 else '-'}{_percent(abs(share))}%)"))
    return _count(found, "price", f"would change by more than {limit}"), found


def _price_to_zero(case: Case, _on: bool) -> Finding | None:
    """Existing amounts that become nothing."""
    found = [Fault(move.entity, move.text) for move in case.moves if _number(move.before) and not _number(move.after)]
    return _count(found, "price", "would become zero"), found


def _max_changes(case: Case, limit: int) -> Finding | None:
    """How much changes that is there already."""
    found = [Fault(each.entity) for each in case.changes if each.action is not Action.CREATE]
    return (f"{len(found)} entities would change", found) if len(found) > limit else None


def _currency_change(case: Case, _on: bool) -> Finding | None:
    """Amounts of one currency that would be written to a tenant that counts in another.

    A new entity's amounts are meant too: they would be read in the wrong currency all the same.
    """
    tenant = case.state.get(EntityId("Tenant", case.policy.reseller))
    own = tenant.body.get("currency") if tenant else None
    if own in (None, case.policy.currency):
        return None
    found = [Fault(each.entity) for each in case.changes if _writes_prices(case, each)]
    return f"prices in {case.policy.currency} would be written to a tenant that has {own}", found


def _writes_prices(case: Case, change: Change) -> bool:
    before, after = _prices(case, change, change.before), _prices(case, change, change.after)
    return any(_number(after[path]) and not _same(before.get(path), after[path]) for path in after)


def _same(before: str | None, after: str) -> bool:
    return before is not None and canonical(before) == canonical(after)


def _count(found: list[Fault], noun: str, what: str) -> str:
    return f"{len(found)} {noun}{'' if len(found) == 1 else 's'} {what}"


@dataclass(frozen=True, slots=True)
class Move:
    """An existing price that changes."""

    entity: EntityId
    path: Path
    before: str
    after: str

    @property
    def text(self) -> str:
        return f"#{render_path(self.path)}: {self.before} -> {self.after}"

    @property
    def share(self) -> Fraction | None:
        """The change as a share of what was there; a move from zero has none."""
        before, after = _number(self.before), _number(self.after)
        return (after - before) / before if before else None


def _moves(case: Case) -> Iterator[Move]:
    """Prices that are there before and after, whatever changes them: a takeover too.

    What a mirror costs once its reseller moved it to another product is that product's price, and no change of one.
    """
    for change in case.changes:
        before, after = _prices(case, change, change.before), _prices(case, change, change.after)
        for path in before:
            if path in after and not _same(before[path], after[path]) and not _of_another_product(change, path):
                yield Move(change.entity, path, before[path], after[path])


def _of_another_product(change: Change, path: Path) -> bool:
    """Whether what has the price, a subscription or an add-on of one, was of another product before (SUB-25)."""
    product = (*path[: -len(("prices", "P1M"))], "product")
    return bool(get(change.before or {}, product) != get(change.after or {}, product))


def _prices(case: Case, change: Change, document: Body | None) -> Mapping[Path, str]:
    """Every price of a document by its path, as it holds on the day."""
    shape = case.rules.kinds.get(change.entity.kind)
    return dict(_prices_in(document, shape.fields, case.on, ())) if document and shape else {}


def _prices_in(body: Body, fields: tuple[FieldShape, ...], on: date, path: Path) -> Iterator[tuple[Path, str]]:
    for field in fields:
        value, here = body.get(field.name), (*path, field.name)
        if not value:
            continue
        if field.type == "items":
            for key, item in value.items():
                yield from _prices_in(item, field.fields, on, (*here, key))
        elif field.type == "struct":
            yield from _prices_in(value, field.fields, on, here)
        elif field.type == "amounts" and _is_price(field):
            yield from (((*here, key), amount) for key, each in value.items() if (amount := in_force(each, on)))
        elif _is_price(field):
            amount = in_force(value, on)
            if amount is not None:
                yield here, amount


def _is_price(field: FieldShape) -> bool:
    declared = field.declared
    return field.type in AMOUNTS and isinstance(declared, Synced) and not PRICES.isdisjoint(declared.options)


@lru_cache(maxsize=65_536)
def _number(amount: str) -> Fraction:
    """Tenants have the same prices: each is made a number once."""
    return Fraction(amount)


def _share(limit: str) -> Fraction:
    """``10%`` -> 1/10."""
    return Fraction(limit.removesuffix("%")) / 100


def _percent(share: Fraction) -> str:
    """To two places, as people read it; what decides is exact."""
    hundredths = int(share * 10_000 + Fraction(1, 2))
    return canonical(f"{hundredths // 100}.{hundredths % 100:02}")


GUARDS: Mapping[str, Guard] = {
    "max_deletes": _max_deletes,
    "max_price_change": _max_price_change,
    "max_changes": _max_changes,
    "currency_change": _currency_change,
    "price_to_zero": _price_to_zero,
}
