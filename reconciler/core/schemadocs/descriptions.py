"""What the JSON Schemas say about kinds and fields: derived from docstrings, types and the field table."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from reconciler.core.schema import unwrapped
from reconciler.core.workspace import words
from reconciler.model.documents.catalog import Document, Part
from reconciler.model.documents.declarations import Items, Links, Ref, ResellerOwned, Synced, Unmanaged
from reconciler.model.values.field_types import Leaf
from reconciler.model.values.keys import snake

T = TypeVar("T")
_REMEMBERS = {"LastApplied": "Subscription", "AddOnLastApplied": "AddOn"}
"""Models whose fields are those of another, as they were."""
_SAID = {
    "kind": "What the document is; it decides which fields there are.",
    "key": "Its identity, which never changes (AP-21).",
    "name": "What people call it.",
    "description": "More about it, for people.",
    "currency": "The currency of all amounts, ISO 4217.",
    "upstream": "The provider or reseller that it gets its catalog from.",
    "reseller": "The tenant's key.",
    "store": "Where the tenant's own system is, as a URL without a password; by default the workspace's store.",
    "token_env": "The environment variable that holds the store's token; the token itself never stands in a file.",
    "responsible_user": "Who is responsible for mirrored subscriptions.",
    "sharing_rule": "With whom mirrored subscriptions are shared.",
    "billing_day": "The day of the month on which is billed.",
    "published": "Whether customers see it.",
    "quantity": "How many.",
    "billing_cycle": "How often is billed.",
    "prices": "Amounts by billing cycle.",
    "billing_options": "How it is billed, beside its prices.",
    "Workspace.version": "The format of the workspace.",
    "Guards.max_deletes": "The share of what came down that one plan may remove, disable or retire; only above five.",
    "Guards.max_price_change": "The share by which one plan may change any amount that is there.",
    "Guards.max_changes": "How many changes one plan may make.",
    "Guards.currency_change": "Whether a change of currency blocks the plan.",
    "Guards.price_to_zero": "Whether an amount that turns zero blocks the plan.",
    "Veto.categories": "Holds later changes of categories.",
    "Veto.prices": "Holds later changes of amounts.",
    "Overrides.sync_display_in_control_panel": "Whether the shown sales categories follow the upstream's (CB-18).",
    "PriceList.products": "What each product costs the reseller, by billing cycle.",
    "SyncPolicy.adopt": "Whether copies take over the tenant's own plans and products of the same key.",
    "ServiceTerm.delegated": "Whether plans of this term may be delegated.",
    "ServiceTerm.duration": "How long the term is.",
    "SalesCategory.position": "Its place among the categories.",
    "SalesCategory.display_in_control_panel": "Whether customers see it in their control panel.",
    "Marketing.headline": "The headline.",
    "Marketing.text": "The text.",
    "Marketing.image": "The picture's URL.",
    "ProductTypeOptions.auto_cancel_add_ons": "Whether the cancellation of an add-on is executed by itself.",
    "ProductTypeOptions.auto_cancel_subscriptions": "Whether the cancellation of a subscription is executed by itself.",
    "ProductTypeOptions.auto_downgrade": "Whether a request to downgrade is executed by itself.",
    "ProductTypeOptions.quantity_limit": "The greatest quantity of a subscription.",
    "ProductTypeOptions.single_active_subscription": "Whether a customer has one active subscription at most.",
    "Resource.unit": "What is counted.",
    "NotificationTemplate.visible_to_resellers": "Whether resellers may use it (CB-20).",
    "ExpirationSchedule.steps": "Days after the end, and the action.",
    "OrderFlow.steps": "The steps, in their order.",
    "Role.privileges": "What the role may do.",
    "TermsAndConditions.version": "Which version of the text this is.",
    "TermsAndConditions.url": "Where the text can be read.",
    "TermsAndConditions.required": "Where acceptance is required.",
    "Product.active": "Whether it is sold.",
    "Product.unit_prices": "The price of a unit by billing cycle, where no price list says another (SUB-13).",
    "Product.billing_cycles": "What the tenant pays and asks, by billing cycle.",
    "BillingCycle.active": "Whether the product is sold by this billing cycle.",
    "BillingCycle.purchase_price": "What the tenant pays: it follows the price list (IW-05).",
    "BillingCycle.selling_price": "What the tenant asks: it is the tenant's own (IW-05).",
    "SubscriptionPeriod.origin": "The upstream that the period came down from; by default that of its document.",
    "Rate.origin": "The upstream that the rate came down from.",
    "Fees.setup": "Once, at the beginning.",
    "Fees.recurring": "In each period.",
    "Fees.renewal": "At each renewal.",
    "Prices.setup": "Once, at the beginning.",
    "Prices.recurring": "In each period, for each unit beyond what is included.",
    "Prices.overuse": "For each unit above the maximum.",
    "Limits.included": "How many units the fee includes.",
    "Limits.minimum": "The least that can be bought.",
    "Limits.maximum": "The most that can be bought.",
    "Plan.status": "Only an active plan can be delegated (AP-04).",
    "Plan.usage_statistics": "The statistics of use that are attached to the plan.",
    "Plan.periods": "The subscription periods, with their fees.",
    "Tenant.billing_cycles": "The units that the tenant uses at all.",
    "TenantBillingCycle.active": "Whether the unit is in use.",
    "Customer.reference": "The customer's number in another system.",
    "AddOn.product": "The add-on's product.",
    "Renewal.date": "The day from which it holds.",
    "Renewal.product": "The product from then on.",
    "LastApplied.records": "How many of the source's history records have come.",
    "LastApplied.add_ons": "Its add-ons, with their prices.",
    "HistoryRecord.at": "When it happened, ISO 8601.",
    "HistoryRecord.action": "What was done.",
    "HistoryRecord.detail": "What else there is to say.",
    "Subscription.customer": "The key of the end customer.",
    "Subscription.product": "The key of the product.",
    "Subscription.plan": "The key of the plan, if it is one of a plan.",
    "Subscription.quantity_effective": "The day from which the quantity holds.",
    "Subscription.paid": "Whether it is paid for; a trial is not (SUB-02).",
    "Subscription.status": "Where it is in its life.",
    "Subscription.source_status": "Of a mirror: the status at the reseller, whose cycle may end another day (SUB-29).",
    "Subscription.last_applied": "Of a mirror: what it got last; edits and drift are told by it (SUB-13, SUB-40).",
    "Subscription.activation_date": "The day on which it was activated.",
    "Subscription.start_date": "The day from which it runs.",
    "Subscription.renew_automatically": "Whether it goes on when its cycle ends (SUB-28).",
    "Subscription.characteristics": "What the service needs to know, such as a domain.",
    "Subscription.unit_change": "When the last change of the billing cycle takes or took effect.",
    "Subscription.pending_unit": "The billing cycle that comes with the next cycle, and the day on which that begins.",
    "PendingUnit.billing_cycle": "The billing cycle to come.",
    "PendingUnit.from": "The day on which it takes effect: the end of the cycle that runs.",
    "LastApplied.source_unit": "The billing cycle that the source said.",
    "Subscription.renewals": "What it will be from which day on.",
    "Subscription.provisioning_sync": "How its provisioning stands.",
    "Subscription.add_ons": "Its add-ons, by key.",
    "Subscription.source": "Of a mirror: the key of the subscription at the reseller.",
    "Subscription.bill_to": "Who is billed: of a mirror, the reseller (SUB-07).",
    "Subscription.ribbon": "What is shown above it (SUB-18).",
    "Subscription.locked": "The fields that the distributor cannot change.",
    "Subscription.custom_fields": "Whatever else is kept with it.",
    "Subscription.bill_to_contact": "Whom the bill is sent to.",
    "Subscription.type": "What sort of subscription it is.",
    "Subscription.cycle_end": "The day on which the current cycle ends.",
    "Subscription.history": "What happened to it, the latest last.",
}
"""What a field is, by ``Model.field`` or, where the field itself has no description, by its name."""
_KEYS = {
    "ExpirationSchedule": "grace-30",
    "NotificationSchedule": "renewal-reminders",
    "NotificationTemplate": "renewal-notice",
    "OrderFlow": "direct",
    "Plan": "m365-business-basic",
    "PlanCategory": "productivity",
    "PriceList": "emea",
    "Product": "microsoft-365",
    "ProductCategory": "productivity",
    "ProductGroup": "office",
    "ProductType": "seat-licence",
    "Provider": "northwind",
    "Resource": "seat",
    "ResourceCategory": "licences",
    "Role": "billing-admin",
    "SalesCategory": "office-apps",
    "ServiceTemplate": "gold",
    "ServiceTerm": "annual",
    "Subscription": "sub-1001",
    "SyncPolicy": "contoso",
    "Tenant": "contoso",
    "TermsAndConditions": "general",
    "Customer": "acme",
}
"""For examples: a key of each kind."""
_EXAMPLES: dict[str, list[Any]] = {"flag": [True], "whole": [1]}
_NAMED_EXAMPLES: dict[str, list[Any]] = {
    "currency": ["EUR"],
    "upstream": ["northwind"],
    "reseller": ["contoso"],
    "token_env": ["RECONCILE_CONTOSO_TOKEN"],
    "store": ["sqlite:///.reconcile/tenants.db", "https://bss.contoso.example/api"],
    "url": ["https://northwind.example/terms/general"],
    "image": ["https://media.northwind.example/groups/office.png"],
    "unit": ["seat"],
    "version": ["2026-09"],
    "max_deletes": ["10%", False],
    "max_price_change": ["50%", False],
    "steps": [{"30": "delete"}],
    "notices": [{"30": "renewal-notice"}],
    "labels": [{"segment": "smb"}],
    "match": [{"segment": "smb"}],
    "privileges": [["read-customers", "create-orders"]],
    "required": [["order", "renewal"]],
    "usage_statistics": [["active-mailboxes"]],
    "unit_prices": [{"P1M": "7.00"}],
    "products": [{"microsoft-365": {"P1M": "5.10", "P1Y": "56.00"}}],
}


def title(name: str) -> str:
    """A field's or model's name for people: ``plan_category`` and ``PlanCategory`` -> ``Plan category``."""
    return snake(name).replace("_", " ").capitalize()


def kind_description(model: type[Part], *, state: bool) -> str:
    """What a model is, and how its entities come to a tenant."""
    text = inspect.getdoc(model) or ""
    sync = model.sync if issubclass(model, Document) else None
    if sync is None or state:
        return text
    more = []
    if sync.created:
        more.append(f"Created in a tenant under {_options(sync.created)}.")
    elif sync.dependent:
        more.append(f"Created in a tenant with what needs it ({sync.dependent}).")
    if sync.removed:
        more.append(f"Removed from a tenant under {_options(sync.removed)}.")
    return " ".join([text, *more])


def described(model: type[Part], name: str, schema: dict[str, Any], *, state: bool) -> tuple[str, list[Any]]:
    """A field's description and examples; ``schema`` is that of its type, which may have some of its own."""
    info = model.model_fields[name]
    bare, metadata = unwrapped(info.annotation, tuple(info.metadata))
    said = [_own(model, name, bare, metadata), schema.get("description", "")]
    if not state:
        said += _changes(metadata)
    return " ".join(filter(None, said)), _examples(model, name, schema, metadata)


def _own(model: type[Part], name: str, bare: Any, metadata: tuple[Any, ...]) -> str:
    """By its description, by what it names, or by what stands there; a field that only its type explains has none."""
    said = _SAID.get(f"{model.__name__}.{name}") or _SAID.get(f"{_REMEMBERS.get(model.__name__)}.{name}")
    given = model.model_fields[name].description
    if not said and given:
        said = given if re.search(r"[.!?…]\Z", given) else f"{given}."
    ref = _first(metadata, Ref)
    if not said and ref:
        leaf = _first(metadata, Leaf)
        said = f"Keys of documents of kind {ref.kind}." if leaf is None or leaf.type == "set" else _the_key(ref.kind)
    if not said and isinstance(bare, type) and issubclass(bare, Part):
        said = inspect.getdoc(bare)
    return said or _SAID.get(name, "")


def _the_key(kind: str) -> str:
    article = "an" if kind[0] in "AEIOU" else "a"
    return f"The key of {article} {words(kind)}."


def _examples(model: type[Part], name: str, schema: dict[str, Any], metadata: tuple[Any, ...]) -> list[Any]:
    leaf, ref = _first(metadata, Leaf), _first(metadata, Ref)
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return [schema["enum"][0]]
    if ref and leaf and ref.kind in _KEYS and leaf.type in ("key", "set"):
        return [[_KEYS[ref.kind]]] if leaf.type == "set" else [_KEYS[ref.kind]]
    if name in ("key", "name") and model.__name__ in _KEYS:
        key = _KEYS[model.__name__]
        return [key if name == "key" else key.replace("-", " ").capitalize()]
    if name == "steps" and leaf and leaf.type == "list":
        return [["check-credit", "provision"]]
    named = _NAMED_EXAMPLES.get(name) if name != "version" or issubclass(model, Document) else None
    return named or schema.get("examples") or (_EXAMPLES.get(leaf.type, []) if leaf else [])


def _first(metadata: tuple[Any, ...], wanted: type[T]) -> T | None:
    return next((each for each in metadata if isinstance(each, wanted)), None)


def _changes(metadata: tuple[Any, ...]) -> Iterator[str]:
    """How the field table says that a field changes in a tenant."""
    for each in metadata:
        match each:
            case Synced(unless_override=None):
                yield f"Changes in a tenant under {_options(each)}."
            case Synced():
                yield f"The reseller's own, unless {each.unless_override}: then it changes under {_options(each)}."
            case Unmanaged():
                yield f"No option changes it in a tenant ({each.rule})."
            case ResellerOwned():
                yield f"The {each.owner}'s own once it is created ({each.rule})."
            case Items() | Links():
                yield f"Added in a tenant {_under(each.created)}, removed {_under(each.removed)}."


def _under(declared: Synced | Unmanaged | None) -> str:
    if isinstance(declared, Synced):
        return f"under {_options(declared)}"
    return f"by no option ({declared.rule})" if declared else "by no option"


def _options(declared: Synced) -> str:
    return f"{' or '.join(declared.options)} ({declared.rule})"
