"""The cause of each change, relative to a base: the pull request, drift, or backlog.

The cause is ``pr`` if the base's plan of the same states lacks the difference with the same new value. Otherwise it is
``drift`` if, by the journal, an apply gave the tenant the wanted value and it has another one now; else it is
``backlog``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from reconciler.core.records import RELEASE_RULE, change_from_data
from reconciler.model.plans.change import Action
from reconciler.model.plans.plan import Change, FieldChange, TenantPlan
from reconciler.model.values.amounts import AMOUNT, canonical
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value

PR, DRIFT, BACKLOG = "pr", "drift", "backlog"


@dataclass(frozen=True, slots=True)
class LastAppliedChange:
    """What applies last wrote of one entity: its leaves, and the paths that they wrote as a whole. ``((),)``: all of
    it.
    """

    leaves: Mapping[Path, bytes] = field(default_factory=dict)
    written: tuple[Path, ...] = ()

    def knows(self, path: Path) -> bool:
        return any(path[: len(each)] == each for each in self.written)

    def below(self, path: Path) -> Mapping[Path, bytes]:
        return {leaf: value for leaf, value in self.leaves.items() if leaf[: len(path)] == path}

    def then(self, path: Path, value: Value) -> "LastAppliedChange":
        """The value after one more write."""
        kept = {leaf: known for leaf, known in self.leaves.items() if leaf[: len(path)] != path}
        written = tuple(each for each in self.written if each[: len(path)] != path)
        return LastAppliedChange({**kept, **_leaves(path, value)}, (*written, path))


def last_applied_changes(records: Iterable[Iterable[Mapping[str, Any]]]) -> Mapping[EntityId, LastAppliedChange]:
    """Computed from a tenant's journal: the changes of each record as data, oldest first."""
    found: dict[EntityId, LastAppliedChange] = {}
    for changes in records:
        for change in map(change_from_data, changes):
            if change.rule == RELEASE_RULE:
                continue  # after a release is undone, the applied values are wanted again
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
    """A tenant's plan with the cause of every change. ``base``: the base's plan of the tenant, if it had one."""
    finder = CauseFinder(_due(base) if base else frozenset(), journal)
    changes = tuple(finder.caused(each) for each in plan.changes)
    causes = {each.entity: _causes(each) for each in changes if not each.needed_by}
    deferred = tuple(replace(each, change=finder.caused(each.change)) for each in plan.deferred)
    return replace(plan, changes=tuple(finder.dependent(each, causes) for each in changes), deferred=deferred)


def _causes(change: Change) -> frozenset[str]:
    return frozenset(cause for cause in (change.cause, *(each.cause for each in change.fields)) if cause)


def _due(plan: TenantPlan) -> frozenset[tuple[EntityId, Path, bytes]]:
    """The differences that a plan applies or defers."""
    changes = (*plan.changes, *(each.change for each in plan.deferred))
    fields = {(each.entity, found.path, _plain(found.after)) for each in changes for found in each.fields}
    whole = {(each.entity, (), _plain(_body(each.after))) for each in changes if not each.fields}
    return frozenset(fields | whole)


@dataclass(frozen=True, slots=True)
class CauseFinder:
    """Finds causes. ``due``: the differences that the base's plan already applies or defers."""

    due: frozenset[tuple[EntityId, Path, bytes]]
    journal: Mapping[EntityId, LastAppliedChange]

    def caused(self, change: Change) -> Change:
        """The change with its cause, or with the cause of each field."""
        if not change.fields:
            return replace(change, cause=self._cause(change, (), _body(change.before), _body(change.after)))
        return replace(change, fields=tuple(self._field(change, each) for each in change.fields))

    def dependent(self, change: Change, causes: Mapping[EntityId, frozenset[str]]) -> Change:
        """A dependency that was not due itself has the cause of what needs it."""
        if not change.needed_by or change.fields or change.cause != PR:
            return change
        found = frozenset[str]().union(*(causes.get(each, frozenset()) for each in change.needed_by))
        return replace(change, cause=next((each for each in (PR, DRIFT, BACKLOG) if each in found), PR))

    def _field(self, change: Change, found: FieldChange) -> FieldChange:
        return replace(found, cause=self._cause(change, found.path, found.before, found.after))

    def _cause(self, change: Change, path: Path, before: Value, after: Value) -> str:
        """The base and the journal may have the entity under its former key (AP-21)."""
        if not any((id, path, _plain(after)) in self.due for id in {change.entity, change.was}):
            return PR
        known = self.journal.get(change.was)
        if known is None or not known.knows(path):
            return BACKLOG
        last = known.below(path)
        return DRIFT if last == _leaves(path, after) and last != _leaves(path, before) else BACKLOG


def _body(document: Body | None) -> Body | None:
    """The body without kind and key."""
    return {name: value for name, value in document.items() if name not in ("kind", "key")} if document else None


def _leaves(path: Path, value: Value) -> dict[Path, bytes]:
    """The leaves of a value at a path; none for an absent value."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value:
        return {path: _plain(value)}
    return {leaf: found for name, inner in value.items() for leaf, found in _leaves((*path, name), inner).items()}


def _plain(value: Value) -> bytes:
    """Bytes that are equal for equal values, whatever the order of maps and the notation of amounts."""
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
