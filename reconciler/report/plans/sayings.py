"""What a plan's view says in words that every report shares: the headline, the effect of a setting, the next commands.

Texts from documents are cleaned (`reconciler.report.values.clean`); a format escapes them in its own way.
"""

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from reconciler.model.values.counts import counted
from reconciler.model.values.keys import snake
from reconciler.model.values.plain_values import render_path
from reconciler.report.plans.view import PRIMARY, Entry, Hold, PlanView, Row, TenantOutcome, TenantState, What
from reconciler.report.values import clean
from reconciler.report.words import kind_count, percent_text, sentence, shortened

SHORT_NAME = 40
"""Most characters of a name in running text."""
NEW_PLAN = "round.plan"
"""What commands call a plan that is yet to be saved."""
MANY_ALLOWED = 20
"""Most tenants that one command names."""
STATE_WORDS = {
    TenantState.ERROR: "cannot be planned",
    TenantState.BLOCKED: "blocked",
    TenantState.HELD: "get nothing",
    TenantState.PARTLY: "get a part",
    TenantState.CHANGES: "get everything",
    TenantState.SYNC: "nothing to do",
}
SHOWN_ORDER = (
    TenantState.CHANGES,
    TenantState.PARTLY,
    TenantState.HELD,
    TenantState.BLOCKED,
    TenantState.ERROR,
    TenantState.SYNC,
)
"""The order in which the states are counted for readers."""
WHAT_WORDS = {What.ADD: "added", What.REMOVE: "removed", What.OFF: "off sale", What.ON: "on sale again"}


def states_said(state: TenantState, number: int) -> str:
    """What becomes of so many tenants: ``get everything``; of one ``gets everything``."""
    words = STATE_WORDS[state]
    return f"gets {words.removeprefix('get ')}" if number == 1 and words.startswith("get ") else words


class Command(NamedTuple):
    """A command to type next, and what it is for."""

    text: str
    purpose: str


class PlanVerdict(NamedTuple):
    """The plan in a word or two, and the state whose colour it has."""

    text: str
    state: TenantState


Named: TypeAlias = Callable[[str], str]
"""Renders a name from a document within a sentence: cut, cleaned, and escaped as its format needs it."""


def short_name(text: str) -> str:
    """A name in running text that needs no further escaping."""
    return shortened(text, SHORT_NAME)


def verdict(view: PlanView) -> PlanVerdict:
    """The worst that a reader must know."""
    if view.errors:
        return PlanVerdict("Has errors", TenantState.ERROR)
    if view.blocked:
        return PlanVerdict("Needs a decision", TenantState.BLOCKED)
    if view.withheld:
        part = any(each.gets for each in view.tenants.values())
        return PlanVerdict("Ready, in part" if part else "Withheld", TenantState.HELD)
    if view.plan.applyable:
        return PlanVerdict("Ready to apply", TenantState.CHANGES)
    return PlanVerdict("In sync", TenantState.SYNC)


def headline(view: PlanView, named: Named = short_name) -> str:
    """The subject of the plan in one line: prices before additions before the rest."""
    added = [each for each in view.added if each.reach.gets and each.entity.kind in PRIMARY]
    priced = {tenant for row in view.prices for tenant in row.reach.applied}
    getting = {tenant for each in added for tenant in each.reach.applied}
    if priced and len(getting) <= 2 * len(priced):
        return f"{_price_count(view)} for {_of_all(view, priced, named)}"
    if added:
        kinds = Counter(each.entity.kind for each in added)
        what = sentence([kind_count(kind, number) for kind, number in kinds.items()])
        return f"{what} {'is' if len(added) == 1 else 'are'} added for {_of_all(view, getting, named)}"
    changing = {each.name for each in view.tenants.values() if each.gets}
    if changing:
        reached = [each.reach for each in view.fields] + [each.reach for each in (*view.added, *view.removed)]
        number = sum(1 for each in reached if each.gets)
        return f"{counted(number, 'thing changes', 'things change')} for {_of_all(view, changing, named)}"
    return _nothing(view, named)


def _price_count(view: PlanView) -> str:
    number = len({(row.entity, row.title, row.path) for row in view.prices if row.reach.gets})
    return counted(number, "price changes", "prices change")


def _of_all(view: PlanView, some: Iterable[str], named: Named) -> str:
    """``8 of 10 tenants``, ``all 10 tenants``; the name of the only one."""
    number, total = len(set(some)), len(view.tenants)
    if total == 1:
        return named(next(iter(view.tenants)))
    return f"{number:,} of {counted(total, 'tenant')}" if number < total else f"all {counted(total, 'tenant')}"


def _nothing(view: PlanView, named: Named) -> str:
    total = len(view.tenants)
    if view.errors:
        return f"{counted(view.states[TenantState.ERROR], 'tenant')} cannot be planned"
    if view.holds:
        meant = {tenant for hold in view.holds for tenant in hold.tenants}
        kinds = [word for word, found in (("withheld", view.withheld), ("blocked", view.blocked)) if found]
        return f"Nothing changes: what is meant for {_of_all(view, meant, named)} is {' or '.join(kinds)}"
    if view.standing:
        return f"Nothing changes for {_of_all(view, view.tenants, named)}"
    everybody = "all " if total > 1 else ""
    return f"Nothing to do: {everybody}{counted(total, 'tenant matches', 'tenants match')} the catalog"


def span(view: PlanView) -> str:
    """``8 go up (+8.3 % to +10 %), 1 goes down (−8.3 %)``; empty where no price has a percentage.

    Of a price that changes differently in several tenants, the change that most of them get.
    """
    most: dict[tuple[object, ...], Row] = {}
    for row in view.prices:
        for each in row.variants or (row,):
            key = row.entity, row.title, row.path
            if each.reach.gets and each.percent and (key not in most or each.reach.gets > most[key].reach.gets):
                most[key] = each
    shares = [each.percent for each in most.values() if each.percent is not None]
    ways = (([each for each in shares if each > 0], "up"), ([each for each in shares if each < 0], "down"))
    return ", ".join(_way(found, word) for found, word in ways if found)


def _way(shares: Sequence[float], word: str) -> str:
    low, high = percent_text(min(shares, key=abs)), percent_text(max(shares, key=abs))
    return f"{len(shares)} {'goes' if len(shares) == 1 else 'go'} {word} ({low}{f' to {high}' if high != low else ''})"


def summary(view: PlanView, named: Named = short_name, *, fields: bool = True) -> list[str]:
    """The sentences below the headline, without full stops. ``fields``: whether to count other fields."""
    found, lead = [], headline(view)
    if said := span(view):
        found.append(said if "price" in lead else f"{_price_count(view)}: {said}")
    for what, word in (
        (What.ADD, "added"),
        (What.OFF, "taken off sale"),
        (What.ON, "put on sale again"),
        (What.REMOVE, "removed"),
    ):
        entries = [each for each in (*view.added, *view.removed) if each.what is what]
        found += _entries_said(entries, word, lead, named)
    others = {(row.entity, row.title) for row in view.fields if row.reach.gets}
    if fields and others and "things change" not in lead and "thing changes" not in lead:
        found.append(f"other fields of {counted(len(others), 'entry', 'entries')} change")
    return [each[:1].upper() + each[1:] for each in found]


def _entries_said(entries: Sequence[Entry], word: str, lead: str, named: Named) -> list[str]:
    main = [each for each in entries if each.reach.gets and each.entity.kind in PRIMARY]
    rest = sum(1 for each in entries if each.reach.gets and each.entity.kind not in PRIMARY)
    found = []
    if 0 < len(main) <= 2:
        found.append(f"{sentence([named(each.title) for each in main])} {word}")
    elif main:
        kinds = sentence([kind_count(kind, number) for kind, number in _kinds(main).items()])
        found += [] if kinds in lead else [f"{kinds} {word}"]
    if rest:
        found.append(f"{counted(rest, 'supporting entry', 'supporting entries')} {word}")
    return found


def _kinds(entries: Iterable[Entry]) -> Counter[str]:
    return Counter(each.entity.kind for each in entries)


def supporting(entries: Iterable[Entry]) -> list[str]:
    """The number of entries that come or go with the others, by kind: ``12 sales categories``."""
    found = _kinds(each for each in entries if each.entity.kind not in PRIMARY and each.reach.gets)
    return [kind_count(kind, number) for kind, number in sorted(found.items())]


def tally(tenant: TenantOutcome) -> str:
    """What one tenant gets: ``8 prices, 1 added``."""
    words = (
        ("price", "price", "prices"),
        ("add", "added", "added"),
        ("off", "off sale", "off sale"),
        ("on", "on sale again", "on sale again"),
        ("remove", "removed", "removed"),
        ("field", "other field", "other fields"),
    )
    return ", ".join(counted(tenant.gets[key], one, more) for key, one, more in words if tenant.gets[key])


def held_back(tenant: TenantOutcome) -> list[tuple[str, str, str]]:
    """What a tenant does not get: ``withheld`` or ``blocked``, ``5 withheld: 4 × plan fees off, 1 × prices off``, and
    the tenant above that decides (empty: itself).
    """
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for (reason, above), number in sorted(tenant.holds.items(), key=lambda item: (item[0][0].reason, -item[1])):
        found.setdefault((reason.reason, above), []).append((number, reason.brief))
    result = []
    for (kind, above), parts in found.items():
        said = ", ".join(f"{number} × {brief}" if len(parts) > 1 else brief for number, brief in parts)
        result.append((kind, f"{sum(number for number, _ in parts)} {kind}: {said}", above))
    return result


def standing_text(view: PlanView) -> str:
    """What was withheld or blocked before this change too, as a sentence without its full stop; empty if nothing."""
    if not view.standing:
        return ""
    kinds = " or ".join(sorted({each.reason.reason for each in view.standing}, reverse=True))
    number = counted(sum(each.entries for each in view.standing), "entry", "entries")
    tenants = counted(len({tenant for each in view.standing for tenant in each.tenants}), "tenant")
    are = "was" if number.startswith("1 ") else "were"
    return f"Not new: {number} in {tenants} {are} {kinds} before, and still {'is' if are == 'was' else 'are'}"


def freed(view: PlanView, hold: Hold) -> int:
    """The number of tenants that would get everything if this reason were gone."""
    return sum(
        1
        for name in hold.tenants
        if name not in hold.doubly and {reason for reason, _ in view.tenants[name].holds} == {hold.reason}
    )


def effect(view: PlanView, hold: Hold, named: Named = short_name) -> str:
    """What releasing a reason does, counted honestly: ``lets 60 entries through in 60 tenants; 30 of them then get
    everything``. Others are held back for a second reason.
    """
    whom = named(next(iter(hold.tenants))) if len(hold.tenants) == 1 else counted(len(hold.tenants), "tenant")
    return f"lets {counted(hold.entries, 'entry', 'entries')} through in {whom}{_then(view, hold)}"


def release(view: PlanView, hold: Hold) -> str:
    """As `effect`, where entries and tenants were counted just before: ``lets them through; all of them …``."""
    return f"lets {'it' if hold.entries == 1 else 'them'} through{_then(view, hold)}"


def _then(view: PlanView, hold: Hold) -> str:
    """How many tenants get everything then, and where something else holds the same entries back too."""
    number, free, doubly = len(hold.tenants), freed(view, hold), len(hold.doubly)
    if number == 1:
        return ", once nothing else holds it back" if doubly else ""
    said = f"; {'all' if free == number else f'{free:,}'} of them then {'gets' if free == 1 else 'get'} everything"
    others = "; in all of them something else holds some back too"
    if doubly < number:
        others = f"; in {doubly:,} of them something else holds some back too"
    return (said if free else "") + (others if doubly else "")


def decider_text(hold: Hold) -> tuple[str, int]:
    """Where to set what releases most, and the number of further places: ``service template gold``, or a line."""
    first = hold.deciders[0]
    where = first.place
    if first.template and (len(first.tenants) > 1 or not where):
        where = f"service template {clean(first.template)}" + (f" ({first.place})" if first.place else "")
    return where, len(hold.deciders) - 1


def allow_command(view: PlanView, hold: Hold, most: int = MANY_ALLOWED) -> Command:
    """The command that overrides a guard for one plan, with what to add to it where it would name very many tenants."""
    whom = _allowed(view, hold)
    allowed = " ".join(
        f"--allow {shlex.quote(clean(f'{guard}:{each}'))}" for each in whom[:most] for guard in hold.reason.guards
    )
    left = len(whom) - most
    more = f"and --allow for {counted(left, 'more tenant')}" if left > 0 else ""
    return Command(f"reconcile plan{_base(view)} {allowed} --out {_file(view)}", more)


def _allowed(view: PlanView, hold: Hold) -> list[str]:
    """The tenants whose guard is to be overridden, by name only where a pattern would do more."""
    guards = set(hold.reason.guards)
    alone = all(each is hold or guards.isdisjoint(each.reason.guards) for each in view.holds)
    return ["*"] if alone and len(hold.owners) > 1 else sorted(hold.owners)


def _base(view: PlanView) -> str:
    return f" --base {shlex.quote(clean(view.source.base)[:10])}" if view.source.base else ""


def _file(view: PlanView) -> str:
    return shlex.quote(clean(view.file or NEW_PLAN))


def commands(view: PlanView) -> list[Command]:
    """What to type next, the most useful first; the page comes last."""
    found = following(view)
    if any(each.state is not TenantState.SYNC for each in view.tenants.values()):
        found.append(Command(format_command(view, "html"), "as a page, with search"))
    return found


def format_command(view: PlanView, form: str) -> str:
    """The command that writes the plan in another format."""
    shown = f"reconcile show {_file(view)}" if view.file else f"reconcile plan{_base(view)}"
    return f"{shown} --format {form} > plan.{form}"


def following(view: PlanView) -> list[Command]:
    """As `commands`, for a reader who has the page."""
    found = []
    if view.errors:
        name = next(iter(view.errors.values()))[0]
        found.append(Command(plan_command(name), "the problem of one tenant"))
    if view.plan.applyable and view.file:
        found.append(Command(f"reconcile apply {_file(view)}", "apply exactly this plan"))
    elif view.plan.applyable:
        found.append(Command(f"reconcile plan{_base(view)} --out {NEW_PLAN}", "save the plan, to apply exactly this"))
    return found + _explaining(view)


def plan_command(tenant: str) -> str:
    """The command that plans one tenant."""
    return f"reconcile plan --tenant {shlex.quote(clean(tenant))}"


def explain_command(hold: Hold) -> str:
    """The command that explains the first entry that a reason holds back; empty for a tenant's own settings."""
    tenant, entity = next(iter(hold.tenants)), next(iter(hold.entities))
    if not entity.key:
        return ""
    return f"reconcile explain {shlex.quote(clean(tenant))} {shlex.quote(clean(f'{snake(entity.kind)}/{entity.key}'))}"


def _explaining(view: PlanView) -> list[Command]:
    found = []
    held = next((row for row in (*view.prices, *view.fields) if row.reach.withheld or row.reach.blocked), None)
    row = held or next(iter(view.prices), None)
    if row is not None and row.entity.key:
        name = (row.reach.withheld or row.reach.blocked or row.reach.applied)[0]
        address = shlex.quote(clean(f"{snake(row.entity.kind)}/{row.entity.key}#{render_path(row.path)}"))
        found.append(
            Command(f"reconcile explain {shlex.quote(clean(name))} {address}", "why, for one tenant and one field")
        )
    for hold in view.withheld:
        option = hold.reason.technical.partition(" or ")[0].partition(",")[0]
        if hold.reason.set.startswith("options:"):
            owner = sorted(hold.owners)[0]
            command = f"reconcile explain {shlex.quote(clean(owner))} --enable {shlex.quote(clean(option))}"
            found.append(Command(command, "what switching it on would release"))
            break
    return found
