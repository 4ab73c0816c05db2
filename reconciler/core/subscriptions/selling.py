"""Checks that a reseller's action names only what its own system or its distributor sells (SUB-42)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from reconciler.core.subscriptions.units import UNIT, pending_of
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import ProviderTree
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.field_types import did_you_mean
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body

PLAN, PRODUCT = "Plan", "Product"
Sold: TypeAlias = tuple[str, str | None]
"""A product, and the billing cycle by which it is sold, if given."""


class NotSold(Exception):
    """An action names something that nobody sells; the message lists what is sold."""


@dataclass(frozen=True, slots=True)
class Seller:
    """One side that sells: its products by key, and its plans, whose periods are billing cycles too.

    ``listed``: its prices by product in the price list of the acting reseller. ``unit_prices``: its prices otherwise.
    ``silent``: own products without billing cycles, which are sold by any.
    """

    key: str
    products: Mapping[str, Body]
    plans: Callable[[], Iterable[Body]]
    listed: Mapping[str, Body] = field(default_factory=dict)
    unit_prices: Mapping[str, Body] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()

    def offers(self, product: str) -> bool:
        """Whether it offers a product."""
        return product in self.products and self.products[product].get("active", True) is True

    def units(self, product: str) -> set[str]:
        """The billing cycles by which it sells a product."""
        body = self.products.get(product, {})
        cycles: Mapping[str, Body] = body.get("billing_cycles", {})
        units = {unit for unit, each in cycles.items() if each.get("active", True) is True}
        units |= {*self.unit_prices.get(product, {}), *self.listed.get(product, {})}
        return units.union(*(plan.get("periods", {}) for plan in self.plans() if plan.get("product") == product))

    def sells(self, product: str, unit: str) -> bool:
        """Whether it sells a product by a billing cycle."""
        return product in self.silent or unit in self.units(product)


def provider_seller(tree: ProviderTree, policy: Policy | None = None) -> Seller:
    """A provider sells what its catalog has. ``policy``: that of the acting reseller, if any."""
    products = {id.key: tree.documents[id].entity.body for id in _ids(tree, PRODUCT)}
    return Seller(
        tree.key,
        products,
        lambda: [tree.documents[id].entity.body for id in _ids(tree, PLAN)],
        _listed(policy),
        {key: body.get("unit_prices", {}) for key, body in products.items()},
    )


def distributor_seller(key: str, state: State, policy: Policy, tree: ProviderTree) -> Seller:
    """A reseller as the distributor of another one, which has the ``policy``. Without its own price, the provider's
    unit prices apply.
    """
    return replace(reseller_seller(key, state), listed=_listed(policy), unit_prices=provider_seller(tree).unit_prices)


def reseller_seller(key: str, state: State) -> Seller:
    """A reseller sells what its system has."""
    products = {id.key: each for id, each in state.items() if id.kind == PRODUCT}
    silent = (product for product, each in products.items() if each.origin is None)
    return Seller(
        key,
        {product: each.body for product, each in products.items()},
        lambda: [each.body for id, each in state.items() if id.kind == PLAN],
        silent=frozenset(product for product in silent if not products[product].body.get("billing_cycles")),
    )


def _ids(tree: ProviderTree, kind: str) -> Iterator[EntityId]:
    return (EntityId(kind, key) for key in tree.documents.keys_of(kind))


def _listed(policy: Policy | None) -> Mapping[str, Body]:
    listed: Mapping[str, Body] = policy.listed.entity.body.get("products", {}) if policy and policy.listed else {}
    return listed


def refuse_unsold(before: Body, changed: Iterable[Entity], sellers: Callable[[], tuple[Seller, ...]]) -> None:
    """Raises `NotSold` if an action adds a product that no seller offers, or a billing cycle by which none sells it.

    ``before``: the subscription before the action. ``changed``: every subscription as it will be. ``sellers``: only
    called if something is new.
    """
    there = {sold for sold, _ in _sold(before)}
    products = {product for product, _ in there}
    for (product, unit), what in (each for entity in changed for each in _sold(entity.body)):
        if (product, unit) in there:
            continue
        known = sellers()
        named = " nor ".join(seller.key for seller in known)
        by = f"by neither {named}" if len(known) > 1 else f"not by {named}"
        if product not in products and not any(seller.offers(product) for seller in known):
            offered = {key for seller in known for key in seller.products if seller.offers(key)}
            raise NotSold(f'{what} "{product}" is offered {by}: {did_you_mean(product, offered)}')
        if unit and not any(seller.sells(product, unit) for seller in known):
            units = sorted({each for seller in known for each in seller.units(product)})
            sold = f"it is sold by {', '.join(units)}" if units else "it is sold by no billing cycle"
            raise NotSold(f'{what} "{product}" is sold by {unit} {by}: {sold}')


def _sold(body: Body) -> Iterator[tuple[Sold, str]]:
    """The products and billing cycles of a subscription and its add-ons, each with a word for it."""
    yield (body["product"], body.get(UNIT)), "product"
    if pending := pending_of(body):
        yield (body["product"], pending.unit), "product"
    for each in body.get("add_ons", {}).values():
        yield (each["product"], each.get(UNIT)), "add-on product"
