"""The tree of tenants: what becomes of each, and what is withheld below because of a tenant above.

Tenants of one level with the same outcome, and the same below them, are one line. Nothing here is recursive, because
chains of resellers may be long.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.model.values.counts import counted
from reconciler.report.plans.page.markup import (
    Html,
    Pieces,
    end,
    joined,
    mark,
    muted,
    name,
    section,
    start,
    tag,
    unseen,
)
from reconciler.report.plans.sayings import SHOWN_ORDER, STATE_WORDS, held_back, states_said, tally
from reconciler.report.plans.view import PlanView, TenantOutcome, TenantState
from reconciler.report.words import shortened

ALIKE = 4
"""So many tenants with the same outcome are one line."""
SMALL = 40
"""The tree of so few tenants stands open."""
DEEPEST = 10
"""Tenants further down are listed on this level, each with the name of the one above it."""
FEW_LEVELS = 8
LONG_PROBLEM = 120
_WORST_FIRST = {state: number for number, state in enumerate(TenantState)}
_TOLD = (TenantState.ERROR, TenantState.BLOCKED, TenantState.HELD, TenantState.PARTLY)


def tenants(view: PlanView) -> Pieces:
    """The section of the tree."""
    tree = TenantTree.of(view)
    card = (start("div", class_="card"), (tree.root(*each) for each in view.roots.items()), end("div"))
    return section("tenants", "Tenants", "who is below whom, and what each of them gets", card)


@dataclass(slots=True)
class TenantTree:
    """What is known of the tree before it is written.

    ``likeness``: by tenant, a number that is equal where its outcome and everything below it are. ``below``: the states
    of the tenants below each. ``decides``: the number of tenants for which each decides that something is withheld or
    blocked. ``anchors``: the ids of those that decide.
    """

    small: bool
    likeness: dict[str, int] = field(default_factory=dict)
    below: dict[str, Counter[TenantState]] = field(default_factory=dict)
    decides: Counter[str] = field(default_factory=Counter)
    anchors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, view: PlanView) -> "TenantTree":
        tree, numbers = cls(len(view.tenants) <= SMALL), dict[object, int]()
        for tenant in reversed([*view.tenants.values()]):  # those below come first
            below, likes = Counter[TenantState](), Counter[int]()
            for child in tenant.children:
                below.update(tree.below[child.name])
                below[child.state] += 1
                likes[tree.likeness[child.name]] += 1
            tree.below[tenant.name] = below
            key = _outcome(view, tenant), frozenset(likes.items())
            tree.likeness[tenant.name] = numbers.setdefault(key, len(numbers))
            tree.decides.update({above for _, above in tenant.holds if above})
        known = (each for each in view.tenants if tree.decides[each])
        tree.anchors = {each: f"tenant-{number}" for number, each in enumerate(known, 1)}
        return tree

    def root(self, upstream: str, children: Sequence[TenantOutcome]) -> Pieces:
        """The tenants below an upstream that is not in the plan."""
        yield start("div", class_="tree")
        if upstream:
            directly = f"{counted(len(children), 'reseller')} directly below"
            yield tag("p", tag("b", name(upstream)), " ", muted(f"provider · {directly}"))
        yield start("ul")
        yield self.branch(children, 1)
        yield end("ul")
        yield end("div")

    def branch(self, children: Iterable[TenantOutcome], level: int) -> Pieces:
        """Tenants of one level, the worst first."""
        alike: dict[int, list[TenantOutcome]] = {}
        for each in children:
            alike.setdefault(self.likeness[each.name], []).append(each)
        order = sorted(alike.values(), key=lambda found: (_WORST_FIRST[found[0].state], -len(found), found[0].name))
        for found in order:
            if len(found) < ALIKE:
                yield (self.one(each, level, opened=self.small) for each in found)
            else:
                yield self._alike(found, level)

    def one(self, tenant: TenantOutcome, level: int, *, opened: bool = False, above: str = "") -> Pieces:
        """A tenant, and those below it. ``above``: the one above it, if that is not to be seen from where it stands."""
        told = self._line(tenant, tag("b", name(tenant.name)), above)
        anchor = self.anchors.get(tenant.name)
        if not tenant.children or level > DEEPEST:
            yield tag("li", told, class_="leaf", data_row=tenant.state, id=anchor)
            return
        yield start("li", data_row=tenant.state, id=anchor)
        yield start("details", open="" if opened else None)
        yield tag("summary", told)
        yield start("ul", class_="from" if self.decides[tenant.name] else None)
        yield self.branch(tenant.children, level + 1) if level < DEEPEST else self._flat(tenant, level + 1)
        yield end("ul")
        yield end("details")
        yield end("li")

    def _flat(self, tenant: TenantOutcome, level: int) -> Pieces:
        """All tenants below one, whatever their level."""
        waiting = [*reversed(tenant.children)]
        while waiting:
            each = waiting.pop()
            yield self.one(each, level, above=each.upstream)
            waiting += reversed(each.children)

    def _alike(self, found: Sequence[TenantOutcome], level: int) -> Pieces:
        first = found[0]
        whom = tag("b", f"{len(found):,} tenants")
        yield start("li", data_row=first.state)
        yield start("details")
        yield tag("summary", self._line(first, whom, each=" each"))
        if first.children:
            yield start("ul")
            yield (self.one(each, level) for each in found)
            yield end("ul")
        else:
            names = joined((tag("li", name(each.name)) for each in found), "\n")
            yield tag("div", tag("ul", names, class_="l", data_said=STATE_WORDS[first.state]), class_="names")
        yield end("details")
        yield end("li")

    def _line(self, tenant: TenantOutcome, whom: Html, above: str = "", each: str = "") -> Html:
        parts = [whom]
        if above:
            parts.append(muted(f"below {shortened(above, SMALL)}"))
        if tenant.problem:
            first = tenant.problem.partition("\n")[0]
            parts.append(tag("span", f"cannot be planned: {shortened(first, LONG_PROBLEM)}", class_="x"))
        if gets := tally(tenant):
            parts.append(muted(gets))
        parts += self._held(tenant)
        if tenant.standing:
            parts.append(muted(f"{counted(tenant.standing, 'entry', 'entries')} withheld or blocked before"))
        if len(parts) == 1 + bool(above):
            parts.append(muted("nothing to do"))
        parts += self._below(tenant, each)
        return tag("span", mark(tenant.state), unseen(f"{STATE_WORDS[tenant.state]}: "), joined(parts, " "), class_="t")

    def _held(self, tenant: TenantOutcome) -> Iterator[Html]:
        for kind, words, above in held_back(tenant):
            up = [" ↑ decided at ", self._reference(above)] if above else []
            yield tag("span", words, *up, class_="x" if kind == "blocked" else "h")

    def _reference(self, tenant: str) -> Html:
        anchor = self.anchors.get(tenant)
        return tag("a", name(tenant), href=f"#{anchor}") if anchor else name(tenant)

    def _below(self, tenant: TenantOutcome, each: str) -> Iterator[Html]:
        """How many are below, how many of those do not get everything, and how many because of this tenant."""
        if not tenant.children:
            return
        below = self.below[tenant.name]
        bad = [
            joined([mark(state), f"{below[state]:,} {states_said(state, below[state])}"])
            for state in _TOLD
            if below[state]
        ]
        yield muted(f"· {below.total():,} below{each}", ": " if bad else "", joined(bad, ", "))
        if number := self.decides[tenant.name]:
            yield tag("span", f"↓ decides for {number:,} of them", class_="h")


def _outcome(view: PlanView, tenant: TenantOutcome) -> tuple[object, ...]:
    """Equal for tenants with the same outcome: whatever is decided above is decided as many levels up."""
    levels = {above: _levels_up(view, tenant, above) for _, above in tenant.holds if above}
    holds = frozenset(((reason, levels.get(above, 0)), number) for (reason, above), number in tenant.holds.items())
    return tenant.state, tenant.content, holds, bool(tenant.standing), tenant.problem


def _levels_up(view: PlanView, tenant: TenantOutcome, above: str) -> int | str:
    """How many levels above a tenant another is; its name, if it is further up than a reader would count."""
    at: TenantOutcome | None = tenant
    for level in range(FEW_LEVELS):
        if at is None or at.name == above:
            return level
        at = view.tenants.get(at.upstream)
    return above


def legend_order(view: PlanView) -> list[tuple[TenantState, int]]:
    """The number of tenants in each state that occurs."""
    return [(state, view.states[state]) for state in SHOWN_ORDER if view.states[state]]
