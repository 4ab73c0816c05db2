"""The descriptions and examples in the JSON Schemas, from the models: docstrings, field descriptions and declarations.

A field is described where it is declared (``Field(description=...)``); a new field or option needs no edit here.
"""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, get_args, get_origin

from reconciler.core.schema import unwrapped
from reconciler.core.workspace import words
from reconciler.model.documents.catalog import Document, Part
from reconciler.model.documents.declarations import Bookkeeping, Items, Links, Ref, ResellerOwned, Synced, Unmanaged
from reconciler.model.documents.kinds import STATE_KINDS
from reconciler.model.values.field_types import Leaf
from reconciler.model.values.keys import snake

T = TypeVar("T")
_KIND = "What the document is; it decides which fields there are."
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
"""A sample key of each kind, for examples."""
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
    "action": ["change_quantity"],
    "activation_date": ["2026-11-01"],
    "at": ["2026-11-01T08:00:00Z"],
    "cycle_end": ["2027-10-31"],
    "date": ["2027-11-01"],
    "from": ["2027-01-01"],
    "start_date": ["2026-11-01"],
    "bill_to": ["contoso"],
    "billing_options": [{"invoice": "monthly"}],
    "characteristics": [{"domain": "contoso.example"}],
    "custom_fields": [{"cost_centre": "1200"}],
    "prices": [{"P1M": "6.00"}],
    "product": ["microsoft-365"],
    "provisioning_sync": ["done"],
    "quantity_effective": ["2026-12-01"],
    "bill_to_contact": ["anna@contoso.example"],
    "detail": ["quantity: 5 -> 8"],
    "description": ["For small companies"],
    "headline": ["Everything for the office"],
    "ignore": [["docker-compose.yml", "charts/"]],
    "locked": [["quantity"]],
    "moved_from": ["m365-basic"],
    "reference": ["10023"],
    "responsible_user": ["anna"],
    "ribbon": ["Cancelled by the reseller"],
    "sharing_rule": ["owner"],
    "source": ["sub-1001"],
    "text": ["Mail, files and video calls."],
    "time_zone": ["Europe/Berlin"],
    "type": ["subscription"],
}


def title(name: str) -> str:
    """A field's or model's name for people: ``plan_category`` and ``PlanCategory`` -> ``Plan category``."""
    return snake(name).replace("_", " ").capitalize()


def kind_description(model: type[Part], *, state: bool) -> str:
    """A model's docstring, and how its entities are created in and removed from a tenant."""
    text = inspect.getdoc(model) or ""
    sync = model.sync if issubclass(model, Document) else None
    if sync is None or state:
        return text
    more = []
    if sync.created:
        more.append(f"Created in a tenant under {options_of(sync.created)}.")
    elif sync.dependent:
        more.append(f"Created in a tenant with what needs it ({sync.dependent}).")
    if sync.removed:
        more.append(f"Removed from a tenant under {options_of(sync.removed)}.")
    return " ".join([text, *more])


def described(model: type[Part], name: str, schema: dict[str, Any], *, state: bool) -> tuple[str, list[Any]]:
    """A field's description and examples; ``schema`` is that of its type, which may have its own."""
    info = model.model_fields[name]
    bare, metadata = unwrapped(info.annotation, tuple(info.metadata))
    said = [_own(model, name, bare, metadata), schema.get("description", "")]
    if not state:
        said += _changes(metadata)
    return " ".join(filter(None, said)), _examples(model, name, schema, metadata)


def field_description(model: type[Part], name: str) -> str:
    """What a field is, without how it changes in a tenant."""
    bare, metadata = unwrapped(model.model_fields[name].annotation, tuple(model.model_fields[name].metadata))
    return _own(model, name, bare, metadata)


def _own(model: type[Part], name: str, bare: Any, metadata: tuple[Any, ...]) -> str:
    """The description on the field, else what its reference or its part is; ``""`` if its type describes it."""
    given = _KIND if name == "kind" else model.model_fields[name].description
    if given:
        return given if re.search(r"[.!?…]\Z", given) else f"{given}."
    original = _remembered().get(model)
    if original and name in original.model_fields:
        info = original.model_fields[name]
        return _own(original, name, *unwrapped(info.annotation, tuple(info.metadata)))
    if ref := _first(metadata, Ref):
        leaf = _first(metadata, Leaf)
        return f"Keys of documents of kind {ref.kind}." if leaf is None or leaf.type == "set" else _the_key(ref.kind)
    return inspect.getdoc(bare) or "" if _is_part(bare) else ""


@cache
def _remembered() -> dict[type[Part], type[Part]]:
    """The models of bookkeeping fields and their parts, each with the model whose fields it repeats."""
    found: dict[type[Part], type[Part]] = {}
    for model in STATE_KINDS.values():
        for info in model.model_fields.values():
            bare, metadata = unwrapped(info.annotation, tuple(info.metadata))
            if _first(metadata, Bookkeeping) and _is_part(bare):
                found |= _repeated(bare, model)
    return found


def _repeated(memory: type[Part], original: type[Part]) -> dict[type[Part], type[Part]]:
    found = {memory: original}
    for name in memory.model_fields.keys() & original.model_fields.keys():
        one, other = _item_part(memory, name), _item_part(original, name)
        if one and other and one is not other:
            found |= _repeated(one, other)
    return found


def _item_part(model: type[Part], name: str) -> type[Part] | None:
    bare, _ = unwrapped(model.model_fields[name].annotation)
    item = get_args(bare)[-1] if get_origin(bare) is dict else bare
    return item if _is_part(item) else None


def _is_part(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Part)


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
    named = [each for each in _NAMED_EXAMPLES.get(name, ()) if not isinstance(each, dict) or _is_map(schema)]
    given = named or schema.get("examples") or _listed_values(schema)[:1]
    return given or (_EXAMPLES.get(leaf.type, []) if leaf else [])


def _is_map(schema: dict[str, Any]) -> bool:
    """Whether a schema is that of a map by key."""
    return isinstance(schema.get("additionalProperties"), dict) or any(map(_is_map, schema.get("anyOf", ())))


def _listed_values(schema: dict[str, Any]) -> list[Any]:
    """The values that a schema lists, also beside null."""
    options = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    values: list[Any] = schema.get("enum") or (_listed_values(options[0]) if len(options) == 1 else [])
    return values


def _first(metadata: tuple[Any, ...], wanted: type[T]) -> T | None:
    return next((each for each in metadata if isinstance(each, wanted)), None)


def _changes(metadata: tuple[Any, ...]) -> Iterator[str]:
    """The sentences about how a field changes in a tenant, from its declarations."""
    for each in metadata:
        match each:
            case Synced(unless_override=None):
                yield f"Changes in a tenant under {options_of(each)}."
            case Synced():
                yield f"The reseller's own, unless {each.unless_override}: then it changes under {options_of(each)}."
            case Unmanaged():
                yield f"No option changes it in a tenant ({each.rule})."
            case ResellerOwned():
                yield f"The {each.owner}'s own once it is created ({each.rule})."
            case Items() | Links():
                yield f"Added in a tenant {_under(each.created)}, removed {_under(each.removed)}."


def _under(declared: Synced | Unmanaged | None) -> str:
    if isinstance(declared, Synced):
        return f"under {options_of(declared)}"
    return f"by no option ({declared.rule})" if declared else "by no option"


def options_of(declared: Synced) -> str:
    """The options that permit a change, with the rule: ``plans.create (CB-03)``."""
    return f"{' or '.join(declared.options)} ({declared.rule})"
