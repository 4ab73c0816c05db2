"""Puts a comment together: headline, sections by importance, next commands, counts, and the commit it is about."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from reconciler.model.plans.plan import Plan
from reconciler.model.values.counts import counted
from reconciler.report.lines import render
from reconciler.report.plans.alike import declared_in
from reconciler.report.plans.folding import fold
from reconciler.report.plans.listing import closing_lines, day_lines
from reconciler.report.plans.markdown import changes, holds
from reconciler.report.plans.markdown.escaping import code, console, named, plain
from reconciler.report.plans.markdown.room import FEW, ROOMS, Room
from reconciler.report.plans.sayings import SHOWN_ORDER, commands, headline, states_said, summary
from reconciler.report.plans.view import PlanView

LARGEST = 60_000
"""Bytes of UTF-8; less than what GitHub and GitLab take as a comment."""
MARKER = "<!-- reconcile:plan -->"
"""The first line, by which CI finds its comment again to replace it."""

Part: TypeAlias = Callable[[PlanView, Room], str]

SECTIONS: tuple[tuple[str, Part], ...] = (
    ("errors", holds.errors),
    ("blocked", holds.blocked),
    ("prices", changes.prices),
    ("added and removed", changes.entries),
    ("withheld", holds.withheld),
    ("warnings", holds.warnings),
    ("what is not new", holds.standing),
    ("who gets what", holds.who_gets_what),
    ("other fields", changes.fields),
    ("scheduled", changes.scheduled),
)
"""The most important first; what does not fit is left out from the end."""


def render_markdown(plan: Plan, *, file: str = "", largest: int = LARGEST) -> str:
    """A comment of at most ``largest`` bytes of UTF-8 (600 at least). ``file``: the saved plan, as commands name it."""
    return comment(fold(plan, file), largest)


def comment(view: PlanView, largest: int = LARGEST) -> str:
    """As `render_markdown`, of a view."""
    head, foot = list(_head(view)), list(_foot(view))
    for room in ROOMS:
        sections = {title: text for title, part in SECTIONS if (text := part(view, room))}
        if _size([*head, *sections.values(), *foot]) <= largest:
            return _joined([*head, *sections.values(), *foot])
    return _joined(_fitting(head, sections, foot, largest))


def _fitting(head: Sequence[str], sections: dict[str, str], foot: Sequence[str], largest: int) -> list[str]:
    """The blocks that fit: sections are left out from the end, then the foot, then what follows the headline."""
    left: list[str] = []
    blocks = [*head, *sections.values(), *foot]
    while sections and _size(blocks) > largest:
        left.insert(0, sections.popitem()[0])
        blocks = [*head, *sections.values(), _left_out(left), *foot]
    while _size(blocks) > largest and len(blocks) > 1:
        blocks.pop()
    return blocks


def _left_out(titles: Sequence[str]) -> str:
    where = "The page (`--format html`) and `--verbose` have all of it."
    return f"_Left out for want of room: {', '.join(titles)}. {where}_"


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(blocks) + "\n"


def _size(blocks: Iterable[str]) -> int:
    return len(_joined(blocks).encode("utf-8", "backslashreplace"))


def _head(view: PlanView) -> Iterator[str]:
    """The answer in short: what changes, how far, and for how many."""
    yield f"{MARKER}\n### {headline(view, named)}"
    if said := summary(view, named):
        yield f"{'. '.join(said)}."
    if len(view.tenants) > 1:
        states = [each for each in SHOWN_ORDER if view.states[each]]
        yield " · ".join(
            f"{holds.ICONS[each]} **{view.states[each]:,}** {states_said(each, view.states[each])}" for each in states
        )


def _foot(view: PlanView) -> Iterator[str]:
    """What to type next, the counts, and which commit this is about."""
    if found := commands(view):
        yield f"#### Next\n\n{console(found)}"
    counts = render((*day_lines(view.plan), *closing_lines(view.plan))).rstrip("\n")
    yield f"```text\n{counts}\n```"
    yield f"<sub>{' · '.join(_provenance(view))}</sub>"


def _provenance(view: PlanView) -> Iterator[str]:
    source, files = view.source, list(declared_in(view).items())
    if source.commit:
        subject = f" “{plain(source.subject, 100)}”" if source.subject else ""
        author = f" by {named(source.author)}" if source.author else ""
        yield f"Commit {code(source.commit[:10])}{subject}{author}"
    else:
        yield "Files outside git"
    if source.dirty:
        yield "with uncommitted changes"
    if source.base:
        yield f"compared with {code(source.base[:10])}"
    if files:
        more = f" and {counted(len(files) - FEW, 'more file')}" if len(files) > FEW else ""
        yield " ".join(_lines_of(file, lines) for file, lines in files[:FEW]) + more
    yield f"planned {code(view.plan.timestamp)}"


def _lines_of(file: str, lines: Sequence[int]) -> str:
    more = "…" if len(lines) > FEW else ""
    return f"{code(file, 60)}:{','.join(map(str, lines[:FEW]))}{more}"
