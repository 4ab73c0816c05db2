"""The sections of what does not change, and of what to know: errors, blocked, withheld, warnings, and who gets what."""

from collections.abc import Iterable, Iterator, Sequence

from reconciler.model.values.counts import counted
from reconciler.report.plans.alike import outcome_words, outcomes
from reconciler.report.plans.markdown.escaping import alert, code, console, markup, named, plain, some
from reconciler.report.plans.markdown.room import ELSEWHERE, FEW, PLACE, SENTENCE, TITLE, Room, more_points, section
from reconciler.report.plans.sayings import allow_command, explain_command, release, standing_text
from reconciler.report.plans.view import Hold, PlanView, TenantOutcome, TenantState
from reconciler.report.values import entity_text, place_text

ICONS = {
    TenantState.CHANGES: "🟢",
    TenantState.PARTLY: "🟡",
    TenantState.HELD: "🟠",
    TenantState.BLOCKED: "🔴",
    TenantState.ERROR: "❌",
    TenantState.SYNC: "⚪",
}


def errors(view: PlanView, room: Room) -> str:
    """The problems of tenants that could not be planned, each once."""
    if not view.errors:
        return ""
    found = list(view.errors.items())
    listed = [
        f"- {some(tenants, room.names)}: {code((problem.splitlines() or [''])[0], SENTENCE)}"
        for problem, tenants in found[: room.reasons]
    ]
    title = f"**Errors: {counted(view.states[TenantState.ERROR], 'tenant')} cannot be planned.**"
    return alert("CAUTION", [title, "\n".join([*listed, *more_points(len(found) - room.reasons, "problem")])])


def blocked(view: PlanView, room: Room) -> str:
    """What is blocked, each reason once, with the command that comes next."""
    if not view.blocked:
        return ""
    blocks = [f"**Blocked: {_tenants_of(view.blocked)}.** Somebody has to decide."]
    for hold in view.blocked[: room.reasons]:
        where = f", decided in {_deciders(hold)}" if hold.reason.guards and _is_placed(hold) else ""
        blocks.append(f"{_reason(hold)}: {_entries_of(hold)}{where}.")
        blocks += _way_out(view, hold)
    return alert("CAUTION", [*blocks, *more_points(len(view.blocked) - room.reasons, "reason")])


def _way_out(view: PlanView, hold: Hold) -> Iterator[str]:
    """What to type, or to set, to get a blocked entry through; or where its reason is explained."""
    if hold.reason.guards:
        yield f"If it is right all the same, this {release(view, hold)}:"
        yield console([allow_command(view, hold)])
    elif hold.reason.set:
        yield _setting(view, hold)
    else:
        said = next(iter(hold.details.values()), "")
        if len(hold.tenants) == 1 and said != hold.reason.title:
            yield code(said, SENTENCE)
        if command := explain_command(hold):
            yield console([(command, "what has to change")])


def withheld(view: PlanView, room: Room) -> str:
    """What is withheld, each reason once, with the line that releases it."""
    if not view.withheld:
        return ""
    listed = [
        f"- {_reason(hold)}: {_entries_of(hold)}.<br>{_hint(view, hold)}" for hold in view.withheld[: room.reasons]
    ]
    body = "\n".join([*listed, *more_points(len(view.withheld) - room.reasons, "reason")])
    return section(f"Withheld: {_tenants_of(view.withheld)}, by their own settings", body)


def _hint(view: PlanView, hold: Hold) -> str:
    return _setting(view, hold) if hold.reason.set else code(next(iter(hold.details.values()), ""), SENTENCE)


def _setting(view: PlanView, hold: Hold) -> str:
    """The setting that releases something, where it is to be made, and what it does."""
    where = f" in {_deciders(hold)}" if _is_placed(hold) else ""
    return f"Setting {code(hold.reason.set, SENTENCE)}{where} {release(view, hold)}."


def _is_placed(hold: Hold) -> bool:
    return bool(hold.deciders and (hold.deciders[0].template or hold.deciders[0].place))


def _deciders(hold: Hold) -> str:
    """The line, or the service template, that decides for most, with the number of others."""
    first, others = hold.deciders[0], len(hold.deciders) - 1
    place = code(first.place, PLACE) if first.place else ""
    if first.template:
        place = f"service template {named(first.template)}" + (f" ({place})" if place else "")
    if not others:
        return place
    most = f", for {len(first.tenants):,} of them," if len(first.tenants) > 1 else ""
    return f"{place}{most} and {counted(others, 'more place')}"


def _entries_of(hold: Hold) -> str:
    """``12 entries in 3 tenants, decided for 1 of them above, at contoso``."""
    whom = code(next(iter(hold.tenants)), TITLE) if len(hold.tenants) == 1 else counted(len(hold.tenants), "tenant")
    below = sum(1 for each in hold.tenants if each not in hold.owners)
    some_only = f" for {below:,} of them" if below < len(hold.tenants) else ""
    above = f", decided{some_only} above, at {some(sorted(hold.above), 2)}" if hold.above else ""
    return f"{counted(hold.entries, 'entry', 'entries')} in {whom}{above}"


def _tenants_of(holds: Iterable[Hold]) -> str:
    return counted(len({tenant for hold in holds for tenant in hold.tenants}), "tenant")


def _reason(hold: Hold) -> str:
    technical = f" ({code(hold.reason.technical, SENTENCE)})" if hold.reason.technical else ""
    return f"{plain(hold.reason.title, SENTENCE, bold=True)}{technical}"


def warnings(view: PlanView, room: Room) -> str:
    """What is no reason to stop, but to look."""
    found, listed = view.plan.warnings, []
    for each in found[: room.reasons]:
        at = f" ({code(place_text(each.declared_at))})" if each.declared_at else ""
        who = f"{some(each.tenants, FEW)}: " if each.tenants else ""
        listed.append(f"- {who}{code(entity_text(each.entity), 90)}: {plain(each.detail, SENTENCE)}{at}")
    if not listed:
        return ""
    left = more_points(len(found) - len(listed), "warning")
    return alert("WARNING", [f"**{counted(len(found), 'warning')}.**", "\n".join([*listed, *left])])


def standing(view: PlanView, _: Room) -> str:
    """What was held back before too, as one sentence."""
    said = standing_text(view)
    return f"{said}." if said else ""


def who_gets_what(view: PlanView, room: Room) -> str:
    """Tenants by outcome, each once; empty if there is one tenant only, of which the rest speaks.

    Those that could not be planned are named with their errors.
    """
    found = [same for same in outcomes(view) if not same[0].problem]
    if len(view.tenants) == 1 or not found:
        return ""
    listed = [_outcome(same, room.names) for same in found[: room.reasons]]
    if left := sum(len(same) for same in found[room.reasons :]):
        listed.append(f"- and {counted(left, 'tenant')} with other outcomes ({ELSEWHERE})")
    return section("Who gets what", "\n".join(listed))


def _outcome(same: Sequence[TenantOutcome], most: int) -> str:
    icon, said = ICONS[same[0].state], "; ".join(markup(each) for each in outcome_words(same))
    names = [each.name for each in same]
    if len(names) <= FEW:
        return f"- {icon} {some(names, FEW)}: {said}"
    summary = f"<summary>{icon} <b>{counted(len(names), 'tenant')}</b>: {said}</summary>"
    return f"- <details>{summary}\n\n  {some(names, most)}\n  </details>"
