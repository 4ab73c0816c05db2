"""Workspaces of a size, as text: a shop of plans with resellers, one large catalog with one reseller, subscriptions.

Nothing here looks at the clock or draws lots: the same arguments give the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

PROVIDER = "northwind"
FIRST = "r0001"
"""The first reseller: the one that is applied, whose state the others get a copy of."""
DOCUMENTS_PER_FILE = 100
PERIODS = ("P1M", "P1Y", "P3Y", "P6M", "P2Y")
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Epochs:
    """How often everything, and how often the first plan alone, was repriced: each time by a cent."""

    everything: int = 0
    one: int = 0

    def next_one(self) -> "Epochs":
        return replace(self, one=self.one + 1)

    def next_everything(self) -> "Epochs":
        return replace(self, everything=self.everything + 1)


@dataclass(frozen=True, slots=True)
class Shop:
    """Plans with rates and periods, each of which every reseller gets."""

    plans: int
    resellers: int
    rates: int
    periods: int
    epochs: Epochs = field(default_factory=Epochs)

    def tenants(self) -> list[str]:
        return [f"r{number:04d}" for number in range(1, 1 + self.resellers)]

    def files(self) -> Iterator[tuple[str, str]]:
        """Path and text of every document file."""
        yield from _provider(self.rates)
        yield "template.yaml", _template()
        yield from self.plan_files()
        for tenant in self.tenants():
            yield f"resellers/{tenant}.yaml", _policy(tenant)

    def plan_files(self) -> Iterator[tuple[str, str]]:
        for start in range(0, self.plans, DOCUMENTS_PER_FILE // 10):
            numbers = range(start, min(self.plans, start + DOCUMENTS_PER_FILE // 10))
            yield f"plans/{start:06d}.yaml", "---\n".join(self._plan(number) for number in numbers)

    def _plan(self, number: int) -> str:
        moved = CENT * (self.epochs.everything + (self.epochs.one if number == 0 else 0))
        fee = Decimal("20.00") + Decimal(number % 50) / 10 + moved
        periods = "".join(
            f"  {PERIODS[at]}: {{fees: {{setup: 0, recurring: {fee * (at + 1)}, renewal: {fee * (at + 1)}}}}}\n"
            for at in range(self.periods)
        )
        rates = "".join(
            f"  resource-{at}:\n    category: metered\n    available: true\n"
            f"    prices: {{setup: 0, recurring: {fee / 2 + at:.2f}, overuse: {fee / 2 + at + 1:.2f}}}\n"
            f"    limits: {{included: 1, minimum: 1, maximum: 300}}\n"
            for at in range(self.rates)
        )
        return (
            f"kind: Plan\nkey: plan-{number:06d}\nname: Plan {number:06d}\nstatus: active\npublished: true\n"
            f"product: product-{number % 20:02d}\nplan_category: plans-{number % 20:02d}\n"
            f"sales_categories: [shelf-{number % 20:02d}]\nservice_term: annual\n"
            f"periods:\n{periods}resources:\n{rates}"
        )


@dataclass(frozen=True, slots=True)
class Large:
    """One catalog of so many entities, for one reseller that has all of them: a product for every nine plans."""

    entities: int

    def tenants(self) -> list[str]:
        return [FIRST]

    def files(self) -> Iterator[tuple[str, str]]:
        yield from _provider(1)
        yield "template.yaml", _template()
        documents = [text for number in range(self.entities) if (text := self._entity(number))]
        for start in range(0, len(documents), DOCUMENTS_PER_FILE):
            chunk = documents[start : start + DOCUMENTS_PER_FILE]
            yield f"entities/{start:06d}.yaml", "---\n".join(chunk)
        yield f"resellers/{FIRST}.yaml", _policy(FIRST)

    def _entity(self, number: int) -> str:
        product, category = number // 10, number % 20
        if number % 10 == 0:
            return (
                f"kind: Product\nkey: item-{product:06d}\nname: Item {product:06d}\ncategory: products-{category:02d}\n"
                f"type: licence\nactive: true\npublished: true\n"
            )
        return (
            f"kind: Plan\nkey: plan-{number:06d}\nname: Plan {number:06d}\nproduct: item-{product:06d}\n"
            f"plan_category: plans-{category:02d}\nsales_categories: [shelf-{category:02d}]\nservice_term: annual\n"
            f"periods:\n  P1M: {{fees: {{recurring: {5 + number % 7}.{number % 90 + 10}}}}}\n"
            f"resources:\n  resource-0: {{category: metered, prices: {{recurring: 1.{number % 90 + 10}}}}}\n"
        )

    def entity_fields(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Each entity by its name, with its fields by their path: what a peer is given of it."""
        for number in range(self.entities):
            category = f"{number % 20:02d}"
            if number % 10 == 0:
                yield f"product-{number:06d}", {"name": f"Item {number}", "category": category, "type": "licence"}
                continue
            yield (
                f"plan-{number:06d}",
                {
                    "name": f"Plan {number}",
                    "product": f"item-{number // 10:06d}",
                    "plan_category": category,
                    "sales_category": category,
                    "service_term": "annual",
                    "periods.P1M.fees.recurring": f"{5 + number % 7}.{number % 90 + 10}",
                    "resources.resource-0.category": "metered",
                    "resources.resource-0.prices.recurring": f"1.{number % 90 + 10}",
                },
            )


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """A reseller's paid subscriptions of so many customers, none of them mirrored yet."""

    subscriptions: int
    customers: int

    def tenants(self) -> list[str]:
        return [FIRST]

    def files(self) -> Iterator[tuple[str, str]]:
        yield from _provider(1)
        yield (
            f"resellers/{FIRST}.yaml",
            (
                f"kind: SyncPolicy\nreseller: {FIRST}\nname: Reseller {FIRST}\nupstream: {PROVIDER}\n"
                "options: {subscriptions: {mirror: true}}\nsubscriptions: {billing_day: 1}\n"
            ),
        )

    def state(self) -> Iterator[dict[str, object]]:
        """The documents of the reseller's state, as it writes them itself."""
        for number in range(self.customers):
            yield {"kind": "Customer", "key": f"customer-{number:05d}", "name": f"Customer {number}"}
        for number in range(self.subscriptions):
            yield {
                "kind": "Subscription",
                "key": f"sub-{number:06d}",
                "customer": f"customer-{number % self.customers:05d}",
                "product": f"product-{number % 20:02d}",
                "billing_cycle": "P1M",
                "quantity": 1 + number % 40,
                "paid": True,
                "status": "active",
                "activation_date": "2026-11-01",
                "start_date": "2026-11-01",
                "renew_automatically": True,
            }


def write_files(folder: Path, files: Iterator[tuple[str, str]]) -> None:
    """Write each file, over what is there."""
    for name, text in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _provider(rates: int) -> Iterator[tuple[str, str]]:
    yield "provider.yaml", f"kind: Provider\nkey: {PROVIDER}\nname: Northwind Cloud\ncurrency: EUR\n"
    documents = [
        "kind: ServiceTerm\nkey: annual\nname: One year\nduration: P1Y\n",
        "kind: ResourceCategory\nkey: metered\nname: Metered\n",
        "kind: ProductType\nkey: licence\nname: Licence\n",
        *(f"kind: Resource\nkey: resource-{at}\nname: Resource {at}\nunit: piece\n" for at in range(rates)),
    ]
    for at in range(20):
        documents += [
            f"kind: PlanCategory\nkey: plans-{at:02d}\nname: Plans {at}\n",
            f"kind: SalesCategory\nkey: shelf-{at:02d}\nname: Shelf {at}\nposition: {at}\n",
            f"kind: ProductCategory\nkey: products-{at:02d}\nname: Products {at}\n",
            f"kind: Product\nkey: product-{at:02d}\nname: Product {at}\ncategory: products-{at:02d}\ntype: licence\n"
            "active: true\npublished: true\nunit_prices: {P1M: 9.00}\n",
        ]
    yield "basics.yaml", "---\n".join(documents)


def _template() -> str:
    return (
        "kind: ServiceTemplate\nkey: everything\nname: Every plan\ndelegated_plans: {match: {}}\n"
        "options: {plans: true, resources: true, other: true}\n"
    )


def _policy(tenant: str) -> str:
    return (
        f"kind: SyncPolicy\nreseller: {tenant}\nname: Reseller {tenant}\nupstream: {PROVIDER}\n"
        "service_template: everything\n"
    )
