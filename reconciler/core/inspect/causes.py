"""What each change comes from, told from a base: the pull request, drift, or what was due before.

A difference that the base's plan of the same states does not have, with the same value to come, is the pull
request's (``pr``). Otherwise it is ``drift`` where an apply gave the tenant the value that it is to have, by the
journal, and it has another now; else it is ``backlog``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from reconciler.core.records import GIVEN_UP, change_from_data
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, FieldChange, TenantPlan
from reconciler.model.values.amounts import AMOUNT, canonical
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value

PR, DRIFT, BACKLOG = "pr", "drift", "backlog"


@dataclass(frozen=True, slots=True)
class LastAppliedChange:
    """What applies wrote last of one entity: its leaves, and the paths that they wrote whole. ``((),)``: all of it."""

    leaves: Mapping[Path, bytes] = field(default_factory=dict)
    written: tuple[Path, ...] = ()

    def knows(self, path: Path) -> bool:
        return any(path[: len(each)] == each for each in self.written)

    def below(self, path: Path) -> Mapping[Path, bytes]:
        return {leaf: value for leaf, value in self.leaves.items() if leaf[: len(path)] == path}

    def then(self, path: Path, value: Value) -> "LastAppliedChange":
        """After one more write."""
        kept = {leaf: known for leaf, known in self.leaves.items() if leaf[: len(path)] != path}
        written = tuple(each for each in self.written if each[: len(path)] != path)
        return LastAppliedChange({**kept, **_leaves(path, value)}, (*written, path))


def last_applied_changes(records: Iterable[Iterable[Mapping[str, Any]]]) -> Mapping[EntityId, LastAppliedChange]:
    """From a tenant's journal, the changes of each record as data, oldest first."""
    found: dict[EntityId, LastAppliedChange] = {}
    for changes in records:
        for change in map(change_from_data, changes):
            if change.rule == GIVEN_UP:
                continue  # once it is undone, what applies gave is what the tenant should have
            known = found.pop(change.was, LastAppliedChange())
            found[change.entity] = _written(known, change)
    return found


def _written(known: LastAppliedChange, change: Change) -> LastAppliedChange:
    if change.action is not Action.UPDATE:
        return LastAppliedChange().then((), _body(change.after))
    for each in change.fields:
        known = known.then(each.path, each.after)
    return known


def with_causes(plan: TenantPlan, base: TenantPlan | None, journal: Mapping[EntityId, LastAppliedChange]) -> TenantPlan:
    """The tenant's plan with the cause of everything in it. ``base``: the base's plan of the tenant, if it had one."""
    teller = Teller(_due(base) if base else frozenset(), journal)
    changes = tuple(teller.caused(each) for each in plan.changes)
    causes = {each.entity: _causes(each) for each in changes if not each.needed_by}
    deferred = tuple(replace(each, change=teller.caused(each.change)) for each in plan.deferred)
    return replace(plan, changes=tuple(teller.dependent(each, causes) for each in changes), deferred=deferred)


def _causes(change: Change) -> frozenset[str]:
    return frozenset(cause for cause in (change.cause, *(each.cause for each in change.fields)) if cause)


def _due(plan: TenantPlan) -> frozenset[tuple[EntityId, Path, bytes]]:
    """What a plan makes or defers."""
    changes = (*plan.changes, *(each.change for each in plan.deferred))
    fields = {(each.entity, found.path, _plain(found.after)) for each in changes for found in each.fields}
    whole = {(each.entity, (), _plain(_body(each.after))) for each in changes if not each.fields}
    return frozenset(fields | whole)


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells causes: ``due`` is what the base's plan makes or defers already."""

    due: frozenset[tuple[EntityId, Path, bytes]]
    journal: Mapping[EntityId, LastAppliedChange]

    def caused(self, change: Change) -> Change:
        """The change with its cause, or with that of each field."""
        if not change.fields:
            return replace(change, cause=self._cause(change, (), _body(change.before), _body(change.after)))
        return replace(change, fields=tuple(self._field(change, each) for each in change.fields))

    def dependent(self, change: Change, causes: Mapping[EntityId, frozenset[str]]) -> Change:
        """A dependent that was not due itself comes for the cause of what needs it."""
        if not change.needed_by or change.fields or change.cause != PR:
            return change
        found = frozenset[str]().union(*(causes.get(each, frozenset()) for each in change.needed_by))
        return replace(change, cause=next((each for each in (PR, DRIFT, BACKLOG) if each in found), PR))

    def _field(self, change: Change, found: FieldChange) -> FieldChange:
        return replace(found, cause=self._cause(change, found.path, found.before, found.after))

    def _cause(self, change: Change, path: Path, before: Value, after: Value) -> str:
        """The base and the journal may know an entity by the key that it had (AP-21)."""
        if not any((id, path, _plain(after)) in self.due for id in {change.entity, change.was}):
            return PR
        known = self.journal.get(change.was)
        if known is None or not known.knows(path):
            return BACKLOG
        last = known.below(path)
        return DRIFT if last == _leaves(path, after) and last != _leaves(path, before) else BACKLOG


def _body(document: Body | None) -> Body | None:
    """Without what only says which entity it is."""
    return {name: value for name, value in document.items() if name not in ("kind", "key")} if document else None


def _leaves(path: Path, value: Value) -> dict[Path, bytes]:
    """The leaves of a value that stands at a path; none for one that is absent."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value:
        return {path: _plain(value)}
    return {leaf: found for name, inner in value.items() for leaf, found in _leaves((*path, name), inner).items()}


def _plain(value: Value) -> bytes:
    """Equal for equal values: however maps are ordered and amounts are spelled."""
    return orjson.dumps(_canonical(value), option=orjson.OPT_SORT_KEYS)


def _canonical(value: Value) -> Value:
    match value:
        case str() if AMOUNT.match(value):
            return canonical(value)
        case list():
            return [_canonical(each) for each in value]
        case Mapping():
            return {name: _canonical(each) for name, each in value.items()}
        case _:
            return value
