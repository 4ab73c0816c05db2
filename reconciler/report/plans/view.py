"""A plan as its readers ask of it: what changes, for whom, what does not and why. Every report renders this.

Each different thing stands in it once, with the tenants that it is about; `folding` fills it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from reconciler.model.plans.change import HeldBy, HoldKind
from reconciler.model.plans.plan import Change, Outline, Plan, Scheduled, Source
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path, Value
from reconciler.report.plans.reach import Reach
from reconciler.report.words import (
    PRECONDITIONS,
    guard_words,
    label,
    off_titles,
    percent,
    percent_text,
    sentence,
)

PRIMARY = ("Plan", "Product", "Subscription", "Customer")
"""The kinds that a catalog manager asks about; entities of other kinds come and go with them."""
MANY_VARIANTS = 4
"""More different changes of one price than this are one row, from the lowest to the highest."""
PR, DRIFT, BACKLOG = "pr", "drift", "backlog"


class TenantState(StrEnum):
    """What becomes of a tenant, the worst first."""

    ERROR = "error"
    BLOCKED = "blocked"
    HELD = "held"
    PARTLY = "partly"
    CHANGES = "changes"
    SYNC = "sync"


class What(StrEnum):
    """What becomes of a whole entity: it comes, goes, or is put on or off sale."""

    ADD = "add"
    REMOVE = "remove"
    OFF = "off"
    ON = "on"


@dataclass(slots=True)
class Row:
    """One field of one entity that changes from one value to another, in these tenants.

    ``title``: the entity's name; ``label``: the words for the field. ``money``: whether it is an amount, in
    ``currency``. ``renewal_too``: whether the renewal fee changes alike, so that it has no row of its own.
    ``variants``: if tenants have more than `MANY_VARIANTS` different amounts, a row of each; ``before`` and ``after``
    are then the span.
    """

    entity: EntityId
    title: str
    path: Path
    label: str
    money: bool
    currency: str
    before: Value
    after: Value
    reach: Reach = field(default_factory=Reach)
    renewal_too: bool = False
    variants: Sequence["Row"] = ()

    @property
    def percent(self) -> float | None:
        """By how many percent it changes; of several variants, the furthest."""
        if self.variants:
            shares = [each.percent for each in self.variants if each.percent is not None]
            return max(shares, key=abs, default=None)
        return percent(self.before, self.after)

    @property
    def percent_text(self) -> str:
        """``+10 %``; ``new``, ``gone`` and ``from 0`` where there is no percentage."""
        shares = sorted({each.percent for each in self.variants if each.percent is not None})
        if len(shares) > 1 and percent_text(shares[0]) != percent_text(shares[-1]):
            return f"{percent_text(shares[0])} … {percent_text(shares[-1])}"
        if self.before is None or self.after is None:
            return "new" if self.before is None else "gone"
        share = self.percent
        return percent_text(share) if share is not None else "from 0"


@dataclass(slots=True)
class Entry:
    """A whole entity that comes, goes, or is put on or off sale. ``prices``: of one that comes, in words.

    ``read``: the change of the first tenant, which has the whole entity; read on demand.
    """

    entity: EntityId
    title: str
    what: What
    prices: str
    read: Callable[[], Change]
    reach: Reach = field(default_factory=Reach)


@dataclass(slots=True)
class Decider:
    """A line, or a service template, that decides for some tenants. ``place``: ``file:line``, if it is one line."""

    template: str
    place: str
    tenants: dict[str, int] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        return sum(self.tenants.values())


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is withheld or blocked, whoever it concerns. ``reason``: ``withheld`` or ``blocked``.

    ``title``: a sentence; ``brief``: a few words. ``technical``: what people search for, such as the option's id.
    ``set``: the setting that releases it; ``guards``: those that ``--allow`` overrides.
    """

    reason: str
    title: str
    brief: str
    technical: str
    set: str
    guards: tuple[str, ...] = ()


@dataclass(slots=True)
class Hold:
    """Everything that is held back for one reason: by tenant, the number of entries.

    ``deciders``: those that decide for most come first. ``above``: the tenants at which it is decided for tenants
    below (TREE-02). ``entities``: the number of entries by entity. ``details``: the reasons as the plan words them,
    of the first few tenants. ``doubly``: the tenants in which something else holds these entries back
    too. ``owners``: the tenants whose policies decide.
    """

    reason: Reason
    tenants: dict[str, int] = field(default_factory=dict)
    deciders: list[Decider] = field(default_factory=list)
    above: set[str] = field(default_factory=set)
    entities: Counter[EntityId] = field(default_factory=Counter)
    details: dict[str, str] = field(default_factory=dict)
    doubly: set[str] = field(default_factory=set)
    owners: set[str] = field(default_factory=set)

    @property
    def entries(self) -> int:
        return sum(self.tenants.values())


@dataclass(slots=True)
class TenantOutcome:
    """What becomes of one tenant. ``gets``: the number of its changes by `tally_key`. ``holds``: of its entries that
    are held back, by reason and the tenant above that decides (empty: itself). ``standing``: of those that were held
    back before. ``content``: equal for tenants with the same outcome.
    """

    outline: Outline
    gets: Counter[str] = field(default_factory=Counter)
    holds: Counter[tuple[Reason, str]] = field(default_factory=Counter)
    standing: int = 0
    content: bytes = b""
    children: list["TenantOutcome"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.outline.tenant

    @property
    def upstream(self) -> str:
        return self.outline.bare.upstream

    @property
    def problem(self) -> str:
        return (self.outline.bare.problem or "it could not be planned") if self.outline.errored else ""

    @property
    def state(self) -> TenantState:
        if self.problem:
            return TenantState.ERROR
        if any(reason.reason == "blocked" for reason, _ in self.holds):
            return TenantState.BLOCKED
        if self.holds:
            return TenantState.PARTLY if self.gets else TenantState.HELD
        return TenantState.CHANGES if self.gets else TenantState.SYNC

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal for tenants that a reader need not tell apart."""
        return self.state, self.content, frozenset(self.holds.items()), bool(self.standing), self.problem


class Coming(NamedTuple):
    """Amounts of one entity that become the same on a day to come (ISO 8601). ``label``: the words for them.

    ``before``: the amount until then; empty if there is none.
    """

    date: str
    entity: EntityId
    title: str
    label: str
    before: str
    after: str
    tenants: tuple[str, ...]


@dataclass(slots=True)
class PlanView:
    """The whole of it. ``prices``: by entity, the furthest change first. ``holds``: what this plan newly holds back;
    ``standing``: what was held back before its base too, if causes are known. ``file``: what the saved plan is called
    in commands; empty if it was not saved.
    """

    plan: Plan
    tenants: Mapping[str, TenantOutcome]
    prices: list[Row]
    fields: list[Row]
    added: list[Entry]
    removed: list[Entry]
    holds: list[Hold]
    standing: list[Hold]
    file: str = ""
    _states: Counter[TenantState] = field(default_factory=Counter)
    _currency: str | None = None

    @property
    def source(self) -> Source:
        return self.plan.source

    @property
    def states(self) -> Counter[TenantState]:
        """The number of tenants by state."""
        if not self._states:
            self._states.update(each.state for each in self.tenants.values())
        return self._states

    @property
    def blocked(self) -> list[Hold]:
        return [each for each in self.holds if each.reason.reason == "blocked"]

    @property
    def withheld(self) -> list[Hold]:
        return [each for each in self.holds if each.reason.reason == "withheld"]

    @property
    def currency(self) -> str:
        """The currency of every price; empty if there are several, or none is known."""
        if self._currency is None:
            bare = (each.outline.bare for each in self.tenants.values())
            found = {row.currency for row in self.prices} or {each.currency for each in bare}
            self._currency = found.pop() if len(found) == 1 else ""
        return self._currency

    @property
    def rows(self) -> Iterator[Row | Entry]:
        """Everything that changes or is meant to."""
        yield from (*self.prices, *self.fields)
        yield from (*self.added, *self.removed)

    @property
    def roots(self) -> Mapping[str, list[TenantOutcome]]:
        """The tenants whose upstream is not in the plan, by this upstream."""
        found: dict[str, list[TenantOutcome]] = {}
        for each in self.tenants.values():
            if each.upstream not in self.tenants:
                found.setdefault(each.upstream, []).append(each)
        return found

    @property
    def errors(self) -> Mapping[str, list[str]]:
        """The tenants that could not be planned, by problem."""
        found: dict[str, list[str]] = {}
        for each in self.tenants.values():
            if each.problem:
                found.setdefault(each.problem, []).append(each.name)
        return found

    @property
    def scheduled(self) -> list[Coming]:
        """What changes on days to come, by day; a renewal fee that changes like its fee goes without saying."""
        found = groupby(sorted(self.plan.scheduled, key=_together), key=_together)
        return [_coming(list(same)) for _, same in found]

    def by_entity(self) -> Iterator[tuple[EntityId, list[Row]]]:
        """The rows of prices of each entity, which stand together."""
        return rows_by_entity(self.prices)


def _together(each: Scheduled) -> tuple[object, ...]:
    return each.date, each.entity, each.name, each.before, each.amount, each.tenants


def _coming(same: Sequence[Scheduled]) -> Coming:
    first, labels = same[0], [label(each.entity.kind, each.path) for each in same]
    told = [each for each in labels if not each.text.startswith("Renewal fee")] or labels
    said = sentence([told[0].text, *(each.lower for each in told[1:])])
    title = first.name or first.entity.key
    return Coming(first.date, first.entity, title, said, first.before, first.amount, first.tenants)


def rows_by_entity(rows: Iterable[Row]) -> Iterator[tuple[EntityId, list[Row]]]:
    """Adjacent rows of the same entity and name."""
    found: list[Row] = []
    for row in rows:
        if found and (found[0].entity, found[0].title, found[0].currency) != (row.entity, row.title, row.currency):
            yield found[0].entity, found
            found = []
        found.append(row)
    if found:
        yield found[0].entity, found


def reason_of(reason: str, rule: str, detail: str, held: HeldBy) -> Reason:
    """The reason that a plan gives as data. ``detail`` is shown as it is where no words are known."""
    veto = f"The reseller vetoes changes of {' and '.join(held.vetoes)}"
    match held.kind:
        case HoldKind.OPTION:
            title, brief = off_titles(held.options)
            technical = " or ".join(held.options)
            if held.vetoes:
                vetoes = ", ".join(f"veto.{each}" for each in held.vetoes)
                title, technical = f"{title}, and {veto[:1].lower()}{veto[1:]}", f"{technical}, {vetoes}"
            return Reason(reason, title, brief, technical, held.set)
        case HoldKind.VETO:
            technical = ", ".join(f"veto.{each}" for each in held.vetoes)
            return Reason(reason, veto, f"veto on {' and '.join(held.vetoes)}", technical, held.set)
        case HoldKind.GUARD:
            words = [guard_words(each.guard, each.limit) for each in held.guards]
            titles, briefs = [sentence for sentence, _ in words], [few for _, few in words]
            technical = ", ".join(f"{each.guard}: {each.limit}" for each in held.guards)
            guards = tuple(each.guard for each in held.guards)
            return Reason(reason, "; ".join(titles), ", ".join(briefs), technical, "", guards)
        case _:
            title, brief = PRECONDITIONS.get(rule, (detail, "needs something else first"))
            return Reason(reason, title, brief, "", held.set)
