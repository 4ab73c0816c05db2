"""What the oracle reads: two piles of documents, resolved into the words of RULES.md.

Nothing here judges. It answers who lists which plan, what the template gives, what came down and what is the
tenant's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Doc = dict[str, Any]
Index = dict[str, dict[str, Doc]]

SNAKE = {
    "Plan": "plan",
    "PlanCategory": "plan_category",
    "SalesCategory": "sales_category",
    "ResourceCategory": "resource_category",
    "ServiceTerm": "service_term",
    "ProductCategory": "product_category",
    "Product": "product",
    "ProductGroup": "product_group",
    "ProductType": "product_type",
    "ExpirationSchedule": "expiration_schedule",
    "NotificationSchedule": "notification_schedule",
    "OrderFlow": "order_flow",
    "Role": "role",
    "TermsAndConditions": "terms_and_conditions",
    "Tenant": "tenant",
}

# What a template gives and a nearer template replaces as one value (Reading 2).
GIVEN = ("delegated_plans", "order_flow", "roles", "terms_and_conditions", "notification_schedules", "price_list")


@dataclass(frozen=True, slots=True)
class Template:
    """What the policy's service template gives, with what it extends folded in."""

    order_flow: str | None
    roles: frozenset[str]
    terms_and_conditions: frozenset[str]
    notification_schedules: frozenset[str]


@dataclass(frozen=True, slots=True)
class Inputs:
    """The two sides and the policy. `listed` maps a plan's key to whether it was named (True) or matched (False)."""

    reseller: str
    upstream: str
    catalog: Index
    state: Index
    listed: dict[str, bool]
    template: Template
    enabled: frozenset[str]
    veto: dict[str, bool]
    overrides: dict[str, bool]
    adopt: bool
    price_list: dict[str, Doc] | None
    """The products of the assigned price list, each with its prices by billing cycle; None: no list is assigned."""

    def above(self, kind: str, key: str) -> Doc | None:
        """The provider's entity."""
        return self.catalog.get(kind, {}).get(key)

    def here(self, kind: str, key: str) -> Doc | None:
        """The tenant's entity, whosever it is."""
        return self.state.get(kind, {}).get(key)

    def copy(self, kind: str, key: str) -> Doc | None:
        """The tenant's entity if it came down from this upstream."""
        entity = self.here(kind, key)
        return entity if entity is not None and self.has_origin(entity) else None

    def own(self, kind: str, key: str) -> bool:
        """Whether the tenant has the key as its own."""
        entity = self.here(kind, key)
        return entity is not None and not self.has_origin(entity)

    def has_origin(self, item: Mapping[str, Any]) -> bool:
        return item.get("origin") == self.upstream


def read_inputs(catalog: list[Doc], state: list[Doc], reseller: str, enabled: frozenset[str]) -> Inputs:
    above, here = _index(catalog), _index(state)
    policy = next(doc for doc in catalog if doc["kind"] == "SyncPolicy" and doc["reseller"] == reseller)
    upstream = policy["upstream"]
    provider = above["Provider"][upstream]
    chain = _template_chain(above.get("ServiceTemplate", {}), policy.get("service_template"))
    gives = {name: template[name] for template in chain for name in GIVEN if name in template}
    layers = [provider.get("defaults") or {}, *chain, policy]
    forms = [gives.get("delegated_plans"), (policy.get("delegate") or {}).get("plans")]
    return Inputs(
        reseller=reseller,
        upstream=upstream,
        catalog=above,
        state=here,
        listed=_listed(forms, above.get("Plan", {}), _delegated_before(here, upstream)),
        template=Template(
            order_flow=gives.get("order_flow"),
            roles=frozenset(gives.get("roles") or ()),
            terms_and_conditions=frozenset(gives.get("terms_and_conditions") or ()),
            notification_schedules=frozenset(gives.get("notification_schedules") or ()),
        ),
        enabled=enabled,
        veto=_merged(layers, "veto"),
        overrides=_merged(layers, "overrides"),
        adopt=bool(policy.get("adopt", False)),
        price_list=_price_list(above, policy.get("price_list") or gives.get("price_list")),
    )


def _price_list(above: Index, key: str | None) -> dict[str, Doc] | None:
    """A policy's own list wins over its template's."""
    return None if key is None else dict(above["PriceList"][key].get("products") or {})


def _index(docs: Iterable[Doc]) -> Index:
    index: Index = {}
    for doc in docs:
        if "key" in doc:
            index.setdefault(doc["kind"], {})[doc["key"]] = doc
    return index


def _template_chain(templates: Mapping[str, Doc], key: str | None) -> list[Doc]:
    """The farthest template first, so that a nearer one wins by coming later."""
    chain: list[Doc] = []
    while key is not None:
        chain.insert(0, templates[key])
        key = templates[key].get("extends")
    return chain


def _merged(layers: Iterable[Doc], name: str) -> dict[str, bool]:
    merged: dict[str, bool] = {}
    for layer in layers:
        merged.update(layer.get(name) or {})
    return merged


def _delegated_before(state: Index, upstream: str) -> set[str]:
    return {key for key, plan in state.get("Plan", {}).items() if plan.get("origin") == upstream}


def _listed(forms: Iterable[Any], plans: Mapping[str, Doc], before: set[str]) -> dict[str, bool]:
    """The delegated list: what the template and the policy select, each form complete in itself (Reading 1)."""
    listed: dict[str, bool] = {}
    for form in forms:
        if form is None:
            continue
        full: Doc = {"include": form} if isinstance(form, list) else form
        excluded = set(full.get("exclude") or ())
        for key in full.get("include") or ():
            if key not in plans:
                raise ValueError(f"AP-05: the upstream has no plan {key}")
            if key not in excluded:
                listed[key] = True
        for key in _matched(full.get("match") or {}, plans, before):
            if key not in excluded:
                listed.setdefault(key, False)
    return listed


def _matched(labels: Mapping[str, str], plans: Mapping[str, Doc], before: set[str]) -> list[str]:
    """A selector chooses only what can be delegated: plans that are active, or delegated before."""
    if not labels:
        return []
    return [
        key
        for key, plan in plans.items()
        if (plan["status"] == "active" or key in before)
        and all((plan.get("labels") or {}).get(name) == value for name, value in labels.items())
    ]


def same(one: Any, other: Any) -> bool:
    """Text, booleans and ordered lists; absent, null and empty are one value (Reading 3)."""
    return bool((one or None) == (other or None))


def same_set(one: Iterable[str] | None, other: Iterable[str] | None) -> bool:
    return set(one or ()) == set(other or ())


def same_map(one: Mapping[Any, Any] | None, other: Mapping[Any, Any] | None) -> bool:
    """Keys of `notices` and `steps` are read as text: 30 and "30" are the same day."""
    return {str(k): v for k, v in (one or {}).items()} == {str(k): v for k, v in (other or {}).items()}


def same_number(one: Any, other: Any) -> bool:
    """6.0 equals 6.00; an absent amount is not zero (Reading 4)."""
    if one is None or other is None:
        return one is other
    return bool(one == other) or Decimal(str(one)) == Decimal(str(other))


def leaf(path: str, *keys: str) -> str:
    """`leaf("periods", "P1M", "fees")` is `periods.P1M.fees`; a key with a dot stands in brackets."""
    for key in keys:
        path = f'{path}["{key}"]' if "." in key else f"{path}.{key}"
    return path
