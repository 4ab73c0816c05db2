"""The prices that a change changes: those that exist before and after it, and differ on the day."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

from reconciler.core.schema import FieldShape, Nodes, RuleBook, nodes_of, values_in
from reconciler.model.bounded_cache import IdentityCache
from reconciler.model.documents.declarations import Synced
from reconciler.model.documents.options import MIRROR, VETOES
from reconciler.model.plans.plan import Change
from reconciler.model.values.amounts import AMOUNTS, canonical, effective_amount
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, get, render_path

PRICES = VETOES["prices"].options | {MIRROR}
"""The options whose amounts are prices: fees, resource prices, purchase prices, and prices of mirrors."""


@dataclass(frozen=True, slots=True)
class PriceChange:
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
        """The change as a share of the old price; ``None`` if that was zero."""
        before, after = number(self.before), number(self.after)
        return (after - before) / before if before else None

    @property
    def to_zero(self) -> bool:
        return bool(number(self.before) and not number(self.after))


@dataclass(frozen=True, slots=True)
class PriceChanges:
    """The prices that one change changes. ``largest``: the largest relative change."""

    all: tuple[PriceChange, ...]
    largest: Fraction
    to_zero: bool

    @classmethod
    def of(cls, change: Change, rules: RuleBook, on: date) -> "PriceChanges":
        """``on``: the day of the effective amounts."""
        found = tuple(_moves(change, rules, on))
        shares = (abs(share) for each in found if (share := each.share) is not None)
        return cls(found, max(shares, default=Fraction(0)), any(each.to_zero for each in found))


NO_PRICE_CHANGES = PriceChanges((), Fraction(0), to_zero=False)


def _moves(change: Change, rules: RuleBook, on: date) -> Iterator[PriceChange]:
    """Prices that exist before and after, for any kind of change, including takeovers.

    The price of a mirror that moved to another product is that product's price, so it does not count as changed.
    """
    before = prices(change, change.before, rules, on)
    after = prices(change, change.after, rules, on) if before else {}
    for path in before:
        if path in after and not same_amount(before[path], after[path]) and not _of_another_product(change, path):
            yield PriceChange(change.entity, path, before[path], after[path])


def _of_another_product(change: Change, path: Path) -> bool:
    """Whether the subscription or add-on with this price was of another product before (SUB-25)."""
    product = (*path[: -len(("prices", "P1M"))], "product")
    return bool(get(change.before or {}, product) != get(change.after or {}, product))


def prices(change: Change, document: Body | None, rules: RuleBook, on: date) -> Mapping[Path, str]:
    """Every price of a document by its path, effective on the day."""
    shape = rules.kinds.get(change.entity.kind)
    return dict(_prices_in(document, _PRICES.of(shape.fields, _price_nodes), on)) if document and shape else {}


def _prices_in(body: Body, nodes: Nodes[FieldShape], on: date) -> Iterator[tuple[Path, str]]:
    for path, field, value in values_in(body, nodes):
        amounts = value.items() if field.type == "amounts" else ((None, value),)
        for key, each in amounts:
            amount = effective_amount(each, on)
            if amount is not None:
                yield path if key is None else (*path, key), amount


def _price_nodes(fields: tuple[FieldShape, ...]) -> Nodes[FieldShape]:
    return nodes_of(fields, lambda field: field if _is_price(field) else None)


_PRICES: IdentityCache[tuple[FieldShape, ...], Nodes[FieldShape]] = IdentityCache()


def _is_price(field: FieldShape) -> bool:
    declared = field.declared
    return field.type in AMOUNTS and isinstance(declared, Synced) and not PRICES.isdisjoint(declared.options)


def same_amount(before: str | None, after: str) -> bool:
    """Whether two notations mean the same amount."""
    return before is not None and canonical(before) == canonical(after)


@lru_cache(maxsize=65_536)
def number(amount: str) -> Fraction:
    """The amount as a fraction, cached: tenants have the same prices."""
    return Fraction(amount)
