"""Renders the output of `explain`: one block of sentences per path, what other options would release, or data."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from reconciler.core.inspect import Account, Explanation, Supposition
from reconciler.core.subscriptions import mirrored_kinds
from reconciler.model.plans.change import Verdict
from reconciler.model.plans.plan import Declared
from reconciler.model.plans.rules import rule_text
from reconciler.model.values.counts import counted
from reconciler.model.values.entity import Entity
from reconciler.model.values.keys import EntityId, address, snake
from reconciler.model.values.plain_values import Body, Value, render_path
from reconciler.report.values import clean, path_text, place_text, shown, without_bookkeeping
from reconciler.report.words import label

Who = Callable[[Declared], str]
"""Returns the commit and author of a declared line, or an empty text."""

SHOWN = 8
OURS = "**R** "
"""The mark of rules without a source, which readers of a terminal do not need."""


def render_explanation(explanation: Explanation, who: Who = lambda _: "") -> str:
    """The whole explanation as text."""
    lines = [f"{address(explanation.tenant, explanation.entity)}", f"  {_capital(_standing(explanation))}."]
    if not explanation.accounts:
        lines += ["  Nothing differs.", f"  For one field, add its path: {explanation.entity}#name, for example."]
    for account in explanation.accounts:
        lines += ["", *_account(explanation.entity.kind, account, who)]
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


def _account(kind: str, account: Account, who: Who) -> Iterator[str]:
    yield f"  {_subject(kind, account)}"
    desired, actual = account.desired, account.actual
    if not account.path:
        desired, actual = without_bookkeeping(desired), without_bookkeeping(actual)
    yield from _values(account, desired, actual, who)
    yield f"    {_verdict(account)}."
    if account.policy:
        verb = "Permitted" if account.verdict == Verdict.BLOCKED else "Decided"
        yield f"    {verb} at {_place(account.policy, who)}."
    yield f"    Rule {account.rule}: {rule_text(account.rule).removeprefix(OURS)}"
    yield from _releases(account.releases)


def _values(account: Account, desired: Value, actual: Value, who: Who) -> Iterator[str]:
    """What a field should be, and what it is; of one that is not compared, what it is upstream."""
    declared = f", declared at {_place(account.declared_at, who)}" if account.declared_at else ""
    compared = account.verdict in _COMPARED
    if desired is not None:
        yield f"    {'It should be' if compared else 'Upstream it is'} {shown(desired)}{declared}."
    elif compared:
        yield f"    It should not be there{declared}."
    yield f"    It is {shown(actual)}." if actual is not None else "    It is not there."


_COMPARED = frozenset({*map(str, Verdict), "in sync"})
_VERDICT_WORDS: Mapping[str, str] = {
    Verdict.APPLY: "The next apply changes it",
    Verdict.WITHHELD: "Withheld",
    Verdict.BLOCKED: "Blocked",
    Verdict.UNMANAGED: "Unmanaged",
}


def _verdict(account: Account) -> str:
    """``Withheld: …``; a cause at another level says so itself: ``Withheld at contoso: …``."""
    why = clean(account.why)
    if why.startswith(f"{account.verdict} at "):
        return _capital(why)
    return f"{_VERDICT_WORDS.get(account.verdict, _capital(account.verdict))}: {why}"


def _subject(kind: str, account: Account) -> str:
    """``Monthly fee (periods.P1M.fees.recurring)``."""
    if not account.path:
        return "The whole entity"
    words = label(kind, account.path).text
    return f"{words} ({path_text(account.path)})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _releases(releases: tuple[str, ...]) -> Iterator[str]:
    if not releases:
        return
    yield f"    Releasing it would apply {counted(len(releases), 'difference')} in this tenant:"
    yield from (f"      {clean(each)}" for each in releases[:SHOWN])
    if len(releases) > SHOWN:
        yield f"      and {len(releases) - SHOWN} more"


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


def render_supposition(supposition: Supposition) -> str:
    """The differences that would be released and withheld, one per line."""
    return "\n".join(clean(line) for line in _supposed(supposition)) + "\n"


def _supposed(supposition: Supposition) -> Iterator[str]:
    asked = [f"{id} on" for id in supposition.enable] + [f"{id} off" for id in supposition.disable]
    yield f"{supposition.tenant} with {', '.join(asked)}:"
    for verb, found in (("released", supposition.released), ("held", supposition.held)):
        yield f"  {len(found)} would be {verb}" + (":" if found else "")
        yield from (f"    {each}" for each in found)
    for detail in supposition.guards:
        yield "  a guard would block the whole plan:"
        yield from (f"    {part}" for part in detail.split("; "))


def supposition_to_data(supposition: Supposition) -> dict[str, Any]:
    """As `render_supposition`, as data: differences as ``kind/key#path``; ``guards``: messages of guards that trip."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(supposition).items()}
