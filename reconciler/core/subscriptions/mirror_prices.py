"""What a distributor bills for a product and unit of a reseller's subscription (SUB-13, SUB-16).

By the reseller's price list, else by the unit price. While a list price is withheld, vetoed or blocked at the reseller,
the purchase price that the reseller has is billed.
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
"""By product and unit, why a list price is withheld or blocked at the reseller. Asked for where it matters only.

``None``: nobody can say, as something cannot be read.
"""


def nothing_held() -> Mapping[tuple[str, str], Root]:
    """Every list price arrives."""
    return {}


@dataclass(frozen=True, slots=True)
class Offer:
    """What a distributor sells: its products by key, what it asks of each by billing cycle, and its API options.

    ``unit_prices``: as they hold on the day (SUB-13).
    """

    distributor: str
    products: Mapping[str, Body]
    unit_prices: Mapping[str, Mapping[str, str]]
    responsible_user: str | None = None
    sharing_rule: str | None = None

    def has(self, product: str) -> bool:
        """SUB-01: whether the distributor offers a product."""
        return product in self.products and self.products[product].get("active", True) is True


@dataclass(frozen=True, slots=True)
class Price:
    """``amount``: what is billed; ``None``: there is no price. ``note``: why it is not the list's price, in words.

    ``held``: the list's price, where the reseller does not get it. ``place``: where the list declares the price.
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
        """What a unit of a product costs."""
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
            return Price(listed, place=place)  # it comes to the reseller in this plan, or in its own next one
        note = f"the purchase price that {self.policy.reseller} has; {self._list_text} says {listed}"
        return Price(bought, note, HeldValue(listed, root) if root else None, place)

    def none_for(self, product: str, unit: str) -> Obstacle:
        """Why something has no price, naming product, unit and list."""
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
        """The purchase price that the reseller has of a product that came down to it."""
        have = self.source.get(EntityId(PRODUCT, product))
        if have is None or have.origin != self.offer.distributor:
            return None
        price: str | None = effective_amount(get(have.body, ("billing_cycles", unit, "purchase_price")), self.on)
        return price


def equal(one: str | None, other: str | None) -> bool:
    """Whether two amounts, or their absence, are the same."""
    return one is other if one is None or other is None else canonical(one) == canonical(other)


@dataclass(frozen=True, slots=True)
class Bill:
    """What a subscription, or an add-on of one, is billed at the distributor: the price at a path of the mirror.

    ``before``: the price that was applied last of the same product and unit. ``known``: whether the mirror had these;
    ``edited``: whether the distributor put a price of its own there (SUB-39). ``none``: why there is no price.
    """

    path: Path
    price: Price
    before: str | None
    known: bool
    edited: bool
    none: Obstacle

    @classmethod
    def of(cls, pricing: Pricing, sold: Body, unit: str, mirrored: tuple[Body | None, Body | None], at: Path) -> "Bill":
        """``sold``: the subscription or add-on; ``mirrored``: it as it was applied last, and as it is there."""
        last, have = (each or {} for each in mirrored)
        product = sold["product"]
        known = last.get("product") == product and last.get("billing_cycle") == unit
        applied, there = (each.get("prices", {}).get(unit) for each in (last, have))
        edited = there is not None and not equal(there, applied)
        price = pricing.price(product, unit)
        return cls(at, price, applied if known else None, known, edited, pricing.none_for(product, unit))

    @property
    def amount(self) -> str | None:
        """What is billed: where the price is gone, the one that was there."""
        return self.price.amount if self.price.amount is not None else self.before

    @property
    def note(self) -> str:
        return self.price.note if self.price.amount is not None else ""

    @property
    def held(self) -> HeldValue | None:
        """The price that what is mirrored already would have, were it not for what holds it."""
        if not self.known or self.edited:
            return None
        return HeldValue(None, obstacles=(self.none,)) if self.price.amount is None else self.price.held

    @property
    def obstacles(self) -> tuple[Obstacle, ...]:
        """Nothing is mirrored unpriced, and what was stays as it is."""
        return () if self.amount is not None or self.edited else (self.none,)
