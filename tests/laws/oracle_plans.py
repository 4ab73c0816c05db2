"""The oracle's plans: what is delegated anew, and what of a delegated copy follows the provider."""

from __future__ import annotations

from tests.laws.oracle_inputs import Doc, leaf, same, same_number, same_set
from tests.laws.oracle_judge import Judge

# CB-25, the whole table.
AVAILABILITY = (
    "resources.remove_obsolete",
    "resources.update_prices",
    "resources.update_limits",
    "other.sync_terms_and_conditions",
)


def judge_plans(judge: Judge) -> list[str]:
    """Judge every plan. Returns the keys of those that are delegated: before on the list, or by this plan."""
    inputs = judge.inputs
    copies = {key for key in inputs.state.get("Plan", {}) if inputs.copy("Plan", key) is not None}
    new = [key for key in inputs.listed if key not in copies]
    conflict = any(_term_conflicts(judge, inputs.catalog["Plan"][key]) for key in new)
    delegated = [key for key in new if _delegate(judge, key, conflict=conflict)]
    for key in sorted(copies):
        if key in inputs.listed:
            _synchronise(judge, key, inputs.catalog["Plan"][key], inputs.state["Plan"][key])
            delegated.append(key)
        elif inputs.state["Plan"][key].get("status") != "disabled_by_provider":
            judge.difference(("Plan", key), "status", "plans.enable_disable")  # CB-08: and nothing else of it
    return delegated


def _term_conflicts(judge: Judge, plan: Doc) -> bool:
    """AP-17, AP-20: in a tenant's own document a term without `delegated` is not delegated."""
    term = judge.inputs.here("ServiceTerm", plan["service_term"])
    return term is not None and not term.get("delegated", False)


def _delegate(judge: Judge, key: str, *, conflict: bool) -> bool:
    """A plan that was not delegated before: created, or the tenant's own taken over."""
    inputs, plan, at = judge.inputs, judge.inputs.catalog["Plan"][key], ("Plan", key)
    collides = inputs.own("Plan", key) or inputs.own("Product", plan["product"])  # AP-10, origin
    blocked = (
        plan["status"] != "active"  # AP-04
        or conflict  # AP-19: one conflicting term holds every new plan
        or judge.hidden_templates(plan.get("notification_schedule"))  # CB-20
        or (collides and not inputs.adopt)
    )
    if not judge.difference(at, "", "plans.create", blocked=blocked):
        return False
    own = inputs.here("Plan", key) or {}
    if not same_set(plan.get("usage_statistics"), own.get("usage_statistics")):
        judge.difference(at, "usage_statistics", "plans.attach_usage_statistics")  # CB-21
    _need_of_plan(judge, plan)
    return True


def _need_of_plan(judge: Judge, plan: Doc) -> None:
    """CB-03, CB-06: every dependent of a new plan, whatever the other options and vetoes say."""
    periods = (plan.get("periods") or {}).values()
    judge.need("PlanCategory", [plan["plan_category"]])
    judge.need("SalesCategory", plan.get("sales_categories") or ())
    judge.need("ServiceTerm", [plan["service_term"]])
    judge.need("NotificationSchedule", [plan.get("notification_schedule")])
    judge.need("ExpirationSchedule", [plan.get("expiration_schedule")])
    judge.need("ExpirationSchedule", [period.get("expiration_schedule") for period in periods])
    for rate in (plan.get("resources") or {}).values():
        if _for_sale(rate):  # reading 13: what is not, does not come down, whatever the tenant has under that name
            judge.need("ResourceCategory", [rate.get("category")])
    judge.need_product(plan["product"])


def _synchronise(judge: Judge, key: str, plan: Doc, copy: Doc) -> None:
    _status(judge, key, plan, copy)
    _links(judge, key, plan, copy)
    _periods(judge, key, plan, copy)
    _rates(judge, key, plan, copy)


def _status(judge: Judge, key: str, plan: Doc, copy: Doc) -> None:
    at, option = ("Plan", key), "plans.enable_disable"
    desired = "active" if plan["status"] == "active" else "disabled_by_provider"  # CB-35
    actual = copy.get("status")
    if actual == desired:
        return
    judge.difference(at, "status", option)
    if actual == "disabled_by_provider" and copy.get("published") is False:
        judge.difference(at, "published", option)  # CB-09; CB-11: a flag that flips alone is no difference


def _links(judge: Judge, key: str, plan: Doc, copy: Doc) -> None:
    at, veto = ("Plan", key), judge.inputs.veto.get("categories", False)
    for name in ("name", "product", "service_term"):
        if not same(plan.get(name), copy.get(name)):
            judge.difference(at, name)
    if not same(plan.get("plan_category"), copy.get("plan_category")) and judge.difference(
        at, "plan_category", "plans.update_categories", vetoed=veto
    ):
        judge.need("PlanCategory", [plan["plan_category"]])
    _sales_categories(judge, key, plan, copy)
    schedule = plan.get("notification_schedule")
    if not same(schedule, copy.get("notification_schedule")) and judge.difference(
        at,
        "notification_schedule",
        "plans.update_notification_schedules",
        blocked=judge.hidden_templates(schedule),
    ):
        judge.need("NotificationSchedule", [schedule])
    _expiration(judge, at, "expiration_schedule", plan, copy)
    if not same_set(plan.get("usage_statistics"), copy.get("usage_statistics")):
        judge.difference(at, "usage_statistics", "plans.attach_usage_statistics")


def _sales_categories(judge: Judge, key: str, plan: Doc, copy: Doc) -> None:
    """The tenant's own categories are no part of the comparison, on either side."""
    inputs = judge.inputs
    desired = {name for name in plan.get("sales_categories") or () if not inputs.own("SalesCategory", name)}
    actual = {name for name in copy.get("sales_categories") or () if not inputs.own("SalesCategory", name)}
    veto = inputs.veto.get("categories", False)
    if desired != actual and judge.difference(
        ("Plan", key), "sales_categories", "plans.update_categories", vetoed=veto
    ):
        judge.need("SalesCategory", desired)


def _expiration(judge: Judge, at: tuple[str, str], path: str, above: Doc, here: Doc) -> None:
    """CB-13. A schedule is no amount, so `veto: {prices: true}` does not hold it."""
    schedule = above.get("expiration_schedule")
    if not same(schedule, here.get("expiration_schedule")) and judge.difference(at, path, "plans.update_fees"):
        judge.need("ExpirationSchedule", [schedule])


def _periods(judge: Judge, key: str, plan: Doc, copy: Doc) -> None:
    at, inputs = ("Plan", key), judge.inputs
    above, here = plan.get("periods") or {}, copy.get("periods") or {}
    own = {name for name, period in here.items() if not inputs.has_origin({"origin": copy["origin"], **period})}
    for name in above.keys() | here.keys():
        path = leaf("periods", name)
        if name not in above:
            if name not in own:
                judge.difference(at, path)  # CB-33; an own period is in nobody's way (ORIGIN-04)
        elif name not in here or name in own:
            if judge.difference(at, path, "plans.create", blocked=name in own and not inputs.adopt):  # CB-04, ORIGIN-04
                judge.need("ExpirationSchedule", [above[name].get("expiration_schedule")])
        else:
            _amounts(judge, key, leaf(path, "fees"), (above[name].get("fees"), here[name].get("fees")))
            _expiration(judge, at, leaf(path, "expiration_schedule"), above[name], here[name])


def _amounts(judge: Judge, key: str, path: str, pair: tuple[Doc | None, Doc | None]) -> None:
    """Fees and prices. CB-34: a veto holds changes of existing amounts, so an amount that is new passes (Reading 5)."""
    above, here = pair[0] or {}, pair[1] or {}
    option = "plans.update_fees" if path.startswith("periods") else "resources.update_prices"
    veto = judge.inputs.veto.get("prices", False)
    for name in above.keys() | here.keys():
        if not same_number(above.get(name), here.get(name)):
            judge.difference(("Plan", key), leaf(path, name), option, vetoed=veto and here.get(name) is not None)


def _rates(judge: Judge, key: str, plan: Doc, copy: Doc) -> None:
    at, inputs = ("Plan", key), judge.inputs
    above, here = plan.get("resources") or {}, copy.get("resources") or {}
    for name in above.keys() | here.keys():
        path = leaf("resources", name)
        if name not in above:
            if inputs.has_origin(here[name]):
                judge.difference(at, path, "resources.remove_obsolete")  # CB-24; an own rate is left alone
        elif name in here and inputs.has_origin(here[name]):
            _rate(judge, key, name, (above[name], here[name]))
        elif not _for_sale(above[name]):
            pass  # CB-23: what is not for sale and the copy lacks is no difference
        elif judge.difference(at, path, "resources.create", blocked=name in here and not inputs.adopt):
            # CB-22, CB-23; ORIGIN-04: the tenant's own rate in its place is taken over, or in the way
            judge.need("ResourceCategory", [above[name].get("category")])


def _for_sale(rate: Doc) -> bool:
    return bool(rate.get("available", True))


def _rate(judge: Judge, key: str, name: str, pair: tuple[Doc, Doc]) -> None:
    """A rate that exists on both sides and came down."""
    at, path, (above, here) = ("Plan", key), leaf("resources", name), pair
    if _for_sale(above) != _for_sale(here):
        judge.difference(at, leaf(path, "available"), *AVAILABILITY)
    veto = judge.inputs.veto.get("categories", False)
    if not same(above.get("category"), here.get("category")) and judge.difference(
        at, leaf(path, "category"), "plans.update_categories", vetoed=veto
    ):
        judge.need("ResourceCategory", [above.get("category")])
    _amounts(judge, key, leaf(path, "prices"), (above.get("prices"), here.get("prices")))
    limits, actual = above.get("limits") or {}, here.get("limits") or {}
    for limit in limits.keys() | actual.keys():
        if not same_number(limits.get(limit), actual.get(limit)):
            judge.difference(at, leaf(path, "limits", limit), "resources.update_limits")
