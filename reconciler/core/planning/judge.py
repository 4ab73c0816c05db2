"""Gives every difference one verdict, then adds the dependents of the permitted ones.

The verdict is the first that applies: that of the level above, if the entity is held there (TREE-02); withheld, if no
option that permits it is on, or a veto holds it; blocked, if a precondition fails or a guard blocks the whole tenant;
else apply.
A dependent (docs/rules.md), created because an applied difference needs it, needs no option.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from reconciler.core.desired import Reachable
from reconciler.core.planning.diff import Comparison
from reconciler.core.planning.preconditions import PRECONDITIONS, ItemTakeover, PreconditionContext, Use
from reconciler.core.schema import copy_of, references
from reconciler.model.documents.declarations import OWN_BLOCKS, Unmanaged
from reconciler.model.documents.kinds import TENANT
from reconciler.model.documents.settings import Policy
from reconciler.model.plans.change import (
    Create,
    Difference,
    HeldUpdate,
    Judged,
    Obstacle,
    Remove,
    Rename,
    Restore,
    Root,
    TakeOver,
    TakeOverItem,
    Update,
    UpdateLink,
    Verdict,
)
from reconciler.model.values.keys import EntityId
from reconciler.model.values.plain_values import Body

ObstaclesOf: TypeAlias = Callable[[EntityId], tuple[Obstacle, ...]]
"""Returns the obstacles that block every change of the tenant, worded for one entity (GUARD-01)."""


@dataclass(frozen=True, slots=True)
class DependentCreation:
    """An entity that is created or taken over because others need it: its new body, and those that need it."""

    id: EntityId
    body: Body
    rule: str
    allowed_by: tuple[str, ...]
    needed_by: tuple[EntityId, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every difference with its verdict, and the dependents of the applied ones.

    Differences that depend on a withheld or blocked creation are left out, as are those that a dependent's creation
    makes. ``partly_omitted``: the entities with such differences.
    """

    judged: tuple[Judged, ...]
    dependents: Mapping[EntityId, DependentCreation]
    partly_omitted: frozenset[EntityId] = frozenset()


def judge(
    comparison: Comparison, found: Iterable[Difference], policy: Policy, tripped: ObstaclesOf | None = None
) -> Judgement:
    """The verdicts on the differences of a comparison. ``tripped``: blocks all of them."""
    tenant_judge = Judge(PreconditionContext.of(comparison, adopts=policy.adopt.on), policy)
    verdicts = _with_holders([tenant_judge.verdict(each) for each in found], comparison)
    judged = tenant_judge.without_unaccompanied([_held(each, tripped) for each in verdicts])
    dependents = tenant_judge.dependents([each for each in judged if each.verdict is Verdict.APPLY])
    effective = tuple(_effective(judged, comparison, dependents))
    applied = [each for each in effective if each.verdict is Verdict.APPLY and not isinstance(each.difference, Restore)]
    listed = {(each.difference.entity, each.difference.path) for each in effective}
    partly_omitted = frozenset(
        each.difference.entity for each in verdicts if (each.difference.entity, each.difference.path) not in listed
    )
    return Judgement(effective, {**dependents, **tenant_judge.with_tenant_document(applied)}, partly_omitted)


def _with_holders(judged: list[Judged], comparison: Comparison) -> list[Judged]:
    """Blocks a removal while the update of an entity that references it is blocked, for the same reasons (IW-16)."""
    blocked = {
        (each.difference.entity, each.difference.path): each.obstacles
        for each in judged
        if each.verdict is Verdict.BLOCKED
    }

    def obstacles(removal: Difference) -> tuple[Obstacle, ...]:
        if not isinstance(removal, Remove):
            return ()
        held_by = comparison.rules.kinds[removal.entity.kind].sync.held_by
        holders = [(holder, (held_by[1],)) for holder in removal.blocked_while_referenced_by] if held_by else []
        return tuple(dict.fromkeys(each for holder in holders for each in blocked.get(holder, ())))

    return [
        replace(each, verdict=Verdict.BLOCKED, obstacles=obstacles(each.difference))
        if each.verdict is Verdict.APPLY and obstacles(each.difference)
        else each
        for each in judged
    ]


def _held(judged: Judged, tripped: ObstaclesOf | None) -> Judged:
    if tripped is None or judged.verdict is not Verdict.APPLY:
        return judged
    return replace(judged, verdict=Verdict.BLOCKED, obstacles=tripped(judged.difference.entity))


def _effective(
    judged: list[Judged], comparison: Comparison, dependents: Mapping[EntityId, DependentCreation]
) -> Iterator[Judged]:
    """Without differences that depend on a creation that does not happen, or that a dependent's creation makes."""
    created = {
        each.difference.entity
        for each in judged
        if each.verdict is Verdict.APPLY and isinstance(each.difference, Create | TakeOver)
    }
    there = created | set(dependents)
    live = Reachable(comparison.desired.wanted, comparison.holders, lambda id: id in there or comparison.ours(id))

    def lets_go(holder: EntityId) -> bool:
        return holder in there or (holder in live and comparison.ours(holder))

    def stands(difference: Difference, verdict: Verdict) -> bool:
        id = difference.entity
        if not isinstance(difference, Rename | Restore) and id in comparison.desired.wanted and id not in live:
            return False
        match difference:
            case Create() | TakeOver():
                return id not in dependents
            case Remove():
                return all(map(lets_go, difference.blocked_while_referenced_by))
            case Update() | UpdateLink() | TakeOverItem() | HeldUpdate():
                nowhere = id not in there and id not in comparison.actual
                return not (nowhere and verdict is Verdict.APPLY) and not _lacks_required(difference, comparison, there)
            case Rename() | Restore():
                return True
            case _:
                assert_never(difference)

    return (each for each in judged if stands(each.difference, each.verdict))


def _lacks_required(difference: Difference, comparison: Comparison, there: Set[EntityId]) -> bool:
    """Whether an entity that the difference requires, without bringing it, neither exists nor is created."""
    match difference:
        case UpdateLink() | Update(requires_existing=True):
            required = (id for id in difference.needs if id not in there)
            return not all(_present(comparison, id, difference) for id in required)
        case _:
            return False


def _brings(difference: Difference) -> tuple[EntityId, ...]:
    """The entities that an applied difference brings if the tenant lacks them."""
    match difference:
        case Create() | TakeOver() | TakeOverItem():
            return difference.needs
        case Update():
            return () if difference.requires_existing else difference.needs
        case UpdateLink() | Remove() | HeldUpdate() | Rename() | Restore():
            return ()
        case _:
            assert_never(difference)


def _required_companions(difference: Difference) -> tuple[EntityId, ...]:
    """The entities of which at least one must exist for the difference to count (IW-07); empty: no condition."""
    return difference.accompanies if isinstance(difference, Update) else ()


def _use(difference: Difference) -> Use:
    """What the difference does to its entity, for preconditions."""
    match difference:
        case Create() | TakeOver():
            return "create"
        case Remove():
            return "remove"
        case TakeOverItem():
            return ItemTakeover(difference.path, difference.before.get("origin"))
        case Update() | UpdateLink() | HeldUpdate() | Rename() | Restore():
            return "update"
        case _:
            assert_never(difference)


def _present(comparison: Comparison, id: EntityId, difference: Difference) -> bool:
    """Whether the tenant has a needed entity; if it is the difference's own entity, whether as a copy."""
    return comparison.ours(id) if id == difference.entity else id in comparison.actual


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the differences of one tenant. ``known``: the obstacles found so far, by target and use."""

    case: PreconditionContext
    policy: Policy
    known: dict[tuple[EntityId, Use], tuple[Obstacle, ...]] = field(default_factory=dict)

    def verdict(self, difference: Difference) -> Judged:
        """The verdict on one difference, independent of the others."""
        match difference:
            case Restore():
                return Judged(difference, Verdict.APPLY)
            case Rename(obstacles=obstacles):
                return Judged(difference, Verdict.BLOCKED if obstacles else Verdict.APPLY, obstacles=obstacles)
            case _ if isinstance(difference.declared, Unmanaged):
                return Judged(difference, Verdict.UNMANAGED)
        options = difference.declared.options
        enabled = tuple(option for option in options if self.policy.options[option].on)
        vetoes = tuple(self._vetoes(difference, enabled or options))
        if root := self._root(difference):
            return Judged(difference, root.verdict, enabled, vetoes, self._of(difference.entity, "create"), root)
        if not enabled or vetoes:
            return Judged(difference, Verdict.WITHHELD, enabled, vetoes)
        obstacles = self._obstacles(difference)
        verdict = Verdict.BLOCKED if obstacles else Verdict.APPLY
        return Judged(difference, verdict, enabled, (), obstacles)

    def _root(self, difference: Difference) -> Root | None:
        """The root cause at another level: of a value that is held there (SUB-13), or of an entity that the upstream
        itself does not get (TREE-02)."""
        match difference:
            case HeldUpdate():
                return difference.root
            case Create() | TakeOver():
                wanted = self.case.wanted(difference.entity)
                return wanted.root if wanted else None
            case _:
                return None

    def _vetoes(self, difference: Difference, options: tuple[str, ...]) -> Iterator[str]:
        """The vetoes that hold the difference. A veto holds changes of existing amounts or of CB-15, never a creation
        (CB-34).
        """
        amount = isinstance(difference, Update | HeldUpdate) and difference.amount
        if not difference.path or (difference.before is None and amount):
            return
        for veto in self.case.comparison.rules.vetoes.values():
            setting = self.policy.vetoes.get(veto.id)
            holds = amount if veto.amounts else True
            if setting and setting.on and holds and veto.holds(options):
                yield veto.id

    def _obstacles(self, difference: Difference) -> tuple[Obstacle, ...]:
        beforehand = difference.obstacles if isinstance(difference, HeldUpdate) else ()
        found = [*self._of(difference.entity, _use(difference)), *beforehand]
        for target in self._with_dependents(_brings(difference)):
            found += self._of(target, "need")
        return tuple(dict.fromkeys(found))

    def _of(self, target: EntityId, use: Use) -> tuple[Obstacle, ...]:
        if (target, use) not in self.known:
            in_force = self.case.comparison.rules.preconditions
            checks = [check for rule, check in PRECONDITIONS.items() if rule in in_force]
            self.known[target, use] = tuple(each for check in checks for each in check(self.case, target, use))
        return self.known[target, use]

    def without_unaccompanied(self, judged: list[Judged]) -> list[Judged]:
        """Without differences that count only with certain other entities, if none of these exists or is created
        (IW-07).
        """
        if not any(_required_companions(each.difference) for each in judged):
            return judged
        applied = [
            each for each in judged if each.verdict is Verdict.APPLY and not _required_companions(each.difference)
        ]
        there = {each.difference.entity for each in applied if not each.difference.path}
        there |= set(self.dependents(applied))
        ours = self.case.comparison.ours
        return [
            each
            for each in judged
            if not (companions := _required_companions(each.difference))
            or any(id in there or ours(id) for id in companions)
        ]

    def dependents(self, applied: list[Judged]) -> Mapping[EntityId, DependentCreation]:
        """The dependents that the applied differences bring."""
        brought: dict[EntityId, list[Judged]] = {}
        created = {each.difference.entity for each in applied if not each.difference.path}
        for each in applied:
            for target in self._with_dependents(_brings(each.difference)):
                if self._would_come(target) and target not in created:
                    brought.setdefault(target, []).append(each)
        return {target: self._dependent(target, by) for target, by in sorted(brought.items())}

    def with_tenant_document(self, applied: list[Judged]) -> Mapping[EntityId, DependentCreation]:
        """The creation of the tenant's own document, if it has none and anything is applied."""
        tenant = EntityId(TENANT, self.policy.reseller)
        return {tenant: self._dependent(tenant, applied)} if applied and self._would_come(tenant) else {}

    def _dependent(self, target: EntityId, by: list[Judged]) -> DependentCreation:
        comparison = self.case.comparison
        have = comparison.actual.get(target)
        shape = comparison.rules.kinds[target.kind]
        copy = self._copy(target)
        return DependentCreation(
            id=target,
            body=comparison.takeover.body(have.body, copy, shape.fields) if have else copy,
            rule=self._rule(target, by[0].difference),
            allowed_by=tuple(sorted({option for each in by for option in each.enabled})),
            needed_by=tuple(sorted({each.difference.entity for each in by} - {target})),
        )

    def _rule(self, target: EntityId, first: Difference) -> str:
        """The rule of a dependent's creation: that of the field that references it, or its own for a new entity."""
        dependent = self.case.comparison.rules.kinds[target.kind].sync.dependent or ""
        return first.rule if first.path and target.kind != TENANT else dependent

    def _with_dependents(self, needs: Iterable[EntityId]) -> Iterator[EntityId]:
        """The needed entities and, transitively, the dependents of those that would be created."""
        seen: set[EntityId] = set()
        queue = list(needs)
        while queue:
            target = queue.pop(0)
            if target not in seen:
                seen.add(target)
                yield target
                if self._would_come(target):
                    queue += references(self._copy(target), self.case.comparison.rules.reference_nodes(target.kind))

    def _would_come(self, target: EntityId) -> bool:
        """Whether the tenant gets the entity if another needs it: it lacks it, or its own would be taken over."""
        comparison = self.case.comparison
        wanted = comparison.desired.wanted.get(target)
        if wanted is None or wanted.only_fields is not None:
            return False
        sync = comparison.rules.kinds[target.kind].sync
        if sync.dependent is None:
            return False
        if target not in comparison.actual:
            return True
        return sync.own == OWN_BLOCKS and self.case.adopts and not comparison.ours(target)

    def _copy(self, target: EntityId) -> Body:
        comparison = self.case.comparison
        fields = comparison.rules.kinds[target.kind].fields
        return copy_of(comparison.desired.wanted[target].body, fields, comparison.origin)
