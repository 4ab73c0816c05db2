"""What distributors offer to mirrored subscriptions: a provider its catalog, a reseller the products in its state."""

from collections.abc import Mapping
from datetime import date

from reconciler.core.desired import LazyMapping
from reconciler.core.subscriptions.mirror_prices import PRODUCT, Offer
from reconciler.model.documents.policy import Provider
from reconciler.model.documents.source import ProviderTree
from reconciler.model.values.amounts import effective_amount
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body

UnitPrices = Mapping[str, Mapping[str, str]]


def provider_offer(tree: ProviderTree, on: date) -> Offer:
    """A provider sells the products of its catalog, at the day's unit prices (SUB-13)."""
    keys = tree.documents.keys_of(PRODUCT)
    products = LazyMapping(keys, lambda key: tree.documents[EntityId(PRODUCT, key)].entity.body)
    return _offer(tree, tree.key, products, unit_prices(tree, on))


def reseller_offer(tree: ProviderTree, reseller: str, state: State, on: date) -> Offer:
    """A reseller sells the products that it has, at its selling prices, else at the provider's unit prices."""
    products = {id.key: each.body for id, each in state.items() if id.kind == PRODUCT}
    listed = unit_prices(tree, on)
    prices = {product: {**listed.get(product, {}), **_asked(body, on)} for product, body in products.items()}
    return _offer(tree, reseller, products, prices)


def unit_prices(tree: ProviderTree, on: date) -> UnitPrices:
    """The unit prices of a provider's products by billing cycle, effective on a day."""

    def prices(key: str) -> Mapping[str, str]:
        return _in_force(tree.documents[EntityId(PRODUCT, key)].entity.body.get("unit_prices", {}), on)

    return LazyMapping(tree.documents.keys_of(PRODUCT), prices)


def _asked(product: Body, on: date) -> dict[str, str]:
    cycles: Mapping[str, Body] = product.get("billing_cycles", {})
    return _in_force({cycle: each.get("selling_price") for cycle, each in cycles.items()}, on)


def _in_force(amounts: Mapping[str, object], on: date) -> dict[str, str]:
    held = ((cycle, effective_amount(amount, on)) for cycle, amount in amounts.items())
    return {cycle: amount for cycle, amount in held if amount is not None}


def _offer(tree: ProviderTree, distributor: str, products: Mapping[str, Body], prices: UnitPrices) -> Offer:
    """SUB-12: the responsible user and the sharing rule are the provider's, at every level."""
    model = tree.provider.model
    assert isinstance(model, Provider)
    options = model.api_options
    return Offer(distributor, products, prices, options.responsible_user, options.sharing_rule)
