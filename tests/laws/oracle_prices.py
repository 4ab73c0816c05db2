"""The oracle's price list: products that come and go by it, their billing cycles, prices and units (IW-01 to IW-09)."""

from __future__ import annotations

from tests.laws.oracle_inputs import Doc, Inputs, leaf, same_number
from tests.laws.oracle_judge import Judge


def judge_listed(judge: Judge) -> None:
    """IW-04: products of the list that the tenant lacks come; its own of that key is in the way, or taken over."""
    inputs = judge.inputs
    for key in inputs.price_list or {}:
        if inputs.copy("Product", key) is not None or judge.created("Product", key):
            continue  # it is there, or comes with a delegated plan: a product stands once
        own = inputs.own("Product", key)
        if judge.difference(("Product", key), "", "price_list.products", blocked=own and not inputs.adopt):
            judge.need_of_product(key)


def judge_cycles(judge: Judge) -> None:
    """The list speaks of the billing cycles of its own products; those of others stay (IW-23, Reading 18)."""
    units: set[str] = set()
    for key, prices in (judge.inputs.price_list or {}).items():
        coming = judge.created("Product", key)
        copy = judge.inputs.copy("Product", key)
        if coming or copy is not None:
            here = (judge.inputs.here("Product", key) or {}).get("billing_cycles") or {}
            units |= {name for name in prices if here.get(name, {}).get("active", True)}
            _cycles(judge, key, prices, here, coming=coming)
    _units(judge, units)
    for key in retired(judge.inputs):
        if judge.inputs.state["Product"][key].get("active", True):
            judge.difference(("Product", key), "active", "price_list.activation")


def _cycles(judge: Judge, key: str, prices: Doc, here: Doc, *, coming: bool) -> None:
    """A product that comes brings its cycles and prices; what an own one has besides is judged by itself."""
    at, veto = ("Product", key), judge.inputs.veto.get("prices", False)
    for name in prices.keys() | here.keys():
        path = leaf("billing_cycles", name)
        if name not in prices:
            judge.difference(at, path, "price_list.remove_billing_cycles")
        elif coming:
            pass
        elif name not in here:
            judge.difference(at, path, "price_list.add_billing_cycles")
        elif not same_number(prices[name], here[name].get("purchase_price")):
            vetoed = veto and here[name].get("purchase_price") is not None
            path = leaf(path, "purchase_price")
            judge.difference(at, path, "price_list.purchase_prices", vetoed=vetoed)


def _units(judge: Judge, units: set[str]) -> None:
    """IW-07: units that a listed product, as it is there or comes, is sold by, and that are not active (Reading 19)."""
    inputs = judge.inputs
    here = (inputs.here("Tenant", inputs.reseller) or {}).get("billing_cycles") or {}
    for name in units:
        path = leaf("billing_cycles", name)
        if name not in here:
            judge.difference(("Tenant", inputs.reseller), path, "price_list.add_billing_cycles")
        elif not here[name].get("active", True):
            judge.difference(("Tenant", inputs.reseller), leaf(path, "active"), "price_list.add_billing_cycles")


def retired(inputs: Inputs) -> set[str]:
    """IW-01, IW-23: products that came down and that neither the list nor a plan on the delegated list holds."""
    if inputs.price_list is None:
        return set()
    has_origin = {key for key in inputs.state.get("Product", {}) if inputs.copy("Product", key) is not None}
    return has_origin - inputs.price_list.keys() - _of_plans(inputs)


def _of_plans(inputs: Inputs) -> set[str]:
    """Products of plans on the list, delegated yet or not (Reading 20), as linked upstream or in the copy."""
    plans = [inputs.catalog["Plan"][key] for key in inputs.listed if _to_be_had(inputs, key)]
    copies = [copy for key in inputs.listed if (copy := inputs.copy("Plan", key)) is not None]
    return {plan["product"] for plan in plans + copies}


def _to_be_had(inputs: Inputs, plan: str) -> bool:
    """AP-04, CB-35."""
    return inputs.catalog["Plan"][plan]["status"] == "active" or inputs.copy("Plan", plan) is not None


def wanted_groups(inputs: Inputs) -> set[str]:
    """Groups that a product of the list, or of a plan on the delegated list, stands in upstream."""
    plans = [inputs.catalog["Plan"][key]["product"] for key in inputs.listed if _to_be_had(inputs, key)]
    copies = {key for key in _of_plans(inputs) if inputs.copy("Product", key) is not None}
    keys = (inputs.price_list or {}).keys() | copies.union(plans)
    products = (inputs.above("Product", key) for key in keys)
    return {each["group"] for each in products if each is not None and each.get("group") is not None}
