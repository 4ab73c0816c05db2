"""The oracle's leftovers: what came down, that nothing wants or refers to any more, and that no option removes."""

from __future__ import annotations

from collections.abc import Iterator

from tests.laws.oracle_inputs import Doc, Inputs
from tests.laws.oracle_judge import Judge

Named = tuple[str, str]
LEFT = (
    "ServiceTerm",
    "PlanCategory",
    "SalesCategory",
    "ProductCategory",
    "ProductType",
    "ResourceCategory",
    "NotificationSchedule",
    "ExpirationSchedule",
    "Product",
)


def judge_leftovers(judge: Judge) -> None:
    """RULES.md, table of verdicts: `unmanaged` (Reading 22)."""
    inputs = judge.inputs
    spared = _wanted(inputs) | _referred_to(inputs)
    for kind in LEFT:
        for key, have in inputs.state.get(kind, {}).items():
            if not inputs.has_origin(have) or (kind, key) in spared:
                continue
            if kind != "Product" or (inputs.price_list is None and have.get("active", True)):
                judge.difference((kind, key), "")


def _wanted(inputs: Inputs) -> set[Named]:
    queue: list[Named] = [("Plan", key) for key in inputs.listed]
    queue += [("Product", key) for key in inputs.price_list or ()]
    # what a copy of a plan on the list links, where that never moves (unmanaged), is needed as upstream has it
    copies = [copy for key in inputs.listed if (copy := inputs.copy("Plan", key)) is not None]
    # (not what a product of the tenant's own in its place would need: that one follows nothing)
    linked = {copy["product"] for copy in copies if copy.get("product") is not None}
    own = {key for key, have in inputs.state.get("Product", {}).items() if not inputs.has_origin(have)}
    queue += [("Product", key) for key in linked - own]
    queue += [("NotificationSchedule", key) for key in inputs.template.notification_schedules]
    wanted: set[Named] = set()
    while queue:
        kind, key = queue.pop()
        if (kind, key) not in wanted:
            wanted.add((kind, key))
            queue += _needs(kind, inputs.above(kind, key) or {})
    return wanted


def _referred_to(inputs: Inputs) -> set[Named]:
    """What other documents of the tenant name, whosever they are."""
    found: set[Named] = set()
    for kind, documents in inputs.state.items():
        for key, document in documents.items():
            found |= {*_needs(kind, document), *_mentions(kind, document)} - {(kind, key)}
    return found


def _needs(kind: str, document: Doc) -> Iterator[Named]:
    """What comes down with a document."""
    if kind == "Plan":
        yield from _of_plan(document)
    elif kind == "Product":
        for name, what in (("category", "ProductCategory"), ("type", "ProductType")):
            if document.get(name) is not None:
                yield what, document[name]


def _of_plan(plan: Doc) -> Iterator[Named]:
    links = (
        ("Product", "product"),
        ("PlanCategory", "plan_category"),
        ("ServiceTerm", "service_term"),
        ("NotificationSchedule", "notification_schedule"),
        ("ExpirationSchedule", "expiration_schedule"),
    )
    yield from ((kind, plan[name]) for kind, name in links if plan.get(name) is not None)
    yield from (("SalesCategory", key) for key in plan.get("sales_categories") or ())
    for period in (plan.get("periods") or {}).values():
        if period.get("expiration_schedule") is not None:
            yield "ExpirationSchedule", period["expiration_schedule"]
    for rate in (plan.get("resources") or {}).values():
        if rate.get("category") is not None:
            yield "ResourceCategory", rate["category"]


def _mentions(kind: str, document: Doc) -> Iterator[Named]:
    """What a document names that does not come down with it."""
    if kind == "Product":
        linked = (document.get("relations") or {}).values()
        yield from (("Product", key) for keys in (document.get("add_on_of") or (), *linked) for key in keys or ())
    elif kind == "Subscription":
        yield "Product", document["product"]
        yield from (("Product", each["product"]) for each in (document.get("add_ons") or {}).values())
