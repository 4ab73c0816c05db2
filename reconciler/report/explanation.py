"""What `explain` prints: one block for each path, in words."""

from collections.abc import Callable, Iterator

from reconciler.core.explaining import Account, Explanation
from reconciler.model.keys import address
from reconciler.model.plan import Declared
from reconciler.model.rules import rule_text
from reconciler.model.values import Value, render_path

Who = Callable[[Declared], str]
"""Of a declared line: its commit and author, or nothing."""

SHOWN = 8


def render_explanation(explanation: Explanation, who: Who = lambda _: "") -> str:
    """The whole explanation as text."""
    lines = [f"{address(explanation.tenant, explanation.entity)}", f"  {_standing(explanation)}"]
    if not explanation.accounts:
        lines.append("  nothing differs")
    for account in explanation.accounts:
        lines += ["", *_account(account, who)]
    return "\n".join(lines) + "\n"


def _standing(explanation: Explanation) -> str:
    if not explanation.here:
        return "the tenant does not have it" + (", and should" if explanation.wanted else "")
    whose = f"came down from {explanation.origin}" if explanation.origin else "is the tenant's own"
    return f"the tenant has it; it {whose}" + ("" if explanation.wanted else "; nothing wants it now")


def _account(account: Account, who: Who) -> Iterator[str]:
    yield f"  {render_path(account.path) or '(the whole entity)'}"
    yield f"    desired   {shown(account.desired)}"
    if account.declared_at:
        yield f"              at {_place(account.declared_at, who)}"
    yield f"    actual    {shown(account.actual)}"
    yield f"    verdict   {account.verdict}"
    yield f"    rule      {account.rule}: {rule_text(account.rule)}"
    yield f"    because   {account.why}"
    if account.policy:
        yield f"    policy    {_place(account.policy, who)}"
    yield from _releases(account.releases)


def _releases(releases: tuple[str, ...]) -> Iterator[str]:
    if not releases:
        return
    noun = "difference" if len(releases) == 1 else "differences"
    yield f"    release   enabling it would apply {len(releases)} {noun} in this tenant:"
    yield from (f"                {each}" for each in releases[:SHOWN])
    if len(releases) > SHOWN:
        yield f"                and {len(releases) - SHOWN} more"


def _place(declared: Declared, who: Who) -> str:
    by = who(declared)
    return f"{declared.file}:{declared.line}" + (f" ({by})" if by else "")


def shown(value: Value) -> str:
    """A value on one line."""
    match value:
        case None:
            return "(none)"
        case bool():
            return "true" if value else "false"
        case dict():
            return "{" + ", ".join(f"{key}: {shown(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(shown(inner) for inner in value) + "]"
        case _:
            return str(value)
