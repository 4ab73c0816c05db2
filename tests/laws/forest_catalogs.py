"""The provider's catalog of a random forest: plans, products, price lists, and what was called otherwise before.

Pools are small, so that keys meet. Documents are plain maps, and name each other by the keys of the catalog.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any, TypeAlias

Document: TypeAlias = dict[str, Any]
Id: TypeAlias = tuple[str, str]
"""Kind and key."""

PROVIDER = "northwind"
KEYS: Mapping[str, tuple[str, ...]] = {
    "ServiceTerm": ("t1", "t2"),
    "PlanCategory": ("c1", "c2"),
    "SalesCategory": ("s1", "s2"),
    "ProductCategory": ("dc",),
    "ProductGroup": ("g1", "g2"),
    "ProductType": ("y1", "y2"),
    "ResourceCategory": ("rc",),
    "NotificationSchedule": ("n1", "n2"),
    "ExpirationSchedule": ("e1",),
    "OrderFlow": ("f1", "f2"),
    "Role": ("r1", "r2", "r3"),
    "TermsAndConditions": ("tc",),
    "Product": ("d1", "d2", "d3", "d4", "d5"),
    "Plan": ("p1", "p2", "p3", "p4", "p5", "p6"),
}
"""Every entity that may come down."""
PRICE_LISTS = ("emea", "apac")
RESOURCES = ("x1", "x2")
PERIODS = ("P1M", "P1Y")
AMOUNTS = ("0", "1.00", "1.20", "1.50", "2.00", "2.0")
NAMES = ("One", "Two")
SEGMENTS = ("smb", "enterprise")
RELATIONS = ("upgrade", "downgrade", "required", "cross")


def catalog(chance: Random) -> list[Document]:
    """The provider's documents, policies aside. Some plans and products are not in it, but may be in tenants."""
    there = dict(KEYS)
    there["Plan"] = tuple(key for key in KEYS["Plan"] if chance.random() < 0.85)
    there["Product"] = tuple(key for key in KEYS["Product"] if key != "d5" or chance.random() < 0.5)
    bodies = [body(chance, kind, key, there["Product"]) for kind, keys in there.items() for key in keys]
    for each in bodies:
        if each["kind"] == "Plan":
            each["labels"] = {"segment": chance.choice(SEGMENTS)}
        if chance.random() < 0.15:
            each["moved_from"] = moved_from(chance, each["key"])
    lists = [_price_list(chance, key, there["Product"]) for key in PRICE_LISTS]
    return [{"kind": "Provider", "key": PROVIDER, "currency": "EUR"}, *_stays(chance), *bodies, *lists, _gold(chance)]


def moved_from(chance: Random, key: str) -> Any:
    """What an entity was called; by chance, also what it was called before that."""
    return f"{key}-old" if chance.random() < 0.7 else [f"{key}-old", f"{key}-older"]


def old_keys(documents: Iterable[Document]) -> dict[Id, list[str]]:
    """All that entities were called, by what they are."""
    found = {(each["kind"], each["key"]): each["moved_from"] for each in documents if "moved_from" in each}
    return {id: [olds] if isinstance(olds, str) else olds for id, olds in found.items()}


def _stays(chance: Random) -> list[Document]:
    """What stays at the provider."""
    return [
        {"kind": "NotificationTemplate", "key": "seen", "visible_to_resellers": True},
        {"kind": "NotificationTemplate", "key": "other", "visible_to_resellers": chance.random() < 0.6},
        *({"kind": "Resource", "key": key} for key in RESOURCES),
    ]


def _gold(chance: Random) -> Document:
    template: Document = {"kind": "ServiceTemplate", "key": "gold"}
    given = {
        "order_flow": chance.choice(KEYS["OrderFlow"]),
        "roles": some(chance, KEYS["Role"]),
        "terms_and_conditions": some(chance, KEYS["TermsAndConditions"]),
        "notification_schedules": some(chance, KEYS["NotificationSchedule"]),
        "price_list": chance.choice(PRICE_LISTS),
    }
    return template | {name: value for name, value in given.items() if chance.random() < 0.6}


def _price_list(chance: Random, key: str, products: Sequence[str]) -> Document:
    listed = {
        product: {period: amount(chance) for period in PERIODS if chance.random() < 0.7}
        for product in products
        if chance.random() < 0.6
    }
    return {"kind": "PriceList", "key": key, "products": listed}


def amount(chance: Random, dated: float = 0.1) -> Any:
    """An amount; by chance one that changes on a day to come, or that has none before it."""
    if chance.random() >= dated:
        return chance.choice(AMOUNTS)
    first, second = (chance.choice(AMOUNTS) for _ in range(2))
    now = [{"from": "2026-06-01", "amount": first}] if chance.random() < 0.7 else []
    return [*now, {"from": "2027-01-01", "amount": second}]


def some(chance: Random, keys: Sequence[str], share: float = 0.5) -> list[str]:
    return [key for key in keys if chance.random() < share]


def body(chance: Random, kind: str, key: str, products: Sequence[str] = KEYS["Product"]) -> Document:
    """Any entity of the pools. ``products``: those that there are."""
    document: Document = {"kind": kind, "key": key, "name": chance.choice(NAMES)}
    match kind:
        case "Plan":
            return document | _plan(chance, [each for each in products if each != "d5"])
        case "Product":
            return document | _product(chance, [each for each in products if each != key])
        case _:
            return document | _PARTS.get(kind, _nothing)(chance)


def _nothing(_: Random) -> Document:
    return {}


def _product_type(chance: Random) -> Document:
    return {"options": {"auto_downgrade": chance.random() < 0.5}}


_PARTS: Mapping[str, Callable[[Random], Document]] = {
    "SalesCategory": lambda chance: {"position": chance.randint(1, 2)},
    "ProductGroup": lambda chance: {"marketing": {"headline": chance.choice(NAMES)}},
    "ProductType": _product_type,
    "NotificationSchedule": lambda chance: {"notices": {"7": chance.choice(("seen", "seen", "other"))}},
    "ExpirationSchedule": lambda chance: {"steps": {"7": chance.choice(("suspend", "delete"))}},
    "OrderFlow": lambda chance: {"steps": [chance.choice(("check", "approve"))]},
    "Role": lambda chance: {"privileges": [chance.choice(("read", "write"))]},
    "TermsAndConditions": lambda chance: {"version": chance.choice(("1.0", "2.0"))},
}


def _plan(chance: Random, products: Sequence[str]) -> Document:
    document: Document = {
        "status": chance.choice(("active", "active", "active", "active", "active", "inactive")),
        "published": chance.random() < 0.5,
        "product": chance.choice(products),
        "plan_category": chance.choice(KEYS["PlanCategory"]),
        "sales_categories": some(chance, KEYS["SalesCategory"]),
        "service_term": chance.choice(KEYS["ServiceTerm"]),
        "usage_statistics": some(chance, ("storage",)),
        "periods": {period: _period(chance) for period in PERIODS if chance.random() < 0.7},
        "resources": {resource: _rate(chance) for resource in RESOURCES if chance.random() < 0.5},
    }
    _maybe(chance, document, "notification_schedule", KEYS["NotificationSchedule"])
    _maybe(chance, document, "expiration_schedule", KEYS["ExpirationSchedule"])
    return document


def _period(chance: Random) -> Document:
    period: Document = {"fees": {"recurring": amount(chance)}}
    _maybe(chance, period, "expiration_schedule", KEYS["ExpirationSchedule"])
    return period


def _rate(chance: Random) -> Document:
    rate: Document = {"available": chance.random() < 0.8, "prices": {"recurring": amount(chance)}}
    _maybe(chance, rate, "category", KEYS["ResourceCategory"])
    return rate


def _product(chance: Random, others: Sequence[str]) -> Document:
    document: Document = {
        "category": "dc",
        "active": chance.random() < 0.85,
        "published": chance.random() < 0.5,
        "add_on_of": some(chance, others, 0.15),
        "relations": {name: some(chance, others, 0.15) for name in RELATIONS},
    }
    _maybe(chance, document, "type", KEYS["ProductType"])
    _maybe(chance, document, "group", KEYS["ProductGroup"])
    return document


def _maybe(chance: Random, document: Document, name: str, keys: Sequence[str]) -> None:
    if chance.random() < 0.6:
        document[name] = chance.choice(keys)
