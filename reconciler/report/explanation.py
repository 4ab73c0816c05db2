"""What `explain` prints: one block for each path, in words."""

from collections.abc import Callable, Iterator

from reconciler.core.denials import mirrored_kinds
from reconciler.core.explaining import Account, Explanation
from reconciler.model.change import Verdict
from reconciler.model.keys import EntityId, address
from reconciler.model.plan import Declared
from reconciler.model.rules import rule_text
from reconciler.report.values import as_told, clean, path_text, place_text, shown

Who = Callable[[Declared], str]
"""Of a declared line: its commit and author, or nothing."""

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
        desired, actual = as_told(desired), as_told(actual)
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
