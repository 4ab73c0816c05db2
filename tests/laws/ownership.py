"""What belongs to the reseller in a copy, and stays whatever comes down (the field table of RULES.md)."""

from collections.abc import Iterator

from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body

OWN_FIELDS = {
    "Plan": ("switchable_plans",),
    "PlanCategory": ("description",),
    "Product": ("published",),
}
OWN_LINKS = {
    "Plan": {"sales_categories": "SalesCategory"},
    "Tenant": {"roles": "Role", "terms_and_conditions": "TermsAndConditions"},
}
"""Sets of links that hold the reseller's own beside what came down."""
DISABLED = "disabled_by_provider"


def lost(before: Entity, after: Entity, state: State, origin: str, *, adopts: bool) -> Iterator[str]:
    """What of the reseller's own an entity has no more. ``state``: before; ``origin``: of what came down; ``adopts``:
    whether its own items may be taken over (ORIGIN-04).
    """
    yield from _fields(before, after)
    yield from _links(before, after, state, origin)
    if before.id.kind == "Plan" and before.origin == origin:
        for name in ("periods", "resources"):
            yield from _items(before.body.get(name, {}), after.body.get(name, {}), origin, adopts)
    if before.id.kind == "Product":
        yield from _cycles(before, after)


def _fields(before: Entity, after: Entity) -> Iterator[str]:
    for name in OWN_FIELDS.get(before.id.kind, ()):
        if name in before.body and after.body.get(name) != before.body[name]:
            yield name
    returns = before.body.get("status") == DISABLED
    if before.id.kind == "Plan" and not returns and after.body.get("published") != before.body.get("published"):
        yield "published"


def _links(before: Entity, after: Entity, state: State, origin: str) -> Iterator[str]:
    for name, kind in OWN_LINKS.get(before.id.kind, {}).items():
        for key in before.body.get(name, ()):
            have = state.get(EntityId(kind, key))
            if have is not None and have.origin != origin and key not in after.body.get(name, ()):
                yield f"{name}.{key}"


def _items(before: Body, after: Body, origin: str, adopts: bool) -> Iterator[str]:
    for key, item in before.items():
        now = after.get(key)
        taken = adopts and now is not None and now.get("origin") == origin
        if item.get("origin") != origin and now != item and not taken:
            yield f"its own {key}"


def _cycles(before: Entity, after: Entity) -> Iterator[str]:
    for key, cycle in before.body.get("billing_cycles", {}).items():
        now = after.body.get("billing_cycles", {}).get(key, cycle)
        yield from (f"{key}.{name}" for name in ("active", "selling_price") if now.get(name) != cycle.get(name))
