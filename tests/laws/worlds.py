"""Random worlds: a provider's catalog, a reseller's policy and the reseller's state, whatever they may be.

Pools are small, so that things often meet: the same key at both, the same value written differently, an own entity in
the way, a link to something that is not there. Documents are plain maps; `as_yaml` writes them for the parser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from hypothesis import strategies as st

from reconciler.model.documents.options import GUARDS, OPTIONS

Document: TypeAlias = dict[str, Any]
Draw: TypeAlias = st.DrawFn

PROVIDER, RESELLER = "northwind", "contoso"
AMOUNTS = ("0", "1", "1.00", "2.5", "0.000000019")
NAMES = ("One", "Two", "Three")
STATISTICS = ("active-mailboxes", "storage")
POOLS = {
    "ServiceTerm": ("t1", "t2"),
    "PlanCategory": ("pc1", "pc2"),
    "SalesCategory": ("sc1", "sc2", "sc3"),
    "ProductCategory": ("dc1",),
    "ProductGroup": ("g1", "g2"),
    "ProductType": ("y1", "y2"),
    "ResourceCategory": ("rc1", "rc2"),
    "NotificationSchedule": ("ns1", "ns2"),
    "ExpirationSchedule": ("es1", "es2"),
    "OrderFlow": ("of1", "of2"),
    "Role": ("r1", "r2"),
    "TermsAndConditions": ("tc1", "tc2"),
    "Product": ("d1", "d2", "d3"),
    "Plan": ("p1", "p2", "p3", "p4"),
}
GUARDS_OFF = dict.fromkeys(GUARDS, False)
RESOURCES = ("x1", "x2", "x3")
PERIODS = ("P1M", "P1Y")


@dataclass(frozen=True)
class World:
    """What was drawn. ``enabled``: the options that the policy turns on."""

    catalog: tuple[Document, ...]
    state: tuple[Document, ...]
    enabled: frozenset[str]


@st.composite
def worlds(draw: Draw, *, guarded: bool = False) -> World:
    """Any world. ``guarded``: the policy may leave its guards on; otherwise they are off (the oracle knows none)."""
    enabled = draw(st.frozensets(st.sampled_from(sorted(OPTIONS)))) if draw(st.booleans()) else frozenset(OPTIONS)
    catalog = [_provider(), *_templates(draw), *_catalog(draw), *_steering(draw, enabled, guarded)]
    return World(tuple(catalog), tuple(_state(draw)), enabled)


def as_yaml(documents: Sequence[Document]) -> bytes:
    """The documents as YAML, in its flow style, which JSON is; amounts stay strings."""
    return b"\n---\n".join(orjson.dumps(document) for document in documents)


def _provider() -> Document:
    return {"kind": "Provider", "key": PROVIDER, "currency": "EUR"}


def _templates(draw: Draw) -> list[Document]:
    hidden = draw(st.booleans())
    return [
        {"kind": "NotificationTemplate", "key": "seen", "visible_to_resellers": True},
        {"kind": "NotificationTemplate", "key": "other", "visible_to_resellers": not hidden},
        *({"kind": "Resource", "key": key} for key in RESOURCES),
    ]


def _catalog(draw: Draw) -> list[Document]:
    """Every entity of the pools but plans, which come and go."""
    documents = [
        _body(draw, kind, key, upstream=True) for kind, keys in POOLS.items() if kind != "Plan" for key in keys
    ]
    return documents + [_body(draw, "Plan", key, upstream=True) for key in _listed(draw)]


def _listed(draw: Draw) -> list[str]:
    return sorted(draw(st.sets(st.sampled_from(POOLS["Plan"]), min_size=1)))


def _steering(draw: Draw, enabled: frozenset[str], guarded: bool) -> list[Document]:
    template: Document = {"kind": "ServiceTemplate", "key": "gold"}
    _maybe(draw, template, "order_flow", st.sampled_from(POOLS["OrderFlow"]))
    _maybe(draw, template, "roles", _some("Role"))
    _maybe(draw, template, "terms_and_conditions", _some("TermsAndConditions"))
    _maybe(draw, template, "notification_schedules", _some("NotificationSchedule"))
    price_list = _price_list(draw)
    policy: Document = {
        "kind": "SyncPolicy",
        "reseller": RESELLER,
        "upstream": PROVIDER,
        "service_template": "gold",
        "options": _options(enabled),
        "veto": {"categories": draw(st.booleans()), "prices": draw(st.booleans())},
        "overrides": {"sync_display_in_control_panel": draw(st.booleans())},
        "guards": draw(st.sampled_from((GUARDS_OFF, {}))) if guarded else GUARDS_OFF,
        "adopt": draw(st.booleans()),
        "delegate": {"plans": {"match": {"sold": "yes"}}},
    }
    if draw(st.booleans()):
        draw(st.sampled_from((template, policy)))["price_list"] = price_list["key"]
    return [template, policy, price_list]


def _price_list(draw: Draw) -> Document:
    listed = sorted(draw(st.sets(st.sampled_from(POOLS["Product"]))))
    prices = st.dictionaries(st.sampled_from(PERIODS), st.sampled_from(AMOUNTS))
    return {"kind": "PriceList", "key": "emea", "products": {key: draw(prices) for key in listed}}


def _options(enabled: frozenset[str]) -> Document:
    groups: Document = {}
    for option in OPTIONS.values():
        groups.setdefault(option.group, {})[option.name] = option.id in enabled
    return groups


def _state(draw: Draw) -> list[Document]:
    documents = []
    for kind, keys in POOLS.items():
        for key in keys:
            origin = draw(st.sampled_from((PROVIDER, PROVIDER, PROVIDER, None, None, "elsewhere", "absent")))
            if origin != "absent":
                body = _body(draw, kind, key, upstream=False)
                documents.append({**body, "origin": origin} if origin else body)
    if draw(st.booleans()):
        documents.append(_tenant(draw))
    return documents


def _tenant(draw: Draw) -> Document:
    tenant: Document = {"kind": "Tenant", "key": RESELLER, "name": "Contoso", "currency": "EUR"}
    _maybe(draw, tenant, "order_flow", st.sampled_from(POOLS["OrderFlow"]))
    _maybe(draw, tenant, "roles", _some("Role"))
    _maybe(draw, tenant, "terms_and_conditions", _some("TermsAndConditions"))
    _maybe(draw, tenant, "billing_cycles", st.dictionaries(st.sampled_from(PERIODS), st.just({}) | _units()))
    return tenant


def _units() -> st.SearchStrategy[Document]:
    return st.fixed_dictionaries({"active": st.booleans()})


def _body(draw: Draw, kind: str, key: str, *, upstream: bool) -> Document:
    document: Document = {"kind": kind, "key": key, "name": draw(st.sampled_from(NAMES))}
    if kind in _FIELDS:
        _FIELDS[kind](draw, document)
    elif kind == "Plan":
        _plan(draw, document, upstream=upstream)
    if kind == "Product" and not upstream:
        keys = sorted(draw(st.sets(st.sampled_from((*PERIODS, "P3Y")))))
        _maybe(draw, document, "billing_cycles", st.just({key: _cycle(draw) for key in keys}))
    return document


def _service_term(draw: Draw, document: Document) -> None:
    document["duration"] = draw(st.sampled_from(PERIODS))
    document["delegated"] = draw(st.booleans())


def _plan_category(draw: Draw, document: Document) -> None:
    _maybe(draw, document, "description", st.sampled_from(NAMES))


def _sales_category(draw: Draw, document: Document) -> None:
    _maybe(draw, document, "description", st.sampled_from(NAMES))
    _maybe(draw, document, "position", st.integers(1, 2))
    document["display_in_control_panel"] = draw(st.booleans())


def _group(draw: Draw, document: Document) -> None:
    document["marketing"] = {}
    for name in ("headline", "text", "image"):
        _maybe(draw, document["marketing"], name, st.sampled_from(NAMES))


def _type(draw: Draw, document: Document) -> None:
    options = document["options"] = {"auto_downgrade": draw(st.booleans())}
    _maybe(draw, options, "auto_cancel_add_ons", st.booleans())
    _maybe(draw, options, "auto_cancel_subscriptions", st.booleans())
    _maybe(draw, options, "quantity_limit", st.integers(1, 2))
    _maybe(draw, options, "single_active_subscription", st.booleans())


def _notices(draw: Draw, document: Document) -> None:
    document["notices"] = draw(st.dictionaries(st.sampled_from(("7", "30")), st.sampled_from(("seen", "other"))))


def _steps(draw: Draw, document: Document) -> None:
    document["steps"] = draw(st.dictionaries(st.sampled_from(("7", "30")), st.sampled_from(("suspend", "delete"))))


def _flow(draw: Draw, document: Document) -> None:
    document["steps"] = draw(st.lists(st.sampled_from(("check", "approve", "provision")), max_size=3))


def _role(draw: Draw, document: Document) -> None:
    document["privileges"] = sorted(draw(st.sets(st.sampled_from(("read", "write")))))


def _terms(draw: Draw, document: Document) -> None:
    document["version"] = draw(st.sampled_from(("1.0", "2.0")))
    _maybe(draw, document, "url", st.sampled_from(("https://one.example", "https://two.example")))
    document["required"] = sorted(draw(st.sets(st.sampled_from(("order", "renewal")))))


def _product(draw: Draw, document: Document) -> None:
    document["category"] = "dc1"
    others = [key for key in POOLS["Product"] if key != document["key"]]
    _maybe(draw, document, "type", st.sampled_from(POOLS["ProductType"]))
    _maybe(draw, document, "group", st.sampled_from(POOLS["ProductGroup"]))
    _maybe(draw, document, "active", st.booleans())
    _maybe(draw, document, "published", st.booleans())
    _maybe(draw, document, "add_on_of", st.sets(st.sampled_from(others)).map(sorted))
    document["relations"] = {
        name: sorted(draw(st.sets(st.sampled_from(others), max_size=1)))
        for name in ("upgrade", "downgrade", "required", "cross")
    }


_FIELDS = {
    "ServiceTerm": _service_term,
    "PlanCategory": _plan_category,
    "SalesCategory": _sales_category,
    "ProductGroup": _group,
    "ProductType": _type,
    "NotificationSchedule": _notices,
    "ExpirationSchedule": _steps,
    "OrderFlow": _flow,
    "Role": _role,
    "TermsAndConditions": _terms,
    "Product": _product,
}


def _plan(draw: Draw, document: Document, *, upstream: bool) -> None:
    statuses = ("active", "active", "active", "inactive", "draft") + (() if upstream else ("disabled_by_provider",) * 3)
    document |= {
        "status": draw(st.sampled_from(statuses)),
        "published": draw(st.booleans()),
        "product": draw(st.sampled_from(POOLS["Product"])),
        "plan_category": draw(st.sampled_from(POOLS["PlanCategory"])),
        "sales_categories": draw(_some("SalesCategory")),
        "service_term": draw(st.sampled_from(POOLS["ServiceTerm"])),
        "usage_statistics": sorted(draw(st.sets(st.sampled_from(STATISTICS)))),
        "periods": {key: _period(draw, upstream=upstream) for key in sorted(draw(st.sets(st.sampled_from(PERIODS))))},
        "resources": {key: _rate(draw, upstream=upstream) for key in sorted(draw(st.sets(st.sampled_from(RESOURCES))))},
    }
    if upstream:
        document["labels"] = {"sold": draw(st.sampled_from(("yes", "yes", "no")))}
    else:
        _maybe(draw, document, "switchable_plans", _some("Plan"))
    _maybe(draw, document, "notification_schedule", st.sampled_from(POOLS["NotificationSchedule"]))
    _maybe(draw, document, "expiration_schedule", st.sampled_from(POOLS["ExpirationSchedule"]))


def _cycle(draw: Draw) -> Document:
    cycle = _amounts(draw, ("purchase_price", "selling_price"))
    _maybe(draw, cycle, "active", st.booleans())
    return cycle


def _period(draw: Draw, *, upstream: bool) -> Document:
    period: Document = {"fees": _amounts(draw, ("setup", "recurring", "renewal"))}
    _maybe(draw, period, "expiration_schedule", st.sampled_from(POOLS["ExpirationSchedule"]))
    if (
        not upstream
        and (origin := draw(st.sampled_from(("shared", "shared", PROVIDER, None, "elsewhere")))) != "shared"
    ):
        period["origin"] = origin
    return period


def _rate(draw: Draw, *, upstream: bool) -> Document:
    rate: Document = {
        "available": draw(st.booleans()),
        "prices": _amounts(draw, ("setup", "recurring", "overuse")),
        "limits": _amounts(draw, ("included",)),
    }
    _maybe(draw, rate, "category", st.sampled_from(POOLS["ResourceCategory"]))
    if not upstream:
        rate["origin"] = draw(st.sampled_from((PROVIDER, PROVIDER, PROVIDER, None, "elsewhere")))
    return rate


def _amounts(draw: Draw, names: Sequence[str]) -> Document:
    amounts: Document = {}
    for name in names:
        _maybe(draw, amounts, name, st.sampled_from(AMOUNTS))
    return amounts


def _some(kind: str) -> st.SearchStrategy[list[str]]:
    return st.sets(st.sampled_from(POOLS[kind])).map(sorted)


def _maybe(draw: Draw, document: Document, name: str, strategy: st.SearchStrategy[Any]) -> None:
    if draw(st.booleans()):
        document[name] = draw(strategy)
