"""Renders a plan for a terminal: what changes and for whom, what does not and why, what to type next, and the counts.

Its length follows the number of different things, not of tenants. `listing` lists every entity (``--verbose``).
"""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.model.plans.plan import Plan
from reconciler.model.values.counts import counted
from reconciler.report.lines import Line, Segment, Style, line, render
from reconciler.report.plans.alike import alike_entries
from reconciler.report.plans.folding import fold
from reconciler.report.plans.listing import closing_lines, day_lines, warning_lines
from reconciler.report.plans.reach import Reach
from reconciler.report.plans.sayings import (
    SHOWN_ORDER,
    WHAT_WORDS,
    Command,
    allow_command,
    commands,
    decider_text,
    effect,
    headline,
    release,
    standing_text,
    states_said,
    summary,
    supporting,
)
from reconciler.report.plans.terminal import WIDTH, Cell, columns, fitted, wide, wrapped
from reconciler.report.plans.view import (
    BACKLOG,
    DRIFT,
    PRIMARY,
    Coming,
    Entry,
    Hold,
    PlanView,
    Row,
    TenantState,
    What,
    rows_by_entity,
)
from reconciler.report.values import clean
from reconciler.report.words import CAUSES, kind_count, kind_word, sentence, shortened, value_words

MANY_ROWS = 40
MANY_REASONS = 8
MANY_DETAILS = 6
MARKS = {
    TenantState.ERROR: ("✕", Style.PROBLEM),
    TenantState.BLOCKED: ("■", Style.PROBLEM),
    TenantState.HELD: ("▲", Style.WARNING),
    TenantState.PARTLY: ("◐", Style.WARNING),
    TenantState.CHANGES: ("●", Style.GOOD),
    TenantState.SYNC: ("○", Style.MUTED),
}
MORE = "listed with --verbose"
_ENTRY_MARKS = {
    What.ADD: ("+", "", Style.ADD),
    What.ON: ("+", "on sale", Style.ADD),
    What.REMOVE: ("-", "", Style.REMOVE),
    What.OFF: ("-", "off sale", Style.REMOVE),
}
_CAUSE_MARKS = {DRIFT: "*", BACKLOG: "**"}
"""Marks of prices that this change is not the reason for, which are explained in the table's heading."""
FEW = 3
"""So many entries with the same fate have a line each; more are one line."""
_NAME, _VALUE, _FIELD_NAME = 48, 24, 28


def render_plan(plan: Plan, *, file: str = "", following: bool = True, colour: bool = False) -> str:
    """The text of a plan. ``file``: what it was saved as. ``following``: whether to say what to type next."""
    return render(plan_lines(plan, file=file, following=following), colour=colour)


def plan_lines(plan: Plan, *, file: str = "", following: bool = True) -> Iterator[Line]:
    """As `render_plan`, as styled lines."""
    view = fold(plan, file)
    for block in (
        () if plan.in_sync else _head(view),
        _errors(view),
        _blocked(view),
        _prices(view),
        (*_entries(view), *_fields(view)),
        (*_withheld(view), *_standing(view)),
        _scheduled(view),
        _wrapped_lines(warning_lines(plan), Style.WARNING),
        _wrapped_lines(day_lines(plan), Style.MUTED),
        _next(view) if following else (),
    ):
        lines = list(block)
        yield from (*lines, ()) if lines else ()
    yield from closing_lines(plan)


def _wrapped_lines(lines: Iterable[Line], style: Style) -> Iterator[Line]:
    for each in lines:
        said = "".join(segment.text for segment in each)
        yield from (line(part, style) for part in wrapped(said, hanging="  "))


def _head(view: PlanView) -> Iterator[Line]:
    yield line(fitted(headline(view), WIDTH), Style.HEADING)
    if said := summary(view, fields=False):
        yield from map(line, wrapped(f"{'. '.join(said)}."))
    if len(view.tenants) > 1:
        yield ()
        yield tuple(_states(view))


def _states(view: PlanView) -> Iterator[Segment]:
    for number, state in enumerate(each for each in SHOWN_ORDER if view.states[each]):
        mark, style = MARKS[state]
        said = f" {view.states[state]:,} {states_said(state, view.states[state])}"
        yield from (Segment("   " if number else "  "), Segment(mark, style), Segment(said))


def _errors(view: PlanView) -> Iterator[Line]:
    """Problems are whole, on one line each: they are searched for, and their paths copied."""
    if not view.errors:
        return
    yield line(f"Errors: {counted(view.states[TenantState.ERROR], 'tenant')} cannot be planned", Style.PROBLEM)
    for problem, tenants in list(view.errors.items())[:MANY_REASONS]:
        first, *rest = problem.splitlines() or [""]
        mark, style = MARKS[TenantState.ERROR]
        yield (Segment("  "), Segment(mark, style), Segment(f" {names(tenants)}: {clean(first)}"))
        yield from (line(f"    {clean(each)}") for each in rest[:MANY_DETAILS])
    yield from _left(len(view.errors) - MANY_REASONS, "problem")


def _marked(text: str, state: TenantState) -> Iterator[Line]:
    """A marked text, on as many lines as it needs, but few."""
    mark, style = MARKS[state]
    for number, each in enumerate(list(wrapped(text, WIDTH - 4))[:MANY_DETAILS]):
        yield (Segment("  "), Segment(mark if not number else " ", style), Segment(f" {each}"))


def _left(number: int, one: str, more: str | None = None) -> Iterator[Line]:
    if number > 0:
        said = counted(number, f"more {one}", f"more {more or f'{one}s'}")
        yield line(f"  and {said} ({MORE})", Style.MUTED)


def names(tenants: Iterable[str], most: int = 2) -> str:
    """``contoso, fabrikam and 3 more``."""
    listed = [shortened(each, _NAME) for each in tenants]
    if len(listed) <= most + 1:
        return ", ".join(listed)
    return f"{', '.join(listed[:most])} and {len(listed) - most:,} more"


def _meant(holds: Iterable[Hold]) -> str:
    return counted(len({tenant for hold in holds for tenant in hold.tenants}), "tenant")


def _blocked(view: PlanView) -> Iterator[Line]:
    if not view.blocked:
        return
    yield line(f"Blocked: {_meant(view.blocked)}; somebody has to decide", Style.PROBLEM)
    for hold in view.blocked[:MANY_REASONS]:
        yield from _title(hold, TenantState.BLOCKED)
        said = f"{counted(hold.entries, 'entry', 'entries')} in {names(hold.tenants)}{_decided(hold)}"
        yield from map(line, wrapped(said, indent="    "))
        yield from _details(hold)
        if hold.reason.guards:
            said = f"if it is right all the same, this {release(view, hold)}:"
            yield from map(line, wrapped(said, indent="    "))
            yield _command(allow_command(view, hold))
        elif hold.reason.set:
            yield from _setting(view, hold)
    yield from _left(len(view.blocked) - MANY_REASONS, "reason")


def _command(command: Command) -> Line:
    more = f"  # {command.purpose}" if command.purpose else ""
    return Segment(f"      {command.text}"), Segment(more, Style.MUTED)


def _title(hold: Hold, state: TenantState) -> Iterator[Line]:
    technical = f"  ({clean(hold.reason.technical)})" if hold.reason.technical else ""
    yield from _marked(f"{clean(hold.reason.title)}{technical}", state)


def _decided(hold: Hold) -> str:
    """Where it is decided, if that is above the tenants that it concerns, or above some of them."""
    if not hold.above:
        return ""
    below = sum(1 for each in hold.tenants if each not in hold.owners)
    return f", decided at {names(hold.above)}" if len(hold.above) == 1 else f", decided above for {below:,} of them"


def _details(hold: Hold) -> Iterator[Line]:
    """The plan's own words, where they concern one tenant only."""
    if len(hold.tenants) == 1 or not (hold.reason.guards or hold.reason.set):
        parts = next(iter(hold.details.values()), "").split("; ")
        listed = [each for each in parts if each][:MANY_DETAILS]
        yield from (line(f"      {fitted(clean(each), WIDTH - 6)}", Style.MUTED) for each in listed)


def _setting(view: PlanView, hold: Hold) -> Iterator[Line]:
    one = "one line " if len(hold.deciders) == 1 else ""
    yield from map(line, wrapped(f"{one}{effect(view, hold)}:", indent="    "))
    where, more = decider_text(hold)
    at = f"in {clean(where)}{f' and {more:,} more' if more else ''}{_decided(hold)}" if where else ""
    text = f"      {clean(hold.reason.set)}"
    if wide(text) + 3 + wide(at) <= WIDTH:
        yield (Segment(text), Segment(f"   {at}" if at else "", Style.MUTED))
    else:
        yield from map(line, wrapped(text.strip(), indent="      "))
        yield from (line(each, Style.MUTED) for each in wrapped(at, indent="      "))


def _prices(view: PlanView) -> Iterator[Line]:
    if not view.prices:
        return
    currency = f" ({clean(view.currency)})" if view.currency else ""
    head: list[Cell] = [(each, Style.MUTED) for each in ("", "", "old", "new", "change", "tenants")]
    head[0] = (f"Prices{currency}", Style.HEADING)
    table, listed = [head], view.prices[:MANY_ROWS]
    marked = {mark for row in listed for mark in _marks(view, row.reach.causes)}
    head[1] = (
        ", ".join(f"{mark} {CAUSES[cause]}" for cause, mark in _CAUSE_MARKS.items() if mark in marked),
        Style.MUTED,
    )
    for _, rows in rows_by_entity(listed):
        table += [_price(view, row, first=row is rows[0]) for row in rows]
    yield from columns(table, right=(2, 3, 4, 5), indent=(0, 2))
    yield from _left(len(view.prices) - len(listed), "price")


def _price(view: PlanView, row: Row, *, first: bool) -> list[Cell]:
    title = shortened(row.title, _NAME) + ("" if row.entity.kind == "Plan" else f" ({kind_word(row.entity.kind)})")
    said = " ".join([_in_row(row.label), *(["+ renewal"] if row.renewal_too else []), *_marks(view, row.reach.causes)])
    unit = f" {clean(row.currency)}" if row.currency and not view.currency else ""
    share = row.percent or 0
    return [
        (title if first else "", Style.PLAIN),
        (shortened(said, _NAME), Style.PLAIN),
        (shortened(value_words(row.before), _VALUE), Style.MUTED),
        (shortened(value_words(row.after), _VALUE) + unit, Style.HEADING),
        (row.percent_text, Style.CHANGE if share > 0 else Style.PLAIN),
        (_reached(row.reach), Style.PLAIN),
    ]


def _in_row(label: str) -> str:
    """The words for a field within a row: ``monthly fee``, ``“seat”``, ``“seat”: setup price``."""
    said = f"{label[:1].lower()}{label[1:]}"
    return said.removeprefix("resource ").removesuffix(": price") if said.startswith("resource ") else said


def _marks(view: PlanView, causes: Iterable[str]) -> list[str]:
    return [mark for cause, mark in _CAUSE_MARKS.items() if cause in causes] if view.source.base else []


def _reached(reach: Reach) -> str:
    if reach.total == reach.gets == 1:
        return shortened(reach.applied[0], _NAME)
    return f"{reach.gets:,} of {reach.total:,}" if reach.gets != reach.total else f"{reach.total:,}"


def _entries(view: PlanView) -> Iterator[Line]:
    found = [each for each in (*view.added, *view.removed) if each.entity.kind in PRIMARY]
    with_them = [f"+ with them {', '.join(kinds)}" for kinds in [supporting(view.added)] if kinds]
    with_them += [f"- with them {', '.join(kinds)}" for kinds in [supporting(view.removed)] if kinds]
    if not found and not with_them:
        return
    yield line("Added and removed", Style.HEADING)
    alike = [part for same in alike_entries(found) for part in ([same] if len(same) > FEW else [[x] for x in same])]
    yield from columns([_entry(same) for same in alike[:MANY_ROWS]], right=(2,), indent=(2, 2))
    yield from _left(sum(map(len, alike[MANY_ROWS:])), "entry", "entries")
    for text in with_them:
        yield from map(line, wrapped(text, indent="  ", hanging="  "))


def _entry(same: Sequence[Entry]) -> list[Cell]:
    entry = same[0]
    (mark, word, style), kind = _ENTRY_MARKS[entry.what], entry.entity.kind
    word = word if entry.reach.gets else f"not {WHAT_WORDS[entry.what]}"
    if len(same) > 1:
        number = f"{kind_count(kind, len(same))} {word}".rstrip()
        what = f"{number}: {names((each.title for each in same), 1)}"
    else:
        what = f"{word}: " if word else ""
        what += f"{kind_word(kind)} {shortened(entry.title, _NAME)}"
    return [
        (f"{mark} {what}", style),
        (shortened(entry.prices, _NAME), Style.PLAIN),
        (_reached(entry.reach), Style.PLAIN),
    ]


def _fields(view: PlanView) -> Iterator[Line]:
    """A few changes of other fields have a line each; of more only the number and some labels are said."""
    if 0 < len(view.fields) <= MANY_DETAILS:
        yield line("Other fields", Style.HEADING)
        yield from columns([_field(row) for row in view.fields], right=(3,), indent=(2, 2))
    elif view.fields:
        number, labels = counted(len(view.fields), "change"), list(dict.fromkeys(row.label for row in view.fields))
        tried = [f"{number}, such as {sentence(labels[:most])}" for most in (FEW, 2, 1)]
        found = next((each for each in tried if wide(each) <= WIDTH - 32), tried[-1])
        yield from map(line, wrapped(f"Other fields: {found} (see --verbose)", hanging="  "))


def _field(row: Row) -> list[Cell]:
    before, after = (shortened(value_words(each), _VALUE) for each in (row.before, row.after))
    return [
        (shortened(row.title, _FIELD_NAME), Style.PLAIN),
        (shortened(_in_row(row.label), _VALUE), Style.PLAIN),
        (f"{before} -> {after}", Style.PLAIN),
        (_reached(row.reach), Style.PLAIN),
    ]


def _withheld(view: PlanView) -> Iterator[Line]:
    if not view.withheld:
        return
    yield line(f"Withheld: {_meant(view.withheld)}, by their own settings", Style.WARNING)
    for hold in view.withheld[:MANY_REASONS]:
        yield from _title(hold, TenantState.HELD)
        yield from _setting(view, hold) if hold.reason.set else _details(hold)
    yield from _left(len(view.withheld) - MANY_REASONS, "reason")


def _standing(view: PlanView) -> Iterator[Line]:
    if said := standing_text(view):
        yield from (line(each, Style.MUTED) for each in wrapped(f"{said} (see --verbose)"))


def _scheduled(view: PlanView) -> Iterator[Line]:
    if not view.plan.scheduled:
        return
    yield line("Scheduled, not part of this plan", Style.HEADING)
    table = [_coming(each) for each in view.scheduled]
    yield from columns(table[:MANY_ROWS], right=(3,), indent=(2, 2))
    yield from _left(len(table) - MANY_ROWS, "price")


def _coming(each: Coming) -> list[Cell]:
    arrow = f"{clean(each.before)} -> {clean(each.after)}" if each.before else f"-> {clean(each.after)}"
    who = shortened(each.tenants[0], _NAME) if len(each.tenants) == 1 else counted(len(each.tenants), "tenant")
    return [
        (clean(each.date), Style.PLAIN),
        (shortened(each.title, _NAME), Style.PLAIN),
        (shortened(_in_row(each.label), _NAME), Style.PLAIN),
        (arrow, Style.PLAIN),
        (who, Style.MUTED),
    ]


def _next(view: PlanView) -> Iterator[Line]:
    found = commands(view)
    width = max((len(each.text) for each in found if len(each.text) <= WIDTH // 2), default=0)
    for each in found[:3]:
        yield (Segment(f"  {each.text.ljust(width)}"), Segment(f"  # {each.purpose}", Style.MUTED))
