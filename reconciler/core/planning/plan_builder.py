"""Turns a tenant's judgement into changes, deferred changes with their reasons, and the state afterwards."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import assert_never

from reconciler.core.planning.diff import Comparison
from reconciler.core.planning.judge import DependentCreation, Judgement
from reconciler.core.planning.price_changes import NO_PRICE_CHANGES, PriceChanges
from reconciler.core.planning.reasons import declared_at, deferral_reason, lead, note_of, permitted_by
from reconciler.core.planning.scope import EntityOutcome
from reconciler.core.schema import FieldShape, bookkeeping_fields, fields_of, nodes_of, prune_empty, replaced
from reconciler.core.states import changed
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import (
    Action,
    Create,
    Difference,
    HeldUpdate,
    Judged,
    Remove,
    Rename,
    Restore,
    TakeOver,
    TakeOverItem,
    Update,
    UpdateLink,
    Verdict,
)
from reconciler.model.plans.plan import Change, Declared, Deferred, FieldChange
from reconciler.model.values.entity import Entity, State
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body, Path, Value, get, put


@dataclass(frozen=True)
class PlanBuilder:
    """Builds one tenant's plan from a judgement. ``applied``: verdicts by entity. ``created``: entities created or
    taken over.

    ``made``: the changed entities after the plan, computed once for the change and for the state.
    """

    policy: Policy
    comparison: Comparison
    judgement: Judgement
    applied: Mapping[EntityId, tuple[Judged, ...]]
    created: frozenset[EntityId]
    made: dict[EntityId, Entity | None] = field(default_factory=dict)

    @classmethod
    def of(cls, policy: Policy, comparison: Comparison, judgement: Judgement) -> "PlanBuilder":
        """A builder for a judgement."""
        applied: dict[EntityId, list[Judged]] = {}
        for each in judgement.judged:
            if each.verdict is Verdict.APPLY:
                applied.setdefault(each.difference.entity, []).append(each)
        created = {id for id, judged in applied.items() if any(not each.difference.path for each in judged)}
        grouped = {id: tuple(judged) for id, judged in applied.items()}
        return cls(policy, comparison, judgement, grouped, frozenset({*created, *judgement.dependents}))

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """One change per entity that is created, taken over, updated or removed."""
        dependents = self.judgement.dependents
        found = [
            self._dependent_change(dependents[id]) if id in dependents else self._changed(id, self.applied[id])
            for id in {*self.applied, *dependents}
        ]
        found += (each.change for each in self.comparison.scope.known.values() if each.change)
        return tuple(sorted(found, key=lambda change: change.entity))

    def after(self) -> State:
        """The tenant's state after the changes."""
        renamed = self.comparison.renamed
        changes = self._entities()
        gone = {renamed.origins[id] for id in changes if id in renamed.origins} if renamed else ()
        before = renamed.before if renamed else self.comparison.actual
        return changed(before, {**dict.fromkeys(gone), **changes})

    def deferred(self) -> Iterator[Deferred]:
        """One entry per entity, reason and set of options, by address."""
        found = [each for held in self._held.values() for each in held]
        found += (held for outcome in self.comparison.scope.known.values() for held in outcome.held)
        found.sort(key=lambda each: _deferred_key(each[0][0]))
        yield from (each for _, each in found)

    def outcome(self, id: EntityId) -> EntityOutcome:
        """The outcome of one of the compared entities."""
        held = tuple(self._held.get(id, ()))
        change = self._change_of.get(id)
        price_changes = (
            PriceChanges.of(change, self.comparison.rules, self.comparison.on) if change else NO_PRICE_CHANGES
        )
        return EntityOutcome(
            change, self._entity(id) if change else None, held, price_changes, self._is_context_free(id)
        )

    def _is_context_free(self, id: EntityId) -> bool:
        """Whether the outcome depends only on the entity itself and on being wanted, not on the rest of the tenant."""
        wanted = self.comparison.desired.wanted.get(id)
        if (
            wanted is None
            or id in self.comparison.context_dependent
            or id in self.judgement.partly_omitted
            or id in self.judgement.dependents
        ):
            return False
        return all(each.context_free for each in self._judged.get(id, ()))

    @cached_property
    def _held(self) -> Mapping[EntityId, list[tuple[tuple[Judged, ...], Deferred]]]:
        """The deferred changes by entity, each with the judged differences that it is made from."""
        found: dict[EntityId, list[tuple[tuple[Judged, ...], Deferred]]] = {}
        for judged in _grouped(self.judgement.judged):
            found.setdefault(judged[0].difference.entity, []).append((judged, self._deferral(judged)))
        return found

    @cached_property
    def _judged(self) -> Mapping[EntityId, list[Judged]]:
        found: dict[EntityId, list[Judged]] = {}
        for each in self.judgement.judged:
            found.setdefault(each.difference.entity, []).append(each)
        return found

    @cached_property
    def _change_of(self) -> Mapping[EntityId, Change]:
        return {each.entity: each for each in self.changes}

    def _entities(self) -> Mapping[EntityId, Entity | None]:
        """The changed entities after the plan; ``None`` for a removed one."""
        changed = {*self.applied, *self.judgement.dependents}
        known = {id: each.after for id, each in self.comparison.scope.known.items() if each.change}
        return {**{id: self._entity(id) for id in changed}, **known}

    def _entity(self, id: EntityId) -> Entity | None:
        if id not in self.made:
            self.made[id] = self._make(id, self.applied.get(id, ()))
        return self.made[id]

    def _make(self, id: EntityId, judged: tuple[Judged, ...]) -> Entity | None:
        have = self.comparison.actual.get(id)
        dependent = self.judgement.dependents.get(id)
        whole = next((each.difference for each in judged if not each.difference.path), None)
        if isinstance(whole, Remove):
            return None
        if dependent or whole:
            body = dependent.body if dependent else whole.after if whole else {}
            body = self._linked(body, self.comparison.rules.kinds[id.kind].fields)
            origin: str | None = self.comparison.origin
        else:
            assert have is not None
            only_origins = all(isinstance(each.difference, Restore) for each in judged)  # nothing else was applied
            body, origin = have.body if only_origins else self._remembered(id, have.body), have.origin
        return self._tidied(id, with_differences(body, (each.difference for each in judged)), origin)

    def _remembered(self, id: EntityId, body: Body) -> Body:
        """The body with the values that the reconciler stores in an entity when it changes it."""
        wanted = self.comparison.desired.wanted.get(id)
        shape = self.comparison.rules.kinds.get(id.kind)
        for memory in bookkeeping_fields(shape.fields) if wanted and shape else ():
            body = put(body, (memory.name,), wanted.body.get(memory.name) if wanted else None)
        return body

    def _tidied(self, id: EntityId, body: Body, origin: str | None) -> Entity:
        return Entity(id, prune_empty(body, fields_of(id.kind)), origin)

    def _linked(self, body: Body, fields: tuple[FieldShape, ...]) -> Body:
        """The body of a new entity without links to peers that the tenant will not have after the plan."""

        def there(kind: str, keys: Value) -> Value:
            return [key for key in keys if self._will_be_there(EntityId(kind, key))]

        return replaced(
            body, nodes_of(fields, lambda field: field.ref.kind if field.links and field.ref else None), there
        )

    def _will_be_there(self, id: EntityId) -> bool:
        return id in self.comparison.actual or id in self.created

    def _dependent_change(self, dependent: DependentCreation) -> Change:
        before, after = self._before(dependent.id), self._after(dependent.id)
        place = self._declared_at(dependent.id, ())
        action = Action.UPDATE if before else Action.CREATE
        change = Change(
            self.comparison.tenant,
            dependent.id,
            action,
            before,
            after,
            allowed_by=dependent.allowed_by,
            rule=dependent.rule,
            declared_at=place,
            needed_by=dependent.needed_by,
        )
        return self._with_takeover_fields(change) if before else change

    def _changed(self, id: EntityId, judged: tuple[Judged, ...]) -> Change:
        first = next((each for each in judged if not each.difference.path), judged[0])
        change = Change(
            self.comparison.tenant,
            id,
            first.difference.action,
            self._before(id),
            self._after(id),
            allowed_by=tuple(sorted({option for each in judged for option in each.enabled})),
            rule=first.difference.rule,
            declared_at=self._declared_at(id, ()),
        )
        if first.difference.path:
            return replace(change, fields=tuple(self._field(each, each.enabled) for each in judged))
        return self._with_takeover_fields(change) if isinstance(first.difference, TakeOver) else change

    def _with_takeover_fields(self, change: Change) -> Change:
        """The change with a field for every value that a takeover changes, with the origin, under the same options."""
        fields = tuple(
            FieldChange(
                path, before, after, change.allowed_by, change.rule, None, self._declared_at(change.entity, path)
            )
            for path, before, after in changed_leaves(change.before or {}, change.after or {})
        )
        return replace(change, fields=fields)

    def _field(self, judged: Judged, allowed_by: tuple[str, ...]) -> FieldChange:
        difference = judged.difference
        return FieldChange(
            difference.path,
            difference.before,
            difference.after,
            allowed_by,
            difference.rule,
            declared_at=self._declared_at(difference.entity, difference.path),
            note=note_of(difference),
        )

    def _declared_at(self, id: EntityId, path: Path) -> Declared | None:
        wanted = self.comparison.desired.wanted.get(id)
        return declared_at(wanted.declared_at(path)) if wanted else declared_at(self.policy.document.place)

    def _before(self, id: EntityId) -> Body | None:
        have = self.comparison.before(id)
        return have.document() if have else None

    def _after(self, id: EntityId) -> Body | None:
        entity = self._entity(id)
        return entity.document() if entity else None

    def _deferral(self, judged: tuple[Judged, ...]) -> Deferred:
        change = self._would_change(lead(judged).difference.entity, judged)
        return deferral_reason(judged, self.policy).of(change)

    def _would_change(self, id: EntityId, judged: tuple[Judged, ...]) -> Change:
        first = judged[0].difference
        have = self.comparison.actual.get(id)
        body = first.after if isinstance(first, Create | TakeOver) else have.body if have else {}
        after = None
        if not isinstance(first, Remove):
            origin = self.comparison.origin if not first.path or have is None else have.origin
            after = self._tidied(id, with_differences(body, (each.difference for each in judged)), origin).document()
        change = Change(
            self.comparison.tenant,
            id,
            first.action,
            self._before(id),
            after,
            allowed_by=permitted_by(judged[0]),
            rule=first.rule,
            declared_at=self._declared_at(id, ()),
        )
        if isinstance(first, TakeOver):
            return self._with_takeover_fields(change)
        fields = (
            ()
            if isinstance(first, Create | Remove)
            else tuple(self._field(each, permitted_by(each)) for each in judged)
        )
        return replace(change, fields=fields)


def _grouped(judged: Iterable[Judged]) -> Iterator[tuple[Judged, ...]]:
    """The differences that are not applied, grouped as in the list of deferred changes."""
    rest = sorted((each for each in judged if each.verdict is not Verdict.APPLY), key=_deferred_key)
    yield from (tuple(group) for _, group in groupby(rest, key=_deferred_key))


def _deferred_key(judged: Judged) -> tuple[EntityId, str, tuple[str, ...]]:
    return (judged.difference.entity, judged.verdict.value, permitted_by(judged))


def with_differences(body: Body, differences: Iterable[Difference]) -> Body:
    """The body after these differences. Renames are already applied to it (AP-21)."""
    for each in differences:
        match each:
            case Rename() | Restore() | Create() | TakeOver() | Remove():
                continue
            case UpdateLink():
                key, listed = each.path[-1], get(body, each.path[:-1]) or []
                members = sorted({*listed, key} if each.after is not None else set(listed) - {key})
                body = put(body, each.path[:-1], members or None)
            case Update() | TakeOverItem() | HeldUpdate():
                body = put(body, each.path, each.after)
            case _:
                assert_never(each)
    return body


def changed_leaves(before: Body, after: Body, path: Path = ()) -> Iterator[tuple[Path, Value, Value]]:
    """Every path at which two bodies differ; a map that is added or removed as a whole counts as one."""
    for name in sorted({*before, *after}):
        mine, theirs = before.get(name), after.get(name)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from changed_leaves(mine, theirs, (*path, name))
        elif mine != theirs:
            yield (*path, name), mine, theirs
