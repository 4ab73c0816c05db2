"""Validates the deferred changes of a saved plan: why each is withheld or blocked, and what would release it."""

from collections.abc import Iterator, Mapping

from reconciler.core.planning import ADOPT
from reconciler.core.savedplan.change_check import (
    document_faults,
    form_faults,
    is_rule,
    origin_faults,
    permission_faults,
    shape_faults,
)
from reconciler.core.savedplan.field_check import deferred_field_faults
from reconciler.model.documents.options import OPTIONS
from reconciler.model.plans.change import Action, HeldBy, HoldKind, Verdict, setting_that_releases
from reconciler.model.plans.plan import Change, Deferred, TenantPlan

_HELD_BY: Mapping[str, frozenset[HoldKind]] = {
    Verdict.WITHHELD: frozenset({HoldKind.OPTION, HoldKind.VETO}),
    Verdict.BLOCKED: frozenset({HoldKind.GUARD, HoldKind.PRECONDITION}),
    Verdict.UNMANAGED: frozenset(),
}
_UNDONE = frozenset({"TREE-04", "SUB-40", "SUB-41"})
"""The rules by which a change of an earlier plan is not undone (`reconciler.core.inspect.inverse`)."""


def deferred_faults(deferred: Deferred, tenant: TenantPlan, above: Mapping[str, str]) -> Iterator[str]:
    """The faults of a deferred change, as text. ``above``: the upstream of each tenant in the plan."""
    if not is_rule(deferred.rule):
        yield f'there is no rule "{deferred.rule}"'
    yield from (f'there is no option "{each}"' for each in deferred.allowed_by if each not in OPTIONS)
    if set(deferred.allowed_by) != set(deferred.change.allowed_by):
        yield "other options would permit it than would permit its change"
    if deferred.hold is not None:
        yield from _hold_faults(deferred, deferred.hold)
    change = deferred.change
    undoing = deferred.reason == Verdict.BLOCKED and deferred.rule in _UNDONE and change.declared_at is None
    found = [*_form_faults(change, undoing=undoing)] or [*shape_faults(change)]
    yield from found
    if not found:
        yield from deferred_field_faults(change, tenant.day, undoing=undoing)
        yield from permission_faults(change) if change.fields else ()
        yield from document_faults(change)
        yield from origin_faults(change, tenant, above)


def _hold_faults(deferred: Deferred, hold: HeldBy) -> Iterator[str]:
    """Faults if the hold does not fit the reason, or the options that would release it."""
    yield from (f'there is no option "{each}"' for each in hold.options if each not in OPTIONS)
    if hold.kind not in _HELD_BY[deferred.reason]:
        yield f"it is {deferred.reason}, and held by a {hold.kind}"
    if hold.options != (deferred.allowed_by if hold.kind is HoldKind.OPTION else ()):
        yield "what holds it back is released by other options than it says"
    yield from _release_faults(hold, deferred.allowed_by)
    if hold.also:
        yield from _release_faults(hold.also, hold.also.options or deferred.allowed_by)


def _release_faults(hold: HeldBy, options: tuple[str, ...]) -> Iterator[str]:
    """Faults if what would release a change does not fit what holds it. ``options``: those that may be off."""
    if hold.kind is not HoldKind.OPTION and bool(hold.vetoes) != (hold.kind is HoldKind.VETO):
        yield "it is held by a veto if, and only if, it names one"
    if bool(hold.guards) != (hold.kind is HoldKind.GUARD):
        yield "it is held by a guard if, and only if, it names one"
    releases = {
        HoldKind.OPTION: {setting_that_releases(hold.options, hold.vetoes)},
        HoldKind.VETO: {setting_that_releases(each, hold.vetoes) for each in ((), options)},
        HoldKind.GUARD: {""},
        HoldKind.PRECONDITION: {"", ADOPT},
    }[hold.kind]
    if hold.set not in releases:
        yield "another setting would release it than it says"


def _form_faults(change: Change, *, undoing: bool) -> Iterator[str]:
    """The documents must fit the action; an entity that this plan creates has no ``before`` yet."""
    there = (change.before is not None, change.after is not None)
    ways = {
        Action.CREATE: {(False, True)},
        Action.UPDATE: {(True, True), (False, True)},
        Action.DELETE: {(True, False)},
    }[change.action]
    if there not in ways and not undoing:
        yield f"a {change.action} does not fit what is before and after it"
    if change.action is Action.UPDATE and not change.fields:
        yield "an update has fields"
    yield from form_faults(change, made=False)
