"""Renders a plan as text, like Terraform: changes, deferred changes with reasons, and counts."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import VETO, Change, FieldChange, Outline, Plan, Scheduled, total
from reconciler.model.values.counts import counted
from reconciler.model.values.plain_values import Body, Path, Value
from reconciler.report.lines import Line, Segment, Style, line, render
from reconciler.report.plans.listing_folding import (
    Explained,
    FoldedChange,
    HeldGroup,
    UnlistedCreations,
    entities_by_cause,
    few_of_each_kind,
    fold_changes,
    fold_deferred,
    in_error,
    problems,
    shorten_folded,
    withheld_by_option,
)
from reconciler.report.values import (
    LONG,
    clean,
    entity_text,
    in_number_order,
    kind_text,
    leaves,
    path_text,
    place_text,
    shown,
    shown_pair,
    tenants_text,
    without_origin,
)

MARKS = {
    Action.CREATE: Segment("+", Style.ADD),
    Action.UPDATE: Segment("~", Style.CHANGE),
    Action.DELETE: Segment("-", Style.REMOVE),
}
WILL = {
    Action.CREATE: "will be created",
    Action.UPDATE: "will be updated in place",
    Action.DELETE: "will be removed",
}
IN_SYNC = "No changes. Your tenants match the catalog."
NOTHING_TO_APPLY = "No changes to apply."
COLUMN = 76
"""Column of the notes beside fields; longer fields are followed by their note."""
MANY_REASONS = 3
MANY_WARNINGS = 10
MANY_FIELDS = 12
"""Approximate number of lines to show of a created entity, unless verbose."""
LONG_ITEM = 160
"""Most characters of an item on one line, such as a rate with its prices and limits."""

_PARTS = re.compile(r"; (?![^(]*\))")
"""Separates the parts of a detail, outside brackets."""

_TITLES = {
    "withheld": "Withheld by policy:",
    "blocked": "Blocked until something else changes:",
    "unmanaged": "Unmanaged, because no option covers these differences:",
}


def render_plan(plan: Plan, *, verbose: bool = False, colour: bool = False) -> str:
    """The text of a plan. ``verbose``: list unmanaged differences and all tenants, and show values in full."""
    return render(plan_lines(plan, verbose=verbose), colour=colour)


def plan_lines(plan: Plan, *, verbose: bool = False) -> Iterator[Line]:
    """As `render_plan`, as styled lines."""
    yield from _changes(fold_changes(plan), verbose)
    for reason in ("withheld", "blocked", *(["unmanaged"] if verbose else [])):
        yield from _holds(reason, fold_deferred(plan, reason), verbose)
    yield from _failures(in_error(plan.outlines), verbose)
    warnings = list(warning_lines(plan, verbose=verbose))
    yield from (*warnings, line()) if warnings else ()
    coming = list(coming_lines(plan, verbose=verbose))
    yield from (*coming, line()) if coming else ()
    yield from closing_lines(plan, verbose=verbose)


def closing_lines(plan: Plan, *, verbose: bool = False) -> Iterator[Line]:
    """The counts. They are shown even if all are 0 when a tenant could not be planned: its changes are unknown."""
    outlines = plan.outlines
    count = total(each.summary for each in outlines)
    if plan.in_sync:
        yield line(IN_SYNC, Style.GOOD)
    elif not count.changes and not plan.errored:
        yield line(NOTHING_TO_APPLY)
    else:
        counts = f" {count.create} to add, {count.update} to change, {count.delete} to destroy."
        yield Segment("Plan:", Style.HEADING), Segment(counts)
    if count.withheld:
        options = ", ".join(f"{option} {number}" for option, number in withheld_by_option(outlines))
        yield line(f"Withheld: {count.withheld} ({clean(options)})")
    if count.blocked:
        yield line(f"Blocked: {count.blocked}", Style.WARNING)
    if count.unmanaged:
        yield line(f"Unmanaged: {count.unmanaged}" + ("" if verbose else " (listed with --verbose)"), Style.MUTED)
    if allowed := _allowed(outlines):
        yield line(f"Allowed: {', '.join(map(clean, allowed))}", Style.WARNING)
    if causes := entities_by_cause(outlines):
        entities = counted(sum(number for _, number in causes), "entity", "entities").replace(",", "")
        yield line(f"Causes: {entities} ({', '.join(f'{clean(cause)} {number}' for cause, number in causes)})")
    if failed := in_error(outlines):
        named = tenants_text([each.tenant for each in failed], full=verbose)
        yield line(f"Errors: {len(failed)} ({named})", Style.PROBLEM)


def _allowed(outlines: Iterable[Outline]) -> list[str]:
    """The overridden guards, in the syntax of ``--allow``, each once."""
    found = (guard if ":" in guard else f"{guard}:{each.tenant}" for each in outlines for guard in each.bare.allowed)
    return list(dict.fromkeys(found))


def warning_lines(plan: Plan, *, verbose: bool = False) -> Iterator[Line]:
    """Every warning once, with its tenants; only the first few unless verbose."""
    warnings = plan.warnings
    for each in warnings if verbose else warnings[:MANY_WARNINGS]:
        at = f"  # {place_text(each.declared_at)}" if each.declared_at else ""
        who = tenants_text(each.tenants, full=verbose)
        yield line(f"Warning: {who}: {entity_text(each.entity)}: {clean(each.detail)}{at}", Style.WARNING)
    if not verbose and len(warnings) > MANY_WARNINGS:
        rest = len(warnings) - MANY_WARNINGS
        yield line(f"Warning: and {rest} more (listed with --verbose)", Style.WARNING)


def coming_lines(plan: Plan, *, verbose: bool = False) -> Iterator[Line]:
    """Days that differ from the UTC day (DATE-01), then the next scheduled amounts, which are not part of this plan.

    Only the first scheduled amount of each entity is listed, unless verbose.
    """
    yield from day_lines(plan, verbose=verbose)
    for _, same in groupby(plan.scheduled, lambda each: (each.date, each.entity, each.tenants)):
        first, *others = same
        for each in (first, *others) if verbose else (first,):
            more = f" and {len(others)} more (listed with --verbose)" if others and not verbose else ""
            yield line(_scheduled(each) + more, Style.MUTED)


def day_lines(plan: Plan, *, verbose: bool = False) -> Iterator[Line]:
    """``Day: 2027-01-01 for contoso, fabrikam (2026-12-31 in UTC)``."""
    utc = plan.timestamp[: len("2027-01-01")]
    elsewhere: dict[str, list[str]] = {}
    for each in plan.outlines:
        if each.bare.day not in ("", utc):
            elsewhere.setdefault(each.bare.day, []).append(each.tenant)
    for day, tenants in sorted(elsewhere.items()):
        yield line(f"Day: {clean(day)} for {tenants_text(tenants, full=verbose)} ({clean(utc)} in UTC)", Style.MUTED)


def _scheduled(scheduled: Scheduled) -> str:
    """``Scheduled: 2027-01-01, 2 tenants: plan "office-basic" periods.P1M.fees.recurring -> 6.60``."""
    count = len(scheduled.tenants)
    who = counted(count, "tenant")
    what = f"{entity_text(scheduled.entity)} {path_text(scheduled.path)} -> {clean(scheduled.amount)}"
    return f"Scheduled: {clean(scheduled.date)}, {who}: {what}"


def _changes(folded: list[FoldedChange], verbose: bool) -> Iterator[Line]:
    if not folded:
        return
    yield line("reconcile will perform the following actions:", Style.HEADING)
    yield ()
    for each in folded if verbose else shorten_folded(folded):
        if isinstance(each, UnlistedCreations):
            more = f"and {more_text(each.kind, each.number)} will be created (listed with --verbose)"
            yield line(f"  # {tenants_text(each.tenants, full=verbose)}: {more}", Style.HEADING)
        else:
            yield _header(each, verbose)
            yield from _body(each, verbose)
        yield ()


def more_text(kind: str, number: int) -> str:
    """``12 more sales categories``."""
    count, _, noun = kind_text(kind, number).partition(" ")
    return f"{count} more {noun}"


def _header(folded: FoldedChange, verbose: bool) -> Line:
    change = folded.change
    notes = [clean(change.cause)] if change.cause else []
    if folded.dependent and change.needed_by != (change.entity,):
        notes.append(f"needed by {_needed_by(change, verbose)}")
    note = f" ({', '.join(notes)})" if notes else ""
    who = tenants_text(folded.tenants, full=verbose)
    return line(f"  # {who}: {entity_text(change.entity)} {WILL[change.action]}{note}", Style.HEADING)


def _needed_by(change: Change, verbose: bool) -> str:
    named = [entity_text(each) for each in change.needed_by if each != change.entity] or ["what else comes down"]
    if verbose or len(named) <= 2:
        return ", ".join(named)
    return f"{named[0]} and {len(named) - 1} more"


def _body(folded: FoldedChange, verbose: bool) -> Iterator[Line]:
    if folded.change.fields:
        return field_lines(folded.change.fields, verbose=verbose, indent="  ")
    return leaf_lines(folded, verbose=verbose, indent="  ")


def leaf_lines(folded: FoldedChange, *, verbose: bool, indent: str) -> Iterator[Line]:
    """One line per field of a created or deleted entity, about a dozen; only the name of a dependent. ``verbose``:
    all.
    """
    change = folded.change
    document = folded.document()
    found = leaves(document)
    if folded.dependent and not verbose:
        found = [leaf for leaf in found if leaf[0] == ("name",)]
    few, more = (found, 0) if verbose or len(found) <= MANY_FIELDS else _few(document, [path for path, _ in found])
    for path, value in few:
        text = shown(value, full=verbose, longest=LONG_ITEM if isinstance(value, dict) else LONG)
        yield Segment(indent), MARKS[change.action], Segment(f" {path_text(path)}: {text}")
    if more:
        fields = counted(more, "more field")
        yield Segment(indent), MARKS[change.action], Segment(f" and {fields} (listed with --verbose)", Style.MUTED)
    if not found:
        yield entity_line(change, indent=indent)


def _few(document: Body, paths: list[Path]) -> tuple[list[tuple[Path, Value]], int]:
    """The first fields, with items on one line, and the number of ``paths`` outside them."""
    few = leaves(document, items=False)
    few = few if len(few) <= MANY_FIELDS + 2 else few[:MANY_FIELDS]
    heads = {path for path, _ in few}
    return few, sum(path not in heads and path[:2] not in heads for path in paths)


def entity_line(change: Change, *, indent: str) -> Line:
    """``+ plan "web-pro"``."""
    return Segment(indent), MARKS[change.action], Segment(f" {entity_text(change.entity)}")


def field_lines(fields: Sequence[FieldChange], *, verbose: bool, indent: str) -> Iterator[Line]:
    """One line per field, ``path: before -> after``, with the place of its declaration aligned beside it."""
    fields = sorted(fields, key=lambda each: tuple(map(in_number_order, each.path)))
    texts = [_field(each, verbose) for each in fields]
    width = max((len(text) for text in texts if len(text) <= COLUMN), default=0)
    for each, text in zip(fields, texts, strict=True):
        note = _note(each)
        main = Segment(indent), _field_mark(each), Segment(f" {text}")
        yield (*main, Segment(" " * max(width - len(text), 0) + f"  # {note}", Style.MUTED)) if note else main


def _field(field: FieldChange, verbose: bool) -> str:
    before, after = field.before, field.after
    if len(field.path) == 2 and not (before and after):
        before, after = without_origin(before), without_origin(after)
    before, after = shown_pair(before, after, full=verbose)
    return f"{path_text(field.path)}: {before} -> {after}"


def _field_mark(field: FieldChange) -> Segment:
    if field.before is None:
        return MARKS[Action.CREATE]
    return MARKS[Action.DELETE if field.after is None else Action.UPDATE]


def _note(field: FieldChange) -> str:
    notes = [clean(each) for each in (field.cause, field.note) if each]
    return ", ".join([*notes, place_text(field.declared_at)] if field.declared_at else notes)


def _holds(reason: str, holds: list[HeldGroup], verbose: bool) -> Iterator[Line]:
    if not holds:
        return
    yield line(_TITLES[reason], Style.HEADING)
    yield ()
    for hold in holds:
        yield line(f"  # {tenants_text(hold.tenants, full=verbose)}: {held_by(hold)}", Style.HEADING)
        yield from held_lines(hold.changes, verbose=verbose, indent="  ")
        yield from _why(hold, verbose)
        yield ()


def held_by(hold: HeldGroup) -> str:
    """A short reason, such as ``withheld by plans.create (CB-05)``."""
    rules = f" ({', '.join(map(clean, hold.rules))})" if hold.rules else ""
    veto = VETO in hold.rules
    if hold.reason == "withheld" and hold.options:
        return f"withheld by {' or '.join(map(clean, hold.options))}{rules}"
    return f"{hold.reason}{' by a veto' if veto else ''}{rules}"


def held_lines(changes: Iterable[Change], *, verbose: bool, indent: str) -> Iterator[Line]:
    """Deferred changes: a line per entity, then a line per field; only the first few creations of a kind."""
    listed, more = (list(changes), {}) if verbose else few_of_each_kind(changes)
    for change in listed:
        cause = (Segment(f"  # {clean(change.cause)}", Style.MUTED),) if change.cause else ()
        yield (*entity_line(change, indent=indent), *cause)
        yield from field_lines(change.fields, verbose=verbose, indent=f"{indent}    ")
    for kind, number in more.items():
        text = Segment(f" and {more_text(kind, number)} (listed with --verbose)", Style.MUTED)
        yield Segment(indent), MARKS[Action.CREATE], text


def _why(hold: HeldGroup, verbose: bool) -> Iterator[Line]:
    listed = hold.why if verbose else hold.why[:MANY_REASONS]
    for each in listed:
        for text in _reasons(each, hold.reason, alone=len(hold.why) == 1, verbose=verbose):
            yield line(text, Style.MUTED)
    if rest := hold.why[len(listed) :]:
        tenants = sum(len(each.tenants) for each in rest)
        yield line(f"    and likewise for {tenants} more (listed with --verbose)", Style.MUTED)


def _reasons(why: Explained, reason: str, *, alone: bool, verbose: bool) -> Iterator[str]:
    lead = "    because "
    who = "" if alone else f"{tenants_text(why.tenants, full=verbose)}: "
    first, *rest = why_lines(why, reason)
    yield f"{lead}{who}{first}"
    yield from (" " * len(lead) + each for each in rest)


def why_lines(why: Explained, reason: str) -> list[str]:
    """The lines of the detail, one per part, and the policy line unless the detail names it.

    For a blocked change, the policy line is the one that permits it.
    """
    lines = [clean(each) for each in _PARTS.split(why.detail)] if why.detail else []
    if why.policy and place_text(why.policy) not in why.detail:
        lines.append(f"{'permitted' if reason == 'blocked' else 'decided'} at {place_text(why.policy)}")
    return [*(f"{each};" for each in lines[:-1]), *lines[-1:]] or ["no reason was given"]


def _failures(failed: Iterable[Outline], verbose: bool) -> Iterator[Line]:
    found = problems(failed)
    if not found:
        return
    yield line("These tenants could not be planned:", Style.PROBLEM)
    yield ()
    for problem, tenants in found:
        first, *rest = problem.splitlines() or [""]
        yield line(f"  # {tenants_text(tenants, full=verbose)}: {clean(first)}", Style.HEADING)
        yield from (line(f"    {clean(each)}") for each in rest)
    yield ()
