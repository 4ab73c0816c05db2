"""Other names for the entities of a random forest; every link to what is renamed follows, at whatever depth it is."""

from collections.abc import Iterable, Iterator, Mapping
from random import Random

from tests.laws.forest_catalogs import KEYS, Document, Id, old_keys

LINKS: Mapping[str, Mapping[str, str]] = {
    "Plan": {
        "product": "Product",
        "plan_category": "PlanCategory",
        "sales_categories": "SalesCategory",
        "service_term": "ServiceTerm",
        "notification_schedule": "NotificationSchedule",
        "expiration_schedule": "ExpirationSchedule",
        "category": "ResourceCategory",
    },
    "Product": {
        "category": "ProductCategory",
        "type": "ProductType",
        "group": "ProductGroup",
        "add_on_of": "Product",
        "upgrade": "Product",
        "downgrade": "Product",
        "required": "Product",
        "cross": "Product",
    },
    "PriceList": {"products": "Product"},
    "ServiceTemplate": {
        "order_flow": "OrderFlow",
        "roles": "Role",
        "terms_and_conditions": "TermsAndConditions",
        "notification_schedules": "NotificationSchedule",
    },
    "SyncPolicy": {"include": "Plan"},
    "Tenant": {"order_flow": "OrderFlow", "roles": "Role", "terms_and_conditions": "TermsAndConditions"},
    "Subscription": {"product": "Product", "plan": "Plan"},
}
"""By kind, the fields that link, at whatever depth, and to what: a key, keys, or a map by key."""


def as_called(document: Document, names: Mapping[Id, str]) -> Document:
    """The document, where entities are called so."""
    kind, key = document["kind"], document.get("key", "")
    linked = _linked(document, LINKS.get(kind, {}), names)
    return linked | ({"key": names[kind, key]} if (kind, key) in names else {})


def _linked(value: Document, links: Mapping[str, str], names: Mapping[Id, str]) -> Document:
    found: Document = {}
    for name, inner in value.items():
        kind = links.get(name, "")
        if kind and isinstance(inner, dict):
            found[name] = {names.get((kind, key), key): item for key, item in inner.items()}
        elif isinstance(inner, dict):
            found[name] = _linked(inner, links, names)
        elif kind and isinstance(inner, str):
            found[name] = names.get((kind, inner), inner)
        elif kind:
            found[name] = sorted(names.get((kind, key), key) for key in inner)
        else:
            found[name] = inner
    return found


def links(document: Document) -> Iterator[Id]:
    """All that a document links to."""
    return _links(document, LINKS.get(document["kind"], {}))


def _links(value: Document, fields: Mapping[str, str]) -> Iterator[Id]:
    for name, inner in value.items():
        kind = fields.get(name, "")
        if kind and inner:
            yield from ((kind, key) for key in ([inner] if isinstance(inner, str) else inner))
        elif isinstance(inner, dict):
            yield from _links(inner, fields)


def moved(documents: Iterable[Document], names: Mapping[Id, str]) -> list[Document]:
    """The documents with new keys, each saying all that it was called."""
    listed = list(documents)
    olds = old_keys(listed)
    found = []
    for each in listed:
        id = (each["kind"], each.get("key", ""))
        before = {"moved_from": [*olds.get(id, ()), each["key"]]} if id in names else {}
        found.append(as_called(each, names) | before)
    return found


def new_keys(documents: Iterable[Document], chance: Random, share: float) -> dict[Id, str]:
    """New keys for a share of what may come down."""
    return {
        (each["kind"], each["key"]): f"{each['key']}-new"
        for each in documents
        if each["kind"] in KEYS and chance.random() < share
    }
