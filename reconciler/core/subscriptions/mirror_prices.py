"""The price that a distributor bills for a product and unit of a reseller's subscription (SUB-13, SUB-16).

It comes from the reseller's price list, else from the unit price. While a list price is withheld, vetoed or blocked at
the reseller, the reseller's current purchase price is billed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from reconciler.core.desired import HeldValue
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import Obstacle, Root
from reconciler.model.values.amounts import canonical, effective_amount
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.entity import State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, get

PRODUCT = "Product"
PriceHolds: TypeAlias = Callable[[], Mapping[tuple[str, str], Root] | None]
"""Returns why list prices are withheld or blocked at the reseller, by product and unit. Only called if needed.

``None``: unknown, because a tenant cannot be read.
"""


def nothing_held() -> Mapping[tuple[str, str], Root]:
    """No list price is withheld or blocked."""
    return {}


@dataclass(frozen=True, slots=True)
class Offer:
    """What a distributor sells: its products by key, its prices by billing cycle, and its API options.

    ``unit_prices``: effective on the day (SUB-13).
    """

    distributor: str
    products: Mapping[str, Body]
    unit_prices: Mapping[str, Mapping[str, str]]
    responsible_user: str | None = None
    sharing_rule: str | None = None

    def has(self, product: str) -> bool:
        """Whether the distributor offers a product (SUB-01)."""
        return product in self.products and self.products[product].get("active", True) is True


@dataclass(frozen=True, slots=True)
class Price:
    """``amount``: the price billed; ``None``: there is none. ``note``: why it is not the list price, as text.

    ``held``: the list price, if the reseller does not get it. ``place``: where the list declares the price.
    """

    amount: str | None
    note: str = ""
    held: HeldValue | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    """The prices of one reseller's subscriptions at its distributor. ``source``: the reseller's state."""

    policy: Policy
    source: State
    offer: Offer
    on: date
    holds: PriceHolds = nothing_held

    def price(self, product: str, unit: str) -> Price:
        """The price of a unit of a product."""
        listed = self._listed(product, unit)
        if listed is None:
            note = f"{self._list_text} has no price for {unit} of {product}: this is the unit price"
            return Price(self.offer.unit_prices.get(product, {}).get(unit), note if self.policy.listed else "")
        place = self.policy.listed.place_of(("products", product, unit)) if self.policy.listed else None
        bought = self._bought(product, unit)
        if bought is None or canonical(bought) == canonical(listed):
            return Price(listed, place=place)
        holds = self.holds()
        root = holds.get((product, unit)) if holds is not None else None
        if holds is not None and root is None:
            return Price(listed, place=place)  # the reseller gets it in this plan, or in its own next one
        note = f"the purchase price that {self.policy.reseller} has; {self._list_text} says {listed}"
        return Price(bought, note, HeldValue(listed, root) if root else None, place)

    def none_for(self, product: str, unit: str) -> Obstacle:
        """Why there is no price, naming product, unit and list."""
        priced = f'a price of product "{product}" for {unit}'
        where = f"the unit prices of {self.offer.distributor}"
        if self.policy.listed:
            return Obstacle("SUB-13", f"neither {self._list_text} nor {where} have {priced}; add it to one of them")
        return Obstacle(
            "SUB-13", f"{self.policy.reseller} has no price list, and {where} have no {priced[2:]}; add it there"
        )

    @property
    def _list_text(self) -> str:
        return f'price list "{self.policy.listed.key}"' if self.policy.listed else "no price list"

    def _listed(self, product: str, unit: str) -> str | None:
        found = get(self.policy.listed.entity.body, ("products", product, unit)) if self.policy.listed else None
        price: str | None = effective_amount(found, self.on)
        return price

    def _bought(self, product: str, unit: str) -> str | None:
        """The reseller's purchase price of a delegated product."""
        have = self.source.get(EntityId(PRODUCT, product))
        if have is None or have.origin != self.offer.distributor:
            return None
        price: str | None = effective_amount(get(have.body, ("billing_cycles", unit, "purchase_price")), self.on)
        return price


def equal(one: str | None, other: str | None) -> bool:
    """Whether two amounts are equal, or both absent."""
    return one is other if one is None or other is None else canonical(one) == canonical(other)


@dataclass(frozen=True, slots=True)
class Bill:
    """The billing of a subscription or add-on at the distributor: its price, and the price's path in the mirror.

    ``before``: the last applied price of the same product and unit. ``known``: whether the mirror had these.
    ``edited``: whether the distributor set its own price there (SUB-39). ``none``: why there is no price.
    """

    path: Path
    price: Price
    before: str | None
    known: bool
    edited: bool
    none: Obstacle

    @classmethod
    def of(cls, pricing: Pricing, sold: Body, unit: str, mirrored: tuple[Body | None, Body | None], at: Path) -> "Bill":
        """``sold``: the subscription or add-on. ``mirrored``: the same as it was last applied, and as it is in the
        mirror.
        """
        last, have = (each or {} for each in mirrored)
        product = sold["product"]
        known = last.get("product") == product and last.get("billing_cycle") == unit
        applied, there = (each.get("prices", {}).get(unit) for each in (last, have))
        edited = there is not None and not equal(there, applied)
        price = pricing.price(product, unit)
        return cls(at, price, applied if known else None, known, edited, pricing.none_for(product, unit))

    @property
    def amount(self) -> str | None:
        """The amount billed; if there is no price any more, the last one."""
        return self.price.amount if self.price.amount is not None else self.before

    @property
    def note(self) -> str:
        return self.price.note if self.price.amount is not None else ""

    @property
    def held(self) -> HeldValue | None:
        """The price that an existing mirror does not get, and why."""
        if not self.known or self.edited:
            return None
        return HeldValue(None, obstacles=(self.none,)) if self.price.amount is None else self.price.held

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """Nothing is mirrored without a price; existing mirrors stay as they are."""
        return () if self.amount is not None or self.edited else (self.none,)
