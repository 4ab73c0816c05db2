"""Renders the output of `explain`: one text block per path, or data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from reconciler.core.inspect import Account, Explanation
from reconciler.core.subscriptions import mirrored_kinds
from reconciler.model.plans.change import Verdict
from reconciler.model.plans.plan import Declared
from reconciler.model.plans.rules import rule_text
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId, address, snake
from reconciler.model.values.plain_values import Body, render_path
from reconciler.report.values import clean, path_text, place_text, shown, without_bookkeeping

Who = Callable[[Declared], str]
"""Returns the commit and author of a declared line, or an empty text."""

SHOWN = 8


def render_explanation(explanation: Explanation, who: Who = lambda _: "") -> str:
    """The whole explanation as text."""
    lines = [f"{address(explanation.tenant, explanation.entity)}", f"  {_standing(explanation)}"]
    if not explanation.accounts:
        lines += ["  nothing differs", f"  of one field, more is told: {explanation.entity}#name, for example"]
    for account in explanation.accounts:
        lines += ["", *_account(account, who)]
    return "\n".join(lines) + "\n"


def _standing(explanation: Explanation) -> str:
    if explanation.released:
        here = "the tenant has it" if explanation.here else "the tenant does not have it"
        return f"{here}; it was released to the tenant, and is left alone"
    if not explanation.here:
        return "the tenant does not have it" + (", and should" if explanation.wanted else "")
    return f"the tenant has it; it {_whose(explanation)}" + ("" if explanation.wanted else "; nothing wants it now")


def _whose(explanation: Explanation) -> str:
    origin, entity = explanation.origin, explanation.entity
    if origin is None:
        return "is the tenant's own"
    if entity.kind in mirrored_kinds():
        return f"mirrors {EntityId(entity.kind, entity.key.removeprefix(f'{origin}.'))} of {origin}"
    return f"came down from {origin}"


def _account(account: Account, who: Who) -> Iterator[str]:
    yield f"  {path_text(account.path) or '(the whole entity)'}"
    desired, actual = account.desired, account.actual
    if not account.path:
        desired, actual = without_bookkeeping(desired), without_bookkeeping(actual)
    yield f"    desired   {shown(desired)}"
    if account.declared_at:
        yield f"              at {_place(account.declared_at, who)}"
    yield f"    actual    {shown(actual)}"
    yield f"    verdict   {account.verdict}"
    yield f"    rule      {account.rule}: {rule_text(account.rule)}"
    yield f"    because   {clean(account.why)}"
    if account.policy:
        permits = ", which permits it" if account.verdict == Verdict.BLOCKED else ""
        yield f"    policy    {_place(account.policy, who)}{permits}"
    yield from _releases(account.releases)


def _releases(releases: tuple[str, ...]) -> Iterator[str]:
    if not releases:
        return
    noun = "difference" if len(releases) == 1 else "differences"
    yield f"    release   enabling it would apply {len(releases)} {noun} in this tenant:"
    yield from (f"                {clean(each)}" for each in releases[:SHOWN])
    if len(releases) > SHOWN:
        yield f"                and {len(releases) - SHOWN} more"


def _place(declared: Declared, who: Who) -> str:
    by = who(declared)
    return place_text(declared) + (f" ({clean(by)})" if by else "")


Blame = Callable[[Declared], Mapping[str, Any] | None]
"""Returns the ``commit``, ``author`` and ``date`` (ISO 8601) of a declared line, or ``None``."""

VERDICTS: Mapping[str, str] = {
    **{each.value: each.value for each in Verdict},
    "in sync": "in_sync",
    "the reseller's own": "reseller_owned",
    "the distributor's own": "distributor_owned",
    "the provider's alone": "provider_only",
}
"""The JSON value of each verdict of an `Account`."""


def explanation_to_data(explanation: Explanation, blame: Blame = lambda _: None) -> dict[str, Any]:
    """The explanation as the ``entity`` of ``explain --format json``."""
    id = explanation.entity

    def document(body: Body | None, origin: str | None) -> dict[str, Any] | None:
        return None if body is None else dict(Entity(id, body, origin).document())

    def account(each: Account) -> dict[str, Any]:
        return {
            "path": render_path(each.path),
            "desired": each.desired,
            "actual": each.actual,
            "verdict": VERDICTS[each.verdict],
            "rule": each.rule,
            "rule_text": rule_text(each.rule),
            "detail": each.why,
            "options": list(each.options),
            "vetoes": list(each.vetoes),
            "held_at": each.held_at,
            "declared_at": _place_to_data(each.declared_at, blame),
            "policy": _place_to_data(each.policy, blame),
            "releases": list(each.releases),
        }

    return {
        "address": address(explanation.tenant, id),
        "tenant": explanation.tenant,
        "type": snake(id.kind),
        "name": id.key,
        "exists": explanation.here,
        "wanted": explanation.wanted,
        "origin": explanation.origin,
        "desired": document(explanation.desired, None),
        "released": explanation.released,
        "actual": document(explanation.actual, explanation.says),
        "fields": [account(each) for each in explanation.accounts],
    }


def _place_to_data(declared: Declared | None, blame: Blame) -> dict[str, Any] | None:
    if declared is None:
        return None
    known = {"author": None, "date": None, **asdict(declared)}
    return {**known, **(blame(declared) or {})}
