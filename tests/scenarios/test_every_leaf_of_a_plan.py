"""Every single value of a saved plan, altered with a digest that fits: refused, or named here with what holds it.

The plans are of the kinds of change that there are. A value that `decode` lets pass is one of `COMPARED`, which
applying compares with what is (`tests/cli/test_forged_plans.py`), of `SHOWN`, which is a whole that is written as it is
shown, or of `TOLD`, which nothing that is written depends on.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import orjson
import pytest

from reconciler.core.savedplan.canonical_reader import read_canonical
from reconciler.core.savedplan.codec import PlanRefused, decode, encode
from reconciler.core.savedplan.spool import Spool
from tests.scenarios.runner import scenarios
from tests.scenarios.test_forged_plans import _places, _within, forged, plans_of

PLANS = {
    "a catalog change": "CB-12-fees-are-rewritten-whatever-the-reseller-set",
    "dated amounts": "CB-12-a-fee-announced-for-a-date-arrives-on-that-date",
    "a group": "IW-12-IW-13-IW-14-IW-15-IW-16-groups-follow",
    "a removal": "FIELDS-product-groups-are-created-changed-and-removed",
    "a rename": "AP-21-rename-keeps-the-plan",
    "an adoption": "ORIGIN-01-adopt-waits-for-the-option",
    "a takeover of items": "ORIGIN-04-CB-34-adopt-takes-over-own-items",
    "an origin that comes back": "ORIGIN-02-a-lost-origin-comes-back-under-no-option",
    "a mirror that comes": "SUB-01-SUB-03-SUB-05-SUB-06-SUB-07-SUB-08-SUB-10-SUB-14-a-paid-subscription-is-copied",
    "a mirror that changes": "SUB-21-SUB-22-SUB-23-SUB-31-the-same-without-actions",
    "what is deferred": "CB-34-veto-beside-an-option-that-is-off",
    "what a guard lets through": "GUARD-01-a-price-that-is-allowed",
}

WHERE = r"(declared_at|policy)\.(file|line|commit)"
DEFERRED = r"deferred_changes\.\*"
COMPARED = {
    r"tenants\.\*\.(tenant|upstream)": "with the workspace's policies",
    r"tenants\.\*\.(fingerprint|revision)": "with the tenant's state",
    r"resource_changes\.\*\.delete\.before\..*": "with the tenant's state",
    r"resource_changes\.\*\.(create|update)\.after\.last_applied\.(records|source_unit)": "with the mirror's source",
    r"source\.digest": "with the workspace's documents: a note says that they are others",
}
SHOWN = {
    r"resource_changes\.\*\.create\.after\..*": "a document that comes is shown, and written, whole",
    r"scheduled\.\*\..*": "an amount of a day to come: it is planned on that day, from the catalog of then",
}
TOLD = {
    rf"(resource_changes\.\*|{DEFERRED}\.resource_change)\.(fields\.\*\.)?{WHERE}": "where in the workspace",
    rf"{DEFERRED}\.{WHERE}": "where in the workspace",
    r"(resource_changes\.\*|deferred_changes\.\*\.resource_change)\.(fields\.\*\.)?cause": "why, told from a base",
    r"resource_changes\.\*\.(fields\.\*\.)?(rule|allowed_by\.\*)": "by what it is permitted, of what there is",
    rf"{DEFERRED}\.(resource_change\.(fields\.\*\.)?)?(rule|allowed_by\.\*)": "by what it would be, of what there is",
    rf"{DEFERRED}\.(detail|hold\.(at|template|guards\.\*\.limit|vetoes\.\*))": "what holds back what is not written",
    rf"{DEFERRED}\.resource_change\.fields\.\*\.before": "a link as the upstream calls it, of what is not written",
    rf"{DEFERRED}\.update\.(before|after)\..*": "keys, origins and links of something that is not written",
    r"tenants\.\*\.day": "the day before and after are days of the same moment in some time zone",
    r"tenants\.\*\.allowed\.\*": "which guards were overridden: the plan is what is shown all the same",
    r"timestamp|reconciler_version": "when and with what it was made",
    r"source\.(commit|base|dirty|author|subject|date)": "from what it was made",
}


@cache
def saved(kind: str) -> bytes:
    (scenario,) = (each for each in scenarios() if each.name == PLANS[kind])
    return encode(next(plans_of(scenario)))


@pytest.mark.parametrize("kind", PLANS)
def test_every_value_is_held_by_something(kind: str) -> None:
    data = orjson.loads(saved(kind))
    for place in _places(data):
        if let_pass(kind, place):
            named = general(data, place)
            assert any(re.fullmatch(each, named) for each in {**COMPARED, **SHOWN, **TOLD}), (named, place)


def test_every_exception_is_needed() -> None:
    passed = {general(orjson.loads(saved(kind)), place) for kind in PLANS for place in passing(kind)}
    unused = [each for each in {**COMPARED, **SHOWN, **TOLD} if not any(re.fullmatch(each, one) for one in passed)]
    assert unused == []


@cache
def let_pass(kind: str, place: tuple[Any, ...]) -> bool:
    """Whether a plan with another value at the place is believed."""
    data = orjson.loads(saved(kind))
    holder = _within(data, place[:-1])
    holder[place[-1]] = "drift" if place[-1] == "cause" else another(holder[place[-1]])
    by_tenant = read_canonical(forged(data), Spool(lambda: None)) is not None
    try:
        decode(forged(data, orjson.OPT_INDENT_2))
    except PlanRefused:
        assert not by_tenant
        return False
    assert by_tenant, "what is believed as a whole is believed tenant by tenant"
    return True


def passing(kind: str) -> Iterator[tuple[Any, ...]]:
    return (each for each in _places(orjson.loads(saved(kind))) if let_pass(kind, each))


def general(data: dict[str, Any], place: tuple[Any, ...]) -> str:
    """A place without its numbers; of a document, with the action: ``resource_changes.*.update.after.name``."""
    found = ".".join("*" if isinstance(step, int) else step for step in place)
    at = place.index("change") if "change" in place else 0
    if not at or place[at + 1] not in ("before", "after"):
        return found
    (action,) = _within(data, place[:at])["change"]["actions"]
    return re.sub(r"\.(resource_change\.)?change\.", f".{action}.", found, count=1)


def another(value: Any) -> Any:
    """Another value of the same form, which the form alone cannot tell from the right one."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return "x"
    text = str(value)
    return next(made(text) for form, made in FORMS.items() if re.fullmatch(form, text, re.DOTALL))


FORMS: dict[str, Callable[[str], str]] = {
    r"[0-9]+(\.[0-9]+)?": lambda _: "9999.00",
    r"\d{4}-\d\d-\d\d": lambda text: "2026-12-03" if text == "2026-12-02" else "2026-12-02",
    r"\d{4}-\d\d-\d\dT.*Z": lambda _: "2026-12-01T09:09:09Z",
    r"sha256:.*": lambda _: "sha256:" + "0" * 64,
    r"[A-Z]+-\d\d": lambda text: "CB-02" if text == "CB-01" else "CB-01",
    r"[a-z_]+\.[a-z_]+": lambda text: "resources.create" if text == "plans.create" else "plans.create",
    r"max_price_change": lambda _: "max_deletes",
    r".*": lambda text: text + "x",
}
