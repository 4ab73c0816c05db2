"""The sections of what changes: prices, entries that come and go, other fields, and what is scheduled."""

from collections.abc import Sequence

from reconciler.model.values.counts import counted
from reconciler.report.plans.alike import alike_entries
from reconciler.report.plans.markdown.escaping import NB, code, folded, markup, plain, table
from reconciler.report.plans.markdown.room import FEW, TITLE, VALUE, Room, more_rows, section
from reconciler.report.plans.reach import Reach
from reconciler.report.plans.sayings import WHAT_WORDS, supporting
from reconciler.report.plans.view import BACKLOG, DRIFT, PRIMARY, Coming, Entry, PlanView, Row, rows_by_entity
from reconciler.report.words import CAUSES, LARGE_CHANGE, kind_count, kind_word, sentence, value_words


def prices(view: PlanView, room: Room) -> str:
    """Every price that changes, with how many of those it is meant for get it."""
    if not view.prices:
        return ""
    listed = view.prices[: room.rows]
    rows = [_price(view, row, first=row is same[0]) for _, same in rows_by_entity(listed) for row in same]
    currency = f" ({plain(view.currency)})" if view.currency else ""
    body = table(["Plan or product", "Price", "Old", "New", "Change", "Tenants that get it"], "llrrrr", rows)
    more = more_rows(len(view.prices) - len(listed), "price")
    partly = next((row.reach for row in listed if 0 < row.reach.gets < row.reach.total), None)
    legend = [f"<sub>{reached(view, partly)}: so many get it, of those it is meant for.</sub>"] if partly else []
    return section(f"Prices{currency}", body, *more, *legend)


def _price(view: PlanView, row: Row, *, first: bool) -> list[str]:
    unit = f" {plain(row.currency)}" if row.currency and not view.currency else ""
    also = (" (renewal too)" if row.renewal_too else "") + _why(view, row)
    return [
        titled(row.entity.kind, row.title) if first else "",
        f"{plain(row.label)}{also}",
        plain(value_words(row.before, VALUE)),
        f"**{plain(value_words(row.after, VALUE))}**{unit}",
        _change(row),
        reached(view, row.reach),
    ]


def _why(view: PlanView, row: Row | Entry) -> str:
    """Why it changes, where this change is not the reason, or not the only one."""
    others = [CAUSES[each] for each in (DRIFT, BACKLOG) if each in row.reach.causes] if view.source.base else []
    part = "in part " if others and len(row.reach.causes) > len(others) else ""
    return f" ({part}{sentence(others)})" if others else ""


def _change(row: Row) -> str:
    share = row.percent
    if not share:
        return row.percent_text
    strong = "**" if abs(share) >= LARGE_CHANGE else ""
    return f"{'▲' if share > 0 else '▼'} {strong}{row.percent_text}{strong}".replace(" ", NB)


def titled(kind: str, title: str) -> str:
    """An entity's name, with its kind unless that is a plan."""
    return plain(title, TITLE, bold=True) + ("" if kind == "Plan" else f" {kind_word(kind)}")


def reached(view: PlanView, reach: Reach) -> str:
    """How many get it: ``6 of 9``, ``all 10``, or the only one."""
    if reach.total == reach.gets == 1:
        return code(reach.applied[0], TITLE)
    if reach.gets == reach.total:
        return f"all{NB}{reach.gets:,}" if reach.gets == len(view.tenants) else f"{reach.gets:,}"
    return f"{reach.gets:,}{NB}of{NB}{reach.total:,}"


def entries(view: PlanView, room: Room) -> str:
    """The plans and products that come and go; those with the same fate in one row."""
    found = _fates(view)
    rows = [
        [_those(same, room.names), _fate(view, same[0]), plain(same[0].prices), reached(view, same[0].reach)]
        for same in found[: room.rows]
    ]
    blocks = [table(["Plan or product", "Becomes", "Prices", "Tenants that get it"], "lllr", rows)] if rows else []
    for each, word in ((view.added, "added"), (view.removed, "removed")):
        if kinds := supporting(each):
            blocks.append(f"Also {word}: {', '.join(kinds)}.")
    left = sum(len(same) for same in found[len(rows) :])
    return section("Added and removed", *blocks, *more_rows(left, "entry", "entries")) if blocks else ""


def _fates(view: PlanView) -> list[list[Entry]]:
    alike = alike_entries(each for each in (*view.added, *view.removed) if each.entity.kind in PRIMARY)
    return [part for same in alike for part in ([same] if len(same) > FEW else [[one] for one in same])]


def _those(same: Sequence[Entry], most: int) -> str:
    kind = same[0].entity.kind
    if len(same) == 1:
        return f"{plain(same[0].title, TITLE, bold=True)} {kind_word(kind)}"
    names = [plain(each.title, TITLE) for each in same[:most]]
    more = f" and {len(same) - most:,} more" if len(same) > most else ""
    return f"**{kind_count(kind, len(same))}**: {', '.join(names)}{more}"


def _fate(view: PlanView, entry: Entry) -> str:
    word = WHAT_WORDS[entry.what]
    return (word if entry.reach.gets else f"not {word}") + _why(view, entry)


def fields(view: PlanView, room: Room) -> str:
    """Every other field, folded."""
    rows = [
        [
            titled(row.entity.kind, row.title) if row is same[0] else "",
            plain(row.label) + _why(view, row),
            plain(value_words(row.before, VALUE)),
            plain(value_words(row.after, VALUE)),
            reached(view, row.reach),
        ]
        for _, same in rows_by_entity(view.fields[: room.rows])
        for row in same
    ]
    if not rows:
        return ""
    body = table(["Entry", "Field", "Old", "New", "Tenants that get it"], "llllr", rows)
    left = more_rows(len(view.fields) - len(rows), "field")
    return folded(f"<b>Other fields</b>: {counted(len(view.fields), 'change')}", "\n\n".join([body, *left]))


def scheduled(view: PlanView, room: Room) -> str:
    """What changes on days to come, folded."""
    coming = view.scheduled
    if not coming:
        return ""
    rows = [_coming(each) for each in coming[: room.rows]]
    body = table(["From", "Plan or product", "Price", "Until then", "New", "Tenants"], "lllrrr", rows)
    title = f"<b>Scheduled</b>: {counted(len(coming), 'price')} from {markup(coming[0].date)} on"
    left = more_rows(len(coming) - len(rows), "price")
    return folded(f"{title}; not part of this plan", "\n\n".join([body, *left]))


def _coming(each: Coming) -> list[str]:
    who = code(each.tenants[0], TITLE) if len(each.tenants) == 1 else f"{len(each.tenants):,}"
    title = titled(each.entity.kind, each.title)
    return [plain(each.date), title, plain(each.label), plain(each.before), f"**{plain(each.after)}**", who]
