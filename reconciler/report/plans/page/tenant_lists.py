"""The tenants of rows: each different set of tenants is listed once, at the end of the page, and named by its number.

So a page grows with the number of different things, not with the number of tenants that each of them concerns.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.model.values.counts import counted
from reconciler.report.plans.page.markup import (
    Content,
    Html,
    Pieces,
    bar,
    fold,
    joined,
    mark,
    muted,
    name,
    section,
    tag,
)
from reconciler.report.plans.reach import Reach
from reconciler.report.plans.view import TenantOutcome, TenantState

FEW = 8
"""So few tenants are listed where they are named."""

Key = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]

OUTCOMES = (
    (TenantState.CHANGES, "get it"),
    (TenantState.HELD, "withheld"),
    (TenantState.BLOCKED, "blocked"),
)
"""What becomes of a change in a tenant: the state whose colour it has, and the words."""


@dataclass(slots=True)
class TenantLists:
    """The sets of tenants that the page has named so far."""

    tenants: Mapping[str, TenantOutcome]
    numbers: dict[Key, int] = field(default_factory=dict)
    states: dict[Key, str] = field(default_factory=dict)

    def of(self, reach: Reach, *inside: Content) -> Html:
        """The tenants of a row: how many get it, and on demand their names. ``inside``: what else unfolds there."""
        if reach.total == 1:
            return fold(_alone(reach), *inside, class_="who") if inside else _alone(reach)
        key = _key(reach)
        said = [tag("b", f"{reach.gets:,}"), *([f" of {reach.total:,}"] if reach.gets < reach.total else [])]
        counts = zip((state for state, _ in OUTCOMES), map(len, key), strict=True)
        read = f"{reach.gets:,} of {reach.total:,} tenants get it; list them"
        summary = tag("summary", bar(counts), tag("span", *said), aria_label=read)
        return tag("details", summary, tag("div", self.listed(key), *inside, class_="names"), class_="who")

    def listed(self, key: Key) -> Html:
        """The names of a set of tenants, or a reference to where they are listed."""
        if sum(map(len, key)) <= FEW:
            return _names(key)
        number = self.numbers.setdefault(key, len(self.numbers) + 1)
        return tag("p", tag("a", f"List {number} of tenants", href=f"#list-{number}"), data_of=str(number))

    def plain(self, tenants: Sequence[str]) -> Html:
        """The names of tenants of which no outcome is told, on demand if they are many."""
        if len(tenants) <= FEW:
            return joined(map(name, tenants), ", ")
        number = counted(len(tenants), "tenant")
        return fold(number, tag("div", self.listed((tuple(tenants), (), ())), class_="names"), class_="who")

    def states_of(self, reach: Reach) -> str:
        """What becomes of the tenants that a change is meant for: the states by which rows are filtered."""
        key = _key(reach)
        if key not in self.states:
            self.states[key] = self.states_in(reach.everybody)
        return self.states[key]

    def states_in(self, tenants: Sequence[str]) -> str:
        """The states of these tenants; those outside the plan have none."""
        return " ".join(sorted({self.tenants[each].state for each in tenants if each in self.tenants}))

    def section(self) -> Pieces:
        """The lists that rows refer to: written last, when all are known."""
        if not self.numbers:
            return ()
        return section("lists", "Lists of tenants", "to which the rows above refer", self._lists())

    def _lists(self) -> Iterator[Html]:
        for key, number in self.numbers.items():
            parts = [f"{len(tenants):,} {words}" for (_, words), tenants in zip(OUTCOMES, key, strict=True) if tenants]
            said = ", ".join(parts) if any(key[1:]) else counted(len(key[0]), "tenant")
            inner = tag("div", _names(key), id=f"list-{number}", class_="names")
            yield fold(joined([tag("b", f"List {number}"), " ", muted(said)]), inner)


def _alone(reach: Reach) -> Html:
    """The only tenant, and what becomes of the change in it unless it gets it."""
    (tenant,) = reach.everybody
    if reach.gets:
        return name(tenant)
    state, words = OUTCOMES[1] if reach.withheld else OUTCOMES[2]
    return tag("span", mark(state), name(tenant), " ", muted(words))


def _key(reach: Reach) -> Key:
    return tuple(reach.applied), tuple(reach.withheld), tuple(reach.blocked)


def _names(key: Key) -> Html:
    """The names by outcome; if all have the first one, without saying so."""
    found = []
    for (state, words), tenants in zip(OUTCOMES, key, strict=True):
        if tenants:
            listed = tag("ul", joined((tag("li", name(each)) for each in tenants), "\n"), class_="l", data_said=words)
            said = tag("p", mark(state), " ", tag("b", f"{words[:1].upper()}{words[1:]} ({len(tenants):,})"))
            found += [said, listed] if any(key[1:]) else [listed]
    return joined(found)
