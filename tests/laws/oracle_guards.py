"""An independent oracle for guards (GUARD-01): which trip on a tenant's changes, and what is at fault.

Written from the text of RULES.md and from nothing else: it reads documents, and imports nothing of the engine.
Readings, where the text is open: amounts are prices (fees, resource prices, purchase prices) as they hold on the day;
an amount that comes or goes is no existing amount that changes; "entities with origin" are those that came down from
the tenant's upstream: what has another origin counts as its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

Document: TypeAlias = Mapping[str, Any]

CURRENCY = "EUR"
"""The forests' providers count in it."""
DEFAULTS: Mapping[str, Any] = {
    "max_deletes": "10%",
    "max_price_change": "50%",
    "max_changes": False,
    "currency_change": True,
    "price_to_zero": True,
}


class Pair(NamedTuple):
    """An entity before and after, each ``None`` if it is not there. ``name``: as ``<kind>/<key>``."""

    name: str
    before: Document | None
    after: Document | None


def tripped(
    settings: Document, state: Iterable[Document], changes: Iterable[Pair], *, origin: str, day: str
) -> dict[str, set[str]]:
    """By guard, the names of the entities at fault. ``settings``: the policy's, over the defaults; ``origin``: what
    came down has it.
    """
    have, pairs = list(state), list(changes)
    wanted = {**DEFAULTS, **settings}
    own = next((each.get("currency") for each in have if each["kind"] == "Tenant"), None)
    foreign = own is not None and own != CURRENCY
    faults = {
        "max_deletes": _deletes(wanted["max_deletes"], origin, have, pairs),
        "max_price_change": {each.name for each in pairs if _moves_far(each, wanted["max_price_change"], day)},
        "max_changes": _changes(wanted["max_changes"], pairs),
        "currency_change": {each.name for each in pairs if foreign and _writes(each, day)},
        "price_to_zero": {each.name for each in pairs if any(old and not new for old, new in _moves(each, day))},
    }
    return {guard: found for guard, found in faults.items() if found and wanted[guard] is not False}


def _share(limit: str) -> Fraction:
    return Fraction(limit.rstrip("%")) / 100


def _deletes(limit: Any, origin: str, have: list[Document], pairs: list[Pair]) -> set[str]:
    gone = [each for each in pairs if each.before and each.before.get("origin") == origin and _goes(each)]
    of = sum(each.get("origin") == origin for each in have)
    dangerous = limit is not False and len(gone) > 5 and Fraction(len(gone), of) > _share(limit)
    return {each.name for each in gone} if dangerous else set()


def _goes(pair: Pair) -> bool:
    """Removed, disabled or retired."""
    _, before, after = pair
    assert before is not None
    if after is None:
        return True
    off = "disabled_by_provider"
    if after["kind"] == "Plan":
        return bool(after.get("status") == off != before.get("status"))
    return after["kind"] == "Product" and not after.get("active", True) and bool(before.get("active", True))


def _changes(limit: Any, pairs: list[Pair]) -> set[str]:
    found = {each.name for each in pairs if each.before is not None}
    return found if limit is not False and len(found) > limit else set()


def _moves_far(pair: Pair, limit: Any, day: str) -> bool:
    return limit is not False and any(abs(new - old) > old * _share(limit) for old, new in _moves(pair, day) if old)


def _moves(pair: Pair, day: str) -> Iterator[tuple[Fraction, Fraction]]:
    """The prices that are there before and after."""
    before, after = (dict(_prices(each, day)) if each else {} for each in pair[1:])
    return ((before[path], after[path]) for path in before if path in after)


def _writes(pair: Pair, day: str) -> bool:
    """Whether it writes a price that is not nothing."""
    before, after = (dict(_prices(each, day)) if each else {} for each in pair[1:])
    return any(amount and before.get(path) != amount for path, amount in after.items())


def _prices(document: Document, day: str) -> Iterator[tuple[tuple[str, ...], Fraction]]:
    for period, each in document.get("periods", {}).items():
        yield from _amounts(("periods", period), each.get("fees", {}), day)
    for resource, each in document.get("resources", {}).items():
        yield from _amounts(("resources", resource), each.get("prices", {}), day)
    for period, each in document.get("billing_cycles", {}).items() if document["kind"] == "Product" else ():
        price = {"purchase_price": each["purchase_price"]} if "purchase_price" in each else {}
        yield from _amounts(("billing_cycles", period), price, day)


def _amounts(path: tuple[str, ...], amounts: Document, day: str) -> Iterator[tuple[tuple[str, ...], Fraction]]:
    for name, value in amounts.items():
        if isinstance(value, list):
            value = next((each["amount"] for each in reversed(value) if each["from"] <= day), None)
        if value is not None:
            yield (*path, name), Fraction(value)
