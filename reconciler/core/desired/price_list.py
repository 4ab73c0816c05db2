"""The desired state from a price list: its products, their billing cycles and prices (IW-01 to IW-23).

The provider owns the list and its products; below the first level, a tenant gets them from its upstream.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date

from reconciler.core.desired.wanted import Upstream, Wanted
from reconciler.model.documents.settings import Policy
from reconciler.model.documents.source import SourceDocument
from reconciler.model.plans.change import Obstacle
from reconciler.model.values.amounts import effective_amount
from reconciler.model.values.diagnostics import Place
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path

PRODUCT, GROUP, PLAN = "Product", "ProductGroup", "Plan"
CYCLES = "billing_cycles"


@dataclass(frozen=True, slots=True)
class AssignedPriceList:
    """The price list assigned to a tenant. ``prices``: the effective price by product and billing cycle.

    Products have the upstream's keys; ``written`` maps these to the keys in the list.
    """

    document: SourceDocument
    prices: Mapping[str, Mapping[str, str | None]]
    written: Mapping[str, str]
    upstream: Upstream
    actual: State

    @classmethod
    def of(cls, policy: Policy, upstream: Upstream, actual: State, on: date) -> "AssignedPriceList | None":
        """The list that the policy or its template assigns; ``None`` if there is none."""
        if policy.listed is None:
            return None
        listed = policy.listed.entity.body.get("products", {})
        written = {upstream.called(EntityId(PRODUCT, key)).key: key for key in listed}
        prices = {
            key: {period: effective_amount(amount, on) for period, amount in listed[as_written].items()}
            for key, as_written in written.items()
        }
        return cls(policy.listed, prices, written, upstream, actual)

    def products(self) -> Iterator[Wanted]:
        """Every product of the list, as the upstream has it, with its billing cycles (IW-04 to IW-08)."""
        for key in sorted(self.prices):
            id = EntityId(PRODUCT, key)
            above = self.upstream.state.get(id)
            if above is not None:
                yield self._listed(above)
            elif not self.ours(id):
                yield self._lacking(id)

    def _lacking(self, id: EntityId) -> Wanted:
        """A product of the list that the upstream lacks: inherits the block there (TREE-02), or cannot be delegated
        (IW-01).
        """
        place = self.document.place_of(self._at(id.key), key=True)
        if id in self.upstream.held:
            held = self.upstream.held[id]
            return Wanted(id, {**held.body, CYCLES: self._cycles(id.key)}, requested=True, place=place, root=held.root)
        detail = f'{self.upstream.key} does not offer product "{id.key}" of price list "{self.document.key}"'
        return Wanted(id, {}, requested=True, place=place, obstacles=(Obstacle("IW-01", detail),))

    def _listed(self, above: Entity) -> Wanted:
        key = above.id.key
        at = self._at(key)
        places: dict[Path, Place] = {
            (CYCLES, period): self.document.place_of((*at, period)) for period in self.prices[key]
        }
        place = self.document.place_of(at, key=True)
        return replace(
            self.upstream.wanted(above.id, {**above.body, CYCLES: self._cycles(key)}, place),
            requested=True,
            places={(CYCLES,): place, **places},
        )

    def _at(self, key: str) -> Path:
        return ("products", self.written[key])

    def _cycles(self, key: str) -> Body:
        return {period: {"active": True, "purchase_price": price} for period, price in self.cycles(key).items()}

    def cycles(self, key: str) -> Mapping[str, str | None]:
        """The purchase prices of a product by billing cycle (IW-05).

        Before its first price begins, the list says nothing of a cycle: it is included only if the tenant has it, with
        the price that the tenant has (decision 031).
        """
        have = self._have(key)
        return {
            period: have[period].get("purchase_price") if price is None else price
            for period, price in self.prices[key].items()
            if price is not None or period in have
        }

    def _have(self, key: str) -> Body:
        here = self.actual.get(EntityId(PRODUCT, key))
        cycles: Body = here.body.get(CYCLES, {}) if here else {}
        return cycles

    def periods(self) -> frozenset[str]:
        """Every billing cycle in the list, of any product."""
        return frozenset(period for prices in self.prices.values() for period in prices)

    def sold_by(self, periods: Set[str]) -> Mapping[str, tuple[EntityId, ...]]:
        """The products of the list by billing cycle in which the tenant sells them, for the given cycles.

        A delegated product brings the list's cycles. A cycle that the tenant switched off, or that the list no longer
        has, does not count (decision 026).
        """
        found: dict[str, list[EntityId]] = {}
        for key in sorted(self.prices) if periods else ():
            for period in self._sold_by(EntityId(PRODUCT, key)) & periods:
                found.setdefault(period, []).append(EntityId(PRODUCT, key))
        return {period: tuple(ids) for period, ids in sorted(found.items())}

    def _sold_by(self, id: EntityId) -> Set[str]:
        have, listed = self._have(id.key), set(self.cycles(id.key))
        if id not in self.upstream.state and self.ours(id):
            listed &= have.keys()  # the upstream lacks the product, so no cycle is added
        return {period for period in listed if have.get(period, {}).get("active", True)}

    def ours(self, id: EntityId) -> bool:
        """Whether the tenant has a delegated copy of it."""
        have = self.actual.get(id)
        return have is not None and have.origin == self.upstream.key


def units(listed: AssignedPriceList, tenant: Wanted) -> Wanted:
    """The tenant's document with the billing cycles to activate in it (IW-07)."""
    needed = listed.sold_by(inactive_units(listed.periods(), listed.actual.get(tenant.id)))
    return replace(
        tenant,
        body={**tenant.body, CYCLES: {period: {"active": True} for period in needed}},
        accompanies={(CYCLES, period): ids for period, ids in needed.items()},
        places={**tenant.places, (CYCLES,): listed.document.place_of(("products",), key=True)},
    )


def inactive_units(periods: Set[str], tenant: Entity | None) -> Set[str]:
    """The given billing cycles that are not active in a tenant's document; absent ones are not active."""
    units: Body = tenant.body.get(CYCLES, {}) if tenant else {}
    return periods - {period for period, unit in units.items() if unit.get("active", True)}


def is_retirable(kind: str) -> bool:
    """Whether entities of a kind are retired when they leave the price list (IW-23)."""
    return kind == PRODUCT


def retired(listed: AssignedPriceList, wanted: Mapping[EntityId, Wanted]) -> Iterator[Wanted]:
    """Copies of products that neither the list nor a delegated plan contains any more (IW-01, IW-23).

    Their billing cycles stay. They leave a group that contains no wanted product, since it is removed (IW-16).
    """
    place = listed.document.place_of(("products",), key=True)
    linked, grouped = _linked(listed, wanted), _grouped(wanted)
    for id, have in listed.actual.items():
        if is_retirable(id.kind) and listed.ours(id) and id not in wanted and id not in linked:
            group = EntityId(GROUP, have.body.get("group", ""))
            leaves = listed.ours(group) and group not in wanted and group not in grouped
            covers = frozenset({"active", "group"} if leaves else {"active"})
            rules: dict[Path, str] = {("active",): "IW-23", ("group",): "IW-16"}
            yield Wanted(id, {"active": False}, requested=True, only_fields=covers, rules=rules, place=place)


def _grouped(wanted: Mapping[EntityId, Wanted]) -> frozenset[EntityId]:
    """The groups of wanted products, including products that are withheld or blocked upstream (TREE-02)."""
    return frozenset(EntityId(GROUP, each.body.get("group", "")) for id, each in wanted.items() if id.kind == PRODUCT)


def _linked(listed: AssignedPriceList, wanted: Mapping[EntityId, Wanted]) -> frozenset[EntityId]:
    """The products of delegated plans as the tenant's copies link them, including products that the upstream lost."""
    return frozenset(
        EntityId(PRODUCT, have.body.get("product", ""))
        for id, have in listed.actual.items()
        if id.kind == PLAN and listed.ours(id) and wanted[id].only_fields is None
    )
