"""Random trees of resellers: up to thirty tenants at up to four levels below a provider, with own plans and all.

Policies and states are drawn from one seed, with small pools, so that keys meet. Documents are plain maps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias

from reconciler.model.options import OPTIONS

Document: TypeAlias = dict[str, Any]

PROVIDER = "northwind"
LEVELS, TENANTS = 4, 30
PLANS = tuple(f"p{number}" for number in range(1, 7))
TERMS, CATEGORIES, SALES, PRODUCTS = ("t1", "t2"), ("c1", "c2"), ("s1", "s2"), ("d1", "d2")
FLOWS, ROLES = ("f1", "f2"), ("r1", "r2")
FEES = ("1.00", "2.00", "3.00")
SEGMENTS = ("smb", "enterprise")


@dataclass(frozen=True)
class Forest:
    """What was drawn: the provider's tree of documents, and each reseller's state. ``upstream``: by reseller."""

    catalog: tuple[Document, ...]
    states: dict[str, tuple[Document, ...]]
    upstream: dict[str, str]
    withholding: bool
    vetoing: bool
    own_plans: bool


def forest(seed: int) -> Forest:
    """The tree of a seed."""
    chance = Random(seed)
    upstream = _tree(chance)
    own = {tenant: chance.random() < 0.4 for tenant in upstream}
    policies = [_policy(chance, tenant, above) for tenant, above in upstream.items()]
    return Forest(
        catalog=(*_catalog(chance), *policies),
        states={tenant: tuple(_state(chance, above, own[tenant], tenant)) for tenant, above in upstream.items()},
        upstream=upstream,
        withholding=any(not all(_flat(each["options"])) for each in policies if each["upstream"] == PROVIDER),
        vetoing=any(any(each["veto"].values()) for each in policies),
        own_plans=any(own.values()),
    )


def _flat(options: Document) -> list[bool]:
    return [value for group in options.values() for value in group.values()]


def _tree(chance: Random) -> dict[str, str]:
    depth = {PROVIDER: 0}
    upstream: dict[str, str] = {}
    for number in range(chance.randint(3, TENANTS)):
        above = chance.choice([key for key, level in depth.items() if level < LEVELS])
        tenant = f"tenant-{number:02}"
        upstream[tenant], depth[tenant] = above, depth[above] + 1
    return upstream


def _catalog(chance: Random) -> list[Document]:
    documents: list[Document] = [{"kind": "Provider", "key": PROVIDER, "currency": "EUR"}]
    documents += _basics(chance, TERMS, own=False)
    documents += [_plan(chance, key, labels=True) for key in PLANS if chance.random() < 0.8]
    documents += [{"kind": "OrderFlow", "key": key, "steps": [chance.choice(("check", "approve"))]} for key in FLOWS]
    documents += [{"kind": "Role", "key": key, "privileges": [chance.choice(("read", "write"))]} for key in ROLES]
    template = {"kind": "ServiceTemplate", "key": "gold", "order_flow": chance.choice(FLOWS), "roles": list(ROLES)}
    return [*documents, template]


def _basics(chance: Random, terms: Sequence[str], *, own: bool) -> list[Document]:
    """What plans need. A reseller's own lacks some of it, and has terms that are not delegated."""
    documents: list[Document] = [{"kind": "ServiceTerm", "key": key, "name": f"Term {key}"} for key in terms]
    documents += [{"kind": "PlanCategory", "key": key, "name": chance.choice(FEES)} for key in CATEGORIES]
    documents += [{"kind": "SalesCategory", "key": key, "position": chance.randint(1, 2)} for key in SALES]
    documents += [{"kind": "ProductCategory", "key": "pc"}]
    documents += [{"kind": "Product", "key": key, "category": "pc"} for key in PRODUCTS]
    if own:
        documents = [each for each in documents if chance.random() < 0.3 and each["kind"] != "Product"]
        for each in documents:
            if each["kind"] == "ServiceTerm":
                each["delegated"] = chance.random() < 0.7
    return documents


def _plan(chance: Random, key: str, *, labels: bool) -> Document:
    status = chance.choice(("active", "active", "active", "active", "inactive"))
    document: Document = {
        "kind": "Plan",
        "key": key,
        "name": f"Plan {key}",
        "status": status,
        "product": chance.choice(PRODUCTS),
        "plan_category": chance.choice(CATEGORIES),
        "sales_categories": sorted(chance.sample(SALES, chance.randint(0, 2))),
        "service_term": chance.choice(TERMS),
        "periods": {"P1M": {"fees": {"recurring": chance.choice(FEES)}}},
    }
    if labels:
        document["labels"] = {"segment": chance.choice(SEGMENTS)}
    if chance.random() < 0.4:
        document["periods"]["P1Y"] = {"fees": {"recurring": chance.choice(FEES)}}
    return document


def _policy(chance: Random, tenant: str, above: str) -> Document:
    on = 1.0 if chance.random() < 0.5 else chance.random()
    groups: Document = {}
    for option in OPTIONS.values():
        groups.setdefault(option.group, {})[option.name] = chance.random() < on
    document: Document = {
        "kind": "SyncPolicy",
        "reseller": tenant,
        "upstream": above,
        "options": groups,
        "veto": {"categories": chance.random() < 0.1, "prices": chance.random() < 0.1},
        "adopt": chance.random() < 0.2,
        "delegate": {"plans": _list(chance, above)},
    }
    return document | ({"service_template": "gold"} if chance.random() < 0.5 else {})


def _list(chance: Random, above: str) -> Document:
    if chance.random() < 0.3:
        return {"match": {"segment": chance.choice(SEGMENTS)}}
    known = () if above == PROVIDER else (*PLANS, f"own-{above}")
    return {"include": sorted(chance.sample(known, min(len(known), chance.randint(1, 6)))), "match": {"segment": "smb"}}


def _state(chance: Random, above: str, own: bool, tenant: str) -> list[Document]:
    """Copies from an earlier time, some of them changed since, and what is the tenant's own."""
    documents: list[Document] = []
    if chance.random() < 0.5:
        documents = [{**each, "origin": above} for each in _basics(chance, TERMS, own=False) if chance.random() < 0.9]
        documents += [_copy(chance, key, above) for key in PLANS if chance.random() < 0.4]
    there = {(each["kind"], each["key"]) for each in documents}
    if own:
        mine = [*_basics(chance, TERMS, own=True), _plan(chance, f"own-{tenant}", labels=True)]
        mine += [_plan(chance, key, labels=False) for key in PLANS if chance.random() < 0.1]
        documents += [each for each in mine if (each["kind"], each["key"]) not in there]
    return documents


def _copy(chance: Random, key: str, above: str) -> Document:
    document = _plan(chance, key, labels=False) | {"origin": above, "published": chance.random() < 0.5}
    return document | ({"status": "disabled_by_provider"} if chance.random() < 0.3 else {})
