"""The oracle's other entities: what delegated plans need, the product catalogue, and what a template gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tests.laws.oracle_inputs import Doc, Inputs, leaf, same, same_map, same_number, same_set
from tests.laws.oracle_judge import Judge
from tests.laws.oracle_prices import judge_cycles, judge_listed, retired, wanted_groups

EqualChanges = Callable[[Any, Any], bool]
RELATIONS = ("upgrade", "downgrade", "required", "cross")
TYPE_OPTIONS = (
    "auto_cancel_add_ons",
    "auto_cancel_subscriptions",
    "auto_downgrade",
    "quantity_limit",
    "single_active_subscription",
)
GIVEN_KINDS: tuple[tuple[str, str, str, dict[str, EqualChanges]], ...] = (
    ("OrderFlow", "order_flow", "other.update_order_flow", {"name": same, "steps": same}),
    ("Role", "roles", "other.update_roles", {"name": same, "privileges": same_set}),
    (
        "TermsAndConditions",
        "terms_and_conditions",
        "other.sync_terms_and_conditions",
        {"name": same, "version": same, "url": same, "required": same_set},
    ),
)


def judge_needed(judge: Judge, delegated: list[str]) -> None:
    """Entities that came down and that a delegated plan needs (CB-16); orphans are left alone."""
    inputs = judge.inputs
    plans = [inputs.catalog["Plan"][key] for key in delegated]
    # A product and a term never move with their plan (unmanaged), so what the copy is linked to is needed as well.
    copies = [copy for key in delegated if (copy := inputs.copy("Plan", key)) is not None]
    _categories(judge, plans)
    _schedules(judge, plans)
    for term, above, here in _pairs(inputs, "ServiceTerm", _links(plans + copies, "service_term")):
        fields: dict[str, EqualChanges] = {"name": same, "duration": same, "delegated": same}
        _compare(judge, ("ServiceTerm", term), {**above, "delegated": True}, here, fields=fields)
    needed = _links(plans + copies, "product")
    judge_listed(judge)
    _products(judge, needed | set(judge.inputs.price_list or {}))
    judge_cycles(judge)


def _links(docs: Iterable[Doc], *names: str) -> set[str]:
    return {doc[name] for doc in docs for name in names if doc.get(name) is not None}


def _pairs(inputs: Inputs, kind: str, keys: Iterable[str]) -> Iterable[tuple[str, Doc, Doc]]:
    """Upstream's and tenant's document, for the keys that both have and that came down."""
    for key in keys:
        above, here = inputs.above(kind, key), inputs.copy(kind, key)
        if above is not None and here is not None:
            yield key, above, here


def _compare(
    judge: Judge,
    at: tuple[str, str],
    above: Doc,
    here: Doc,
    *options: str,
    fields: dict[str, EqualChanges],
    vetoed: bool = False,
    blocked: bool = False,
) -> None:
    for name, equal in fields.items():
        if not equal(above.get(name), here.get(name)):
            judge.difference(at, name, *options, vetoed=vetoed, blocked=blocked)


def _categories(judge: Judge, plans: list[Doc]) -> None:
    """CB-15. Descriptions of plan categories are the reseller's, and CB-17's flag is unless CB-18 says otherwise."""
    sales = {"name": same, "description": same, "position": same}
    if judge.inputs.overrides.get("sync_display_in_control_panel", False):
        sales["display_in_control_panel"] = same
    rates = [rate for plan in plans for rate in (plan.get("resources") or {}).values()]
    wanted: tuple[tuple[str, set[str], dict[str, EqualChanges]], ...] = (
        ("PlanCategory", _links(plans, "plan_category"), {"name": same}),
        ("SalesCategory", {key for plan in plans for key in plan.get("sales_categories") or ()}, dict(sales)),
        ("ResourceCategory", _links(rates, "category"), {"name": same}),
    )
    veto = judge.inputs.veto.get("categories", False)
    for kind, keys, fields in wanted:
        for key, above, here in _pairs(judge.inputs, kind, keys):
            _compare(judge, (kind, key), above, here, "plans.update_categories", fields=fields, vetoed=veto)


def _schedules(judge: Judge, plans: list[Doc]) -> None:
    periods = [period for plan in plans for period in (plan.get("periods") or {}).values()]
    for key, above, here in _pairs(judge.inputs, "ExpirationSchedule", _links(plans + periods, "expiration_schedule")):
        fields: dict[str, EqualChanges] = {"name": same, "steps": same_map}
        _compare(judge, ("ExpirationSchedule", key), above, here, "plans.update_fees", fields=fields)
    option, given = "plans.update_notification_schedules", judge.inputs.template.notification_schedules
    for key in given:
        if judge.inputs.here("NotificationSchedule", key) is None and not judge.created("NotificationSchedule", key):
            judge.difference(("NotificationSchedule", key), "", option, blocked=judge.hidden_templates(key))
    used = _links(plans, "notification_schedule") | given
    for key, above, here in _pairs(judge.inputs, "NotificationSchedule", used):
        fields = {"name": same, "notices": same_map}
        hidden = judge.hidden_templates(key)
        _compare(judge, ("NotificationSchedule", key), above, here, option, fields=fields, blocked=hidden)


def _products(judge: Judge, keys: set[str]) -> None:
    pairs = list(_pairs(judge.inputs, "Product", keys))
    for key, above, here in pairs:
        at = ("Product", key)
        if bool(above.get("active", True)) != bool(here.get("active", True)):
            judge.difference(at, "active", "price_list.activation")
        fields: dict[str, EqualChanges] = {"name": same, "category": same, "type": same, "add_on_of": same_set}
        _compare(judge, at, above, here, fields=fields)
        _compare(judge, at, above, here, "price_list.product_groups", fields={"group": same})
        _relations(judge, key, above.get("relations") or {}, here.get("relations") or {})
    coming = {key: judge.inputs.catalog["Product"][key] for key in keys if judge.created("Product", key)}
    both = [doc for _, above, here in pairs for doc in (above, here)] + list(coming.values())
    for key, above, here in _pairs(judge.inputs, "ProductCategory", _links(both, "category")):
        _compare(judge, ("ProductCategory", key), above, here, fields={"name": same})
    for key, above, here in _pairs(judge.inputs, "ProductType", _links(both, "type")):
        _product_type(judge, key, above, here)
    _groups(judge, {key: above for key, above, _ in pairs} | coming)


def _relations(judge: Judge, key: str, above: Doc, here: Doc) -> None:
    """IW-10, IW-11, IW-23. A relation to a product of the tenant's own is the tenant's own (Reading 8)."""
    inputs = judge.inputs
    for name in RELATIONS:
        desired, actual = set(above.get(name) or ()), set(here.get(name) or ())
        if any(inputs.here("Product", to) is not None or judge.created("Product", to) for to in desired - actual):
            judge.difference(("Product", key), f"relations.{name}[+]", "price_list.relations")
        if any(not inputs.own("Product", to) for to in actual - desired):
            judge.difference(("Product", key), f"relations.{name}[-]")


def _product_type(judge: Judge, key: str, above: Doc, here: Doc) -> None:
    at = ("ProductType", key)
    _compare(judge, at, above, here, fields={"name": same, "description": same})
    desired, actual = above.get("options") or {}, here.get("options") or {}
    for name in TYPE_OPTIONS:
        equal = same_number if name == "quantity_limit" else same
        if not equal(desired.get(name), actual.get(name)):
            judge.difference(at, leaf("options", name), "price_list.product_type_options")


def _groups(judge: Judge, pairs: dict[str, Doc]) -> None:
    """Groups of products that came down: new ones (IW-12), changed ones, and ones that are left empty (IW-16)."""
    inputs, option = judge.inputs, "price_list.product_groups"
    desired = _links(pairs.values(), "group")
    for key in desired:
        if inputs.here("ProductGroup", key) is None and not judge.created("ProductGroup", key):
            judge.difference(("ProductGroup", key), "", option)
    for key, above, here in _pairs(inputs, "ProductGroup", desired):
        at = ("ProductGroup", key)
        _compare(judge, at, above, here, option, fields={"name": same})
        material, actual = above.get("marketing") or {}, here.get("marketing") or {}
        for name in material.keys() | actual.keys():
            if not same(material.get(name), actual.get(name)):
                judge.difference(at, leaf("marketing", name), option)
    held = desired | _held_otherwise(inputs, pairs)
    for key in retired(inputs):
        group = inputs.state["Product"][key].get("group")
        if group is not None and inputs.copy("ProductGroup", group) is not None and group not in wanted_groups(inputs):
            judge.difference(("Product", key), "group", option)  # IW-16: it does not stay in a group that goes
    for key in inputs.state.get("ProductGroup", {}):
        if key not in held and inputs.copy("ProductGroup", key) is not None:
            judge.difference(("ProductGroup", key), "", option)


def _held_otherwise(inputs: Inputs, pairs: dict[str, Doc]) -> set[str]:
    """Groups of the tenant's other products, and of products that a plan on the list would bring (Reading 7)."""
    gone = retired(inputs)
    others = [doc for key, doc in inputs.state.get("Product", {}).items() if key not in pairs and key not in gone]
    coming = [inputs.catalog["Plan"][key]["product"] for key in inputs.listed]
    return _links(others + [inputs.catalog["Product"][key] for key in (*coming, *(inputs.price_list or ()))], "group")


def judge_given(judge: Judge) -> None:
    """CB-29..CB-31: what the template gives, what it gives no more, and the tenant's links to them."""
    inputs, template = judge.inputs, judge.inputs.template
    tenant = inputs.here("Tenant", inputs.reseller) or {}
    wanted = {
        "OrderFlow": frozenset([template.order_flow] if template.order_flow is not None else ()),
        "Role": template.roles,
        "TermsAndConditions": template.terms_and_conditions,
    }
    for kind, link, option, fields in GIVEN_KINDS:
        for key in wanted[kind]:
            if inputs.here(kind, key) is None:
                judge.difference((kind, key), "", option)
        for key, above, here in _pairs(inputs, kind, wanted[kind]):
            _compare(judge, (kind, key), above, here, option, fields=fields)
        for key in inputs.state.get(kind, {}):
            if key not in wanted[kind] and inputs.copy(kind, key) is not None:
                judge.difference((kind, key), "", option)
        _tenant_link(judge, (kind, link, option), wanted[kind], tenant.get(link))


def _tenant_link(judge: Judge, row: tuple[str, str, str], wanted: frozenset[str], actual: Any) -> None:
    """A field of the Tenant, compared over what is not the tenant's own."""
    kind, link, option = row
    members = [actual] if isinstance(actual, str) else actual or ()
    own = judge.inputs.own
    if {key for key in wanted if not own(kind, key)} != {key for key in members if not own(kind, key)}:
        judge.difference(("Tenant", judge.inputs.reseller), link, option)
