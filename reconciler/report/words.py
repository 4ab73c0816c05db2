"""The words for people: labels of fields, names of kinds and periods, counts, percentages, and titles of reasons.

Ids are for machines: they stand beside these words where somebody will search for them, never instead of them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from reconciler.model.documents import options
from reconciler.model.values.counts import counted
from reconciler.model.values.keys import snake
from reconciler.model.values.plain_values import Path, Value
from reconciler.report.values import clean, in_number_order

PERIODS: Mapping[str, str] = {
    "P1D": "daily",
    "P7D": "weekly",
    "P1W": "weekly",
    "P1M": "monthly",
    "P3M": "quarterly",
    "P6M": "half-yearly",
    "P12M": "yearly",
    "P1Y": "yearly",
    "P2Y": "2-year",
    "P3Y": "3-year",
    "P5Y": "5-year",
}
"""Adjectives for periods (ISO 8601); any other period is said as it is written."""

OPTIONS_OFF: Mapping[str, tuple[str, str]] = {
    options.PLANS_CREATE: ("New plans are switched off", "new plans off"),
    options.ENABLE_DISABLE: ("Switching plans on and off is switched off", "plans on/off off"),
    options.UPDATE_FEES: ("Changes of plan fees are switched off", "plan fees off"),
    options.UPDATE_CATEGORIES: ("Changes of categories are switched off", "categories off"),
    options.UPDATE_NOTIFICATION_SCHEDULES: (
        "Changes of notification schedules are switched off",
        "notification schedules off",
    ),
    options.ATTACH_USAGE_STATISTICS: ("Usage statistics are switched off", "usage statistics off"),
    options.RESOURCES_CREATE: ("New resources are switched off", "new resources off"),
    options.REMOVE_OBSOLETE: ("Removing old resources is switched off", "old resources off"),
    options.UPDATE_PRICES: ("Changes of resource prices are switched off", "resource prices off"),
    options.UPDATE_LIMITS: ("Changes of resource limits are switched off", "resource limits off"),
    options.UPDATE_ORDER_FLOW: ("Changes of the order flow are switched off", "order flow off"),
    options.UPDATE_ROLES: ("Changes of roles are switched off", "roles off"),
    options.SYNC_TERMS_AND_CONDITIONS: ("Changes of terms and conditions are switched off", "terms off"),
    options.PRICE_LIST_PRODUCTS: ("New products are switched off", "products off"),
    options.PURCHASE_PRICES: ("Changes of purchase prices are switched off", "purchase prices off"),
    options.ADD_BILLING_CYCLES: ("New billing cycles are switched off", "new billing cycles off"),
    options.REMOVE_BILLING_CYCLES: ("Removing billing cycles is switched off", "removing billing cycles off"),
    options.ACTIVATION: ("Switching products on and off is switched off", "products on/off off"),
    options.RELATIONS: ("New relations of products are switched off", "relations off"),
    options.PRODUCT_GROUPS: ("Changes of product groups are switched off", "product groups off"),
    options.PRODUCT_TYPE_OPTIONS: ("Changes of product type options are switched off", "product type options off"),
    options.MIRROR: ("Copying subscriptions upwards is switched off", "mirrors off"),
}
"""For every option: what it means that it is off, as a sentence and in a few words."""

GUARDS: Mapping[str, tuple[str, str]] = {
    "max_price_change": ("A price would change by more than {limit}", "price guard {limit}"),
    "max_deletes": ("More than {limit} of the entries would be removed", "removal guard {limit}"),
    "max_changes": ("More than {entries} would change", "size guard {limit}"),
    "currency_change": ("The currency would change", "currency guard"),
    "price_to_zero": ("A price would become zero", "zero-price guard"),
}
"""For every guard: what it means that it tripped, as a sentence and in a few words."""

PRECONDITIONS: Mapping[str, tuple[str, str]] = {
    "AP-01": ("Something that it needs is missing upstream", "needs something missing"),
    "AP-04": ("The product of the plan is missing upstream", "product missing"),
    "AP-05": ("The plan is not in the catalog", "plan missing"),
    "AP-17": ("The tenant has a service term of its own under the same key", "own service term"),
    "AP-19": ("The tenant has a service term of its own under the same key", "own service term"),
    "AP-21": ("The new key is taken in the tenant", "key taken"),
    "CB-20": ("It uses notification templates that resellers cannot see", "hidden templates"),
    "IW-01": ("The product of the price list is missing upstream", "product missing"),
    "GUARD-01": ("A guard of the policy would be exceeded", "guard"),
    "ORIGIN-01": ("The tenant has an entry of its own under the same key", "own entry in the way"),
    "ORIGIN-03": ("The tenant gave it up, and does not have it", "given up"),
    "ORIGIN-04": ("The tenant has a rate or period of its own under the same key", "own item in the way"),
    "SUB-01": ("The distributor does not offer the product", "not offered"),
    "SUB-02": ("The subscription is not one that is copied upwards", "not copied"),
    "SUB-03": ("The customer of the subscription is missing", "customer missing"),
    "SUB-13": ("There is no price for the subscription's billing cycle", "no price"),
    "SUB-40": ("The mirror follows its source, and is not undone by itself", "follows its source"),
    "SUB-41": ("The subscription vanished without being deleted", "vanished"),
    "TREE-02": ("The level above does not have it", "not above"),
    "TREE-04": ("It changed in the meantime", "changed meanwhile"),
}
"""For every rule by which a precondition fails: a sentence, and a few words."""

CAUSES: Mapping[str, str] = {"pr": "this change", "drift": "edited in the tenant", "backlog": "left from before"}
_KINDS: Mapping[str, tuple[str, str]] = {"Tenant": ("tenant setting", "tenant settings")}
_STATUSES: Mapping[str, str] = {"active": "on sale", "disabled_by_provider": "off sale"}
_RATES = {"recurring": "price", "setup": "setup price", "overuse": "overuse price"}
_LIMITS = {"included": "included amount", "minimum": "minimum amount", "maximum": "maximum amount"}
LARGE_CHANGE = 25
"""Percent; a price that changes by this much or more is marked."""


class Label(NamedTuple):
    """The words for a field, and whether it is an amount of money."""

    text: str
    money: bool = False

    @property
    def lower(self) -> str:
        return self.text[:1].lower() + self.text[1:]


def label(kind: str, path: Path) -> Label:
    """The words for a field of an entity.

    >>> label("Plan", ("periods", "P1M", "fees", "recurring"))
    Label(text='Monthly fee', money=True)
    """
    match path:
        case ("periods", key, *rest):
            return _of_period(period(key), rest)
        case ("billing_cycles", key, *rest):
            return _of_cycle(period(key), rest)
        case ("resources", key, *rest):
            return _of_resource(f"Resource “{clean(key)}”", rest)
        case ("prices" | "unit_prices", key):
            return Label(f"Price, {period(key)}", money=True)
        case ("status",) if kind == "Plan":
            return Label("On sale")
        case _:
            return Label(_capital(_plain(path)))


def _of_period(every: str, rest: Sequence[str]) -> Label:
    match rest:
        case ["fees", "recurring"]:
            return Label(_capital(f"{every} fee"), money=True)
        case ["fees", what]:
            return Label(_capital(f"{clean(what)} fee, {every} term"), money=True)
        case []:
            return Label(_capital(f"{every} term"))
        case _:
            return Label(_capital(f"{_plain(rest)}, {every} term"))


def _of_cycle(every: str, rest: Sequence[str]) -> Label:
    if not rest:
        return Label(_capital(f"{every} billing"))
    return Label(f"{_capital(_plain(rest))}, {every}", money=rest[-1] in ("purchase_price", "selling_price"))


def _of_resource(name: str, rest: Sequence[str]) -> Label:
    match rest:
        case ["prices", what]:
            return Label(f"{name}: {_RATES.get(what, clean(what))}", money=True)
        case ["limits", what]:
            return Label(f"{name}: {_LIMITS.get(what, clean(what))}")
        case ["available"]:
            return Label(f"{name}: on sale")
        case _:
            return Label(f"{name}: {_plain(rest)}" if rest else name)


def _plain(path: Sequence[str]) -> str:
    return clean(" › ".join(path)).replace("_", " ")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def period(key: str) -> str:
    """``P1M``: ``monthly``."""
    return PERIODS.get(key, clean(key))


def kind_word(kind: str) -> str:
    """``sales category``."""
    return _KINDS[kind][0] if kind in _KINDS else snake(kind).replace("_", " ")


def kind_count(kind: str, number: int) -> str:
    """``1 plan``, ``12 sales categories``."""
    one = kind_word(kind)
    if one.endswith("s") and kind not in _KINDS:
        return counted(number, one, one)
    return counted(number, one, f"{one[:-1]}ies" if one.endswith("y") else f"{one}s")


def sentence(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def shortened(text: str, most: int) -> str:
    """A text without control characters, of at most so many characters; the middle of a longer one is left out."""
    text = clean(text)
    return text if len(text) <= most else f"{text[: most - 13]}…{text[-12:]}"


def value_words(value: Value, most: int = 100) -> str:
    """A value on one line, for people."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case {"amount": amount, "from": day}:
            return clean(f"{amount} from {day}")
        case Mapping():
            found = (
                f"{clean(key).replace('_', ' ')} {value_words(value[key])}"
                for key in sorted(value, key=in_number_order)
                if key != "origin"
            )
            return shortened(", ".join(found), most) or "empty"
        case list() | tuple():
            return shortened(", ".join(value_words(each) for each in value), most) or "none"
        case str():
            return shortened(_STATUSES.get(value, value), most)
        case _:
            return clean(str(value))


def number_of(value: Value) -> Decimal | None:
    """An amount as a number; ``None`` for what is none. Exact."""
    try:
        return Decimal(value) if isinstance(value, str) and len(value) <= 40 else None
    except InvalidOperation:
        return None


def percent(before: Value, after: Value) -> float | None:
    """By how many percent of ``before`` an amount changes; ``None`` if that is no number, or zero."""
    one, two = number_of(before), number_of(after)
    return None if one is None or two is None or not one else float((two - one) / one * 100)


def percent_text(share: float) -> str:
    """``+10 %``, ``−8.3 %``: a real minus sign, and one decimal where there is one.

    >>> percent_text(10.0), percent_text(-8.333)
    ('+10 %', '−8.3 %')
    """
    sign = "+" if share > 0 else "−" if share < 0 else "±"
    return f"{sign}{abs(share):.1f}".removesuffix(".0") + " %"


def guard_words(guard: str, limit: str) -> tuple[str, str]:
    """The words for a guard that tripped: a sentence, and a few words."""
    entries = counted(int(limit), "entry", "entries") if limit.isdecimal() else f"{limit} entries"
    sentence, few = (each.format(limit=limit_text(limit), entries=entries) for each in GUARDS[guard])
    return sentence, few


def limit_text(limit: str) -> str:
    """``5%``: ``5 %``."""
    return clean(limit).replace("%", " %")


def off_titles(ids: Iterable[str]) -> tuple[str, str]:
    """The words for options that are off, the first of several: any of them would do."""
    first = next(iter(ids), "")
    return OPTIONS_OFF.get(first, (f"The option {clean(first)} is off", f"{clean(first)} off"))


def each_capital(sentences: Iterable[str], plain: Callable[[str], str] = str) -> str:
    """Sentences joined by full stops."""
    found = [plain(_capital(each)) for each in sentences]
    return ". ".join(found) + "." if found else ""
