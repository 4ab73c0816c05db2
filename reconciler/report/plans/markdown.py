"""Renders a plan as a comment on a pull request: counts and tenants first, everything else collapsed.

Text from documents appears only in code spans, code blocks or escaped HTML, so it is never interpreted as Markdown,
HTML or a mention. Sections beyond the size limit of a comment are counted, never cut.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from reconciler.model.plans.plan import Outline, Plan, Summary
from reconciler.report.lines import Line, line, render
from reconciler.report.plans.folding import FoldedChange, HeldGroup, fold_changes, fold_deferred, in_error, problems
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

LARGEST = 65_000
"""Characters; slightly less than GitHub's limit of a comment."""

_TICKS = re.compile("`+")
_MARKS = {"~": "!"}
"""Marks that a diff block colours as a change."""
_TITLES = {"withheld": "Withheld", "blocked": "Blocked", "unmanaged": "Unmanaged"}


def render_markdown(plan: Plan, *, verbose: bool = False, largest: int = LARGEST) -> str:
    """A comment of at most ``largest`` characters, if its head fits."""
    head, *counts = render((*closing_lines(plan, verbose=verbose), *coming_lines(plan, verbose=verbose))).splitlines()
    blocks = [f"### {head}", *([_block("text", counts)] if counts else []), *_table(plan.outlines)]
    return _fitted(blocks, _details(plan, verbose), largest)


def _fitted(blocks: list[str], details: Iterator[str], largest: int) -> str:
    room = largest - sum(len(each) + 2 for each in blocks) - 80
    for each in details:
        room -= len(each) + 2
        if room < 0:
            rest = 1 + sum(1 for _ in details)
            blocks.append(f"_{rest} more sections do not fit into one comment; the plan's text has them all._")
            break
        blocks.append(each)
    return "\n\n".join(blocks) + "\n"


def code(text: str) -> str:
    """A code span with the text unchanged, whatever it contains."""
    text = clean(text)
    ticks = "`" * (max(map(len, _TICKS.findall(text)), default=0) + 1)
    pad = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _cell(text: str) -> str:
    return code(text).replace("|", "\\|")


def _table(outlines: Sequence[Outline]) -> Iterator[str]:
    rows = [_row(each) for each in outlines if each.summary != Summary() or each.bare.problem]
    if rows:
        head = "| Tenant | Status | Add | Change | Destroy | Withheld | Blocked |\n|---|---|--:|--:|--:|--:|--:|\n"
        yield head + "\n".join(rows)
    if rest := len(outlines) - len(rows):
        yield f"{rest} {'tenant is' if rest == 1 else 'tenants are'} in sync, with nothing withheld."


def _row(tenant: Outline) -> str:
    count, said = tenant.summary, tenant.status.value.replace("_", " ")
    numbers = (count.create, count.update, count.delete, count.withheld, count.blocked)
    return f"| {_cell(tenant.tenant)} | {said} | {' | '.join(map(str, numbers))} |"


def _details(plan: Plan, verbose: bool) -> Iterator[str]:
    yield from _failures(in_error(plan.outlines), verbose)
    if warnings := render(warning_lines(plan, verbose=verbose)).splitlines():
        yield _block("text", warnings)
    for each in fold_changes(plan):
        yield _change(each, verbose)
    for reason in ("blocked", "withheld", *(["unmanaged"] if verbose else [])):
        holds = fold_deferred(plan, reason)
        if holds:
            yield f"#### {_TITLES[reason]}"
        yield from (_hold(each, verbose) for each in holds)


def _failures(failed: Iterable[Outline], verbose: bool) -> Iterator[str]:
    for problem, tenants in problems(failed):
        yield f"> **Error** {code(tenants_text(tenants, full=verbose))}: {code(problem)}"


def _change(folded: FoldedChange, verbose: bool) -> str:
    change = folded.change
    who = tenants_text(folded.tenants, full=verbose)
    summary = f"<code>{escape(entity_text(change.entity))}</code> {will_text(change)} · <code>{escape(who)}</code>"
    lines = (
        field_lines(change.fields, verbose=verbose, indent="")
        if change.fields
        else leaf_lines(folded, verbose=verbose, indent="")
    )
    return _folded(summary, lines)


def _hold(hold: HeldGroup, verbose: bool) -> str:
    number = len(hold.changes)
    entities = f"{number} {'entity' if number == 1 else 'entities'}"
    who = tenants_text(hold.tenants, full=verbose)
    summary = f"<code>{escape(who)}</code>: {entities} <code>{escape(held_by(hold))}</code>"
    return _folded(summary, _held(hold, verbose))


def _held(hold: HeldGroup, verbose: bool) -> Iterator[Line]:
    yield from held_lines(hold.changes, verbose=verbose, indent="")
    for why in hold.why:
        if len(hold.why) > 1:
            yield line(f"# {tenants_text(why.tenants, full=verbose)}:")
        yield from (line(f"# {each}") for each in why_lines(why, hold.reason))


def _folded(summary: str, lines: Iterable[Line]) -> str:
    marked = [_MARKS.get(each[:1], each[:1]) + each[1:] for each in render(lines).splitlines()]
    return f"<details><summary>{summary}</summary>\n\n{_block('diff', marked)}\n</details>"


def _block(language: str, lines: Iterable[str]) -> str:
    """A code block. Every line begins with a mark, fixed text or four spaces, so none can end the block."""
    body = "\n".join(lines)
    return f"```{language}\n{body}\n```"
