"""Turns a live tenant's state into a catalog for adopting it: the catalog that its provider needs so that nothing
differs (docs/guide/adopting.md).

The documents are a provider's: what the tenant sells, the price list that it pays by, and a service template that
delegates its plans. The tenant's policy names that template, and sets ``adopt: true``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.schema import (
    declarations_of,
    fields_of,
    found,
    named_in,
    reference_nodes_of_model,
    without_own_items,
)
from reconciler.model.documents.catalog import ACTIVE
from reconciler.model.documents.declarations import StateOnly
from reconciler.model.documents.kinds import CATALOG_KINDS
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Value, put

PLAN, PRODUCT, TERM = "Plan", "Product", "ServiceTerm"
STUBS: dict[str, Body] = {"NotificationTemplate": {"visible_to_resellers": True}}
"""Bodies of entities that stay at the provider and that a tenant references: it sees its templates (CB-20)."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """The catalog's documents, and notes for people."""

    documents: tuple[Entity, ...]
    notes: tuple[str, ...]


def adoption(tenant: str, upstream: str, state: State) -> Adoption:
    """The catalog of a tenant whose upstream is the provider ``upstream``."""
    catalog = [_document(each, upstream) for id, each in sorted(state.items()) if id.kind in CATALOG_KINDS]
    have = {each.id for each in catalog}
    stubs = [Entity(id, STUBS.get(id.kind, {})) for id in sorted({*_at_the_provider(catalog)} - have)]
    steering = (_price_list(tenant, state), _template(tenant, state))
    return Adoption((*catalog, *stubs, *steering), tuple(_notes(tenant, state)))


def _document(each: Entity, upstream: str) -> Entity:
    """An entity as a catalog has it: without fields of states only, and without the tenant's own items."""
    body = each.body
    if each.origin == upstream:
        body = without_own_items(body, fields_of(each.id.kind), upstream)
    for spot, only in declarations_of(CATALOG_KINDS[each.id.kind], StateOnly):
        for path, value in found(body, spot.pattern):
            if not only.values:
                body = put(body, path, None)
            elif value in only.values:
                body = put(body, path, "inactive")
    return Entity(each.id, put(body, ("delegated",), True) if each.id.kind == TERM else body)


def _at_the_provider(catalog: Iterable[Entity]) -> Iterator[EntityId]:
    """The entities that documents reference and no tenant has: resources and notification templates."""
    for each in catalog:
        for kind, key in named_in(each.body, reference_nodes_of_model(CATALOG_KINDS[each.id.kind])):
            if CATALOG_KINDS[kind].sync is None:
                yield EntityId(kind, key)


def _price_list(tenant: str, state: State) -> Entity:
    prices = {
        id.key: {period: cycle["purchase_price"] for period, cycle in _cycles(each).items()}
        for id, each in sorted(state.items())
        if id.kind == PRODUCT and _priced(each)
    }
    return Entity(EntityId("PriceList", tenant), {"products": prices})


def _cycles(product: Entity) -> Body:
    cycles: Body = product.body.get("billing_cycles", {})
    return cycles


def _priced(product: Entity) -> bool:
    return all("purchase_price" in cycle for cycle in _cycles(product).values())


def _template(tenant: str, state: State) -> Entity:
    """The template that delegates the tenant's plans and gives what the tenant's own document references, if that
    exists.
    """
    own = state.get(EntityId("Tenant", tenant))
    body = own.body if own else {}
    flow: Value = body.get("order_flow")
    given = {
        "delegated_plans": [id.key for id, each in sorted(state.items()) if id.kind == PLAN and _is_active(each)],
        "price_list": tenant,
        "order_flow": flow if EntityId("OrderFlow", flow or "") in state else None,
        "roles": _all(state, "Role"),
        "terms_and_conditions": _all(state, "TermsAndConditions"),
    }
    return Entity(EntityId("ServiceTemplate", tenant), {name: value for name, value in given.items() if value})


def _all(state: State, kind: str) -> list[str]:
    return sorted(id.key for id in state if id.kind == kind)


def _is_active(plan: Entity) -> bool:
    return bool(plan.body.get("status", ACTIVE) == ACTIVE)


def _notes(tenant: str, state: State) -> Iterator[str]:
    """Notes on what the documents cannot express."""
    plans = [each for id, each in sorted(state.items()) if id.kind == PLAN]
    terms = {each.body.get("service_term", "") for each in plans if _is_active(each)}
    if own := sorted(key for key in terms if _undelegated(state.get(EntityId(TERM, key)))):
        yield (
            f"its service terms {', '.join(own)} are not delegated, so that no plan can be taken over (AP-17): "
            f"import `delegated: true` for each into {tenant} first"
        )
    if off := [each.id.key for each in plans if not _is_active(each)]:
        yield f"not active, and so not delegated (AP-04): {', '.join(off)}"
    products = [each for id, each in sorted(state.items()) if id.kind == PRODUCT]
    if unpriced := [each.id.key for each in products if not _priced(each)]:
        yield f"not on the price list, for a billing cycle without a purchase price: {', '.join(unpriced)}"


def _undelegated(term: Entity | None) -> bool:
    return term is not None and term.origin is None and not term.body.get("delegated", False)
