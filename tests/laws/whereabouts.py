"""Where each difference of a tenant stands in its plan: in exactly one list, or carried by what stands in one.

Told from the plan alone, and from what the differences say of each other; nothing of the judgement is used. What is
carried, and by what (RULES.md, "How every difference is judged"):

- what is to be said of an entity that the tenant lacks, by the entity's creation, or by those of what needs it;
- a change of a copy that only newcomers need, by the newcomers: it is not delegated yet (CB-16);
- a relation, and a unit, by the products that they come with (IW-07, IW-10);
- the removal of a group that an entity of the tenant still names, by what keeps that entity as it is (IW-16);
- the rename of what goes or is taken over, by that (AP-21).

A dependent that went astray (it vanished, or the tenant has its own in its place) comes only with something new that
needs it (decision 002): until then, nothing is to be said of what only it would bring, and it is named as the carrier.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.desired.wanted import Wanted
from reconciler.model.plans.change import Action, Difference, Remove, Rename, Restore, Update, UpdateLink
from reconciler.model.plans.plan import Change, TenantPlan
from reconciler.model.values.amounts import canonical
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Path, Value, get
from tests.laws.grown import Tenant

CHANGES = "changes"


@dataclass(frozen=True)
class Whereabouts:
    """The lists of one tenant's plan. ``plan``: the tenant's own, or one that is to be looked at in its place."""

    tenant: Tenant
    plan: TenantPlan

    def problems(self) -> Iterator[str]:
        """Every difference that does not stand in exactly one list, and is carried by none."""
        for each in self.tenant.found:
            lists = self.lists_of(each)
            carriers = self.carriers(each) if not lists else frozenset()
            if len(lists) > 1 or not (lists or carriers):
                where = ", ".join(lists) or "no list, and nothing carries it"
                yield f"{self.tenant.key}/{each.entity}#{'.'.join(each.path)} ({each.rule}) stands in {where}"
        for id, standing in self._wholes.items():
            if len(standing) > 1:
                yield f"{self.tenant.key}/{id} stands in {', '.join(standing)}"

    def lists_of(self, difference: Difference) -> list[str]:
        """The lists in which it stands itself. A field of an entity that comes whole stands in what it comes as."""
        if not difference.path:
            return self._wholes.get(difference.entity, [])
        key = (difference.entity, difference.path)
        found = [where for where, before, after in self._fields.get(key, ()) if _is(difference, before, after)]
        whole = self._coming.get(difference.entity)
        return [*found, CHANGES] if whole and _holds(whole, difference) else found

    def carriers(self, difference: Difference) -> frozenset[EntityId]:
        """What carries a difference that stands in no list: entities that come, or would, each in one list."""
        id = difference.entity
        if isinstance(difference, Rename | Restore):
            return frozenset({id} if CHANGES in self._wholes.get(id, ()) else ())
        if not self._is_there(id) or (id in self._wanted and not self._delegated(id)):
            return self._carriers(id)
        return frozenset(carrier for each in self._missing(difference) for carrier in self._carriers(each))

    def _missing(self, difference: Difference) -> Iterator[EntityId]:
        """What it waits for: products that are not there at all, a product for a unit, what does not let a group go."""
        if isinstance(difference, UpdateLink) or (isinstance(difference, Update) and difference.requires_existing):
            actual = self.tenant.comparison.actual
            yield from (each for each in difference.needs if each not in actual and not self._is_there(each))
        accompanies = difference.accompanies if isinstance(difference, Update) else ()
        along = [each for each in accompanies if not self._is_there(each)]
        if len(along) == len(accompanies):
            yield from along
        held = difference.blocked_while_referenced_by if isinstance(difference, Remove) else ()
        yield from (each for each in held if not (self._is_there(each) and self._delegated(each)))

    def _carriers(self, id: EntityId, seen: frozenset[EntityId] = frozenset()) -> frozenset[EntityId]:
        """The entity's own creation, or those of what needs it, or of what needs that."""
        if id in self._wholes or self.astray(id):
            return frozenset({id})
        above = (each for each in self._needed_by.get(id, ()) if each not in seen)
        return frozenset(carrier for each in above for carrier in self._carriers(each, seen | {id}))

    def astray(self, id: EntityId) -> bool:
        """Whether it is a dependent of which the tenant has no copy, although it has what needs it."""
        wanted = self._wanted.get(id)
        lacks = wanted is not None and not wanted.requested and not self._is_there(id)
        return lacks and any(self.tenant.comparison.ours(each) for each in self._needed_by.get(id, ()))

    def _is_there(self, id: EntityId) -> bool:
        """Whether the tenant has a copy of it, or gets one."""
        return id.kind == "Tenant" or self.tenant.comparison.ours(id) or id in self._coming

    def _delegated(self, id: EntityId, seen: frozenset[EntityId] = frozenset()) -> bool:
        """CB-16: whether it is given, or needed by something that is there and delegated."""
        wanted = self._wanted.get(id)
        if wanted and ((wanted.requested and not wanted.requested_by) or id.kind == "Tenant"):
            return True
        above = (each for each in self._needed_by.get(id, ()) if each not in seen and self._is_there(each))
        return any(self._delegated(each, seen | {id}) for each in above)

    @property
    def _wanted(self) -> Mapping[EntityId, Wanted]:
        return self.tenant.comparison.desired.wanted

    @cached_property
    def _needed_by(self) -> Mapping[EntityId, list[EntityId]]:
        found: dict[EntityId, list[EntityId]] = {}
        for id, needs in self.tenant.comparison.desired.needs.items():
            for each in needs:
                found.setdefault(each, []).append(id)
        return found

    @cached_property
    def _entries(self) -> list[tuple[str, Change]]:
        deferred = ((each.reason, each.change) for each in self.plan.deferred)
        return [*((CHANGES, each) for each in self.plan.changes), *deferred]

    @cached_property
    def _wholes(self) -> Mapping[EntityId, list[str]]:
        """What comes, goes or is taken over, with the lists that say so."""
        found: dict[EntityId, list[str]] = {}
        for where, change in self._entries:
            if is_whole(change):
                found.setdefault(change.entity, []).append(where)
        return found

    @cached_property
    def _coming(self) -> Mapping[EntityId, Change]:
        changes = (each for each in self.plan.changes if is_whole(each) and each.action is not Action.DELETE)
        return {each.entity: each for each in changes}

    @cached_property
    def _fields(self) -> Mapping[tuple[EntityId, Path], list[tuple[str, Value, Value]]]:
        found: dict[tuple[EntityId, Path], list[tuple[str, Value, Value]]] = {}
        for where, change in self._entries:
            for each in () if is_whole(change) else change.fields:
                found.setdefault((change.entity, each.path), []).append((where, each.before, each.after))
        return found


def is_whole(change: Change) -> bool:
    """Whether an entity comes or goes, or is taken over, rather than changes in some fields."""
    return change.action is not Action.UPDATE or any(each.path == ("origin",) for each in change.fields)


def _is(difference: Difference, before: Value, after: Value) -> bool:
    return (difference.before, difference.after) == (before, after)


def _holds(change: Change, difference: Difference) -> bool:
    """Whether an entity that comes has the field as the difference has it."""
    assert change.after is not None
    if isinstance(difference, UpdateLink):
        members = get(change.after, difference.path[:-1]) or ()
        return bool((difference.path[-1] in members) == (difference.after is not None))
    return bool(_plain(get(change.after, difference.path)) == _plain(difference.after))


def _plain(value: Value) -> Value:
    return canonical(value) if isinstance(value, str) and value.replace(".", "", 1).isdigit() else value


def every(tenants: Iterable[Tenant]) -> Iterator[Whereabouts]:
    return (Whereabouts(each, each.plan) for each in tenants)
