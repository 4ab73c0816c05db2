"""Renders a plan as one HTML page without scripts or external resources; text from documents is escaped."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import TypeAlias

from reconciler.model.plans.plan import Outline, Plan, Source
from reconciler.report.lines import Line, Segment, Style
from reconciler.report.plans.folding import (
    Explained,
    FoldedChange,
    HeldGroup,
    fold_changes,
    fold_deferred,
    in_error,
    problems,
)
from reconciler.report.plans.text import (
    closing_lines,
    coming_lines,
    field_lines,
    held_by,
    held_lines,
    leaf_lines,
    warning_lines,
    why_lines,
    will_text,
)
from reconciler.report.values import clean, entity_text, tenants_text


class Html(str):
    """Text that is already HTML: only constants of this module and results of `element`."""

    __slots__ = ()


Content: TypeAlias = str | Html

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The content security policy: no scripts and no external resources."""

_NEWLINE = Html("\n")
_OPEN_UP_TO = 25
"""Changes are expanded up to this number of changes."""
_TITLES = {"withheld": "Withheld", "blocked": "Blocked", "unmanaged": "Unmanaged"}
_CLASSES = {
    Style.ADD: "add",
    Style.CHANGE: "change",
    Style.REMOVE: "remove",
    Style.HEADING: "heading",
    Style.MUTED: "muted",
    Style.WARNING: "warning",
    Style.PROBLEM: "problem",
    Style.GOOD: "good",
}
_STYLE = Html(
    ":root{color-scheme:light dark;--line:#8884;--muted:#777}"
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border-bottom:1px solid var(--line);padding:.25rem .75rem;text-align:left}"
    "td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}"
    "details{border:1px solid var(--line);border-radius:6px;margin:.5rem 0;padding:.4rem .8rem}"
    "summary{cursor:pointer}pre{overflow-x:auto;margin:.5rem 0}code,pre{font:13px/1.5 ui-monospace,monospace}"
    ".add,.good{color:#1a7f37}.change,.warning{color:#9a6700}.remove,.problem{color:#cf222e}.muted{color:var(--muted)}"
    ".heading{font-weight:600}"
)


def render_html(plan: Plan, *, verbose: bool = False) -> str:
    """The whole page."""
    title = f"Plan of {plan.timestamp}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", _STYLE),
    )
    body = element("body", element("main", element("h1", title), *_parts(plan, verbose)))
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def element(name: str, /, *contents: Content, **attributes: str) -> Html:
    """An element with its contents, escaped unless they are `Html`. ``_`` in attribute names becomes ``-``."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' if value else f" {key}"
        for key, value in attributes.items()
    )
    if name == "meta":
        return Html(f"<{name}{named}>")
    inner = "".join(each if isinstance(each, Html) else escape(clean(each)) for each in contents)
    return Html(f"<{name}{named}>{inner}</{name}>")


def _parts(plan: Plan, verbose: bool) -> Iterator[Html]:
    yield element("p", _source(plan), class_="muted")
    yield _block((*closing_lines(plan, verbose=verbose), *coming_lines(plan, verbose=verbose)))
    yield _tenants(plan)
    if warnings := list(warning_lines(plan, verbose=verbose)):
        yield element("h2", "Warnings")
        yield _block(warnings)
    folded = fold_changes(plan)
    if folded:
        yield element("h2", "Changes")
        yield from (_change(each, verbose, len(folded) <= _OPEN_UP_TO) for each in folded)
    for reason in ("blocked", "withheld", *(["unmanaged"] if verbose else [])):
        holds = fold_deferred(plan, reason)
        if holds:
            yield element("h2", _TITLES[reason])
        yield from (_hold(each, verbose) for each in holds)
    yield from _failures(in_error(plan.outlines))


def _source(plan: Plan) -> str:
    return f"{_origin(plan.source)}; {plan.source.digest}"


def _origin(source: Source) -> str:
    if source.recorded:
        return f"from commit {source.recorded}"
    return "from files that are not committed" if source.dirty else "from files outside git"


def _block(lines: Iterable[Line]) -> Html:
    return element("pre", *(each for segments in lines for each in (*map(_span, segments), _NEWLINE)))


def _span(segment: Segment) -> Content:
    if segment.style is Style.PLAIN:
        return segment.text
    return element("span", segment.text, class_=_CLASSES[segment.style])


def _tenants(plan: Plan) -> Html:
    names = ("Add", "Change", "Destroy", "Withheld", "Blocked", "Unmanaged")
    numbers = (element("th", name, class_="number") for name in names)
    head = element("tr", element("th", "Tenant"), element("th", "Upstream"), element("th", "Status"), *numbers)
    return element("table", element("thead", head), element("tbody", *map(_tenant, plan.outlines)))


def _tenant(tenant: Outline) -> Html:
    count, bare = tenant.summary, tenant.bare
    numbers = (count.create, count.update, count.delete, count.withheld, count.blocked, count.unmanaged)
    said = (bare.tenant, bare.upstream or "-", tenant.status.value.replace("_", " "))
    cells = [element("td", each) for each in said] + [element("td", str(each), class_="number") for each in numbers]
    return element("tr", *cells)


def _change(folded: FoldedChange, verbose: bool, unfolded: bool) -> Html:
    change = folded.change
    lines = (
        field_lines(change.fields, verbose=verbose, indent="")
        if change.fields
        else leaf_lines(folded, verbose=verbose, indent="")
    )
    who = tenants_text(folded.tenants, full=verbose)
    said = (element("code", entity_text(change.entity)), f" {will_text(change)} · ", element("code", who))
    return _folded(said, _block(lines), unfolded)


def _hold(hold: HeldGroup, verbose: bool) -> Html:
    lines = held_lines(hold.changes, verbose=verbose, indent="")
    said = (element("code", tenants_text(hold.tenants, full=verbose)), f": {held_by(hold)}")
    alone = len(hold.why) == 1
    reasons = (element("p", _reason(why, hold.reason, alone=alone, verbose=verbose)) for why in hold.why)
    return _folded(said, Html("".join((_block(lines), *reasons))), True)


def _reason(why: Explained, reason: str, *, alone: bool, verbose: bool) -> str:
    who = "" if alone else f"{tenants_text(why.tenants, full=verbose)}: "
    return who + " ".join(why_lines(why, reason))


def _folded(said: Iterable[Content], inner: Html, unfolded: bool) -> Html:
    summary = element("summary", *said)
    return element("details", summary, inner, open="") if unfolded else element("details", summary, inner)


def _failures(failed: Iterable[Outline]) -> Iterator[Html]:
    for number, (problem, tenants) in enumerate(problems(failed)):
        if not number:
            yield element("h2", "Errors")
        yield element("p", element("code", ", ".join(tenants)), f": {problem}")
