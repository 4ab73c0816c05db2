"""What stands around the changes: amounts to come, what to type next, where the plan comes from, and the counts."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from reconciler.core.savedplan import plan_digest
from reconciler.model.values.counts import counted
from reconciler.report.lines import Line
from reconciler.report.plans.alike import declared_in
from reconciler.report.plans.listing import closing_lines, day_lines
from reconciler.report.plans.page.markup import (
    Content,
    Html,
    Pieces,
    code,
    command,
    end,
    fold,
    joined,
    muted,
    name,
    section,
    start,
    tag,
)
from reconciler.report.plans.page.tenant_lists import TenantLists
from reconciler.report.plans.sayings import following
from reconciler.report.plans.view import Coming, PlanView
from reconciler.report.values import clean
from reconciler.report.words import kind_word

SHORT_COMMIT = 10
MANY_FILES = 8
MANY_LINES = 12


def scheduled(view: PlanView, lists: TenantLists) -> Pieces:
    """The amounts that change on days to come, as a timeline."""
    found = view.scheduled
    if not found:
        return ()
    days = (_day(date, [*same], lists) for date, same in groupby(found, key=lambda each: each.date))
    said = "prices with a day to come; not part of this plan"
    return section("scheduled", "Scheduled", said, (start("ol", class_="line"), days, end("ol")))


def _day(date: str, coming: Sequence[Coming], lists: TenantLists) -> Pieces:
    yield start("li", data_part="")
    yield tag("time", date, datetime=date)
    yield start("ul")
    for _, same in groupby(coming, key=lambda each: (each.entity, each.title)):
        amounts = [*same]
        first = amounts[0]
        states = lists.states_in([tenant for each in amounts for tenant in each.tenants])
        head = tag("div", tag("b", name(first.title)), " ", muted(kind_word(first.entity.kind)))
        yield tag("li", head, tag("ul", *(_amount(each, lists) for each in amounts)), data_row=states)
    yield end("ul")
    yield end("li")


def _amount(each: Coming, lists: TenantLists) -> Html:
    before = [tag("span", each.before, class_="old"), " "] if each.before else []
    change = tag("span", *before, "→ ", tag("b", each.after), class_="n")
    return tag("li", tag("span", each.label), change, muted(lists.plain(each.tenants)))


def next_commands(view: PlanView) -> Pieces:
    """What to type next."""
    found = following(view)
    if not found:
        return ()
    each = (tag("div", tag("p", f"{one.purpose[:1].upper()}{one.purpose[1:]}"), command(one.text)) for one in found)
    return section("next", "Next", "", (start("div", class_="cmds"), each, end("div")))


def origin(view: PlanView) -> Html:
    """The commit in a few words, for the head of the page."""
    source = view.source
    if not source.commit:
        return tag("span", "from files that are not committed" if source.dirty else "from files outside git")
    by = [" by ", name(source.author)] if source.author else []
    dirty = ", with changes that are not committed" if source.dirty else ""
    return tag("span", code(source.commit[:SHORT_COMMIT]), *by, dirty)


def provenance(view: PlanView) -> Pieces:
    """The commit, what the plan was compared with, and the lines that declare what changes."""
    rows: list[tuple[str, Content]] = [("Source", _commit(view))]
    if view.source.base:
        rows.append(("Compared with", code(view.source.base[:SHORT_COMMIT])))
    if files := _files(view):
        shown = joined(tag("span", each, class_="row") for each in files[:MANY_FILES])
        rest = [tag("span", each, class_="row") for each in files[MANY_FILES:]]
        more = [fold(counted(len(rest), "more file"), *rest)] if rest else []
        rows.append(("Declared at", joined([shown, *more])))
    rows += [("Days", each) for each in _texts(day_lines(view.plan, verbose=True))]
    return section("source", "Where it comes from", "", [_definitions(rows)])


def _commit(view: PlanView) -> Content:
    source = view.source
    if not source.commit:
        return origin(view)
    said = [code(source.commit), *([" ", tag("b", "with changes that are not committed")] if source.dirty else [])]
    told = (source.subject, source.author, source.date[:16].replace("T", " "))
    return joined([joined(said), *(name(each) for each in told if each)], " · ")


def _files(view: PlanView) -> list[Html]:
    """Every file with the lines that declare something that changes."""
    return [joined([code(file), " ", muted(_lines(lines))]) for file, lines in declared_in(view).items()]


def _lines(found: Sequence[int]) -> str:
    named = ", ".join(map(str, found[:MANY_LINES]))
    more = f" and {len(found) - MANY_LINES:,} more" if len(found) > MANY_LINES else ""
    return f"line{'s' if len(found) > 1 else ''} {named}{more}"


def footer(view: PlanView) -> Html:
    """The counts as every report has them, and the digests."""
    plan = view.plan
    rows: list[tuple[str, Content]] = [
        ("Counts", joined(tag("span", each, class_="row") for each in _texts(closing_lines(plan, verbose=True)))),
        ("Plan digest", code(plan_digest(plan))),
        ("Source digest", code(plan.source.digest)),
        ("Made by", f"reconciler {plan.reconciler_version}, {plan.timestamp}"),
    ]
    return tag("footer", _definitions(rows))


def _texts(lines: Iterator[Line]) -> list[str]:
    return [text for each in lines if (text := clean("".join(segment.text for segment in each)))]


def _definitions(rows: Sequence[tuple[str, Content]]) -> Html:
    return tag("dl", *(each for title, content in rows for each in (tag("dt", title), tag("dd", content))))
