"""The page as a whole: its head with the content security policy, the strip of counts, and the sections in order."""

import base64
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from reconciler.model.plans.plan import Plan
from reconciler.model.values.digests import record_digest
from reconciler.report.plans.folding import fold
from reconciler.report.plans.page import changes, holds, surroundings, tree
from reconciler.report.plans.page.markup import Html, Pieces, bar, end, joined, mark, name, start, tag, written
from reconciler.report.plans.page.tenant_lists import TenantLists
from reconciler.report.plans.sayings import STATE_WORDS, headline, states_said, summary, verdict
from reconciler.report.plans.view import PlanView, TenantState
from reconciler.report.words import each_capital

GOES_TO = {
    TenantState.ERROR: "errors",
    TenantState.BLOCKED: "blocked",
    TenantState.HELD: "withheld",
    TenantState.PARTLY: "withheld",
}
"""The sections that the counts lead to; those of the others lead to the tree."""


def render_html(plan: Plan, file: str = "") -> Iterator[str]:
    """The page of a plan, piece by piece. ``file``: what the saved plan is called in commands; empty if not saved.

    It is complete without its script, which adds search, a filter, and buttons that copy.
    """
    view = fold(plan, file)
    return (f"{each}\n" for each in written(_page(view)))  # lines, so that two pages can be compared


def _page(view: PlanView) -> Pieces:
    lists = TenantLists(view.tenants)
    yield Html("<!doctype html>")
    yield start("html", lang="en")
    yield _head(view)
    yield start("body")
    yield tag("div", _header(view), class_="wide")
    yield _toolbar(view)
    yield start("main")
    yield holds.errors(view, lists)
    yield changes.prices(view, lists)
    yield changes.added(view, lists)
    yield changes.removed(view, lists)
    yield changes.fields(view, lists)
    yield holds.blocked(view, lists)
    yield holds.withheld(view, lists)
    yield holds.standing(view, lists)
    yield holds.unmanaged(view, lists)
    yield holds.warnings(view, lists)
    yield surroundings.scheduled(view, lists)
    yield tree.tenants(view)
    yield lists.section()
    yield surroundings.next_commands(view)
    yield surroundings.provenance(view)
    yield surroundings.footer(view)
    yield end("main")
    yield tag("script", _data("page.js"))
    yield end("body")
    yield end("html")


@cache
def _data(file: str) -> Html:
    """A file of this package."""
    return Html(files(__package__).joinpath(file).read_text("utf-8"))


@cache
def policy() -> str:
    """The content security policy: this style, this script, and nothing else."""
    style, script = (_digest(_data(file)) for file in ("page.css", "page.js"))
    return f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(bytes.fromhex(record_digest(text.encode()))).decode()}'"


def _head(view: PlanView) -> Html:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy()),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{headline(view)} – plan"),
        tag("style", _data("page.css")),
    )


def _header(view: PlanView) -> Html:
    said, state = verdict(view)
    time = view.plan.timestamp
    subject = [tag("span", name(view.source.subject))] if view.source.subject else []
    top = tag(
        "div",
        tag("span", mark(state), said, class_=f"pill {state}"),
        tag("span", "Plan of ", tag("time", f"{time[:16].replace('T', ' ')} UTC", datetime=time)),
        surroundings.origin(view),
        *subject,
        class_="top",
    )
    lead = [tag("p", each_capital(found), class_="lead")] if (found := summary(view)) else []
    return tag("header", top, tag("h1", headline(view)), *lead, _strip(view))


def _strip(view: PlanView) -> Html:
    """How many tenants get everything, a part, nothing: a bar, and counts that lead to what they are about."""
    counts = tree.legend_order(view)
    parts = {"errors": view.errors, "blocked": view.blocked, "withheld": view.withheld}
    legend = []
    for state, number in counts:
        goes = GOES_TO.get(state, "tenants")
        goes = goes if parts.get(goes) else "tenants"
        said = joined([mark(state), tag("b", f"{number:,}"), f" {states_said(state, number)}"])
        legend.append(tag("a", said, href=f"#{goes}", data_state=state))
    return tag("div", bar(counts), tag("div", *legend, class_="legend"), class_="cover")


def _toolbar(view: PlanView) -> Html:
    """Links to the sections; the tools are shown by the script that they need."""
    links = (
        tag("a", title, " ", tag("span", f"{number:,}"), href=f"#{id_}")
        for id_, title, number in _sections(view)
        if number
    )
    options = (tag("option", STATE_WORDS[state], value=state) for state, _ in tree.legend_order(view))
    tools = tag(
        "div",
        tag("label", "Search", class_="sr", for_="q"),
        tag("input", id="q", type="search", placeholder="Search  ( / )", autocomplete="off"),
        tag("label", "Tenants that", class_="sr", for_="only"),
        tag("select", tag("option", "all tenants", value=""), *options, id="only"),
        tag("button", "Unfold all", type="button", id="unfold", aria_pressed="false"),
        tag("span", id="found", class_="m", role="status"),
        class_="tools",
    )
    return tag("div", tag("div", tag("nav", *links, aria_label="Sections"), tools), class_="bar")


def _sections(view: PlanView) -> list[tuple[str, str, int]]:
    """The sections with what there is of each: tenants in those about tenants."""
    held = [len({tenant for hold in holds for tenant in hold.tenants}) for holds in (view.blocked, view.withheld)]
    return [
        ("errors", "Errors", view.states[TenantState.ERROR]),
        ("prices", "Prices", len(view.prices)),
        ("added", "Added", len(view.added)),
        ("removed", "Removed", sum(1 for each in view.removed if each.what != "on")),
        ("fields", "Other", len(view.fields)),
        ("blocked", "Blocked", held[0]),
        ("withheld", "Withheld", held[1]),
        ("warnings", "Warnings", len(view.plan.warnings)),
        ("scheduled", "Scheduled", len(view.scheduled)),
        ("tenants", "Tenants", len(view.tenants)),
    ]
