"""The schedule: amounts of delegated plans, and prices of price lists, that change on a future day.

Whether they are permitted is judged on that day; a plan with `--now` on that day shows it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TypeAlias

from reconciler.core.desired import CYCLES, PLAN, PRODUCT
from reconciler.core.schema import Nodes, is_amount_field, kind_shapes, nodes_of, own_items, values_in
from reconciler.core.states import origin_of
from reconciler.core.tree.afterwards import dated_plans, scheduled_part
from reconciler.core.tree.levels import upstream_key
from reconciler.core.tree.tree_planner import TreePlanner
from reconciler.core.workspace import resolve_policy
from reconciler.model.documents.catalog import ACTIVE
from reconciler.model.documents.policy import PriceList
from reconciler.model.documents.source import ProviderTree
from reconciler.model.plans.plan import Scheduled
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value

FutureAmount: TypeAlias = tuple[str, EntityId, Path, str, str, str]
"""A future amount: the day (ISO 8601), the entity, the amount's path in it, the amount, the amount until then (empty
if there is none), and the original's name, so that copies that were renamed stand together.
"""
NextAmount: TypeAlias = tuple[str, str, str]
"""The next day on which a dated amount changes, the amount from then on, and the amount until then."""
FuturePrices: TypeAlias = Mapping[tuple[str, str], tuple[FutureAmount, ...]]
"""The future prices of price lists, by provider and list; lists without any are left out."""


def scheduled(planner: TreePlanner, tenants: Iterable[str]) -> tuple[Scheduled, ...]:
    """The next change of every dated amount in the plans and listed products that tenants have from above after the
    plan. ``planner``: planned these tenants.
    """
    schedule = Schedule.of(planner)
    for tenant in tenants:
        schedule.note(tenant)
    return schedule.entries()


@dataclass(frozen=True, slots=True)
class Schedule:
    """Collects future amounts tenant by tenant, each while the planner has its state."""

    planner: TreePlanner
    lists: FuturePrices
    dated: dict[str, frozenset[EntityId]] = field(default_factory=dict)
    found: dict[FutureAmount, list[str]] = field(default_factory=dict)
    originals: dict[tuple[str, EntityId], Body | None] = field(default_factory=dict)
    """The body of the original by distributor and plan, so that each level of the tree is walked once."""

    @classmethod
    def of(cls, planner: TreePlanner) -> "Schedule":
        """An empty schedule."""
        return cls(planner, _lists(planner))

    def note(self, tenant: str) -> None:
        """Adds the future amounts of a planned tenant."""
        above = upstream_key(self.planner.catalog, tenant)
        if above in self.planner.catalog.providers and above not in self.dated:
            self.dated[above] = _dated(self.planner, above)
        for coming in (
            *self._plan_changes(tenant, self.dated.get(above)),
            *_list_changes(self.planner, tenant, self.lists),
        ):
            self.found.setdefault(coming, []).append(tenant)

    def entries(self) -> tuple[Scheduled, ...]:
        """Every future amount, by day."""
        return tuple(
            Scheduled(day, entity, path, amount, tuple(sorted(who)), before, name)
            for (day, entity, path, amount, before, name), who in sorted(self.found.items())
        )

    def _plan_changes(self, tenant: str, dated: Iterable[EntityId] | None) -> Iterator[FutureAmount]:
        """The future amounts of active delegated plans. ``dated``: the plans to check (``None``: all).

        Items that are the tenant's own are left out, since they follow nothing (ORIGIN-04).
        """
        state: State = self.planner.states.get(tenant, {})
        on = self.planner.day_of(tenant)
        for id in sorted(id for id in state if id.kind == PLAN) if dated is None else sorted(dated):
            entity = scheduled_part(state[id]) if id in state else None
            if entity and entity.body.get("status", ACTIVE) == ACTIVE:
                original = _without(self._original(tenant, entity) or {}, _own_items(entity))
                name = original.get("name") or ""
                for path, _, value in values_in(original, _plan_amounts()):
                    for day, amount, before in _next_amount(value, on):
                        yield day, id, path, amount, before, name

    def _original(self, tenant: str, copy: Entity) -> Body | None:
        """The body of a copy's original, any number of levels up; ``None`` if it is not a copy or has no original."""
        walked: list[tuple[str, Entity]] = []
        found: Body | None = None
        above, catalog = upstream_key(self.planner.catalog, tenant), self.planner.catalog
        while copy.origin == above:
            if above in catalog.providers:
                document = catalog.providers[above].documents.get(copy.id)
                found = document.entity.body if document else None
                break
            if (above, copy.id) in self.originals:
                found = self.originals[above, copy.id]
                break
            entity = self.planner.states.get(above, {}).get(copy.id)
            if entity is None:
                break
            walked.append((above, entity))
            if entity.origin is None:
                found = entity.body
                break
            copy, above = entity, upstream_key(catalog, above)
        for distributor, entity in reversed(walked):
            found = self.originals[distributor, entity.id] = _with_own(found, entity)
        return found


def _dated(planner: TreePlanner, provider: str) -> frozenset[EntityId]:
    """A provider's plans with dated amounts, if any of its tenants was planned."""
    return dated_plans(planner.catalog.providers[provider]) if provider in planner.upstreams else frozenset()


def _lists(planner: TreePlanner) -> FuturePrices:
    documents = (
        (provider, tree, each)
        for provider, tree in planner.catalog.providers.items()
        for each in tree.documents.of(PriceList.__name__)
    )
    found = {
        (provider, each.key): tuple(_future_prices(each.entity.body, tree, planner.day_of(provider)))
        for provider, tree, each in documents
    }
    return {where: coming for where, coming in found.items() if coming}


def _future_prices(body: Body, tree: ProviderTree, on: date) -> Iterator[FutureAmount]:
    for key, cycles in body.get("products", {}).items():
        product = EntityId(PRODUCT, key)
        for period, price in cycles.items():
            for day, amount, before in _next_amount(price, on):
                name = tree.documents[product].entity.body.get("name") or "" if product in tree.documents else ""
                yield day, product, (CYCLES, period, "purchase_price"), amount, before, name


def _list_changes(planner: TreePlanner, tenant: str, lists: FuturePrices) -> Iterator[FutureAmount]:
    """The future prices in a tenant's own list for its delegated products, at any level (IW-05)."""
    if lists:
        policy = resolve_policy(planner.catalog, tenant)
        state = planner.states.get(tenant, {})
        for coming in lists.get((policy.provider, policy.price_list.value), ()):
            if origin_of(state, coming[1]) == policy.upstream:
                yield coming


def _with_own(original: Body | None, entity: Entity) -> Body | None:
    """The original of a copy of ``entity``, with the tenant's own items, which are delegated too (ORIGIN-04)."""
    if original is None or entity.origin is None:
        return original
    own = {name: items for name, items in _own_items(entity).items() if items}
    return {**original, **{name: {**original.get(name, {}), **items} for name, items in own.items()}}


def _own_items(copy: Entity) -> Mapping[str, Body]:
    """The items of a copy that are its tenant's own, by field and key; they are delegated to the level below
    (ORIGIN-04).
    """
    return own_items(copy.body, kind_shapes()[copy.id.kind].fields, copy.origin or "")


def _without(body: Body, items: Mapping[str, Body]) -> Body:
    """The body without the items with these fields and keys."""
    kept = {
        name: {key: each for key, each in body[name].items() if key not in gone}
        for name, gone in items.items()
        if gone and name in body
    }
    return {**body, **kept}


@cache
def _plan_amounts() -> Nodes[bool]:
    return nodes_of(kind_shapes()[PLAN].fields, lambda field: is_amount_field(field) or None)


def _next_amount(value: Value, on: date) -> Iterator[NextAmount]:
    """The next change of a dated amount; nothing for an undated one."""
    if isinstance(value, list):
        coming = [each for each in value if each["from"] > on.isoformat()]
        until = [each["amount"] for each in value if each["from"] <= on.isoformat()]
        yield from ((each["from"], each["amount"], until[-1] if until else "") for each in coming[:1])
