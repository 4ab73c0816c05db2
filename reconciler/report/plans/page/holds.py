"""The sections of what does not change: errors, blocked and withheld entries by reason, what stood before, warnings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.model.plans.plan import PlanWarning
from reconciler.model.values.counts import counted
from reconciler.model.values.keys import EntityId
from reconciler.report.plans.listing import held_lines
from reconciler.report.plans.listing_folding import fold_deferred
from reconciler.report.plans.page.markup import (
    Content,
    Html,
    Pieces,
    code,
    command,
    end,
    fold,
    joined,
    mark,
    muted,
    name,
    section,
    setting,
    start,
    tag,
)
from reconciler.report.plans.page.tenant_lists import FEW, TenantLists
from reconciler.report.plans.sayings import (
    allow_command,
    decider_text,
    effect,
    explain_command,
    format_command,
    plan_command,
    standing_text,
)
from reconciler.report.plans.view import Decider, Hold, PlanView, TenantState
from reconciler.report.values import place_text
from reconciler.report.words import kind_word

MOST_UNMANAGED = 2_000
STATES = {"blocked": TenantState.BLOCKED, "withheld": TenantState.HELD}


def errors(view: PlanView, lists: TenantLists) -> Pieces:
    """The tenants that could not be planned, by problem."""
    if not view.errors:
        return ()
    found = (_error(problem, tenants, lists) for problem, tenants in view.errors.items())
    card = (start("div", class_="card bad"), found, end("div"))
    number = counted(view.states[TenantState.ERROR], "tenant")
    return section("errors", "Errors", f"{number} cannot be planned", card)


def _error(problem: str, tenants: Sequence[str], lists: TenantLists) -> Html:
    first, *rest = problem.splitlines() or [""]
    more = [tag("p", *(tag("span", each, class_="row") for each in rest), class_="m")] if rest else []
    return tag(
        "article",
        tag("h3", mark(TenantState.ERROR), tag("span", first)),
        *more,
        tag("div", lists.plain(tenants), class_="whom"),
        command(plan_command(tenants[0])),
        class_="hold",
        data_row=TenantState.ERROR,
    )


def blocked(view: PlanView, lists: TenantLists) -> Pieces:
    """What somebody has to decide, by reason."""
    return _section(view, lists, view.blocked, "blocked", "somebody has to decide")


def withheld(view: PlanView, lists: TenantLists) -> Pieces:
    """What tenants' own settings withhold, by reason."""
    return _section(view, lists, view.withheld, "withheld", "their own settings say so; nothing is wrong")


def _section(view: PlanView, lists: TenantLists, holds: Sequence[Hold], reason: str, why: str) -> Pieces:
    if not holds:
        return ()
    colour = "bad" if reason == "blocked" else "warn"
    card = (start("div", class_=f"card {colour}"), _holds(view, lists, holds), end("div"))
    return section(reason, reason.capitalize(), f"{_number_of_tenants(holds)}: {why}", card)


def _number_of_tenants(holds: Iterable[Hold]) -> str:
    return counted(len({tenant for hold in holds for tenant in hold.tenants}), "tenant")


def standing(view: PlanView, lists: TenantLists) -> Iterator[Html | Pieces]:
    """What was held back before the base too: one fold."""
    said = standing_text(view)
    if not said:
        return
    yield start("section", id="standing", data_part="")
    yield start("details", class_="card")
    yield tag("summary", said, class_="none")
    yield _holds(view, lists, view.standing)
    yield end("details")
    yield end("section")


def _holds(view: PlanView, lists: TenantLists, holds: Iterable[Hold]) -> Iterator[Html]:
    titles = _titles(view)
    return (_hold(view, lists, hold, titles) for hold in holds)


def _titles(view: PlanView) -> Mapping[EntityId, str]:
    """The names of the entities that have a row."""
    return {row.entity: row.title for row in view.rows}


def _hold(view: PlanView, lists: TenantLists, hold: Hold, titles: Mapping[EntityId, str]) -> Html:
    reason = hold.reason
    technical = [" ", tag("small", code(reason.technical))] if reason.technical else []
    tenants = [*hold.tenants]
    states = {*lists.states_in(tenants).split(), STATES[reason.reason]}
    return tag(
        "article",
        tag("h3", mark(STATES[reason.reason]), tag("span", reason.title, *technical)),
        tag("div", lists.plain(tenants), muted(f" · {counted(hold.entries, 'entry', 'entries')}"), class_="whom"),
        *_release(view, hold),
        tag("div", *_folds(hold, lists, titles), class_="folds"),
        class_="hold",
        data_row=" ".join(sorted(states)),
    )


def _release(view: PlanView, hold: Hold) -> Iterator[Html]:
    """What to set or to type to release a reason, and what that does."""
    said, reason = effect(view, hold), hold.reason
    if reason.set:
        where, more = decider_text(hold)
        places = [" in ", code(where)] if where and not more else []
        many = [f", in each of the {counted(more + 1, 'place')} that decide,"] if more else []
        yield tag("p", "This line" if more else "One line", *places, *many, f" {said}:")
        yield setting(reason.set)
    elif reason.guards:
        yield tag("p", f"If it is right all the same, this {said}, for one plan:")
        yield command(allow_command(view, hold, len(hold.owners)).text)
    elif explained := explain_command(hold):
        yield tag("p", "Why, for the first of them:")
        yield command(explained)


def _folds(hold: Hold, lists: TenantLists, titles: Mapping[EntityId, str]) -> Iterator[Html]:
    entities = (_entity(each, number, titles) for each, number in hold.entities.most_common())
    things = tag("ul", joined(entities, "\n"), class_="names l")
    yield fold(counted(len(hold.entities), "different entry", "different entries"), things)
    if len(hold.deciders) > 1 or hold.deciders[0].template:
        listed = tag("ul", *(_decider(each, lists) for each in hold.deciders), class_="details")
        yield fold(counted(len(hold.deciders), "place that decides", "places that decide"), listed)
    if hold.above:
        yield tag("div", "decided further up, at ", lists.plain(sorted(hold.above)), class_="m whom")
    if details := [(tenant, each) for tenant, detail in hold.details.items() for each in detail.split("; ") if each]:
        many = len(hold.tenants) > 1
        words = (tag("li", *([tag("b", name(tenant)), " "] if many else []), each) for tenant, each in details)
        few = len(hold.details) < len(hold.tenants)
        some = f", in {len(hold.details)} of {len(hold.tenants):,} tenants" if few else ""
        yield fold(f"What exactly{some}", tag("ul", *words, class_="details"))


def _entity(entity: EntityId, number: int, titles: Mapping[EntityId, str]) -> Html:
    title = titles.get(entity) or entity.key
    told = f"{kind_word(entity.kind)}" + (f", in {number:,} tenants" if number > 1 else "")
    return tag("li", name(title or "Tenant settings"), " ", muted(f"({told})"))


def _decider(decider: Decider, lists: TenantLists) -> Html:
    where: list[Content] = [f"service template {decider.template} "] if decider.template else []
    where += [code(decider.place)] if decider.place else []
    tenants = [*decider.tenants]
    return tag(
        "li",
        tag("b", counted(decider.entries, "entry", "entries")),
        tag("span", *(where or ["the tenant's policy"])),
        muted(lists.plain(tenants)),
    )


def unmanaged(view: PlanView, lists: TenantLists) -> Iterator[Html | Pieces]:
    """The differences that no option is about: one fold. Of more than a reader would look at, only their tenants."""
    tenants = [each.tenant for each in view.plan.outlines if each.summary.unmanaged]
    if not tenants:
        return
    number = sum(each.summary.unmanaged for each in view.plan.outlines)
    yield start("section", id="unmanaged", data_part="")
    yield start("details", class_="card")
    yield tag("summary", f"Unmanaged: {counted(number, 'entry', 'entries')} that no option covers", class_="none")
    if number > MOST_UNMANAGED:
        yield tag("p", "In ", lists.plain(tenants), ". As a table, one line for each field:")
        yield command(format_command(view, "csv"))
    for group in fold_deferred(view.plan, "unmanaged") if number <= MOST_UNMANAGED else ():
        listed = held_lines(group.changes, verbose=True, indent="")
        lines = joined(("".join(each.text for each in line) for line in listed), "\n")
        whom = tag("div", lists.plain(group.tenants), class_="whom")
        yield tag("article", whom, tag("pre", lines), class_="hold", data_row=lists.states_in(group.tenants))
    yield end("details")
    yield end("section")


def warnings(view: PlanView, lists: TenantLists) -> Pieces:
    """What readers should know, though it withholds nothing."""
    found = view.plan.warnings
    if not found:
        return ()
    few, rest = found[: FEW * 2], found[FEW * 2 :]
    items = [tag("ul", *(_warning(each, lists) for each in few), class_="warnings")]
    if rest:
        more = tag("ul", *(_warning(each, lists) for each in rest), class_="warnings")
        items.append(fold(counted(len(rest), "more warning"), more, class_="more"))
    card = (start("div", class_="card warn"), items, end("div"))
    return section("warnings", "Warnings", "nothing is withheld or blocked by them", card)


def _warning(warning: PlanWarning, lists: TenantLists) -> Html:
    where = [tag("p", "declared at ", code(place_text(warning.declared_at)), class_="m")] if warning.declared_at else []
    entity = warning.entity
    said = tag("p", tag("b", name(entity.key)), " ", muted(kind_word(entity.kind)), " ", warning.detail)
    return tag("li", said, lists.plain(warning.tenants), *where, data_row=lists.states_in(warning.tenants))
