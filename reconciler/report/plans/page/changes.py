"""The sections of what changes: prices, entries that come or go, other fields. Each different thing is a row."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from reconciler.model.values.counts import counted
from reconciler.report.plans.page.markup import (
    Content,
    Html,
    Pieces,
    code,
    end,
    fold,
    joined,
    muted,
    name,
    section,
    start,
    tag,
    unseen,
)
from reconciler.report.plans.page.tenant_lists import TenantLists
from reconciler.report.plans.sayings import WHAT_WORDS, supporting
from reconciler.report.plans.view import (
    BACKLOG,
    DRIFT,
    PR,
    PRIMARY,
    Entry,
    PlanView,
    Row,
    What,
    rows_by_entity,
)
from reconciler.report.values import leaves
from reconciler.report.words import (
    CAUSES,
    LARGE_CHANGE,
    kind_word,
    label,
    percent_text,
    sentence,
    shortened,
    value_words,
)

OPEN = 60
"""So many groups of a table stand open; the others are in a fold, which a search opens."""
FEW_PLACES = 3
MOST_CONTENTS = 300
"""Of so many entities of a table all fields unfold; more would be a page of megabytes."""
LONG_VALUE, LONG_AMOUNT, LONG_CURRENCY = 2_000, 40, 14


def prices(view: PlanView, lists: TenantLists) -> Pieces:
    """The prices that change, the furthest change first; the prices of one entity stand together."""
    if not view.prices:
        return ()
    table = Table(view, lists, view.prices)
    heads = (("Plan or product", "w0"), ("Price", "f"), ("Old", "r"), ("New", "r"), ("Change", "r"))
    notes = [table.causes] if table.causes else []
    notes += [f"amounts in {view.currency}"] if view.currency else []
    bodies = [table.price_group(rows) for _, rows in view.by_entity()]
    return section("prices", "Prices", " · ".join(notes), _card(table.head(heads), bodies, "card prices"))


def fields(view: PlanView, lists: TenantLists) -> Pieces:
    """Every other field that changes."""
    if not view.fields:
        return ()
    table = Table(view, lists, view.fields)
    heads = (("Entry", "w0"), ("Field", "f"), ("Old", ""), ("New", ""))
    bodies = [table.field_group(rows) for _, rows in rows_by_entity(view.fields)]
    return section("fields", "Other fields", "", _card(table.head(heads), bodies))


def added(view: PlanView, lists: TenantLists) -> Pieces:
    """The entities that come; those that only support others are counted, and listed in a fold."""
    return _entries(view, lists, view.added, "added", "Added")


def removed(view: PlanView, lists: TenantLists) -> Pieces:
    """The entities that go, or are put on or off sale."""
    found = [each for each in view.removed if each.what is not What.ON]
    back = [each for each in view.removed if each.what is What.ON]
    yield _entries(view, lists, back, "on-sale", "On sale again")
    yield _entries(view, lists, found, "removed", "Removed or off sale")


def _entries(view: PlanView, lists: TenantLists, entries: Sequence[Entry], id_: str, title: str) -> Pieces:
    if not entries:
        return ()
    table = Table(view, lists, entries)
    heads = (("Entry", "w0"), ("What", "what"), ("Prices" if any(each.prices for each in entries) else "", ""))
    head = table.head(heads)
    main = [table.entry(each) for each in entries if each.entity.kind in PRIMARY]
    rest = [table.entry(each) for each in entries if each.entity.kind not in PRIMARY]
    said = sentence(supporting(entries)) or counted(len(rest), "supporting entry", "supporting entries")
    cards: list[Html | Pieces] = [_card(head, main)] if main else []
    if rest:
        summary = tag("summary", f"With them: {said}" if main else said)
        cards += [start("details", class_="card more"), summary, _table(head, rest), end("details")]
    some = f"all fields unfold of the first {MOST_CONTENTS}" if len(entries) > MOST_CONTENTS else ""
    return section(id_, title, some, cards)


class Table:
    """A table of rows. ``causes``: what is said of causes, if they are known: a row is marked if it has another."""

    def __init__(self, view: PlanView, lists: TenantLists, rows: Sequence[Row | Entry]) -> None:
        self.view, self.lists = view, lists
        self.unfolded = 0
        self.causes = "caused by this change" if view.source.base else ""
        if self.causes and any(set(row.reach.causes) - {PR} for row in rows):
            self.causes += ", unless marked otherwise"

    def head(self, columns: Iterable[tuple[str, str]]) -> Html:
        """The heading, of columns by their titles and classes."""
        columns = (*columns, ("Tenants who get it", "wt"))
        cells = (tag("th", title, scope="col", class_=class_ or None) for title, class_ in columns)
        return tag("thead", tag("tr", *cells))

    def price_group(self, rows: Sequence[Row]) -> Html:
        """The prices of one entity."""
        return self._group(rows, [self._price(row) for row in rows])

    def field_group(self, rows: Sequence[Row]) -> Html:
        """The other fields of one entity."""
        return self._group(rows, [self._field(row) for row in rows])

    def entry(self, entry: Entry) -> Html:
        """A whole entity."""
        word = WHAT_WORDS[entry.what]
        said = word if entry.reach.gets else tag("i", f"not {word}", class_="m")
        what = tag("td", said, *self._tags(entry), class_="f")
        cells = [what, tag("td", entry.prices, *self._contents(entry)), self._tenants(entry)]
        head = _entity_head(entry.entity.kind, entry.entity.key, entry.title, 1)
        return tag("tbody", tag("tr", head, *cells), data_row=self.lists.states_of(entry.reach))

    def _group(self, rows: Sequence[Row], cells: Sequence[Sequence[Html]]) -> Html:
        first = rows[0]
        head = _entity_head(first.entity.kind, first.entity.key, first.title, len(rows))
        lines = [tag("tr", *([] if number else [head]), *each) for number, each in enumerate(cells)]
        states = {state for row in rows for state in self.lists.states_of(row.reach).split()}
        return tag("tbody", *lines, data_row=" ".join(sorted(states)))

    def _price(self, row: Row) -> list[Html]:
        also = [" ", muted("(renewal too)")] if row.renewal_too else []
        unit = [" ", muted(shortened(row.currency, LONG_CURRENCY))] if row.currency and not self.view.currency else []
        return [
            tag("td", row.label, *also, *self._tags(row), *self._variants(row), class_="f"),
            tag("td", value_words(row.before, LONG_AMOUNT), class_="r n old"),
            tag("td", value_words(row.after, LONG_AMOUNT), *unit, class_="r n new"),
            tag("td", _change(row), class_="r n"),
            self._tenants(row),
        ]

    def _field(self, row: Row) -> list[Html]:
        return [
            tag("td", row.label, *self._tags(row), class_="f"),
            tag("td", value_words(row.before, LONG_VALUE), class_="old"),
            tag("td", value_words(row.after, LONG_VALUE)),
            self._tenants(row),
        ]

    def _contents(self, entry: Entry) -> list[Html]:
        """Every field of an entity that comes or goes, on demand."""
        if entry.what in (What.ON, What.OFF) or self.unfolded >= MOST_CONTENTS:
            return []
        self.unfolded += 1
        change = entry.read()
        found = leaves(change.after or change.before or {})
        if not found:
            return []
        items = [
            tag("li", tag("span", f"{label(change.entity.kind, path).text}:"), tag("b", value_words(value, LONG_VALUE)))
            for path, value in found
        ]
        whose = muted(f" (as in {change.tenant})") if entry.reach.total > 1 else ""
        said = joined([counted(len(found), "field"), whose])
        return [fold(said, tag("ul", *items, class_="details"))]

    def _tenants(self, row: Row | Entry) -> Html:
        """The cell that every row ends with: its tenants, and the lines that declare it."""
        return tag("td", self.lists.of(row.reach, *_declared(row.reach.places)), class_="wt")

    def _tags(self, row: Row | Entry) -> list[Html]:
        """The causes of a row other than this change."""
        found = [each for each in (DRIFT, BACKLOG) if each in row.reach.causes] if self.view.source.base else []
        return [joined([" ", tag("span", CAUSES[each], class_=f"tag {each}")]) for each in found]

    def _variants(self, row: Row) -> list[Html]:
        if not row.variants:
            return []
        items = [
            tag(
                "li",
                tag("b", f"{value_words(each.before)} → {value_words(each.after)}", class_="n"),
                muted(each.percent_text),
                self.lists.plain(each.reach.everybody),
            )
            for each in row.variants
        ]
        return [fold(f"{len(row.variants):,} different changes", tag("ul", *items, class_="details"))]


def _declared(places: Iterable[tuple[str, int]]) -> list[Html]:
    """The lines that declare a row, of which the first few are named."""
    found = sorted(places)
    if not found:
        return []
    named = joined((code(f"{file}:{line}") for file, line in found[:FEW_PLACES]), ", ")
    more = f" and {counted(len(found) - FEW_PLACES, 'more line')}" if len(found) > FEW_PLACES else ""
    return [tag("p", "declared at ", named, more, class_="m")]


def _entity_head(kind: str, key: str, title: str, rows: int) -> Html:
    told = [f"{kind_word(kind)} ", code(key)] if key else []
    span = str(rows) if rows > 1 else None
    return tag("th", tag("b", name(title)), tag("span", *told), scope="rowgroup", rowspan=span)


def _change(row: Row) -> Html:
    """``▲ +10 %``; the words are for screen readers, and a large change is marked beside its weight."""
    share = row.percent
    if share is None:
        return muted(row.percent_text)
    large = abs(share) >= LARGE_CHANGE
    if not share:
        return muted(percent_text(share))
    sign, word, class_ = ("▲", "rise", "up") if share > 0 else ("▼", "cut", "down")
    told = unseen(f"{'large ' if large else ''}{word} ")
    said = f"{sign} {row.percent_text}{' !' if large else ''}"
    return tag("span", told, said, class_=f"{class_} big" if large else class_)


def _card(head: Html, bodies: Sequence[Html], class_: str = "card") -> Iterator[Html | Pieces]:
    """A table of which the first `OPEN` groups stand open."""
    yield start("div", class_=class_)
    yield _table(head, bodies[:OPEN])
    if rest := bodies[OPEN:]:
        yield start("details", class_="more")
        yield tag("summary", f"{counted(len(rest), 'more entry', 'more entries')}")
        yield _table(head, rest)
        yield end("details")
    yield end("div")


def _table(head: Content, bodies: Iterable[Html]) -> Iterator[Html]:
    return chain([start("table"), Html(head)], bodies, [end("table")])
